"""A run inside a panel: changed at the next step, looked at in the past, forked, kept."""

import numpy as np
import pytest
import torch
import toy

from labkit import run
from labkit.history import History
from labkit.live import branch as module
from labkit.live.branch import Branch

CPU = torch.device("cpu")


def new(steps=0, **values):
    config = toy.Config(**values)
    branch = Branch(0, History(config), 0, experiment=toy.Toy(config, CPU))
    return advance(branch, steps)


def advance(branch, steps):
    for _ in range(steps):
        branch.advance()
    return branch


def same(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_it_is_read_before_the_first_step():
    branch = new(start=2.0)
    assert branch.history["w"].tolist() == [2.0] and branch.history.step == 0


def test_a_change_waits_for_the_next_step_and_is_logged_there():
    branch = new(3, rate=0.1)
    branch.set({"rate": 0.5})
    branch.set({"loud": True, "rate": 0.25})
    assert branch.config == toy.Config(rate=0.25, loud=True) and branch.history.interventions == []
    advance(branch, 2)
    assert branch.history.interventions == [(3, "rate", 0.25), (3, "loud", True)]
    assert branch.history["w"][-1] == pytest.approx(0.9**3 * 0.75**2, rel=1e-12)


def test_a_change_back_before_the_step_is_no_change():
    branch = new(3, rate=0.1)
    branch.set({"rate": 0.5})
    branch.set({"rate": 0.1})
    assert advance(branch, 1).history.interventions == []


def test_a_bad_change_is_refused_whole():
    branch = new(3, rate=0.1)
    with pytest.raises(ValueError, match="rate: got 11.0"):
        branch.set({"loud": True, "rate": 11.0})
    assert branch.pending == {} and branch.config == toy.Config(rate=0.1)


@pytest.mark.parametrize("step", [None, 8])
def test_a_fork_goes_on_bit_for_bit(step):
    branch = new(20, rate=0.1)
    at = 20 if step is None else step
    twin = branch.fork(1, 1, CPU, step)
    assert (twin.history.step, twin.forked_at, twin.history.steps[-1]) == (at, at, at)
    advance(twin, 10)
    alone = run(toy.Config(rate=0.1), steps=at + 10, progress=False)
    np.testing.assert_array_equal(twin.history["w"], alone["w"])
    same(twin.experiment.state(), alone.state)
    assert branch.history.step == 20, "the trunk stays where it was"


def test_a_fork_of_now_takes_along_what_waits_and_a_fork_of_then_does_not():
    branch = new(8, rate=0.1)
    branch.set({"rate": 0.5})
    assert branch.fork(1, 1, CPU).config.rate == 0.5
    assert branch.fork(1, 1, CPU, 4).config.rate == 0.1


def test_a_fork_of_a_fork_is_named_after_the_run_and_scrubs_to_its_past():
    first = new(16).fork(1, 1, CPU)
    second = advance(first, 16).fork(2, 2, CPU, 24)
    assert (first.label, second.label) == ("run 1 · fork at 16", "run 1 · fork at 24")
    assert {4, 16, 24} <= second.snapshots.keys() and max(second.snapshots) == 24


def test_looking_back_changes_nothing():
    branch = new(20, rate=0.1)
    before = branch.experiment.state()
    np.testing.assert_allclose(branch.view(4)["cloud"][0], [0.9**4, 0.9**8])
    same(branch.experiment.state(), before)
    np.testing.assert_allclose(branch.view()["cloud"][0, 0], 0.9**20)


def test_looking_back_restores_the_present_even_when_drawing_fails(monkeypatch):
    branch = new(20)
    before = branch.experiment.state()
    monkeypatch.setattr(branch.experiment, "view", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        branch.view(4)
    same(branch.experiment.state(), before)


def test_the_nearest_snapshot():
    branch = new(64)
    assert branch.nearest_snapshot(10**6) == 64 and branch.nearest_snapshot(-3) == 0
    assert abs(branch.nearest_snapshot(33) - 33) <= 2


def test_snapshots_stay_within_their_memory_and_keep_the_ends(monkeypatch):
    size = sum(tensor.nbytes for tensor in new().experiment.state().values())
    monkeypatch.setattr(module, "SNAPSHOT_BYTES", 10 * size)
    kept = sorted(new(5000).snapshots)
    assert len(kept) == 10 and kept[0] == 0 and kept[-1] > 4000
    monkeypatch.setattr(module, "SNAPSHOT_BYTES", 1)
    assert len(new(500).snapshots) == 8, "eight even of the largest network"


def test_a_pinned_run_stays_as_it_was():
    branch = new(5)
    pinned = branch.pin(1)
    advance(branch, 5)
    assert (pinned.role, pinned.alive, pinned.history.step, branch.history.step) == ("pinned", False, 5, 10)
    np.testing.assert_allclose(pinned.view()["cloud"][0, 0], 0.9**5)
    assert pinned.label == "run 1 · pinned at 5" and pinned.colour == branch.colour


def test_a_retired_run_keeps_its_curves_and_can_be_resumed_but_holds_no_network():
    branch = new(5)
    branch.retire("ghost")
    assert (branch.alive, branch.experiment, branch.snapshots) == (False, None, {})
    np.testing.assert_allclose(branch.view()["cloud"][0, 0], 0.9**5)
    longer = run(branch.history, steps=8, progress=False)
    assert longer["w"][-1] == pytest.approx(0.9**8, rel=1e-12)


def test_a_diverged_run_takes_no_further_step():
    branch = new(rate=10.0, sign="up")
    advance(branch, 2000)
    step = branch.history.step
    assert not branch.alive and "diverged" in branch.history.notes[0] and step < 400
    assert advance(branch, 3).history.step == step

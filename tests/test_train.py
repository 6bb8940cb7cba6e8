"""The loop: what it yields, when changes act, when it ends."""

import itertools

import pytest
import torch
import toy
from browser_stand_in import Browser
from hypothesis import given
from hypothesis import strategies as st

from labkit import run
from labkit.ensemble import train_together
from labkit.nn import shares
from labkit.train import MEASURE_DUE, PROFILE_DUE, spaced, train
from tests.waiting import PATIENCE


def make(**values):
    config = toy.Config(**values)
    return toy.Toy(config, torch.device("cpu"))


def test_records_follow_the_exact_solution():
    for record in itertools.islice(train(make(rate=0.25)), 30):
        assert abs(record.measures["w"] - 0.75**record.step) < 1e-12


def test_a_change_acts_on_the_very_next_update():
    changes = {4: {"rate": 0.5}}
    records = list(itertools.islice(train(make(rate=0.1), changes=lambda s: changes.get(s, {})), 7))
    w = [record.measures["w"] for record in records]
    assert abs(w[4] - 0.9**4) < 1e-12 and abs(w[5] - 0.9**4 * 0.5) < 1e-12
    assert [record.applied for record in records] == [{}] * 5 + [{"rate": 0.5}] + [{}]


def test_a_diverging_run_ends_with_a_note():
    records = list(train(make(rate=10.0, sign="up")))
    assert records[-1].note.startswith(f"stopped at step {records[-1].step}: loss is inf")
    assert not any(record.note for record in records[:-1])


@pytest.fixture
def places(monkeypatch, three_threads):
    """Where steps and readings of the toy happen: (torch's threads, cores that may be shared)."""
    seen = []
    for name in ("step", "measure", "profile"):
        plain = getattr(toy.Toy, name)

        def noted(self, plain=plain):
            seen.append((torch.get_num_threads(), shares.cores()))
            return plain(self)

        monkeypatch.setattr(toy.Toy, name, noted)
    return seen


def panel_runs():
    with Browser(toy.Config()) as browser:
        browser.say("step", count=3)
        browser.controller.settle(PATIENCE)


@pytest.mark.parametrize(
    "work",
    [
        lambda: list(itertools.islice(train(make()), 3)),
        lambda: run(toy.Config(), 3, progress=False),
        lambda: list(train_together([toy.Config()], 3, device=torch.device("cpu"))),
        panel_runs,
    ],
    ids=["train", "run", "ensemble", "panel"],
)
def test_training_leaves_other_cores_to_what_it_shares_out(work, places):
    work()
    assert len(places) > 5 and set(places) == {(1, 3)}
    assert torch.get_num_threads() == 3


@given(st.integers(1, 500), st.integers(0, 10**7))
def test_spacing_is_dense_at_first_then_so_many_to_an_octave(detail, start):
    due = spaced(detail)
    assert all(due(step) for step in range(min(2 * detail, 50)))
    octave = 1 << start.bit_length()
    if octave >= 4 * detail and octave <= 1 << 16:
        inside = sum(due(step) for step in range(octave, 2 * octave))
        assert detail / 2 <= inside <= 2 * detail


@given(st.integers(0, 10**8))
def test_profiles_are_read_only_where_scalars_are(step):
    assert MEASURE_DUE(step) or not PROFILE_DUE(step)

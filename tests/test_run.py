"""``run``: its arguments and its errors."""

import numpy as np
import pytest
import toy

from labkit import History, run
from labkit.rows import Rows


def test_steps_are_updates_in_all():
    history = run(toy.Config(), steps=300, progress=False)
    assert history.steps[-1] == history.step == 300 == int(history.state["updates"])


def test_every_sets_the_cadence_and_keeps_the_last_step():
    assert run(toy.Config(), steps=10, every=4, progress=False).steps.tolist() == [0, 4, 8, 10]


def test_the_bar_shows_the_losses(capsys):
    run(toy.Config(), steps=20)
    assert "loss=" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": -1}, r"steps: got -1"),
        ({"steps": 2.5}, r"steps: got 2.5 \(float\)"),
        ({"steps": 5, "every": 0}, r"every: got 0"),
        ({"steps": 5, "device": "gpu"}, r"device: got 'gpu'; allowed: 'cpu', 'cuda', 'mps'"),
        ({"steps": 5, "interventions": [(1, "start", 2.0)]}, r"interventions: got 'start' at step 1"),
        ({"steps": 5, "interventions": [(1, "rat", 2.0)]}, r"Did you mean 'rate'"),
        ({"steps": 5, "interventions": [(1, "rate", 99.0)]}, r"rate: got 99.0"),
        (
            {"steps": 5, "interventions": [(-1, "rate", 0.2)]},
            r"interventions: step: got -1; allowed: a whole",
        ),
        ({"steps": 5, "interventions": [(1.5, "rate", 0.2)]}, r"interventions: step: got 1.5 \(float\)"),
        (
            {"steps": 5, "interventions": [(5, "rate", 0.2)]},
            r"got 'rate' at step 5; allowed: before the end at step 5",
        ),
        (
            {"steps": 5, "interventions": ["rate"]},
            r"interventions: got 'rate'; allowed: \(step, name, value\)",
        ),
        ({"steps": 5, "interventions": 5}, r"interventions: got 5; allowed: \(step, name, value\)"),
        ({"steps": 5, "stop": True}, r"stop: got True \(bool\); allowed: a function"),
        (
            {"steps": 5, "save": "no/such/folder/x"},
            r"save: got '.*x'; allowed: a file in a folder that exists",
        ),
        ({"steps": 5, "save": "."}, r"save: got '.'; allowed: a file"),
    ],
)
def test_bad_arguments_stop_it_before_training(arguments, message):
    with pytest.raises(ValueError, match=message):
        run(toy.Config(), progress=False, **arguments)


@pytest.mark.parametrize("start", [42, None, "plateau", toy.Config])
def test_it_starts_from_settings_or_a_history(start):
    with pytest.raises(ValueError, match=r"start: got .* \(\w+\); allowed: a Config or a History"):
        run(start, 5)


def test_a_continued_history_takes_no_new_changes_in_its_past():
    history = run(toy.Config(), 10, interventions=[(3, "rate", 0.5)], progress=False)
    again = run(history, 20, interventions=[*history.interventions, (10, "rate", 0.2)], progress=False)
    assert [tuple(change) for change in again.interventions] == [(3, "rate", 0.5), (10, "rate", 0.2)]
    with pytest.raises(ValueError, match="got 'rate' at step 4; allowed: from step 10, where the history"):
        run(history, 20, interventions=[(4, "rate", 0.5)], progress=False)


def test_only_a_history_with_its_state_can_be_continued():
    with pytest.raises(ValueError, match=r"history without its state, .* panel\.result\(\)"):
        run(History(toy.Config()), steps=5, progress=False)


def test_a_loaded_run_goes_on_at_its_own_distance_and_thins_as_if_never_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(Rows.__init__, "__kwdefaults__", {"capacity": 64})
    whole = run(toy.Config(), 3000, every=3, progress=False)
    half = run(toy.Config(), 1500, every=3, progress=False)
    assert half.scalars.thinned > 2, "it was thinned before"
    again = run(History.load(half.save(tmp_path / "half")), 3000, progress=False)
    np.testing.assert_array_equal(again.steps, whole.steps)
    np.testing.assert_array_equal(again["w"], whole["w"])

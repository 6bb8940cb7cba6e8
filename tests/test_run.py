"""``run``: its arguments and its errors."""

import pytest
import toy

from labkit import History, run


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
    ],
)
def test_bad_arguments_stop_it_before_training(arguments, message):
    with pytest.raises(ValueError, match=message):
        run(toy.Config(), progress=False, **arguments)


def test_only_a_history_with_its_state_can_be_continued():
    with pytest.raises(ValueError, match="history without its state"):
        run(History(toy.Config()), steps=5, progress=False)

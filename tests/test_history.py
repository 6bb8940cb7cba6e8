"""What a run leaves behind: saved whole or not at all, continued bit for bit, bounded in memory."""

import signal
import sys
import threading

import numpy as np
import pytest
import toy
from hypothesis import example, given, settings
from hypothesis import strategies as st

from labkit import History, run
from labkit.rows import Rows
from labkit.train import MEASURE_DUE, Record

settings.register_profile("files", deadline=None, max_examples=15)


def equal(one, other):
    """Assert that two histories hold the same arrays and facts."""
    assert one.columns == other.columns
    np.testing.assert_array_equal(one.steps, other.steps)
    for name in one.columns:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)
    assert one.profiles.keys() == other.profiles.keys()
    for name, rows in one.profiles.items():
        np.testing.assert_array_equal(rows.steps, other.profiles[name].steps)
        np.testing.assert_array_equal(rows.values, other.profiles[name].values, err_msg=name)
    assert one.interventions == other.interventions
    assert one.events == other.events
    assert (one.step, one.notes, one.config) == (other.step, other.notes, other.config)
    assert one.state.keys() == other.state.keys()
    assert all(bool((one.state[name] == other.state[name]).all()) for name in one.state)


def before(end, changes):
    """The changes that a run of ``end`` steps may have."""
    return [change for change in changes if change[0] < end]


@settings(settings.get_profile("files"))
@given(
    steps=st.integers(0, 700),
    changes=st.lists(st.tuples(st.integers(0, 600), st.just("rate"), st.floats(0, 0.9)), max_size=4),
)
def test_save_and_load_give_back_everything(tmp_path_factory, steps, changes):
    path = tmp_path_factory.mktemp("history") / "run.lab"
    changes = before(steps, changes)
    history = run(toy.Config(start=3), steps=steps, interventions=changes, progress=False)
    equal(History.load(history.save(path)), history)
    assert [p.name for p in path.parent.iterdir()] == ["run.lab"], "a temporary file was left behind"


@settings(settings.get_profile("files"))
@given(
    first=st.integers(0, 600),
    more=st.integers(0, 600),
    at=st.integers(0, 900),
    every=st.sampled_from([None, 1, 7, 64]),
)
@example(first=10, more=20, at=900, every=7)
def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path_factory, first, more, at, every):
    path = tmp_path_factory.mktemp("history") / "run.lab"
    changes = before(first + more, [(at, "rate", 0.01)])
    options = {"every": every, "progress": False}
    whole = run(toy.Config(), first + more, interventions=changes, **options)
    half = run(toy.Config(), first, interventions=before(first, changes), **options)
    equal(run(half, first + more, interventions=changes, **options), whole)
    equal(run(History.load(half.save(path)), first + more, interventions=changes, **options), whole)


def test_interventions_replay():
    changes = [(3, "rate", 0.5), (9, "sign", "up"), (9, "rate", 0.25)]
    history = run(toy.Config(), steps=20, interventions=changes, progress=False)
    again = run(history.config, steps=20, interventions=history.interventions, progress=False)
    equal(history, again)
    assert abs(history["w"][-1] - 0.9**3 * 0.5**6 * 1.25**11) < 1e-12
    assert history.current == toy.Config(rate=0.25, sign="up")


def test_the_printed_code_repeats_the_run():
    history = run(toy.Config(rate=0.3), steps=12, interventions=[(5, "rate", 0.6)], progress=False)
    code = history.code().replace("from . import toy", "import toy").replace("history.figure()", "")
    scope = {}
    exec(code.replace("steps=12", "steps=12, progress=False"), scope)
    equal(scope["history"], history)


def test_frame_is_tidy():
    frame = run(toy.Config(), steps=5, progress=False).to_frame()
    assert list(frame.columns) == ["step", "loss", "w", "slow"]
    assert frame.step.tolist() == [0, 1, 2, 3, 4, 5]
    np.testing.assert_allclose(frame.w, 0.9**frame.step)


def test_events_and_summary():
    history = run(toy.Config(rate=0.5), steps=10, progress=False)
    assert history.events == {"half": 1, "tenth": 4}  # loss = 4^-t: .25 at 1, first <= .01 at 4
    assert history.summary() == "half at step 1 · tenth at step 4 · delay × 4.0"


def test_divergence_leaves_a_note_and_finite_curves_before_it():
    history = run(toy.Config(rate=10, sign="up"), steps=10_000, progress=False)
    assert history.step < 10_000
    assert "diverged" in history.notes[0] and "diverged" in history.summary()
    assert np.isfinite(history["loss"][:-1]).all()


class Interrupting(toy.Toy):
    """Ctrl-C arrives ``presses`` times during step 30, before the weight has changed."""

    presses = 1

    def step(self):
        """Count, then be interrupted."""
        self.updates += 1
        for _ in range(self.presses if int(self.updates) == 30 else 0):
            signal.raise_signal(signal.SIGINT)
        self.updates -= 1
        super().step()


@pytest.mark.parametrize("every", [None, 7])
def test_ctrl_c_waits_for_the_step_and_the_run_goes_on_from_there(monkeypatch, every):
    options = {"every": every, "progress": False}
    whole = run(toy.Config(), 200, **options)
    monkeypatch.setattr(toy.Config, "experiment", Interrupting)
    history = run(toy.Config(), 200, **options)
    assert history.notes == ["interrupted at step 30"]
    assert history.step == 30 == int(history.state["updates"])
    assert history.steps[-1] == (30 if every is None else 28)
    monkeypatch.setattr(toy.Config, "experiment", toy.Toy)
    equal(run(history, 200, **options), whole)


def test_a_second_ctrl_c_stops_at_once_and_keeps_no_torn_state(monkeypatch, tmp_path):
    monkeypatch.setattr(toy.Config, "experiment", Interrupting)
    monkeypatch.setattr(Interrupting, "presses", 2)
    history = run(toy.Config(), 200, progress=False)
    assert history.steps[-1] == history.step == 29 and "within a step" in history.notes[0]
    for torn in (history, History.load(history.save(tmp_path / "run.lab"))):
        with pytest.raises(ValueError, match="without its state"):
            run(torn, 200, progress=False)


def test_ten_million_steps_stay_below_fifty_megabytes():
    default, dense = History(toy.Config()), History(toy.Config())
    for step in range(10_000_000):
        if MEASURE_DUE(step):
            default.add(Record(step, {f"m{i}": 0.0 for i in range(12)}, {"p": np.zeros(57)}))
    for step in range(0, 10_000_000, 50):  # a reader who asked for every=50
        dense.add(Record(step, {"m": float(step)}))
    for history in (default, dense):
        tables = [history.scalars, *history.profiles.values()]
        assert sum(rows._now.values.nbytes + rows._now.steps.nbytes for rows in tables) < 50e6
        assert history.steps[-1] > 9_900_000
        assert ((history.steps > 10) & (history.steps < 1000)).sum() > 15


def test_a_history_that_grows_meanwhile_is_drawn_and_read_as_of_one_moment():
    before = sys.getswitchinterval()
    history, stop = History(toy.Config()), threading.Event()
    history.scalars = Rows(capacity=256)  # thins often

    def grow():
        for step in range(10**9):
            if stop.is_set():
                return
            history.add(Record(step, {"loss": float(step), **({"w": float(step)} if step > 50 else {})}))

    writer = threading.Thread(target=grow)
    sys.setswitchinterval(1e-6)
    try:
        writer.start()
        for _ in range(400):
            frame = history.to_frame()
            assert (frame["step"] == frame.get("loss", frame["step"])).all()
        history.figure(pictures=["loss"])
    finally:
        stop.set()
        writer.join()
        sys.setswitchinterval(before)

"""The panel's engine without Jupyter: obedience, forks, scrubbing, failure, and what frames carry."""

import threading
import time

import numpy as np
import pytest
import toy
from browser_stand_in import Browser

from labkit import run
from labkit.live import pace
from labkit.live.branch import SNAPSHOTS
from labkit.live.frames import FRAME_BYTES, IN_FLIGHT
from labkit.live.runs import GHOSTS, LIVE_RUNS
from tests.waiting import PATIENCE


def test_the_first_frame_comes_before_anything_is_pressed():
    with Browser(toy.Config(start=2.0)) as browser:
        browser.say("hello").until(lambda: browser.frames)
        assert browser.last["state"] == "ready" and browser.last["full"]
        assert [picture["kind"] for picture in browser.pictures] == ["Lines", "Heatmap", "Scatter"]
        assert browser.columns[0].tolist() == [[0, 4, 2, 6]]  # step, loss, w, slow
        assert browser.views["cloud"][1].tolist() == [[2, 4]] * 3


def test_nothing_is_sent_to_nobody():
    with Browser(toy.Config()) as browser:
        browser.say("speed", value=None).say("play")
        browser.until(lambda: browser.controller.focus and browser.controller.focus.history.step > 500)
        assert browser.frames == []


def test_the_browser_ends_with_the_history():
    with Browser(toy.Config()) as browser:
        browser.say("hello").say("speed", value=None).say("play")
        browser.until(lambda: len(browser.frames) > 8).say("pause")
        browser.controller.settle(PATIENCE)
        history = browser.controller.focus.history
        browser.until(lambda: browser.columns[0][-1, 0] == history.steps[-1])
        np.testing.assert_array_equal(browser.columns[0][:, 0], history.steps)
        values = history.scalars.values.astype(np.float32)
        values[np.abs(values) < np.finfo(np.float32).tiny] = 0  # below the normal range, as in training
        np.testing.assert_array_equal(browser.columns[0][:, 1:], values)
        rows = history.profiles["weights"]
        np.testing.assert_array_equal(browser.profiles[0, "weights"][:, 1:], rows.values)
        assert max(browser.sizes) < 1.2 * FRAME_BYTES


def test_a_result_is_as_complete_as_that_of_run_though_nobody_watched():
    with Browser(toy.Config()) as browser:
        browser.say("step", count=7)
        history, expected = browser.controller.result(PATIENCE), run(toy.Config(), 7, progress=False)
    assert history.state.keys() == expected.state.keys() != set()
    np.testing.assert_array_equal(history.views["cloud"], expected.views["cloud"])
    assert run(history, 9, progress=False).step == 9


def test_lost_frames_are_repaired():
    dropped = []

    def every_third(frame):
        if frame["seq"] % 3 == 0 and not frame["full"]:
            dropped.append(frame["seq"])
            return True
        return False

    with Browser(toy.Config(), drop=every_third) as browser:
        browser.say("hello").say("speed", value=300.0).say("play")
        browser.until(lambda: len(browser.frames) > 25).say("pause")
        browser.controller.settle(PATIENCE)
        history = browser.controller.focus.history
        browser.until(lambda: browser.columns[0][-1, 0] == history.steps[-1])
        assert len(dropped) > 3
        np.testing.assert_array_equal(browser.columns[0][:, 0], history.steps)


def test_without_acknowledgement_training_goes_on_and_frames_stop():
    with Browser(toy.Config(), acknowledge=False) as browser:
        browser.say("hello").say("speed", value=None).say("play")
        browser.until(lambda: len(browser.frames) == IN_FLIGHT)
        before = browser.controller.focus.history.step
        time.sleep(0.3)
        browser.until(lambda: browser.controller.focus.history.step > before)
        assert len(browser.frames) == IN_FLIGHT, "as many may be unacknowledged"


def test_frames_stay_under_the_cap():
    with Browser(toy.Config()) as browser:
        browser.say("hello").say("speed", value=None).say("play")
        browser.until(lambda: browser.frames)
        count, began = len(browser.frames), time.monotonic()
        browser.until(lambda: len(browser.frames) > count + 12)
        assert (len(browser.frames) - count) / (time.monotonic() - began) <= 13


def test_a_slider_acts_from_the_next_step_and_is_logged():
    with Browser(toy.Config(rate=0.01)) as browser:
        browser.say("hello").say("step", count=5)
        browser.until(lambda: browser.last["step"] == 5)
        browser.say("set", values={"rate": 0.5}).say("step", count=5)
        browser.until(lambda: browser.last["step"] == 10)
        history = browser.controller.focus.history
        assert history.interventions == [(5, "rate", 0.5)]
        assert abs(history["w"][-1] - 0.99**5 * 0.5**5) < 1e-12
        assert browser.last["branches"][0]["ticks"] == [[5, "rate", 0.5]]


def test_a_paced_wait_ends_when_a_slider_moves():
    with Browser(toy.Config()) as browser:
        browser.say("hello").say("speed", value=0.2).say("play")  # a step every five seconds
        browser.until(lambda: browser.controller.focus.history.step == 1)
        began = time.monotonic()
        browser.say("set", values={"rate": 0.5})
        browser.until(lambda: browser.controller.focus.history.interventions)
        assert time.monotonic() - began < 0.5


def test_a_bad_value_is_refused_in_words_and_nothing_else_is_lost():
    with Browser(toy.Config()) as browser:
        browser.say("hello").say("set", values={"rate": 99.0}).say("set", values={"loud": True})
        browser.say("set", values={"rate": -1.0}).say("step", count=2)
        browser.until(lambda: browser.last["step"] == 2)
        assert "rate: got -1.0; allowed: a finite number from 0 to 10" in browser.last["message"]
        assert browser.controller.focus.config == toy.Config(loud=True)


MALFORMED = {
    "do: got 'dance'; allowed: ack, begin, bye, drop": {"do": "dance"},
    "values: got nothing; needed by 'set'": {"do": "set"},
    "seq: got nothing; needed by 'ack'": {"do": "ack"},
    "int()": {"do": "step", "count": []},
    "invalid literal": {"do": "hello", "sequence": "x"},
}


@pytest.mark.parametrize("words", MALFORMED)
def test_what_nobody_understands_is_told_and_kills_nothing(words):
    with Browser(toy.Config()) as browser:
        browser.say("hello").until(lambda: browser.frames)
        browser.controller.post(MALFORMED[words])
        browser.controller.post(MALFORMED[words])  # two alike, as a dragged slider's
        browser.until(lambda: words in browser.last["message"])
        browser.say("step", count=2).until(lambda: browser.last["step"] == 2)
        assert browser.controller.error is None


def test_events_are_told_in_the_declared_order_also_those_that_did_not_happen(monkeypatch):
    monkeypatch.setattr(toy.Toy, "events", {"never": ("loss", -1.0, "below"), **toy.Toy.events})
    with Browser(toy.Config(rate=0.1)) as browser:
        browser.say("hello").say("step", count=30).until(lambda: browser.last["step"] == 30)
        told = [(event["name"], event["step"]) for event in browser.last["branches"][0]["events"]]
        assert told == [("never", None), ("half", 7), ("tenth", 22)]  # 0.81^7 < 0.25, 0.81^22 < 0.01


def test_a_cold_change_starts_again_and_keeps_a_ghost():
    with Browser(toy.Config()) as browser:
        browser.say("hello").say("step", count=4)
        browser.until(lambda: browser.last["step"] == 4)
        for count in range(4, 8):
            browser.say("set", values={"count": count})
            browser.until(lambda n=count: browser.last["branches"][-1]["config"]["count"] == n)
        roles = [branch["role"] for branch in browser.last["branches"]]
        assert roles == ["ghost"] * GHOSTS + ["live"]
        assert browser.last["step"] == 0
        browser.until(lambda: len(browser.columns) == GHOSTS + 1)


def test_a_fork_shares_the_past_and_only_the_fork_changes():
    with Browser(toy.Config(rate=0.1)) as browser:
        browser.say("hello").say("step", count=6).until(lambda: browser.last["step"] == 6)
        browser.say("fork").say("set", values={"rate": 0.5}).say("step", count=4)
        browser.until(lambda: browser.last["step"] == 10)
        old, new = browser.controller.branches
        assert (old.history.step, new.history.step, new.forked_at) == (10, 10, 6)
        assert old.history.interventions == [] and new.history.interventions == [(6, "rate", 0.5)]
        np.testing.assert_array_equal(old.history["w"][:7], new.history["w"][:7])
        replay = run(new.history.config, steps=10, interventions=new.history.interventions, progress=False)
        np.testing.assert_array_equal(replay["w"], new.history["w"])
        assert old.colour != new.colour
        for _ in range(LIVE_RUNS):
            browser.say("fork")
        browser.until(lambda: "runs train already" in browser.last["message"])
        assert len(browser.controller.branches) == LIVE_RUNS


def test_scrubbing_shows_the_past_while_training_goes_on_and_forks_from_there():
    with Browser(toy.Config(rate=0.1)) as browser:
        browser.say("hello").say("speed", value=400.0).say("play")
        browser.until(lambda: browser.controller.focus.history.step > 40)
        browser.say("scrub", step=9)
        browser.until(lambda: browser.views.get("cloud", [None])[0] == 9)
        np.testing.assert_allclose(browser.views["cloud"][1][0], [0.9**9, 0.9**18], rtol=1e-6)
        step = browser.controller.focus.history.step
        browser.until(lambda: browser.controller.focus.history.step > step)
        exact = 0.9**browser.controller.focus.history.steps
        np.testing.assert_allclose(browser.controller.focus.history["w"][: len(exact)], exact, rtol=1e-9)
        browser.say("pause").say("fork").until(lambda: len(browser.controller.branches) == 2)
        browser.controller.settle(PATIENCE)
        assert browser.controller.focus.history.steps.tolist() == list(range(10))


def test_snapshots_are_bounded_and_reach_back_to_the_start():
    with Browser(toy.Config(rate=0.001)) as browser:
        browser.say("speed", value=None).say("step", count=60_000)
        browser.controller.settle(PATIENCE)
        kept = sorted(browser.controller.focus.snapshots)
        assert len(kept) <= SNAPSHOTS and kept[0] == 0 and kept[-1] > 50_000
        ratios = np.diff(np.log1p(kept))
        assert ratios.max() < 1.0, "a factor e without a snapshot"


def test_pin_keeps_the_curve_of_now():
    with Browser(toy.Config()) as browser:
        browser.say("hello").say("step", count=5).until(lambda: browser.last["step"] == 5)
        browser.say("pin").say("step", count=5).until(lambda: browser.last["step"] == 10)
        assert [(b["role"], b["step"]) for b in browser.last["branches"]] == [("live", 10), ("pinned", 5)]
        browser.say("reset").until(lambda: browser.last["step"] == 0)
        assert {b["role"] for b in browser.last["branches"]} == {"live", "pinned"}


def test_focus_and_drop():
    with Browser(toy.Config()) as browser:
        browser.say("hello").say("step", count=3).say("drop", branch=0)
        browser.until(lambda: "only live run" in browser.last["message"])
        browser.say("fork").say("focus", branch=0).until(lambda: browser.last["focus"] == 0)
        browser.say("drop", branch=0).until(lambda: len(browser.last["branches"]) == 1)
        assert browser.last["focus"] == 1
        browser.say("focus", branch=7).until(lambda: "branch: got 7" in browser.last["message"])


def test_a_failure_is_shown_and_raised():
    with Browser(toy.Config(fail_at=3)) as browser:
        browser.say("hello").say("step", count=5)
        browser.until(lambda: browser.last["state"] == "failed")
        assert browser.last["message"] == "RuntimeError: asked to fail"
        with pytest.raises(RuntimeError, match="asked to fail"):
            browser.controller.result(PATIENCE)
        browser.frames.clear()
        browser.say("hello").until(lambda: browser.frames)  # a reloaded page sees it again
        assert browser.last["message"] == "RuntimeError: asked to fail" and browser.last["full"]


def test_a_failing_point_cloud_is_shown_too(monkeypatch):
    def view(self):
        raise RuntimeError("no cloud today")

    monkeypatch.setattr(toy.Toy, "view", view)
    with Browser(toy.Config()) as browser:
        browser.say("hello").until(lambda: browser.last["state"] == "failed")
        assert browser.last["message"] == "RuntimeError: no cloud today"
        browser.frames.clear()
        browser.say("set", values={"rate": 0.5}).say("hello")
        browser.until(lambda: browser.frames and browser.last["full"])
        assert browser.last["message"] == "RuntimeError: no cloud today"


def test_a_forgotten_panel_pauses_and_says_so(monkeypatch):
    monkeypatch.setattr(pace, "PATIENCE", 0.2)
    with Browser(toy.Config()) as browser:
        browser.say("hello").say("play").until(lambda: browser.last["state"] == "running")
        browser.until(lambda: browser.last["state"] == "paused")
        assert "without a touch: press play to go on" in browser.last["message"]


def test_a_new_start_that_nobody_watches_is_sent_to_nobody():
    with Browser(toy.Config()) as browser:
        browser.say("set", values={"count": 5}).say("reset").say("step", count=3)
        assert browser.controller.settle(PATIENCE) and browser.frames == []


def test_a_diverged_run_is_finished_and_says_so():
    with Browser(toy.Config(rate=10.0, sign="up")) as browser:
        browser.say("hello").say("speed", value=None).say("play")
        browser.until(lambda: browser.last["state"] == "finished")
        assert "diverged" in browser.last["branches"][0]["note"]
        browser.say("set", values={"count": 2}).until(lambda: browser.last["step"] == 0)
        assert browser.last["state"] == "ready"


def test_stop_is_quick_and_leaves_no_thread():
    before = threading.active_count()
    with Browser(toy.Config()) as browser:
        browser.say("speed", value=None).say("play")
        browser.until(lambda: browser.controller.playing)
        began = time.monotonic()
        browser.controller.stop()
        assert time.monotonic() - began < 0.5
    assert threading.active_count() == before


def test_hello_again_brings_everything_back():
    with Browser(toy.Config()) as browser:
        browser.say("hello").say("step", count=50).until(lambda: browser.last["step"] == 50)
        browser.controller.settle(PATIENCE)
        browser.columns.clear()
        browser.frames.clear()
        browser.say("hello").until(lambda: browser.frames and 0 in browser.columns)
        assert browser.frames[0]["full"] and browser.columns[0][-1, 0] == 50


def test_nothing_is_printed(capfd):
    with Browser(toy.Config(fail_at=40)) as browser:
        browser.say("hello").say("speed", value=None).say("play")
        browser.until(lambda: browser.last["state"] == "failed")
    assert capfd.readouterr() == ("", "")

"""A computed page element: the latest request wins, and what goes wrong stands on the page."""

import threading
import time

import pytest
import toy

from labkit.live import explore, widgets
from labkit.live.explore import Explorer
from labkit.pictures import Line, Lines
from tests.waiting import PATIENCE, until


def line(config):
    return [Lines("line", "line", (Line([0.0, config.rate], "y", x=[0, 1]),))]


def height(explorer):
    return explorer.pictures[0].lines[0].y[1]


@pytest.fixture
def shown(monkeypatch):
    """``shown(function)``: an explorer and the list of frames it sent; closed after the test."""
    frames, opened = [], []
    monkeypatch.setattr(widgets._View, "push", lambda self, frame, buffers: frames.append(frame))

    def show(function, config=toy.Config(rate=1.0)):  # noqa: B008 - frozen
        opened.append(explore(function, config))
        return opened[-1], frames

    yield show
    for explorer in opened:
        explorer.close()
        assert not explorer._thread.is_alive()


def say(explorer, do, **message):
    explorer._control._receive(explorer._control, {"do": do, **message}, [])
    assert explorer.settle(PATIENCE)


def test_it_is_computed_before_it_is_shown(shown):
    explorer, frames = shown(line)
    assert height(explorer) == 1.0 and frames == []
    say(explorer, "hello", sequence=1)
    assert frames[0]["full"] and frames[0]["state"] == "ready"
    assert frames[0]["pictures"][0]["lines"][0]["y"] == [0.0, 1.0]


def test_a_slider_moves_the_picture_and_the_frame_says_which_move(shown):
    explorer, frames = shown(line)
    say(explorer, "set", values={"rate": 3.0}, sequence=7)
    assert (height(explorer), frames[-1]["applied"]) == (3.0, 7)
    assert frames[-1]["branches"][0]["config"]["rate"] == 3.0
    explorer.set(rate=4.0).settle(PATIENCE)
    assert height(explorer) == 4.0


def test_the_latest_request_wins(shown):
    computed, gate = [], threading.Event()

    def slow(config):
        computed.append(config.rate)
        if config.rate == 2.0:
            gate.wait(PATIENCE)
        return line(config)

    explorer, _ = shown(slow)
    assert explorer.settle(PATIENCE)
    explorer.set(rate=2.0)
    until(lambda: computed[-1] == 2.0)
    for rate in (3.0, 4.0, 5.0):  # dragged while it computes
        explorer.set(rate=rate)
    gate.set()
    assert explorer.settle(PATIENCE)
    assert computed == [1.0, 2.0, 5.0] and height(explorer) == 5.0


def test_moves_of_two_sliders_in_turn_are_one_computation(shown):
    computed, gate = [], threading.Event()

    def slow(config):
        computed.append((config.rate, config.count))
        gate.wait(PATIENCE)
        return line(config)

    explorer, frames = shown(slow)
    for count in (1, 2, 4, 5, 6):  # while the first computation runs
        explorer.set(rate=float(count)).set(count=count)
    explorer._mailbox.put({"do": "set", "values": {"rate": 99.0}, "sequence": 5})
    gate.set()
    assert explorer.settle(PATIENCE)
    assert computed == [(1.0, 3), (6.0, 6)]
    assert "rate: got 99.0" in frames[-1]["message"] and frames[-1]["applied"] == 5


def test_the_cell_does_not_compute(shown):
    threads = []

    def function(config):
        threads.append(threading.current_thread())
        return line(config)

    explorer, _ = shown(function)
    assert height(explorer) == 1.0 and threads == [explorer._thread]


@pytest.mark.parametrize("message", [{}, {"values": 3}, {"values": {3: 1}}, {"values": {}, "sequence": "x"}])
def test_a_malformed_move_is_survived(shown, message):
    explorer, _ = shown(line)
    say(explorer, "set", **message)
    say(explorer, "set", values={"rate": 2.0}, sequence=3)
    assert height(explorer) == 2.0


def test_a_bad_value_changes_nothing_and_is_said(shown):
    explorer, frames = shown(line)
    with pytest.raises(ValueError, match="rate: got 99.0"):
        explorer.set(rate=99.0)
    say(explorer, "set", values={"rate": -1.0}, sequence=2)
    assert (frames[-1]["state"], height(explorer)) == ("failed", 1.0)
    assert "rate: got -1.0; allowed: a finite number from 0 to 10" in frames[-1]["message"]
    say(explorer, "set", values={"rate": 2.0}, sequence=3)
    assert (frames[-1]["state"], frames[-1]["message"]) == ("ready", "")


def test_a_function_that_fails_is_told_with_its_line_and_may_recover(shown):
    def fragile(config):
        if config.rate > 5:
            raise ZeroDivisionError("too steep")
        return line(config)

    explorer, frames = shown(fragile)
    say(explorer, "set", values={"rate": 6.0})
    where = fragile.__code__.co_firstlineno + 2
    assert frames[-1]["message"] == f"ZeroDivisionError: too steep (line {where} of fragile)"
    assert height(explorer) == 1.0, "the last good picture stays"
    say(explorer, "set", values={"rate": 2.0})
    assert (frames[-1]["message"], height(explorer)) == ("", 2.0)


def test_one_that_fails_at_once_is_still_shown(shown):
    def broken(config):
        raise RuntimeError("never")

    explorer, frames = shown(broken)
    say(explorer, "hello")
    assert frames[-1]["state"] == "failed" and "never" in frames[-1]["message"]


def test_acknowledgements_are_not_answered(shown):
    explorer, frames = shown(line)
    say(explorer, "hello")
    say(explorer, "ack", seq=1)
    assert len(frames) == 1


def test_a_stored_page_holds_the_picture(shown):
    explorer, _ = shown(line)
    data, _ = explorer._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG") and "application/vnd.jupyter.widget-view+json" in data


def test_closing_is_quick_even_before_anything_was_asked():
    explorer = Explorer(line, toy.Config())
    began = time.monotonic()
    explorer.close()
    assert time.monotonic() - began < 0.5 and not explorer._thread.is_alive()


def finer(config):
    """Heights rate/4, rate/2, rate, one after another."""
    for part in (4, 2, 1):
        yield line(config.replace(rate=config.rate / part))


def heights(frames):
    return [frame["pictures"][0]["lines"][0]["y"][1] for frame in frames]


def test_a_generator_is_shown_stage_by_stage(shown):
    explorer, frames = shown(finer)
    assert height(explorer) == 1.0, "a stored page holds the finest picture"
    say(explorer, "set", values={"rate": 8.0}, sequence=4)
    assert heights(frames) == [2.0, 4.0, 8.0] and {frame["applied"] for frame in frames} == {4}
    say(explorer, "hello", sequence=5)
    assert heights(frames[3:]) == [8.0]


def test_a_move_abandons_the_stages_that_are_left(shown):
    gate, ended = threading.Event(), []

    def slow(config):
        try:
            for part, pictures in enumerate(finer(config)):
                if config.rate == 8.0 and part == 1:
                    gate.wait(PATIENCE)
                yield pictures
        finally:
            ended.append((config.rate, part))

    explorer, frames = shown(slow)
    explorer.set(rate=8.0)
    until(lambda: frames)
    assert heights(frames) == [2.0], "shown before the next one is computed"
    explorer.set(rate=4.0)
    gate.set()
    assert explorer.settle(PATIENCE)
    assert heights(frames) == [2.0, 4.0, 1.0, 2.0, 4.0] and ended == [(1.0, 2), (8.0, 1), (4.0, 2)]


def test_stages_before_one_that_fails_stay(shown):
    def broken(config):
        yield line(config)
        raise RuntimeError("too fine")

    explorer, frames = shown(broken)
    say(explorer, "set", values={"rate": 3.0})
    assert height(explorer) == 3.0
    assert [frame["state"] for frame in frames] == ["ready", "failed"] and "too fine" in frames[-1]["message"]
    say(explorer, "set", values={"rate": 99.0})
    assert "rate: got 99.0" in frames[-1]["message"] and height(explorer) == 3.0

"""A diagram that fills in the background: what it computes, shows, opens, refines, and how it ends."""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import toy

from labkit import live, sweep
from labkit.live import cells, widgets
from labkit.live.frames import IN_FLIGHT
from labkit.pictures import Line
from tests.waiting import PATIENCE, until

RATES = ("rate", [0.1, 0.2, 0.5])
COUNTS = ("count", [1, 2, 3, 4, 5])
AXES = {"x": RATES, "y": COUNTS, "steps": 10}


@pytest.fixture
def shown(monkeypatch):
    """``shown(...)``: a diagram and what its view was sent, (frame, buffers); closed after the test."""
    sent, opened = [], []

    def push(self, frame, buffers):
        if self.child is not None:
            sent.append((frame, buffers))

    monkeypatch.setattr(widgets._View, "push", push)

    def show(config=toy.Config(), **more):  # noqa: B008 - frozen
        opened.append(live.phase_diagram(config, **(AXES | more if isinstance(config, toy.Config) else more)))
        return opened[-1], sent

    yield show
    for each in opened:
        each.close()
        assert not each._thread.is_alive() and not each._filling.alive


@pytest.fixture
def slow(monkeypatch):
    """Updates of five milliseconds, one run at a time; how many were taken."""
    taken, step = [], toy.Toy.step

    def counted(self):
        if threading.current_thread().name == "labkit-filling":
            time.sleep(0.005)
            taken.append(self.config)
        step(self)

    monkeypatch.setattr(toy.Toy, "step", counted)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    return taken


def say(diagram, do, **message):
    diagram._control._receive(diagram._control, {"do": do, **message}, [])


def test_it_computes_what_a_sweep_computes(shown):
    diagram, _ = shown()
    frame = diagram.result(PATIENCE)
    same = sweep(toy.Config(), rate=RATES[1], count=COUNTS[1], steps=10, progress=False)
    assert frame.equals(same) and frame.attrs == same.attrs
    assert repr(diagram) == "<PhaseDiagram of toy.Config() over rate and count>"


def test_seeds_are_no_field_of_every_experiment(shown):
    with pytest.raises(ValueError, match="field: got 'seed'"):
        shown(seeds=2)


BAD = {
    "x: got None; allowed: a field": {"x": None},
    "y: got 'rate', which x is already": {"y": "rate"},
    "rate: got -1": {"x": ("rate", [0.1, -1])},
    "y: got no values of 'count'": {"y": ("count", [])},
    "x: got ": {"x": ("rate", 1, 2)},
    "seeds: got 0": {"seeds": 0},
    "outcome: got 'sice'; allowed: 'size'. Did you mean 'size'": {"outcome": "sice"},
    "until: got 'halve'": {"until": "halve"},
    "store: got": {"store": __file__},
    "device: got 'tpu'": {"device": "tpu"},
}


@pytest.mark.parametrize("words", BAD)
def test_bad_arguments_are_told_before_anything_trains(shown, words):
    before = threading.active_count()
    with pytest.raises(ValueError) as error:
        shown(**BAD[words])
    assert str(error.value).startswith(words) and threading.active_count() == before


def test_coarse_cells_come_first(shown, slow):
    diagram, _ = shown(x=("rate", np.linspace(0.1, 0.9, 9)), y=COUNTS, steps=2)
    diagram.result(PATIENCE)
    first = list(dict.fromkeys((c.rate, c.count) for c in slow))
    assert first[:6] == [(r, c) for c in (1, 5) for r in (0.1, 0.5, 0.9)]
    assert {(round(10 * r), c) for r, c in first[6:15]} == {
        (r, c) for r in (1, 3, 5, 7, 9) for c in (1, 3, 5)
    } - {(r, c) for r in (1, 5, 9) for c in (1, 5)}
    assert len(first) == 45


def test_a_hello_gets_the_picture_as_far_as_it_is_known(shown):
    diagram, sent = shown()
    assert diagram.settle(PATIENCE) and sent == []
    say(diagram, "hello", sequence=1)
    until(lambda: sent)
    frame, buffers = sent[0]
    assert (frame["state"], frame["words"], frame["applied"]) == ("finished", "15 of 15 runs", 1)
    assert (frame["outcome"], frame["refined"], frame["opened"]) == ("size", False, "")
    (picture,) = frame["pictures"]
    assert (picture["kind"], picture["x"], picture["y"]) == ("Diagram", RATES[1], COUNTS[1])
    values = np.frombuffer(buffers[picture["values"]["buffer"]], np.float32).reshape(5, 3)
    np.testing.assert_allclose(values, np.tile([0.9**10, 0.8**10, 0.5**10], (5, 1)), rtol=1e-6)
    assert sum(map(len, buffers)) < 5_000


def test_while_it_fills_few_pictures_wait_for_the_browser(shown, slow):
    diagram, sent = shown(steps=20)
    say(diagram, "hello")
    until(lambda: len(slow) > 150)
    assert len(sent) == IN_FLIGHT, "frames unacknowledged"
    frame = sent[-1][0]
    assert frame["state"] == "running" and 0 < frame["step"] < 15 and "s left" in frame["words"]
    say(diagram, "ack", seq=frame["seq"])
    until(lambda: len(sent) > IN_FLIGHT)
    assert sent[IN_FLIGHT][0]["pictures"] and sent[IN_FLIGHT][0]["step"] > frame["step"]


def test_it_is_held_and_goes_on_without_loss(shown, slow):
    diagram, _ = shown(steps=40)
    until(lambda: len(slow) > 50)
    began = time.monotonic()
    say(diagram, "pause")
    assert diagram.settle(PATIENCE)
    assert time.monotonic() - began < 0.5
    time.sleep(0.15)
    held = len(slow)
    time.sleep(0.3)
    assert len(slow) == held and diagram._state() == "paused" and len(diagram.frame) < 15
    diagram.play()
    until(lambda: len(slow) > held)
    assert len(diagram.result(PATIENCE)) == 15 and len(slow) == 15 * 40


def test_closing_takes_less_than_half_a_second(shown, slow):
    diagram, _ = shown(steps=100_000)
    until(lambda: len(slow) > 20)
    began = time.monotonic()
    live.stop_all()
    assert time.monotonic() - began < 0.5
    assert not diagram._thread.is_alive() and not diagram._filling.alive
    assert not cells._open and not diagram.panel.playing


def test_a_cell_is_opened_in_the_panel_and_trains_there(shown):
    diagram, sent = shown()
    assert diagram._view.child is diagram.panel.view
    diagram.settle(PATIENCE)
    say(diagram, "hello")
    say(diagram, "open", column=2, row=3)
    until(lambda: sent and sent[-1][0]["opened"])
    assert sent[-1][0]["opened"] == "rate 0.5, count 4"
    until(
        lambda: (
            diagram.panel.history.config == toy.Config(rate=0.5, count=4) and diagram.panel.history.step > 5
        )
    )
    diagram.open(0, 3)  # differs in a hot setting alone, and yet starts from the beginning
    until(lambda: diagram.panel.history.config == toy.Config(rate=0.1, count=4))
    assert diagram.panel.history.interventions == [] and len(diagram.panel.histories) == 3
    with pytest.raises(ValueError, match="cell: got column 3, row 0; allowed: 3 columns and 5 rows"):
        diagram.open(3, 0)
    say(diagram, "open", column=0)
    until(lambda: sent[-1][0]["message"] == "row: got nothing; needed by 'open'")


def test_a_box_is_refined_and_what_is_known_stays(shown, slow):
    diagram, sent = shown(x=("rate", [0.1, 0.2, 0.4, 0.8]), y=("start", [1.0, 2.0, 3.0, 4.0]))
    diagram.result(PATIENCE)
    slow.clear()
    say(diagram, "hello")
    say(diagram, "refine", x=[1, 2], y=[3, 2])
    assert diagram.settle(PATIENCE)
    x, y = diagram._plane.x.values, diagram._plane.y.values
    np.testing.assert_allclose(x, 0.2 * 2 ** (np.arange(4) / 3), rtol=2e-3)  # a logarithmic setting
    np.testing.assert_allclose(y, [3, 10 / 3, 11 / 3, 4], rtol=2e-3)
    assert {0.2, 0.4} <= set(x) and {3.0, 4.0} <= set(y)
    assert len(set(slow)) == 16 - 4 and len(diagram.frame) == 16 + 12
    until(lambda: sent[-1][0]["refined"])
    slow.clear()
    diagram.whole().settle(PATIENCE)
    assert diagram._plane.runs == (16, 16) and not diagram._plane.refined and slow == []


def test_refining_leaves_the_runs_of_the_whole_plane_at_once(shown, slow):
    diagram, _ = shown(x=("rate", [0.1, 0.2, 0.3, 0.4, 0.5]), steps=400)
    until(lambda: len(slow) > 10)
    diagram.refine((3, 4), (0, 1))
    now = len(slow)
    until(lambda: len(slow) > now + 80)
    assert {c.rate for c in slow[now + 60 :]} <= set(diagram._plane.x.values)
    assert min(diagram._plane.x.values) == 0.4


def test_other_outcomes_and_theory(shown):
    diagram, sent = shown(boundary=lambda config: Line([1.0, 5.0], "a law", x=[0.1, 0.5]), until="tenth")
    diagram.settle(PATIENCE)
    assert diagram._picture().lines[0].label == "a law"
    np.testing.assert_allclose(diagram._picture().lines[0].x, [0, 2])
    np.testing.assert_allclose(diagram._picture().lines[0].y, [0, 4])
    say(diagram, "hello")
    say(diagram, "outcome", name="nothing")
    until(lambda: sent and sent[-1][0]["message"].startswith("outcome: got 'nothing'; allowed: 'size'"))
    with pytest.raises(ValueError, match="outcome: got 'nothing'"):
        diagram.show("nothing")


def test_a_boundary_that_cannot_be_computed_is_told_at_once(shown):
    with pytest.raises(ZeroDivisionError):
        shown(boundary=lambda config: 1 / 0)


def test_an_outcome_that_cannot_be_shown_is_told_and_kills_nothing(shown, monkeypatch):
    diagram, sent = shown()
    diagram.settle(PATIENCE)
    monkeypatch.setattr(diagram._plane, "picture", lambda *about: 1 / 0)
    say(diagram, "hello")
    until(lambda: diagram._filling.error is not None)
    monkeypatch.undo()
    with pytest.raises(ZeroDivisionError):
        diagram.result(PATIENCE)
    assert diagram._thread.is_alive()


def test_deleted_in_the_browser_it_stops_with_its_panel(shown, slow):
    diagram, _ = shown(steps=100_000)
    diagram.open(0, 0)
    until(lambda: diagram.panel.playing)
    diagram._stop()
    assert not diagram._filling.alive and not diagram.panel._controller.alive and not cells._open


def test_an_executor_does_the_work(shown):
    with ThreadPoolExecutor(2) as pool:
        diagram, _ = shown(executor=pool)
        assert len(diagram.result(PATIENCE)) == 15 and not diagram.frame["error"].any()


def test_a_run_that_fails_leaves_a_mark_and_a_message(shown):
    diagram, sent = shown(y=("fail_at", [-1, 3]))
    frame = diagram.result(PATIENCE)
    assert frame["error"].tolist() == ["", "RuntimeError: asked to fail"] * 3
    picture = diagram._picture()
    assert picture.failed.tolist() == [[0] * 3, [1] * 3] and picture.seen.tolist() == [[1] * 3, [0] * 3]
    say(diagram, "hello")
    until(lambda: sent)
    assert sent[-1][0]["message"] == "3 of 6 runs failed: RuntimeError: asked to fail"


def test_what_keeps_it_from_computing_is_told_and_raised(shown, monkeypatch):
    def broken(*args, **options):
        raise ValueError("config: does not fit")

    monkeypatch.setattr(sys.modules["labkit.live.phase_diagram"], "compute", broken)
    diagram, sent = shown()
    with pytest.raises(ValueError, match="does not fit"):
        diagram.result(PATIENCE)
    say(diagram, "hello")
    until(lambda: sent and sent[-1][0]["state"] == "failed")
    assert sent[-1][0]["message"] == "ValueError: config: does not fit"


def test_a_finished_sweep_is_shown_without_computing(shown, monkeypatch):
    frame = sweep(toy.Config(), rate=[0.1, 0.5], start=[1.0, 2.0], count=[1, 2], steps=10, progress=False)
    monkeypatch.setattr(
        sys.modules["labkit.live.phase_diagram"],
        "compute",
        lambda *args, **options: pytest.fail("it computes"),
    )
    diagram, sent = shown(frame, outcome="w")
    picture = diagram._picture()
    assert (picture.xlabel, picture.ylabel, picture.title) == ("rate", "start", "w")
    assert (picture.seen == 2).all()  # the third axis counts as runs of a cell
    np.testing.assert_allclose(picture.values, [[0.9**10, 0.5**10], [2 * 0.9**10, 2 * 0.5**10]])
    say(diagram, "hello")
    say(diagram, "refine", x=[0, 1], y=[0, 1])
    until(lambda: sent and sent[-1][0]["message"].startswith("refine: this diagram shows a finished sweep"))
    assert sent[-1][0]["state"] == "finished"
    diagram.open(1, 1)
    until(lambda: diagram.panel.history.config == toy.Config(rate=0.5, start=2.0))
    with pytest.raises(ValueError, match="frame: got a frame that no sweep made"):
        shown(frame.reset_index(drop=True).assign(a=1).pipe(lambda f: type(f)(f.to_dict())))


def test_a_store_is_used(shown, tmp_path, slow):
    sweep(toy.Config(), rate=RATES[1], count=COUNTS[1], steps=10, progress=False, store=tmp_path)
    diagram, _ = shown(store=tmp_path)
    assert len(diagram.result(PATIENCE)) == 15 and slow == []


def test_the_same_name_replaces_and_the_printed_picture_is_there(shown):
    first, _ = shown(name="plane")
    second, _ = shown(name="plane")
    assert not first._thread.is_alive() and second._thread.is_alive()
    second.settle(PATIENCE)
    data, _ = second._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG") and "application/vnd.jupyter.widget-view+json" in data

"""``live.panel`` from code: verbs, results, who replaces whom, and which kernels are refused."""

import sys
import threading
import types

import numpy as np
import pytest
import toy

from labkit import live, run
from labkit.experiments import grokking
from labkit.live import cells
from tests.waiting import PATIENCE


@pytest.fixture(autouse=True)
def interpreter():
    before = sys.getswitchinterval()
    yield
    live.stop_all()
    sys.setswitchinterval(before)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("labkit")]


def cell(monkeypatch, name, execution):
    """Pretend to be in that cell of a notebook."""
    parent = {"metadata": {"cellId": name}, "header": {"msg_id": execution}}
    monkeypatch.setattr(cells, "_parent", lambda: parent)


def test_the_verbs_do_what_the_buttons_do():
    panel = live.panel(toy.Config(rate=0.1)).speed(None)
    assert panel.step(6).settle(PATIENCE)  # without a pause in between a change acts at the next step
    history = panel.set(rate=0.5).step(4).result(PATIENCE)
    alone = run(toy.Config(rate=0.1), steps=10, interventions=[(6, "rate", 0.5)], progress=False)
    np.testing.assert_array_equal(history["w"], alone["w"])
    assert panel.fork().step(2).settle(PATIENCE)
    assert [branch.step for branch in panel.histories] == [12, 12]
    assert panel.reset().settle(PATIENCE) and panel.history.step == 0
    assert len(panel.histories) == 1


def test_play_and_pause():
    panel = live.panel(toy.Config()).play()
    assert not panel.settle(0.2) and panel.playing
    panel.pause()
    assert panel.settle(5) and not panel.playing
    step = panel.history.step
    assert step > 0
    assert panel.step().settle(5) and panel.history.step == step + 1


def test_a_bad_setting_is_refused_where_it_is_written():
    with pytest.raises(ValueError, match="rate: got 11.0; allowed: a finite number from 0 to 10"):
        live.panel(toy.Config()).set(rate=11.0)
    with pytest.raises(ValueError, match="field: got 'rat'.*Did you mean 'rate'"):
        live.panel(toy.Config()).set(rat=1.0)
    with pytest.raises(ValueError, match="device: got 'coda'"):
        live.panel(toy.Config(), device="coda")
    with pytest.raises(
        ValueError, match=r"config: got .* \(type\); allowed: a Config. Did you mean Config\(\)"
    ):
        live.panel(toy.Config)
    with pytest.raises(ValueError, match="function: got 3"):
        live.explore(3, toy.Config())
    with pytest.raises(ValueError, match="config: got None"):
        live.explore(abs, None)


def test_a_failure_is_raised_by_result():
    panel = live.panel(toy.Config(fail_at=3)).step(5)
    with pytest.raises(RuntimeError, match="asked to fail"):
        panel.result(PATIENCE)


def test_a_failure_before_the_first_step_is_raised_by_whatever_is_asked(monkeypatch):
    monkeypatch.setattr(toy.Toy, "measure", lambda self: 1 / 0)
    panel = live.panel(toy.Config())
    with pytest.raises(ZeroDivisionError):
        panel.history  # noqa: B018
    with pytest.raises(ZeroDivisionError):
        panel.result(PATIENCE)


def test_a_panel_of_the_same_name_replaces_the_old_one():
    old, other = live.panel(toy.Config(), name="a"), live.panel(toy.Config(), name="b")
    new = live.panel(toy.Config(), name="a")
    assert [p._controller.alive for p in (old, other, new)] == [False, True, True]


def test_running_a_cell_again_replaces_its_panels_and_no_others(monkeypatch):
    cell(monkeypatch, "A", "1")
    first, twin = live.panel(toy.Config()), live.panel(toy.Config())
    named = live.panel(toy.Config(), name="kept")
    cell(monkeypatch, "B", "2")
    other = live.panel(toy.Config())
    assert first._controller.alive and twin._controller.alive
    cell(monkeypatch, "A", "3")
    live.panel(toy.Config())
    alive = [panel._controller.alive for panel in (first, twin, named, other)]
    assert alive == [False, False, True, True]


def test_without_a_notebook_panels_live_side_by_side():
    panels = [live.panel(toy.Config()) for _ in range(3)]
    assert all(panel._controller.alive for panel in panels)
    live.stop_all()
    assert not any(panel._controller.alive for panel in panels)


def test_a_closed_panel_still_has_its_history():
    panel = live.panel(toy.Config()).step(4)
    assert panel.settle(PATIENCE)
    panel.close()
    panel.close()
    assert panel.history.step == 4


@pytest.mark.parametrize("version", ["7.0.0", "7.0.1"])
@pytest.mark.parametrize("show", [live.panel, lambda config: live.explore(lambda c: [], config)])
def test_kernels_that_lose_pictures_are_refused(monkeypatch, version, show):
    monkeypatch.setitem(sys.modules, "ipykernel", types.SimpleNamespace(__version__=version))
    with pytest.raises(ValueError, match=f"ipykernel: got {version}, .*allowed: 6.31 or later"):
        show(toy.Config())


def flat(config):
    return []


def test_explorers_are_stopped_and_replaced_as_panels_are(monkeypatch):
    cell(monkeypatch, "A", "1")
    first, named = live.explore(flat, toy.Config()), live.explore(flat, toy.Config(), name="kept")
    panel = live.panel(toy.Config())
    cell(monkeypatch, "A", "2")
    again = live.explore(flat, toy.Config())
    assert [e._thread.is_alive() for e in (first, named, again)] == [False, True, True]
    assert not panel._controller.alive
    live.panel(toy.Config(), name="kept")
    assert not named._thread.is_alive(), "one name, one thing on the page"
    live.stop_all()
    assert not again._thread.is_alive()


@pytest.mark.parametrize("show", [live.panel, lambda config: live.explore(flat, config)])
def test_one_deleted_in_the_browser_is_no_longer_open(show):
    shown = show(toy.Config())
    assert shown in cells._open.values()
    shown._view.comm.handle_close({})
    assert shown not in cells._open.values()


def test_a_busy_cell_must_let_the_training_in():
    sys.setswitchinterval(0.005)
    live.panel(toy.Config())
    assert sys.getswitchinterval() == pytest.approx(cells.SWITCH_INTERVAL, abs=1.5e-6)  # whole µs
    shorter = cells.SWITCH_INTERVAL / 2
    sys.setswitchinterval(shorter)  # somebody wants it shorter still
    live.panel(toy.Config())
    assert sys.getswitchinterval() == pytest.approx(shorter, rel=0.05)
    live.stop_all()
    assert sys.getswitchinterval() == pytest.approx(shorter, rel=0.05), "not ours to change back"


def test_the_last_one_closed_gives_the_interpreter_back_as_it_was():
    sys.setswitchinterval(0.004)
    for _ in range(2):
        panel, explorer = live.panel(toy.Config()), live.explore(flat, toy.Config())
        panel.close()
        assert sys.getswitchinterval() == pytest.approx(cells.SWITCH_INTERVAL, abs=1.5e-6)
        explorer.close()
        explorer.close()
        assert sys.getswitchinterval() == pytest.approx(0.004)


def test_the_browser_is_told_what_to_build():
    spec = live.panel(grokking.Config(width=64))._view.spec
    assert (spec["title"], spec["mode"]) == ("grokking", "train")
    assert {row["name"]: row["value"] for row in spec["controls"]} == grokking.Config(width=64).values()
    presets = {preset["name"]: preset for preset in spec["presets"]}
    assert presets.keys() == grokking.Config.presets.keys()
    for name, preset in presets.items():
        assert grokking.Config(**preset["values"]) == grokking.Config.preset(name) and preset["comment"]
    speeds = {speed["label"]: speed["value"] for speed in spec["speeds"]}
    assert speeds["watch"] == grokking.Config.experiment.pace and speeds["full speed"] is None


def test_the_view_listens_through_the_control():
    panel = live.panel(toy.Config())
    state = panel._view.get_state()
    assert state["control"] == f"IPY_MODEL_{panel._control.model_id}"
    assert panel._view.comm.comm_id != panel._control.comm.comm_id


def test_a_stored_page_holds_a_picture_and_the_widget():
    panel = live.panel(toy.Config()).step(5)
    panel.settle(PATIENCE)
    data, _ = panel._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    assert "application/vnd.jupyter.widget-view+json" in data
    assert repr(panel) == "<Panel of toy.Config()>"

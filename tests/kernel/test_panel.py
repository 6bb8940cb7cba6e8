"""A panel in real kernels: obeyed when the kernel is idle and when it is not, silent, gone once stopped."""

import numpy as np
import pytest

pytestmark = pytest.mark.kernel

SECONDS = 1.5
SPIN = f"end = time.monotonic() + {SECONDS}\nwhile time.monotonic() < end:\n    sum(range(1000))"
AWAIT = f"import asyncio\nawait asyncio.sleep({SECONDS})"
#: Where a message is served before the running cell ends. Elsewhere the kernel keeps it until then, since
#: it reads messages on the thread that runs cells (6.31 always, 7.3 on the main shell even in an await).
SERVED = {
    SPIN: ("7.3.0 subshell", "installed subshell"),
    AWAIT: ("7.3.0 subshell", "installed main", "installed subshell"),
}
THREADS = "sorted(t.name for t in threading.enumerate() if t.name.startswith('labkit'))"


def open_panel(page, config="toy.Config(rate=0.01)", cell="cell-a"):
    page.run(f"panel = live.panel({config})", cell)
    page.say("hello")
    return page.until(lambda: page.frames)


def streams(page):
    return [m["content"] for m in page.messages if m["msg_type"] in ("stream", "error")]


def test_the_first_frame_comes_before_anything_is_pressed(page):
    open_panel(page, "toy.Config(start=2.0)")
    assert (page.last["state"], page.last["step"], page.last["full"]) == ("ready", 0, True)
    assert [picture["kind"] for picture in page.last["pictures"]] == ["Lines", "Heatmap", "Scatter"]
    assert page.last["columns"][0]["rows"].T.tolist() == [[0, 4, 2, 6]]  # step, loss, w, slow


def test_a_slider_is_obeyed_while_the_kernel_is_idle(page):
    open_panel(page).say("play")
    page.until(lambda: page.last["step"] > 10)
    sent = page.say("set", values={"rate": 0.02})
    page.until(lambda: page.last["applied"] >= sent)
    page.until(lambda: page.last["branches"][0]["ticks"])
    assert [tick[1:] for tick in page.last["branches"][0]["ticks"]] == [["rate", 0.02]]


@pytest.mark.parametrize("cell", [SPIN, AWAIT], ids=["computes", "awaits"])
def test_a_slider_is_obeyed_while_a_cell(page, cell):
    open_panel(page).say("play")
    page.until(lambda: page.last["step"] > 10)
    busy = page.start(cell)
    page.until(lambda: page.running(busy)).rest(0.1)
    before = page.last["step"]
    sent = page.say("set", values={"rate": 0.02})
    page.until(lambda: page.last["applied"] >= sent or page.ended(busy))
    if page.case in SERVED[cell]:
        assert page.last["applied"] >= sent and not page.ended(busy)
    page.until(lambda: page.ended(busy) and page.last["applied"] >= sent)
    # It went on training all the while: 200 steps a second are asked for.
    assert page.last["step"] - before > 50 * SECONDS


def test_frames_are_steady_while_a_cell_computes(page):
    if page.case not in SERVED[SPIN]:
        page.acknowledge = False  # the kernel would not read it: frames rest, training goes on
    open_panel(page).say("play")
    busy = page.start(SPIN)
    page.until(lambda: page.running(busy))
    count = len(page.frames)
    page.until(lambda: page.ended(busy))
    page.acknowledge = True
    if page.case in SERVED[SPIN]:
        assert len(page.frames) - count >= 3 * SECONDS


def test_frames_travel_on_the_view_and_nothing_on_the_control(page):
    open_panel(page).say("play")
    page.until(lambda: len(page.frames) > 5).say("set", values={"rate": 0.01, "loud": True})
    page.say("pause")
    page.until(lambda: page.last["applied"] == page.sequence and page.last["state"] == "paused")
    assert page.published(page.control) == []
    assert len(page.published(page.view)) == len(page.frames)
    rows = np.concatenate([part["rows"] for frame in page.frames for part in frame["columns"]], axis=1)
    np.testing.assert_allclose(rows[2], 0.99 ** rows[0], rtol=1e-5)  # w, as it left the training thread


def test_stop_is_quick_and_leaves_no_thread(page):
    before = page.run(THREADS)
    open_panel(page).say("speed", value=None)
    page.say("play")
    page.until(lambda: page.last["step"] > 100)
    assert "labkit-live" in page.run(THREADS)
    took = page.run("began = time.monotonic(); live.stop_all(); time.monotonic() - began")
    assert float(took) < 0.5
    assert page.run(THREADS) == before == "[]"


def test_nothing_is_printed_not_even_by_a_run_that_fails(page):
    open_panel(page, "toy.Config(fail_at=40)").say("play")
    page.until(lambda: page.last["state"] == "failed")
    assert page.last["message"] == "RuntimeError: asked to fail"
    page.say("hello")  # a reloaded page is told again
    page.until(lambda: page.last["applied"] == page.sequence and page.last["full"])
    page.say("set", values={"nonsense": 1})
    page.run("live.stop_all()")
    assert streams(page) == []


def test_what_the_browser_says_to_a_panel_that_is_gone_is_not_complained_about(page):
    open_panel(page).say("play")
    page.until(lambda: page.last["step"] > 10)
    page.run("live.stop_all()")
    page.say("bye")
    page.rest(0.3)
    page.run("None")
    assert streams(page) == []


def test_running_a_cell_again_replaces_its_run_and_no_other(page):
    code = "panel = live.panel(toy.Config())\npanel.play()"
    first = page.run(code + "; other = panel", "cell-b")
    page.run(code, "cell-a")
    for _ in range(2):
        page.run("old = panel")
        page.run(code, "cell-a")
        assert page.run("old._controller.alive, other._controller.alive, panel._controller.alive") == (
            "(False, True, True)"
        )
    assert page.run(THREADS) == "['labkit-live', 'labkit-live']"
    assert first == ""


def test_two_panels_of_one_cell_live_side_by_side(page):
    page.run("pair = [live.panel(toy.Config()), live.panel(toy.Config())]", "cell-a")
    assert page.run("[panel._controller.alive for panel in pair]") == "[True, True]"


def test_a_panel_deleted_in_the_browser_stops_its_run(page):
    open_panel(page).say("play")
    page.until(lambda: page.last["step"] > 10)
    page.send("comm_close", page.view, {})
    page.until(lambda: page.run(THREADS) == "[]")
    assert streams(page) == []


def test_a_reloaded_page_sees_everything_again(page):
    open_panel(page).say("step", count=30)
    page.until(lambda: page.last["step"] == 30)
    page.frames.clear()
    page.say("hello")
    page.until(lambda: page.frames and page.last["full"])
    assert page.last["columns"][0]["rows"][0].tolist() == list(range(31))


def test_a_function_is_explored(page):
    page.run(
        "from labkit.pictures import Line, Lines\n"
        "def line(config):\n"
        "    return [Lines('line', 'line', (Line([0.0, config.rate], 'y', x=[0, 1]),))]\n"
        "explorer = live.explore(line, toy.Config(rate=1.0))"
    )
    page.say("hello")
    page.until(lambda: page.frames)
    sent = page.say("set", values={"rate": 3.0})
    page.until(lambda: page.last["applied"] == sent)
    assert page.last["pictures"][0]["lines"][0]["y"] == [0.0, 3.0]
    assert page.published(page.control) == []
    page.run("explorer.close()")
    assert page.run(THREADS) == "[]"

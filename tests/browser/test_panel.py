"""The live panel in a real JupyterLab, through a real browser."""

import csv
import io

import numpy as np
import pytest
from browser import jupyter

pytestmark = pytest.mark.browser

PAGE = "1_grokking/01_memorise_then_generalise.ipynb"
PICTURES = {"accuracy", "loss", "spectrum", "progress", "phases", "neurons"}


@pytest.fixture(scope="module")
def opened(page, lab):
    yield jupyter.open_page(page, lab, PAGE)
    jupyter.end_kernels(page)


@pytest.fixture
def panel(opened, page):
    opened.fresh()
    yield opened
    assert page.complaints == []


def test_the_first_frame_is_there_before_anything_is_pressed(panel):
    assert panel["state"] == "ready"
    drawn = panel.canvases()
    assert drawn.keys() == PICTURES
    assert not panel.blank()


def test_play_trains_and_no_node_is_replaced_while_pictures_stream(panel):
    before = panel.canvases()
    panel.speed("fast")
    panel.do("play")
    panel.until("d.state === 'running' && +d.step > 3")
    panel.root.evaluate(
        """root => {
            window.replaced = [];
            window.watching = new MutationObserver(records => {
                for (const r of records)
                    for (const node of [...r.addedNodes, ...r.removedNodes])
                        if (node.nodeType === Node.ELEMENT_NODE) window.replaced.push(node.outerHTML);
            });
            window.watching.observe(root.parentElement, {childList: true, subtree: true});
        }"""
    )
    frames, step = int(panel["frames"]), panel.step
    panel.until(f"+d.frames > {frames + 20} && +d.step > {step + 20}")
    assert panel.page.evaluate("window.watching.disconnect(); window.replaced") == []
    after = panel.canvases()
    assert {name for name in PICTURES if after[name] != before[name]} == PICTURES


def test_a_slider_moved_by_keyboard_acts_at_a_step_and_is_drawn_as_a_tick(panel):
    panel.do("play")
    panel.until("+d.step > 3")
    panel.key("weight_decay", "ArrowRight", 2)
    panel.until("d.valueWeight_decay !== '2'")
    asked_at = panel.step
    panel.until(f"+d.step > {asked_at + 3}")
    panel.do("pause")
    panel.until("d.state === 'paused'")
    moves = interventions(copied_code(panel))
    assert [name for _, name, _ in moves] in (["weight_decay"], ["weight_decay"] * 2)
    assert 0 < moves[0][0] <= asked_at
    assert moves[-1][2] == float(panel["value-weight_decay"]) > 2


def test_the_copied_code_reproduces_the_curves(panel):
    panel.speed("fast")
    panel.do("play")
    panel.until("+d.step > 8")
    panel.key("weight_decay", "ArrowRight", 3)
    panel.until("+d.step > 20")
    panel.do("pause")
    panel.until("d.state === 'paused'")
    rows = table(panel)
    code = copied_code(panel)
    assert "interventions=" in code
    space: dict = {}
    exec(code, space)
    history = space["history"]
    assert [int(row["step"]) for row in rows] == list(history.steps[: len(rows)])
    for name in ("train_loss", "test_loss", "train_accuracy", "test_accuracy", "weight_norm"):
        seen = np.array([float(row[name]) for row in rows])
        # the browser holds float32
        np.testing.assert_allclose(seen, history[name][: len(rows)], rtol=1e-6)


def test_both_branches_of_a_fork_go_on_and_differ(panel):
    panel.speed("fast")
    panel.do("play")
    panel.until("+d.step > 10")
    panel.do("fork")
    panel.until("d.branches === '2'")
    panel.key("weight_decay", "ArrowLeft", 12)
    forked = panel.step
    panel.until(f"+d.step > {forked + 15}")
    panel.do("pause")
    panel.until("d.state === 'paused'")
    rows = table(panel)
    numbers = sorted({row["branch"] for row in rows}, key=int)
    assert len(numbers) == 2
    first, second = ({int(r["step"]): r["train_loss"] for r in rows if r["branch"] == n} for n in numbers)
    assert first.keys() == second.keys()
    assert first[5] == second[5]
    assert first[max(first)] != second[max(second)]


def test_the_past_can_be_looked_at_while_training_goes_on(panel):
    panel.speed("fast")
    panel.do("play")
    panel.until("+d.step > 30")
    panel.root.locator("[data-do=scrub]").focus()
    panel.page.keyboard.press("Home")
    panel.until("d.scrub === '0'")
    panel.page.wait_for_timeout(500)
    start, step = panel.canvases()["phases"], panel.step
    panel.until(f"+d.step > {step + 10}")
    assert panel.canvases()["phases"] == start
    panel.do("now")
    panel.until("d.scrub === ''")
    panel.becomes(lambda now: now["phases"] != start)


def test_a_cold_change_leaves_the_old_run_as_a_ghost(panel):
    panel.do("play")
    panel.until("+d.step > 5")
    panel.key("seed", "ArrowRight")
    panel.until("d.branches === '2' && d.valueSeed !== '0'")
    assert panel.root.locator(".lk-chip[data-role=ghost]").count() == 1
    step = panel.step
    panel.until(f"+d.step !== {step}")


def test_a_preset_sets_the_controls_and_is_commented(panel):
    panel.root.locator("select[data-do=preset]").select_option(label="memorises forever")
    panel.until("d.valueWeight_decay === '0'")
    assert panel.root.locator(".lk-comment").inner_text().startswith("No weight decay")
    assert panel.control("weight_decay").input_value() == "0"


def test_every_control_is_reached_by_the_tab_key(panel):
    wanted = panel.root.evaluate(
        """root => [...root.querySelectorAll("button, input, select, summary, canvas")]
            .filter(e => !e.disabled && e.offsetParent)
            .filter(e => !e.closest("details:not([open]) fieldset")).length"""
    )
    panel.root.locator("select[data-do=preset]").focus()
    reached = 0
    while panel.root.evaluate("root => root.contains(document.activeElement)") and reached <= wanted:
        reached += 1
        panel.page.keyboard.press("Tab")
    assert reached == wanted


@pytest.mark.parametrize("name", ["accuracy", "spectrum"])
def test_values_are_read_by_keyboard(panel, name):
    panel.do("step")
    panel.until("d.step === '1'")
    figure = panel.root.locator(f"[data-figure={name}]")
    canvas, plain = figure.locator("canvas[data-picture]"), panel.canvases()[name]
    canvas.focus()
    words = []
    for key in ("Home", "End"):
        panel.page.keyboard.press(key)
        words.append(figure.locator(".lk-below").inner_text())
        assert figure.locator("[aria-live]").inner_text() == words[-1]
    assert words[0].startswith("step 0 · ") and words[1].startswith("step 1 · ")
    assert canvas.evaluate("c => getComputedStyle(c).outlineStyle") == "solid"
    canvas.evaluate("c => c.blur()")
    assert figure.locator(".lk-below").inner_text() == "" and panel.canvases()[name] == plain


def test_points_are_read_by_keyboard(panel):
    figure, plain = panel.root.locator("[data-figure=phases]"), panel.canvases()["phases"]
    figure.locator("canvas").focus()
    for key, point in (("Home", "point 0 ·"), ("ArrowRight", "point 1 ·"), ("ArrowLeft", "point 0 ·")):
        panel.page.keyboard.press(key)
        assert figure.locator("[aria-live]").inner_text().startswith(point)
    assert panel.canvases()["phases"] != plain, "the point is ringed"


def test_the_step_axis_is_zoomed_by_keyboard(panel):
    panel.speed("fast")
    panel.do("play")
    panel.until("+d.step > 40")
    panel.do("pause")
    panel.until("d.state === 'paused'")
    panel.page.wait_for_timeout(500)
    whole = panel.canvases()
    panel.root.locator("canvas[data-picture=loss]").focus()
    for key in ("End", "+"):
        panel.page.keyboard.press(key)
    over_steps = {"accuracy", "loss", "spectrum", "progress", "neurons"}
    panel.becomes(lambda near: {name for name in near if near[name] != whole[name]} == over_steps)
    panel.page.keyboard.press("0")
    panel.becomes(lambda again: again == whole)


def test_a_screen_reader_hears_the_current_numbers(panel):
    panel.do("step")
    panel.until("d.step === '1'")
    heard = panel.root.locator("[role=status]")
    jupyter.expect(heard).to_contain_text("train accuracy")
    jupyter.expect(heard).to_contain_text("step 1")


def test_a_reloaded_page_shows_the_last_frame(panel, page):
    panel.speed("fast")
    panel.do("play")
    panel.until("+d.step > 20")
    panel.do("pause")
    panel.until("d.state === 'paused'")
    step = panel.step
    jupyter.command(page, "docmanager:save")
    page.wait_for_function("!document.querySelector('.jp-mod-dirty')")
    page.reload()
    again = jupyter.shown(page)
    again.until(f"d.state === 'paused' && d.step === '{step}'")
    assert again.canvases().keys() == PICTURES and not again.blank()


def test_the_theme_is_followed_and_screenshots_are_kept(panel, page, artefacts):
    def seen(moment):
        for theme in panel.themes():
            for width in (900, 1280):
                page.set_viewport_size({"width": width, "height": 2100})
                page.wait_for_timeout(400)
                panel.picture(artefacts / f"panel_{theme}_{width}_{moment}.png")
                # nothing may stick out of the panel sideways
                assert panel.root.evaluate("root => root.scrollWidth <= root.clientWidth + 1")

    seen("start")
    panel.speed("full speed")
    for moment, step in (("mid", 60), ("end", 300)):
        panel.do("play")
        panel.until(f"+d.step > {step}")
        panel.do("pause")
        panel.until("d.state === 'paused'")
        seen(moment)
    events = panel.root.locator(".lk-events").inner_text()
    assert "test solved" in events and "delay ×" in events


# ----------------------------------------------------------------------------------------------


def copied_code(panel) -> str:
    panel.page.evaluate("navigator.clipboard.writeText('')")
    panel.do("copy")
    panel.page.wait_for_function("async () => (await navigator.clipboard.readText()).includes('run(')")
    return panel.page.evaluate("navigator.clipboard.readText()")


def interventions(code: str) -> list[tuple]:
    kept: dict = {}

    def run(*arguments, interventions=(), **named):
        kept["moves"] = list(interventions)
        return kept.setdefault("history", type("Drawn", (), {"figure": lambda self: None})())

    exec(code.replace("from labkit import run", ""), {"run": run})
    return kept["moves"]


def table(panel) -> list[dict[str, str]]:
    with panel.page.expect_download() as download:
        panel.do("csv")
    text = download.value.path().read_text()
    return list(csv.DictReader(io.StringIO(text)))

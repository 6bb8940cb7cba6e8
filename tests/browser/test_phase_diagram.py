"""A phase diagram in a real JupyterLab: it fills while one watches, opens runs, and looks closer."""

import pytest
from browser import jupyter

pytestmark = pytest.mark.browser

SOURCE = """# %%
from labkit import live
from labkit.experiments import grokking

live.phase_diagram(
    grokking.Config(modulus=17, width=48),
    x=("weight_decay", [0, 0.3, 1, 3, 10, 40]),
    y=("train_fraction", [0.3, 0.5, 0.6, 0.7, 0.9]),
    seeds=2,
    steps=300,
    boundary=lambda config: ([0, 40], [0.46, 0.46]),
)
"""
#: Room that the picture leaves round its cells: left, right, top, bottom.
LEFT, RIGHT, TOP, BOTTOM = 66, 12, 8, 42


@pytest.fixture
def diagram(panels):
    return panels[0]


def at(diagram, column, row):
    """The middle of a cell of the 6 × 5 plane, on the page."""
    box = diagram.root.locator("canvas[data-picture=diagram]").bounding_box()
    wide, high = box["width"] - LEFT - RIGHT, box["height"] - TOP - BOTTOM
    return box["x"] + LEFT + (column + 0.5) * wide / 6, box["y"] + TOP + (1 - (row + 0.5) / 5) * high


def below(diagram):
    return diagram.root.locator(".lk-below").inner_text()


def nested(page):
    """The panel of the run that was opened."""
    return jupyter.Panel(page, page.locator(".lk-nest .lk-panel"))


def test_it_fills_while_one_watches(diagram, page, artefacts):
    diagram.until("+d.step >= 4 && +d.step < 50")
    before, early = int(diagram["step"]), diagram.canvases()
    assert diagram["state"] == "running"
    words = diagram.root.locator(".lk-numbers").inner_text()
    assert " of 60 runs" in words and "left" in words
    diagram.picture(artefacts / "diagram_light_filling.png")
    diagram.until(f"+d.step > {before + 4}")
    diagram.becomes(lambda now: now != early)
    diagram.do("pause")
    diagram.until("d.state === 'paused'")
    page.wait_for_timeout(300)
    held = diagram.step
    page.wait_for_timeout(700)
    assert diagram.step <= held + 2, "at most what was on its way"
    diagram.do("play")
    diagram.until("d.state === 'finished' && d.step === '60'")


def test_a_clicked_cell_is_opened_live(diagram, page, artefacts):
    assert page.locator(".lk-nest").count() == 0
    page.mouse.click(*at(diagram, 3, 4))
    run = nested(page)
    run.until("d.valueWeight_decay === '3' && d.valueTrain_fraction === '0.9' && +d.step > 10")
    assert run["state"] == "running"
    assert page.locator(".lk-opened").inner_text() == "Run of the cell at weight decay 3, train fraction 0.9:"
    page.mouse.move(*at(diagram, 3, 4))
    assert below(diagram).startswith("weight decay 3 · train fraction 0.9 · learns at once")
    page.mouse.click(*at(diagram, 0, 0))
    run.until("d.valueWeight_decay === '0' && d.valueTrain_fraction === '0.3' && d.branches === '3'")
    run.do("pause")
    run.until("d.state === 'paused'")


def test_cells_are_read_and_opened_by_keyboard(diagram, page):
    canvas = diagram.root.locator("canvas[data-picture=diagram]")
    canvas.focus()
    for key, start in (
        ("ArrowRight", "weight decay 0 · train fraction 0.3 · memorises"),
        ("ArrowRight", "weight decay 0.3 · train fraction 0.3 · "),
        ("ArrowUp", "weight decay 0.3 · train fraction 0.5 · "),
        ("End", "weight decay 40 · train fraction 0.5 · never (2 runs)"),
    ):
        page.keyboard.press(key)
        assert below(diagram).startswith(start)
        assert diagram.root.locator("[data-figure=diagram] [aria-live]").inner_text() == below(diagram)
    page.keyboard.press("Enter")
    nested(page).until("d.valueWeight_decay === '40' && d.valueTrain_fraction === '0.5'")
    page.keyboard.press("Shift+ArrowUp")
    assert below(diagram) == "a closer look at weight decay 40 to 40 · train fraction 0.5 to 0.6"
    page.keyboard.press("Escape")


def test_colours_follow_the_menu(diagram, page):
    menu, phases = diagram.root.locator("select[data-do=outcome]"), diagram.canvases()
    menu.select_option(value="delay")
    page.wait_for_function("() => document.querySelector('.lk-title').textContent.startsWith('delay')")
    diagram.becomes(lambda now: now != phases)
    assert "did not happen" in diagram.root.locator(".lk-key").inner_text()
    menu.select_option(value="phase")
    page.wait_for_function("() => document.querySelector('.lk-title').textContent === 'phase'")


def test_a_dragged_box_is_refined(diagram, page, artefacts):
    for theme in diagram.themes():
        page.screenshot(path=artefacts / f"diagram_{theme}.png")
    whole = diagram.canvases()
    page.mouse.move(*at(diagram, 2, 3))
    page.mouse.down()
    page.mouse.move(*at(diagram, 3, 2), steps=5)
    page.mouse.move(*at(diagram, 4, 1), steps=5)
    assert below(diagram) == "a closer look at weight decay 1 to 10 · train fraction 0.5 to 0.7"
    diagram.pictures(artefacts, "diagram_box")
    page.mouse.up()
    diagram.until("d.state === 'finished' && d.step === '50'")  # 5 × 5 cells, 9 of them known before
    diagram.becomes(lambda now: now != whole)
    page.mouse.move(*at(diagram, 0, 0))
    assert below(diagram).startswith("weight decay 1 · train fraction 0.5 · ")
    diagram.pictures(artefacts, "diagram_refined")
    assert diagram.root.evaluate("root => root.scrollWidth <= root.clientWidth + 1")
    diagram.do("whole")
    diagram.until("d.state === 'finished' && d.step === '60'")

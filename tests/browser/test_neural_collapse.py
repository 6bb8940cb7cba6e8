"""The live elements of lab 3 in one notebook: the cloud turns, theory answers, descent follows."""

import pytest

pytestmark = pytest.mark.browser

SOURCE = """# %%
from labkit import live
from labkit.experiments import imbalance, neural_collapse, unconstrained

live.panel(neural_collapse.Config(), name="one")

# %%
live.panel(unconstrained.Config.preset("balanced", learning_rate=2.0), name="two")

# %%
live.explore(imbalance.imbalance, imbalance.Config.preset("three layers"), name="three")
"""


def played(panel, past):
    """Play past a step, then pause."""
    panel.drawn()
    panel.speed("full speed")
    panel.do("play")
    panel.until(f"+d.step >= {past}")
    panel.do("pause")
    panel.until("d.state === 'paused'")


def test_the_cloud_freezes_and_turns(panels, page, artefacts):
    panel = panels[0]
    played(panel, 300)
    panel.pictures(artefacts, "collapse_digits")
    canvas = panel.root.locator("canvas[data-picture=cloud]")
    canvas.scroll_into_view_if_needed()
    before = panel.canvases()["cloud"]
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 60, box["y"] + box["height"] / 2 + 20, steps=5)
    page.mouse.up()
    panel.becomes(lambda after: after["cloud"] != before)


def test_theory_jumps_with_the_slider_and_descent_follows(panels, page, artefacts):
    panel = panels[1]
    played(panel, 250)
    value, before = panel["value-lambda_w"], panel.canvases()
    panel.key("lambda_w", "ArrowRight", 10)
    panel.until(f"d.valueLambda_w !== '{value}'")
    played(panel, 500)
    assert panel.canvases() != before
    panel.pictures(artefacts, "collapse_free")


def test_counts_move_the_frame(panels, page, artefacts):
    panel = panels[2]
    panel.drawn()
    page.wait_for_timeout(5000)  # theory, descent, and the way up and down
    panel.pictures(artefacts, "collapse_imbalance")
    before = panel.canvases()
    panel.key("count_4", "ArrowLeft", 10)
    panel.becomes(lambda after: after != before)

"""The live elements of lab 4, all in one notebook: each draws, follows a key, and complains of nothing."""

import pytest
from browser import jupyter

from tests import waiting

pytestmark = pytest.mark.browser

SOURCE = """# %%
from labkit import live
from labkit.experiments import edge_of_chaos, propagation, sparse

live.explore(propagation.fall, propagation.Config(), name="one")

# %%
live.explore(propagation.filling_plane, propagation.Config(), name="two")

# %%
live.phase_diagram(
    edge_of_chaos.Config(width=16, sigma_b=0.05, learning_rate=2e-3, batch=64),
    x=("sigma_w", [0.7, 1.12, 3]), y=("depth", [5, 10]), steps=20, name="three",
)

# %%
live.explore(propagation.at_the_edge, propagation.Config(correlation=0.0, width=128), name="four")

# %%
live.explore(sparse.pictures, sparse.Config(), name="five")
"""


@pytest.mark.parametrize(("place", "setting"), [(0, "sigma_w"), (1, "depth"), (3, "width"), (4, "tau")])
def test_a_key_on_a_slider_moves_the_pictures(panels, page, artefacts, place, setting):
    panel = panels[place]
    before = panel.drawn()
    assert len(before) >= 2
    value = panel[f"value-{setting}"]
    panel.key(setting, "ArrowLeft", 3)
    jupyter.expect(panel.root).not_to_have_attribute(f"data-value-{setting}", value)
    panel.becomes(lambda after: any(after[name] != before[name] for name in before))
    panel.pictures(artefacts, f"edge_of_chaos_{place + 1}")


def test_the_plane_of_networks_fills(panels, page, artefacts):
    panel = panels[2]
    panel.root.scroll_into_view_if_needed()
    jupyter.expect(panel.root).to_contain_text("6 of 6")
    panel.picture(artefacts / "edge_of_chaos_3_light.png")


def test_a_click_on_the_plane_goes_there_and_the_sliders_follow(panels, page):
    panel = panels[1]
    panel.until("d.state === 'ready' && +d.seq > 0")
    assert (panel["value-sigma_w"], panel["value-sigma_b"]) == ("1.8", "0.2")
    canvas = panel.root.locator("canvas[data-picture=plane]")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.35, box["y"] + box["height"] * 0.4)
    panel.until("d.valueSigma_w !== '1.8'")
    sigma_w, sigma_b = float(panel["value-sigma_w"]), float(panel["value-sigma_b"])
    assert 0.1 < sigma_w < 1.8 and 0.2 < sigma_b < 2.0
    # a slider follows when no hand is on it
    control = panel.root.locator(".lk-control", has=page.locator("[data-control=sigma_w]"))
    said = control.locator(".lk-value").first
    waiting.until(lambda: float(said.inner_text()) == pytest.approx(sigma_w, abs=0.011), said.inner_text, 0.1)


def test_enter_on_the_plane_goes_to_the_cursor(panels, page):
    panel = panels[1]
    canvas = panel.root.locator("canvas[data-picture=plane]")
    canvas.scroll_into_view_if_needed()
    before = panel["value-sigma_w"], panel["value-sigma_b"]
    canvas.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    waiting.until(lambda: (panel["value-sigma_w"], panel["value-sigma_b"]) != before, pause=0.1)

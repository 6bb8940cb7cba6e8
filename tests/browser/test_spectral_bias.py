"""The live elements of lab 2 in a real JupyterLab: they train, a key moves them, photographs are grey."""

import pytest

pytestmark = pytest.mark.browser

SOURCE = """# %%
from labkit import live
from labkit.experiments import kernel_regime, picture_fields, spectral_bias

live.panel(spectral_bias.Config(optimizer="momentum", learning_rate=0.02, width=32), name="one")

# %%
live.explore(kernel_regime.pictures, kernel_regime.Config(width=128), name="two")

# %%
live.panel(
    picture_fields.Config(picture="astronaut", size=64, width=32, kind="mlp", encoding="gaussian",
                          held_out=True, learning_rate=5e-3, derivatives=False),
    name="three",
)

# %%
live.panel(picture_fields.Config(size=64, width=32, learning_rate=2e-3), name="four")
"""


@pytest.mark.parametrize(("place", "picture"), [(0, "spectrum"), (2, "picture"), (3, "laplacian")])
def test_a_panel_trains_before_ones_eyes(panels, page, artefacts, place, picture):
    panel = panels[place]
    before = panel.drawn()[picture]
    panel.speed("full speed")
    panel.do("play")
    panel.until("+d.step >= 40")
    panel.do("pause")
    panel.until("d.state === 'paused'")
    page.wait_for_timeout(500)
    assert panel.canvases()[picture] != before
    panel.pictures(artefacts, f"spectral_bias_{place + 1}")


def test_a_photograph_is_grey(panels):
    colours = (
        panels[3]
        .root.locator("canvas[data-picture=target]")
        .evaluate(
            """c => {
            const [w, h] = [c.width / 4, c.height / 4];
            const p = c.getContext("2d").getImageData(w, h, 2 * w, 2 * h).data;
            let apart = 0;
            for (let i = 0; i < p.length; i += 4) apart = Math.max(apart, Math.abs(p[i] - p[i + 2]));
            return [apart, new Set(p).size];
        }"""
        )
    )
    assert colours[0] == 0 and colours[1] > 20


def test_time_is_a_slider(panels, page, artefacts):
    panel = panels[1]
    before, value = panel.drawn(), panel["value-step"]
    panel.key("step", "ArrowRight", 3)
    panel.until(f"d.valueStep !== '{value}'")
    page.wait_for_timeout(500)
    after = panel.canvases()
    assert after["fit"] != before["fit"] and after["eigenvalues"] == before["eigenvalues"]
    panel.pictures(artefacts, "spectral_bias_2")

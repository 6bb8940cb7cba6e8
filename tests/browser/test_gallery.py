"""The gallery in a real JupyterLab: a formula is typed, joins with its passport, and a bad one is refused."""

import pytest

pytestmark = pytest.mark.browser

SOURCE = """# %%
from labkit import live
from labkit.experiments.activations import gallery

live.explore(gallery.gallery, gallery.Config(first="leaky_relu"))
"""


def words(panel):
    return panel.root.locator("table[data-picture=passport]").inner_text()


def test_a_typed_formula_joins_with_its_passport(panels, page, artefacts):
    shown = panels[0]
    shown.until("d.state === 'ready' && +d.seq > 0")
    line = shown.control("formula")
    line.fill("x*tanh(exp(x))")
    assert shown["value-formula"] == ""  # not before Enter
    line.press("Enter")
    shown.until("d.valueFormula === 'x*tanh(exp(x))'")
    page.wait_for_function("() => document.querySelector('.lk-table').innerText.includes('1.3748')")
    assert "x*tanh(exp(x))" in words(shown)
    before = words(shown)
    shown.key("shape_1", "ArrowRight", 3)
    page.wait_for_function("(old) => document.querySelector('.lk-table').innerText !== old", arg=before)
    assert "leaky_relu, slope = " in words(shown)
    shown.pictures(artefacts, "gallery")


def test_a_bad_formula_is_refused_in_words_and_the_pictures_stay(panels, page):
    shown = panels[0]
    before = words(shown)
    line = shown.control("formula")
    line.fill("__import__('os')")
    line.press("Enter")
    page.get_by_text("formula: got '__import__'").first.wait_for()
    assert words(shown) == before
    line.fill("x*sin(x)")
    line.press("Enter")
    shown.until("d.valueFormula === 'x*sin(x)' && d.state === 'ready'")
    assert "x*sin(x)" in words(shown)

"""The browser side as one ES module: joined right, offline, and its pure functions tested by node."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from labkit.live import assets

HERE = Path(__file__).parent
JS = HERE.parents[1] / "labkit" / "live" / "js"
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(
    NODE is None, reason="node is not installed: the panel's script is not checked"
)


def test_module_exports_render_once_and_imports_nothing():
    text = assets.esm()
    assert re.findall(r"^export .*", text, re.MULTILINE) == ["export default { render };"]
    assert not re.search(r"^\s*import\b", text, re.MULTILINE)


def test_uplot_comes_first_and_whole():
    package = Path(importlib.util.find_spec("uplot").submodule_search_locations[0])
    script = (package / "static" / "uPlot.iife.js").read_text(encoding="utf-8")
    assert assets.esm().startswith(script)
    assert assets.css().startswith((package / "static" / "uPlot.min.css").read_text(encoding="utf-8"))


def test_every_source_is_joined_after_what_it_imports():
    assert {path.stem for path in JS.glob("*.mjs")} == set(assets.SOURCES)
    seen = set()
    for name in assets.SOURCES:
        text = (JS / f"{name}.mjs").read_text(encoding="utf-8")
        wanted = set(re.findall(r'from "\./(\w+)\.mjs"', text))
        assert wanted <= seen, f"{name}.mjs imports {wanted - seen}, which is joined later"
        seen.add(name)


def test_nothing_is_fetched():
    ours = "".join((JS / f"{name}.mjs").read_text(encoding="utf-8") for name in assets.SOURCES)
    ours = ours.replace("http://www.w3.org/2000/svg", "")  # a namespace, not an address
    assert not re.search(r"https?://|fetch\(|XMLHttpRequest|\beval\(|innerHTML", ours)
    assert not re.search(r"https?://|@import", (JS.parent / "view.css").read_text(encoding="utf-8"))


def test_uplot_python_is_not_imported():
    code = "import sys; from labkit.live import assets; assets.esm(); print('uplot' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_missing_uplot_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="pip install uplot-python"):
        assets._uplot("uPlot.iife.js")


def test_viridis_is_viridis():
    # The anchors against matplotlib's table, at the same twelve places.
    matplotlib = pytest.importorskip("matplotlib")
    text = (JS / "colours.mjs").read_text(encoding="utf-8")
    anchors = re.search(r'VIRIDIS =\s+"([0-9a-f ]+)"', text).group(1).split()
    reference = matplotlib.colormaps["viridis"]
    for i, anchor in enumerate(anchors):
        ours = [int(anchor[k : k + 2], 16) for k in (0, 2, 4)]
        theirs = [round(255 * c) for c in reference(i / (len(anchors) - 1))[:3]]
        assert max(abs(a - b) for a, b in zip(ours, theirs, strict=True)) <= 2, (
            f"anchor {i}: {ours}, {theirs}"
        )


def test_sources_are_small():
    lines = {name: (JS / f"{name}.mjs").read_text(encoding="utf-8").count("\n") for name in assets.SOURCES}
    assert max(lines.values()) <= 450, lines


@needs_node
def test_joined_module_parses(tmp_path):
    path = tmp_path / "view.mjs"
    path.write_text(assets.esm(), encoding="utf-8")
    done = subprocess.run([NODE, "--check", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@needs_node
def test_pure_functions():
    done = subprocess.run(
        [NODE, "--test", str(HERE / "view.test.mjs")], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]

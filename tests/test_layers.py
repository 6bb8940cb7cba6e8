"""Imports go one way; every module imports alone; pictures are drawn without pyplot."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import labkit

ROOT = Path(labkit.__file__).parent
LAYERS = (
    (
        "_openmp",
        "_malloc",
        "_checks",
        "_progress",
        "_signals",
        "config",
        "runtime",
        "pictures",
        "gauss",
        "simplex",
    ),
    ("data", "nn", "optim"),
    ("train", "rows", "archive", "history", "ensemble", "diagrams"),
    ("measures", "theory"),
    ("experiments",),
    ("panels", "sweep", "run"),
    ("live",),
    ("claims", "commands", "exercises", "doctor", "student", "pages", "readme", "__main__"),
)
#: Siblings that may not know each other.
STRANGERS = {"data", "nn", "optim", "panels", "sweep"}
WIDGETS = {"live", "ipywidgets", "anywidget", "IPython"}
PLOTS = {"panels", "matplotlib", "seaborn"}
SUBJECT = {"experiments", "data", "measures", "theory"}
#: What a module must not know, though some of it lies below: design.md, section 2, last column.
FORBIDDEN = {
    "data": {"nn", "optim"} | PLOTS | WIDGETS,
    "nn": {"data", "optim"} | PLOTS | WIDGETS,
    "optim": {"data", "nn"} | PLOTS | WIDGETS,
    "train": SUBJECT | PLOTS | WIDGETS,
    "rows": SUBJECT | PLOTS | WIDGETS,
    "diagrams": {"history"} | SUBJECT | PLOTS | WIDGETS,
    "ensemble": SUBJECT | PLOTS | WIDGETS,
    "archive": SUBJECT | PLOTS | WIDGETS,
    "history": SUBJECT | PLOTS | WIDGETS,
    "run": SUBJECT | PLOTS | WIDGETS,
    "measures": {"train", "rows", "history", "run", "theory"} | PLOTS | WIDGETS,
    "theory": {"train", "rows", "history", "run", "measures"} | PLOTS | WIDGETS,
    "experiments": {"rows", "history", "run"} | PLOTS | WIDGETS,
    "panels": {"sweep", "run"} | SUBJECT | WIDGETS,
    "sweep": PLOTS | SUBJECT | WIDGETS,
    "live": SUBJECT,
    "claims": WIDGETS,
    "commands": WIDGETS,
    "exercises": WIDGETS,
    "doctor": WIDGETS,
}
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
MODULES = sorted(ROOT.rglob("*.py"))
#: Forgets the package before each import, so that no module leans on what another one loaded.
# Python imports the package before any of its modules, so that is where each of them starts from.
IMPORT_EACH = """
import importlib, sys
import labkit
first = set(sys.modules)
for name in sys.argv[1:]:
    for known in [known for known in sys.modules if known.split(".")[0] == "labkit" and known not in first]:
        del sys.modules[known]
    importlib.import_module(name)
"""


def parts(path):
    """The module path below ``labkit`` as a list of names."""
    names = list(path.relative_to(ROOT).with_suffix("").parts)
    return names[:-1] if names[-1] == "__init__" else names


def packages(path):
    """Every module that a file imports, anywhere in its text; those of others for types alone left out."""
    tree = ast.parse(path.read_text())
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            inside = node.module == "labkit"
            names = [f"labkit.{alias.name}" for alias in node.names] if inside else [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (name for name in names if node not in for_types or name.startswith("labkit."))


def imported(path):
    """Top names below ``labkit`` that a module imports, anywhere in its text."""
    for name in packages(path):
        if name.startswith("labkit."):
            yield name.split(".")[1]


@pytest.mark.parametrize("path", [p for p in MODULES if parts(p)], ids=lambda p: ".".join(parts(p)))
def test_imports_go_down_only(path):
    own = parts(path)[0]
    assert own in LEVEL, f"{own}: give it a layer"
    for other in imported(path):
        if other == own or (other not in LEVEL and level_of_public(own)):
            continue
        assert other in LEVEL, f"{own} imports {other}, which has no layer"
        assert LEVEL[other] <= LEVEL[own], f"{own} (layer {LEVEL[own]}) imports {other} ({LEVEL[other]})"
        strangers = own in STRANGERS and LEVEL[other] == LEVEL[own]
        assert not strangers, f"{own} imports {other}, of the same layer"


@pytest.mark.parametrize("own", FORBIDDEN)
def test_nobody_knows_what_is_not_its_business(own):
    for path in MODULES:
        if parts(path)[:1] == [own]:
            known = {name.removeprefix("labkit.").split(".")[0] for name in packages(path)}
            assert not known & FORBIDDEN[own], f"{path} imports {known & FORBIDDEN[own]}"


def level_of_public(own):
    """Whether a module may use the public names of the package itself (top layer only)."""
    return LEVEL[own] == len(LAYERS) - 1


@pytest.mark.parametrize("folder", ["live", "panels"])
def test_no_pyplot(folder):
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in getattr(node, "names", []) if isinstance(alias, ast.alias)]
            text = " ".join([*names, getattr(node, "module", None) or ""])
            assert "pyplot" not in text and "pylab" not in text, path


def test_each_module_imports_alone():
    names = [".".join(["labkit", *parts(path)]) for path in MODULES if parts(path)[-1:] != ["__main__"]]
    done = subprocess.run([sys.executable, "-c", IMPORT_EACH, *names], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_importing_the_package_brings_in_no_widgets_and_no_plots():
    code = "import labkit, sys; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "torch" in done.stdout.split()
    assert not {"ipywidgets", "matplotlib", "pandas", "sklearn"} & set(done.stdout.split())


def test_the_subject_stays_out_of_the_engine():
    for name in ("train.py", "history.py", "rows.py", "run.py", "config.py", "pictures.py"):
        assert "grok" not in (ROOT / name).read_text().lower(), name
    for path in [*(ROOT / "live").rglob("*.py"), *(ROOT / "live").rglob("*.mjs")]:
        assert "grok" not in path.read_text().lower(), path

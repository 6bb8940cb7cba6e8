"""Every page, found by its name: runs, keeps its promises, and its notebook is its pair."""

import ast
import builtins
import json
import math
import re
from pathlib import Path

import jupytext
import nbformat
import pytest

from labkit import pages, student
from labkit.exercises import EXERCISES
from labkit.readme import ROOT

LABS = ROOT / "labs"
PAGES = pages.find(LABS)
#: Pages that tell a story, in the nine steps; the start page does not.
STORIES = [path for path in PAGES if path.parent != LABS]
TEMPLATE = LABS / "_template.py"
CHECK = re.compile(r'exercises\.check\("([^"]+)"')


def name(path: Path) -> str:
    return path.relative_to(LABS).as_posix()


def notebook(path: Path):
    return nbformat.read(path.with_suffix(".ipynb"), as_version=4)


every_page = pytest.mark.parametrize("path", PAGES, ids=name)
every_story = pytest.mark.parametrize("path", STORIES, ids=name)
every_source = pytest.mark.parametrize("path", [*PAGES, TEMPLATE], ids=name)


def test_the_pages_of_the_first_lab_are_found():
    assert [name(path) for path in PAGES[:3]] == [
        "00_start.py",
        "1_grokking/01_memorise_then_generalise.py",
        "1_grokking/02_inside_the_circuit.py",
    ]


@pytest.mark.kernel
@every_page
def test_a_page_runs_and_its_checked_outputs_are_the_stored_ones(path, executed):
    failures = [f"In: {cell.source}\n{cell.failure}" for cell in executed(path) if cell.failure]
    assert not failures, "\n\n".join(failures)
    assert len(executed(path)) == sum(cell.cell_type == "code" for cell in pages.read(path).cells)


@every_source
def test_labkit_comes_before_torch(path):
    """Only then do torch's threads sleep while they wait: see ``labkit/_openmp.py``."""
    first = {}
    for number, line in enumerate(path.read_text().splitlines()):
        if found := re.match(r"(?:import|from) (labkit|torch)\b", line):
            first.setdefault(found[1], number)
    assert first["labkit"] < first.get("torch", math.inf)


@every_source
def test_a_table_row_is_one_line(path):
    text = "\n".join(cell.source for cell in pages.read(path).cells if cell.cell_type == "markdown")
    assert [line for line in text.splitlines() if line.startswith("|") and not line.endswith("|")] == []


@pytest.mark.kernel
@every_page
def test_a_page_writes_nothing_on_stderr(path, executed):
    noise = [o["text"] for cell in executed(path) for o in cell.outputs if o.get("name") == "stderr"]
    assert not noise


@pytest.mark.kernel
@every_story
def test_starters_fail_their_checks_and_solutions_pass(path, executed):
    asked = [(cell, tag) for cell in executed(path) for tag in ("exercise", "solution") if tag in cell.tags]
    assert [tag for _, tag in asked] == ["exercise", "solution"] * 2
    for cell, tag in asked:
        (exercise,) = CHECK.findall(cell.source)
        wanted = f"{exercise}: right." if tag == "solution" else f"{exercise}: not yet. "
        assert cell.text.startswith(wanted), cell.text


@pytest.mark.kernel
@every_story
def test_the_executed_page_is_the_one_whose_source_we_read(path, executed):
    ours = [cell.source for cell in pages.read(path).cells if cell.cell_type == "code"]
    assert [cell.source for cell in executed(path)] == ours


@every_page
def test_the_notebook_is_the_pair_of_its_source(path):
    assert pages.drift(path) == [], "run: make pages"


@every_page
def test_the_notebook_opens_though_it_is_newer_than_its_source(path):
    """Else jupytext refuses, as after a pull that brings new outputs: unless both give the same text."""
    ours, theirs = (jupytext.read(path.with_suffix(end)) for end in (".py", ".ipynb"))
    assert jupytext.writes(ours, "py:percent") == jupytext.writes(theirs, "py:percent")


@every_story
def test_the_nine_headings_are_there_in_order(path):
    headings = re.findall(r"^## (.*)$", "\n".join(c.source for c in pages.read(path).cells), re.MULTILINE)
    assert headings == [f"{number} · {words}" for number, words in enumerate(pages.RHYTHM, start=1)]


def test_the_template_has_the_nine_headings_and_runs():
    test_the_nine_headings_are_there_in_order(TEMPLATE)
    done = pages.execute(TEMPLATE, fast=True)
    answers = [
        "".join(output.get("data", {}).get("text/plain", "") for output in cell.outputs)
        for cell in done.cells
        if {"exercise", "solution"} & set(cell.metadata.get("tags", []))
    ]
    assert [": right." in answer for answer in answers] == [False, True, False, True]


@every_story
def test_one_live_cell_and_it_starts_nothing(path):
    code = [cell.source for cell in pages.read(path).cells if cell.cell_type == "code"]
    (live,) = [source for source in code if "live." in source]
    # a diagram gets a name: the next cells read its frame
    assert live.startswith(("live.", "diagram = live.phase_diagram(")) and ".play(" not in live


@every_source
def test_cells_do_not_scroll_and_solutions_are_folded(path):
    for cell in pages.read(path).cells:
        lines = cell.source.count("\n") + 1
        assert lines <= (30 if cell.cell_type == "code" else 40), cell.source
        folded = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        assert folded == ("solution" in cell.metadata.get("tags", [])), cell.source


@every_story
def test_a_page_checks_numbers_and_asserts(path):
    code = [cell.source for cell in pages.read(path).cells if cell.cell_type == "code"]
    assert sum(source.startswith("# NBVAL_CHECK_OUTPUT") for source in code) >= 2
    assert sum(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(code[-1]))) >= 3


@every_page
def test_the_stored_notebook_says_nothing_of_widgets_times_or_machines(path):
    page = notebook(path)
    assert page.metadata == pages.METADATA
    text = path.with_suffix(".ipynb").read_text()
    assert "application/vnd.jupyter.widget" not in text
    for place in (str(ROOT), str(Path.home()), "/tmp/", "site-packages"):
        assert place + "/" not in text.replace("//", ""), place
    for cell in page.cells:
        assert set(cell.metadata) <= {"tags", "jupyter", "lines_to_next_cell"}
        assert all(not output.get("metadata") for output in cell.get("outputs", []))


@every_page
def test_the_stored_notebook_was_run_from_top_to_bottom_in_full_mode(path):
    code = [cell for cell in notebook(path).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert all(output.output_type != "error" and output.get("name") != "stderr" for output in outputs)


@every_story
def test_static_figures_are_stored_the_panels_among_them(path):
    code = [cell for cell in notebook(path).cells if cell.cell_type == "code"]
    pictures = [cell for cell in code if any("image/png" in o.get("data", {}) for o in cell.outputs)]
    assert len(pictures) >= 3
    assert any(cell.source.startswith(("live.", "diagram = live.")) for cell in pictures)


@every_source
def test_links_between_pages_lead_somewhere(path):
    text = "\n".join(c.source for c in pages.read(path).cells if c.cell_type == "markdown")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert target.startswith("https://") or (path.parent / target).is_file(), target


def test_every_page_is_on_the_start_page():
    start = (LABS / "00_start.py").read_text()
    for path in STORIES:
        assert f"({Path(name(path)).with_suffix('.ipynb')})" in start


def test_every_exercise_has_its_page_and_every_page_its_two():
    there = {}
    for path in STORIES:
        for exercise in CHECK.findall(path.read_text()):
            lab, page, *_ = exercise.split("-")
            assert f"_{lab}/{page}_" in name(path), exercise
            there[exercise] = there.get(exercise, 0) + 1
    assert there == dict.fromkeys(EXERCISES, 2)  # once in the starter, once in the solution


def test_every_lab_has_its_teaching_notes():
    for folder in {path.parent for path in STORIES}:
        headings = re.findall(r"^## (.*)$", (folder / "TEACHING.md").read_text(), re.MULTILINE)
        assert headings == [
            "Outcomes",
            "Prerequisites",
            "Plan",
            "What students should see",
            "Misconceptions",
            "Homework",
        ]


def test_the_students_copy_has_no_solutions_and_runs_on_without_them(tmp_path):
    cut = student.copy(LABS, tmp_path / "copy")
    assert {path.stem for path in cut} == {path.stem for path in STORIES} | {TEMPLATE.stem}
    assert not list((tmp_path / "copy").rglob("TEACHING.md"))
    for path in (tmp_path / "copy").rglob("[0-9][0-9]_*.ipynb"):
        page = json.loads(path.read_text())
        code = ["".join(cell["source"]) for cell in page["cells"] if cell["cell_type"] == "code"]
        assert not any("solution" in cell["metadata"].get("tags", []) for cell in page["cells"])
        assert _unbound("\n".join(code)) == set(), path.name


def _unbound(code: str) -> set[str]:
    """Names that are read somewhere and bound nowhere."""
    tree = ast.parse(code)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    bound = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    bound |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ExceptHandler)}
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    bound |= {alias.asname or alias.name for node in imports for alias in node.names}
    return {node.id for node in names if isinstance(node.ctx, ast.Load)} - bound - set(dir(builtins))

"""The machinery of the pages, on small pages of its own; tests/labs looks at the real ones."""

import base64
import os

import nbformat
import pytest

from labkit import pages
from labkit.__main__ import main

PAGE = """# %% [markdown]
# # A page

# %%
import os
print("fast" if os.environ.get("LABKIT_FAST") else "full", os.path.basename(os.getcwd()))

# %% tags=["solution"] jupyter={"source_hidden": true} slideshow={"slide_type": "slide"}
1 + 1
"""
PNG = base64.b64encode(b"a picture").decode()


@pytest.fixture
def labs(tmp_path):
    (tmp_path / "1_lab").mkdir()
    (tmp_path / "1_lab" / "01_page.py").write_text(PAGE)
    return tmp_path


def test_pages_are_found_by_name_and_in_order(labs):
    for name in ("00_start.py", "_template.py", "helper.py", "1_lab/02_next.py", "1_lab/notes.md"):
        (labs / name).touch()
    found = [path.relative_to(labs).as_posix() for path in pages.find(labs)]
    assert found == ["00_start.py", "1_lab/01_page.py", "1_lab/02_next.py"]
    assert pages.find(labs / "1_lab" / "02_next.py") == [labs / "1_lab" / "02_next.py"]


def test_a_folder_without_pages_is_refused(tmp_path, capsys):
    with pytest.raises(ValueError, match="folder: got .* allowed: a page NN_name.py, or a folder with some"):
        pages.find(tmp_path)
    with pytest.raises(ValueError, match="folder: got '.*03_none.py'"):
        pages.find(tmp_path / "03_none.py")
    assert main(["pages", str(tmp_path)]) == 1
    assert "labkit: folder: got" in capsys.readouterr().err


def test_reading_is_minimal_and_always_the_same(labs):
    path = labs / "1_lab" / "01_page.py"
    page = pages.read(path)
    assert page == pages.read(path)
    assert page.metadata == pages.METADATA
    assert [dict(cell.metadata) for cell in page.cells] == [
        {},
        {},
        {"tags": ["solution"], "jupyter": {"source_hidden": True}},
    ]
    nbformat.validate(page)


def test_a_new_cell_leaves_the_ids_of_the_others(labs):
    path = labs / "1_lab" / "01_page.py"
    before = [cell.id for cell in pages.read(path).cells]
    path.write_text("# %%\n0\n\n# %%\n0\n\n" + PAGE)
    first, second, *rest = (cell.id for cell in pages.read(path).cells)
    assert rest == before and first != second


@pytest.mark.kernel
def test_the_command_executes_in_full_mode_beside_the_source(labs, monkeypatch, capsys):
    monkeypatch.setenv("LABKIT_FAST", "1")  # must not reach the page
    assert main(["pages", str(labs)]) == 0
    assert "01_page.ipynb: " in capsys.readouterr().out
    page = nbformat.read(labs / "1_lab" / "01_page.ipynb", as_version=4)
    assert page.metadata == pages.METADATA
    assert page.cells[1].outputs[0].text == "full 1_lab\n"
    assert page.cells[2].outputs[0].data["text/plain"] == "2"
    assert set(page.cells[2].metadata) == {"tags", "jupyter"}
    assert pages.drift(labs / "1_lab" / "01_page.py") == []
    assert sorted(os.listdir(labs / "1_lab")) == ["01_page.ipynb", "01_page.py"]


@pytest.mark.kernel
def test_a_panel_is_stored_as_it_looks_after_playing(labs, monkeypatch, root):
    monkeypatch.setenv("PYTHONPATH", str(root / "tests"))
    path = labs / "1_lab" / "01_page.py"
    path.write_text("# %%\n1\n\n# %%\nimport toy\nfrom labkit import live\n\nlive.panel(toy.Config())\n")
    (played,), (still,) = (pages.execute(path, fast=fast).cells[1].outputs for fast in (False, True))
    for output in (played, still):
        assert set(output.data) == {"image/png", "text/plain"}
        assert base64.b64decode(output.data["image/png"]).startswith(b"\x89PNG")
        assert output.data["text/plain"] == "live panel (run the cell to bring it to life)"
    assert len(played.data["image/png"]) > 1.2 * len(still.data["image/png"])


@pytest.mark.kernel
def test_a_phase_diagram_is_stored_when_it_is_full(labs, monkeypatch, root):
    monkeypatch.setenv("PYTHONPATH", str(root / "tests"))
    path = labs / "1_lab" / "01_page.py"
    plane = 'x=("rate", [0.1, 0.2, 0.5]), y=("count", [1, 2, 3]), steps=3000'
    shown = f"shown = live.phase_diagram(toy.Config(), {plane})\nshown"
    path.write_text(f"# %%\nimport toy\nfrom labkit import live\n\n{shown}\n")
    full, early = (pages.execute(path, fast=fast).cells[0].outputs[0].data for fast in (False, True))
    assert full["text/plain"] == early["text/plain"] == "live panel (run the cell to bring it to life)"
    assert len(full["image/png"]) > 1.1 * len(early["image/png"])


@pytest.mark.kernel
def test_a_page_that_fails_is_named_and_its_old_notebook_stays(labs, capfd):
    (labs / "1_lab" / "01_page.py").write_text("# %%\nraise RuntimeError('the cell that fails')\n")
    (labs / "1_lab" / "01_page.ipynb").write_text("old")
    (labs / "2_lab.py").touch()
    assert main(["pages", str(labs)]) == 1
    err = capfd.readouterr().err
    assert "01_page.py: FAILED" in err and "the cell that fails" in err
    assert (labs / "1_lab" / "01_page.ipynb").read_text() == "old"


def test_a_stored_panel_keeps_its_picture_and_loses_its_widget():
    widget = {
        "application/vnd.jupyter.widget-view+json": {"model_id": "x"},
        "image/png": PNG,
        "text/plain": "View()",
    }
    cell = nbformat.v4.new_code_cell("live.panel()")
    cell.metadata = {"tags": ["a"], "execution": {"iopub.execute_input": "today"}}
    cell.outputs = [
        nbformat.v4.new_output("display_data", data=widget, metadata={"image/png": {"width": 1}}),
        nbformat.v4.new_output("stream", text="a line"),
    ]
    page = nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {"state": 1}})
    page = pages.strip(page)
    panel, line = page.cells[0].outputs
    assert dict(panel.data) == {
        "image/png": PNG,
        "text/plain": "live panel (run the cell to bring it to life)",
    }
    assert panel.metadata == {} and page.metadata == pages.METADATA
    assert page.cells[0].metadata == {"tags": ["a"]} and line.text == "a line"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("1 + 1", "1 + 2", "cell 3: text is '1 + 1' there, '1 + 2' here"),
        ("solution", "exercise", "cell 3: tags is ['solution'] there, ['exercise'] here"),
        ('"source_hidden": true', '"source_hidden": false', "cell 3: folded is True there, False here"),
        ("# %% tags", "# %% [markdown] tags", "cell 3: kind is 'code' there, 'markdown' here"),
        ("# %%\nimport", "# %%\n2\n\n# %%\nimport", "3 cells in the .py, 4 in the .ipynb"),
    ],
)
def test_drift_says_what_differs(labs, old, new, said):
    path = labs / "1_lab" / "01_page.py"
    assert pages.drift(path) == ["01_page.ipynb is missing"]
    assert PAGE.count(old) == 1
    path.write_text(PAGE.replace(old, new))
    nbformat.write(pages.read(path), path.with_suffix(".ipynb"))
    assert pages.drift(path) == []
    path.write_text(PAGE)
    assert said in pages.drift(path)


class Thing:
    """A class."""

    @property
    def short(self) -> int:
        """Gone.

        All of it.
        """
        return 1  # stays

    def only_words(self):
        """Stays: a body must not be empty."""


def test_source_is_dedented_and_without_docstring():
    assert pages.source(Thing.short.fget) == "@property\ndef short(self) -> int:\n    return 1  # stays"
    assert "Stays" in pages.source(Thing.only_words)
    assert pages.source(Thing).splitlines()[:3] == ["class Thing:", "", "    @property"]

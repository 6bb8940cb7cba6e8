import jupytext
import nbformat
import pytest

from labkit import student
from labkit.__main__ import main

PAGE = """# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
# ---

# %% [markdown]
# # A page about solutions

# %%
x = 1  # kept

# %% tags=["exercise"]
answer = ...

# %% tags=["solution"] jupyter={"source_hidden": true}
answer = "secret one"

# %% [markdown] tags=["solution"]
# The secret two is explained.

# %% tags=["check"]
assert x == 1
"""


@pytest.fixture
def labs(tmp_path):
    folder = tmp_path / "labs"
    (folder / "1_lab" / ".ipynb_checkpoints").mkdir(parents=True)
    (folder / "1_lab" / "01_page.py").write_text(PAGE)
    notebook = jupytext.reads(PAGE, fmt="py:percent")
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="a figure")]
    nbformat.write(notebook, folder / "1_lab" / "01_page.ipynb")
    (folder / "1_lab" / "helper.py").write_text('"""No solution here."""\nx = "é"\n')
    (folder / "1_lab" / "TEACHING.md").write_text("what students should see")
    (folder / "1_lab" / "picture.png").write_bytes(b"\x89PNG\xff")
    (folder / "1_lab" / ".ipynb_checkpoints" / "01_page.ipynb").write_text("{}")
    return folder


def test_both_halves_lose_their_solutions_and_nothing_else(labs, tmp_path):
    out = tmp_path / "deep" / "copy"
    cut = student.copy(labs, out)
    assert sorted(path.relative_to(out).as_posix() for path in cut) == [
        "1_lab/01_page.ipynb",
        "1_lab/01_page.py",
    ]
    for path in cut:
        assert "secret" not in path.read_text()
        before = jupytext.read(labs / path.relative_to(out)).cells
        after = jupytext.read(path).cells
        wanted = [c.source for c in before if "solution" not in c.metadata.get("tags", [])]
        assert [c.source for c in after] == wanted and len(wanted) == 4
        assert [c.metadata.get("tags") for c in after] == [None, None, ["exercise"], ["check"]]
    assert nbformat.read(out / "1_lab" / "01_page.ipynb", 4).cells[1].outputs[0].text == "a figure"


def test_the_text_half_is_cut_by_lines_only(labs, tmp_path):
    student.copy(labs, tmp_path / "copy")
    text = (tmp_path / "copy" / "1_lab" / "01_page.py").read_text()
    _, _, after = text.partition("# ---\n\n")  # jupytext may add its version to the header
    _, _, before = PAGE.partition("# ---\n\n")
    start, end = before.index('# %% tags=["solution"]'), before.index('# %% tags=["check"]')
    assert after == before[:start] + before[end:]


def test_other_files_are_copied_byte_for_byte_and_teachers_files_stay(labs, tmp_path):
    student.copy(labs, tmp_path / "copy")
    names = {
        p.relative_to(tmp_path / "copy").as_posix() for p in (tmp_path / "copy").rglob("*") if p.is_file()
    }
    assert names == {"1_lab/01_page.py", "1_lab/01_page.ipynb", "1_lab/helper.py", "1_lab/picture.png"}
    for name in ("helper.py", "picture.png"):
        assert (tmp_path / "copy" / "1_lab" / name).read_bytes() == (labs / "1_lab" / name).read_bytes()


def test_nothing_is_overwritten(labs, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "work.py").write_text("my work")
    with pytest.raises(ValueError, match="out: got .*mine', which is not empty"):
        student.copy(labs, tmp_path / "mine")
    with pytest.raises(ValueError, match="out: got .* allowed: a folder outside it"):
        student.copy(labs, labs / "out")
    with pytest.raises(ValueError, match="source: got 'no_such_folder'; allowed: an existing folder"):
        student.copy("no_such_folder", tmp_path / "out")
    assert (tmp_path / "mine" / "work.py").read_text() == "my work"
    assert not (labs / "out").exists()


def test_the_command_says_what_it_did(labs, tmp_path, capsys):
    assert main(["student", str(labs), str(tmp_path / "out")]) == 0
    assert "solutions cut from 2 files" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="labkit: out: got"):
        main(["student", str(labs), str(tmp_path / "out")])

"""The student's copy of the labs: the same pages without their solutions."""

import shutil
from pathlib import Path

import jupytext
import nbformat

#: A cell with this tag is left out of the copy.
TAG = "solution"
#: What only teachers need, and what running leaves behind.
LEFT_OUT = {"TEACHING.md", "__pycache__", ".ipynb_checkpoints"}


def copy(source: str | Path, out: str | Path) -> list[Path]:
    """Copy the folder ``source`` to ``out`` with all cells tagged ``solution`` removed.

    Both halves of a page, ``.py`` (percent format) and ``.ipynb``, are cut; ``TEACHING.md`` stays
    behind; every other file is copied as it is.

    Args:
        source: a folder of labs.
        out: where to; it must be new or empty, so that nobody's work is overwritten.

    Returns:
        The pages from which something was cut.

    Raises:
        ValueError: ``source`` is no folder, or ``out`` holds files or lies inside ``source``.
    """
    source, out = Path(source), Path(out)
    if not source.is_dir():
        raise ValueError(f"source: got {str(source)!r}; allowed: an existing folder of labs")
    if out.resolve().is_relative_to(source.resolve()):
        raise ValueError(f"out: got {str(out)!r}, inside {str(source)!r}; allowed: a folder outside it")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"out: got {str(out)!r}, which is not empty; allowed: a new or empty folder")
    out.mkdir(parents=True, exist_ok=True)
    cut = []
    for path in sorted(source.rglob("*")):
        below = path.relative_to(source)
        if LEFT_OUT.intersection(below.parts):
            continue
        target = out / below
        if path.is_dir():
            target.mkdir(exist_ok=True)
        elif path.suffix in (".py", ".ipynb") and (text := _without_solutions(path)) is not None:
            target.write_text(text, encoding="utf-8")
            cut.append(target)
        else:
            shutil.copyfile(path, target)
    return cut


def _without_solutions(path: Path) -> str | None:
    """The page without its solution cells; ``None`` when it has none (or is no page)."""
    fmt = "ipynb" if path.suffix == ".ipynb" else "py:percent"
    text = path.read_text(encoding="utf-8")
    if TAG not in text:
        return None
    page = jupytext.reads(text, fmt=fmt)
    kept = [cell for cell in page.cells if TAG not in cell.metadata.get("tags", [])]
    if len(kept) == len(page.cells):
        return None
    page.cells = kept
    # Not jupytext for notebooks: it would drop outputs, the figures that show without a kernel.
    return nbformat.writes(page) + "\n" if fmt == "ipynb" else jupytext.writes(page, fmt=fmt)

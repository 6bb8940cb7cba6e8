"""The pages: a ``.py`` in percent format is the source, the ``.ipynb`` beside it is its executed product.

``python -m labkit pages labs`` writes the notebooks anew; :func:`source` is what the pages print code with.
"""

import ast
import hashlib
import inspect
import os
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

#: The headings of every page of a lab, in this order; see ``labs/_template.py``.
RHYTHM = (
    "The question",
    "Predict",
    "Play",
    "Look",
    "Open the box",
    "Explain",
    "Try it",
    "Check",
    "Sources",
)
#: What a notebook says about itself: enough to open it and to find its pair, nothing of the machine.
METADATA = {
    "jupytext": {"formats": "ipynb,py:percent"},
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
#: What a cell says about itself that both halves of a pair keep. Without the blank lines before the next cell
#: jupytext would find the halves different, and refuse to open a notebook that is newer than its source.
_CELL = ("tags", "jupyter", "lines_to_next_cell")
_WIDGET = "application/vnd.jupyter.widget-view+json"
#: At full speed, this many steps; then the panel's pictures as a figure. Run after the page, for each panel.
_PLAYED = """Out[{cell}].speed(None).step({steps})
Out[{cell}].result().figure()"""
#: The same for a phase diagram: all of its cells.
_FILLED = """Out[{cell}].settle()
Out[{cell}].figure()"""
#: A stored panel is pictured after so many steps: before the first one its pictures are empty.
STEPS = 250
_ROOT = Path(__file__).resolve().parent.parent


def find(folder: str | Path) -> list[Path]:
    """All pages below ``folder``: sources named ``NN_name.py``, in order; of a page, itself.

    Raises:
        ValueError: there is none.
    """
    place = Path(folder)
    below = [place] if place.is_file() else place.rglob("*.py")
    found = sorted(
        path for path in below if path.match("[0-9][0-9]_*.py") and ".ipynb_checkpoints" not in path.parts
    )
    if not found:
        raise ValueError(f"folder: got {str(folder)!r}; allowed: a page NN_name.py, or a folder with some")
    return found


def read(path: str | Path) -> NotebookNode:
    """The page at ``path`` (its ``.py``) as a notebook without outputs, minimal and always the same."""
    page = jupytext.read(path, fmt="py:percent")
    page.metadata = nbformat.from_dict(METADATA)
    seen: dict[str, int] = {}
    for cell in page.cells:
        cell.metadata = nbformat.from_dict(
            {name: cell.metadata[name] for name in _CELL if name in cell.metadata}
        )
        # Ids from the content: a new cell leaves those of all others as they are.
        name = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
        seen[name] = seen.get(name, 0) + 1
        cell.id = name if seen[name] == 1 else f"{name}-{seen[name]}"
    page.nbformat, page.nbformat_minor = 4, 5
    return page


def execute(path: str | Path, *, fast: bool = False, timeout: float = 600) -> NotebookNode:
    """Run the page at ``path`` (its ``.py``) from top to bottom, and return it with its outputs.

    Args:
        path: the source; its folder is the working directory.
        fast: with ``LABKIT_FAST=1``, as the tests do; else in full mode, in which the picture of each live
            panel is taken after :data:`STEPS` steps.
        timeout: seconds that one cell may take.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed; the message shows it.
    """
    from nbclient import NotebookClient  # the pages themselves import this module, for `source`

    page = read(path)
    plays = {} if fast else _plays(page)
    page.cells += plays.values()
    client = NotebookClient(
        page,
        timeout=timeout,
        kernel_name="python3",
        resources={"metadata": {"path": str(Path(path).parent)}},
        # ipykernel's advice on transports is none for a reader of `make pages`
        extra_arguments=["--log-level=ERROR"],
        record_timing=False,
        store_widget_state=False,
    )
    client.execute(env=environment(fast=fast))
    for number, play in plays.items():
        page.cells[number].outputs[0].data["image/png"] = play.outputs[0].data["image/png"]
    del page.cells[len(page.cells) - len(plays) :]
    return strip(page)


def _plays(page: NotebookNode) -> dict[int, NotebookNode]:
    """Index of each cell with a live panel -> a further cell that plays it."""
    code = [number for number, cell in enumerate(page.cells) if cell.cell_type == "code"]
    plays = {}
    for count, number in enumerate(code, start=1):
        text = page.cells[number].source
        if text.splitlines()[-1].startswith("live.panel("):
            plays[number] = nbformat.v4.new_code_cell(_PLAYED.format(cell=count, steps=STEPS))
        elif "live.phase_diagram(" in text:
            plays[number] = nbformat.v4.new_code_cell(_FILLED.format(cell=count))
    return plays


def environment(*, fast: bool) -> dict[str, str]:
    """Environment variables for a kernel that runs a page with this very labkit."""
    known = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    kept = {name: value for name, value in os.environ.items() if name != "LABKIT_FAST"}
    return kept | {"PYTHONPATH": os.pathsep.join(known)} | ({"LABKIT_FAST": "1"} if fast else {})


def strip(page: NotebookNode) -> NotebookNode:
    """Remove in place what no reader of a stored page can use: live widgets, timings, state.

    A live panel keeps its picture and its text.
    """
    page.metadata = nbformat.from_dict(METADATA)
    for cell in page.cells:
        cell.metadata = nbformat.from_dict(
            {name: cell.metadata[name] for name in _CELL if name in cell.metadata}
        )
        for output in cell.get("outputs", ()):
            if "metadata" in output:
                output.metadata = NotebookNode()
            if _WIDGET in output.get("data", {}):
                del output.data[_WIDGET]
                output.data["text/plain"] = "live panel (run the cell to bring it to life)"
    return page


def drift(path: str | Path) -> list[str]:
    """What differs between the page at ``path`` (its ``.py``) and its notebook, in words; empty if in step.

    Only content counts: kind, text and tags of the cells, not times, outputs or ids.
    """
    notebook = Path(path).with_suffix(".ipynb")
    if not notebook.is_file():
        return [f"{notebook.name} is missing"]
    ours, theirs = _content(read(path)), _content(nbformat.read(notebook, as_version=4))
    found = [] if len(ours) == len(theirs) else [f"{len(ours)} cells in the .py, {len(theirs)} in the .ipynb"]
    for number, (mine, its) in enumerate(zip(ours, theirs, strict=False), start=1):
        for what in mine:
            if mine[what] != its[what]:
                found.append(f"cell {number}: {what} is {_short(mine[what])} there, {_short(its[what])} here")
    return found


def main(folder: str | Path) -> int:
    """Execute every page below ``folder``, or this one, in full mode into the ``.ipynb`` beside it.

    Returns:
        The exit code: 1 if a page failed (its old notebook then stays), else 0.
    """
    try:
        found = find(folder)
    except ValueError as error:
        print(f"labkit: {error}", file=sys.stderr)
        return 1
    failed = 0
    for path in found:
        begin = time.perf_counter()
        try:
            page = execute(path)
        except Exception as error:  # a failing cell, a dead kernel: say so and go on with the next page
            failed += 1
            print(f"{path}: FAILED\n{error}", file=sys.stderr)
            continue
        beside = path.with_suffix(".ipynb.new")
        nbformat.write(page, beside)
        beside.replace(path.with_suffix(".ipynb"))
        print(f"{path.with_suffix('.ipynb')}: {time.perf_counter() - begin:.0f} s", flush=True)
    return int(failed > 0)


def source(thing: Callable | type) -> str:
    """The source of a function or method, dedented and without its docstring, for printing on a page."""
    text = textwrap.dedent(inspect.getsource(thing))
    (definition,) = ast.parse(text).body
    lines = text.splitlines()
    if ast.get_docstring(definition) is not None and len(definition.body) > 1:
        words = definition.body[0]
        del lines[words.lineno - 1 : words.end_lineno]
    return "\n".join(lines).strip("\n")


def _content(page: NotebookNode) -> list[dict[str, object]]:
    return [
        {
            "kind": cell.cell_type,
            "text": cell.source.strip(),
            "tags": sorted(cell.metadata.get("tags", [])),
            "folded": bool(cell.metadata.get("jupyter", {}).get("source_hidden", False)),
        }
        for cell in page.cells
    ]


def _short(value: object, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"

"""A figure from pictures: one axes each, on a grid. No pyplot: its global state is not thread-safe."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from labkit import _checks, diagrams
from labkit.history import History
from labkit.panels import diagram, heatmap, lines, scatter, table
from labkit.pictures import Diagram, Heatmap, Lines, Outcome, Picture, Scatter, Table

if TYPE_CHECKING:
    import pandas

_DRAW = {
    Lines: lines.draw,
    Heatmap: heatmap.draw,
    Scatter: scatter.draw,
    Diagram: diagram.draw,
    Table: table.draw,
}
_STYLE = {"axes.titlesize": "medium", "axes.labelsize": "small", "legend.fontsize": "x-small",
          "xtick.labelsize": "x-small", "ytick.labelsize": "x-small"}  # fmt: skip


class Print(Figure):
    """A matplotlib figure that notebooks show without pyplot."""

    def _repr_png_(self) -> bytes:
        target = io.BytesIO()
        self.savefig(target, format="png", dpi=110)
        return target.getvalue()


def figure(
    histories: Sequence[History],
    pictures: Sequence[str] | None = None,
    *,
    columns: int = 3,
    xscale: str | None = None,
) -> Print:
    """Draw the pictures that the experiment of the first history declares.

    Args:
        histories: the run to draw, then runs to draw over it (same experiment).
        pictures: names of the pictures wanted, in order; all of them by default.
        columns: axes side by side.
        xscale: "log" or "linear" for every step axis; as declared by default.

    Raises:
        ValueError: an unknown picture name (the nearest one is told).
    """
    config = histories[0].current
    declared = {picture.name: picture for picture in config.experiment.pictures(config)}
    if pictures is None:
        wanted = list(declared.values())
    else:
        wanted = [_checks.lookup(declared, name, "pictures") for name in pictures]
    return _figure(wanted, histories, columns, xscale)


def explore_figure(pictures: Sequence[Picture], *, columns: int = 3) -> Print:
    """Draw pictures that carry their own arrays (computed, not trained)."""
    return _figure(list(pictures), [], columns, None)


def phase_diagram(
    frame: "pandas.DataFrame",
    *,
    x: str | None = None,
    y: str | None = None,
    outcome: str | Sequence[str] | None = None,
    boundary: diagrams.Boundary | None = None,
    columns: int = 2,
) -> Print:
    """Draw what a sweep found as a plane of cells; runs that differ in other axes share a cell.

    Args:
        frame: what ``sweep(...)`` returned.
        x: the axis across; by default the sweep's first besides the seed.
        y: the axis upwards; by default the next.
        outcome: what colours mean, one or several: an outcome of the experiment (by default its first), or
            any column of numbers.
        boundary: where theory draws a line; by default what the experiment declares.
        columns: diagrams side by side.

    Raises:
        ValueError: no frame of a sweep, an unknown axis or outcome.
    """
    config, across, up, cells = diagrams.of_frame(frame, x, y)
    known = diagrams.outcomes_of(config, frame)
    names = [next(iter(known))] if outcome is None else [outcome] if isinstance(outcome, str) else outcome
    table = {name: Outcome(name.replace("_", " ")) for name in frame.select_dtypes("number")} | known
    pictures = [
        diagrams.diagram(config, across, up, cells, name, _checks.lookup(table, name, "outcome"), boundary)
        for name in names
    ]
    return _figure(pictures, [], columns, None)


def _figure(pictures: list[Picture], histories: Sequence[History], columns: int, xscale: str | None) -> Print:
    columns = max(1, min(columns, len(pictures)))
    rows = -(-len(pictures) // columns)
    with matplotlib.rc_context({**seaborn.axes_style("ticks"), **_STYLE}):
        wide, high = (6.4, 4.2) if any(isinstance(picture, Diagram) for picture in pictures) else (4.1, 3.1)
        sheet = Print(figsize=(wide * columns, high * rows), layout="constrained")
        for number, picture in enumerate(pictures):
            axes: Axes = sheet.add_subplot(rows, columns, number + 1)
            axes.set_title(picture.title)
            axes.set_xlabel(picture.xlabel)
            axes.set_ylabel(picture.ylabel)
            _DRAW[type(picture)](axes, picture, histories)
            if xscale is not None and picture.xlabel == "step":
                axes.set_xscale("symlog" if xscale == "log" else "linear", **_symlog(xscale))
                axes.set_xlim(left=0)  # a margin would show negative steps
            if picture.note:
                below = isinstance(picture, Table)  # in the middle of its cells nobody could read it
                axes.annotate(picture.note, (0.5, 0 if below else 0.5), xycoords="axes fraction", ha="center",
                              va="top" if below else "center", fontsize="small", wrap=True)  # fmt: skip
        seaborn.despine(fig=sheet)
    return sheet


def _symlog(xscale: str) -> dict:
    # Step 0 belongs on the axis: linear up to step 1, logarithmic beyond.
    return {"linthresh": 1.0, "linscale": 0.3} if xscale == "log" else {}

"""Curves with matplotlib: runs over each other, theory dashed, ticks and flags on the axis."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from labkit.history import History
from labkit.panels.columns import xy
from labkit.pictures import PALETTE, Line, Lines


def draw(axes: Axes, picture: Lines, histories: Sequence[History]) -> None:
    """Draw ``picture`` for each history, in that history's row of the palette."""
    for run, history in enumerate(histories or [None]):
        colours = PALETTE[run % len(PALETTE)]
        for line in picture.lines:
            own = isinstance(line.y, str)
            if (run and not own) or (data := xy(line, history)) is None:
                continue
            axes.plot(
                *data,
                color=colours[line.shade % len(colours)],
                linestyle="--" if line.theory else "-",
                linewidth=1.6,
                marker="o" if len(data[0]) == 1 else None,  # a lone point is no line
                label=line.label + (f" · run {run + 1}" if own and len(histories) > 1 else ""),
            )
        if picture.events and history is not None:
            _mark(axes, history, colours)
    axes.set_xscale(picture.xscale)
    if picture.yscale != "log" or any((line.get_ydata() > 0).any() for line in axes.lines):
        axes.set_yscale(picture.yscale)
    if picture.ylim is not None:
        axes.set_ylim(*picture.ylim)
    elif axes.get_yscale() == "log":
        _widen(axes)
    if histories and all(len(history) == 1 for history in histories) and picture.xlabel == "step":
        axes.set_xlim(0, 1)  # as in the browser; a step before the first does not exist
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False)


def over(axes: Axes, lines: Sequence[Line]) -> None:
    """Lines that carry their own arrays, over another kind of picture: light edge, points in their order."""
    for line in lines:
        colour = PALETTE[0][line.shade % len(PALETTE[0])]
        alone = len(np.atleast_1d(line.x)) == 1
        axes.plot(
            line.x, line.y, color=colour, linestyle="--" if line.theory else "-", linewidth=1.6,
            marker="o" if alone else None, markeredgecolor="white", label=line.label,
            path_effects=None if alone else [withStroke(linewidth=2.8, foreground="white")],
        )  # fmt: skip
    if any(line.label for line in lines):
        axes.legend(frameon=True, framealpha=0.8, edgecolor="none")


def _widen(axes: Axes) -> None:
    """A third of a decade at least, as in the browser: noise is not stretched to look like a trend."""
    low, high = np.log10(axes.get_ylim())
    more = max(0.0, 0.33 - (high - low)) / 2
    axes.set_ylim(10 ** (low - more), 10 ** (high + more))


def _mark(axes: Axes, history: History, colours: Sequence[str]) -> None:
    for step in {change.step for change in history.interventions}:
        axes.axvline(step, ymax=0.04, color=colours[0], linewidth=1)
    for shade, step in enumerate(history.events.values()):
        axes.axvline(step, color=colours[shade % len(colours)], linewidth=0.8, linestyle=":", zorder=0)

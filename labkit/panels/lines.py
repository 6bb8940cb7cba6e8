"""Curves with matplotlib: runs over each other, theory dashed, ticks and flags on the axis."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from labkit.history import History
from labkit.panels.columns import xy
from labkit.pictures import PALETTE, Lines


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
                label=line.label + (f" · run {run + 1}" if own and len(histories) > 1 else ""),
            )
        if picture.events and history is not None:
            _mark(axes, history, colours)
    axes.set_xscale(picture.xscale)
    axes.set_yscale(picture.yscale)
    if picture.ylim is not None:
        axes.set_ylim(*picture.ylim)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False)


def _mark(axes: Axes, history: History, colours: Sequence[str]) -> None:
    for step in {change.step for change in history.interventions}:
        axes.axvline(step, ymax=0.04, color=colours[0], linewidth=1)
    for shade, step in enumerate(history.events.values()):
        axes.axvline(step, color=colours[shade % len(colours)], linewidth=0.8, linestyle=":", zorder=0)

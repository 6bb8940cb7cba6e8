"""Where a picture's numbers come from: an array it carries, or a column, profile or view by name."""

import numpy as np

from labkit.history import History
from labkit.pictures import Line, Values


def xy(line: Line, history: History | None) -> tuple[np.ndarray, np.ndarray] | None:
    """Both coordinates of a line without its gaps, or ``None`` where the history has no such column."""
    x, y = _vector(line.x, history), _vector(line.y, history)
    if x is None or y is None:
        return None
    there = np.isfinite(x) & np.isfinite(y)
    return x[there], y[there]


def array(values: Values, history: History | None) -> np.ndarray | None:
    """An array of a heat map or scatter that shows the latest state."""
    if not isinstance(values, str):
        return np.asarray(values, dtype=float)
    return None if history is None else history.views.get(values)


def _vector(values: Values, history: History | None) -> np.ndarray | None:
    if not isinstance(values, str):
        return np.asarray(values, dtype=float)
    if history is None:
        return None
    if values == "step":
        return history.steps.astype(float)
    return history[values] if values in history.columns else None

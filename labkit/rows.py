"""A growing table of numbers by step that never outgrows its capacity."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from labkit import _checks


class _Table(NamedTuple):
    """What a reader on another thread sees at one moment; rows from ``count`` on are not written yet."""

    names: tuple[str, ...]
    steps: np.ndarray
    values: np.ndarray
    count: int


class Rows:
    """Steps (int64) and values (rows, width), appended in amortised constant time.

    At ``capacity`` rows the table thins itself to log-spaced detail and ``thinned`` counts up, so that a
    reader who remembers row numbers knows they moved.
    Named rows (mappings) are scalars in float64; unnamed rows (vectors) are stored in float32.
    One thread may write while others read: steps and values taken apart may differ in length, a copy by
    :meth:`until` is of one moment.
    """

    def __init__(self, *, capacity: int = 16_384) -> None:
        self.capacity = capacity
        self.thinned = 0
        self.detail = capacity
        self._now = _Table((), np.empty(64, np.int64), np.empty((64, 0)), 0)

    @classmethod
    def of(
        cls, names: Sequence[str], steps: np.ndarray, values: np.ndarray, detail: int | None = None
    ) -> "Rows":
        """Rows with the given contents, thinned so far to ``detail`` rows an octave."""
        rows = cls()
        rows.detail = detail or rows.detail
        rows._now = _Table(tuple(names), steps.astype(np.int64), values.copy(), len(steps))
        return rows

    def append(self, step: int, row: Mapping[str, float] | np.ndarray) -> None:
        """Add a row; a step that is not later than the last is ignored. New names get NaN before."""
        names, steps, values, count = self._now
        if count and step <= steps[count - 1]:
            return
        if isinstance(row, Mapping):
            names, values = _learnt(names, values, row)
            row = [row.get(name, np.nan) for name in names]
        elif not values.shape[1]:
            values = np.empty((len(steps), len(row)), np.float32)
        if count == len(steps):
            steps = np.concatenate([steps, np.empty_like(steps)])
            values = np.concatenate([values, np.empty_like(values)])
        steps[count] = step
        with np.errstate(over="ignore"):  # a diverging run shows infinity in float32, and says so elsewhere
            values[count] = row
        self._now = _Table(names, steps, values, count + 1)
        if len(self) >= self.capacity:
            self._thin()

    def complete(self, row: Mapping[str, float]) -> None:
        """Write more named values into the last row."""
        names, steps, values, count = self._now
        names, values = _learnt(names, values, row)
        for name, value in row.items():
            values[count - 1, names.index(name)] = value
        self._now = _Table(names, steps, values, count)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns; empty where rows are vectors."""
        return self._now.names

    @property
    def steps(self) -> np.ndarray:
        """Recorded steps, (rows,)."""
        return self._now.steps[: self._now.count]

    @property
    def values(self) -> np.ndarray:
        """Recorded values, (rows, width)."""
        return self._now.values[: self._now.count]

    def column(self, name: str) -> np.ndarray:
        """One named column, (rows,)."""
        names, _, values, count = self._now
        if name not in names:
            try:
                _checks.choice("column", name, names)
            except ValueError as error:  # of what is asked for like a key
                raise KeyError(str(error)) from None
        return values[:count, names.index(name)]

    def until(self, step: int) -> "Rows":
        """A copy of the rows up to and including ``step``."""
        names, steps, values, count = self._now
        count = int(np.searchsorted(steps[:count], step, side="right"))
        return Rows.of(names, steps[:count], values[:count], self.detail)

    def __len__(self) -> int:
        return self._now.count

    def _thin(self) -> None:
        """Keep the first row of each of ``detail`` equal parts of every octave, and the last row."""
        octave = np.frexp(self.steps.astype(float))[1]
        place = np.ldexp(self.steps.astype(float), 1 - octave)  # in [1, 2) inside the octave
        while True:
            part = np.floor(place * self.detail)
            keep = np.diff(octave, prepend=-1).astype(bool) | np.diff(part, prepend=-1).astype(bool)
            keep[-1] = True
            keep = np.flatnonzero(keep)
            if len(keep) <= self.capacity // 2:
                break
            self.detail //= 2
        # new arrays: whoever reads the old ones goes on undisturbed
        steps, values = np.empty_like(self._now.steps), np.empty_like(self._now.values)
        steps[: len(keep)], values[: len(keep)] = self.steps[keep], self.values[keep]
        self._now = _Table(self.names, steps, values, len(keep))
        self.thinned += 1


def _learnt(
    names: tuple[str, ...], values: np.ndarray, row: Mapping[str, float]
) -> tuple[tuple[str, ...], np.ndarray]:
    """Names and values with a column of NaN for each new name."""
    new = tuple(name for name in row if name not in names)
    if not new:
        return names, values
    return names + new, np.concatenate([values, np.full((len(values), len(new)), np.nan)], axis=1)

"""The growing table against a plain list."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.rows import Rows


@given(st.lists(st.integers(0, 300), max_size=200))
def test_rows_equal_a_plain_list_of_rising_steps(steps):
    rows, plain = Rows(), []
    for step in steps:
        if not plain or step > plain[-1]:
            plain.append(step)
        rows.append(step, {"x": step**0.5})
    assert rows.steps.tolist() == plain
    if plain:
        assert rows.column("x").tolist() == [step**0.5 for step in plain]


def test_a_column_that_comes_later_is_nan_before():
    rows = Rows()
    rows.append(0, {"x": 1.0})
    rows.append(1, {"x": 2.0, "y": 3.0})
    rows.append(2, {"x": 4.0})
    np.testing.assert_array_equal(rows.column("y"), [np.nan, 3.0, np.nan])
    with pytest.raises(KeyError, match="column: got 'z'; allowed: 'x', 'y'. Did you mean"):
        rows.column("z")


def test_thinning_keeps_both_ends_and_bounds_the_size():
    rows = Rows(capacity=256)
    for step in range(20_000):
        rows.append(step, {"x": float(step)})
        assert len(rows) < 256
    assert rows.thinned > 0
    assert rows.steps[0] == 0 and rows.steps[-1] == 19_999
    np.testing.assert_array_equal(rows.column("x"), rows.steps)
    # log-spaced: each of the last octaves keeps a similar number of rows
    counts = [int(((rows.steps >= 2**k) & (rows.steps < 2 ** (k + 1))).sum()) for k in range(8, 14)]
    assert min(counts) > 4 and max(counts) < 8 * min(counts), counts

"""What a row says of itself: formula, source, parameters, and what could not be verified."""

from typing import Any


def told(row: Any) -> str:
    """The text of an ``Activation`` or a ``Unit``, several lines; its ``repr``, and that of its module."""
    lines = [row.formula, f"source: {row.source}"]
    for one in row.parameters:
        learnt = ", learnt" if one.learnable else ""
        lines.append(f"{one.name} = {_number(one.default)}{_range(one.low, one.high)}: {one.meaning}{learnt}")
    if row.aliases:
        lines.append(f"also called {', '.join(row.aliases)}")
    if row.gradient != "exact":
        lines.append("backward is not the derivative, on purpose")
    if row.note:
        lines.append(f"note: {row.note}")
    if row.doubt:
        lines.append(f"in doubt: {row.doubt}")
    return "\n".join(lines)


def _number(value: int | float | tuple) -> str:
    return f"({', '.join(map(_number, value))})" if isinstance(value, tuple) else f"{value:.6g}"


def _range(low: int | float | None, high: int | float | None) -> str:
    if low is None and high is None:
        return ""
    return f" in {'(-∞' if low is None else f'[{low:.6g}'}, {'∞)' if high is None else f'{high:.6g}]'}"

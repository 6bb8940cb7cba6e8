"""All wording of errors about bad input: what was named, what came, what is allowed."""

import difflib
import math
import numbers
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def choice(name: str, value: Any, allowed: Iterable[str]) -> str:
    """Return ``value`` if it is one of ``allowed``.

    Raises:
        ValueError: it is not; says what is allowed and, for a text, which name is nearest (however far).
    """
    allowed = list(allowed)
    if isinstance(value, str) and value in allowed:
        return value
    near = difflib.get_close_matches(value, allowed, n=1, cutoff=0.0) if isinstance(value, str) else []
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"{name}: got {_shown(value)}; allowed: {', '.join(map(repr, allowed))}.{hint}")


def lookup(table: Mapping[str, T], value: Any, name: str) -> T:
    """Return ``table[value]``; an unknown name raises ``ValueError`` with the nearest one."""
    return table[choice(name, value, table)]


def instance(name: str, value: Any, *kinds: type) -> Any:
    """Return ``value`` if it is of one of these classes; a class itself, its brackets forgotten, is not.

    Raises:
        ValueError: it is not.
    """
    if isinstance(value, kinds):
        return value
    allowed = " or ".join(
        f"{'an' if kind.__name__[0] in 'AEIOUaeiou' else 'a'} {kind.__name__}" for kind in kinds
    )
    hint = (
        f". Did you mean {value.__name__}()?" if isinstance(value, type) and issubclass(value, kinds) else ""
    )
    raise ValueError(f"{name}: got {_shown(value)} ({type(value).__name__}); allowed: {allowed}{hint}")


def function(name: str, value: Any) -> Any:
    """Return ``value`` if it can be called.

    Raises:
        ValueError: it cannot.
    """
    if not callable(value):
        raise ValueError(f"{name}: got {_shown(value)} ({type(value).__name__}); allowed: a function")
    return value


def number(
    name: str,
    value: Any,
    *,
    kind: type = float,
    low: float | None = None,
    high: float | None = None,
    unit: str = "",
) -> Any:
    """Return ``value`` as a plain ``int`` or ``float`` inside [low, high].

    Args:
        name: the argument as the caller knows it.
        value: what came; numpy numbers are accepted, booleans and text are not.
        kind: ``int`` or ``float``; an ``int`` passes as ``float``, never the reverse.
        low: smallest allowed value, ``None`` for no bound.
        high: largest allowed value, ``None`` for no bound.
        unit: printed after the bounds.

    Raises:
        ValueError: wrong type, not finite, or out of range.
    """
    allowed = _interval(kind, low, high, unit)
    wanted = numbers.Integral if kind is int else numbers.Real
    if isinstance(value, bool) or not isinstance(value, wanted):
        raise ValueError(f"{name}: got {_shown(value)} ({type(value).__name__}); allowed: {allowed}")
    try:
        value = kind(value)
        finite = math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        finite = False
    if not finite:
        raise ValueError(f"{name}: got {_shown(value)}; allowed: {allowed}")
    if (low is not None and value < low) or (high is not None and value > high):
        raise ValueError(f"{name}: got {value}; allowed: {allowed}")
    return value


def shape(name: str, tensor: Any, *wanted: int | None) -> None:
    """Raise ``ValueError`` unless ``tensor.shape`` matches; ``None`` stands for any size."""
    came = tuple(tensor.shape)
    if len(came) != len(wanted) or any(w is not None and w != c for w, c in zip(wanted, came, strict=True)):
        text = ", ".join("any" if w is None else str(w) for w in wanted)
        raise ValueError(f"{name}: got shape {came}; allowed: ({text})")


def _shown(value: Any) -> str:
    """``repr``, cut where a message would drown in it."""
    try:
        text = repr(value)
    except ValueError:  # Python refuses to print whole numbers of more than 4 300 digits
        text = "a whole number of thousands of digits"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _interval(kind: type, low: float | None, high: float | None, unit: str) -> str:
    what = "a whole number" if kind is int else "a finite number"
    tail = f" {unit}" if unit else ""
    if low is not None and high is not None:
        return f"{what} from {low:g} to {high:g}{tail}"
    if low is not None:
        return f"{what}, {low:g} or more{tail}"
    if high is not None:
        return f"{what}, {high:g} or less{tail}"
    return f"{what}{tail}"

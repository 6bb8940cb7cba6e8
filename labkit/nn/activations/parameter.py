"""What a member of the zoo depends on, and what it becomes for some values of that."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from labkit import _checks


class Parameter(NamedTuple):
    """What a member depends on: a number, or several (then ``default`` is a tuple, and so is what comes).

    Attributes:
        name: as an argument.
        default: of the source.
        meaning: a few words.
        low, high: what is allowed, and the ends of its slider; ``None`` for no bound.
        learnable: whether :meth:`Activation.module` trains it.
    """

    name: str
    default: float | tuple[float, ...]
    meaning: str
    low: float | None = None
    high: float | None = None
    learnable: bool = False

    def checked(self, value: Any, *, any_count: bool = False) -> Any:
        """``value`` inside the range; for several numbers a tuple of as many as the default, or of any count.

        Raises:
            ValueError: no number, out of range, or another count of them.
        """
        if not isinstance(self.default, tuple):
            kind = int if isinstance(self.default, int) else float
            return _checks.number(self.name, value, kind=kind, low=self.low, high=self.high)
        came = tuple(value) if hasattr(value, "__iter__") else (value,)
        if len(came) != len(self.default) and not (any_count and came):
            raise ValueError(f"{self.name}: got {len(came)} numbers; allowed: {len(self.default)}")
        return tuple(_checks.number(self.name, each, low=self.low, high=self.high) for each in came)


class Reduction(NamedTuple):
    """With ``values`` the member is the member ``to``, up to ``within`` in float64 on [-5, 5].

    ``values`` are pairs (name, value), those of ``to`` pairs as well.
    """

    to: str
    values: tuple[tuple[str, Any], ...] = ()
    to_values: tuple[tuple[str, Any], ...] = ()
    within: float = 1e-12


def checked(
    parameters: Sequence[Parameter], values: Mapping[str, Any], of: str = "", *, any_count: bool = False
) -> dict[str, Any]:
    """``values`` by name, each as its parameter takes it; ``of`` names the member in an error.

    Raises:
        ValueError: an unknown name (with the nearest one), or a value out of range.
    """
    known = {one.name: one for one in parameters}
    if values and not known:
        raise ValueError(f"parameters{of}: got {', '.join(values)}; allowed: none")
    return {
        name: _checks.lookup(known, name, f"parameter{of}").checked(value, any_count=any_count)
        for name, value in values.items()
    }

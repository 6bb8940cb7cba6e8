"""The passport of an activation: everything comparable about one member, computed and not typed."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from labkit.experiments.activations import constants, form, random_nets
from labkit.experiments.activations.cost import cost as measured_cost
from labkit.nn.activations import ACTIVATIONS, Activation, Member, get
from labkit.nn.activations.typed import typed
from labkit.nn.shares import on_one_core, side_by_side

if TYPE_CHECKING:
    import pandas

#: Column -> what it says; the order is that of the frame. z is standard normal.
COLUMNS: dict[str, str] = {
    "smoothness": "n of C^n: -1 φ jumps, 0 φ' jumps, inf smooth",
    "monotone": "increasing, decreasing, constant or neither",
    "minimum": "infimum of φ",
    "maximum": "supremum of φ",
    "lipschitz": "sup |φ'|",
    "homogeneity": "d of φ(ax) = a^d φ(x), a > 0",
    "mean": "E φ(z)",
    "gamma": "1/√Var φ(z)",
    "gain": "1/√E φ(z)²",
    "slope_gain": "1/√E φ'(z)²",
    "linear": "E z φ(z), the first Hermite coefficient",
    "zeros": "P(φ(z) = 0)",
    "flat": "P(φ'(z) = 0)",
    "hermite_decay": "p of Σ_{m≥n} a_m² ~ n^-p",
    "chi_perp": "χ⊥ at q = 1, σ_w² = 1/E φ², no bias",
    "chi_par": "χ∥ there",
    "universality": "class of criticality",
    "edge_sigma_w": "σ_w of its point on the edge of chaos",
    "edge_sigma_b": "σ_b there",
    "edge_q": "length there",
    "dying": "share of units of layer 16 that are 0 for all inputs",
    "spectral_slope": "p of power ~ k^p of a random function on the circle",
    "cost_forward": "time over ReLU's",
    "cost_backward": "time over ReLU's",
}
#: Columns that are words; missing they are "".
WORDS = ("monotone", "universality")


_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Passport:
    """What was computed; columns are attributes too: ``passport("gelu").gamma``.

    Attributes:
        name: of the member.
        family: its file.
        kind: "function" or "layer".
        values: column -> number or word; NaN or "" where ``notes`` says why.
        notes: column -> why there is no value.
        hermite: a_0 ... a_64; empty where there are none.
        doubt: what of the member could not be verified at its source.
    """

    name: str
    family: str
    kind: str
    values: Mapping[str, Any]
    notes: Mapping[str, str]
    hermite: np.ndarray
    doubt: str = ""

    def __getattr__(self, column: str) -> Any:
        if column in COLUMNS:
            return self.values[column]
        raise AttributeError(f"Passport has no {column!r}; columns: {', '.join(COLUMNS)}")

    def row(self) -> dict[str, Any]:
        """One row of :func:`passports`."""
        about = {"name": self.name, "family": self.family, "kind": self.kind}
        return about | self.values | {"doubt": self.doubt}

    def __repr__(self) -> str:
        lines = [f"{self.name} ({self.family}, {self.kind})"]
        for column, about in COLUMNS.items():
            value = self.values[column]
            shown = (value or "–") if isinstance(value, str) else f"{value:.7g}"
            why = f" ({self.notes[column]})" if column in self.notes else ""
            lines.append(f"{column:>15}  {shown:<14}  {about}{why}")
        return "\n".join([*lines, *([f"in doubt: {self.doubt}"] if self.doubt else [])])


def passport(
    member: str | Member,
    *,
    cost: bool = False,
    only: Iterable[str] | None = None,
    glance: bool = False,
    name: str | None = None,
    **parameters: Any,
) -> Passport:
    """Everything comparable about one member.

    Args:
        member: a name of the zoo, a member, or a formula in x such as ``"x*sin(x)"``.
        cost: also time it against ReLU (a fifth of a second).
        only: columns that are needed, where time is short; by default all (but cost).
        glance: as a slider needs it: smoothness as declared, and no number where quadrature takes long.
        name: how to call it; by default as it came.
        parameters: of the member of that name; defaults of the source otherwise.

    Returns:
        What cannot be computed is NaN (a word: "") and has a note; an odd member raises nothing.

    Raises:
        ValueError: an unknown name, a bad formula, a parameter out of range.
    """
    name = name or (member if isinstance(member, str) else getattr(member, "family", "") or "function")
    member = resolve(member, **parameters)
    values: dict[str, Any] = {column: "" if column in WORDS else math.nan for column in COLUMNS}
    notes: dict[str, str] = {}
    hermite = np.zeros(0)
    wanted = set(COLUMNS if only is None else only)
    for columns, compute, layers in _SECTIONS:
        if not wanted.intersection(columns):
            notes |= dict.fromkeys(columns, "not asked for")
        elif compute is measured_cost and not cost:
            notes |= dict.fromkeys(columns, "not measured: passport(..., cost=True)")
        elif not layers and not isinstance(member, Activation):
            notes |= dict.fromkeys(columns, "a layer, no function of one number")
        else:
            try:
                compute = _GLANCE.get(compute, compute) if glance else compute
                work = partial(compute, member)
                # what is timed keeps the threads that users of torch have
                came = work() if compute is measured_cost else on_one_core(work, _CPU)
                came = came if isinstance(came, dict) else dict(zip(columns, _tuple(came), strict=True))
                hermite = came.pop("hermite", hermite)
                values |= came
            except Exception as error:  # one odd column must not hide the others
                notes |= dict.fromkeys(columns, str(error) or type(error).__name__)
    for column, value in values.items():
        if value != value and column not in notes:
            notes[column] = _WHY.get(column, "not defined")
    kind = "function" if isinstance(member, Activation) else "layer"
    return Passport(name, member.family, kind, values, notes, hermite, member.doubt)


def passports(
    names: Iterable[str | Member] | None = None, *, cost: bool = False, only: Iterable[str] | None = None
) -> "pandas.DataFrame":
    """A tidy frame, one row a member.

    Args:
        names: as :func:`passport` takes them, formulas included; by default the whole table.
        cost: also time each.
        only: columns that are needed, where time is short; criticality takes more than half of it.

    Raises:
        ValueError: an unknown name or a bad formula.
    """
    import pandas

    only = None if only is None else tuple(only)

    wanted = list(ACTIVATIONS if names is None else names)
    for each in wanted:  # before the seconds of computing
        resolve(each)
    made = partial(passport, cost=cost, only=only)
    found = [made(each) for each in wanted] if cost else on_one_core(lambda: side_by_side(made, wanted), _CPU)
    return pandas.DataFrame([each.row() for each in found])


def resolve(member: str | Member, **parameters: Any) -> Member:
    """The member that a name, a formula or a member itself means.

    Raises:
        ValueError: an unknown name (with the nearest), a bad formula or parameter.
    """
    if not isinstance(member, str):
        return member
    named = member.isidentifier() and member != "x"
    return get(member, **parameters) if named or parameters else typed(member)


def _tuple(came: Any) -> tuple:
    return came if isinstance(came, tuple) else (came,)


def _hermite(member: Activation, **most: int) -> dict[str, Any]:
    coefficients, square = constants.hermite(member, **most)
    return {"hermite": coefficients.numpy(), "hermite_decay": constants.decay(coefficients, square)}


#: Columns, what computes them (a value, a tuple in their order, or a dictionary), whether layers have them.
_SECTIONS: tuple[tuple[tuple[str, ...], Callable[[Any], Any], bool], ...] = (
    (("smoothness",), form.smoothness, False),
    (("monotone",), form.monotone, False),
    (("minimum", "maximum"), form.bounds, False),
    (("lipschitz",), form.lipschitz, False),
    (("homogeneity",), form.homogeneity, False),
    (("mean", "gamma", "gain", "linear", "zeros"), constants.values, False),
    (("slope_gain", "flat", "chi_perp", "chi_par"), constants.slopes, False),
    (("hermite_decay",), _hermite, False),
    (("universality", "edge_sigma_w", "edge_sigma_b", "edge_q"), constants.criticality, False),
    (("dying",), random_nets.dying, True),
    (("spectral_slope",), random_nets.spectral_slope, True),
    (("cost_forward", "cost_backward"), measured_cost, True),
)
#: What computes them at a glance where that is something else.
_GLANCE: dict[Callable[[Any], Any], Callable[[Any], Any]] = {
    form.smoothness: form.declared,
    constants.values: partial(constants.values, most=constants.GLANCE),
    constants.slopes: partial(constants.slopes, most=constants.GLANCE),
    _hermite: partial(_hermite, most=constants.GLANCE_ALL),
}
#: Why a number that was computed may be NaN.
_WHY = {
    "edge_sigma_w": "no edge of chaos (of class none: none at σ_b = .3)",
    "edge_sigma_b": "no edge of chaos (of class none: none at σ_b = .3)",
    "edge_q": "every length, or no edge",
    "chi_perp": "φ is 0",
    "chi_par": "φ is 0",
    "smoothness": "its backward pass is a surrogate",
}

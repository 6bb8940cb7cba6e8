"""Activations: a table of small members, by family, each with its formula, source and kinks.

A row is an :class:`Activation` (a function entry by entry) or a :class:`Unit` (a layer). To add one, add it
to ``MEMBERS`` of its family's file and an independent reference beside the tests; all else follows.
"""

from dataclasses import replace
from typing import Any

from labkit import _checks
from labkit.nn.activations import (
    bounded,
    compressing,
    glu,
    hinges,
    learnable_layers,
    mittag_leffler,
    noisy,
    normalising,
    optimal,
    parametric_gates,
    periodic,
    piecewise,
    polynomials,
    rational,
    rectifiers,
    self_gated,
    smooth_rectifiers,
    sparse,
    splines,
    tropical,
    unit_groups,
)
from labkit.nn.activations.activation import Activation, Member, Parameter, Reduction, Unit
from labkit.nn.activations.parameter import checked

__all__ = ["ACTIVATIONS", "ELEMENTWISE", "Activation", "Member", "Parameter", "Reduction", "Unit", "get"]

ACTIVATIONS: dict[str, Member] = {
    name: replace(row, family=family.__name__.rpartition(".")[2])
    for family in (
        piecewise,
        rectifiers,
        smooth_rectifiers,
        self_gated,
        parametric_gates,
        bounded,
        compressing,
        periodic,
        sparse,
        glu,
        unit_groups,
        normalising,
        polynomials,
        rational,
        hinges,
        splines,
        tropical,
        mittag_leffler,
        optimal,
        learnable_layers,
        noisy,
    )
    for name, row in family.MEMBERS.items()
}

#: What theory and dense nets take: functions entry by entry whose backward is their derivative, and which may
#: be met far out (a safe range beyond ±1000).
ELEMENTWISE: dict[str, Activation] = {
    name: row
    for name, row in ACTIVATIONS.items()
    if isinstance(row, Activation) and row.gradient == "exact" and min(-row.safe[0], row.safe[1]) >= 1e3
}

_NAMES = {alias: key for key, row in ACTIVATIONS.items() for alias in (key, *row.aliases)}


def get(name: str, **parameters: Any) -> Member:
    """The member of that name or alias, with its default parameters or others.

    Raises:
        ValueError: an unknown name or parameter (with the nearest one), or a value out of range.
    """
    row = ACTIVATIONS[_checks.lookup(_NAMES, name, "activation")]
    if not parameters:
        return row
    values = checked(row.parameters, parameters, f" of {name!r}")
    if isinstance(row, Unit):
        changed = (one._replace(default=values.get(one.name, one.default)) for one in row.parameters)
        return replace(row, parameters=tuple(changed))
    return replace(row.make(**values), family=row.family)

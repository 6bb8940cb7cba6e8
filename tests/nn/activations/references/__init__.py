"""Every member once more, written independently of it: in plain Python, scipy or mpmath, entry by entry.

``VALUES``: of a function, ``(x, **parameters)`` to a float, x and the parameters floats or tuples.
Of a layer, ``(x, state, **parameters)`` to an array: x (rows, features) and ``state`` by name as float64
arrays.
``SLOPES``: of a function with a surrogate gradient, what backward multiplies by.
"""

from importlib import import_module

from labkit.nn.activations import ACTIVATIONS

FAMILIES = [
    import_module(f"{__name__}.{family}")
    for family in dict.fromkeys(row.family for row in ACTIVATIONS.values())
]
VALUES = {name: value for family in FAMILIES for name, value in family.VALUES.items()}
SLOPES = {name: slope for family in FAMILIES for name, slope in getattr(family, "SLOPES", {}).items()}

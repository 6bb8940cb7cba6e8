"""Tropical polynomials: the upper envelope of straight lines, and differences of two of them."""

from itertools import combinations
from math import sqrt

import torch
from torch import Tensor

from labkit.nn.activations.activation import Activation, Reduction, parametric
from labkit.nn.activations.polynomials import ORTHO, Coefficients, several


def _envelope(x: Tensor, p: Coefficients, a: Coefficients) -> Tensor:
    """The largest of a_k + p_k x."""
    value = p[0] * x + a[0]
    for k in range(1, len(a)):
        value = torch.maximum(value, p[k] * x + a[k])
    return value


def _tropical(x: Tensor, a: Coefficients) -> Tensor:
    return _envelope(x, range(len(a)), a) * (sqrt(2) / (len(a) - 1))


def _corners(p: Coefficients, a: Coefficients) -> dict[float, float]:
    """Where the envelope turns, and by how much."""
    found: dict[float, float] = {}
    lines = list(zip(p, a, strict=True))
    for (p1, a1), (p2, a2) in combinations(lines, 2):
        if p1 == p2:
            continue
        at = (a1 - a2) / (p2 - p1) + 0.0
        top = max(p_k * at + a_k for p_k, a_k in lines)
        touching = [p_k for p_k, a_k in lines if p_k * at + a_k >= top - 1e-12 * (1 + abs(top))]
        if min(p1, p2) in touching and max(p1, p2) in touching:
            found[at] = float(max(touching) - min(touching))
    return found


def _rational_corners(p, a, r, b) -> tuple[float, ...]:
    above, below = _corners(p, a), _corners(r, b)
    return tuple(at for at in sorted({*above, *below}) if above.get(at, 0.0) != below.get(at, 0.0))


LEVEL = (("a", (0.0,) * 3), ("r", (0.0,) * 2), ("b", (0.0,) * 2))

MEMBERS: dict[str, Activation] = {
    "tropical": parametric(
        _tropical,
        r"\phi(x) = \tfrac{\sqrt2}{n}\max_{k=0}^n(a_k + k x)",
        ORTHO,
        # all 1, as in the source: √2 (ReLU + 1/n), whose second moment of the slope is 1
        (several("a", (1.0,) * 6, "heights of the lines at 0, of slopes 0 to n"),),
        kinks=lambda a: tuple(sorted(_corners(range(len(a)), a))),
    ),
    "tropical_rational": parametric(
        lambda x, p, a, r, b: _envelope(x, p, a) - _envelope(x, r, b),
        r"\phi(x) = \max_k(a_k + p_k x) - \max_k(b_k + r_k x)",
        ORTHO,
        (
            several("p", (0.0, 0.5, 1.0), "slopes of the first lines"),
            several("a", (0.0, 0.0, -0.5), "their heights at 0"),
            several("r", (-0.5, 0.0), "slopes of the lines taken away"),
            several("b", (-1.0, 0.0), "their heights at 0"),
        ),
        kinks=_rational_corners,
        reduces=(
            Reduction("relu", (("p", (0.0, 0.0, 1.0)), *LEVEL)),
            Reduction("abs", (("p", (-1.0, 0.0, 1.0)), *LEVEL)),
        ),
        note="start: ours; the source draws all numbers from a normal distribution or fits them",
    ),
}  # fmt: skip

"""Quotients of polynomials whose denominator cannot vanish (Padé activation units)."""

from collections.abc import Iterator, Sequence
from math import sqrt

import numpy as np
import torch
from torch import Generator, Tensor, nn

from labkit.nn.activations.activation import Activation, Parameter, Unit, parametric
from labkit.nn.activations.layer import Layer, drawn
from labkit.nn.activations.polynomials import Coefficients, horner, steeper

PAU = "Molina, Schramowski & Kersting, Padé activation units (1907.06732)"
RATIONAL = "Delfosse et al., rational activations, version {} of their library (2102.09407)"
# the published fits on [-3, 3], read in a copy of their configuration; in B and C numbers below 5e-4, noise
# of an even fit, are 0
LEAKY_A = (0.0297927787, 0.6183735265, 2.3233090625, 3.0519362373, 1.4854203264, 0.2510244961)
LEAKY_A_BELOW = (-1.1419548357, 4.3931599750, 0.8714712310, 0.3471966234)
LEAKY_B = (0.0335581573, 0.5050059187, 1.6534697311, 2.0100501553, 0.9319195586, 0.1524264640)
LEAKY_B_BELOW = (0.0, 3.9802479055, 0.0, 0.3018338284)
RELU_C = (0.7865035432, 11.6015931457, 38.7535199512, 46.1788415810, 21.8427019765, 3.5019243675)
RELU_C_BELOW = (23.1031409296, 0.0, 92.3569879658, 0.0, 7.0038174165)
SWISH_A = (0.0, 0.5000007854, 0.2499978342, 0.0532662827, 0.0058030346, 0.0002751961)
SWISH_A_BELOW = (0.0, 0.1065289934, 0.0, 0.0005502331)


def _a(x: Tensor, a: Coefficients, b: Coefficients) -> Tensor:
    return horner(x, a) / (1 + x.abs() * horner(x.abs(), _sizes(b)))


def _a_slope(x: Tensor, a: Coefficients, b: Coefficients) -> Tensor:
    below = [1, *_sizes(b)]
    return _quotient(
        horner(x, a),
        horner(x, steeper(a)),
        horner(x.abs(), below),
        x.sign() * horner(x.abs(), steeper(below)),
    )


def _b(x: Tensor, a: Coefficients, b: Coefficients) -> Tensor:
    return horner(x, a) / (1 + (x * horner(x, b)).abs())


def _b_slope(x: Tensor, a: Coefficients, b: Coefficients) -> Tensor:
    return _absolute_slope(x, a, [0, *b], 1.0)


def _c(x: Tensor, a: Coefficients, b: Coefficients) -> Tensor:
    return horner(x, a) / (0.1 + horner(x, b).abs())


def _c_slope(x: Tensor, a: Coefficients, b: Coefficients) -> Tensor:
    return _absolute_slope(x, a, b, 0.1)


def _absolute_slope(x: Tensor, a: Coefficients, below: Coefficients, least: float) -> Tensor:
    q = horner(x, below)
    return _quotient(
        horner(x, a), horner(x, steeper(a)), least + q.abs(), q.sign() * horner(x, steeper(below))
    )


def _quotient(p: Tensor, p_slope: Tensor, q: Tensor, q_slope: Tensor) -> Tensor:
    return (p_slope - p / q * q_slope) / q  # no square, which overflows first


def _sizes(b: Coefficients) -> list:
    return [abs(b[k]) for k in range(len(b))]


def _changes(coefficients: Sequence[float]) -> tuple[float, ...]:
    """Real points where a polynomial changes its sign."""
    roots = np.roots(coefficients[::-1])
    real = sorted({float(r.real) for r in roots if abs(r.imag) < 1e-9 * (1 + abs(r))})
    near = [(r - 1e-6 * (1 + abs(r)), r + 1e-6 * (1 + abs(r))) for r in real]
    sides = [np.polyval(coefficients[::-1], at) for at in near]
    return tuple(r for r, (left, right) in zip(real, sides, strict=True) if left * right < 0)


# where Hermite's polynomials He_1 to He_4 are 0
OUTER, INNER = sqrt(3 + sqrt(6)), sqrt(3 - sqrt(6))
ROOTS = ((0.0,), (-1.0, 1.0), (-sqrt(3), 0.0, sqrt(3)), (-OUTER, -INNER, INNER, OUTER))
# ours: least squares to leaky ReLU of slope .01 on [-6, 6], within .17
OPAU_FIT = (3.9988, 6.6901, 4.5530, 1.6098, 0.2616, 0.0168)
OPAU_FIT_BELOW = (4.9549, 1.9217, 0.0, 0.05)


def _opau(x: Tensor, c: Coefficients, d: Coefficients) -> Tensor:
    above, below = torch.zeros_like(x) + c[0], torch.ones_like(x)
    for k, he, _ in _hermites(x, max(len(c) - 1, len(d))):
        above = above + c[k] * he if k < len(c) else above
        below = below + abs(d[k - 1]) * he.abs() if k <= len(d) else below
    return above / below


def _opau_slope(x: Tensor, c: Coefficients, d: Coefficients) -> Tensor:
    above, below = torch.zeros_like(x) + c[0], torch.ones_like(x)
    rise, fall = torch.zeros_like(x), torch.zeros_like(x)
    for k, he, before in _hermites(x, max(len(c) - 1, len(d))):
        if k < len(c):
            above, rise = above + c[k] * he, rise + k * c[k] * before
        if k <= len(d):
            size = abs(d[k - 1])
            below, fall = below + size * he.abs(), fall + k * size * he.sign() * before
    return _quotient(above, rise, below, fall)


def _hermites(x: Tensor, most: int) -> Iterator[tuple[int, Tensor, Tensor]]:
    """k, He_k and He_{k-1}, by which He_k rises k times, for k = 1 to ``most``."""
    before, he = torch.zeros_like(x), torch.ones_like(x)
    for k in range(1, most + 1):
        before, he = he, x * he - (k - 1) * before
        yield k, he, before


class GroupRational(Layer):
    """One denominator a group of neighbouring units, one numerator for all; |b_k x^k| term by term."""

    def __init__(self, features: int, groups: int) -> None:
        super().__init__(features)
        self.a = nn.Parameter(torch.tensor(SWISH_A))
        self.b = nn.Parameter(torch.tensor(SWISH_A_BELOW).expand(groups, -1).clone())
        # as equal as can be where groups do not divide the units
        self.register_buffer("group", torch.arange(features) * groups // features)

    def law(self, x: Tensor) -> Tensor:
        """φ(x)."""
        return _a(x, self.a.to(x.dtype), self.b.to(x.dtype)[self.group].T)


class NoisyRational(Layer):
    """Version D: every coefficient of version B times its own uniform number of 1 ± noise while training."""

    def __init__(self, features: int, noise: float, generator: Generator | None = None) -> None:
        super().__init__(features)  # one function for all
        self.a, self.b = nn.Parameter(torch.tensor(LEAKY_B)), nn.Parameter(torch.tensor(LEAKY_B_BELOW))
        self.noise, self.generator = noise, generator

    def law(self, x: Tensor) -> Tensor:
        """φ(x); one draw a call."""
        a, b = self.a.to(x.dtype), self.b.to(x.dtype)
        if self.training:
            draw = drawn(torch.rand, torch.cat((a, b)).detach(), self.generator)
            factor = 1 + self.noise * (2 * draw - 1)
            a, b = a * factor[: len(a)], b * factor[len(a) :]
        return _b(x, a, b)


def _coefficients(name: str, default: Sequence[float], meaning: str) -> Parameter:
    return Parameter(name, tuple(default), meaning, learnable=True)


ABOVE, BELOW = "coefficients of the numerator", "coefficients of the denominator"

MEMBERS: dict[str, Activation | Unit] = {
    "pau_a": parametric(
        _a,
        r"\phi(x) = \sum_{k=0}^5 a_k x^k \big/ \big(1 + \sum_{k=1}^4 |b_k x^k|\big)",
        PAU,
        (_coefficients("a", LEAKY_A, ABOVE), _coefficients("b", LEAKY_A_BELOW, BELOW)),
        slope=_a_slope,
        kinks=lambda a, b: (0.0,) if a[0] * b[0] else (),
        bends=(0.0,),
        aliases=("pau", "safe_pau", "rational_a"),
        compute_dtype=torch.float32,
    ),
    "pau_b": parametric(
        _b,
        r"\phi(x) = \sum_{k=0}^5 a_k x^k \big/ \big(1 + \big|\sum_{k=1}^4 b_k x^k\big|\big)",
        RATIONAL.format("B"),
        (_coefficients("a", LEAKY_B, ABOVE), _coefficients("b", LEAKY_B_BELOW, BELOW)),
        slope=_b_slope,
        kinks=lambda a, b: _changes((0.0, *b)),
        aliases=("rational_b",),
        compute_dtype=torch.float32,
    ),
    "pau_c": parametric(
        _c,
        r"\phi(x) = \sum_{k=0}^5 a_k x^k \big/ \big(0.1 + \big|\sum_{k=0}^4 b_k x^k\big|\big)",
        RATIONAL.format("C"),
        (_coefficients("a", RELU_C, ABOVE), _coefficients("b", RELU_C_BELOW, BELOW)),
        slope=_c_slope,
        kinks=lambda a, b: _changes(b),
        aliases=("rational_c",),
        compute_dtype=torch.float32,
    ),
    "pau_d": Unit(
        NoisyRational,
        r"\phi(x) = \sum_k \tilde a_k x^k \big/ \big(1 + \big|\sum_k \tilde b_k x^k\big|\big),"
        r"\ \tilde a_k = a_k(1 + \varepsilon u_k),\ u_k \sim U(-1, 1)",
        RATIONAL.format("D"),
        (Parameter("noise", 0.1, "largest relative change ε of a coefficient", 0.0, 1.0),),
        stochastic=True,
        aliases=("noisy_rational", "rational_d"),
        note="the library says that both polynomials are disturbed, its torch version disturbs the "
        "numerator; here both",
    ),
    "opau": parametric(
        _opau,
        r"\phi(x) = \sum_{k=0}^5 c_k \mathrm{He}_k(x) \big/ "
        r"\big(1 + \sum_{k=1}^4 |d_k|\,|\mathrm{He}_k(x)|\big)",
        "Biswas, Banerjee & Pandey, orthogonal-Padé activation functions (2106.09693)",
        (_coefficients("c", OPAU_FIT, ABOVE), _coefficients("d", OPAU_FIT_BELOW, BELOW)),
        slope=_opau_slope,
        kinks=lambda c, d: tuple(sorted({at for k, size in enumerate(d) if size for at in ROOTS[k]})),
        compute_dtype=torch.float32,
        note="start: ours, a fit to leaky ReLU on [-6, 6]; the source's coefficients were not read",
    ),
    "kat_rational": Unit(
        GroupRational,
        r"\phi(x) = \sum_{k=0}^5 a_k x^k \big/ \big(1 + \sum_{k=1}^4 |b_{g,k} x^k|\big),\ "
        r"g \text{ the unit's group}",
        "Yang & Wang, Kolmogorov-Arnold transformer (2409.10594)",
        (Parameter("groups", 4, "groups of neighbouring units; the published transformers have 8", 1, 64),),
        aliases=("group_rational", "kat"),
    ),
}  # fmt: skip

r"""Covariances of piecewise linear activations: hard tanh, clipped and shifted ReLU, thresholds.

φ'' is a sum of Δ_i δ(x - x_i), so by Price's theorem the derivative of E[φ′(u)φ′(v)] by the covariance t is
:math:`\sum_{ij} \Delta_i \Delta_j\, p_t(x_i, x_j)`, p_t the density of (u, v). With
:math:`t = \sqrt{qr}\,\sin\theta,\ a = x_i/\sqrt q,\ b = x_j/\sqrt r`

.. math:: E[\phi'\phi'] = E[\phi'(u)]E[\phi'(v)] + \frac1{2\pi}\sum_{ij} \Delta_i\Delta_j
    \int_0^{\arcsin c} e^{-(a^2+b^2-2ab\sin\theta)/2\cos^2\theta}\, d\theta,

and E[φφ] likewise with √(qr)(c - sin θ) under the integral. What happens within |a - b| of θ = π/2 is seen by
nodes that are even in the logarithm of ψ = π/2 - |θ|.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

#: Nodes of the integral (48 are right to 1e-5, 96 to 1e-11), and the smallest ψ.
NODES, LEAST = 96, 1e-10


class PiecewiseLinear:
    """A covariance rule.

    Args:
        kinks: x_i.
        steps: Δ_i.
        slope: φ′ left of all kinks.
        start: φ(0) of the line there.
    """

    def __init__(self, kinks: Tensor, steps: Tensor, slope: float, start: float) -> None:
        self.kinks, self.steps, self.slope, self.start = kinks, steps, slope, start

    def bind(self, q: Tensor, r: Tensor | None) -> tuple[Callable, Tensor, Tensor | None]:
        """``(rows, columns, s)`` -> E[φφ], E[φ′φ′] for fixed variances; and E[φ²] of each point."""
        one = self._means(q)
        other = one if r is None else self._means(r)

        def pairs(rows: slice, columns: slice, s: Tensor) -> tuple[Tensor, Tensor]:
            return self._pair([m[rows, None] for m in one], [m[None, columns] for m in other], s)

        return pairs, self._pair(one, one, q)[0], None if r is None else self._pair(other, other, r)[0]

    def _means(self, q: Tensor) -> list[Tensor]:
        """√q, E[φ] and E[φ′]."""
        root = q.clamp_min(1e-24).sqrt()
        kinks, steps = self.kinks.to(q), self.steps.to(q)
        a = kinks / root[:, None]
        above = 0.5 * torch.erfc(a / math.sqrt(2))
        over = root[:, None] * (-0.5 * a.square()).exp() / math.sqrt(2 * math.pi) - kinks * above
        return [root, self.start + over @ steps, self.slope + above @ steps]

    def _pair(self, one: list[Tensor], other: list[Tensor], s: Tensor) -> tuple[Tensor, Tensor]:
        (u, m, d), (v, n, e) = one, other
        size = u * v
        c = (s / size).clamp(-1, 1)
        sign = torch.where(c < 0, -1.0, 1.0)
        first = c.abs().acos().clamp_min(LEAST)
        span = (math.pi / 2 / first).log()
        value, slope = torch.zeros_like(c), torch.zeros_like(c)
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        apart, along = zip(*self._products(u, v, sign), strict=True)
        factors = [float(f) for f in (self.steps[:, None] * self.steps).flatten()]
        for t, w in zip(((1 + nodes) / 2).tolist(), (weights / 2).tolist(), strict=True):
            psi = first * (span * t).exp()
            far, near = -0.5 / psi.sin().square(), -0.5 / (psi / 2).cos().square()
            mass = torch.zeros_like(c)
            for factor, one_apart, one_along in zip(factors, apart, along, strict=True):
                power = (one_apart * far).addcmul_(one_along, near).clamp_min_(-600)
                mass.add_(power.exp_(), alpha=factor)  # numbers below 1e-300 are slow
            mass.mul_(psi).mul_(span).mul_(w / (2 * math.pi))
            slope.add_(mass)
            value.addcmul_(mass, 2 * ((psi + first) / 2).sin() * ((psi - first) / 2).sin())
        return value.mul_(size).add_(m * n).addcmul_(s, d * e), slope.mul_(sign).add_(d * e)

    def _products(self, u: Tensor, v: Tensor, sign: Tensor):
        """(a ∓ b)² and ±ab of each pair of kinks."""
        for x in self.kinks.tolist():
            for y in self.kinks.tolist():
                a, b = x / u, sign * (y / v)
                yield (a - b).square(), a * b


def piecewise_linear(
    function: Callable[[Tensor], Tensor], breaks: Sequence[float], jumps: Sequence[float] = ()
) -> PiecewiseLinear | None:
    """The rule of φ with these breaks, if it is a line between them and does not jump; else ``None``."""
    if not breaks or jumps:
        return None
    inner = torch.tensor(sorted(breaks), dtype=torch.float64)
    edges = torch.cat((inner[:1] - 1e3, inner, inner[-1:] + 1e3))
    low, high = edges[:-1, None], edges[1:, None]
    x = low + (high - low) * torch.tensor([0.0, 1e-3, 0.11, 0.37, 0.5, 0.81, 0.999, 1.0], dtype=torch.float64)
    y = function(x)
    slopes = (y[:, -2] - y[:, 1]) / (x[:, -2] - x[:, 1])
    line = y[:, 1:2] + slopes[:, None] * (x - x[:, 1:2])
    if not bool(((y - line).abs() <= 1e-11 * (1 + y.abs().amax(1, keepdim=True))).all()):
        return None
    steps = slopes.diff()
    real = steps.abs() > 1e-9
    slope = float(slopes[0].round(decimals=12))
    return PiecewiseLinear(
        inner[real], steps[real].round(decimals=12), slope, float(y[0, 4] - slope * x[0, 4])
    )

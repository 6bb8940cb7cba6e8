r"""E[φ(u₁)φ(u₂)] of one activation at any length and correlation, at once: for pages that answer a slider.

In closed form where there is one, else by a table made once: :math:`\sum_k a_k(q)^2 c^k`, a_k the
coefficients of φ(√q z) in orthonormal Hermite polynomials (Mehler), interpolated in ln q.

Letters: K terms of a series, P lengths.
"""

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from labkit.nn.activations import Activation, get
from labkit.theory.kernels.closed import Angular, Pair, recognise
from labkit.theory.meanfield.diagram import tail_of
from labkit.theory.meanfield.hermite import Hermite

if TYPE_CHECKING:
    from labkit.experiments.propagation import Config

#: Shortest and longest length that is told from 0 and ∞, and the step of ln q in between.
LEAST, ENDLESS, STEP = 1e-6, 1e6, 0.125
#: Twelve nodes of an interpolation, and the products of their distances.
NODES = np.arange(12)
SCALE = np.array([math.prod(m - n for n in range(12) if n != m) for m in range(12)], dtype=float)


class Series(NamedTuple):
    r""":math:`E[\phi(u_1)\phi(u_2)] = \sum_k a_k^2 c^k` at P lengths: squares (K, P), exponents (K,)."""

    squares: Tensor
    powers: Tensor


def series(activation: str | Activation, q: Tensor) -> Series:
    r"""Squares of the coefficients of :math:`\phi(\sqrt q z)` in orthonormal Hermite polynomials (Mehler).

    What is left after K of them (kinks, jumps, waves) follows a power law in k that has both known sums,
    Σ a_k² = E[φ²] and Σ k a_k² = q E[φ'²], k^{-3/2} where φ jumps; shared between even and odd k as the last
    terms are. So c = 1 is exact; of a spike as narrow as that of ``gabor`` c > .99 is off by up to .1.
    """
    phi = get(activation) if isinstance(activation, str) else activation
    q = torch.as_tensor(q, dtype=torch.float64).reshape(-1).clamp_min(1e-12)
    rule = Hermite(q.sqrt(), sorted({*phi.breaks, *steep(phi)}))
    squares = rule.coefficients(phi.function).square()
    count = len(squares)
    powers = torch.arange(count, dtype=torch.float64)
    whole = rule.mean(lambda x: phi.function(x).square())
    rest = (whole - squares.sum(0)).clamp_min(0)
    if not bool((rest > 1e-6 * whole).any()):
        return Series(torch.cat((squares, rest[None])), torch.cat((powers, powers[-1:])))
    slopes = math.inf if phi.jumps else q * rule.mean(lambda x: phi.derivative(x).square())
    beyond, tail = tail_of(rest, slopes - (powers[:, None] * squares).sum(0), float(count))
    start = max(0, count - 40)
    last = squares[start:]
    even = last[start % 2 :: 2].sum(0) / last.sum(0).clamp_min(1e-300)
    beyond = (beyond.flatten() / 2).round() * 2
    return Series(
        torch.cat((squares, tail * even, tail * (1 - even))), torch.cat((powers, beyond, beyond + 1))
    )


def steep(phi: Activation) -> list[float]:
    """Points around which φ' changes much within .1 but does not jump: a rule for slow φ is split there."""
    x = torch.linspace(-4.025, 4.025, 162, dtype=torch.float64)
    value = phi.derivative(x).detach()
    places = x[:-1][value.diff().abs() > 0.25 * value.abs().max()].tolist()
    if len(places) > 16:  # a wave: no splitting helps
        return []
    near = (-0.3, -0.1, 0.0, 0.05, 0.15, 0.35)
    told = [p for p in places if not any(abs(p + 0.025 - known) < 0.06 for known in phi.breaks)]
    return [round(p + step, 9) for p in told for step in near]


class Table:
    """A :class:`Series` at lengths a step apart in ln q."""

    def __init__(self, activation: str) -> None:
        count = round(math.log(ENDLESS / LEAST) / STEP) + 6
        one = series(activation, torch.from_numpy(LEAST * np.exp(STEP * np.arange(count))))
        self._squares, self._powers = one.squares.numpy(), one.powers.numpy()
        self._whole = self._squares.sum(0, keepdims=True)

    @staticmethod
    def _at(rows: np.ndarray, q: np.ndarray) -> np.ndarray:
        """Rows (K, len(q)), by interpolation between twelve lengths: a φ like x⁵ needs so many."""
        place = (np.log(np.clip(q, LEAST, ENDLESS)) - math.log(LEAST)) / STEP
        first = np.clip(np.floor(place).astype(int) - 5, 0, rows.shape[1] - 12)
        # Lagrange's weights: products of t - n over all nodes n but m
        away = place - first - NODES[:, None]
        one = np.ones((1, len(q)))
        left, right = (np.cumprod(np.concatenate((one, each)), 0) for each in (away[:-1], away[:0:-1]))
        weight = left * right[::-1] / SCALE[:, None]
        return (rows[:, first + NODES[:, None]] * weight).sum(1)

    def square(self, q: np.ndarray) -> np.ndarray:
        """E[φ²] at lengths q."""
        return self._at(self._whole, q)[0]

    def length(self, q: np.ndarray, config: "Config") -> np.ndarray:
        """V(q)."""
        return config.sigma_b**2 + config.sigma_w**2 * self.square(q)

    def mean(self, q: float, c: np.ndarray) -> np.ndarray:
        """E[φφ] at one length and correlations c."""
        return self._at(self._squares, np.array([q]))[:, 0] @ c ** self._powers[:, None]

    def means(self, q: np.ndarray) -> Callable[[int, float], float]:
        """``(i, c)`` → E[φφ] at the length q[i]: one interpolation for all of them."""
        squares, powers = self._at(self._squares, q), self._powers
        return lambda i, c: float(squares[:, i] @ c**powers)

    def loss(self, q: float) -> Callable[[float], float]:
        """1 - c → 1 - E[φφ]/E[φ²] at one length, keeping the digits of a small one."""
        squares, powers = self._at(self._squares, np.array([q]))[:, 0], self._powers
        squares = squares / squares.sum()

        def lost(gap: float) -> float:
            # 1 - c^k without loss where c is near 1
            return float(
                squares @ (-np.expm1(powers * math.log1p(-gap)) if gap < 0.5 else 1 - (1 - gap) ** powers)
            )

        return lost


class Exact(Table):
    """The same in closed form."""

    def __init__(self, rule: Angular | Pair) -> None:
        self._rule = rule

    def square(self, q: np.ndarray) -> np.ndarray:
        """E[φ²] at lengths q."""
        at = torch.from_numpy(np.maximum(q, 0.0))
        return (
            self._rule.root(at).square() if isinstance(self._rule, Angular) else self._rule(at, at, at)[0]
        ).numpy()

    def mean(self, q: float, c: np.ndarray) -> np.ndarray:
        """E[φφ] at one length and correlations c."""
        if isinstance(self._rule, Angular):
            gap = torch.from_numpy(1 - c)
            return float(self.square(np.array([q]))[0]) * (1 - self._gap(gap)).numpy()
        at = torch.full((len(c),), q, dtype=torch.float64)
        return self._rule(at, at, q * torch.from_numpy(c))[0].numpy()

    def means(self, q: np.ndarray) -> Callable[[int, float], float]:
        """``(i, c)`` → E[φφ] at the length q[i]."""
        return lambda i, c: float(self.mean(q[i], np.array([c]))[0])

    def loss(self, q: float) -> Callable[[float], float]:
        """1 - c → 1 - E[φφ]/E[φ²] at one length."""
        if isinstance(self._rule, Angular):
            return lambda gap: float(self._gap(torch.tensor([gap], dtype=torch.float64))[0])
        whole = float(self.square(np.array([q]))[0])
        return lambda gap: 1 - float(self.mean(q, np.array([1 - gap]))[0]) / whole

    def _gap(self, gap: Tensor) -> Tensor:
        gap = gap.clamp(0, 2)
        theta = 2 * (gap / 2).sqrt().asin()
        # of an even φ the angle is folded: c and -c are alike
        if self._rule.even:
            theta, gap = torch.minimum(theta, math.pi - theta), torch.minimum(gap, 2 - gap)
        return self._rule.gap(theta, gap, theta.sin())[0]


@functools.lru_cache(maxsize=32)
def table(activation: str) -> Table:
    """Made once an activation; then a slider of σ costs no quadrature."""
    rule = recognise(get(activation).function)
    return Table(activation) if rule is None else Exact(rule)

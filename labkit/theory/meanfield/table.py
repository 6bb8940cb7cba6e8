"""A(q) and B(q) of one activation over decades of q, interpolated by quintics, for many (σ_w, σ_b) at once.

Both are smooth in s = ln q whatever φ is, since d/ds moves to the density: with L = d/ds,
L E[g] = E[(z²-1) g]/2 and L² E[g] = E[((z²-1)²/4 - z²/2) g]. So each node knows value and two derivatives,
and the error between nodes is h⁶/46080 of the sixth derivative.

A table grows to the right where it is asked to: of a wave sin ωx quadrature costs ω√q, and the lengths of
bounded activations are short.
"""

import contextlib
import math
from typing import NamedTuple

import torch
from torch import Tensor

from labkit import gauss
from labkit.theory.meanfield.moments import Moments

STEP = 0.125
#: ln q of the first node, and of the last one for each reach.
LOW, *ENDS = (round(math.log(q) / STEP) * STEP for q in (1e-8, 32, 1e3, 1e4, 1e12))
#: How far a table goes: q up to 32, 1e3, 1e4, or 1e12 (or as far as quadrature does).
SHORT, MIDDLE, LONG, FAR = range(4)
HIGH = ENDS[FAR]

#: Panels of one integral; of one that may fail.
MOST, FEW = 16_000, 1000
#: Nodes of such a table, two a decade.
DECADES = 18


class Table(NamedTuple):
    """Nodes ``s`` (N,) in steps of ``STEP``; ``a``, ``b`` (3, N): value, L and L² of E[φ²] and E[φ'²]."""

    s: Tensor
    a: Tensor
    b: Tensor

    def at(self, s: Tensor, which: str = "a") -> tuple[Tensor, Tensor]:
        """Value and derivative with respect to s."""
        return quintic(getattr(self, which), s, float(self.s[0]))

    def between(self, low: float, high: float) -> "Table":
        """The cells that hold these s."""
        first = int(torch.searchsorted(self.s, low, right=True)) - 1
        last = int(torch.searchsorted(self.s, high))
        some = slice(max(0, min(first, len(self.s) - 2)), max(2, last + 1))
        return Table(self.s[some], self.a[:, some], self.b[:, some])


def table(of: Moments, device: torch.device, reach: int = MIDDLE) -> Table:
    """The table of an activation, made once for each ``reach``."""
    key = (device, reach)
    if key not in of.tables:
        if reach == SHORT:
            of.tables[key] = _make(of, LOW, ENDS[SHORT], device)
        else:
            of.tables[key] = _longer(of, table(of, device, reach - 1), ENDS[reach], device)
    return of.tables[key]


def reach_of(s: float) -> int:
    """The shortest reach that holds ln q = s."""
    return next((reach for reach in (SHORT, MIDDLE, LONG) if s <= ENDS[reach]), FAR)


def glance(of: Moments, device: torch.device) -> tuple[Table, bool]:
    """A(q) beyond the middle, two nodes a decade, right to 1e-6, to tell what grows; is it whole?"""
    key = (device, "glance")
    if key not in of.tables:
        s = torch.linspace(ENDS[MIDDLE], HIGH, DECADES + 1, dtype=torch.float64, device=device)
        try:
            found = [_squares(of, s)]
        except (gauss.NotReached, ValueError):
            found = []
            for one in s.split(1):
                try:
                    found.append(_squares(of, one))
                except (gauss.NotReached, ValueError):
                    break
        a = torch.cat(found, -1) if found else s.new_zeros(3, 0)
        of.tables[key] = Table(s[: a.shape[1]], a, a), a.shape[1] == len(s)
    return of.tables[key]


def _squares(of: Moments, s: Tensor) -> Tensor:
    root = (s / 2).exp()

    def integrand(index: Tensor, z: Tensor) -> Tensor:
        return of.phi(root[index, None] * z).square() * _weights(z)

    return gauss.integrate(integrand, gauss.edges(root, of.breaks), rtol=1e-6, floor=1e-28, most=FEW)[0]


def _longer(of: Moments, near: Table, end: float, device: torch.device) -> Table:
    """Up to ``end``; where that fails, as for sin x with q = 1e12, decade by decade as far as it goes."""
    low, pieces = float(near.s[-1]), [near]
    if end <= ENDS[MIDDLE]:
        return _joined(near, _make(of, low + STEP, end, device))
    with contextlib.suppress(gauss.NotReached, ValueError):
        _make(of, end, end, device, FEW)  # if the last node is within reach, so are all
        return _joined(near, _make(of, low + STEP, end, device, FEW))
    while low < end:
        high = min(low + 18 * STEP, end)
        try:
            pieces.append(_make(of, low + STEP, high, device, 4 * FEW))
        except (gauss.NotReached, ValueError):
            break
        low = high
    return _joined(*pieces)


def _joined(*pieces: Table) -> Table:
    return Table(*(torch.cat(each, -1) for each in zip(*pieces, strict=True)))


def _make(of: Moments, low: float, high: float, device: torch.device, most: int = MOST) -> Table:
    count = round((high - low) / STEP) + 1
    s = low + STEP * torch.arange(count, dtype=torch.float64, device=device)
    root = (s / 2).exp()

    def integrand(index: Tensor, z: Tensor) -> Tensor:
        x, weights = root[index, None] * z, _weights(z)
        parts = [of.phi(x).square()] if of.jumps else [of.phi(x).square(), of.slope(x).square()]
        return torch.cat([g * weights for g in parts])

    sums, _ = gauss.integrate(integrand, gauss.edges(root, of.breaks), rtol=1e-11, floor=1e-28, most=most)
    b = torch.full_like(sums[:3], torch.inf) if of.jumps else sums[3:]
    return Table(s, sums[:3], b)


def _weights(z: Tensor) -> Tensor:
    """1, and what makes L and L² of a mean, (3, *shape)."""
    z2 = z.square()
    return torch.stack((torch.ones_like(z), (z2 - 1) / 2, (z2 - 1).square() / 4 - z2 / 2))


def quintic(nodes: Tensor, s: Tensor, start: float) -> tuple[Tensor, Tensor]:
    """Hermite interpolation of value, slope and curvature (3, N) at ``s``; value and slope."""
    j = ((s - start) / STEP).floor().long().clamp(0, nodes.shape[1] - 2)
    t = (s - start) / STEP - j
    left, right = nodes[:, j], nodes[:, j + 1]
    f0, d0, e0 = left[0], left[1] * STEP, left[2] * STEP**2 / 2
    f1, d1, e1 = right[0], right[1] * STEP, right[2] * STEP**2 / 2
    # Newton's form around the left node: f0 + d0 t + e0 t² + t³ (a + b t + c t²)
    u, v, w = f1 - f0 - d0 - e0, d1 - d0 - 2 * e0, e1 - e0
    a, b, c = 10 * u - 4 * v + w, -15 * u + 7 * v - 2 * w, 6 * u - 3 * v + w
    value = f0 + t * (d0 + t * (e0 + t * (a + t * (b + t * c))))
    slope = d0 + t * (2 * e0 + t * (3 * a + t * (4 * b + t * 5 * c)))
    return value, slope / STEP

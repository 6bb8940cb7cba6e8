r"""Coefficients of φ(√q z) in orthonormal Hermite polynomials, for many lengths q at once.

With :math:`\phi(\sqrt q z) = \sum_k a_k(q) h_k(z)`, for a pair of correlation c
:math:`E[\phi(u_1)\phi(u_2)] = \sum_k a_k(q)^2 c^k` (Mehler). All lengths share one rule and so one table of
polynomials, and the coefficients are a matrix product; only panels in which a break lies are done by length.

Letters: N lengths, K terms, G nodes of the shared rule, M nodes of a length's own.
"""

import functools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from labkit import gauss

#: Terms of a series: what a kink leaves out after them is told by moments.
TERMS = 400
#: Halvings of the panels on either side of 0.
NARROW = 8
#: Relative error at which a rule is fine enough; the largest that passes.
EXACT, ROUGH = 1e-10, 1e-3


class Hermite:
    """A rule for E[f(√q z)], for f that changes within x of order 1, no faster, and between breaks smoothly.

    Exact to rounding for q up to some 1e4; there is no estimate: compare :meth:`mean` with what is known.

    Args:
        root: √q, (N,), above 0.
        breaks: points x where f or a derivative jumps.
        fine: panels in place of each one, for f that changes so much faster.
    """

    def __init__(self, root: Tensor, breaks: Sequence[float], fine: int = 1) -> None:
        self.root, self._fine = root, fine
        nodes, mass, _ = _shared(root.device, fine)
        self._z, self._mass = nodes, mass.expand(len(root), -1)
        self._own_z = self._own_mass = root.new_zeros(len(root), 0)
        if elsewhere := [point for point in breaks if point]:  # 0 is an edge of a panel
            self._split(root.new_tensor(elsewhere) / root[:, None])

    def _split(self, places: Tensor) -> None:
        """Leave out each panel with breaks (N, B) inside; take the pieces between them in its place."""
        edges = _edges(self.root.device, self._fine)
        places = places.clamp(-gauss.FLAT, gauss.FLAT)
        panel = (torch.searchsorted(edges, places) - 1).clamp(0, len(edges) - 2)
        whole = torch.ones(len(self.root), len(edges) - 1, dtype=edges.dtype, device=edges.device)
        whole.scatter_(1, panel, 0.0)
        self._mass = self._mass * whole.repeat_interleave(self._mass.shape[1] // whole.shape[1], 1)
        low, high = edges[panel], edges[panel + 1]
        again = panel[:, 1:] == panel[:, :-1]  # two breaks in one panel
        low[:, 1:] = torch.where(again, places[:, :-1], low[:, 1:])
        high[:, :-1] = torch.where(again, places[:, :-1], high[:, :-1])
        self._own_z, self._own_mass = _nodes(torch.cat((low, places), 1), torch.cat((places, high), 1))

    def mean(self, f: Callable[[Tensor], Tensor]) -> Tensor:
        """E[f(√q z)], (N,)."""
        shared = (self._mass * f(self.root[:, None] * self._z)).sum(1)
        return shared + (self._own_mass * f(self.root[:, None] * self._own_z)).sum(1)

    def coefficients(self, f: Callable[[Tensor], Tensor]) -> Tensor:
        """Those of f, (K, N); the last ones that are 0 to rounding are left out."""
        rows = _shared(self.root.device, self._fine)[2] @ (self._mass * f(self.root[:, None] * self._z)).T
        if self._own_z.shape[1]:
            by = self._own_mass * f(self.root[:, None] * self._own_z)
            rows += torch.stack([(by * h).sum(1) for h in _polynomials(self._own_z)])
        squares = rows.square()
        needed = (squares > 1e-17 * squares.sum(0)).any(1).nonzero()
        return rows[: int(needed.max()) + 1] if len(needed) else rows[:1]


def resolving(root: Tensor, breaks: Sequence[float], f: Callable[[Tensor], Tensor], mean: Tensor) -> Hermite:
    """The coarsest rule that gives a known mean of f (``nan``: unknown), for waves and for sharp bends.

    Raises:
        NotReached: the finest one is off by more than a thousandth.
    """
    best, rule = math.inf, Hermite(root, breaks)
    for fine in (1, 2, 4, 8, 16):
        tried = Hermite(root, breaks, fine)
        error = float(((tried.mean(f) - mean).abs() / mean.clamp_min(1e-300)).nan_to_num(0).max())
        # where f is rough in a way that was not told, finer panels do not help
        if error < best / 2:
            best, rule = error, tried
        if best < EXACT or error > best / 2 and best < ROUGH:
            break
    if best > ROUGH:
        raise gauss.NotReached(f"the finest fixed rule misses a mean by {best:.1g} of it")
    return rule


def _polynomials(z: Tensor):
    """The first K, one after another: √(k+1) h_{k+1} = z h_k - √k h_{k-1}."""
    before, h = torch.zeros_like(z), torch.ones_like(z)
    for k in range(TERMS):
        yield h
        before, h = h, (z * h).sub_(before, alpha=math.sqrt(k)).div_(math.sqrt(k + 1))


def _nodes(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Nodes and weights times density of panels (..., P), (..., 15 P)."""
    t, w = (x.to(low.device) for x in gauss.legendre())
    half = (high - low)[..., None] / 2
    z = (low[..., None] + half * (1 + t)).flatten(-2)
    return z, (half * w).flatten(-2) * gauss.density(z)


@functools.lru_cache(maxsize=4)
def _edges(device: torch.device, fine: int) -> Tensor:
    wide = 0.75 * torch.arange(1, round(gauss.FLAT / 0.75) + 1, dtype=torch.float64, device=device)
    # of a long input φ changes near 0 only
    right = torch.cat((0.75 / 2.0 ** torch.arange(NARROW, 0, -1, device=device), wide))
    edges = torch.cat((-right.flip(0), right.new_zeros(1), right))
    inner = edges[:-1, None] + edges.diff()[:, None] / fine * torch.arange(fine, device=device)
    return torch.cat((inner.flatten(), edges[-1:]))


@functools.lru_cache(maxsize=4)
def _shared(device: torch.device, fine: int) -> tuple[Tensor, Tensor, Tensor]:
    """Nodes (G,), weights times density (G,), polynomials (K, G)."""
    edges = _edges(device, fine)
    z, mass = _nodes(edges[:-1], edges[1:])
    return z, mass, torch.stack(list(_polynomials(z)))

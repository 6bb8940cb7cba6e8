r"""q*, c*, χ⊥ and ξ_c over a whole grid of (σ_w, σ_b), fast enough for a slider.

Lengths come from the table of :mod:`labkit.theory.meanfield.table`. The correlation map is a power series
with squares as coefficients, :math:`E[\phi(u_1)\phi(u_2)] = \sum_k a_k(q)^2 c^k`, a_k those of φ in
orthonormal Hermite polynomials (Mehler), so it is convex on [0, 1] and Newton's steps from c = 0 reach c*
from the left. Beyond k = ``TERMS`` the sums Σ a_k² = E[φ²] and Σ k a_k² = q E[φ'²] are known, and so is what
each kink adds to a_k² (:func:`_kinked`), which decides near the critical line; the rest of the tail follows
from the two sums. Interpolation in ln q acts on sums, which are smooth.

Beside the exact :func:`labkit.theory.meanfield.depth_scales`, ξ_c was within 2e-5 for an analytic φ, and
within 1 % with kinks, however near c* is to 1 (2e-5 where c* < .98).

Letters: P grid points, N lengths of the table, K terms.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from labkit import gauss
from labkit.nn.shares import on_one_core
from labkit.theory.meanfield._arguments import numbers
from labkit.theory.meanfield.hermite import resolving
from labkit.theory.meanfield.lengths import CLASSES, lengths
from labkit.theory.meanfield.moments import Moments, Phi, moments
from labkit.theory.meanfield.scales import scale
from labkit.theory.meanfield.table import STEP, reach_of, table

SPREAD, BLOCK = 40, 20
#: Up to here c* does not depend on the tail of the series.
SURE = 0.98
#: Above this the correlation map is the one of its limit, taken here.
LONGEST = 1e12


class PhaseDiagram(NamedTuple):
    """Values (len(sigma_w), len(sigma_b)): row by σ_w, column by σ_b.

    Attributes:
        q_star: the length that iteration from 1 reaches; ``inf`` where unbounded.
        c_star: the stable correlation, 1 where χ⊥ ≤ 1.
        chi_perp: χ⊥ at q*, ``inf`` where φ jumps.
        xi_c: -1/ln R'(c*); ``nan`` where c* > .98 and φ' is rough in a way that was not found out.
        kind: of each length, a number: see ``CLASSES``.
    """

    q_star: Tensor
    c_star: Tensor
    chi_perp: Tensor
    xi_c: Tensor
    kind: Tensor


def phase_diagram(phi: Phi, sigma_w: Any, sigma_b: Any) -> PhaseDiagram:
    """The whole grid at once; the error of ξ_c is told above.

    Args:
        phi: the activation.
        sigma_w: (n,), finite and 0 or more.
        sigma_b: (m,), likewise.

    Raises:
        ValueError: an empty grid, NaN, a negative number; what :func:`moments` raises.
    """
    sigma_w, sigma_b = numbers("sigma_w", sigma_w).flatten(), numbers("sigma_b", sigma_b).flatten()
    both = torch.cartesian_prod(sigma_w, sigma_b.to(sigma_w.device)).view(-1, 2)
    part = on_one_core(lambda: _points(moments(phi), both[:, 0] ** 2, both[:, 1] ** 2), both.device)
    return PhaseDiagram(*(one.view(len(sigma_w), len(sigma_b)) for one in part))


def _points(of: Moments, v: Tensor, b: Tensor) -> PhaseDiagram:
    q, kind = lengths(of, v, b, torch.ones_like(v))
    c, perp, slope = (torch.full_like(v, torch.nan) for _ in range(3))
    known = q.isfinite()
    s = q.clamp(1e-300, LONGEST).log()
    longest = float(s[known].amax()) if bool(known.any()) else 0.0
    t = table(of, v.device, reach_of(longest))
    s = s.clamp(float(t.s[0]), float(t.s[-1]))
    perp[known] = v[known] * (t.at(s[known], "b")[0] if not of.jumps else math.inf)
    perp[known & (v == 0)] = 0.0
    ordered = perp <= 1 + 1e-9
    c[ordered], slope[ordered] = 1.0, perp[ordered]
    chaotic = known & (perp > 1 + 1e-9) & (q > 0) & (not of.jumps)
    if bool(chaotic.any()):
        c[chaotic], slope[chaotic] = _Series(of, s[chaotic]).solve(v[chaotic], q[chaotic])
        if of.kinks is None:
            slope[chaotic & (c > SURE)] = math.nan
    return PhaseDiagram(q, c, perp, scale(slope), torch.as_tensor(kind))


class _Series:
    """Σ a_k(q)² c^k at P lengths, as coefficients (K + SPREAD, P) and exponents (K + SPREAD, 1 or P)."""

    def __init__(self, of: Moments, s: Tensor) -> None:
        low = math.floor(float(s.min()) / STEP) - 3
        count = math.ceil(float(s.max()) / STEP) + 4 - low
        nodes = (low + torch.arange(count, dtype=torch.float64, device=s.device)) * STEP
        squares, a, qb = _coefficients(of, nodes)
        # six-point interpolation in s
        at = s / STEP - low
        j = at.floor().long() - 2
        t = at - j
        weights = s.new_zeros(count, len(s))
        for m in range(6):
            w = math.prod((t - n) / (m - n) for n in range(6) if n != m)
            weights.scatter_(0, (j + m)[None], w[None])
        self.squares, whole = squares @ weights, a @ weights
        # of a wave the terms beyond K come and go within a step of s: at least the sum is to be right
        fair = (whole / self.squares.sum(0).clamp_min(1e-300)).clamp_max(1)
        self.squares *= fair
        self.k = torch.arange(len(squares), dtype=torch.float64, device=s.device)[:, None]
        rest = (whole - self.squares.sum(0)).clamp_min(0)
        rest1 = (qb @ weights - (self.k * self.squares).sum(0)).clamp_min(0)
        kinked = (lambda k, width: _kinked(of, nodes, k, width) @ weights) if of.kinks else None
        self.tail_k, self.tail = tail_of(rest, rest1, float(len(squares)), kinked)
        self.tail *= rest > 1e-11 * self.squares.sum(0)
        need = (self.squares * (self.k + 1) > 1e-11 * (self.squares * (self.k + 1)).sum(0)).any(1).nonzero()
        count = int(need.max()) + 1
        self.squares = self.squares[:count]
        self.first = _blocks((self.k[:count] * self.squares)[1:])
        above = squares[:count].flip(0).cumsum(0).flip(0)[1:]
        self.above = _blocks(above @ weights * fair)
        # where Newton's steps start: the last c of a grid at which the chord is too small, whatever the tail
        self.grid = 1 - torch.cat((s.new_ones(1), torch.logspace(-0.1, -9, 63).to(s)))
        chord = self.grid[:, None] ** self.k[: count - 1, 0] @ above @ weights * fair
        self.most = chord + torch.minimum(rest1, rest / (1 - self.grid[:, None]))

    def at(self, c: Tensor, some: Tensor | slice) -> tuple[Tensor, Tensor]:
        """The sum of a_k² (1 - c^k)/(1 - c), and the derivative Σ k a_k² c^{k-1}, at c (p,)."""
        powers = torch.cat((torch.ones_like(c)[None], c.expand(BLOCK - 1, -1))).cumprod(0)
        step = powers[-1] * c
        slope, rise = (_horner((x[..., some] * powers).sum(1), step) for x in (self.above, self.first))
        tail = self.tail[:, some]
        if bool(tail.any()):
            log = self.tail_k * c.clamp_min(1e-300).log()
            slope = slope + (tail * -torch.expm1(log)).sum(0) / (1 - c).clamp_min(1e-300)
            rise = rise + (tail * self.tail_k * log.exp()).sum(0) / c.clamp_min(1e-300)
        return slope, rise

    def solve(self, v: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
        """Newton's steps on R(c) - c = (1 - c)(1 - chord), from the left; c* and R'(c*)."""
        c = self.grid[((self.most * (v / q) <= 1).sum(0) - 1).clamp_min(0)]
        slope = torch.zeros_like(q)
        todo: Tensor | slice = slice(None)
        for _ in range(60):
            now = c[todo]
            chord, rise = (v[todo] / q[todo] * x for x in self.at(now, todo))
            step = (1 - now) * (1 - chord) / (1 - rise)
            slope[todo], c[todo] = rise, (now + step.clamp_min(0)).clamp_max(1)
            on = (step > 1e-7 * (1 - now)) & (rise < 1) & (now < 1)
            left = int(on.sum())
            if not left:
                break
            if left < 0.6 * len(now):
                todo = on.nonzero().flatten() if isinstance(todo, slice) else todo[on]
        return c, slope


def tail_of(
    rest: Tensor, rest1: Tensor, first: float, kinked: Callable | None = None
) -> tuple[Tensor, Tensor]:
    """Exponents (SPREAD, 1) and weights (SPREAD, P) for all k from ``first`` on: Σ a_k², Σ k a_k² given.

    What the kinks' own tail does not hold is put at two k near the start. Where no kink is known: a power
    law in k that has both moments, k^{-3/2} where the second is infinite.
    """
    cell = first * 2 ** (torch.arange(SPREAD + 1, dtype=torch.float64, device=rest.device)[:, None] / 2)
    low, high = cell[:-1], torch.cat((cell[1:-1], torch.full_like(cell[:1], math.inf)))
    # ∫ k^{-5/2} dk over each cell, and the mean k
    mass = (2 / 3) * (low**-1.5 - high**-1.5)
    k = 2 * (low**-0.5 - high**-0.5) / mass
    if kinked is not None:
        tail = mass * kinked(k, cell.sqrt().diff(dim=0))
        missing, missing1 = rest - tail.sum(0), rest1 - (k * tail).sum(0)
        there = (missing1 - k[0] * missing) / (k[4] - k[0])
        tail[4] += there
        tail[0] += missing - there
        return k, tail
    p = torch.linspace(-1.0, 6.0, 400, dtype=torch.float64, device=k.device)
    shape = k ** (1 - p)
    means = ((k * shape).sum(0) / shape.sum(0)).flip(0).contiguous()
    mean = (rest1 / rest.clamp_min(1e-300)).clamp(float(means[0]), float(means[-1]))
    mean = torch.where(rest1 == math.inf, means[len(p) - 1 - int((p - 1.5).abs().argmin())], mean)
    right = torch.searchsorted(means, mean).clamp(1, len(p) - 1)
    share = (mean - means[right - 1]) / (means[right] - means[right - 1])
    shape = (shape / shape.sum(0)).flip(1)
    return k, rest * (shape[:, right - 1] * (1 - share) + shape[:, right] * share)


def _kinked(of: Moments, s: Tensor, k: Tensor, width: Tensor) -> Tensor:
    r"""Of a_k², averaged over neighbouring k, what kinks make of it times k^{5/2}, (k, N).

    φ'' = Σ Δ_i δ(x - x_i) + ..., so with x_i = √q t_i a_k ≈ √q Σ Δ_i p(t_i) h_{k-2}(t_i)/k, and h_k(t) √p(t)
    oscillates as cos(√k t - kπ/2): a_k² ≈ q/2π Σ_ij Δ_i Δ_j √(p_i p_j) cos(√k (t_i - t_j)) k^{-5/2}.
    """
    x, root = torch.tensor(of.kinks, dtype=torch.float64, device=s.device), (s / 2).exp()
    apart = 1e-7 * x.abs().clamp_min(1.0)
    step = of.slope(x + apart) - of.slope(x - apart)
    t = x[:, None] / root
    size, total = step[:, None] * gauss.density(t).sqrt(), 0.0
    for i in range(len(x)):
        total = total + size[i].square()
        for j in range(i):
            wave = t[i] - t[j]
            # the mean over a cell of √k
            total = (
                total
                + 2 * size[i] * size[j] * (k.sqrt() * wave).cos() * (width * wave / (2 * math.pi)).sinc()
            )
    return root.square() / (2 * math.pi) * total


def _blocks(rows: Tensor) -> Tensor:
    """Rows (K, P), filled up with zeros, as (blocks, BLOCK, P): few large operations for many small ones."""
    return torch.nn.functional.pad(rows, (0, 0, 0, -len(rows) % BLOCK)).unflatten(0, (-1, BLOCK))


def _horner(rows: Tensor, x: Tensor) -> Tensor:
    value = torch.zeros_like(x)
    for row in reversed(rows.unbind(0)):
        value = torch.addcmul(row, value, x)
    return value


def _coefficients(of: Moments, s: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The a_k² (K, N), Σ a_k² and Σ k a_k² (N,) at lengths e^s."""
    root = (s / 2).exp()
    t = table(of, s.device, reach_of(float(s.max())))
    known = torch.where((s >= t.s[0]) & (s <= t.s[-1]), t.at(s)[0], torch.nan)
    rule = resolving(root, sorted({*of.breaks, *(of.kinks or ())}), lambda x: of.phi(x).square(), known)
    slope = root.square() * rule.mean(lambda x: of.slope(x).square())
    return rule.coefficients(of.phi).square(), rule.mean(lambda x: of.phi(x).square()), slope


__all__ = ["CLASSES", "PhaseDiagram", "phase_diagram"]

"""Depth scales: for how many layers lengths, correlations and gradients live (Schoenholz et al.)."""

import math
from typing import Any

import torch
from torch import Tensor

from labkit import gauss
from labkit.theory.meanfield._arguments import together
from labkit.theory.meanfield.lengths import CLASSES, FINITE, _named, _polish, lengths
from labkit.theory.meanfield.moments import Moments, Phi, moments


class DepthScales(tuple):
    """(ξ_q, ξ_c), and beside them what they follow from.

    Attributes:
        xi_q: -1/ln |χ∥|, layers over which a length forgets its start.
        xi_c: -1/ln R'(c*), layers over which a correlation does; bounds training on either side.
        gradient: 1/|ln χ⊥|, layers over which a gradient shrinks (χ⊥ < 1) or grows by e. It equals ξ_c where
            c* = 1; on the chaotic side it is another number, and exploding gradients bound training too.
        q_star: the length that iteration from 1 reaches.
        c_star: the stable correlation, 1 if χ⊥ ≤ 1.
        chi_perp: χ⊥ at q*.
        kind: "discontinuous" where φ jumps, otherwise as :func:`length_class`.
    """

    def __new__(cls, xi_q: Tensor, xi_c: Tensor, **others: Any) -> "DepthScales":
        """A pair with attributes."""
        self = super().__new__(cls, (xi_q, xi_c))
        self.xi_q, self.xi_c = xi_q, xi_c
        for name, value in others.items():
            setattr(self, name, value)
        return self


def depth_scales(phi: Phi, sigma_w: Any, sigma_b: Any) -> DepthScales:
    """ξ_q and ξ_c at the length that iteration from 1 reaches; ``nan`` where it is not finite.

    c* < 1 is found by Newton's steps from c = 0 on R itself, which is convex there: no step goes too far.
    Where φ jumps, χ⊥ is ``inf`` and ξ_c ``nan``.
    """
    of = moments(phi)
    sigma_w, sigma_b = together(sigma_w=sigma_w, sigma_b=sigma_b)
    v, b = sigma_w.flatten() ** 2, sigma_b.flatten() ** 2
    q, kind = lengths(of, v, b, torch.ones_like(v))
    some = kind == FINITE
    q[some] = _polish(of, v[some], b[some], q[some])
    known = q.isfinite()
    perp, par, c, slope = (torch.full_like(v, torch.nan) for _ in range(4))
    _, slopes, rises = of(q[known])
    perp[known], par[known] = torch.where(v[known] > 0, v[known] * slopes, 0.0), v[known] * rises
    c[perp <= 1], slope[perp <= 1] = 1.0, perp[perp <= 1]
    chaotic = (perp > 1) & (not of.jumps) & (q > 0)
    if bool(chaotic.any()):
        c[chaotic], slope[chaotic] = _correlation(of, v[chaotic], b[chaotic], q[chaotic])

    def shaped(x: Tensor) -> Tensor:
        return x.view(sigma_w.shape)

    names = "discontinuous" if of.jumps else _named(kind.view(sigma_w.shape).tolist())
    return DepthScales(
        shaped(scale(par.abs())),
        shaped(scale(slope)),
        gradient=shaped(1 / perp.log().abs()),
        q_star=shaped(q),
        c_star=shaped(c),
        chi_perp=shaped(perp),
        kind=names,
    )


def scale(slope: Tensor) -> Tensor:
    """-1/ln of a slope up to 1: 0 at 0 (and below, by rounding), inf at 1 (and above)."""
    return torch.where(slope >= 1, math.inf, -1 / slope.clamp_min(0).log()).where(~slope.isnan(), torch.nan)


def _correlation(of: Moments, v: Tensor, b: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
    """The c* below 1 and R'(c*)."""
    c = torch.zeros_like(q)
    slope, todo = torch.zeros_like(q), torch.arange(len(q), device=q.device)
    for _ in range(100):
        at, now = q[todo], c[todo]
        apart = v[todo] * gauss.pair_difference(of.phi, at, now, breaks=of.breaks).value / at
        rise = v[todo] * gauss.pair_expectation(of.slope, of.slope, at, now, breaks=of.breaks).value
        step = ((1 - now) - apart) / (1 - rise)  # R(c) = 1 - apart
        slope[todo], c[todo] = rise, (now + step.clamp_min(0)).clamp_max(1)
        todo = todo[(step > 1e-7 * (1 - now)) & (rise < 1)]
        if not len(todo):
            break
    return c, slope


__all__ = ["CLASSES", "DepthScales", "depth_scales", "scale"]

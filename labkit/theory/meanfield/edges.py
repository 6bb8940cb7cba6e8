"""The edge of chaos and the classes of activations on it."""

import math
from typing import Any, NamedTuple

import torch
from scipy import optimize
from torch import Tensor

from labkit.theory.meanfield._arguments import numbers
from labkit.theory.meanfield.moments import Moments, Phi, moments, scale_invariant
from labkit.theory.meanfield.table import FAR, MIDDLE, Table, table

F64 = torch.float64


class Edge(NamedTuple):
    """A point where χ⊥ = 1; ``stable`` says whether its length attracts, χ∥ < 1.

    ``q_star`` is ``nan`` where any length will do (ReLU family); there χ∥ = 1. Of an array of σ_b, each is a
    tensor of its shape.
    """

    sigma_w: float | Tensor
    sigma_b: float | Tensor
    q_star: float | Tensor
    chi_par: float | Tensor
    stable: bool | Tensor


class HalfStable(NamedTuple):
    """χ⊥ = χ∥ = 1 at the length ``q_star`` with C_W = σ_w², C_b = σ_b².

    ``kind`` is "half-stable", or "degenerate" where a continuum of lengths solves it; then the rest is nan.
    """

    q_star: float
    c_w: float
    c_b: float
    kind: str


def edge_of_chaos(phi: Phi, sigma_b: Any) -> Edge:
    """The σ_w at which χ⊥ = 1 for this σ_b, at the fixed length q* = σ_b² + E[φ²]/E[φ'²].

    Where several lengths q* solve it, the smallest. For σ_b = 0 and φ(0) = 0 ≠ φ'(0) that is q* = 0.
    For φ = a x left and b x right of 0 (identity, ReLU, |x|): σ_b = 0, σ_w² = 2/(a² + b²), any q*.

    Args:
        phi: the activation.
        sigma_b: a number, or an array of them.

    Raises:
        ValueError: no edge for a σ_b, with the reason.
    """
    of, values = _continuous(phi), numbers("sigma_b", sigma_b)
    found = [_edge(of, value) for value in values.flatten().tolist()]
    if not values.dim():
        return found[0]
    return Edge(*(values.new_tensor(one).view(values.shape) for one in zip(*found, strict=True)))._replace(
        stable=torch.tensor([one.stable for one in found], device=values.device).view(values.shape)
    )


def _edge(of: Moments, sigma_b: float) -> Edge:
    wanted = sigma_b**2
    t = table(of, torch.device("cpu"))
    # some rectifiers are smooth below 1e-3
    if scale_invariant(of):
        if wanted:
            raise ValueError(
                f"sigma_b: got {sigma_b:g}; allowed: 0, "
                "since φ(ax) = aφ(x): at χ⊥ = 1 V(q) = q + σ_b² has no fixed length"
            )
        return Edge(float(t.b[0, 0]) ** -0.5, 0.0, math.nan, 1.0, False)
    slope = float(t.a[0, 0] / t.s[0].exp())
    if not wanted and _vanishes(of) and slope > 1e-12:
        return Edge(float(of(torch.zeros(1, dtype=F64))[1]) ** -0.5, 0.0, 0.0, 1.0, False)
    for reach in (MIDDLE, FAR):
        t = table(of, torch.device("cpu"), reach)
        excess = _excess(t, t.s) - wanted
        cells = (excess[:-1] * excess[1:] <= 0).nonzero().flatten()
        if len(cells):
            break
    else:
        most = float((excess + wanted).nan_to_num(-math.inf).max())
        raise ValueError(
            f"sigma_b: got {sigma_b:g}; no edge of chaos: χ⊥ = 1 at a fixed length q needs "
            f"σ_b² = q - E[φ²]/E[φ'²], which is at most {most:.4g} for q from 1e-8 to 1e12"
        )
    q = _root(lambda q: q - _ratio(of, q) - wanted, t.s, int(cells[0]))
    _, b, d = (float(x) for x in of(torch.tensor(q, dtype=F64)))
    return Edge(b**-0.5, wanted**0.5, q, d / b, d < b)


def half_stable_point(phi: Phi) -> HalfStable:
    """Where χ⊥ = χ∥ = 1: E[φ φ''] = 0, σ_w² = 1/E[φ'²], σ_b² = q - E[φ²]/E[φ'²] ≥ 0; the smallest such q.

    Solved on the moments, never by iteration, which reaches it from one side at best.

    Raises:
        ValueError: nothing solves it.
    """
    of = _continuous(phi)
    found = _half_stable(of)
    if found is None:
        raise ValueError(
            "phi: χ⊥ = χ∥ = 1 has no solution with 0 < q < 1e12 and σ_b² ≥ 0 for this activation"
        )
    return found


def universality_class(phi: Phi) -> str:
    """The class of Roberts, Yaida & Hanin (2106.10165): "scale-invariant", "K*=0", "half-stable", "none".

    - scale-invariant: φ is a line on either side of 0, every length is critical;
    - K*=0: at σ_b = 0 the length 0 is critical and attracts, E[φ²]/q falling from a finite value at q = 0;
    - half-stable: χ⊥ = χ∥ = 1 at a length above 0 (or a continuum of them: shifted ReLU, soft threshold);
    - none: nothing of this; "discontinuous": φ jumps, χ⊥ = inf.
    """
    of = moments(phi)
    if of.jumps:
        return "discontinuous"
    if scale_invariant(of):
        return "scale-invariant"
    t = table(of, torch.device("cpu"))
    per_q = t.a[0] / t.s.exp()
    up_to_one = per_q[t.s <= 0]
    if _vanishes(of) and float(per_q[0]) > 1e-9:
        if bool((up_to_one.diff() <= 1e-10).all()) and float(up_to_one[-1]) < float(per_q[0]) * (1 - 1e-9):
            return "K*=0"
    return "none" if _half_stable(of) is None else "half-stable"


def _half_stable(of: Moments) -> HalfStable | None:
    found = (_half_stable_on(of, table(of, torch.device("cpu"), reach)) for reach in (MIDDLE, FAR))
    return next(filter(None, found), None)


def _half_stable_on(of: Moments, t: Table) -> HalfStable | None:
    d = t.a[1] / t.s.exp()
    room = ~(_excess(t, t.s) < 0)
    # else rounding of A decides on D; the tails of a threshold underflow
    usable = (t.b[0] * t.s.exp() > 1e-9 * t.a[0]) & (t.b[0] > 1e-20)
    # χ∥ = χ⊥: by the derivative of the interpolated A, good to 1e-9
    differ = d / t.b[0] - 1
    flat = (differ.abs() < 1e-8) & usable
    if bool((flat & room & (t.s > 0) & (t.s < 7)).sum() > 20):
        return HalfStable(math.nan, math.nan, math.nan, "degenerate")
    cells = ((differ[:-1] * differ[1:] < 0) & ~flat[:-1] & ~flat[1:] & usable[1:]).nonzero().flatten()
    for cell in cells.tolist():
        # where χ∥/χ⊥ approaches 1 without reaching it, rounding of the table changes sign
        ends = [_apart(of, math.exp(t.s[at])) for at in (cell, cell + 1)]
        if ends[0] * ends[1] >= 0 or max(map(abs, ends)) < 1e-9:
            continue
        q = _root(lambda q: _apart(of, q), t.s, cell)
        a, b, _ = (float(x) for x in of(torch.tensor(q, dtype=F64)))
        if q - a / b >= 0:
            return HalfStable(q, 1 / b, q - a / b, "half-stable")
    return None


def _root(f, s: Tensor, cell: int) -> float:
    """The zero of f(q) in a cell of the table (its ends are moved out a little for their own error)."""
    low, high = math.exp(float(s[cell]) - 1e-6), math.exp(float(s[cell + 1]) + 1e-6)
    return float(optimize.brentq(f, low, high, xtol=1e-300, rtol=1e-13))


def _apart(of: Moments, q: float) -> float:
    _, b, d = of(torch.tensor(q, dtype=F64), rtol=1e-12)
    return float(d / b) - 1


def _ratio(of: Moments, q: float) -> float:
    a, b, _ = of(torch.tensor(q, dtype=F64), rtol=1e-12)
    return float(a / b)


def _excess(t: Table, s: Tensor) -> Tensor:
    """The σ_b² that χ⊥ = 1 needs at each node; ``nan`` where it is below the error of the table."""
    excess = s.exp() - t.a[0] / t.b[0]
    return torch.where(excess.abs() > 1e-9 * s.exp(), excess, torch.nan)


def _vanishes(of: Moments) -> bool:
    return bool(of.phi(torch.zeros(1, dtype=F64)) == 0)


def _continuous(phi: Any) -> Moments:
    of = moments(phi)
    if of.jumps:
        raise ValueError(
            "phi: got one that jumps, class 'discontinuous': χ⊥ = inf at every σ_w; allowed: a continuous one"
        )
    return of

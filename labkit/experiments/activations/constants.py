"""Exact numbers of φ(z) for a standard normal z: gains, Hermite coefficients, slopes of the length map."""

import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from labkit import gauss
from labkit.experiments.activations.form import Missing
from labkit.nn.activations import Activation
from labkit.theory import meanfield

#: Relative to E|f|: twelve digits, two more than are promised.
RTOL = 1e-12
#: Hermite coefficients, and those whose tail the decay is read from.
TERMS, FROM = 65, 8
#: Deviations beyond which nothing has weight that does not grow like a Gaussian falls.
FAR = 12.0
#: The bias of the edge of chaos of what has no point of its own.
SIGMA_B = 0.3
#: Panels at a glance of one integral, and of those of all Hermite coefficients: what swings too fast for them
#: has no number then.
GLANCE, GLANCE_ALL = 1000, 300
#: Deviations beyond which a part of the line has no weight, and places looked at between two breaks.
SEEN, PLACES = 8.0, 201


def values(member: Activation, most: int = gauss.MOST_PANELS) -> dict[str, float]:
    """E φ, 1/√Var φ, 1/√E φ², E[z φ] and P(φ = 0)."""
    phi = member.function
    mean = _mean(member, lambda z: phi(z), most)
    if not math.isfinite(float(mean)):
        raise Missing("E φ is infinite")
    variance, square, linear = _mean(
        member, lambda z: torch.stack(((phi(z) - mean).square(), phi(z).square(), z * phi(z))), most
    ).tolist()
    if not math.isfinite(square):
        raise Missing("E φ² is infinite")
    return {
        "mean": float(mean),
        "gamma": _gain(variance),
        "gain": _gain(square),
        "linear": linear,
        "zeros": _at_zero(phi, member.breaks),
    }


def slopes(member: Activation, most: int = gauss.MOST_PANELS) -> dict[str, float]:
    """1/√E φ'², P(φ' = 0), and both slopes at q = 1 where σ_w² = 1/E φ² keeps that length without a bias.

    χ⊥ = E φ'²/E φ², χ∥ = E[z φ φ']/E φ²; where φ jumps χ⊥ is ``inf`` and χ∥ is E[(z² - 1) φ²]/(2 E φ²).

    Raises:
        Missing: the backward pass is another function than φ'; an infinite mean.
    """
    if member.gradient != "exact":
        raise Missing("its backward pass is a surrogate, not φ'")
    phi, slope = member.function, member.derivative
    flat = _at_zero(slope, member.breaks)
    if member.jumps:
        square, rise = _mean(
            member, lambda z: torch.stack((phi(z) ** 2, (z**2 - 1) * phi(z) ** 2)), most
        ).tolist()
        return {"slope_gain": 0.0, "flat": flat, "chi_perp": math.inf, "chi_par": rise / (2 * square)}
    square, steep, rise = _mean(
        member, lambda z: torch.stack((phi(z) ** 2, slope(z) ** 2, z * phi(z) * slope(z))), most
    ).tolist()
    if not math.isfinite(steep):
        raise Missing("E φ'² is infinite")
    return {
        "slope_gain": _gain(steep),
        "flat": flat,
        "chi_perp": steep / square if square else math.nan,
        "chi_par": rise / square if square else math.nan,
    }


def hermite(member: Activation, most: int = gauss.MOST_PANELS) -> tuple[Tensor, float]:
    r""":math:`a_n = E[\phi(z)\,\mathrm{He}_n(z)]/\sqrt{n!}` for n = 0 ... 64, and :math:`E\phi^2`, Σ a_n²."""

    def both(z: Tensor) -> Tensor:
        y = member.function(z)
        return y * torch.stack([*polynomials(z, TERMS), y])

    found = _mean(member, both, most)
    return found[:-1], float(found[-1])


def decay(coefficients: Tensor, square: float) -> float:
    r"""Exponent p of :math:`\sum_{m \ge n} a_m^2 \sim n^{-p}`, fitted for n = 8 ... 64.

    1/2 for a jump and 3/2 for a kink (at the origin); ``inf`` where three points are not left above the
    error of 1e-12, as for polynomials.
    """
    tail = square - torch.cat((torch.zeros(1, dtype=torch.float64), coefficients.square())).cumsum(0)
    n = torch.arange(len(tail), dtype=torch.float64)
    good = (n >= FROM) & (n < TERMS) & (tail > 1e-12 * square)
    if int(good.sum()) < 3:
        return math.inf
    x, y = n[good].log(), tail[good].log()
    return -float(((x - x.mean()) * y).sum() / (x - x.mean()).square().sum())


def criticality(member: Activation) -> dict[str, float | str]:
    """Class of criticality and one point of the edge of chaos: see ``labkit.theory.meanfield``.

    The point is that of the class: σ_b = 0 for scale-invariant and K*=0, the half-stable point, and for the
    others the edge at σ_b = .3 where there is one.

    Raises:
        Missing: a safe range of fewer than 38 deviations.
    """
    if min(-member.safe[0], member.safe[1]) < gauss.END:
        raise Missing("theory needs it farther out than its safe range")
    kind = meanfield.universality_class(member)
    point = {"edge_sigma_w": math.nan, "edge_sigma_b": math.nan, "edge_q": math.nan}
    if kind == "half-stable":
        at = meanfield.half_stable_point(member)
        if at.kind == kind:
            point = {"edge_sigma_w": at.c_w**0.5, "edge_sigma_b": at.c_b**0.5, "edge_q": at.q_star}
    elif kind != "discontinuous":
        try:
            at = meanfield.edge_of_chaos(member, SIGMA_B if kind == "none" else 0.0)
            point = {"edge_sigma_w": at.sigma_w, "edge_sigma_b": at.sigma_b, "edge_q": at.q_star}
        except ValueError:
            pass
    return {"universality": kind, **point}


def polynomials(z: Tensor, count: int) -> Iterator[Tensor]:
    """Orthonormal Hermite polynomials h_0, h_1, ... of z."""
    before, now = torch.zeros_like(z), torch.ones_like(z)
    for n in range(count):
        yield now
        before, now = now, (z * now - math.sqrt(n) * before) / math.sqrt(n + 1)


def _mean(member: Activation, f: Callable[[Tensor], Tensor], most: int) -> Tensor:
    """E f(z); what is smaller than its error is 0."""
    low, high = max(member.safe[0], -gauss.END), min(member.safe[1], gauss.END)

    def guarded(index: Tensor, z: Tensor) -> Tensor:
        y = f(z)  # an overflow beyond the safe range counts as 0 where the density is below 1e-31
        return torch.where(~y.isfinite() & ((z < min(low, -FAR)) | (z > max(high, FAR))), 0.0, y)

    grows = torch.tensor(False)
    if low > -gauss.END or high < gauss.END:  # infinite, if it grows faster than the density falls
        z = torch.tensor([-FAR, FAR, 1 - FAR, FAR - 1], dtype=torch.float64)
        last, before = (f(z).abs() * gauss.density(z)).split(2, -1)
        grows = ((last > before) & (last > 1e-30)).any(-1)
        if bool(grows.all()):
            return torch.where(grows, torch.inf, 0.0).double()
    panels = gauss.edges(torch.ones(1, dtype=torch.float64), member.breaks)
    value, error = (each[..., 0] for each in gauss.integrate(guarded, panels, rtol=RTOL, most=most))
    value = torch.where(grows, torch.inf, value)
    return torch.where(value.isfinite() & (value.abs() <= error.clamp_min(1e-15)), 0.0, value)


def _at_zero(f: Callable[[Tensor], Tensor], breaks: Sequence[float]) -> float:
    """P(f(z) = 0): pieces between breaks that are 0 but for rounding; within others by bisection."""
    inside = [at for at in breaks if abs(at) < SEEN]
    low, high = torch.tensor([[-SEEN, *inside], [*inside, SEEN]], dtype=torch.float64)
    share = (torch.arange(PLACES, dtype=torch.float64) + 0.37) / PLACES
    x = low[:, None] + (high - low)[:, None] * share
    y = f(x).abs()
    flat = (y <= 1e-14 * y.max()).all(1)
    low[0], high[-1] = -torch.inf, torch.inf  # what is so at eight deviations goes on
    mass = (torch.special.ndtr(high) - torch.special.ndtr(low))[flat].sum()
    low, high, x, on = low[~flat], high[~flat], x[~flat], (y == 0)[~flat]
    turns = on[:, 1:] != on[:, :-1]
    left, right, before = x[:, :-1][turns], x[:, 1:][turns], on[:, :-1][turns]
    for _ in range(60 if len(left) else 0):
        middle = (left + right) / 2
        same = (f(middle) == 0) == before
        left, right = torch.where(same, middle, left), torch.where(same, right, middle)
    # Φ where a part ends less Φ where it begins
    ends, starts = (right[before], high[on[:, -1]]), (right[~before], low[on[:, 0]])
    mass = float(mass + sum(torch.special.ndtr(x).sum() for x in ends))
    mass -= float(sum(torch.special.ndtr(x).sum() for x in starts))
    return mass if mass > RTOL else 0.0  # GELU underflows beyond eight deviations


def _gain(square: float) -> float:
    return square**-0.5 if square else math.inf

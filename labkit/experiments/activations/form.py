"""What kind of function an activation is, looked at on the whole line: corners, rise, bounds, slope, degree.

Far out means 1e4. A supremum is refined where it is found; one that is only approached is extrapolated from
those up to 1e8, and one whose growth from decade to decade does not halve up to 1e4 is infinite.
"""

import functools
import math
from collections.abc import Callable

import torch
from torch import Tensor

from labkit import gauss
from labkit.nn.activations import Activation
from labkit.nn.activations.breaks import HIGHEST, first_jump
from labkit.theory.meanfield.moments import smooth

Law = Callable[[Tensor], Tensor]
F64 = torch.float64
#: Distances from a point of break at which a slope is seen to grow.
CLOSE = (1e-3, 1e-6, 1e-9, 1e-12)


class Missing(ValueError):
    """A number that does not exist for a member; the text says why."""


def smoothness(member: Activation) -> float:
    """Order n of C^n: -1 where φ jumps, 0 where φ' does, ``inf`` where nothing up to the fifth does.

    What the member declares is compared with one-sided derivatives at the declared points, and elsewhere with
    Stein's identities for φ and φ'.

    Raises:
        Missing: the two disagree.
    """
    order = declared(member)
    # of others the Gaussian means may be infinite
    if member.gradient == "exact" and order >= 0 and min(-member.safe[0], member.safe[1]) > 36:
        try:
            _hides_nothing(member, bool(member.kinks))
        except gauss.NotReached:  # what no quadrature follows is taken at its word
            pass
    return order


def declared(member: Activation) -> float:
    """The order as :func:`smoothness` has it, with a look at the declared points only.

    Raises:
        Missing: there something else is seen.
    """
    order = -1.0 if member.jumps else 0.0 if member.kinks else math.inf
    if member.gradient != "exact":
        return order if order < 1 else math.nan
    places = torch.tensor(member.breaks, dtype=F64)
    seen = float((first_jump(member.function, places) - 1).min()) if len(places) else math.inf
    if order < 1 and seen != order:
        raise Missing(f"declared C^{order:g}, but at the declared points C^{seen:g} is seen")
    # 1 at least: what Stein's identities pass is no kink, however narrow its bend
    return seen if order > 0 and 1 <= seen <= HIGHEST else order


def _hides_nothing(member: Activation, kinks: bool) -> None:
    function, slope = _guarded(member.function), _guarded(member.derivative)
    if not smooth(function, slope, member.breaks):
        raise Missing("φ' is not the derivative of φ everywhere: there is a jump that is not declared")
    # a corner that is rounded off within 1e-4 is a narrow peak of φ'': quadrature must be told where
    near = tuple(sign * 10.0**-k for k in range(1, 8) for sign in (-1, 1))
    if not kinks and not smooth(slope, _guarded(twice(member)), (*member.breaks, *near)):
        raise Missing("φ'' is not the derivative of φ' everywhere: there is a kink that is not declared")


def monotone(member: Activation) -> str:
    """``increasing``, ``decreasing`` (either may rest), ``constant`` or ``neither``."""
    y = _on_the_line(member)
    rise = y.diff()[y.diff().isfinite()]
    size = torch.maximum(y[1:].abs(), y[:-1].abs())[y.diff().isfinite()]
    up, down = bool((rise > 1e-13 * size).any()), bool((rise < -1e-13 * size).any())
    return {(True, True): "neither", (True, False): "increasing", (False, True): "decreasing"}.get(
        (up, down), "constant"
    )


def bounds(member: Activation) -> tuple[float, float]:
    """Infimum and supremum, infinite where there is none."""
    y = _on_the_line(member)
    return -supremum(lambda x: -member.function(x), member, -y), supremum(member.function, member, y)


def lipschitz(member: Activation) -> float:
    """Supremum of |φ'|: ``inf`` where φ jumps or φ' grows without bound, far out or towards a break."""
    if member.jumps:
        return math.inf
    slope = member.derivative if member.gradient == "exact" else _difference(member.function)
    for at in member.breaks:
        x = torch.tensor([[at - d for d in CLOSE], [at + d for d in CLOSE]], dtype=F64)
        rise = slope(x).abs().diff(dim=1)
        if bool(((rise[:, 2] > 0.5 * rise[:, 1]) & (rise[:, 2] > 1e-4)).any()):
            return math.inf
    return supremum(lambda x: slope(x).abs(), member)


def homogeneity(member: Activation) -> float:
    r"""Degree d of :math:`\phi(ax) = a^d \phi(x)` for every a > 0.

    Raises:
        Missing: there is none.
    """
    ends = member.function(torch.tensor([-2.0, -1.0, 1.0, 2.0], dtype=F64))
    low, one, two = (ends[1], ends[1], ends[0]) if ends[2] == 0 else (ends[2], ends[2], ends[3])
    if low == 0:
        raise Missing("φ(1) and φ(-1) are 0")
    if not two / one > 0:
        raise Missing("φ(ax) is no power of a times φ(x)")
    degree = round(float((two / one).log2()), 9) + 0.0
    x = torch.logspace(-2, 2, 41, dtype=F64)
    for sign, at in ((1.0, ends[2]), (-1.0, ends[1])):
        wanted = at * x**degree
        if not torch.allclose(member.function(sign * x), wanted, rtol=1e-9, atol=1e-12):
            raise Missing("φ(ax) is no power of a times φ(x)")
    return degree


def twice(member: Activation) -> Law:
    """φ'' by autograd, twice from φ: a derivative in closed form need not be differentiable."""

    def second(x: Tensor) -> Tensor:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            y = member.function(x)
            if not y.requires_grad:
                return torch.zeros_like(x)
            (slope,) = torch.autograd.grad(y.sum(), x, create_graph=True)
            if not slope.requires_grad:
                return torch.zeros_like(x)
            (bend,) = torch.autograd.grad(slope.sum(), x, allow_unused=True)
        return torch.zeros_like(x) if bend is None else bend

    return second


@functools.lru_cache(maxsize=64)
def line(breaks: tuple[float, ...] = ()) -> Tensor:
    """The line to ±1e4 in order: every .01 to ±10, then by ratio; and both sides of the breaks."""
    middle = 0.01 * torch.arange(-1000, 1001, dtype=F64)
    tail = torch.logspace(1, 4, 1501, dtype=F64)[1:]
    at = torch.tensor(breaks, dtype=F64)
    return torch.cat((-tail, middle, tail, at - 1e-9, at + 1e-9)).sort().values


@functools.lru_cache(maxsize=8)
def _on_the_line(member: Activation) -> Tensor:
    return member.function(line(member.breaks))


def supremum(g: Law, member: Activation, y: Tensor | None = None) -> float:
    """Supremum of g, made from φ, over the line, on which it is ``y``; see the head of this file.

    NaN beyond the member's safe range ends the line there; a g that is largest at such an end is infinite.

    Raises:
        Missing: g is NaN inside of the safe range.
    """
    x = line(member.breaks)
    y = g(x) if y is None else y
    low, high = member.safe
    beyond = y.isnan() & ((x <= low) | (x >= high))
    x, y = x[~beyond], y[~beyond]
    if bool(y.isnan().any()):
        raise Missing(f"NaN at x = {float(x[y.isnan()][0]):g}")
    if bool(beyond.any()) and int(y.argmax()) in (0, len(y) - 1) and float(y.diff()[[0, -1]].abs().max()) > 0:
        return math.inf
    two, three, four = (
        float(y[slice(*torch.searchsorted(x, x.new_tensor([-reach, reach]) * 1.001).tolist())].max())
        for reach in (1e2, 1e3, 1e4)
    )
    if not all(math.isfinite(top) for top in (two, three, four)):
        return math.inf if max(two, three, four) == math.inf else four
    before, last = three - two, four - three
    if last > 1e-6 * (1 + abs(three)):
        if last > 0.5 * before:
            return math.inf
        return _limit(g, math.copysign(1.0, float(x[y.argmax()])), four)
    k = int(y.argmax())
    low, high = float(x[max(k - 1, 0)]), float(x[min(k + 1, len(x) - 1)])
    for _ in range(6):
        fine = torch.linspace(low, high, 101, dtype=F64)
        values = g(fine)
        j, four = int(values.argmax()), max(four, float(values.max()))
        low, high = float(fine[max(j - 1, 0)]), float(fine[min(j + 1, 100)])
    return four


def _guarded(f: Law) -> Law:
    """An overflow far out counts as 0: at eight deviations of the widest Gaussian it has no weight."""

    def call(x: Tensor) -> Tensor:
        y = f(x)
        return torch.where(~y.isfinite() & (x.abs() > 24), 0.0, y)

    return call


def _limit(g: Law, side: float, reached: float) -> float:
    """Where g goes to as x → ±∞, from 1e6, 1e7 and 1e8 (Aitken); what was ``reached`` where that fails."""
    one, two, three = g(side * torch.tensor([1e6, 1e7, 1e8], dtype=F64)).tolist()
    if not reached <= one < two < three:
        return reached
    return three + (three - two) ** 2 / (2 * two - one - three)


def _difference(phi: Law) -> Law:
    """φ' by central differences, where autograd gives something else on purpose."""

    def slope(x: Tensor) -> Tensor:
        h = 1e-6 * x.abs().clamp_min(1.0)
        return (phi(x + h) - phi(x - h)) / (2 * h)

    return slope

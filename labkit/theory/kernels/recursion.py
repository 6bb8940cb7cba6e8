"""The recursion of both kernels over the layers, tile by tile."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from labkit import _checks
from labkit.nn.shares import on_one_core, side_by_side
from labkit.theory.kernels.activation import breaks_of, derivative_of, function_of, jumps_of
from labkit.theory.kernels.closed import Angular, Pair, recognise
from labkit.theory.kernels.numeric import Numeric
from labkit.theory.kernels.piecewise import PiecewiseLinear, piecewise_linear

#: Entries of a tile: a handful of such arrays stays in the second-level cache; on a GPU fewer launches count.
TILE, TILE_GPU = 24_000, 4_000_000
#: What computes the kernels on some rows and columns.
Work = Callable[[slice, slice], tuple[Tensor, ...]]
#: 1 − |cos θ| below which the angle comes from the difference of the two inputs.
NEAR = 1e-6


class Kernels(NamedTuple):
    """Both kernels of a network, (n1, n2) each.

    Attributes:
        nngp: Σ, the covariance of one output over random networks.
        ntk: Θ, the gradient inner product of one output.
    """

    nngp: Tensor
    ntk: Tensor


def nngp_ntk(
    phi: Any,
    depth: int,
    sigma_w: float,
    sigma_b: float,
    x1: Tensor,
    x2: Tensor | None = None,
) -> Kernels:
    r"""NNGP kernel Σ and NTK Θ of an infinitely wide fully connected network, linear output included.

    The network in NTK parametrisation, with ``depth`` hidden layers and all W, b drawn from N(0, 1):
    :math:`z^1 = \frac{\sigma_w}{\sqrt{d}} W^1 x + \sigma_b b^1`, :math:`z^{l+1} = \frac{\sigma_w}{\sqrt{n_l}}
    W^{l+1} \phi(z^l) + \sigma_b b^{l+1}`, output :math:`z^{L+1}`, L = ``depth``. Then

    :math:`\Sigma^1 = \Theta^1 = \sigma_b^2 + \sigma_w^2\, x \cdot x' / d`,
    :math:`\Sigma^{l+1} = \sigma_b^2 + \sigma_w^2\, E[\phi(u)\phi(v)]`,
    :math:`\Theta^{l+1} = \Sigma^{l+1} + \sigma_w^2\, E[\phi'(u)\phi'(v)]\, \Theta^l`,

    (u, v) normal with the covariance that :math:`\Sigma^l` has on x and x'; returned are
    :math:`\Sigma^{L+1}, \Theta^{L+1}`. Weights and biases of all layers are trained, the last one's included.
    Jacot et al. (1806.07572), Lee et al. (1711.00165). Valid for width → ∞ at fixed depth; at width n
    fluctuations are of order depth/n.

    Closed forms for the identity, ReLU, leaky ReLU, |x|, sign, erf, sin kx, cos kx, exp(−kx²), GELU, x², x³,
    however they are passed; one smooth integral a pair for members that are lines between kinks
    (:mod:`labkit.theory.kernels.piecewise`); all else by quadrature (:mod:`labkit.theory.kernels.numeric`),
    right to 1e-9 of :math:`\sqrt{E[\phi(u)^2]E[\phi(v)^2]}` or refused.

    Args:
        phi: a key of :data:`labkit.nn.activations.ELEMENTWISE`, a member of it, or an elementwise callable on
            float64 tensors.
        depth: hidden layers, 1 or more.
        sigma_w: σ_w, 0 or more.
        sigma_b: σ_b, 0 or more.
        x1: (n1, d), computed on its device in float64.
        x2: (n2, d); ``None`` means x1, and gives exactly symmetric kernels.

    Raises:
        ValueError: bad input; an activation that jumps (sign: see :func:`nngp`); a kernel that overflows or
            that quadrature does not bring to its accuracy.
    """
    return Kernels(*_kernels(phi, depth, sigma_w, sigma_b, x1, x2, ntk=True))


def nngp(
    phi: Any,
    depth: int,
    sigma_w: float,
    sigma_b: float,
    x1: Tensor,
    x2: Tensor | None = None,
) -> Tensor:
    """Σ of :func:`nngp_ntk` alone, (n1, n2); also for the sign function, which has no NTK."""
    return _kernels(phi, depth, sigma_w, sigma_b, x1, x2, ntk=False)[0]


def _kernels(
    phi: Any, depth: int, sigma_w: float, sigma_b: float, x1: Tensor, x2: Tensor | None, ntk: bool
) -> tuple[Tensor, ...]:
    function_of(phi)
    depth = _checks.number("depth", depth, kind=int, low=1)
    weight = _checks.number("sigma_w", sigma_w, low=0) ** 2
    bias = _checks.number("sigma_b", sigma_b, low=0) ** 2
    x1 = _points("x1", x1)
    if x2 is not None:
        x2 = _points("x2", x2)
        _checks.shape("x2", x2, None, x1.shape[1])
        x2 = None if torch.equal(x1, x2.to(x1.device)) else x2.to(x1.device)
    return on_one_core(lambda: _filled(phi, depth, weight, bias, x1, x2, ntk), x1.device)


@torch.no_grad()
def _filled(
    phi: Any, depth: int, weight: float, bias: float, x1: Tensor, x2: Tensor | None, ntk: bool
) -> tuple[Tensor, ...]:
    """The kernels, tile by tile."""
    work = _work(phi, depth, weight, bias, x1, x2, ntk)
    n1, n2 = len(x1), len(x1 if x2 is None else x2)
    found = tuple(x1.new_empty(n1, n2) for _ in range(1 + ntk))

    @torch.no_grad()
    def one(tile: tuple[slice, slice]) -> None:
        rows, columns = tile
        for whole, part in zip(found, work(rows, columns), strict=False):
            whole[rows, columns] = part
            if x2 is None:
                # the square on the diagonal from its upper half, the rest below from above
                square = part[:, : len(part)]
                whole[rows, rows] = square.triu() + square.triu(1).T
                whole[rows.stop :, rows] = part[:, len(part) :].T

    side_by_side(one, _tiles(n1, n2, x2 is None, TILE if x1.device.type == "cpu" else TILE_GPU))
    if not all(bool(torch.isfinite(each).all()) for each in found):
        raise ValueError(
            "sigma_w, depth: the kernel overflows float64; allowed: values for which it is finite"
        )
    return found


def _work(phi: Any, depth: int, weight: float, bias: float, x1: Tensor, x2: Tensor | None, ntk: bool) -> Work:
    """By a closed form of the angle or of the covariance, line by line, or by quadrature."""
    function = function_of(phi)
    rule = recognise(function)
    if ntk and (rule.sign if isinstance(rule, Angular) else jumps_of(phi)):
        raise ValueError("phi: it jumps, its NTK is infinite; allowed: nngp(...), which needs no slope")
    if isinstance(rule, Angular):
        return _angular(rule, depth, weight, bias, x1, x2)
    lines = None if rule else piecewise_linear(function, breaks_of(phi), jumps_of(phi))
    kind = Closed(rule) if rule else lines or Numeric(function, derivative_of(phi), breaks_of(phi), ntk)
    return _covariant(kind, depth, weight, bias, x1, x2, ntk)


def _points(name: str, x: Tensor) -> Tensor:
    if not isinstance(x, Tensor):
        raise ValueError(f"{name}: got {type(x).__name__}; allowed: a tensor (points, inputs)")
    _checks.shape(name, x, None, None)
    if not x.numel():
        raise ValueError(f"{name}: got shape {tuple(x.shape)}; allowed: one point and one input, or more")
    x = x.detach().to(torch.float64)
    if not bool(torch.isfinite(x).all()):
        raise ValueError(f"{name}: got a NaN or infinite entry; allowed: finite numbers")
    return x


def _tiles(n1: int, n2: int, symmetric: bool, entries: int) -> list[tuple[slice, slice]]:
    """Rows and columns of each tile; of a symmetric kernel the columns from the first row's on."""
    tiles, start = [], 0
    while start < n1:
        wide = n2 - start if symmetric else n2
        stop = min(n1, start + max(1, entries // wide))
        tiles.append((slice(start, stop), slice(start, n2) if symmetric else slice(0, n2)))
        start = stop
    return tiles


class Closed:
    """A covariance rule with a closed form."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair

    def bind(self, q: Tensor, r: Tensor | None) -> tuple[Callable, Tensor, Tensor | None]:
        """``(rows, columns, s)`` -> E[φφ], E[φ′φ′] for fixed variances; and E[φ²] of each point."""
        column, row = q[:, None], (q if r is None else r)[None, :]

        def pairs(rows: slice, columns: slice, s: Tensor) -> tuple[Tensor, Tensor]:
            return self.pair(column[rows], row[:, columns], s)

        return pairs, self.pair(q, q, q)[0], None if r is None else self.pair(r, r, r)[0]


def _covariant(
    rule: Closed | PiecewiseLinear | Numeric,
    depth: int,
    weight: float,
    bias: float,
    x1: Tensor,
    x2: Tensor | None,
    ntk: bool,
) -> Work:
    """A function of the tile for activations that need the variances."""
    scale = weight / x1.shape[1]
    q = x1.square().sum(1).mul_(scale).add_(bias)
    r = None if x2 is None else x2.square().sum(1).mul_(scale).add_(bias)
    layers = []
    for _ in range(depth):
        _finite(*(v for v in (q, r) if v is not None))
        layer, *moments = rule.bind(q, r)
        layers.append(layer)
        q, r = (None if v is None else v * weight + bias for v in moments)
    other = x1 if x2 is None else x2

    def work(rows: slice, columns: slice) -> tuple[Tensor, ...]:
        s = (x1[rows] @ other[columns].T).mul_(scale).add_(bias)
        theta = s
        for layer in layers:
            value, slope = layer(rows, columns, s)
            s = value.mul_(weight).add_(bias)
            if ntk:
                theta = torch.addcmul(s, slope, theta, value=weight)
        return s, theta

    return work


def _finite(*each: Tensor) -> None:
    if not all(bool(torch.isfinite(q).all()) for q in each):
        raise ValueError(
            "sigma_w, depth: the length overflows float64; allowed: values for which it is finite"
        )


def _angular(
    rule: Angular, depth: int, weight: float, bias: float, x1: Tensor, x2: Tensor | None
) -> Callable[[slice, slice], tuple[Tensor, Tensor]]:
    r"""The same for homogeneous activations: layer by layer the gap 1 − cos θ, not the covariance.

    With root second moments v and w of φ, length :math:`q' = b + a v^2`, :math:`s' = \sqrt{q'r'}` and gap g
    of φ's values, the next gap is :math:`[ab(v-w)^2/(s'+b+avw) + avw\,g]/s'`: no difference of large numbers.
    """
    unit1, q = _units(x1, weight, bias)
    unit2, r = (unit1, q) if x2 is None else _units(x2, weight, bias)
    first, second = (q.sqrt(), r.sqrt())
    roots = []
    for _ in range(depth):
        v, w = rule.root(q), rule.root(r)
        q, r = (v * v).mul_(weight).add_(bias), (w * w).mul_(weight).add_(bias)
        _finite(q, r)
        roots.append((v, w, q.sqrt(), r.sqrt()))

    def work(rows: slice, columns: slice) -> tuple[Tensor, Tensor]:
        theta, gap = _angles(unit1[rows], unit2[columns], rule.even)
        # of an even φ both Σ¹ and the slope change sign with x
        s = first[rows, None] * second[columns]
        ntk = 1 - gap  # Θ / s
        for layer, (v, w, q, r) in enumerate(roots):
            if layer:
                theta = (gap * 0.5).sqrt_().asin_().mul_(2)
            sine = (2 - gap).mul_(gap).sqrt_() if layer else theta.sin()
            gap, slope = rule.gap(theta, gap, sine)
            if bias:
                before, s = s, q[rows, None] * r[columns]
                v, w = v[rows, None], w[columns]
                product = (v * w).mul_(weight)
                apart = (v - w).square_().mul_(weight * bias).div_(torch.add(s, product).add_(bias))
                gap = gap.mul_(product).add_(apart).div_(s)
                ntk.mul_(before.mul_(weight).div_(s))
            else:
                ntk.mul_(
                    1 / rule.second_moment
                )  # the s of a layer is that of the one before times this / σ_w²
            ntk.mul_(slope).sub_(gap).add_(1)
        if not bias:
            s = q[rows, None] * r[columns]
        return torch.addcmul(s, s, gap, value=-1), ntk.mul_(s)

    return work


def _units(x: Tensor, weight: float, bias: float) -> tuple[Tensor, Tensor]:
    """Vectors of length 1 (or 0) whose products are the cosines of the first layer, and their q."""
    x = x * math.sqrt(weight / x.shape[1])
    if bias:
        x = torch.cat([x, x.new_full((len(x), 1), math.sqrt(bias))], 1)
    length = x.norm(dim=1, keepdim=True)
    return torch.where(length > 0, x / length, 0.0), length[:, 0].square()


def _angles(a: Tensor, b: Tensor, even: bool) -> tuple[Tensor, Tensor]:
    """θ and 1 − cos θ of unit vectors, right to rounding near 0 and π too; folded to θ ≤ π/2 if ``even``."""
    cosine = a @ b.T
    near = (cosine.abs() > 1 - NEAR).nonzero()
    gap = 1 - (cosine.abs() if even else cosine)
    theta = gap.clamp(0, 2).mul_(0.5).sqrt_().asin_().mul_(2)
    for few in near.split(max(1, 1_000_000 // a.shape[1])):
        i, j = few.unbind(1)
        opposite = cosine[i, j] < 0
        # of opposite vectors the angle to π
        small = torch.where(opposite[:, None], a[i] + b[j], a[i] - b[j]).norm(dim=1).mul_(0.5)
        angle = small.clamp(max=1).asin().mul_(2)
        flip = opposite & (not even)
        theta[i, j] = torch.where(flip, math.pi - angle, angle)
        gap[i, j] = torch.where(flip, 2 - 2 * small.square(), 2 * small.square())
    return theta, gap.clamp_(0, 2)

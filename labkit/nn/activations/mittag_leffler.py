"""The Mittag-Leffler function, which joins powers, exponentials and circular functions, as a gate."""

from math import pi

import torch
from torch import Tensor

from labkit.nn.activations.activation import Activation, Parameter, Reduction, Value, floating, parametric

SOURCE = "Mostafanejad, unification of popular artificial neural network activation functions (2302.11007)"
DOUBT = (
    "a public program after the paper divides one Mittag-Leffler function, of f(x), by another, of g(x); "
    "f, g and the paper's table of parameters were not read. This is the gate that gives the logistic "
    "sigmoid and SiLU at α = β = 1"
)
#: The line Re √s on which the integral is taken: e^{LINE²} of rounding, and all is smooth for 2 to its left.
LINE = 2.0
#: Step of the midpoint rule and its nodes; beyond, the integrand is below 1e-17 of 1.
STEP, NODES = 0.3, 23
#: Poles nearer to 0 are too far from the line to be seen.
NEAR = 0.25
#: Up to which exponent the gate follows E; e^-300 of 1 is no longer seen.
STEEP = 300.0


def mittag_leffler(z: Tensor, alpha: Value, beta: Value) -> Tensor:
    r""":math:`E_{\alpha,\beta}(z) = \sum_{k \ge 0} z^k / \Gamma(\alpha k + \beta)`, entry by entry.

    The inverse Laplace transform :math:`\frac{1}{2\pi i}\int e^s s^{\alpha-\beta}/(s^\alpha - z)\,ds` on the
    parabola s = (c + iv)², where e^s falls like a Gaussian, by the midpoint rule of step h (Garrappa, SIAM J.
    Numer. Anal. 53, 2015, for such contours). A pole at p in the plane of √s adds its residue times
    :math:`1/(1 + e^{2\pi(c - p)/h})`, which is 0 far to the left of the line, 1 far to its right, and between
    them what the rule misses. Computed in float64 whatever comes in; differentiable in all three.

    Args:
        z: any real numbers (*shape); large ones may overflow to inf.
        alpha: in (0, 2], a number or a tensor that broadcasts with z.
        beta: from 0.25 to 3 likewise.

    Returns:
        (*shape); for α from 0.25 to 2 and z from -20 to 2 within 1e-10 of max(1, \|E\|) in float64.

    Raises:
        ValueError: z is not floating-point.
    """
    given, z = floating(z).dtype, z.double()
    alpha, beta = _like(z, alpha), _like(z, beta)
    high, turned, real, imaginary = _nodes(z.dim(), alpha, beta)
    real = real - z
    value = ((high * real + turned * imaginary) / (real.square() + imaginary.square())).sum(0)

    # one pole on the axis for z > 0; for z < 0 a pair of them, but only if α > 1
    seen = (z.abs() > NEAR ** (2 * alpha)) & ((z > 0) | (alpha > 1))
    angle = torch.where(z > 0, 0.0, pi / alpha)
    length = torch.where(seen, z.abs(), 1.0).log() / alpha  # ln |s|
    root = (length / 2).exp()
    # 1 + e^{2π(c - p)/h} by its modulus, which overflows for no pole, and its phase
    fall = (2 * pi / STEP * (LINE - root * (angle / 2).cos())).exp()
    swing = -2 * pi / STEP * root * (angle / 2).sin()
    part, other = 1 + fall * swing.cos(), fall * swing.sin()
    rise = length.exp() * angle.cos() + (1 - beta) * length
    wave = length.exp() * angle.sin() + (1 - beta) * angle
    both = (2 - (z > 0).to(z)) / alpha
    residue = rise.exp() * both * (wave.cos() * part + wave.sin() * other) / (part.square() + other.square())
    return (value + torch.where(seen, residue, 0.0)).to(given)


def _slope(z: Tensor, alpha: Value, beta: Value) -> Tensor:
    r"""dE/dz in float64, :math:`(E_{\alpha,\alpha+\beta-1} - (\beta - 1)E_{\alpha,\alpha+\beta})/\alpha`."""
    z = z.double()
    value = mittag_leffler(z, alpha, alpha + beta - 1)
    if torch.is_tensor(beta) or beta != 1:
        value = value - (beta - 1) * mittag_leffler(z, alpha, alpha + beta)
    return value / alpha


def _nodes(dims: int, alpha: Tensor, beta: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Real and imaginary part of the weight and of s^α at each node, the first of 1 + dims dimensions."""
    v = (torch.arange(NODES, dtype=alpha.dtype, device=alpha.device) + 0.5) * STEP
    v = v.view(-1, *[1] * max(dims, alpha.dim(), beta.dim()))
    size, turn = (LINE * LINE + v.square()).log() / 2, torch.atan2(v, torch.full_like(v, LINE))
    power = 2 * (alpha - beta) + 1
    phase = 2 * LINE * v + power * turn
    height = (LINE * LINE - v.square() + power * size).exp() * (2 * STEP / pi)
    grown, bend = (2 * alpha * size).exp(), 2 * alpha * turn
    return height * phase.cos(), height * phase.sin(), grown * bend.cos(), grown * bend.sin()


def _like(z: Tensor, value: Value) -> Tensor:
    if torch.is_tensor(value):
        return value.to(z)
    return torch.tensor(value, dtype=z.dtype, device=z.device)


def _gate(x: Tensor, alpha: Value, beta: Value) -> Tensor:
    return (1 / (1 + mittag_leffler(_turned(x, alpha), alpha, beta))).to(x.dtype)


def _gate_slope(x: Tensor, alpha: Value, beta: Value) -> Tensor:
    z = _turned(x, alpha)
    gate = 1 / (1 + mittag_leffler(z, alpha, beta))
    slope = gate * _slope(z, alpha, beta) * gate  # in this order nothing overflows
    return torch.where(-x.double() <= z, slope, 0.0).to(x.dtype)


def _turned(x: Tensor, alpha: Value) -> Tensor:
    """-x, but no further than where E is e^STEEP."""
    if not torch.is_tensor(alpha):
        return (-x.double()).clamp_max(STEEP**alpha)
    return torch.minimum(-x.double(), STEEP ** alpha.detach().double())


# for α up to 1, E(-x) stays above -1, so the gate has no pole; beyond, it swings and may have one
ALPHA = Parameter("alpha", 1.0, "order of E; below 1 the gate closes like a power", 0.25, 1.0, True)
BETA = Parameter("beta", 1.0, "second index; E is 1/Γ(β) at 0", 0.25, 3.0, True)

MEMBERS: dict[str, Activation] = {
    "mittag_leffler": parametric(
        mittag_leffler,
        r"\phi(x) = E_{\alpha,\beta}(x) = \sum_{k \ge 0} x^k/\Gamma(\alpha k + \beta)",
        SOURCE,
        (ALPHA._replace(default=0.5, high=2.0, meaning="order; 1 is e^x, 2 at -x² is cos x"), BETA),
        slope=lambda x, alpha, beta: _slope(x, alpha, beta).to(x.dtype),
        # beyond 2 it grows like exp(x^{1/α})
        safe=(-20.0, 2.0),
        note="the function of which the source is made; as an activation by itself ours",
    ),
    "mittag_leffler_sigmoid": parametric(
        _gate,
        r"\phi(x) = 1/(1 + E_{\alpha,\beta}(-x)),\ E_{\alpha,\beta}(z) = \sum_k z^k/\Gamma(\alpha k + \beta)",
        SOURCE,
        (ALPHA, BETA),
        slope=_gate_slope,
        reduces=(Reduction("sigmoid", (("alpha", 1.0), ("beta", 1.0)), within=1e-11),),
        doubt=DOUBT,
    ),
    "mittag_leffler_silu": parametric(
        lambda x, alpha, beta: x * _gate(x, alpha, beta),
        r"\phi(x) = x/(1 + E_{\alpha,\beta}(-x)),\ E_{\alpha,\beta}(z) = \sum_k z^k/\Gamma(\alpha k + \beta)",
        SOURCE,
        (ALPHA, BETA),
        slope=lambda x, alpha, beta: _gate(x, alpha, beta) + x * _gate_slope(x, alpha, beta),
        reduces=(Reduction("silu", (("alpha", 1.0), ("beta", 1.0)), within=1e-11),),
        doubt=DOUBT,
    ),
}

"""Sums of bumps and of waves with learnable heights: edges of KANs.

An edge of a Kolmogorov-Arnold network (KAN) is a function of one number; a network sums them over the inputs
of a unit. Sources draw the coefficients at random; the table starts from a stated shape, see each ``note``.
"""

from collections.abc import Sequence
from math import pi, sqrt

import torch
from torch import Tensor
from torch.nn import functional as F

from labkit.nn.activations.activation import Activation, Parameter, Reduction, parametric
from labkit.nn.activations.polynomials import (
    Coefficients,
    Value,
    chebyshev,
    chebyshev_slope,
    horner,
    several,
)  # fmt: skip
from labkit.nn.activations.self_gated import silu_derivative

WAVELETS = "Bozorgasl & Chen, Wav-KAN (2405.12832)"
# pykan draws coefficients of about this size; here their signs alternate instead
ALTERNATING = tuple(0.1 * (-1) ** i for i in range(8))
START = "start: ours, coefficients ±0.1 in turn; the source draws them"


def _kan(x: Tensor, c: Coefficients, base: Value, scale: Value) -> Tensor:
    # G intervals on [-1, 1] and 3 more knots on each side: G + 3 splines. Which interval an entry is in says
    # which cubic it is on; one interval more at each end is for all that is beyond, where the cubic is 0
    c = c if torch.is_tensor(c) else torch.tensor(c, dtype=x.dtype, device=x.device)
    n = len(c)
    u = ((x + 1) * ((n - 3) / 2) + 4).clamp(0, n + 5)
    at = u.detach().floor().clamp_max(n + 4).nan_to_num()
    t, at = u - at, at.long()
    gap = c.new_zeros(4, *c.shape[1:])
    wide = torch.cat((gap, c, gap))
    # the four splines that are not 0 in an interval, by powers of the way through it
    one, two, three, four = (wide[k : k + n + 5] for k in range(4))
    powers = (
        (one + 4 * two + three) / 6,
        (three - one) / 2,
        (one - 2 * two + three) / 2,
        (four - 3 * three + 3 * two - one) / 6,
    )
    if c.dim() == 1:
        cubic = F.embedding(at, torch.stack(powers, -1)).unbind(-1)
    else:
        cubic = [_looked_up(table, at) for table in powers]
    return base * F.silu(x) + scale * horner(t, cubic)


def _looked_up(table: Tensor, at: Tensor) -> Tensor:
    """``table`` (intervals, ...) at the interval of each entry; behind its first dimension it broadcasts."""
    spare = [1] * (at.dim() - table.dim() + 1)
    return table.view(len(table), *spare, *table.shape[1:]).expand(-1, *at.shape).gather(0, at[None])[0]


def _kan_knots(c: Sequence[float], base: float, scale: float) -> tuple[float, ...]:
    grid = len(c) - 3
    return tuple(-1 + 2 * k / grid for k in range(-3, grid + 4))


def _fast_kan(x: Tensor, w: Coefficients, base: Value) -> Tensor:
    n = len(w)
    step, value = 4 / (n - 1), base * F.silu(x)
    for i in range(n):
        value = value + w[i] * (-((x + 2) / step - i).square()).exp()
    return value


def _fast_kan_slope(x: Tensor, w: Coefficients, base: Value) -> Tensor:
    n = len(w)
    step, value = 4 / (n - 1), base * silu_derivative(x)
    for i in range(n):
        u = (x + 2) / step - i
        value = value - w[i] * u * (-u.square()).exp() * (2 / step)
    return value


def _relu_kan(x: Tensor, w: Coefficients) -> Tensor:
    # G = n - 3 intervals of [0, 1], each bump four of them wide, 1 at its middle
    grid, value = len(w) - 3, torch.zeros_like(x)
    for i in range(len(w)):
        start = (i - 3) / grid
        bump = (x - start).relu() * (start + 4 / grid - x).relu() * (grid * grid / 4)
        value = value + w[i] * bump.square()
    return value


def _relu_kan_slope(x: Tensor, w: Coefficients) -> Tensor:
    grid, value = len(w) - 3, torch.zeros_like(x)
    for i in range(len(w)):
        rise, fall = (x - (i - 3) / grid).relu(), ((i + 1) / grid - x).relu()
        value = value + w[i] * rise * fall * (fall - rise) * (grid**4 / 8)
    return value


def _fourier_kan(x: Tensor, a: Coefficients, b: Coefficients) -> Tensor:
    value = torch.zeros_like(x)
    for k in range(len(a)):
        value = value + a[k] * ((k + 1) * x).cos() + b[k] * ((k + 1) * x).sin()
    return value


def _chebyshev_kan(x: Tensor, c: Coefficients) -> Tensor:
    return chebyshev(x.tanh(), c)


def _mexican_hat(u: Tensor) -> Tensor:
    square = u.square()
    return 2 / (sqrt(3) * pi**0.25) * (1 - square) * (-0.5 * square).exp()


def _ripple(u: Tensor, omega: Value) -> Tensor:
    return (omega * u).cos() * (-0.5 * u.square()).exp()


def _slope_of_gaussian(u: Tensor) -> Tensor:
    return -u * (-0.5 * u.square()).exp()


def _selectable(x: Tensor, logits: Coefficients) -> Tensor:
    spaces = (F.silu(x), x.sin(), x.tanh(), (-x.square()).exp())
    chances = torch.softmax(torch.stack([torch.as_tensor(logits[k], dtype=x.dtype) for k in range(4)]), 0)
    return sum(chance * space for chance, space in zip(chances, spaces, strict=True))


WAVELET = (
    Parameter("w", 1.0, "height", learnable=True),
    Parameter("t", 0.0, "centre", -5.0, 5.0, True),
    Parameter("s", 1.0, "width", 0.1, 5.0, True),
)

MEMBERS: dict[str, Activation] = {
    "kan_bspline": parametric(
        _kan,
        r"\phi(x) = w_b\, x/(1 + e^{-x}) + w_s \sum_i c_i B_i(x),\ B_i \text{ cubic B-splines on } [-1, 1]",
        "Liu et al., KAN: Kolmogorov-Arnold networks (2404.19756)",
        (
            several("c", ALTERNATING, "heights of the splines"),
            Parameter("base", 1.0, "w_b", learnable=True),
            Parameter("scale", 1.0, "w_s", learnable=True),
        ),
        bends=_kan_knots,
        reduces=(Reduction("silu", (("scale", 0.0),)),),
        compute_dtype=torch.float32,
        aliases=("kan",),
        note=START,
    ),
    "fast_kan": parametric(
        _fast_kan,
        r"\phi(x) = w_b\, x/(1 + e^{-x}) + \sum_i w_i e^{-(x - g_i)^2/h^2},\ g_i = -2 + ih,\ h = 4/7",
        "Li, Kolmogorov-Arnold networks are radial basis function networks (2405.06721)",
        (several("w", ALTERNATING, "heights"), Parameter("base", 1.0, "w_b", learnable=True)),
        slope=_fast_kan_slope,
        reduces=(Reduction("silu", (("w", (0.0,) * 8),)),),
        compute_dtype=torch.float32,
        note=START + "; the layer norm before the edge is left to the network",
    ),
    "relu_kan": parametric(
        _relu_kan,
        r"\phi(x) = \sum_i w_i \big[\max(0, e_i - x)\max(0, x - s_i)\big]^2 \tfrac{16}{(e_i - s_i)^4},\ "
        r"s_i = \tfrac{i - 3}{5},\ e_i = s_i + \tfrac45",
        "Qiu et al., ReLU-KAN (2406.02075)",
        # the middles of the bumps, which is nearly a straight line on [0, 1]
        (several("w", [(i - 1) / 5 for i in range(8)], "heights of bumps on [0, 1], G = 5, k = 3"),),
        slope=_relu_kan_slope,
        bends=lambda w: tuple((i - 3) / (len(w) - 3) for i in range(len(w) + 4)),
        compute_dtype=torch.float32,
        note="start: ours, each height the middle of its bump; the ends of the bumps may be learnt in the "
        "source, here they stay",
    ),
    "fourier_kan": parametric(
        _fourier_kan,
        r"\phi(x) = \sum_{k=1}^n a_k \cos kx + b_k \sin kx",
        "FourierKAN (G. Noesis, code, 2024); Xu et al., FourierKAN-GCF (2406.01034)",
        (
            several("a", (-2 / pi, 0.0, -2 / (9 * pi)), "of the cosines"),
            several("b", (1.0, -1 / 2, 1 / 3), "of the sines"),
        ),
        reduces=(Reduction("sin", (("a", (0.0,) * 3), ("b", (1.0, 0.0, 0.0)))),),
        compute_dtype=torch.float32,
        note="start and n = 3: ours, the series of ReLU on [-π, π] without its constant",
    ),
    "chebyshev_kan": parametric(
        _chebyshev_kan,
        r"\phi(x) = \sum_k c_k T_k(\tanh x)",
        "Sidharth & Gokul, Chebyshev polynomial-based KANs (2405.07200)",
        (several("c", (1 / pi, 1 / 2, 2 / (3 * pi), 0.0, -2 / (15 * pi)), "coefficients of T_k"),),
        slope=lambda x, c: chebyshev_slope(x.tanh(), c) * x.cosh().square().reciprocal(),
        reduces=(Reduction("tanh", (("c", (0.0, 1.0, 0.0, 0.0, 0.0)),)),),
        compute_dtype=torch.float32,
        note="start: ours, the expansion of ReLU on [-1, 1]; degree 4 is that of the public code",
    ),
    "wavelet_kan": parametric(
        lambda x, w, t, s: w * _mexican_hat((x - t) / s),
        r"\phi(x) = w\,\tfrac{2}{\sqrt3\,\pi^{1/4}}(1 - u^2)e^{-u^2/2},\ u = (x - t)/s",
        WAVELETS,
        WAVELET,
        compute_dtype=torch.float32,
        aliases=("mexican_hat",),
        note="the public code has the other sign, which w takes up",
    ),
    "morlet_kan": parametric(
        lambda x, w, t, s, omega: w * _ripple((x - t) / s, omega),
        r"\phi(x) = w\cos(\omega u)e^{-u^2/2},\ u = (x - t)/s",
        WAVELETS,
        (*WAVELET, Parameter("omega", 5.0, "frequency ω", 0.0, 10.0)),
        compute_dtype=torch.float32,
        aliases=("morlet",),
    ),
    "gaussian_slope_kan": parametric(
        lambda x, w, t, s: w * _slope_of_gaussian((x - t) / s),
        r"\phi(x) = -w\,u\,e^{-u^2/2},\ u = (x - t)/s",
        WAVELETS,
        WAVELET,
        compute_dtype=torch.float32,
        aliases=("derivative_of_gaussian",),
    ),
    "selectable_kan": parametric(
        _selectable,
        r"\phi(x) = \sum_j p_j f_j(x),\ p = \operatorname{softmax}(\theta),\ "
        r"f = \big(x/(1 + e^{-x}),\ \sin x,\ \tanh x,\ e^{-x^2}\big)",
        "Yang, Zhang, Luo, Lu & Shen, activation space selectable KAN (2408.08338)",
        (several("logits", (1.0, 0.0, 0.0, 0.0), "θ: which space an edge prefers"),),
        compute_dtype=torch.float32,
        aliases=("s_kan",),
        doubt="only summaries were read: the source's spaces have coefficients of their own (B-splines, "
        "Chebyshev polynomials, wavelets), weighted and pruned; the four functions and the softmax are ours",
    ),
}  # fmt: skip

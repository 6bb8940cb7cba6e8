"""Sums of hinges and of bumps with learnable heights: piecewise linear units and edges of KANs.

An edge of a Kolmogorov-Arnold network (KAN) is a function of one number; a network sums them over the inputs
of a unit. Sources draw the coefficients at random; the table starts from a stated shape, see each ``note``.
"""

from collections.abc import Sequence
from math import pi, sqrt

import torch
from torch import Tensor
from torch.nn import functional as F

from labkit.nn.activations.activation import Activation, Parameter, Reduction, parametric
from labkit.nn.activations.polynomials import Coefficients, Value, chebyshev, chebyshev_slope, horner

WAVELETS = "Bozorgasl & Chen, Wav-KAN (2405.12832)"
# pykan draws coefficients of about this size; here their signs alternate instead
ALTERNATING = tuple(0.1 * (-1) ** i for i in range(8))
START = "start: ours, coefficients ±0.1 in turn; the source draws them"


def _several(name: str, default: Sequence[float], meaning: str) -> Parameter:
    return Parameter(name, tuple(default), meaning, learnable=True)


# --- piecewise linear -----------------------------------------------------------------------------


def _pwlu(x: Tensor, y: Coefficients, left: Value, right: Value, low: Value, high: Value) -> Tensor:
    n = len(y) - 1
    step = (high - low) / n
    hinge = (x - low).relu()
    value = y[0] + left * ((x - low) - hinge)
    for i in range(n):
        after = (x - (low + (i + 1) * step)).relu()
        value = value + (y[i + 1] - y[i]) / step * (hinge - after)
        hinge = after
    return value + right * hinge


def _turns(y: Sequence[float], left: float, right: float, low: float, high: float) -> tuple[float, ...]:
    step = (high - low) / (len(y) - 1)
    slopes = [left, *((b - a) / step for a, b in zip(y, y[1:], strict=False)), right]
    jumps = (b - a for a, b in zip(slopes, slopes[1:], strict=False))
    return tuple(low + i * step for i, jump in enumerate(jumps) if abs(jump) > 1e-12)


def _apl(x: Tensor, a: Coefficients, b: Coefficients) -> Tensor:
    value = x.relu()
    for s in range(len(a)):
        value = value + a[s] * (b[s] - x).relu()
    return value


def _apl_kinks(a: Sequence[float], b: Sequence[float]) -> tuple[float, ...]:
    jumps = {0.0: 1.0}
    for size, at in zip(a, b, strict=True):
        jumps[at + 0.0] = jumps.get(at + 0.0, 0.0) + size
    return tuple(sorted(at for at, jump in jumps.items() if jump))


# --- bumps ----------------------------------------------------------------------------------------


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


def _relu_kan(x: Tensor, w: Coefficients) -> Tensor:
    # G = n - 3 intervals of [0, 1], each bump four of them wide, 1 at its middle
    grid, value = len(w) - 3, torch.zeros_like(x)
    for i in range(len(w)):
        start = (i - 3) / grid
        bump = (x - start).relu() * (start + 4 / grid - x).relu() * (grid * grid / 4)
        value = value + w[i] * bump.square()
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
    "pwlu": parametric(
        _pwlu,
        r"\phi(x) \text{ linear between } (B_i, y_i),\ B_i = L + i(R - L)/n;\ "
        r"\text{slopes } k_L \text{ for } x < L,\ k_R \text{ for } x > R",
        "Zhou, Chen, Zhou & Wu, learning specialized activation functions with PWLU (2104.03693)",
        (
            _several("y", (0.0,) * 5 + (0.75, 1.5, 2.25, 3.0), "values at equally spaced places from L to R"),
            Parameter("left", 0.0, "k_L", learnable=True),
            Parameter("right", 1.0, "k_R", learnable=True),
            Parameter("low", -3.0, "L", -10.0, -0.1, True),
            Parameter("high", 3.0, "R", 0.1, 10.0, True),
        ),
        kinks=_turns,
        reduces=(
            Reduction("relu"),
            Reduction(
                "hard_tanh",
                (("y", tuple(k / 4 for k in range(-4, 5))), ("right", 0.0), ("low", -1.0), ("high", 1.0)),
            ),
        ),
        compute_dtype=torch.float32,
        note="eight intervals on [-3, 3]: ours; the source sets the interval from statistics of the input",
    ),
    "apl": parametric(
        _apl,
        r"\phi(x) = \max(0, x) + \sum_s a_s \max(0, b_s - x)",
        "Agostinelli, Hoffman, Sadowski & Baldi, learning activation functions (1412.6830)",
        (_several("a", (0.2, -0.2), "slopes of the hinges"), _several("b", (1.0, -1.0), "their places")),
        kinks=_apl_kinks,
        reduces=(
            Reduction("relu", (("a", (0.0, 0.0)),)),
            Reduction("leaky_relu", (("a", (-0.2, 0.0)), ("b", (0.0, 0.0))), (("slope", 0.2),)),
        ),
        compute_dtype=torch.float32,
        note="two hinges and where they start: ours",
    ),
    "kan_bspline": parametric(
        _kan,
        r"\phi(x) = w_b\, x/(1 + e^{-x}) + w_s \sum_i c_i B_i(x),\ B_i \text{ cubic B-splines on } [-1, 1]",
        "Liu et al., KAN: Kolmogorov-Arnold networks (2404.19756)",
        (
            _several("c", ALTERNATING, "heights of the splines"),
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
        (_several("w", ALTERNATING, "heights"), Parameter("base", 1.0, "w_b", learnable=True)),
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
        (_several("w", [(i - 1) / 5 for i in range(8)], "heights of bumps on [0, 1], G = 5, k = 3"),),
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
            _several("a", (-2 / pi, 0.0, -2 / (9 * pi)), "of the cosines"),
            _several("b", (1.0, -1 / 2, 1 / 3), "of the sines"),
        ),
        reduces=(Reduction("sin", (("a", (0.0,) * 3), ("b", (1.0, 0.0, 0.0)))),),
        compute_dtype=torch.float32,
        note="start and n = 3: ours, the series of ReLU on [-π, π] without its constant",
    ),
    "chebyshev_kan": parametric(
        _chebyshev_kan,
        r"\phi(x) = \sum_k c_k T_k(\tanh x)",
        "Sidharth & Gokul, Chebyshev polynomial-based KANs (2405.07200)",
        (_several("c", (1 / pi, 1 / 2, 2 / (3 * pi), 0.0, -2 / (15 * pi)), "coefficients of T_k"),),
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
        (_several("logits", (1.0, 0.0, 0.0, 0.0), "θ: which space an edge prefers"),),
        compute_dtype=torch.float32,
        aliases=("s_kan",),
        doubt="only summaries were read: the source's spaces have coefficients of their own (B-splines, "
        "Chebyshev polynomials, wavelets), weighted and pruned; the four functions and the softmax are ours",
    ),
}  # fmt: skip

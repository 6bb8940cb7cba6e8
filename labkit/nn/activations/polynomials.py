"""Polynomials and trigonometric sums with learnable coefficients.

Where a source starts from random or fitted coefficients, the table starts from the expansion of ReLU in the
same basis on [-1, 1] (for Bernstein's: on the whole interval), which its note then says.
"""

from collections.abc import Sequence
from math import comb, factorial, pi, sqrt

import torch
from torch import Tensor

from labkit.nn.activations.activation import Activation, Parameter, Reduction, parametric

#: Numbers, or tensors that broadcast with the input; a tensor counts in its first dimension.
Coefficients = Sequence | Tensor
Value = int | float | Tensor

ORTHO = "Khalfaoui-Hassani & Kesselheim, polynomial, trigonometric and tropical activations (2502.01247)"
RELU_START = "start: ours, the expansion of ReLU on [-1, 1]"
# Σ 1/k! 1/k! is I_0(2): sums over k of the basis' mean squares
I0 = 0.66232645879


def horner(x: Tensor, c: Coefficients) -> Tensor:
    r""":math:`\sum_k c_k x^k`, c (n,) or (n, ...) that broadcasts with x behind its first dimension."""
    value = torch.zeros_like(x) + c[len(c) - 1]
    for k in range(len(c) - 2, -1, -1):
        value = value * x + c[k]
    return value


def steeper(c: Coefficients) -> list:
    """Coefficients of the derivative of a polynomial."""
    return [k * c[k] for k in range(1, len(c))]


def _recurrence(x: Tensor, c: Coefficients, up, down) -> Tensor:
    """Σ c_k p_k for p_{k+1} = up(k) x p_k - down(k) p_{k-1}, p_0 = 1."""
    before, now = torch.zeros_like(x), torch.ones_like(x)
    value = now * c[0]
    for k in range(len(c) - 1):
        before, now = now, up(k) * x * now - down(k) * before
        value = value + c[k + 1] * now
    return value


def hermite(x: Tensor, a: Coefficients) -> Tensor:
    r""":math:`\sum_n a_n He_n(x)/\sqrt{n!}`, orthonormal under the standard normal density."""
    return _recurrence(x, a, lambda k: 1 / sqrt(k + 1), lambda k: sqrt(k / (k + 1)))


def _hermite_slope(x: Tensor, a: Coefficients) -> Tensor:
    return hermite(x, [sqrt(k) * a[k] for k in range(1, len(a))])


def chebyshev(x: Tensor, c: Coefficients) -> Tensor:
    r""":math:`\sum_k c_k T_k(x)`; not by arc cosines, whose slope is infinite at ±1."""
    return _recurrence(x, c, lambda k: 2 if k else 1, lambda k: 1)


def chebyshev_slope(x: Tensor, c: Coefficients) -> Tensor:
    r"""Its derivative, :math:`\sum_k k\,c_k U_{k-1}(x)`."""
    return _recurrence(x, [k * c[k] for k in range(1, len(c))], lambda k: 2, lambda k: 1)


def _legendre(x: Tensor, c: Coefficients) -> Tensor:
    return _recurrence(x, c, lambda k: (2 * k + 1) / (k + 1), lambda k: k / (k + 1))


def _legendre_slope(x: Tensor, c: Coefficients) -> Tensor:
    # P'_k is the sum of (2j+1) P_j over j = k-1, k-3, ...
    return _legendre(x, [(2 * j + 1) * sum(c[k] for k in range(j + 1, len(c), 2)) for j in range(len(c) - 1)])


def _fourier(x: Tensor, a0: Value, a: Coefficients, f: Coefficients, shift: Coefficients) -> Tensor:
    value = torch.zeros_like(x) + a0
    for k in range(len(a)):
        value = value + (f[k] * x - shift[k]).cos() * (a[k] / factorial(k + 1))
    return value


def _fourier_slope(x: Tensor, a0: Value, a, f, shift) -> Tensor:
    value = torch.zeros_like(x)
    for k in range(len(a)):
        value = value - (f[k] * x - shift[k]).sin() * (a[k] * f[k] / factorial(k + 1))
    return value


def _bernstein(x: Tensor, c: Coefficients, width: Value) -> Tensor:
    n = len(c) - 1
    t = _unit(x, width)
    return horner(t, [comb(n, k) * _difference(c, k) for k in range(n + 1)])


def _unit(x: Tensor, width: Value) -> Tensor:
    return ((x / width).clamp(-1, 1) + 1) / 2


def _difference(c: Coefficients, k: int) -> Value:
    """k-th forward difference of c at 0: in Bernstein's form the coefficient of C(n, k) t^k."""
    return sum((-1) ** (k - j) * comb(k, j) * c[j] for j in range(k + 1))


def _bernstein_ends(c: Sequence[float], width: float) -> tuple[float, ...]:
    return tuple(at for at, rise in ((-width, c[1] - c[0]), (width, c[-1] - c[-2])) if rise)


def several(name: str, default: Sequence[float], meaning: str) -> Parameter:
    """A learnable parameter of several numbers."""
    return Parameter(name, tuple(default), meaning, learnable=True)


MEMBERS: dict[str, Activation] = {
    "polynomial": parametric(
        lambda x, c: horner(x, c),
        r"\phi(x) = \sum_k c_k x^k",
        "Goyal, Goyal & Lall, learning activation functions (1906.09529)",
        # least squares to ReLU under a uniform density on [-1, 1]
        (several("c", (3 / 32, 1 / 2, 15 / 32), "coefficients of the powers"),),
        slope=lambda x, c: horner(x, steeper(c)),
        aliases=("slaf",),
        reduces=(
            Reduction("identity", (("c", (0.0, 1.0, 0.0)),)),
            Reduction("quadratic", (("c", (0.0, 0.0, 1.0)),)),
        ),
        compute_dtype=torch.float32,
        note="start: ours, the least squares fit to ReLU on [-1, 1]; normalisation of the source not used",
    ),
    "hermite": parametric(
        hermite,
        r"\phi(x) = \sum_n a_n \mathrm{He}_n(x)/\sqrt{n!}",
        ORTHO,
        # E φ² = E φ'² = 1 up to the cut: a_n² = 6/π² n^-3, and ζ(2) - ζ(3) in place of n^-3 for n = 0
        (
            several(
                "a",
                [sqrt(6) / pi * (0.66549 if n == 0 else n**-1.5) for n in range(6)],
                "coefficients of the normalised Hermite polynomials",
            ),
        ),
        slope=_hermite_slope,
        reduces=(Reduction("identity", (("a", (0.0, 1.0, 0.0, 0.0, 0.0, 0.0)),)),),
        compute_dtype=torch.float32,
        note="an older start, a_n = (e n!)^-1/2 with a_0 = (1 - 1/N!)^1/2 e^-1/2, has the same two means",
    ),
    "chebyshev": parametric(
        chebyshev,
        r"\phi(x) = \sum_k c_k T_k(x)",
        "Lee & Jeng, Chebyshev-polynomials-based unified model neural networks, IEEE T-SMC B 28, 1998",
        (several("c", (1 / pi, 1 / 2, 2 / (3 * pi), 0.0, -2 / (15 * pi)), "coefficients of T_k"),),
        slope=chebyshev_slope,
        reduces=(Reduction("identity", (("c", (0.0, 1.0, 0.0, 0.0, 0.0)),)),),
        compute_dtype=torch.float32,
        note=RELU_START,
    ),
    "legendre": parametric(
        _legendre,
        r"\phi(x) = \sum_k c_k P_k(x)",
        "Mall & Chakraverty, Legendre neural network, Applied Soft Computing 43, 2016",
        (several("c", (1 / 4, 1 / 2, 5 / 16, 0.0, -3 / 32), "coefficients of P_k"),),
        slope=_legendre_slope,
        reduces=(Reduction("identity", (("c", (0.0, 1.0, 0.0, 0.0, 0.0)),)),),
        compute_dtype=torch.float32,
        note=RELU_START,
    ),
    "bernstein": parametric(
        _bernstein,
        r"\phi(x) = \sum_k c_k \binom nk t^k (1-t)^{n-k},\ "
        r"t = \tfrac12 + \tfrac{x}{2w} \text{ clipped to } [0, 1]",
        "Khedr & Shoukry, DeepBern-Nets (2305.13508)",
        (
            several("c", (0.0, 0.0, 0.0, 1.5, 3.0), "control values, from x = -w to x = w"),
            Parameter("width", 3.0, "w, half the interval", 0.1, 10.0),
        ),
        slope=lambda x, c, width: horner(
            _unit(x, width),
            [(k + 1) * comb(len(c) - 1, k + 1) * _difference(c, k + 1) for k in range(len(c) - 1)],
        )
        * ((x >= -width) & (x <= width))
        / (2 * width),
        kinks=_bernstein_ends,
        bends=lambda c, width: (-width, width),
        reduces=(
            Reduction("hard_tanh", (("c", (-1.0, -0.5, 0.0, 0.5, 1.0)), ("width", 1.0))),
        ),
        compute_dtype=torch.float32,
        note="start and interval: ours, ReLU at the nodes of [-3, 3]; the source tracks bounds of the "
        "input, here what is outside is clipped",
    ),
    "fourier": parametric(
        _fourier,
        r"\phi(x) = a_0 + \sum_{k=1}^n a_k \cos(f_k x - \varphi_k)/k!",
        ORTHO,
        (
            Parameter("a0", I0 * sqrt(1 - 1 / factorial(4) ** 2), "constant", learnable=True),
            several("a", (I0,) * 4, "amplitudes"),
            several("f", (1.0, 2.0, 3.0, 4.0), "frequencies"),
            several("shift", (pi / 4,) * 4, "phases φ_k"),
        ),
        slope=_fourier_slope,
        compute_dtype=torch.float32,
        note="n = 4 as in the example of the authors' library",
    ),
}  # fmt: skip

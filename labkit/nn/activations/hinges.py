"""Sums of hinges with learnable heights: piecewise linear units."""

from collections.abc import Sequence

import torch
from torch import Tensor

from labkit.nn.activations.activation import Activation, Parameter, Reduction, parametric
from labkit.nn.activations.polynomials import Coefficients, Value, several


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


MEMBERS: dict[str, Activation] = {
    "pwlu": parametric(
        _pwlu,
        r"\phi(x) \text{ linear between } (B_i, y_i),\ B_i = L + i(R - L)/n;\ "
        r"\text{slopes } k_L \text{ for } x < L,\ k_R \text{ for } x > R",
        "Zhou, Chen, Zhou & Wu, learning specialized activation functions with PWLU (2104.03693)",
        (
            several("y", (0.0,) * 5 + (0.75, 1.5, 2.25, 3.0), "values at equally spaced places from L to R"),
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
        (several("a", (0.2, -0.2), "slopes of the hinges"), several("b", (1.0, -1.0), "their places")),
        kinks=_apl_kinks,
        reduces=(
            Reduction("relu", (("a", (0.0, 0.0)),)),
            Reduction("leaky_relu", (("a", (-0.2, 0.0)), ("b", (0.0, 0.0))), (("slope", 0.2),)),
        ),
        compute_dtype=torch.float32,
        note="two hinges and where they start: ours",
    ),
}  # fmt: skip

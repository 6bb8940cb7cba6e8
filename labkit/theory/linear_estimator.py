"""Grokking without features: a linear student of a linear teacher (Levi, Beck & Bar-Sinai).

Setting (arXiv 2310.16441): x from N(0, I) in ``d`` dimensions, ``samples`` training points, labels of a
linear teacher, full-batch gradient descent with rate η on the mean squared error per sample. Teacher and
student weights start from N(0, 1/(2 d)), so that both losses start at 1. With D the difference of student and
teacher, D follows dD/dt = -2η ΣD, where Σ is the sample covariance; its eigenvalues ν follow Marchenko and
Pastur's law with ``ratio`` λ = d/samples. t counts steps. Exact for d, samples → ∞ at fixed λ and η ≪ 1.
"""

import functools
import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from scipy import optimize
from torch import Tensor

from labkit import _checks

#: Nodes of the midpoint rule; the substitution below leaves it exponentially convergent.
NODES = 4096


def marchenko_pastur_mean(function: Callable[[Tensor], Tensor], ratio: float) -> Float[Tensor, "*shape"]:
    r"""Mean of ``function`` over the eigenvalues of a sample covariance with λ = dimensions/samples.

    :math:`\nu = 1 + \lambda + 2\sqrt\lambda\cos\theta` turns the density into :math:`\frac{2}{\pi}
    \sin^2\theta/\nu\,d\theta` on [0, π]; for λ > 1 a share 1 - 1/λ of the eigenvalues is 0.

    Args:
        function: eigenvalues (n,) to values (..., n).
        ratio: λ above 0.

    Raises:
        ValueError: a ratio that is not above 0.
    """
    ratio = _positive("ratio", ratio)
    angle = (torch.arange(NODES, dtype=torch.float64) + 0.5) * (math.pi / NODES)
    eigenvalue = 1 + ratio + 2 * math.sqrt(ratio) * angle.cos()
    weight = 2 / NODES * angle.sin().square() / eigenvalue
    mean = (function(eigenvalue) * weight).sum(-1)
    if ratio > 1:
        mean = mean + (1 - 1 / ratio) * function(torch.zeros(1, dtype=torch.float64)).squeeze(-1)
    return mean


def losses(
    time: Float[Tensor, "*times"], ratio: float, rate: float
) -> tuple[Float[Tensor, "*times"], Float[Tensor, "*times"]]:
    r"""Train and test loss after ``time`` steps, as shares of their start.

    :math:`L_\mathrm{train} = E_\nu[\nu e^{-4\eta\nu t}]` and :math:`L_\mathrm{test} = E_\nu[e^{-4\eta\nu
    t}]`. For λ > 1 the test loss stays at 1 - 1/λ.

    Raises:
        ValueError: ratio or rate not above 0.
    """
    rate = _positive("rate", rate)
    time = time.to(torch.float64)[..., None]
    train = marchenko_pastur_mean(lambda v: v * (-4 * rate * v * time).exp(), ratio)
    test = marchenko_pastur_mean(lambda v: (-4 * rate * v * time).exp(), ratio)
    return train, test


def accuracy(loss: Float[Tensor, "*times"], threshold: float, outputs: int = 1) -> Float[Tensor, "*times"]:
    r"""Share of samples whose squared error (mean over outputs) is at most ``threshold`` ε.

    :math:`P(d/2,\ d\varepsilon/(2L))`, the regularised lower incomplete gamma function for d outputs; for one
    output :math:`\operatorname{erf}\sqrt{\varepsilon/(2L)}`. It is .95 at L = ε/3.84, hence the paper's L ≈
    ε/4.

    Raises:
        ValueError: threshold not above 0, or outputs below 1.
    """
    threshold = _positive("threshold", threshold)
    outputs = _checks.number("outputs", outputs, kind=int, low=1)
    loss = loss.to(torch.float64)
    half = torch.full_like(loss, outputs / 2)
    return torch.special.gammainc(half, half * threshold / loss)


def solved_times(ratio: float, threshold: float, rate: float) -> tuple[float, float]:
    """Steps at which train and test accuracy reach 95 %, taken as loss = threshold/4; ``inf`` where never.

    Raises:
        ValueError: ratio, threshold or rate not above 0.
    """
    level = _positive("threshold", threshold) / 4

    def excess(which: int, time: float) -> float:
        return float(losses(torch.tensor(time, dtype=torch.float64), ratio, rate)[which]) - level

    train, test = (_crossing(functools.partial(excess, which)) for which in (0, 1))
    return train, test


def delay(ratio: float, rate: float) -> float:
    r"""Closed form of the grokking time for small ε.

    :math:`\Delta t = \ln(1/(1-\sqrt\lambda))/(2\eta(1-\sqrt\lambda)^2)`. The difference of
    :func:`solved_times` in the limit ε → 0, for λ < 1. At ε from 1e-6 to 1e-3 it is 1.2 to 2.8 times too
    long; take :func:`solved_times` for numbers.

    Raises:
        ValueError: ratio not between 0 and 1, or rate not above 0.
    """
    ratio, rate = _positive("ratio", ratio), _positive("rate", rate)
    if ratio >= 1:
        raise ValueError(f"ratio: got {ratio}; allowed: a number above 0 and below 1")
    edge = 1 - math.sqrt(ratio)
    return -math.log(edge) / (2 * rate * edge**2)


def _crossing(excess: Callable[[float], float]) -> float:
    """Where a falling function of time crosses zero."""
    if excess(0.0) <= 0:
        return 0.0
    late = 1.0
    while excess(late) > 0:
        late *= 2
        if late > 1e15:
            return math.inf
    return float(optimize.brentq(excess, 0.0, late, xtol=1e-9, rtol=1e-12))


def _positive(name: str, value: float) -> float:
    value = _checks.number(name, value)
    if value <= 0:
        raise ValueError(f"{name}: got {value}; allowed: a number above 0")
    return value

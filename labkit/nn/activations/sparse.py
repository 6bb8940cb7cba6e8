"""Activations that are 0 for many inputs: thresholds soft, hard and between, some clipped from above."""

import torch
from torch import Tensor
from torch.nn import functional as F

from labkit.nn.activations.activation import Activation, Parameter, Reduction, Value, parametric

SOURCE = (
    "Price, Daultry Ball, Lam, Jones & Tanner, initialization with sparsity inducing activations, ICLR 2024"
)
LEVELS = "the defaults are ours: the source sets τ and m by the sparsity that is wanted"
# the threshold of half a standard deviation leaves 31 % of standard normal inputs on one side
TAU = Parameter("tau", 0.5, "threshold τ, below which φ is 0", 0.0, 10.0)
M = Parameter("m", 1.0, "height at which φ is clipped", 0.0, 10.0)


def _ramp(x: Tensor, tau: Value, m: Value) -> Tensor:
    return (x - tau).relu() - (x - (tau + m)).relu()


def _soft_threshold(x: Tensor, tau: Value) -> Tensor:
    if torch.is_tensor(tau):
        return (x - tau).relu() - (-x - tau).relu()
    return F.softshrink(x, tau)


def _hard_shrink(x: Tensor, lambd: Value) -> Tensor:
    if torch.is_tensor(lambd):
        return torch.where(x.abs() <= lambd, 0.0, x)
    return F.hardshrink(x, lambd)


def _firm(x: Tensor, tau: Value, mu: Value) -> Tensor:
    # soft with the slope μ/(μ - τ) until it meets the identity at μ: there the slope falls by τ/(μ - τ)
    fall = tau / (mu - tau)
    steep = _soft_threshold(x, tau) * (1 + fall)
    if torch.is_tensor(fall):
        return steep - fall * _soft_threshold(x, mu)
    return torch.sub(steep, _soft_threshold(x, mu), alpha=fall)


def _firm_slope(x: Tensor, tau: float, mu: float) -> Tensor:
    size = x.abs()
    return torch.where(size > mu, 1.0, (size > tau).to(x.dtype) * (mu / (mu - tau)))


def _garrote(x: Tensor, tau: Value) -> Tensor:
    # (x² - τ²)/x as the soft threshold times 1 + τ/|x|; where that is 0 any other divisor than 0 will do
    soft, tiny = _soft_threshold(x, tau), torch.finfo(x.dtype).tiny
    if torch.is_tensor(tau):
        return soft + tau * soft / torch.maximum(x.abs(), tau.clamp_min(tiny))
    return torch.addcdiv(soft, soft, x.abs().clamp_min(max(tau, tiny)), value=tau)


def _garrote_slope(x: Tensor, tau: float) -> Tensor:
    return torch.where(x.abs() > tau, 1 + (tau / x).square(), 0.0)


def _tanh_shrink(x: Tensor) -> Tensor:
    plain = F.tanhshrink(x)
    if x.dtype != torch.float64:
        return plain
    # near 0 the difference loses the digits that quadrature for short inputs needs: four terms of the series
    y = x.clamp(-0.05, 0.05).square()
    series = y * (1 / 3 - y * (2 / 15 - y * (17 / 315 - y * (62 / 2835))))
    return torch.where(x.abs() < 0.05, x * series, plain)


MEMBERS: dict[str, Activation] = {
    "shifted_relu": parametric(
        lambda x, tau: (x - tau).relu(),
        r"\phi(x) = \max(x - \tau, 0)",
        SOURCE,
        (TAU,),
        slope=lambda x, tau: (x > tau).to(x.dtype),
        kinks=lambda tau: (tau,),
        note=LEVELS,
        reduces=(Reduction("relu", (("tau", 0.0),)),),
    ),
    "soft_threshold": parametric(
        _soft_threshold,
        r"\phi(x) = \operatorname{sign}(x)\max(|x| - \tau, 0)",
        SOURCE,
        (TAU,),
        slope=lambda x, tau: (x.abs() > tau).to(x.dtype),
        kinks=lambda tau: (-tau, tau) if tau else (),
        aliases=("soft_shrink", "softshrink"),
        note=LEVELS,
        reduces=(Reduction("identity", (("tau", 0.0),)),),
    ),
    "clipped_shifted_relu": parametric(
        _ramp,
        r"\phi(x) = \min(\max(x - \tau, 0), m)",
        SOURCE,
        (TAU, M),
        slope=lambda x, tau, m: ((x > tau) & (x <= tau + m)).to(x.dtype),
        kinks=lambda tau, m: (tau, tau + m),
        aliases=("clipped_relu", "csrelu"),
        note=LEVELS,
    ),
    "clipped_soft_threshold": parametric(
        lambda x, tau, m: _ramp(x, tau, m) - _ramp(-x, tau, m),
        r"\phi(x) = \operatorname{sign}(x)\min(\max(|x| - \tau, 0), m)",
        SOURCE,
        (TAU, M),
        slope=lambda x, tau, m: ((x.abs() > tau) & (x.abs() <= tau + m)).to(x.dtype),
        kinks=lambda tau, m: (-tau - m, -tau, tau, tau + m) if tau else (-m, m),
        reduces=(Reduction("hard_tanh", (("tau", 0.0), ("m", 1.0))),),
        note=LEVELS,
    ),
    "hard_shrink": parametric(
        _hard_shrink,
        r"\phi(x) = x \text{ for } |x| > \lambda,\ 0 \text{ otherwise}",
        "Donoho & Johnstone, hard threshold, Biometrika 1994",
        # 1/2 is torch's
        (Parameter("lambd", 0.5, "threshold λ", 0.0, 10.0),),
        slope=lambda x, lambd: (x.abs() > lambd).to(x.dtype),
        jumps=lambda lambd: (-lambd, lambd) if lambd else (),
        aliases=("hardshrink", "hard_threshold"),
        reduces=(Reduction("identity", (("lambd", 0.0),)),),
    ),
    "firm_threshold": parametric(
        _firm,
        r"\phi(x) = \operatorname{sign}(x)\,\mu\max(|x| - \tau, 0)/(\mu - \tau)"
        r" \text{ for } |x| \le \mu,\ x \text{ beyond}",
        "Gao & Bruce, WaveShrink with firm shrinkage, Statistica Sinica 1997",
        (
            Parameter("tau", 0.5, "τ, below which φ is 0", 0.0, 1.0),
            Parameter("mu", 1.5, "μ > τ, beyond which φ is x", 1.1, 10.0),
        ),
        slope=_firm_slope,
        kinks=lambda tau, mu: (-mu, -tau, tau, mu) if tau else (),
        reduces=(Reduction("identity", (("tau", 0.0),)),),
        note="the defaults are ours",
    ),
    "garrote": parametric(
        _garrote,
        r"\phi(x) = x - \tau^2/x \text{ for } |x| > \tau,\ 0 \text{ otherwise}",
        "Breiman, non-negative garrote, Technometrics 1995; Gao, J. Comput. Graph. Stat. 1998",
        (TAU,),
        slope=_garrote_slope,
        note="τ = 1/2 is ours",
        kinks=lambda tau: (-tau, tau) if tau else (),
        reduces=(Reduction("identity", (("tau", 0.0),)),),
    ),
    "tanh_shrink": Activation(
        _tanh_shrink,
        r"\phi(x) = x - \tanh x",
        "torch.nn.Tanhshrink; an earlier source is not known",
        derivative=lambda x: x.tanh().square(),
        aliases=("tanhshrink",),
    ),
}

"""ReLU, or leaky ReLU, with its corner rounded."""

from math import log, pi, sqrt

import torch
from torch import Tensor
from torch.nn import functional as F

from labkit.nn.activations.activation import Activation, Parameter, Reduction, Value, parametric

BISWAS = "Biswas, Kumar, Banerjee & Pandey"
#: A corner rounded over less than this is smooth, but quadrature has to be told where it is.
CORNER = 1e-3


def _softplus(x: Tensor) -> Tensor:
    # torch's own threshold of 20 shows in float64
    return F.softplus(x, threshold=40)


def _smelu(x: Tensor, beta: Value) -> Tensor:
    return torch.where(x > beta, x, (x + beta).clamp_min(0).square() / (4 * beta))


def _rounded(x: Tensor, alpha: Value, sigma: Value) -> Tensor:
    z = x / sigma
    # (1 + α)x/2 and not the x/2 that is in circulation: without α the right side would not have slope 1
    corner = (1 - alpha) * (x / 2 * torch.erf(z / sqrt(2)) + sigma / sqrt(2 * pi) * (-z.square() / 2).exp())
    return (1 + alpha) / 2 * x + corner


def _smu_slope(x: Tensor, alpha: float, mu: float) -> Tensor:
    z = mu * (1 - alpha) * x
    # far out z e^{-z²} is 0, but z² would be infinite
    bump = z * (-z.clamp(-30, 30).square()).exp() * (2 / sqrt(pi))
    return ((1 + alpha) + (1 - alpha) * (torch.erf(z) + bump)) / 2


def _smu_1_slope(x: Tensor, alpha: float, mu: float) -> Tensor:
    z = (1 - alpha) * x
    return (1 + alpha) / 2 + (1 - alpha) / 2 * z * (z.square() + mu * mu).rsqrt()


MEMBERS: dict[str, Activation] = {
    "softplus": Activation(
        _softplus,
        r"\phi(x) = \ln(1 + e^x)",
        "Dugas et al., NIPS 2000",
        derivative=torch.sigmoid,
    ),
    "shifted_softplus": Activation(
        lambda x: _softplus(x) - log(2),
        r"\phi(x) = \ln(\tfrac12 + \tfrac12 e^x)",
        "Schütt et al., SchNet (1706.08566)",
        derivative=torch.sigmoid,
    ),
    "log_sigmoid": Activation(
        F.logsigmoid,
        r"\phi(x) = -\ln(1 + e^{-x})",
        "torch.nn.LogSigmoid; an earlier source is not known",
        derivative=lambda x: torch.sigmoid(-x),
        aliases=("logsigmoid",),
    ),
    "squareplus": parametric(
        lambda x, b: (x + (x.square() + b).sqrt()) / 2,
        r"\phi(x) = \tfrac12\bigl(x + \sqrt{x^2 + b}\bigr)",
        "Barron (2112.11687)",
        # 4 ln²2 gives softplus's value at 0
        (Parameter("b", 4 * log(2) ** 2, "b, square of the width of the corner", 1e-4, 10.0),),
        slope=lambda x, b: (1 + x * (x.square() + b).rsqrt()) / 2,
        compute_dtype=torch.float32,
    ),
    "smelu": parametric(
        _smelu,
        r"\phi(x) = (x + \beta)^2/(4\beta) \text{ for } |x| \le \beta,\ \max(x, 0) \text{ beyond}",
        "Shamir, Lin & Coviello, Smooth activations and reproducibility (2010.09931; 2202.06499)",
        (Parameter("beta", 1.0, "β, half width of the corner", 0.01, 5.0),),
        slope=lambda x, beta: (x + beta).clamp(0, 2 * beta) / (2 * beta),
        bends=lambda beta: (-beta, beta),
        note="β = 1 is ours: libraries take 1.5 or 2",
    ),
    "sau": parametric(
        _rounded,
        r"\phi(x) = \tfrac{1 + \alpha}{2}x + \tfrac{1 - \alpha}{2}x\operatorname{erf}\tfrac{x}{\sqrt2\sigma}"
        r" + (1 - \alpha)\tfrac{\sigma}{\sqrt{2\pi}}e^{-x^2/(2\sigma^2)}",
        f"{BISWAS}, SAU: leaky ReLU convolved with a Gaussian (2109.13210)",
        (
            Parameter("alpha", 0.15, "α, φ' far left", 0.0, 0.99, learnable=True),
            Parameter("sigma", 5e-5, "σ of the Gaussian", 1e-6, 3.0, learnable=True),
        ),
        slope=lambda x, alpha, sigma: alpha + (1 - alpha) * torch.special.ndtr(x / sigma),
        bends=lambda alpha, sigma: (0.0,) if sigma < CORNER else (),
        doubt="the formula is derived here, as that convolution; public code after the paper, from which the "
        "starts are, has the last term without 1 - α",
        compute_dtype=torch.float32,
        reduces=(Reduction("leaky_relu", (), (("slope", 0.15),), within=1e-4),),
    ),
    "smu": parametric(
        lambda x, alpha, mu: (
            ((1 + alpha) * x + (1 - alpha) * x * torch.erf(mu * (1 - alpha) * x)) / 2  # |x| as x erf(μx)
        ),
        r"\phi(x) = \tfrac12\bigl((1 + \alpha)x + (1 - \alpha)x\operatorname{erf}(\mu(1 - \alpha)x)\bigr)",
        f"{BISWAS}, SMU (2111.04682)",
        (
            Parameter("alpha", 0.25, "α, φ' far left", 0.0, 0.99),
            Parameter("mu", 1e6, "μ, sharpness of the corner", 0.0, 1e7, learnable=True),
        ),
        slope=_smu_slope,
        bends=lambda alpha, mu: (0.0,) if mu * CORNER > 1 else (),
        compute_dtype=torch.float32,
        reduces=(
            Reduction("gelu", (("alpha", 0.0), ("mu", 1 / sqrt(2)))),
            Reduction("leaky_relu", (), (("slope", 0.25),)),
        ),
    ),
    "smu_1": parametric(
        lambda x, alpha, mu: ((1 + alpha) * x + (((1 - alpha) * x).square() + mu * mu).sqrt()) / 2,
        r"\phi(x) = \tfrac12\bigl((1 + \alpha)x + \sqrt{(1 - \alpha)^2x^2 + \mu^2}\bigr)",
        f"{BISWAS}, SMU-1 (2111.04682)",
        (
            Parameter("alpha", 0.25, "α, φ' far left", 0.0, 0.99),
            # theirs to all digits: a root that was solved for
            Parameter("mu", 4.352665993287951e-9, "μ, width of the corner", 1e-9, 10.0, learnable=True),
        ),
        slope=_smu_1_slope,
        bends=lambda alpha, mu: (0.0,) if mu < CORNER else (),
        compute_dtype=torch.float32,
        reduces=(
            Reduction("leaky_relu", (), (("slope", 0.25),), within=1e-8),
            Reduction("squareplus", (("alpha", 0.0), ("mu", 2 * log(2)))),
        ),
    ),
}

"""The input times a gate of itself that has parameters: Swish, ACON-C, AGLU and their kin."""

from math import pi, sqrt

import torch
from torch import Tensor
from torch.nn import functional as F

from labkit.nn.activations.activation import Activation, Parameter, Reduction, Value, parametric
from labkit.nn.activations.bounded import generalised_sigmoid
from labkit.nn.activations.self_gated import gelu_derivative, silu_derivative, swish_slope

ERFACT = "Biswas, Kumar, Banerjee & Pandey, ErfAct and Pserf (2109.04386)"
LATER = "read in code of later papers, which agree on the formula, not in the source; the starts are theirs"
BETA = Parameter("beta", 1.0, "β, steepness of the gate", 0.0, 10.0, learnable=True)


def _aglu_slope(x: Tensor, lambd: float, kappa: float) -> Tensor:
    gate = generalised_sigmoid(x, lambd, kappa)
    return gate * (1 + kappa * x / (lambd + (kappa * x).clamp_min(-40).exp()))


def _acon(x: Tensor, p1: Value, p2: Value, beta: Value) -> Tensor:
    y = (p1 - p2) * x
    return y * (beta * y).sigmoid() + p2 * x


def _acon_slope(x: Tensor, p1: float, p2: float, beta: float) -> Tensor:
    return (p1 - p2) * swish_slope((p1 - p2) * x, beta) + p2


def _sinlu_slope(x: Tensor, a: float, b: float) -> Tensor:
    gate, wave = x.sigmoid(), b * x
    return gate * (1 + a * b * wave.cos() + (x + a * wave.sin()) * (1 - gate))


def _inner(x: Tensor, alpha: Value, beta: Value, gamma: Value) -> Tensor:
    # with e^20 the hyperbolic tangent is 1 to all digits; the exponential must not overflow: 0 · inf
    return alpha * x + beta * (gamma * x).clamp_max(20).exp()


def _log_of(delta: Value, x: Tensor) -> Tensor:
    return torch.as_tensor(delta, dtype=x.dtype, device=x.device).log()


def _tanh_soft(x: Tensor, alpha: Value, beta: Value, gamma: Value, delta: Value) -> Tensor:
    return _inner(x, alpha, beta, gamma).tanh() * torch.logaddexp(x, _log_of(delta, x))


def _tanh_soft_slope(x: Tensor, alpha: float, beta: float, gamma: float, delta: float) -> Tensor:
    value, low = _inner(x, alpha, beta, gamma).tanh(), _log_of(delta, x)
    rise = alpha + beta * gamma * (gamma * x).clamp_max(20).exp() * (gamma * x <= 20)
    return (1 - value.square()) * rise * torch.logaddexp(x, low) + value * (x - low).sigmoid()


def _erf_act(x: Tensor, alpha: Value, beta: Value) -> Tensor:
    # with e^20 the error function is 1 to all digits; the exponential must not overflow: 0 · inf
    return x * torch.erf(alpha * (beta * x).clamp_max(20).exp())


def _erf_act_slope(x: Tensor, alpha: float, beta: float) -> Tensor:
    inner = alpha * (beta * x).clamp_max(20).exp()
    return torch.erf(inner) + (2 / sqrt(pi)) * (-inner.square()).exp() * (beta * x * inner)


def _pserf(x: Tensor, gamma: Value, delta: Value) -> Tensor:
    return x * torch.erf(gamma * F.softplus(delta * x, threshold=40))


def _pserf_slope(x: Tensor, gamma: float, delta: float) -> Tensor:
    inner = gamma * F.softplus(delta * x, threshold=40)
    rise = gamma * delta * (delta * x).sigmoid()
    return torch.erf(inner) + (2 / sqrt(pi)) * (-inner.square()).exp() * (rise * x)


def _bounded_silu_slope(x: Tensor, alpha: float) -> Tensor:
    gate = x.sigmoid()
    return gate * (1 + (x + alpha) * (1 - gate))


MEMBERS: dict[str, Activation] = {
    "swish": parametric(
        lambda x, beta: x * (beta * x).sigmoid(),
        r"\phi(x) = x/(1 + e^{-\beta x})",
        "Ramachandran, Zoph & Le (1710.05941); not hard Swish, which is hard_swish",
        (BETA,),
        slope=swish_slope,
        compute_dtype=torch.float32,
        reduces=(Reduction("silu"),),
    ),
    "e_swish": parametric(
        lambda x, beta: beta * F.silu(x),
        r"\phi(x) = \beta x/(1 + e^{-x})",
        "Alcaide, E-swish (1801.07145)",
        (Parameter("beta", 1.25, "β, a factor; the source takes 1 to 2", 0.1, 5.0),),
        slope=lambda x, beta: beta * silu_derivative(x),
        reduces=(Reduction("silu", (("beta", 1.0),)),),
        note="the source gives a range of β; 1.25 is ours",
    ),
    "aglu": parametric(
        lambda x, lambd, kappa: x * generalised_sigmoid(x, lambd, kappa),
        r"\phi(x) = x(1 + \lambda e^{-\kappa x})^{-1/\lambda}",
        "Alexandridis et al., Adaptive parametric activation (2407.08567)",
        (
            # the source draws both from U(0, 1)
            Parameter("lambd", 0.5, "λ, asymmetry of the gate; 0 is its limit", 0.0, 5.0, learnable=True),
            Parameter("kappa", 0.5, "κ, steepness of the gate", 0.0, 5.0, learnable=True),
        ),
        note="start: ours, the mean of U(0, 1), from which the source draws both",
        slope=_aglu_slope,
        compute_dtype=torch.float32,
        reduces=(
            Reduction("silu", (("lambd", 1.0), ("kappa", 1.0))),
            Reduction("swish", (("lambd", 1.0), ("kappa", 2.0)), (("beta", 2.0),)),
            Reduction("golu", (("lambd", 0.0), ("kappa", 1.0))),
        ),
    ),
    "acon_c": parametric(
        _acon,
        r"\phi(x) = (p_1 - p_2)x\,\sigma(\beta(p_1 - p_2)x) + p_2x",
        "Ma et al., Activate or not (2009.04759)",
        (
            Parameter("p1", 1.0, "p_1, φ' far right; the source draws it from N(0, 1)", -3.0, 3.0, True),
            Parameter("p2", 0.0, "p_2, φ' far left; the source draws it from N(0, 1)", -3.0, 3.0, True),
            Parameter("beta", 1.0, "β, 0 makes it linear", 0.0, 10.0, learnable=True),
        ),
        note="start: ours, SiLU's; the source draws p_1 and p_2",
        slope=_acon_slope,
        compute_dtype=torch.float32,
        aliases=("acon",),
        reduces=(
            Reduction("silu"),
            Reduction("swish", (("beta", 3.0),), (("beta", 3.0),)),
            Reduction("identity", (("p2", 1.0),)),
        ),
    ),
    "sinlu": parametric(
        lambda x, a, b: (x + a * (b * x).sin()) * x.sigmoid(),
        r"\phi(x) = (x + a\sin bx)/(1 + e^{-x})",
        "Paul et al., SinLU, Mathematics 2022",
        (
            Parameter("a", 1.0, "a, height of the wave", -3.0, 3.0, learnable=True),
            Parameter("b", 1.0, "b, its frequency", -5.0, 5.0, learnable=True),
        ),
        slope=_sinlu_slope,
        compute_dtype=torch.float32,
        reduces=(Reduction("silu", (("a", 0.0),)),),
    ),
    "tanh_soft": parametric(
        _tanh_soft,
        r"\phi(x) = \tanh(\alpha x + \beta e^{\gamma x})\ln(\delta + e^x)",
        "Biswas, Kumar, Banerjee & Pandey, TanhSoft (2009.03863); its other choice is x tanh(0.6 e^x)",
        (
            Parameter("alpha", 0.87, "α, of the line in the gate", 0.0, 5.0),
            Parameter("beta", 0.0, "β, of the exponential in the gate", 0.0, 5.0),
            Parameter("gamma", 0.0, "γ, its rate", 0.0, 5.0),
            Parameter("delta", 1.0, "δ, 0 makes the second factor x, 1 softplus", 0.0, 5.0),
        ),
        slope=_tanh_soft_slope,
        compute_dtype=torch.float32,
        reduces=(
            Reduction("tanh_exp", (("alpha", 0.0), ("beta", 1.0), ("gamma", 1.0), ("delta", 0.0))),
            Reduction("lisht", (("alpha", 1.0), ("delta", 0.0))),
        ),
    ),
    "erf_act": parametric(
        _erf_act,
        r"\phi(x) = x\operatorname{erf}(\alpha e^{\beta x})",
        f"{ERFACT}, ErfAct",
        (
            Parameter("alpha", 0.75, "α, odds of the gate at 0", 0.1, 5.0, learnable=True),
            Parameter("beta", 0.75, "β, steepness of the gate", 0.0, 5.0, learnable=True),
        ),
        slope=_erf_act_slope,
        compute_dtype=torch.float32,
        aliases=("erfact",),
        doubt=LATER,
    ),
    "pserf": parametric(
        _pserf,
        r"\phi(x) = x\operatorname{erf}(\gamma\ln(1 + e^{\delta x}))",
        f"{ERFACT}, Pserf",
        (
            Parameter("gamma", 1.25, "γ, sharpness of the gate", 0.1, 5.0, learnable=True),
            Parameter("delta", 0.85, "δ, its steepness", 0.1, 5.0, learnable=True),
        ),
        slope=_pserf_slope,
        compute_dtype=torch.float32,
        reduces=(Reduction("serf", (("gamma", 1.0), ("delta", 1.0)), within=1e-8),),
        doubt=LATER,
    ),
    "b_silu": parametric(
        lambda x, alpha: (x + alpha) * x.sigmoid() - alpha / 2,
        r"\phi(x) = (x + \alpha)/(1 + e^{-x}) - \alpha/2",
        "Horuz et al., The resurrection of the ReLU (2505.22074)",
        (Parameter("alpha", 1.67, "α, twice minus the limit of φ at -∞", 0.0, 5.0),),
        slope=_bounded_silu_slope,
        compute_dtype=torch.float32,
        reduces=(Reduction("silu", (("alpha", 0.0),)),),
    ),
    "gelu_sine": parametric(
        lambda x, a: F.gelu(x) + a * x.sin(),
        r"\phi(x) = x\,\Phi(x) + a\sin x",
        "Vitvitskyi et al., Mining generalizable activation functions (2602.05688), GELUSine",
        (Parameter("a", 0.1, "a, height of the wave", -1.0, 1.0),),
        slope=lambda x, a: gelu_derivative(x).add_(x.cos(), alpha=a),
        compute_dtype=torch.float32,
        reduces=(Reduction("gelu", (("a", 0.0),)),),
        doubt="read in public code after the source, three times alike, with a = 0.1; not in the source",
    ),
}

"""Bounded activations: sigmoids and bumps."""

from math import exp, expm1, log, pi, sqrt

import torch
from torch import Tensor
from torch.nn import functional as F

from labkit.nn.activations.activation import Activation, Parameter, Reduction, Value, parametric

RAMASINGHE = "Ramasinghe & Lucey, Beyond periodicity (2111.15135)"
WIDTH = "s as in public code after the paper{}; the authors' own code has the Gaussian alone"
SCALE = Parameter("scale", 1.0, "s, one over the width", 0.01, 30.0)


def generalised_sigmoid(x: Tensor, lambd: Value, kappa: Value) -> Tensor:
    r"""The gate of AGLU, :math:`(1 + \lambda e^{-\kappa x})^{-1/\lambda}`, for λ = 0 its limit.

    It is e^{-L} with L = ln(1 + w)/λ, w = λe^t and t = -κx. Where λ is learnt, for small w, λ = 0 included,
    by the series in w: in the other form the gradient with respect to λ loses its digits.
    """
    t = -kappa * x
    if not torch.is_tensor(lambd):
        if lambd < 1e-30:
            return (-t.clamp_max(30).exp()).exp()
        return (F.softplus(t + log(lambd), threshold=50) / -lambd).exp()
    lambd = lambd.clamp_min(0)
    # beyond 40 and with λ = 0 the gate is 0 to all digits; larger, squares in the gradient would overflow
    power = t.clamp_max(40).exp()
    w = lambd * power
    small = w < 0.01
    near = w.clamp_max(0.01)
    series = power * (1 - near * (1 / 2 - near * (1 / 3 - near * (1 / 4 - near * (1 / 5 - near / 6)))))
    # with a smaller λ the other branch has L > 10⁴, the gate is 0; 1/λ² in its gradient must not overflow
    some = lambd.clamp_min(1e-6)
    return torch.where(small, -series, -F.softplus(t + some.log(), threshold=50) / some).exp()


def _generalised_slope(x: Tensor, lambd: float, kappa: float) -> Tensor:
    return kappa * generalised_sigmoid(x, lambd, kappa) / (lambd + (kappa * x).clamp_min(-40).exp())


def _sigmoid_derivative(x: Tensor) -> Tensor:
    value = x.sigmoid()
    return value * (1 - value)


def _tempered(x: Tensor, scale: Value, temperature: Value, offset: Value) -> Tensor:
    if not any(map(torch.is_tensor, (scale, temperature, offset))):
        if scale == temperature == 2 * offset == 2:
            return x.tanh()
        # s y - o in one pass
        return torch.add(x.new_tensor(-offset), (temperature * x).sigmoid(), alpha=scale)
    return scale * (temperature * x).sigmoid() - offset


def _cosh2(x: Tensor) -> Tensor:
    # 1/cosh² keeps its digits where 1 - tanh² loses them
    return x.cosh().square().reciprocal()


def _isru(x: Tensor, alpha: Value) -> Tensor:
    return x * (1 + alpha * x.square()).rsqrt()


def _penalised(x: Tensor, a: Value) -> Tensor:
    value = x.tanh()
    return torch.where(x > 0, value, a * value)


def _soft_clip(x: Tensor, alpha: Value) -> Tensor:
    # φ(1 - x) = 1 - φ(x), so that only x up to 1/2 are computed, where the exponential fits; by one logarithm
    # of 1 and the rest, as the difference of two loses its digits
    right = x > 0.5
    power = (alpha * torch.where(right, 1 - x, x)).exp()
    fall, gap = (
        ((-alpha).exp(), -(-alpha).expm1()) if torch.is_tensor(alpha) else (exp(-alpha), -expm1(-alpha))
    )
    value = (gap * power / (1 + fall * power)).log1p() / alpha
    return torch.where(right, 1 - value, value)


def _complementary_log_log(x: Tensor) -> Tensor:
    # clamped where e^x is past what changes the value: 0 · inf in the gradient
    return -(-x.clamp_max(30).exp()).expm1()


MEMBERS: dict[str, Activation] = {
    "tanh": Activation(
        torch.tanh,
        r"\phi(x) = \tanh x",
        "Poole et al., Exponential expressivity through transient chaos (1606.05340)",
        derivative=_cosh2,
        into=lambda x, out: torch.tanh(x, out=out),
        # φ' = 1 - φ²
        slope_=lambda x, value, grad: torch.ops.aten.tanh_backward.grad_input(grad, value, grad_input=grad),
        by_value=True,
    ),
    "erf": Activation(
        torch.erf,
        r"\phi(x) = \operatorname{erf} x",
        "Williams, Computing with infinite networks, NIPS 1996",
        derivative=lambda x: 2 / sqrt(pi) * (-x.square()).exp(),
    ),
    "sigmoid": Activation(
        torch.sigmoid,
        r"\phi(x) = 1/(1 + e^{-x})",
        "Rumelhart, Hinton & Williams, Nature 1986",
        derivative=_sigmoid_derivative,
        aliases=("logistic",),
    ),
    "softsign": Activation(
        F.softsign,
        r"\phi(x) = x/(1 + |x|)",
        "Glorot & Bengio, AISTATS 2010",
        derivative=lambda x: (1 + x.abs()).square().reciprocal(),
        bends=(0.0,),
    ),
    "arctan": Activation(
        torch.atan,
        r"\phi(x) = \arctan x",
        "used beside tanh in Hayou, Doucet & Rousseau (1902.06853)",
        derivative=lambda x: (1 + x.square()).reciprocal(),
        aliases=("atan",),
    ),
    "gaussian": parametric(
        lambda x, scale: (x.square() * -(scale * scale)).exp(),
        r"\phi(x) = e^{-(s x)^2}",
        f"Williams, Computing with infinite networks, NIPS 1996; {RAMASINGHE}",
        (SCALE,),
        slope=lambda x, scale: -2 * scale**2 * x * (-(scale * x).square()).exp(),
        compute_dtype=torch.float32,
    ),
    "tempered_sigmoid": parametric(
        _tempered,
        r"\phi(x) = s/(1 + e^{-Tx}) - o",
        "Papernot et al., Tempered sigmoid activations (2007.14191)",
        (
            Parameter("scale", 2.0, "s, height", 0.1, 10.0),
            Parameter("temperature", 2.0, "T, the inverse of a width", 0.1, 10.0),
            Parameter("offset", 1.0, "o, minus the limit of φ at -∞", -5.0, 5.0),
        ),
        slope=lambda x, scale, temperature, offset: (
            scale * temperature * _sigmoid_derivative(temperature * x)
        ),
        compute_dtype=torch.float32,
        reduces=(
            Reduction("tanh"),
            Reduction("sigmoid", (("scale", 1.0), ("temperature", 1.0), ("offset", 0.0))),
        ),
    ),
    "apa": parametric(
        generalised_sigmoid,
        r"\phi(x) = (1 + \lambda e^{-\kappa x})^{-1/\lambda}",
        "Alexandridis et al., Adaptive parametric activation (2407.08567)",
        (
            # the source draws both from U(0, 1)
            Parameter("lambd", 0.5, "λ, asymmetry; 0 is its limit", 0.0, 5.0, learnable=True),
            Parameter("kappa", 0.5, "κ, steepness", 0.0, 5.0, learnable=True),
        ),
        note="start: ours, the mean of U(0, 1), from which the source draws both",
        slope=_generalised_slope,
        compute_dtype=torch.float32,
        reduces=(
            Reduction("sigmoid", (("lambd", 1.0), ("kappa", 1.0))),
            Reduction("gompertz", (("lambd", 0.0), ("kappa", 1.0))),
        ),
    ),
    # the inverse of the log-log link; 1 - exp(-e^x), of the complementary link, is not it
    "gompertz": Activation(
        lambda x: (-(-x).clamp_max(30).exp()).exp(),
        r"\phi(x) = \exp(-e^{-x})",
        "Gompertz, 1825; the gate of GoLU (2502.03654)",
        derivative=lambda x: (-(inner := (-x).clamp_max(30).exp())).exp() * inner,
        compute_dtype=torch.float32,
        aliases=("log_log",),
    ),
    "complementary_log_log": Activation(
        _complementary_log_log,
        r"\phi(x) = 1 - \exp(-e^x)",
        "Gomes & Ludermir, complementary log-log, 2008",
        derivative=lambda x: (-(inner := x.clamp_max(30).exp())).exp() * inner,
        compute_dtype=torch.float32,
        aliases=("cloglog",),
    ),
    "isru": parametric(
        _isru,
        r"\phi(x) = x/\sqrt{1 + \alpha x^2}",
        "Carlile et al. (1710.09967)",
        (Parameter("alpha", 1.0, "α, 1/α the square of the limits", 0.0, 10.0, learnable=True),),
        slope=lambda x, alpha: (1 + alpha * x.square()) ** -1.5,
        compute_dtype=torch.float32,
        doubt="whether the source learns α was not read",
        reduces=(Reduction("identity", (("alpha", 0.0),)),),
    ),
    "elliott": Activation(
        lambda x: F.softsign(x) / 2 + 0.5,
        r"\phi(x) = \tfrac12 + \tfrac12\,x/(1 + |x|)",
        "Elliott, A better activation function for artificial neural networks, 1993",
        derivative=lambda x: (1 + x.abs()).square().reciprocal() / 2,
        bends=(0.0,),
    ),
    "penalised_tanh": parametric(
        _penalised,
        r"\phi(x) = \tanh x \text{ for } x > 0,\ a\tanh x \text{ otherwise}",
        "Xu, Huang & Li, Revise saturated activation functions (1602.05980)",
        (Parameter("a", 0.25, "a, factor left of 0", -1.0, 1.0),),
        slope=lambda x, a: torch.where(x > 0, 1, x.new_tensor(a)) * _cosh2(x),
        kinks=lambda a: (0.0,) if a != 1 else (),
        aliases=("penalized_tanh",),
        reduces=(Reduction("tanh", (("a", 1.0),)),),
    ),
    "scaled_tanh": parametric(
        lambda x, scale, slope: scale * (slope * x).tanh(),
        r"\phi(x) = a\tanh(bx)",
        "LeCun, Bottou, Orr & Müller, Efficient backprop, 1998: φ(±1) = ±1",
        (
            Parameter("scale", 1.7159, "a, height", 0.1, 5.0),
            Parameter("slope", 2 / 3, "b, steepness", 0.1, 5.0),
        ),
        slope=lambda x, scale, slope: scale * slope * _cosh2(slope * x),
        aliases=("lecun_tanh",),
        reduces=(Reduction("tanh", (("scale", 1.0), ("slope", 1.0))),),
    ),
    "dynamic_tanh": parametric(
        lambda x, alpha, gamma, beta: gamma * (alpha * x).tanh() + beta,
        r"\phi(x) = \gamma\tanh(\alpha x) + \beta",
        "Zhu et al., Transformers without normalization (2503.10622), with α one number a layer",
        (
            Parameter("alpha", 0.5, "α, steepness", 0.01, 5.0, learnable=True),
            Parameter("gamma", 1.0, "γ, height", -5.0, 5.0, learnable=True),
            Parameter("beta", 0.0, "β, offset", -5.0, 5.0, learnable=True),
        ),
        slope=lambda x, alpha, gamma, beta: gamma * alpha * _cosh2(alpha * x),
        compute_dtype=torch.float32,
        aliases=("dyt",),
        reduces=(Reduction("tanh", (("alpha", 1.0),)),),
    ),
    "soft_clip": parametric(
        _soft_clip,
        r"\phi(x) = \tfrac1\alpha\ln\frac{1 + e^{\alpha x}}{1 + e^{\alpha(x - 1)}}",
        "Klimek & Perelstein, Neural network-based approach to phase space integration (1810.11509)",
        (Parameter("alpha", 50.0, "α, sharpness of both corners", 0.1, 100.0),),
        slope=lambda x, alpha: (alpha * x).sigmoid() - (alpha * (x - 1)).sigmoid(),
        compute_dtype=torch.float32,
        doubt="the default could not be looked up",
    ),
    "laplacian": parametric(
        lambda x, scale: (-scale * x.abs()).exp(),
        r"\phi(x) = e^{-s|x|}",
        RAMASINGHE,
        (SCALE,),
        slope=lambda x, scale: -scale * x.sign() * (-scale * x.abs()).exp(),
        kinks=(0.0,),
        compute_dtype=torch.float32,
        note=WIDTH.format(", one over its a"),
    ),
    "inverse_quadratic": parametric(
        lambda x, scale: (1 + (scale * x).square()).reciprocal(),
        r"\phi(x) = 1/(1 + (s x)^2)",
        RAMASINGHE,
        (SCALE,),
        slope=lambda x, scale: -2 * scale**2 * x * (1 + (scale * x).square()) ** -2.0,
        compute_dtype=torch.float32,
        note=WIDTH.format(", its a"),
    ),
    "inverse_multiquadric": parametric(
        lambda x, scale: (1 + (scale * x).square()).rsqrt(),
        r"\phi(x) = 1/\sqrt{1 + (s x)^2}",
        RAMASINGHE,
        (SCALE,),
        slope=lambda x, scale: -(scale**2) * x * (1 + (scale * x).square()) ** -1.5,
        compute_dtype=torch.float32,
        note=WIDTH.format(", its a"),
    ),
}

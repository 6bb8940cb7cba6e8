"""Relatives of ReLU that bend left of 0: exponential, root, bump; and ReLU with another backward."""

import torch
from torch import Tensor
from torch.nn import functional as F

from labkit.nn.activations.activation import Activation, Parameter, Reduction, Value, parametric

# fixed by mean 0 and variance 1 being a stable fixed point, Klambauer et al., section 2
SELU_ALPHA, SELU_SCALE = 1.6732632423543772848, 1.0507009873554804934
SERLU_ALPHA, SERLU_SCALE = 2.90427, 1.07862
ALPHA = Parameter("alpha", 1.0, "minus the limit of φ at -∞", 1e-3, 10.0)


def _elu(x: Tensor, alpha: Value) -> Tensor:
    if torch.is_tensor(alpha):
        # clamped, since the branch not taken would make inf · 0 of the gradient far out
        return torch.where(x > 0, x, alpha * x.clamp_max(0).expm1())
    return F.elu(x, alpha)


def _celu(x: Tensor, alpha: Value) -> Tensor:
    if not torch.is_tensor(alpha) and alpha == 1:
        return F.celu(x)  # for other α torch rounds its slope to float32
    return torch.where(x > 0, x, alpha * (x.clamp_max(0) / alpha).expm1())


def _selu_derivative(x: Tensor) -> Tensor:
    return torch.where(x > 0, SELU_SCALE, SELU_SCALE * SELU_ALPHA * x.clamp_max(0).exp()).to(x.dtype)


def _pelu(x: Tensor, a: Value, b: Value) -> Tensor:
    if not torch.is_tensor(a) and not torch.is_tensor(b) and a == b == 1:
        return F.elu(x)
    return x.clamp_min(0) * (a / b) + a * (x.clamp_max(0) / b).expm1()


def _serlu(x: Tensor) -> Tensor:
    return SERLU_SCALE * torch.where(x > 0, x, SERLU_ALPHA * x * x.clamp_max(0).exp())


def _serlu_slope(x: Tensor) -> Tensor:
    left = x.clamp_max(0)
    return SERLU_SCALE * torch.where(x > 0, 1.0, SERLU_ALPHA * (1 + left) * left.exp())


def _isrlu(x: Tensor, alpha: Value) -> Tensor:
    return x * (1 + alpha * x.clamp_max(0).square()).rsqrt()


def _xielu(x: Tensor, alpha_p: Value, alpha_n: Value, beta: Value) -> Tensor:
    left = x.clamp_max(0)
    return torch.where(x > 0, alpha_p * x.square(), alpha_n * (left.expm1() - left)) + beta * x


def _xielu_slope(x: Tensor, alpha_p: float, alpha_n: float, beta: float) -> Tensor:
    return torch.where(x > 0, 2 * alpha_p * x, alpha_n * x.clamp_max(0).expm1()) + beta


def _crrelu_slope(x: Tensor, epsilon: float) -> Tensor:
    square = x.square()
    return (x > 0).to(x.dtype) + epsilon * (1 - square) * (-square / 2).exp()


def _helu(x: Tensor, alpha: Value) -> Tensor:
    # a threshold at -α, whose backward remembers x; its value is then made that of ReLU behind autograd's
    # back. A Function of one's own says the same, but spends ten times ReLU's time on small inputs
    if not torch.is_grad_enabled():
        return x.relu()
    if torch.is_tensor(alpha):
        y = torch.where(x <= -alpha, 0.0, x)
    else:
        y = F.threshold(x, -alpha, 0.0)
    y.detach().relu_()
    return y


MEMBERS: dict[str, Activation] = {
    "elu": parametric(
        _elu,
        r"\phi(x) = x \text{ for } x > 0,\ \alpha(e^x - 1) \text{ otherwise}",
        "Clevert, Unterthiner & Hochreiter (1511.07289)",
        (ALPHA,),
        slope=lambda x, alpha: torch.where(x > 0, 1.0, alpha * x.clamp_max(0).exp()).to(x.dtype),
        kinks=lambda alpha: (0.0,) if alpha != 1 else (),
        bends=(0.0,),
    ),
    "selu": Activation(
        F.selu,
        r"\phi(x) = 1.0507\,x \text{ for } x > 0,\ 1.7581\,(e^x - 1) \text{ otherwise}",
        "Klambauer, Unterthiner, Mayr & Hochreiter (1706.02515)",
        derivative=_selu_derivative,
        kinks=(0.0,),
    ),
    "celu": parametric(
        _celu,
        r"\phi(x) = x \text{ for } x > 0,\ \alpha(e^{x/\alpha} - 1) \text{ otherwise}",
        "Barron (1704.07483)",
        (ALPHA,),
        slope=lambda x, alpha: torch.where(x > 0, 1.0, (x.clamp_max(0) / alpha).exp()).to(x.dtype),
        bends=(0.0,),
        reduces=(Reduction("elu", (("alpha", 1.0),)),),
    ),
    "pelu": parametric(
        _pelu,
        r"\phi(x) = \tfrac{a}{b}x \text{ for } x > 0,\ a(e^{x/b} - 1) \text{ otherwise}",
        "Trottier, Giguère & Chaib-draa (1605.09332)",
        (
            Parameter("a", 1.0, "a, minus the limit of φ at -∞", 0.1, 10.0, learnable=True),
            Parameter("b", 1.0, "b, scale of the decay", 0.1, 10.0, learnable=True),
        ),
        slope=lambda x, a, b: a / b * (x.clamp_max(0) / b).exp(),
        bends=(0.0,),
        reduces=(
            Reduction("elu"),
            Reduction("celu", (("a", 2.0), ("b", 2.0)), (("alpha", 2.0),)),
        ),
    ),
    "serlu": Activation(
        _serlu,
        r"\phi(x) = 1.07862\,x \text{ for } x > 0,\ 3.13260\,x e^x \text{ otherwise}",
        "Zhang & Li, SERLU (1807.10117)",
        derivative=_serlu_slope,
        kinks=(0.0,),
        compute_dtype=torch.float32,
    ),
    "isrlu": parametric(
        _isrlu,
        r"\phi(x) = x \text{ for } x \ge 0,\ x/\sqrt{1 + \alpha x^2} \text{ otherwise}",
        "Carlile et al. (1710.09967)",
        (Parameter("alpha", 1.0, "α, 1/α the square of the limit at -∞", 0.0, 10.0, learnable=True),),
        slope=lambda x, alpha: (1 + alpha * x.clamp_max(0).square()) ** -1.5,
        doubt="whether the source learns α was not read",
        bends=(0.0,),
        compute_dtype=torch.float32,
        reduces=(Reduction("identity", (("alpha", 0.0),)),),
    ),
    "bent_identity": Activation(
        lambda x: ((x.square() + 1).sqrt() - 1) / 2 + x,
        r"\phi(x) = x + \tfrac12\bigl(\sqrt{x^2 + 1} - 1\bigr)",
        "Kunc & Kléma's survey (2402.09092); an earlier source is not known",
        derivative=lambda x: 1 + x / 2 * (x.square() + 1).rsqrt(),
        compute_dtype=torch.float32,
    ),
    "crrelu": parametric(
        lambda x, epsilon: x.relu() + epsilon * x * (-x.square() / 2).exp(),
        r"\phi(x) = \max(x, 0) + \varepsilon x e^{-x^2/2}",
        "Sun et al., A method on searching better activation functions (2405.12954)",
        (Parameter("epsilon", 0.01, "ε, size of the correction", -1.0, 1.0, learnable=True),),
        slope=_crrelu_slope,
        kinks=(0.0,),
        compute_dtype=torch.float32,
        reduces=(Reduction("relu", (("epsilon", 0.0),)),),
    ),
    "xielu": parametric(
        _xielu,
        r"\phi(x) = \beta x + \alpha_p x^2 \text{ for } x > 0,"
        r"\ \beta x + \alpha_n(e^x - 1 - x) \text{ otherwise}",
        "Huang & Schlag, Deriving activation functions using integration (2411.13010)",
        (
            Parameter("alpha_p", 0.8, "α_p, half of φ'' right of 0", 0.0, 5.0, learnable=True),
            Parameter(
                "alpha_n", 0.8, "α_n, curvature left of 0; the source keeps it above β", 0.0, 5.0, True
            ),
            Parameter("beta", 0.5, "β, φ' at 0", 0.0, 2.0),
        ),
        slope=_xielu_slope,
        bends=(0.0,),
        compute_dtype=torch.float32,
        reduces=(Reduction("identity", (("alpha_p", 0.0), ("alpha_n", 0.0), ("beta", 1.0))),),
    ),
    "helu": parametric(
        _helu,
        r"\phi(x) = \max(x, 0), \text{ backward } 1 \text{ for } x > -\alpha,\ 0 \text{ otherwise}",
        "Kimhi, Kashani, Mendelson & Baskin, Hysteresis activation function (2411.10573)",
        (Parameter("alpha", 0.001, "α, how far left of 0 gradients still pass", 0.0, 5.0),),
        slope=lambda x, alpha: (x > -alpha).to(x.dtype),
        kinks=(0.0,),
        gradient="surrogate",
        reduces=(Reduction("relu"),),
    ),
}

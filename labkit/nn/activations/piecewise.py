"""Pieces of straight lines and of parabolas."""

from math import exp

import torch
from torch import Tensor
from torch.nn import functional as F

from labkit.nn.activations.activation import Activation, Parameter, Reduction, Value, parametric


def _quadratic_slope_(x: Tensor, value: Tensor, grad: Tensor) -> Tensor:
    # one pass instead of two: 0 + 2 * grad * x
    return torch.addcmul(grad.new_zeros(()), grad, x, value=2, out=grad)


def _leaky_relu(x: Tensor, slope: Value) -> Tensor:
    if torch.is_tensor(slope):
        return torch.where(x > 0, x, slope * x)
    return F.leaky_relu(x, slope)


def _attention(x: Tensor, alpha: Value, beta: Value) -> Tensor:
    if torch.is_tensor(alpha) or torch.is_tensor(beta):
        right = 1 + torch.as_tensor(beta, dtype=x.dtype, device=x.device).sigmoid()
        left = torch.as_tensor(alpha, dtype=x.dtype, device=x.device).clamp(0.01, 0.99)
        return torch.where(x > 0, right * x, left * x)
    right = _upper(beta)
    return F.leaky_relu(x, alpha / right) * right


def _upper(beta: float) -> float:
    return 1 + 1 / (1 + exp(-beta))


def _threshold(x: Tensor, theta: Value, value: Value) -> Tensor:
    if torch.is_tensor(theta) or torch.is_tensor(value):
        return torch.where(x > theta, x, value)
    return F.threshold(x, theta, value)


def _s_shaped(x: Tensor, t_left: Value, a_left: Value, t_right: Value, a_right: Value) -> Tensor:
    return x + (a_left - 1) * (x - t_left).clamp_max(0) + (a_right - 1) * (x - t_right).clamp_min(0)


def _s_shaped_slope(x: Tensor, t_left: float, a_left: float, t_right: float, a_right: float) -> Tensor:
    return torch.where(x > t_right, a_right, torch.where(x > t_left, 1, x.new_tensor(a_left)))


def _step(x: Tensor) -> Tensor:
    return torch.where(x.isnan(), x, (x > 0).to(x.dtype))


MEMBERS: dict[str, Activation] = {
    "identity": Activation(
        lambda x: x * 1,
        r"\phi(x) = x",
        "Saxe, McClelland & Ganguli, deep linear networks (1312.6120)",
        derivative=torch.ones_like,
        into=lambda x, out: out.copy_(x),
        slope_=lambda x, value, grad: grad,
        aliases=("linear",),
    ),
    "quadratic": Activation(
        torch.square,
        r"\phi(x) = x^2",
        "Gromov, Grokking modular arithmetic (2301.02679)",
        derivative=lambda x: 2 * x,
        into=lambda x, out: torch.mul(x, x, out=out),
        slope_=_quadratic_slope_,
        aliases=("square",),
    ),
    "relu": Activation(
        torch.relu,
        r"\phi(x) = \max(x, 0)",
        "Nair & Hinton, ICML 2010",
        derivative=lambda x: (x > 0).to(x.dtype),
        into=lambda x, out: torch.clamp_min(x, 0, out=out),
        # φ' is 0 at the kink, as in torch
        slope_=lambda x, value, grad: torch.ops.aten.threshold_backward.grad_input(
            grad, value, 0, grad_input=grad
        ),
        by_value=True,
        kinks=(0.0,),
    ),
    "leaky_relu": parametric(
        _leaky_relu,
        r"\phi(x) = \max(x, 0) + s\min(x, 0)",
        "Maas, Hannun & Ng, ICML workshop 2013",
        (Parameter("slope", 0.01, "s, φ' left of 0", -2.0, 2.0),),
        slope=lambda x, slope: torch.where(x > 0, 1, x.new_tensor(slope)),
        kinks=lambda slope: (0.0,) if slope != 1 else (),
        aliases=("lrelu",),
        reduces=(
            Reduction("relu", (("slope", 0.0),)),
            Reduction("identity", (("slope", 1.0),)),
            Reduction("abs", (("slope", -1.0),)),
        ),
    ),
    "abs": Activation(
        torch.abs,
        r"\phi(x) = |x|",
        "Bruna & Mallat, modulus of scattering transforms (1203.1513)",
        derivative=torch.sign,
        kinks=(0.0,),
        aliases=("absolute",),
    ),
    "sign": Activation(
        lambda x: torch.where(x.isnan(), x, torch.sign(x)),  # torch's own has no NaN
        r"\phi(x) = \operatorname{sign} x",
        "Cho & Saul, arc-cosine kernel of order 0 (NIPS 2009)",
        derivative=torch.zeros_like,
        jumps=(0.0,),
    ),
    "hard_tanh": Activation(
        F.hardtanh,  # ten times as fast backward as clamp
        r"\phi(x) = \min(\max(x, -1), 1)",
        "Collobert, thesis, 2004",
        derivative=lambda x: (x.abs() < 1).to(x.dtype),
        kinks=(-1.0, 1.0),
        aliases=("hardtanh",),
    ),
    "hard_sigmoid": Activation(
        # torch's own has its slope rounded to float32
        lambda x: (F.hardtanh(x, -3, 3) + 3) / 6 if x.dtype == torch.float64 else F.hardsigmoid(x),
        r"\phi(x) = \min(\max(x/6 + 1/2, 0), 1)",
        "Courbariaux, Bengio & David (1511.00363), with the slope 1/6 of Howard et al. (1905.02244)",
        derivative=lambda x: (x.abs() < 3).to(x.dtype) / 6,
        kinks=(-3.0, 3.0),
        aliases=("hardsigmoid",),
    ),
    "hard_swish": Activation(
        F.hardswish,
        r"\phi(x) = x\min(\max(x/6 + 1/2, 0), 1)",
        "Howard et al., MobileNetV3 (1905.02244)",
        derivative=lambda x: torch.where(x >= 3, 1.0, (x / 3 + 0.5) * (x > -3)).to(x.dtype),
        kinks=(-3.0, 3.0),
        aliases=("hardswish",),
    ),
    "prelu": parametric(
        _leaky_relu,
        r"\phi(x) = \max(x, 0) + s\min(x, 0)",
        "He, Zhang, Ren & Sun (1502.01852)",
        (Parameter("slope", 0.25, "s, φ' left of 0, learnt", -2.0, 2.0, learnable=True),),
        slope=lambda x, slope: torch.where(x > 0, 1, x.new_tensor(slope)),
        kinks=lambda slope: (0.0,) if slope != 1 else (),
        reduces=(
            Reduction("leaky_relu", (("slope", 0.01),)),
            Reduction("relu", (("slope", 0.0),)),
            Reduction("identity", (("slope", 1.0),)),
        ),
    ),
    "arelu": parametric(
        _attention,
        r"\phi(x) = \bigl(1 + \tfrac{1}{1 + e^{-\beta}}\bigr)\max(x, 0) + \alpha\min(x, 0)",
        "Chen, Li & Xu, AReLU: attention-based rectified linear unit (2006.13858) and their code",
        (
            Parameter("alpha", 0.9, "α, φ' left of 0, clipped to its range", 0.01, 0.99, learnable=True),
            Parameter("beta", 2.0, "β, by which φ' right of 0 goes from 1 to 2", -5.0, 5.0, learnable=True),
        ),
        slope=lambda x, alpha, beta: torch.where(x > 0, _upper(beta), x.new_tensor(alpha)),
        kinks=(0.0,),
    ),
    "relu6": Activation(
        F.relu6,
        r"\phi(x) = \min(\max(x, 0), 6)",
        "Krizhevsky, Convolutional deep belief networks on CIFAR-10, 2010",
        derivative=lambda x: ((x > 0) & (x < 6)).to(x.dtype),
        kinks=(0.0, 6.0),
        reduces=(Reduction("clipped_shifted_relu", (), (("tau", 0.0), ("m", 6.0))),),
    ),
    "squared_relu": Activation(
        lambda x: x.relu().square(),
        r"\phi(x) = \max(x, 0)^2",
        "So et al., Primer (2109.08668)",
        derivative=lambda x: 2 * x.relu(),
        bends=(0.0,),
        aliases=("relu2", "relu_squared"),
        reduces=(Reduction("star_relu", (), (("scale", 1.0), ("bias", 0.0))),),
    ),
    # the defaults make mean 0 and variance 1 of standard normal input: 1/√(5/4) and -½/√(5/4)
    "star_relu": parametric(
        lambda x, scale, bias: scale * x.relu().square() + bias,
        r"\phi(x) = s\max(x, 0)^2 + b",
        "Yu et al., MetaFormer baselines (2210.13452)",
        (
            Parameter("scale", 0.8944, "s", 0.01, 5.0, learnable=True),
            Parameter("bias", -0.4472, "b", -5.0, 5.0, learnable=True),
        ),
        slope=lambda x, scale, bias: 2 * scale * x.relu(),
        bends=(0.0,),
    ),
    "s_shaped_relu": parametric(
        _s_shaped,
        r"\phi(x) = x \text{ on } [t_l, t_r],"
        r"\ t_l + a_l(x - t_l) \text{ left of it},\ t_r + a_r(x - t_r) \text{ right}",
        "Jin et al., SReLU (1512.07030)",
        (
            Parameter("t_left", 0.0, "t_l, left threshold", -5.0, 0.0, learnable=True),
            Parameter("a_left", 0.2, "a_l, φ' left of it", -2.0, 2.0, learnable=True),
            Parameter("t_right", 1.0, "t_r, right threshold", 0.0, 5.0, learnable=True),
            Parameter("a_right", 1.0, "a_r, φ' right of it", -2.0, 2.0, learnable=True),
        ),
        slope=_s_shaped_slope,
        kinks=lambda t_left, a_left, t_right, a_right: (
            ((t_left,) if a_left != 1 else ()) + ((t_right,) if a_right != 1 else ())
        ),
        reduces=(
            Reduction("leaky_relu", (("a_left", 0.01),)),
            Reduction("hard_tanh", (("t_left", -1.0), ("a_left", 0.0), ("a_right", 0.0))),
        ),
        aliases=("srelu",),
        note="t_r = 1 is ours: the paper takes it from the data, then starts with a_r = 1 as here",
    ),
    "threshold": parametric(
        _threshold,
        r"\phi(x) = x \text{ for } x > \theta,\ v \text{ otherwise}",
        "Konda, Memisevic & Krueger, thresholded ReLU with θ = 1, v = 0 (1402.3337)",
        (
            Parameter("theta", 1.0, "threshold θ", -5.0, 5.0),
            Parameter("value", 0.0, "v, what φ is up to θ", -5.0, 5.0),
        ),
        slope=lambda x, theta, value: (x > theta).to(x.dtype),
        jumps=lambda theta, value: (theta,) if theta != value else (),
        kinks=lambda theta, value: (theta,) if theta == value else (),
        aliases=("thresholded_relu",),
        reduces=(Reduction("relu", (("theta", 0.0),)),),
    ),
    "step": Activation(
        _step,
        r"\phi(x) = 1 \text{ for } x > 0,\ 0 \text{ otherwise}",
        "McCulloch & Pitts, 1943",
        derivative=torch.zeros_like,
        jumps=(0.0,),
        aliases=("heaviside", "binary_step"),
    ),
    "hard_mish": Activation(
        lambda x: x / 2 * (x + 2).clamp(0, 2),
        r"\phi(x) = \tfrac{x}{2}\min(\max(x + 2, 0), 2)",
        "Misra, hard Mish (github.com/digantamisra98/H-Mish)",
        derivative=lambda x: torch.where(x > 0, 1.0, (x + 1) * (x >= -2)).to(x.dtype),
        kinks=(-2.0,),
        bends=(0.0,),
    ),
    "square_nonlinearity": Activation(
        lambda x: (c := x.clamp(-2, 2)) - c * c.abs() / 4,
        r"\phi(x) = c - c|c|/4,\ c = \min(\max(x, -2), 2)",
        "Wuraola & Patel, SQNL, IJCNN 2018",
        derivative=lambda x: (1 - x.abs() / 2).relu(),
        bends=(-2.0, 0.0, 2.0),
        aliases=("sqnl",),
    ),
    "tent": parametric(
        lambda x, delta: (delta - x.abs()).relu(),
        r"\phi(x) = \max(\delta - |x|, 0)",
        "Rozsa & Boult, Improved adversarial robustness (1908.02435)",
        (Parameter("delta", 1.0, "δ, height and half width", 0.01, 5.0, learnable=True),),
        slope=lambda x, delta: -x.sign() * (x.abs() < delta),
        kinks=lambda delta: (-delta, 0.0, delta),
        aliases=("triangular",),
        note="δ = 1: ours",
    ),
}

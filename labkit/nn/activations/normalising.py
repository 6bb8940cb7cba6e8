"""Activations that set a unit against all others of its row: softmax and its alternatives, divisive norms."""

from functools import partial
from typing import Any, no_type_check

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from labkit.nn.activations.activation import Parameter, Unit
from labkit.nn.activations.layer import Layer, rowwise

EPS = Parameter("eps", 1e-6, "ε under the root", 1e-12, 1.0)


def stablemax(x: Tensor) -> Tensor:
    """s(x_i) / Σ_j s(x_j) over the last dimension; s(x) = x + 1 for x ≥ 0 and 1 / (1 - x) below.

    s grows like x instead of e^x, so that small probabilities are not absorbed by rounding: Prieto, Barsbey,
    Mediano & Birdal, Grokking at the edge of numerical stability (2501.04697), section 4.
    """
    s = _s(x)
    return s / s.sum(-1, keepdim=True)


def log_stablemax(x: Tensor) -> Tensor:
    """The logarithm of :func:`stablemax`, what the cross-entropy of 2501.04697 is made of."""
    s = _s(x)
    return s.log() - s.sum(-1, keepdim=True).log()


def _s(x: Tensor) -> Tensor:
    return torch.where(x < 0, 1 / (1 - x.clamp_max(0)), x.clamp_min(0) + 1)


def _share(part: Tensor) -> Tensor:
    return part / part.sum(-1, keepdim=True)


def _softmax_one(x: Tensor) -> Tensor:
    total = x.logsumexp(-1, keepdim=True)
    return (x - torch.logaddexp(total, torch.zeros_like(total))).exp()


def _above(x: Tensor, edge: Tensor) -> Tensor:
    """Which entries are in the support; ``edge``: how many, ``x`` sorted, the largest first."""
    smallest = x.sort(-1, descending=True).values.gather(-1, edge.clamp_min(1) - 1)
    return x >= smallest


def _sparsemax(x: Tensor) -> Tensor:
    x = x - x.amax(-1, keepdim=True).detach()
    fixed = x.detach()
    ordered = fixed.sort(-1, descending=True).values
    count = torch.arange(1, x.shape[-1] + 1, dtype=x.dtype, device=x.device)
    support = _above(fixed, (1 + count * ordered > ordered.cumsum(-1)).sum(-1, keepdim=True))
    tau = (torch.where(support, x, 0).sum(-1, keepdim=True) - 1) / support.sum(-1, keepdim=True)
    return (x - tau).relu()


def _entmax15(x: Tensor) -> Tensor:
    x = (x - x.amax(-1, keepdim=True).detach()) / 2
    fixed = x.detach()
    ordered = fixed.sort(-1, descending=True).values
    count = torch.arange(1, x.shape[-1] + 1, dtype=x.dtype, device=x.device)
    mean = ordered.cumsum(-1) / count
    scatter = ordered.square().cumsum(-1) - count * mean.square()
    tau = mean - ((1 - scatter) / count).clamp_min(0).sqrt()
    support = _above(fixed, (tau <= ordered).sum(-1, keepdim=True))
    # once more for those in the support alone: the roots above have no finite slope where they were clamped
    count = support.sum(-1, keepdim=True)
    mean = torch.where(support, x, 0).sum(-1, keepdim=True) / count
    scatter = (torch.where(support, x, mean) - mean).square().sum(-1, keepdim=True)
    return (x - mean + ((1 - scatter) / count).sqrt()).relu().square()


def _softpick(x: Tensor, eps: float) -> Tensor:
    # where all entries are negative e^{-max} overflows, and the result is 0 whatever it is
    top = x.amax(-1, keepdim=True).detach().clamp_min(0)
    positive, negative = x.relu(), -(-x).relu()
    # e^{x-m} - e^{-m} in two parts that keep their digits near 0
    above = -(positive - top).exp() * (-positive).expm1()
    below = -(-top).exp() * negative.expm1()
    return above / ((above + below).sum(-1, keepdim=True) + eps)


def _poly_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    out = bias
    for n, w in enumerate(weight, start=1):
        power = x**n
        out = out + w * power * (power.square().mean(-1, keepdim=True) + eps).rsqrt()
    return out


def _squash(x: Tensor) -> Tensor:
    square = x.square().sum(-1, keepdim=True)
    # √ has no slope at 0
    return x * square.clamp_min(torch.finfo(x.dtype).tiny).sqrt() / (1 + square)


@no_type_check  # a wrapped forward would not compile
class _AtLeast(torch.autograd.Function):
    """max(x, low), whose gradient also passes from below when it leads up."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, low: float) -> Tensor:
        return x.clamp_min(low)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, float], output: Tensor) -> None:
        x, low = inputs
        ctx.save_for_backward(x >= low)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (inside,) = ctx.saved_tensors
        return grad * (inside | (grad < 0)), None


class GDN(Layer):
    """Generalised divisive normalisation; β and γ are learnt as roots, so that they stay positive.

    ``inverse`` multiplies by the root instead: one step of the fixed-point iteration that inverts it.
    """

    #: Added under the roots: the slope of a square would be 0 where γ is.
    PEDESTAL = 2.0**-36
    #: Smallest β.
    LEAST = 1e-6

    def __init__(self, features: int, beta: float, gamma: float, inverse: bool = False) -> None:
        super().__init__(features)
        self.inverse = inverse
        self.beta = nn.Parameter(torch.full((features,), (beta + self.PEDESTAL) ** 0.5))
        self.gamma = nn.Parameter((gamma * torch.eye(features) + self.PEDESTAL).sqrt())

    def law(self, x: Tensor) -> Tensor:
        """φ(x)."""
        beta = self._positive(self.beta.to(x.dtype), self.LEAST)
        gamma = self._positive(self.gamma.to(x.dtype), 0.0)
        power = x.square() @ gamma.mT + beta
        return x * (power.sqrt() if self.inverse else power.rsqrt())

    def _positive(self, root: Tensor, least: float) -> Tensor:
        return _AtLeast.apply(root, (least + self.PEDESTAL) ** 0.5).square() - self.PEDESTAL


BALLE = "Ballé, Laparra & Simoncelli"
BETA_GAMMA = (
    Parameter("beta", 1.0, "where every β_i starts", 1e-6, 10.0, True),
    Parameter("gamma", 0.1, "where γ_ii starts; the other γ_ij start at 0", 0.0, 10.0, True),
)

MEMBERS: dict[str, Unit] = {
    "softmax": rowwise(lambda x: x.softmax(-1), r"\phi(x)_i = e^{x_i} / \sum_j e^{x_j}", "Bridle, NIPS 1989"),
    "log_softmax": rowwise(
        lambda x: x.log_softmax(-1), r"\phi(x)_i = x_i - \ln\sum_j e^{x_j}", "Bridle, NIPS 1989"
    ),
    "softmax_one": rowwise(
        _softmax_one,
        r"\phi(x)_i = e^{x_i} / (1 + \sum_j e^{x_j})",
        "Miller, Attention is off by one, 2023",
        aliases=("quiet_softmax",),
    ),
    "sigsoftmax": rowwise(
        lambda x: (x + F.logsigmoid(x)).softmax(-1),
        r"\phi(x)_i = e^{x_i}\sigma(x_i) / \sum_j e^{x_j}\sigma(x_j)",
        "Kanai, Fujiwara, Yamanaka & Adachi (1805.10829)",
    ),
    "sparsemax": rowwise(
        _sparsemax,
        r"\phi(x) = \arg\min_{p \ge 0,\ \sum p_i = 1} \|p - x\|^2 = \max(x - \tau(x), 0)",
        "Martins & Astudillo (1602.02068)",
    ),
    "entmax15": rowwise(
        _entmax15,
        r"\phi(x)_i = \max(x_i/2 - \tau(x), 0)^2,\ \sum_i \phi(x)_i = 1",
        "Peters, Niculae & Martins (1905.05702)",
        aliases=("entmax",),
    ),
    "taylor_softmax": rowwise(
        # 1 + x + x²/2 without cancellation
        lambda x: _share((x + 1).square() + 1),
        r"\phi(x)_i = (1 + x_i + x_i^2/2) / \sum_j (1 + x_j + x_j^2/2)",
        "de Brébisson & Vincent (1511.05042)",
    ),
    "spherical_softmax": rowwise(
        lambda x, eps: _share(x.square() + eps),
        r"\phi(x)_i = (x_i^2 + \epsilon) / \sum_j (x_j^2 + \epsilon)",
        "de Brébisson & Vincent (1511.05042)",
        (Parameter("eps", 1e-6, "ε, what a unit at 0 counts", 1e-12, 1.0),),
        note="the source treats ε as a setting; its value was not found, ours is 1e-6",
    ),
    "stablemax": rowwise(
        stablemax,
        r"\phi(x)_i = s(x_i) / \sum_j s(x_j),\ s(x) = x + 1 \text{ for } x \ge 0,\ 1/(1 - x) \text{ below}",
        "Prieto, Barsbey, Mediano & Birdal (2501.04697)",
    ),
    "log_stablemax": rowwise(
        log_stablemax,
        r"\phi(x)_i = \ln s(x_i) - \ln\sum_j s(x_j),"
        r"\ s(x) = x + 1 \text{ for } x \ge 0,\ 1/(1 - x) \text{ below}",
        "Prieto, Barsbey, Mediano & Birdal (2501.04697)",
    ),
    "softpick": rowwise(
        _softpick,
        r"\phi(x)_i = \max(e^{x_i - m} - e^{-m}, 0) / (\epsilon + \sum_j |e^{x_j - m} - e^{-m}|),\ "
        r"m = \max(0, \max_j x_j)",
        "Zuhri, Fuadi & Aji (2504.20966)",
        (Parameter("eps", 1e-8, "ε against 0/0, as in the authors' code", 1e-12, 1.0),),
    ),
    "poly_norm": rowwise(
        _poly_norm,
        r"\phi(x) = b + \sum_{n=1}^3 w_n x^n / \sqrt{\epsilon + \operatorname{mean}_i x_i^{2n}}",
        "Zhuo et al., polynomial composition activations (2411.03884)",
        (
            Parameter("weight", (1 / 3, 1 / 3, 1 / 3), "w_1, w_2, w_3", -10.0, 10.0, True),
            Parameter("bias", 0.0, "b", -10.0, 10.0, True),
            EPS,
        ),
    ),
    "squash": rowwise(
        _squash,
        r"\phi(x) = x\,\|x\| / (1 + \|x\|^2)",
        "Sabour, Frosst & Hinton, capsules (1710.09829); a row is one capsule",
    ),
    "gdn": Unit(
        GDN,
        r"\phi(x)_i = x_i / \sqrt{\beta_i + \sum_j \gamma_{ij} x_j^2}",
        f"{BALLE} (1511.06281), exponents fixed and roots learnt as in (1611.01704)",
        BETA_GAMMA,
    ),
    "inverse_gdn": Unit(
        partial(GDN, inverse=True),
        r"\phi(x)_i = x_i \sqrt{\beta_i + \sum_j \gamma_{ij} x_j^2}",
        f"{BALLE}, of their decoder (1611.01704)",
        BETA_GAMMA,
        aliases=("igdn",),
    ),
}

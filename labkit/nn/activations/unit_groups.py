"""Activations of groups of units: the largest, the sorted, the ones that win against the others.

Groups are neighbouring units; the linear maps before them are the user's.
"""

from math import pi

import torch
from torch import Tensor, nn

from labkit.nn.activations.activation import Parameter, Unit
from labkit.nn.activations.layer import Layer, rowwise, whole_groups

SIZE = Parameter("size", 2, "units a group", 2, 1024)
# the 99th percentile of a normal distribution is at 2.33 standard deviations
Z_K = Parameter("z_k", 2.3, "z_k, standard deviations above the mean where the gate is half open", -5.0, 5.0)
ALPHA = Parameter("alpha", 3.0, "steepness α of the gate", 0.0, 20.0)
KESKINEN = "Keskinen, Hard ASH (2404.17651), whose α = 3 and z_k = 2.3 are the defaults"


def _groups(x: Tensor, size: int) -> Tensor:
    return x.unflatten(-1, (-1, size))


def _winner(x: Tensor, size: int) -> Tensor:
    x = _groups(x, size)
    return (x * _one_hot(x.argmax(-1, keepdim=True), x)).flatten(-2)


def _top_k(x: Tensor, k: int) -> Tensor:
    return x * _one_hot(x.topk(k).indices, x)


def _one_hot(index: Tensor, x: Tensor) -> Tensor:
    # a factor and not a choice, so that NaN stays NaN
    return torch.zeros_like(x).scatter(-1, index, 1.0)


def _at_most_all(features: int, k: int) -> None:
    if k > features:
        raise ValueError(f"k: got {k}; allowed: at most the {features} units")


def _gate(x: Tensor, alpha: float, z_k: float | Tensor) -> Tensor:
    """α (x - μ - z_k σ), with the mean μ and the standard deviation σ (over n) of the units of a row."""
    centred = x - x.mean(-1, keepdim=True)
    variance = centred.square().mean(-1, keepdim=True)
    # √ has no slope at 0, where all units are equal
    spread = variance.clamp_min(torch.finfo(x.dtype).tiny).sqrt()
    return alpha * (centred - z_k * spread)


class Householder(Layer):
    """Pairs (a, b) on one side of a line stay, the others are mirrored at it; an angle is learnt a pair."""

    def __init__(self, features: int, theta: float) -> None:
        super().__init__(features)
        whole_groups(features, 2)
        self.theta = nn.Parameter(torch.full((features // 2,), float(theta)))

    def law(self, x: Tensor) -> Tensor:
        """φ(x)."""
        a, b = _groups(x, 2).unbind(-1)
        theta = self.theta.to(x.dtype)
        sine, cosine = theta.sin(), theta.cos()
        stays = a * (theta / 2).sin() > b * (theta / 2).cos()
        mirrored = torch.stack((a * cosine + b * sine, a * sine - b * cosine), -1)
        return torch.where(stays[..., None], _groups(x, 2), mirrored).flatten(-2)


class LehmerMultiplet(Layer):
    """Several Lehmer means of every group, with the same weights.

    Σ w_i u_i^p / Σ w_i u_i^{p-1} is the mean of u under a softmax of ln w + (p - 1) ln u, which cannot
    overflow; the weights w > 0 are learnt as their logarithms.
    """

    #: What is added to magnitudes, whose powers would be infinite at 0.
    FLOOR = 1e-6

    def __init__(self, features: int, powers: tuple[float, ...], size: int) -> None:
        super().__init__(features)
        whole_groups(features, size)
        self.log_weight = nn.Parameter(torch.zeros(features // size, size))
        self.powers = nn.Parameter(torch.tensor(powers))

    def law(self, x: Tensor) -> Tensor:
        """φ(x)."""
        u = _groups(x, self.log_weight.shape[-1]).abs() + self.FLOOR
        powers = self.powers[:, None, None]
        share = (self.log_weight + (powers - 1) * u.log()[..., None, :, :]).softmax(-1)
        means = (share * u[..., None, :, :]).sum(-1)  # (..., powers, groups)
        return means.transpose(-1, -2).flatten(-2)


MEMBERS: dict[str, Unit] = {
    "maxout": rowwise(
        lambda x, size: _groups(x, size).amax(-1),
        r"\phi(x)_g = \max_{i \in g} x_i",
        "Goodfellow, Warde-Farley, Mirza, Courville & Bengio (1302.4389)",
        (SIZE,),
        check=whole_groups,
        outputs=lambda features, size: features // size,
    ),
    "crelu": rowwise(
        lambda x: torch.cat((x.relu(), (-x).relu()), -1),
        r"\phi(x) = (\max(x, 0), \max(-x, 0))",
        "Shang, Sohn, Almeida & Lee (1603.05201)",
        outputs=lambda features: 2 * features,
        aliases=("concatenated_relu",),
    ),
    "group_sort": rowwise(
        lambda x, size: _groups(x, size).sort(-1).values.flatten(-2),
        r"\phi(x)_g = \operatorname{sort}(x_g), \text{ ascending}",
        "Anil, Lucas & Grosse (1811.05381); of pairs: Chernodub & Nowicki, OPLU (1604.02313)",
        (SIZE,),
        check=whole_groups,
        aliases=("max_min",),
    ),
    "householder": Unit(
        Householder,
        r"\phi(x) = (a, b) = x \text{ if } a\sin\tfrac\theta2 > b\cos\tfrac\theta2,\ "
        r"(a\cos\theta + b\sin\theta,\ a\sin\theta - b\cos\theta) \text{ otherwise}",
        "Singla, Singla & Feizi (2108.04062); θ = π/2 gives (max, min)",
        # their code starts here as well, with the sides of the line named the other way round
        (Parameter("theta", pi / 2, "angle θ of the reflection, one a pair", -2 * pi, 2 * pi, True),),
    ),
    "lwta": rowwise(
        _winner,
        r"\phi(x)_i = x_i \text{ if it is the largest of its group},\ 0 \text{ otherwise}",
        "Srivastava, Masci, Kazerounian, Gomez & Schmidhuber, NIPS 2013",
        (SIZE,),
        check=whole_groups,
        aliases=("local_winner_take_all",),
    ),
    "top_k": rowwise(
        _top_k,
        r"\phi(x)_i = x_i \text{ if it is among the } k \text{ largest},\ 0 \text{ otherwise}",
        "Makhzani & Frey, k-sparse autoencoders (1312.5663)",
        # they take 10 to 100 of 1000; few units must do as well here
        (Parameter("k", 4, "units a row that pass", 1, 65536),),
        check=_at_most_all,
        aliases=("k_sparse",),
    ),
    "ash": rowwise(
        lambda x, alpha, z_k: x * _gate(x, alpha, z_k).sigmoid(),
        r"\phi(x)_i = x_i\,\sigma(\alpha(x_i - \mu - z_k s)),\ \mu \text{ and } s"
        r" \text{ the mean and deviation of the row}",
        f"Lee, Yang, Lee & Hwang (2210.11672), where z_k is learnt and 2α stands for α; {KESKINEN}",
        (ALPHA, Z_K._replace(learnable=True)),
        aliases=("adaptive_swish",),
    ),
    "hard_ash": rowwise(
        lambda x, alpha, z_k: x.clamp(0, 2) * (_gate(x, alpha, z_k) / 6 + 0.5).clamp(0, 1),
        r"\phi(x)_i = \min(\max(x_i, 0), 2)\,h(\alpha(x_i - \mu - z_k s)),"
        r"\ h(t) = \min(\max(t/6 + 1/2, 0), 1)",
        KESKINEN,
        (ALPHA, Z_K),
    ),
    "lehmer_multiplet": Unit(
        LehmerMultiplet,
        r"\phi(x)_{g,p} = \sum_{i \in g} w_i u_i^p \Big/ \sum_{i \in g} w_i u_i^{p-1},\ u = |x| + 10^{-6}",
        "Frick, multiplet neural networks (2006.01606); Ataei & Wang, Lehmer units (2501.15223)",
        (
            Parameter(
                "powers", (0.0, 1.0, 2.0), "p: 0 harmonic, 1 arithmetic, 2 contraharmonic", -5, 5, True
            ),
            SIZE._replace(default=3),
        ),
        outputs=lambda features, powers, size: features // size * len(powers),
        aliases=("lehmer_mean",),
        note="the papers take positive inputs; |x| + 1e-6, so that any can come, and the powers are ours",
    ),
}

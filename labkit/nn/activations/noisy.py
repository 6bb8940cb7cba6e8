"""Activations that draw in training mode, and wrappers that add noise to another member or quantise it.

Those that draw take the ``generator`` (``torch.Generator``) they draw from; in evaluation mode nothing is
drawn. The wrappers take ``member``, a name or row of the table, ReLU by default.
"""

import torch
from torch import Tensor, nn

from labkit import _checks
from labkit.nn.activations.activation import Activation, Parameter, Unit
from labkit.nn.activations.layer import Layer, drawn


class RandomLeakyReLU(Layer):
    """A slope left of 0 that every entry draws between ``lower`` and ``upper``, the middle in evaluation."""

    def __init__(
        self, features: int, lower: float, upper: float, generator: torch.Generator | None = None
    ) -> None:
        super().__init__(features)
        _checks.number("upper", upper, low=lower)
        self.lower, self.upper, self.generator = lower, upper, generator

    def law(self, x: Tensor) -> Tensor:
        """φ(x)."""
        share = drawn(torch.rand, x, self.generator) if self.training else 0.5
        return torch.where(x < 0, (self.lower + (self.upper - self.lower) * share) * x, x)


class NoisyReLU(Layer):
    """max(x + √σ(x) ξ, 0), ξ normal: in the mean about as many spikes as of infinitely many shifted units."""

    def __init__(self, features: int, generator: torch.Generator | None = None) -> None:
        super().__init__(features)
        self.generator = generator

    def law(self, x: Tensor) -> Tensor:
        """φ(x)."""
        if self.training:
            x = x + x.sigmoid().sqrt() * drawn(torch.randn, x, self.generator)
        return x.relu()


class GumbelSoftmax(Layer):
    """A soft one-hot: the softmax of x with Gumbel noise, sharper the smaller the temperature."""

    def __init__(self, features: int, temperature: float, generator: torch.Generator | None = None) -> None:
        super().__init__(features)
        self.temperature, self.generator = temperature, generator

    def law(self, x: Tensor) -> Tensor:
        """φ(x)."""
        if self.training:
            uniform = drawn(torch.rand, x, self.generator).clamp_min(torch.finfo(x.dtype).tiny)
            x = x - (-uniform.log()).log()
        return (x / self.temperature).softmax(-1)


class Noisy(Layer):
    """φ(x) + σ ξ, ξ normal, of another member φ; φ(x) in evaluation mode."""

    def __init__(
        self,
        features: int,
        sigma: float,
        member: str | Activation = "relu",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(features)
        self.inner = _inner(member)
        self.sigma, self.generator = sigma, generator

    def law(self, x: Tensor) -> Tensor:
        """φ(x)."""
        y = self.inner(x)
        return y + self.sigma * drawn(torch.randn, x, self.generator) if self.training else y


class Quantised(Layer):
    """Another member φ rounded to 2^bits levels ``step`` apart, 0 among them.

    Backward is straight through: φ' where φ(x) rounds to one of the levels, 0 beyond; as torch's fake
    quantisation.
    """

    def __init__(self, features: int, step: float, bits: int, member: str | Activation = "relu") -> None:
        super().__init__(features)
        self.inner = _inner(member)
        self.step, self.least, self.most = step, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1

    def law(self, x: Tensor) -> Tensor:
        """φ(x)."""
        multiple = self.inner(x) / self.step
        level = multiple.detach().round()
        within = (level >= self.least) & (level <= self.most)
        slope = torch.where(within, multiple - multiple.detach(), 0)  # worth 0
        return self.step * (level.clamp(self.least, self.most) + slope)


def _inner(member: str | Activation) -> nn.Module:
    from labkit.nn.activations import ACTIVATIONS, get  # the table holds the rows below as well

    row = get(member) if isinstance(member, str) else member
    if not isinstance(row, Activation):
        _checks.choice("member", member, [n for n, one in ACTIVATIONS.items() if isinstance(one, Activation)])
    return row.module()


MEMBERS: dict[str, Unit] = {
    "rrelu": Unit(
        RandomLeakyReLU,
        r"\phi(x) = x \text{ for } x \ge 0,\ a x \text{ below},\ a \sim U(l, u);"
        r"\ a = (l + u)/2 \text{ in evaluation}",
        "Xu, Wang, Chen & Li (1505.00853), who divide by U(3, 8); slopes uniform in [1/8, 1/3] as in torch",
        (
            Parameter("lower", 1 / 8, "l, the smallest slope left of 0", 0.0, 1.0),
            Parameter("upper", 1 / 3, "u, the largest slope left of 0", 0.0, 1.0),
        ),
        stochastic=True,
        aliases=("random_leaky_relu",),
    ),
    "noisy_relu": Unit(
        NoisyReLU,
        r"\phi(x) = \max(x + \sqrt{\sigma(x)}\,\xi, 0),\ \xi \sim N(0, 1);\ \max(x, 0) \text{ in evaluation}",
        "Nair & Hinton, ICML 2010",
        stochastic=True,
        aliases=("nrelu",),
    ),
    "gumbel_softmax": Unit(
        GumbelSoftmax,
        r"\phi(x) = \operatorname{softmax}((x + g)/T),\ g_i = -\ln(-\ln u_i),\ u_i \sim U(0, 1);"
        r"\ g = 0 \text{ in evaluation}",
        "Jang, Gu & Poole (1611.01144); Maddison, Mnih & Teh (1611.00712)",
        (Parameter("temperature", 1.0, "T", 0.01, 100.0),),
        stochastic=True,
        aliases=("concrete",),
    ),
    "noisy": Unit(
        Noisy,
        r"\phi(x) = f(x) + \sigma\xi,\ \xi \sim N(0, 1);\ f(x) \text{ in evaluation}",
        "Gulcehre, Moczulski, Denil & Bengio (1603.00391); of ReLU: Shridhar et al., ProbAct (1905.10761)",
        (Parameter("sigma", 0.1, "σ, deviation of the noise", 0.0, 10.0),),
        stochastic=True,
        note="σ is ours; the first paper scales the noise with how far f is saturated, which is left out",
    ),
    "quantised": Unit(
        Quantised,
        r"\phi(x) = \Delta\min(\max(\operatorname{round}(f(x)/\Delta), -2^{b-1}), 2^{b-1} - 1)",
        "Jacob et al. (1712.05877); straight through: Bengio, Léonard & Courville (1308.3432)",
        (
            Parameter("step", 1 / 16, "Δ, distance of two levels", 1e-6, 10.0),
            Parameter("bits", 8, "b, for 2^b levels", 1, 24),
        ),
        gradient="surrogate",
        aliases=("quantized",),
    ),
}

r"""Activations made for fields: sine, FINER, Gabor (WIRE) and Gaussian, with their frequency as an argument.

``omega_0`` stands here and nowhere else: the same number goes to the start of the weights
(:mod:`labkit.nn.fields.starts`). Each multiplies by φ' in two or three passes over memory that is in the
cache; to spare one, ``slope_`` **uses up x** and, where it helps, the value.
"""

import torch
from torch import Tensor

from labkit import _checks
from labkit.nn.activations import Activation


def sine(omega_0: float = 30.0) -> Activation:
    """sin(ω_0 x), SIREN (Sitzmann et al., 2006.09661); 30 is theirs for pictures on [-1, 1]."""
    w = _frequency("omega_0", omega_0)

    def into(x: Tensor, out: Tensor) -> Tensor:
        return torch.sin(torch.mul(x, w, out=out), out=out)

    def slope_(x: Tensor, value: Tensor, grad: Tensor) -> Tensor:
        return torch.addcmul(grad.new_zeros(()), grad, x.mul_(w).cos_(), value=w, out=grad)

    return Activation(
        lambda x: torch.sin(w * x),
        rf"\phi(x) = \sin({w:g}x)",
        "Sitzmann et al., SIREN (2006.09661)",
        derivative=lambda x: w * torch.cos(w * x),
        into=into,
        slope_=slope_,
    )


def finer(omega_0: float = 30.0) -> Activation:
    r"""sin(ω_0(\|x\| + 1)x), FINER (Liu et al., 2312.02434): the further out, the higher the frequency.

    As in their code the factor \|x\| + 1 is detached: training sees the slope ω_0(\|x\| + 1)cos(...), both
    here (``slope_``) and by autograd of ``function``. ``derivative`` is the true one,
    ω_0(2\|x\| + 1)cos(...), which moments and the gradient of a field need.
    """
    w = _frequency("omega_0", omega_0)

    def function(x: Tensor) -> Tensor:
        return torch.sin(w * (x.detach().abs() + 1) * x)

    def derivative(x: Tensor) -> Tensor:
        size = x.abs()
        return w * (2 * size + 1) * torch.cos(w * (size + 1) * x)

    def into(x: Tensor, out: Tensor) -> Tensor:
        return torch.sin(torch.mul(x.abs().add_(1).mul_(w), x, out=out), out=out)

    def slope_(x: Tensor, value: Tensor, grad: Tensor) -> Tensor:
        factor = x.abs().add_(1).mul_(w)
        return grad.mul_(factor).mul_(x.mul_(factor).cos_())

    return Activation(
        function,
        rf"\phi(x) = \sin({w:g}(|x| + 1)x)",
        "Liu et al., FINER (2312.02434)",
        derivative=derivative,
        into=into,
        slope_=slope_,
        bends=(0.0,),
    )


def gabor(omega_0: float = 20.0, scale: float = 10.0) -> Activation:
    r"""cos(ω_0 x)e^{-(s_0 x)^2}: the **real** part of WIRE's wavelet (Saragadam et al., 2301.05187).

    Theirs is complex, e^{jω_0 x}e^{-\|s_0 x\|²} with complex weights: :class:`labkit.nn.fields.Wire`. With
    as many numbers its step takes three times as long; 50 of them bring the cameraman at 64² to 19.6 dB,
    those of this one to 29.3, each with its best of five learning rates. 20 and 10 are what FINER's
    comparison takes on pictures.
    """
    w, s = _frequency("omega_0", omega_0), _frequency("scale", scale)

    def function(x: Tensor) -> Tensor:
        return torch.cos(w * x) * torch.exp(-(s * s) * x.square())

    def derivative(x: Tensor) -> Tensor:
        return -torch.exp(-(s * s) * x.square()) * (w * torch.sin(w * x) + 2 * s * s * x * torch.cos(w * x))

    def into(x: Tensor, out: Tensor) -> Tensor:
        window = torch.mul(x, x).mul_(-s * s).exp_()
        return torch.cos(torch.mul(x, w, out=out), out=out).mul_(window)

    def slope_(x: Tensor, value: Tensor, grad: Tensor) -> Tensor:
        wave = torch.mul(x, w).sin_().mul_(torch.mul(x, x).mul_(-s * s).exp_()).mul_(-w)
        return grad.mul_(wave.addcmul_(x, value, value=-2 * s * s))

    return Activation(
        function,
        rf"\phi(x) = \cos({w:g}x)\,e^{{-({s:g}x)^2}}",
        "Saragadam et al., WIRE (2301.05187), the real part",
        derivative=derivative,
        into=into,
        slope_=slope_,
    )


def bump(scale: float = 30.0) -> Activation:
    """e^{-(s_0 x)²}, Gaussian networks (Ramasinghe & Lucey, 2111.15135); 30 is FINER's for pictures."""
    s = _frequency("scale", scale)

    def into(x: Tensor, out: Tensor) -> Tensor:
        return torch.mul(x, x, out=out).mul_(-s * s).exp_()

    def slope_(x: Tensor, value: Tensor, grad: Tensor) -> Tensor:
        return torch.addcmul(grad.new_zeros(()), grad, x.mul_(value), value=-2 * s * s, out=grad)

    return Activation(
        lambda x: torch.exp(-(s * s) * x.square()),
        rf"\phi(x) = e^{{-({s:g}x)^2}}",
        "Ramasinghe & Lucey, Beyond periodicity (2111.15135)",
        derivative=lambda x: -2 * s * s * x * torch.exp(-(s * s) * x.square()),
        into=into,
        slope_=slope_,
    )


def _frequency(name: str, value: float) -> float:
    value = _checks.number(name, value)
    if value <= 0:
        raise ValueError(f"{name}: got {value}; allowed: a number above 0")
    return value

"""Waves: sines of one or of growing frequency, in a window, or on top of a line."""

from math import pi

import torch
from torch import Tensor

from labkit.nn.activations.activation import Activation, Parameter, Reduction, Value, parametric

FREQUENCY = Parameter("omega_0", 30.0, "ω_0, the frequency at 0", 0.1, 100.0)
#: Where float32 keeps digits of the phase of FINER; the further out, the higher its frequency.
NEAR = (-100.0, 100.0)
FINER = "Liu et al., FINER (2312.02434)"


def _snake(x: Tensor, a: Value) -> Tensor:
    if not torch.is_tensor(a):
        return torch.add(x, (a * x).sin().square(), alpha=1 / a) if abs(a) >= 1e-6 else x + a * x.square()
    # at a = 0 it is x: by the series; the other branch divides by 1 there, else 0/0 would reach gradients
    small = a.abs() < 1e-6
    some = torch.where(small, 1.0, a)
    square = x.square()
    series = a * square * (1 - (a * a) * square / 3)
    return x + torch.where(small, series, (some * x).sin().square() / some)


def _finer(x: Tensor, omega_0: Value) -> Tensor:
    return torch.sin(omega_0 * (x.abs() + 1) * x)


def _finer_slope(x: Tensor, omega_0: float) -> Tensor:
    size = x.abs()
    return omega_0 * (2 * size + 1) * torch.cos(omega_0 * (size + 1) * x)


def _finer_detached(x: Tensor, omega_0: Value) -> Tensor:
    return torch.sin(omega_0 * (x.detach().abs() + 1) * x)


def _finer_detached_slope(x: Tensor, omega_0: float) -> Tensor:
    factor = omega_0 * (x.abs() + 1)
    return factor * torch.cos(factor * x)


def _gabor(x: Tensor, omega_0: Value, scale: Value) -> Tensor:
    return (omega_0 * x).cos() * (-(scale * x).square()).exp()


def _gabor_slope(x: Tensor, omega_0: float, scale: float) -> Tensor:
    wave = omega_0 * x
    return -(-(scale * x).square()).exp() * (omega_0 * wave.sin() + 2 * scale**2 * x * wave.cos())


def _h_siren(x: Tensor, omega_0: Value) -> Tensor:
    return (omega_0 * (2 * x).sinh()).sin()


def _h_siren_slope(x: Tensor, omega_0: float) -> Tensor:
    return 2 * omega_0 * (2 * x).cosh() * (omega_0 * (2 * x).sinh()).cos()


def _sinc_slope(x: Tensor) -> Tensor:
    # near 0 the two terms cancel: four terms of the series
    square = x.square()
    series = -x / 3 * (1 - square / 10 * (1 - square / 28 * (1 - square / 54)))
    far = torch.where(x.abs() < 0.1, 1.0, x)
    return torch.where(x.abs() < 0.1, series, (far.cos() - far.sin() / far) / far)


def _expsin_slope(x: Tensor, a: float) -> Tensor:
    return -a * (a * x).cos() * (-(a * x).sin()).exp()


def _hosc_slope(x: Tensor, beta: float, omega_0: float) -> Tensor:
    wave = omega_0 * x
    return beta * omega_0 * wave.cos() * (beta * wave.sin()).cosh().square().reciprocal()


MEMBERS: dict[str, Activation] = {
    "sin": Activation(
        torch.sin,
        r"\phi(x) = \sin x",
        "Sitzmann et al., SIREN (2006.09661), here with frequency 1",
        derivative=torch.cos,
        aliases=("sine",),
    ),
    "cos": Activation(
        torch.cos,
        r"\phi(x) = \cos x",
        "Rahimi & Recht, Random features, NIPS 2007",
        derivative=lambda x: -torch.sin(x),
        aliases=("cosine",),
    ),
    "siren": parametric(
        lambda x, omega_0: (omega_0 * x).sin(),
        r"\phi(x) = \sin(\omega_0 x)",
        "Sitzmann et al., SIREN (2006.09661)",
        (FREQUENCY,),
        slope=lambda x, omega_0: omega_0 * (omega_0 * x).cos(),
        compute_dtype=torch.float32,
        reduces=(Reduction("sin", (("omega_0", 1.0),)),),
    ),
    # their code detaches |x| + 1: backward multiplies by ω_0(|x| + 1)cos(...), not by the derivative
    "finer": parametric(
        _finer_detached,
        r"\phi(x) = \sin(\omega_0(|x| + 1)x), \text{ backward with } |x| \text{ held fixed}",
        FINER,
        (FREQUENCY,),
        slope=_finer_detached_slope,
        bends=(0.0,),
        gradient="surrogate",
        compute_dtype=torch.float32,
        safe=NEAR,
        reduces=(Reduction("finer_exact"),),
    ),
    "finer_exact": parametric(
        _finer,
        r"\phi(x) = \sin(\omega_0(|x| + 1)x)",
        f"{FINER}, with the exact gradient",
        (FREQUENCY,),
        slope=_finer_slope,
        bends=(0.0,),
        compute_dtype=torch.float32,
        safe=NEAR,
    ),
    "gabor": parametric(
        _gabor,
        r"\phi(x) = \cos(\omega_0 x)\,e^{-(s_0 x)^2}",
        "Saragadam et al., WIRE (2301.05187): the real part of their complex wavelet",
        (
            Parameter("omega_0", 20.0, "ω_0, frequency", 0.0, 100.0),
            Parameter("scale", 10.0, "s_0, one over the width of the window", 0.0, 100.0),
        ),
        slope=_gabor_slope,
        compute_dtype=torch.float32,
        aliases=("wire",),
        note="set by the task: 20 and 10 are those of FINER's comparison on pictures; the authors' code has "
        "20 and 30 for pictures, 4 and 4 against noise, 10 and 10 where nothing is said",
        reduces=(
            Reduction("cos", (("omega_0", 1.0), ("scale", 0.0))),
            Reduction("gaussian", (("omega_0", 0.0), ("scale", 1.0))),
        ),
    ),
    "h_siren": parametric(
        _h_siren,
        r"\phi(x) = \sin(\omega_0\sinh 2x)",
        "Gao & Jaiman, H-SIREN (2410.04716), of their first layer",
        (Parameter("omega_0", 1.0, "ω_0, half the frequency at 0", 0.1, 30.0),),
        slope=_h_siren_slope,
        compute_dtype=torch.float32,
        # the frequency grows like e^{2x}; their inputs are coordinates on [-1, 1]
        safe=(-3.5, 3.5),
        aliases=("hsiren",),
        doubt="verified for ω_0 = 1; that ω_0 stands outside sinh is ours",
    ),
    "gcu": Activation(
        lambda x: x * x.cos(),
        r"\phi(x) = x\cos x",
        "Noel et al., Growing cosine unit (2108.12943)",
        derivative=lambda x: x.cos() - x * x.sin(),
        compute_dtype=torch.float32,
    ),
    "snake": parametric(
        _snake,
        r"\phi(x) = x + \sin^2(ax)/a",
        "Ziyin, Hartwig & Ueda, Neural networks fail to learn periodic functions (2006.08195)",
        (Parameter("a", 1.0, "a, frequency; 0 is its limit x", -50.0, 50.0, learnable=True),),
        slope=lambda x, a: 1 + (2 * a * x).sin(),
        compute_dtype=torch.float32,
        reduces=(Reduction("identity", (("a", 0.0),)),),
    ),
    "snake_beta": parametric(
        lambda x, a, b: x + (a * x).sin().square() / b,
        r"\phi(x) = x + \sin^2(ax)/b",
        "Lee et al., BigVGAN (2206.04658)",
        (
            Parameter("a", 1.0, "a, frequency", -50.0, 50.0, learnable=True),
            Parameter("b", 1.0, "b, one over the height of the wave", 0.01, 50.0, learnable=True),
        ),
        slope=lambda x, a, b: 1 + a / b * (2 * a * x).sin(),
        compute_dtype=torch.float32,
        reduces=(
            Reduction("snake"),
            Reduction("snake", (("a", 3.0), ("b", 3.0)), (("a", 3.0),)),
        ),
        note="as in the authors' code, which can learn ln a and ln b instead",
    ),
    "sinc": Activation(
        lambda x: torch.sinc(x / pi),
        r"\phi(x) = \sin(x)/x,\ \phi(0) = 1",
        "Saratchandran et al., A sampling theory perspective on activations (2402.05427), with frequency 1",
        derivative=_sinc_slope,
        compute_dtype=torch.float32,
        doubt="only summaries of the source were read; the frequency, 1 and not π, is ours",
    ),
    "exp_sin": parametric(
        lambda x, a: (-(a * x).sin()).exp(),
        r"\phi(x) = e^{-\sin(ax)}",
        "Ramasinghe & Lucey, Beyond periodicity (2111.15135)",
        (Parameter("a", 1.0, "a, frequency", 0.1, 50.0),),
        slope=_expsin_slope,
        compute_dtype=torch.float32,
    ),
    "hosc": parametric(
        lambda x, beta, omega_0: (beta * (omega_0 * x).sin()).tanh(),
        r"\phi(x) = \tanh(\beta\sin(\omega_0 x))",
        "Serrano, Szymkowiak & Musialski, HOSC (2401.10967; 2601.07870)",
        (
            Parameter("beta", 1.0, "β, sharpness of the edges", 0.1, 20.0, learnable=True),
            Parameter("omega_0", 1.0, "ω_0, frequency", 0.1, 100.0),
        ),
        slope=_hosc_slope,
        compute_dtype=torch.float32,
        note="the defaults are ours: the sources sweep them",
    ),
}

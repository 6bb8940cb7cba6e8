r"""WIRE as in its paper: complex weights, and the whole Gabor wavelet as activation.

The wavelet couples real and imaginary parts, so it is no activation of a real network: this is a plain module
for autograd, beside the fast real one of ``Field(kind="wire")``.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from labkit import _checks


class Wire(nn.Module):
    r"""φ(z) = e^{jω_0 z} e^{-|s_0 z|²} on complex z = Wh + b, the output its real part.

    Saragadam et al. (2301.05187). As in their code the first layer is real, every part of a weight or bias is
    U(±1/√fan-in), and hidden layers have round(width/√2) complex neurons: about as many numbers as a real
    network of that width.

    Args:
        inputs: d, coordinates of a point.
        outputs: values at a point.
        width: neurons of the real network that this one is compared with; their pictures take 256.
        depth: hidden layers, 1 or more.
        omega_0: ω_0; 20 and ``scale`` 10 are FINER's on pictures, as in ``Field``.
        scale: s_0.
        generator: of the CPU.
        dtype: of a real number, float32 or float64; drawn in float64 and rounded.

    Raises:
        ValueError: a size below 1, a frequency or scale not above 0, another dtype.
    """

    def __init__(
        self,
        inputs: int = 2,
        outputs: int = 1,
        *,
        width: int = 256,
        depth: int = 3,
        omega_0: float = 20.0,
        scale: float = 10.0,
        generator: torch.Generator,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        named = {"inputs": inputs, "outputs": outputs, "width": width, "depth": depth}
        for name, value in named.items():
            _checks.number(name, value, kind=int, low=1)
        for name, value in (("omega_0", omega_0), ("scale", scale)):
            if _checks.number(name, value) <= 0:
                raise ValueError(f"{name}: got {value}; allowed: a number above 0")
        if dtype not in (torch.float32, torch.float64):
            raise ValueError(f"dtype: got {dtype}; allowed: torch.float32, torch.float64")
        self.omega_0, self.scale = float(omega_0), float(scale)
        sizes = (inputs, *[max(1, round(width / math.sqrt(2)))] * depth, outputs)
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for layer, (fan_in, out) in enumerate(zip(sizes, sizes[1:], strict=False)):
            for shape, kept in (((out, fan_in), self.weights), ((out,), self.biases)):
                parts = torch.rand(*shape, 1 if layer == 0 else 2, generator=generator, dtype=torch.float64)
                drawn = ((2 * parts - 1) / math.sqrt(fan_in)).to(dtype)
                kept.append(nn.Parameter(drawn[..., 0] if layer == 0 else torch.view_as_complex(drawn)))

    def forward(self, x: Float[Tensor, "R d"]) -> Float[Tensor, "R outputs"]:
        """Values at points.

        Raises:
            ValueError: not d coordinates a point.
        """
        _checks.shape("x", x, None, self.weights[0].shape[1])
        h, last = x, len(self.weights) - 1
        for layer, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            z = h @ w.T + b
            if layer == last:
                return z.real
            size = self.scale**2 * (z.real.square() + z.imag.square() if z.is_complex() else z.square())
            h = torch.exp(1j * self.omega_0 * z - size)
        raise AssertionError("a field has an output layer")

r"""What coordinates are turned into before a network sees them.

Letters: d coordinates, m frequencies, v a point. All of them are fixed: nothing in them is trained.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from labkit import _checks


def fourier_features(x: Float[Tensor, "*n d"], b: Float[Tensor, "m d"]) -> Float[Tensor, "*n features"]:
    r""":math:`\gamma(v) = [\cos 2\pi Bv, \sin 2\pi Bv]`, Tancik et al. (2006.10739).

    For v on [0, 1) row k of B is a frequency in cycles over the unit, on [-1, 1] in cycles over 1, half the
    width.
    """
    angle = (x @ b.to(x).T) * (2 * math.pi)
    return torch.cat((angle.cos(), angle.sin()), -1)


def gaussian_matrix(
    features: int, inputs: int, sigma: float, *, generator: torch.Generator
) -> Float[Tensor, "m d"]:
    """B with entries N(0, σ²), float64. Tancik et al. take 256 rows and find σ near 10 best for pictures.

    σ = 0 gives features that say nothing of the point.

    Raises:
        ValueError: a size below 1, a negative σ.
    """
    features = _checks.number("features", features, kind=int, low=1)
    inputs = _checks.number("inputs", inputs, kind=int, low=1)
    sigma = _checks.number("sigma", sigma, low=0)
    return torch.randn(features, inputs, generator=generator, dtype=torch.float64) * sigma


def positional_matrix(bands: int, inputs: int) -> Float[Tensor, "m d"]:
    r"""B of the positional encoding, NeRF (2003.08934): 2^j/2 along each axis, j = 0 ... bands − 1.

    :math:`\gamma(v) = [\cos 2^j\pi v_i, \sin 2^j\pi v_i]`: no frequency between the axes, which is why it
    sees horizontal and vertical detail better than slanted.

    Raises:
        ValueError: a number below 1, or more than 30 bands.
    """
    bands = _checks.number("bands", bands, kind=int, low=1, high=30)
    return _along_axes(2.0 ** torch.arange(bands, dtype=torch.float64) / 2, inputs)


def log_linear_matrix(features: int, inputs: int, scale: float) -> Float[Tensor, "m d"]:
    r"""The improved bands of Tancik et al.'s code: :math:`2^{s_j} - 1`, s_j equidistant on [0, s].

    Close together near 0, where octaves leave nothing, and then spread like octaves. The first is the
    constant. ``features`` along each axis.

    Raises:
        ValueError: a number below 1, or a scale s outside 0 to 30.
    """
    features = _checks.number("features", features, kind=int, low=1)
    scale = _checks.number("scale", scale, low=0, high=30)
    return _along_axes(2 ** torch.linspace(0, scale, features, dtype=torch.float64) - 1, inputs)


def _along_axes(frequencies: Tensor, inputs: int) -> Tensor:
    inputs = _checks.number("inputs", inputs, kind=int, low=1)
    return torch.kron(torch.eye(inputs, dtype=torch.float64), frequencies[:, None])


#: name -> LaTeX of γ(v). "none" is v itself.
ENCODINGS: dict[str, str] = {
    "none": r"\gamma(v) = v",
    "gaussian": r"[\cos 2\pi Bv, \sin 2\pi Bv],\ B \sim N(0, \sigma^2)",
    "positional": r"[\cos 2^j\pi v_i, \sin 2^j\pi v_i]",
    "log_linear": r"[\cos 2\pi b_j v_i, \sin 2\pi b_j v_i],\ b_j = 2^{s_j} - 1",
}


def matrix(
    name: str,
    inputs: int,
    *,
    features: int = 256,
    sigma: float = 10.0,
    bands: int = 6,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "m d"] | None:
    """B of the encoding called ``name``; ``None`` for "none".

    Args:
        name: a key of :data:`ENCODINGS`.
        inputs: d.
        features: rows of B for "gaussian"; rows an axis for "log_linear".
        sigma: of "gaussian".
        bands: octaves of "positional", and s of "log_linear"; Tancik et al. find 5 to 6 best for pictures.
        generator: of the CPU, for "gaussian".

    Raises:
        ValueError: an unknown name, a size or scale out of range, no generator where one is needed.
    """
    _checks.lookup(ENCODINGS, name, "encoding")
    if name == "gaussian":
        if generator is None:
            raise ValueError("generator: got None; allowed: one, since B is drawn")
        return gaussian_matrix(features, inputs, sigma, generator=generator)
    if name == "positional":
        return positional_matrix(bands, inputs)
    if name == "log_linear":
        return log_linear_matrix(features, inputs, float(bands))
    return None

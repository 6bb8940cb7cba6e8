r"""Eigenvalues of the NTK on the circle, where its eigenfunctions are sines and cosines.

Points (cos θ, sin θ)·√2, so that x·x'/d = cos θ; uniform measure: λ_k = (1/2π)∫Θ(θ) cos kθ dθ, and Θ(θ) =
λ_0 + 2Σ_k λ_k cos kθ. On n equidistant points the matrix Θ has the eigenvalues n λ_k (plus aliases k ± n).
Gradient descent on the mean square with rate η removes 2ηλ_k of frequency k in a step.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from labkit import _checks
from labkit.theory.kernels import nngp_ntk

#: Points of the discrete transform, at least: aliases of a kernel that falls like k⁻² are 1e-7 of λ_1.
POINTS = 4096


def circle_points(points: int) -> Float[Tensor, "points 2"]:
    """(√2 cos θ, √2 sin θ) at θ = 2πn/N, so that |x|²/d = 1."""
    angle = torch.arange(points, dtype=torch.float64) * (2 * math.pi / points)
    return math.sqrt(2) * torch.stack((angle.cos(), angle.sin()), 1)


def circle_eigenvalues(
    phi: Any,
    frequencies: Sequence | np.ndarray,
    *,
    depth: int = 1,
    sigma_w: float = math.sqrt(2),
    sigma_b: float = 0.0,
    points: int = POINTS,
) -> Float[Tensor, " K"]:
    """λ_k of any infinitely wide network, by :func:`labkit.theory.kernels.nngp_ntk` and one FFT.

    Args:
        phi: as there; ``depth``, ``sigma_w`` and ``sigma_b`` too. The default σ_w is He's.
        frequencies: k, 0 or more.
        depth: hidden layers.
        sigma_w: σ_w.
        sigma_b: σ_b; biases start at N(0, σ_b²) and are trained.
        points: N; raised to 16 times the largest k.

    Returns:
        (K,) float64; the error is that of aliasing, λ_{N−k} and beyond.

    Raises:
        ValueError: a negative frequency, or what ``nngp_ntk`` refuses.
    """
    k = _whole(frequencies)
    count = max(_checks.number("points", points, kind=int, low=4), 16 * max(k, default=1))
    x = circle_points(count)
    row = nngp_ntk(phi, depth, sigma_w, sigma_b, x[:1], x).ntk[0]
    return torch.fft.rfft(row).real[k] / count


def two_layer_relu_eigenvalues(
    frequencies: Sequence | np.ndarray, *, bias: float = 0.0, sigma_w: float = math.sqrt(2)
) -> Float[Tensor, " K"]:
    r"""λ_k in closed form: one hidden layer of ReLU, biases that start at 0 and are trained.

    With :math:`\kappa_0 = \frac{\pi-\theta}{2\pi}` and :math:`\kappa_1 = \frac{\sin\theta + (\pi-\theta)
    \cos\theta}{2\pi}` (Cho & Saul 2009): :math:`\Theta = \sigma_w^4\kappa_1 + \sigma_w^2(\sigma_w^2
    \cos\theta + \beta^2)\kappa_0 + \beta^2`. Basri et al. (1906.00425, 2003.04560): without bias odd k ≥ 3
    have λ_k = 0 and are never learnt; with it every k falls like k⁻², so that its time grows like k².

    Args:
        frequencies: k, 0 or more.
        bias: β, the factor before the biases in the forward pass; 0 means none.
        sigma_w: σ_w; √2 is He's.

    Raises:
        ValueError: a negative frequency, bias or σ_w.
    """
    k = _whole(frequencies)
    bias = _checks.number("bias", bias, low=0) ** 2
    weight = _checks.number("sigma_w", sigma_w, low=0) ** 2

    def tent(j: int) -> float:
        """Mean of (π − |θ|) cos jθ."""
        return math.pi / 2 if j == 0 else (1 - (-1) ** j) / (math.pi * j * j)

    def sine(j: int) -> float:
        """Mean of sin|θ| cos jθ."""
        return 0.0 if abs(j) == 1 else (1 + (-1) ** j) / (math.pi * (1 - j * j))

    found = []
    for one in k:
        tilted = (tent(one - 1) + tent(one + 1)) / 2  # (π − |θ|) cos θ
        value = weight**2 * (sine(one) + 2 * tilted) + weight * bias * tent(one)
        found.append(value / (2 * math.pi) + (bias if one == 0 else 0.0))
    return torch.tensor(found, dtype=torch.float64)


def _whole(frequencies: Sequence | np.ndarray | Tensor) -> list[int]:
    plain = frequencies.tolist() if isinstance(frequencies, Tensor | np.ndarray) else frequencies
    return [_checks.number("frequencies", one, kind=int, low=0) for one in plain]

"""Which frequencies a function has learnt, how alike two pictures are, and what the kernel does meanwhile.

Letters: N sample points n/N of a period, k frequency, K frequencies watched, T recorded steps.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import stats
from torch import Tensor

from labkit import _checks

#: Name of a picture's range of values -> its width, the peak of PSNR. A network on [-1, 1] scored with the
#: peak 1 loses 6 dB on paper: the most common mismatch between repositories.
RANGES = {"unit": 1.0, "symmetric": 2.0}


def amplitudes(values: Float[Tensor, "*shape N"]) -> Float[Tensor, "*shape half"]:
    r"""Amplitude of each frequency k = 0 ... ⌊N/2⌋ of real samples.

    :math:`A_k = \frac{2}{N}|\sum_n f_n e^{-2\pi i kn/N}|`, halved at k = 0 and, for even N, at k = N/2, which
    have no partner at −k. So A sin(2πkx + φ) reads A at every k from 1 to below N/2, whatever φ.
    """
    count = values.shape[-1]
    found = torch.fft.rfft(values).abs() * (2 / count)
    found[..., 0] /= 2
    if count % 2 == 0:
        found[..., -1] /= 2
    return found


def learned_amplitudes(
    values: Float[Tensor, "*shape N"],
    frequencies: Int[Tensor, " K"],
    target: Float[Tensor, " K"],
) -> Float[Tensor, "*shape K"]:
    r"""a_k: the amplitude of frequency k over the target's, Rahaman et al. (1806.08734), figure 1.

    0 before anything is learnt, 1 once it is; the phase is not looked at. They clip it to [0, 1], here it is
    as it comes.

    Args:
        values: the network on N points n/N.
        frequencies: k.
        target: A_k, the same amplitudes of the target.

    Raises:
        ValueError: not one amplitude a frequency, one not above 0, or a frequency above N/2.
    """
    _checks.shape("target", target, len(frequencies))
    half = values.shape[-1] // 2
    if len(frequencies) and (int(frequencies.min()) < 0 or int(frequencies.max()) > half):
        raise ValueError(
            f"frequencies: got {int(frequencies.min())} to {int(frequencies.max())} on {values.shape[-1]} "
            f"points; allowed: 0 to {half}"
        )
    if not bool((target > 0).all()):
        raise ValueError("target: got an amplitude of 0 or less; allowed: numbers above 0")
    return amplitudes(values)[..., frequencies] / target.to(values)


def first_times(
    steps: np.ndarray | Sequence,
    learnt: Float[np.ndarray, "T K"],
    level: float = 0.5,
) -> Float[np.ndarray, " K"]:
    """The first recorded step with a_k > ``level``, by frequency; infinity where it never comes.

    Raises:
        ValueError: not one row a step.
    """
    steps, learnt = np.asarray(steps, dtype=float), np.asarray(learnt, dtype=float)
    if learnt.ndim != 2 or len(learnt) != len(steps):
        raise ValueError(f"learnt: got shape {learnt.shape}; allowed: ({len(steps)}, frequencies)")
    over = learnt > level
    return np.where(over.any(0), steps[over.argmax(0)] if len(steps) else np.inf, np.inf)


def learning_order(frequencies: np.ndarray | Sequence, times: np.ndarray | Sequence) -> float:
    """Spearman's rank correlation of frequency and time to learn: 1 where low notes come first throughout.

    Frequencies that were never learnt (infinite time) share the last rank. NaN where all times are equal.

    Raises:
        ValueError: not one time a frequency.
    """
    k, t = np.asarray(frequencies, dtype=float), np.asarray(times, dtype=float)
    _checks.shape("times", t, len(k))
    t = np.where(np.isnan(t), np.inf, t)
    ranks = stats.rankdata(k), stats.rankdata(t)
    if len(k) < 2 or min(np.ptp(ranks[0]), np.ptp(ranks[1])) == 0:
        return math.nan
    return float(np.corrcoef(*ranks)[0, 1])


def spectral_centroid(values: Float[Tensor, "*shape N"]) -> Float[Tensor, "*shape"]:
    r"""Mean frequency by power, :math:`\sum_k k A_k^2/\sum_k A_k^2`, k from 1 to N/2; 0 for a constant.

    What WINNER (2509.09719) sets the noise of the first layers by.
    """
    power = amplitudes(values).square()[..., 1:]
    k = torch.arange(1, power.shape[-1] + 1, dtype=power.dtype, device=power.device)
    total = power.sum(-1)
    return torch.where(total > 0, (power * k).sum(-1) / total.clamp_min(torch.finfo(power.dtype).tiny), 0.0)


def radial_power(image: Float[Tensor, "height width"]) -> Float[Tensor, " radii"]:
    r"""Mean power |F|² by distance from the origin of the frequency plane, r = 0, 1, ... ⌊min(h, w)/2⌋.

    F is the two-dimensional discrete Fourier transform over √(h·w), so that the mean of |F|² over the plane
    is the mean square of the picture (Parseval). Frequencies are whole cycles per picture; ring r has all
    (u, v) with √(u² + v²) rounded to r. Natural pictures fall like r⁻² (Field 1987).
    """
    _checks.shape("image", image, None, None)
    height, width = image.shape
    power = torch.fft.fft2(image.to(torch.float64), norm="ortho").abs().square()
    u, v = (torch.fft.fftfreq(n, 1 / n, dtype=torch.float64, device=image.device) for n in (height, width))
    radius = (u[:, None].square() + v.square()).sqrt().round().long().flatten()
    total = torch.bincount(radius, weights=power.flatten())
    return (total / torch.bincount(radius).clamp_min(1))[: min(height, width) // 2 + 1]


def psnr(error: float | Tensor, value_range: str | float | int) -> float:
    r"""Peak signal-to-noise ratio :math:`10\log_{10}(\mathrm{range}^2/\mathrm{MSE})` in dB.

    The range has no default: it is "unit" (pictures in [0, 1], range 1), "symmetric" ([-1, 1], range 2, so
    range² = 4) or a number. The same fit has the same PSNR in either, if the range is named rightly.

    Args:
        error: the mean squared error, 0 or more; 0 gives infinity.
        value_range: a key of :data:`RANGES`, or the largest minus the smallest value that a picture may have.

    Raises:
        ValueError: an unknown range, or an error below 0.
    """
    if isinstance(value_range, str):
        width = _checks.lookup(RANGES, value_range, "value_range")
    else:
        width = _checks.number("value_range", value_range)
        if width <= 0:
            raise ValueError(f"value_range: got {width}; allowed: a number above 0")
    error = float(error)
    if error < 0:
        raise ValueError(f"error: got {error}; allowed: a mean square, 0 or more")
    if error == 0 or math.isnan(error):
        return math.inf if error == 0 else math.nan
    return 10 * math.log10(width**2 / error)


def kernel_spectrum(kernel: Float[Tensor, "n n"]) -> Float[Tensor, " n"]:
    """Eigenvalues of a symmetric kernel, falling, float64: those of the empirical NTK set the rates.

    Raises:
        ValueError: not square.
    """
    _checks.shape("kernel", kernel, len(kernel), len(kernel))
    kernel = kernel.detach().to(torch.float64)
    return torch.linalg.eigvalsh((kernel + kernel.T) / 2).flip(0)


def kernel_alignment(one: Float[Tensor, "n m"], other: Float[Tensor, "n m"]) -> float:
    r"""Cosine of the angle between two kernels, :math:`\langle K, K'\rangle_F/(\|K\|_F \|K'\|_F)`.

    Uncentred, as in Fort et al. (2010.15110); 1 in the lazy limit.

    Raises:
        ValueError: kernels of different shapes.
    """
    _checks.shape("other", other, *one.shape)
    one, other = (each.detach().to(torch.float64).flatten() for each in (one, other))
    return float(one @ other / (one.norm() * other.norm()))


def kernel_change(now: Float[Tensor, "n m"], start: Float[Tensor, "n m"]) -> float:
    r"""Drift :math:`\|K - K_0\|_F/\|K_0\|_F`: of order 1/width in the lazy regime, of order 1 in the rich.

    Raises:
        ValueError: kernels of different shapes.
    """
    _checks.shape("start", start, *now.shape)
    now, start = (each.detach().to(torch.float64) for each in (now, start))
    return float((now - start).norm() / start.norm())


def spectral_norm(weight: Float[Tensor, "out in_"]) -> float:
    """The largest singular value, by SVD in float64; never that of the eigenvalues, never Frobenius'.

    Raises:
        ValueError: not a matrix; of a convolution flatten all but the outputs, or take its own operator.
    """
    _checks.shape("weight", weight, None, None)
    return float(torch.linalg.matrix_norm(weight.detach().to(torch.float64), 2))


@torch.no_grad()
def activation_regions(
    layers: Sequence[tuple[Tensor, Tensor | None]], start: Float[Tensor, " in_"], stop: Float[Tensor, " in_"]
) -> int:
    """Pieces in which the hidden ReLUs of a network cut the segment from ``start`` to ``stop``, exactly.

    Along a line every unit is piecewise linear. From layer to layer each piece is cut where one of its units
    crosses 0; so no sampling misses a short one. It counts patterns of active units (Hanin & Rolnick,
    1906.00904), which is at least the number of linear pieces of the output.

    Args:
        layers: (W (out, in), b (out,) or ``None``) of each layer, the output's last; it cuts nothing. A
            member of :class:`labkit.nn.dense.DenseNets`: ``[(w[m], b[m]) for w, b in nets.layers()]``.
        start: one end.
        stop: the other.

    Raises:
        ValueError: ends that do not fit the first layer, or no layer.
    """
    if not layers:
        raise ValueError("layers: got none; allowed: (W, b) of one or more")
    for name, end in (("start", start), ("stop", stop)):
        _checks.shape(name, end, layers[0][0].shape[1])
    exact = torch.float64
    # knots t of [0, 1] and the inputs of the layer there, which are linear in between
    knots = torch.tensor([0.0, 1.0], dtype=exact)
    h = torch.stack((start, stop)).to("cpu", exact)
    for number, (w, b) in enumerate(layers[:-1], 2):
        z = h @ w.detach().to("cpu", exact).T
        if b is not None:
            z += b.detach().to("cpu", exact)
        left, right = z[:-1], z[1:]
        crosses = left * right < 0
        piece, unit = crosses.nonzero(as_tuple=True)
        low, high = left[piece, unit], right[piece, unit]
        share = low / (low - high)
        new = knots[piece] + share * (knots[piece + 1] - knots[piece])
        if number == len(layers):  # nobody asks for the values after the last hidden layer
            return len(torch.cat((knots, new)).unique()) - 1
        between = z[piece] + share[:, None] * (z[piece + 1] - z[piece])
        between[torch.arange(len(unit)), unit] = 0.0  # so that rounding does not make it cross again
        knots, order = torch.cat((knots, new)).sort(stable=True)
        h = torch.cat((z, between))[order].clamp_min(0)
    return 1  # no hidden layer

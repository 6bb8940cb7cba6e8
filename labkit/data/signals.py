"""Functions on the line or the circle, sampled: sums of sines, square, saw, chirp, one's own numbers.

Letters: N sample points x_n = n/N on [0, 1), k frequencies in whole cycles over [0, 1). Below N/2 each of
them is one entry of the discrete Fourier transform, so that amplitudes are read without leakage.
"""

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from labkit import _checks

#: Share of the largest amplitude below which :func:`notes` leaves a frequency out, and how many it keeps.
AUDIBLE, MOST_NOTES = 0.02, 12


class Signal(NamedTuple):
    """A target: ``y`` (N,) at ``x`` (N,), float64, and the ``frequencies`` (K,) int64 that are watched.

    ``amplitudes`` (K,) are A_k of A_k sin(2πkx + φ_k), as a discrete Fourier transform of ``y`` gives them.
    """

    x: Tensor
    y: Tensor
    frequencies: Tensor
    amplitudes: Tensor


def grid(points: int) -> Tensor:
    """x_n = n/N, (N,) float64: what Rahaman et al. (1806.08734) sample on, without the end point."""
    points = _checks.number("points", points, kind=int, low=4)
    return torch.arange(points, dtype=torch.float64) / points


def highest(points: int) -> int:
    """The largest frequency that N points determine, amplitude and phase: the last below N/2 (Nyquist)."""
    return (points - 1) // 2


def sines(
    frequencies: Sequence[int],
    amplitudes: str | Sequence[float] = "equal",
    *,
    points: int = 200,
    phases: Sequence[float] | None = None,
    generator: torch.Generator | None = None,
) -> Signal:
    r""":math:`f(x) = \sum_k A_k \sin(2\pi k x + \varphi_k)`, Rahaman et al. (1806.08734), section 3.1.

    Args:
        frequencies: k, whole numbers from 1 to below N/2, each once.
        amplitudes: numbers above 0, one a frequency, or a key of :data:`AMPLITUDES`. The paper has "equal"
            and "rising".
        points: N; the paper's 200.
        phases: φ_k in radians; ``None`` draws them uniformly on [0, 2π).
        generator: of the CPU; needed where phases are drawn.

    Raises:
        ValueError: no frequencies, one twice or at or above N/2, amplitudes or phases that do not fit.
    """
    x = grid(points)
    k = torch.tensor(_frequencies(frequencies, points))
    if isinstance(amplitudes, str):
        a = _checks.lookup(AMPLITUDES, amplitudes, "amplitudes")(len(k))
    else:
        a = torch.tensor(
            [_checks.number("amplitudes", float(one)) for one in amplitudes], dtype=torch.float64
        )
        if len(a) != len(k) or not bool((a > 0).all()):
            raise ValueError(f"amplitudes: got {a.tolist()}; allowed: {len(k)} numbers above 0")
    if phases is None:
        if generator is None:
            raise ValueError("generator: got None without phases; allowed: one of the two")
        phases = (torch.rand(len(k), generator=generator, dtype=torch.float64) * 2 * math.pi).tolist()
    phi = torch.tensor([_checks.number("phases", float(one)) for one in phases], dtype=torch.float64)
    if len(phi) != len(k):
        raise ValueError(f"phases: got {len(phi)} of them; allowed: {len(k)}, one a frequency")
    # k·n is reduced mod N first: the sine of a large angle loses digits
    turn = (k[:, None] * torch.arange(points)).remainder(points).to(torch.float64)
    angle = turn * (2 * math.pi / points)
    return Signal(x, (a[:, None] * (angle + phi[:, None]).sin()).sum(0), k, a)


#: How A_1, A_2, ..., A_K go on: Rahaman et al. use 1, and .1, .2, ... up to 1 for K = 10.
AMPLITUDES: dict[str, Callable[[int], Tensor]] = {
    "equal": lambda count: torch.ones(count, dtype=torch.float64),
    "rising": lambda count: torch.arange(1, count + 1, dtype=torch.float64) / 10,
    "falling": lambda count: 1 / torch.arange(1, count + 1, dtype=torch.float64),
}


def square(frequency: int, *, points: int = 200) -> Signal:
    """Sign sin(2πkx), half a sample late so that no point sits on the jump; odd multiples of k, A ∝ 1/m."""
    phase = _phase(frequency, points)
    return notes(torch.where(phase < 0.5, 1.0, -1.0).to(torch.float64))


def saw(frequency: int, *, points: int = 200) -> Signal:
    """2 frac(kx) − 1, half a sample late; all multiples of k, A ∝ 1/m."""
    return notes(2 * _phase(frequency, points) - 1)


def chirp(low: float, high: float, *, points: int = 200) -> Signal:
    r""":math:`\sin 2\pi(k_0 x + (k_1-k_0)x^2/2)`: the frequency rises from k_0 to k_1 over [0, 1).

    Raises:
        ValueError: a frequency of 0 or less, k_1 below k_0, or k_1 at or above N/2.
    """
    x = grid(points)
    low = _checks.number("low", low, low=0)
    high = _checks.number("high", high, low=low)
    _below_nyquist("high", math.ceil(high), points)
    return notes(torch.sin(2 * math.pi * (low * x + (high - low) * x.square() / 2)))


def high_only(
    lowest: int, count: int = 1, *, points: int = 200, generator: torch.Generator | None = None
) -> Signal:
    """Sines of the frequencies ``lowest``, ``lowest`` + 1, ... alone, A = 1: nothing slow to begin with."""
    lowest = _checks.number("lowest", lowest, kind=int, low=1)
    count = _checks.number("count", count, kind=int, low=1)
    return sines(range(lowest, lowest + count), points=points, generator=generator)


def notes(y: Tensor) -> Signal:
    """Any samples as a target; its strongest frequencies are watched.

    Those with at least :data:`AUDIBLE` of the largest amplitude, :data:`MOST_NOTES` at most; the mean and
    frequency N/2, whose phase the samples do not tell, are left out.

    Raises:
        ValueError: fewer than four numbers, one that is not finite, or nothing but a constant.
    """
    _checks.shape("y", y, None)
    y = y.detach().to("cpu", torch.float64)
    if len(y) < 4 or not bool(torch.isfinite(y).all()):
        raise ValueError(f"y: got {len(y)} numbers, or one not finite; allowed: 4 finite numbers or more")
    amplitude = torch.fft.rfft(y).abs()[1 : highest(len(y)) + 1] * (2 / len(y))
    if float(amplitude.max()) <= 1e-12 * max(1.0, float(y.abs().max())):
        raise ValueError("y: got a constant; allowed: numbers with something to learn beside their mean")
    heard = (amplitude >= AUDIBLE * amplitude.max()).nonzero().flatten()
    loudest = heard[amplitude[heard].argsort(descending=True, stable=True)[:MOST_NOTES]].sort().values
    return Signal(grid(len(y)), y, loudest + 1, amplitude[loudest])


def signal(source: str | os.PathLike | np.ndarray | Tensor | Sequence[float]) -> Signal:
    """One's own target in one call: an array, or a file that NumPy reads (.npy, or text such as .csv).

    Numbers are taken as one period on [0, 1), as they are.

    Raises:
        ValueError: no such file, not one row or column of numbers, or what :func:`notes` refuses.
    """
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        if not path.is_file():
            raise ValueError(
                f"signal: got {str(source)!r}, where there is no file; allowed: .npy, .csv, .txt"
            )
        try:
            source = np.load(path) if path.suffix == ".npy" else np.loadtxt(path, delimiter=_delimiter(path))
        except (ValueError, OSError) as error:
            raise ValueError(f"signal: could not read numbers from {str(path)!r}: {error}") from None
    if isinstance(source, Tensor):
        source = source.detach().cpu().numpy()
    values = np.squeeze(np.asarray(source))
    if values.dtype.kind not in "buif":
        raise ValueError(f"signal: got {values.dtype}; allowed: real numbers")
    if values.ndim != 1:
        raise ValueError(f"signal: got shape {values.shape}; allowed: one row or column of numbers")
    return notes(torch.from_numpy(values.astype(np.float64)))


def _delimiter(path: Path) -> str | None:
    return "," if path.suffix == ".csv" else None


def _frequencies(frequencies: Sequence[int], points: int) -> list[int]:
    found = [_checks.number("frequencies", one, kind=int, low=1) for one in _plain(frequencies)]
    if not found:
        raise ValueError("frequencies: got none; allowed: one or more, an empty target teaches nothing")
    if len(set(found)) < len(found):
        raise ValueError(f"frequencies: got {found}; allowed: each once")
    _below_nyquist("frequencies", max(found), points)
    return found


def _plain(values: Sequence[int]) -> list:
    return values.tolist() if isinstance(values, Tensor | np.ndarray) else list(values)


def _below_nyquist(name: str, frequency: int, points: int) -> None:
    if frequency > highest(points):
        raise ValueError(
            f"{name}: got {frequency} on {points} points; allowed: up to {highest(points)}, below the "
            f"Nyquist frequency {points / 2:g}"
        )


def _phase(frequency: int, points: int) -> Tensor:
    """frac(kx) at x half a sample late, (N,)."""
    (frequency,) = _frequencies([frequency], points)
    place = (frequency * (2 * torch.arange(points) + 1)).remainder(2 * points)
    return place.to(torch.float64) / (2 * points)

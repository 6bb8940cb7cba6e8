"""ξ_c over the plane of (σ_w, σ_b) with its critical line, coarse at first: page 4.2."""

import math
from typing import TYPE_CHECKING

import numpy as np

from labkit.nn.activations import get
from labkit.pictures import Heatmap, Line
from labkit.theory import meanfield

if TYPE_CHECKING:
    from labkit.experiments.propagation import Config

#: σ_w and σ_b of the diagram.
SIDE = 61
SIGMA_W, SIGMA_B = np.linspace(0.1, 4.0, SIDE), np.linspace(0.0, 2.0, SIDE)
#: A coarse diagram has one in so many of them.
COARSE = 4
#: ξ_c is drawn up to so many layers; beyond, the colour says "more".
DEEPEST = 100.0

#: (activation, every) -> what :func:`log_scale` said.
_known: dict[tuple[str, int], tuple[np.ndarray, tuple[Line, ...]]] = {}


def at_hand(activation: str) -> bool:
    """Whether the fine diagram costs nothing."""
    return (activation, 1) in _known


def diagram(config: "Config", every: int = 1) -> Heatmap:
    """ξ_c over (σ_w, σ_b) with the critical line, at one in ``every`` of the σ; a click sets both."""
    key = config.activation, every
    if key not in _known:
        _known[key] = log_scale(*key)
    values, line = _known[key]
    return Heatmap(
        "plane",
        f"Layers that a difference lives, {config.activation}"
        + (": none, φ jumps" if get(config.activation).jumps else ""),
        values,
        xlabel="σ_w",
        ylabel="σ_b",
        x=SIGMA_W[::every],
        y=SIGMA_B[::every],
        vrange=(0.0, math.log10(DEEPEST)),
        over_time=False,
        colour_label="log₁₀ ξ_c",
        lines=(
            *line,
            Line(np.array([config.sigma_b]), "you are here", x=np.array([config.sigma_w]), shade=1),
        ),
        sets=("sigma_w", "sigma_b"),
    )


def log_scale(activation: str, every: int = 1) -> tuple[np.ndarray, tuple[Line, ...]]:
    """log₁₀ ξ_c with σ_b upwards, and the line where χ⊥ = 1 between two cells of a row."""
    sigma_w, sigma_b = SIGMA_W[::every], SIGMA_B[::every]
    found = meanfield.phase_diagram(activation, sigma_w, sigma_b)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.log10(np.clip(found.xi_c.T.numpy(), 1.0, DEEPEST))
    return values, critical(found.chi_perp.T.numpy(), sigma_w, sigma_b)


def critical(chi: np.ndarray, sigma_w: np.ndarray, sigma_b: np.ndarray) -> tuple[Line, ...]:
    """Where χ⊥ passes 1, by linear interpolation in each row; none where it never does."""
    x, y = [], []
    for row, bias in zip(chi, sigma_b, strict=True):
        (crossings,) = np.nonzero((row[:-1] < 1) & (row[1:] >= 1))
        if len(crossings):
            i = crossings[0]
            x.append(sigma_w[i] + (1 - row[i]) / (row[i + 1] - row[i]) * (sigma_w[1] - sigma_w[0]))
            y.append(bias)
    return (Line(np.array(y), "χ⊥ = 1", x=np.array(x), theory=True),) if len(x) > 1 else ()

"""What collapse looks like: the cloud of features, its four measures, their variants, NC1 by layer."""

import itertools
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from labkit.pictures import Heatmap, Line, Lines, Picture, Scatter
from labkit.simplex import simplex_etf

#: Half the side of the cube that is seen; class means lie at 1.
REACH = 1.2
#: So that no two corners of a tetrahedron cover each other, on paper or as the browser first shows it.
_TILT = math.radians(110)
_TURN = torch.tensor(
    [
        [0.0, math.sin(_TILT), -math.cos(_TILT)],
        [0.0, math.cos(_TILT), math.sin(_TILT)],
        [1.0, 0.0, 0.0],
    ],
    dtype=torch.float64,
)


def seen(features: Tensor, means: Tensor) -> Tensor:
    """Features in the three dimensions in which class means are nearest to a still simplex, (N, 3).

    Centred at the mean of class means, over their root mean square, then turned by the orthonormal Q that
    minimises ‖M Q - T‖ (Procrustes; M the centred means, T the simplex in a fixed place). All there is of
    four classes; of more, three of the C - 1 dimensions. Of fewer, the direction in which features vary most
    within the classes comes third.

    Args:
        features: (N, d), d of 3 or more; missing ones are 0.
        means: (C, d), their class means.
    """
    centre = means.mean(0)
    m, h = means - centre, features - centre
    size = m.square().sum(1).mean().sqrt().clamp_min(1e-12)
    target = _corners(len(means)).to(m)
    kept = min(len(means) - 1, 3)
    u, _, v = torch.linalg.svd(m.T @ target[:, :kept], full_matrices=False)
    across = u @ v
    if kept < 3:
        _, spread, more = torch.linalg.svd(h - (h @ across) @ across.T, full_matrices=False)
        there = spread > 1e-9 * size  # where nothing varies there is no direction
        across = torch.cat([across, (more * there[:, None])[: 3 - kept].T], 1)
    points = h @ across / size
    return torch.nn.functional.pad(points, (0, 3 - points.shape[1])) @ _TURN.to(points)


def corners(classes: int) -> Tensor:
    """Where class means end, (C, 3): a simplex of C classes, or three dimensions of it."""
    return _corners(classes) @ _TURN


def _corners(classes: int) -> Tensor:
    return simplex_etf(classes, max(3, classes - 1))[:, :3]


def frame(classes: int) -> np.ndarray:
    """Edges between every two corners, (C (C - 1)/2, 2, 3)."""
    ends = corners(classes).numpy()
    return np.array([[ends[i], ends[j]] for i, j in itertools.combinations(range(classes), 2)])


def pictures(config: Any) -> tuple[Picture, ...]:
    """The cloud, error and loss, the four measures, the variants of NC1, NC1 by layer."""
    names = {"digits": "digit", "clusters": "cluster"}
    kind = names.get(config.data, "class")
    note = f"three of {config.classes - 1} dimensions" if config.classes > 4 else ""
    return (
        Scatter(
            "cloud",
            "Features, seen from the class-mean simplex",
            "cloud",
            "1",
            "2",
            "3",
            depth=True,
            lim=(-REACH, REACH),
            words=tuple(f"{kind} {k}" for k in range(config.classes)),
            frame=frame(config.classes),
            note=note,
        ),
        Lines(
            "error",
            "Error",
            (Line("train_error", "train"), Line("test_error", "test", shade=1)),
            ylabel="share wrong",
            ylim=(0.0, 1.0),
        ),
        Lines(
            "collapse",
            "Collapse: four measures",
            (
                Line("nc1_pinv", "NC1: tr(Σ_W Σ_B†)/C"),
                Line("equiangular_means", "NC2: angles of means", shade=1),
                Line("self_duality", "NC3: self-duality", shade=2),
                Line("nearest_mean", "NC4: nearest mean disagrees", shade=3),
            ),
            yscale="log",
        ),
        Lines(
            "variants",
            "One NC1, four definitions",
            (
                Line("nc1_pinv", "tr(Σ_W Σ_B†)/C"),
                Line("nc1_without_c", "tr(Σ_W Σ_B†)", shade=1),
                Line("nc1_quotient", "tr Σ_W / tr Σ_B", shade=2),
                Line("cdnv", "CDNV", shade=3),
            ),
            yscale="log",
        ),
        Lines(
            "frames",
            "NC2 and NC3: distance from the simplex",
            (
                Line("etf_means", "means"),
                Line("etf_weights", "classifier", shade=1),
                Line("equinorm_means", "lengths of means", shade=2),
                Line("self_duality_product", "W H̄", shade=3),
            ),
            yscale="log",
            note="no simplex fits into this width" if config.width < config.classes - 1 else "",
        ),
        Heatmap(
            "layers",
            "NC1 by layer",
            "layers",
            y=np.arange(1, config.depth + 1)
            if config.model == "mlp"
            else np.arange(min(config.depth, 3) + 1),
            ylabel="layer" if config.model == "mlp" else "stage",
            colour_label="log₁₀ tr(Σ_W Σ_B†)/C",
        ),
        Lines(
            "loss",
            "Loss",
            (Line("train_loss", "train"), Line("test_loss", "test", shade=1)),
            ylabel=config.loss.replace("_", " "),
            yscale="log",
        ),
    )

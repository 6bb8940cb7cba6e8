"""Pages of the edge of chaos: from a moved slider to the pictures, and the diagram of a new activation.

Milliseconds belong to this machine; read them beside the calibration product of the same run.
"""

import itertools
import time

import torch

from labkit.experiments import layer_maps, plane, propagation
from labkit.nn.activations import ELEMENTWISE
from labkit.theory.meanfield import moments
from tests.benchmarks.row import Row, at_most, medians, not_here

ROUNDS = 7
#: Side of the square product that is timed in turns with the pages.
CALIBRATION = 512


def rows() -> list[Row]:
    """Page 1 for a smooth and a kinked activation, page 2 with its diagram at hand and without."""
    square = torch.ones(CALIBRATION, CALIBRATION)
    values = itertools.cycle([1.2 + 0.01 * k for k in range(100)])  # no two moves alike

    def page(pictures, name: str, **changes: float):
        return lambda: pictures(propagation.Config(activation=name, sigma_w=next(values), **changes))

    took = medians(
        ROUNDS,
        product=lambda: square @ square,
        tanh=page(propagation.fall, "tanh"),
        relu=page(propagation.fall, "relu"),
        wide=page(propagation.fall, "tanh", width=4096, depth=100),
        plane=page(propagation.plane, "tanh"),
        edge=page(propagation.at_the_edge, "tanh"),
    )
    ms = {name: 1000 * seconds for name, seconds in took.items()}
    beside = f"(product of {CALIBRATION}: {ms['product']:.1f} ms)"
    fresh = {name: _fresh(name) for name in ELEMENTWISE}
    first = max(fresh, key=lambda name: fresh[name][0])
    slowest = max(fresh, key=lambda name: fresh[name][1])
    return [
        at_most(f"page 4.1, a slider move, tanh {beside}", ms["tanh"], 40, "ms"),
        at_most(f"page 4.1, a slider move, ReLU {beside}", ms["relu"], 40, "ms"),
        not_here(f"page 4.1, width 4096 and depth 100: {ms['wide']:.0f} ms", "it has no bar"),
        not_here(f"page 4.2, a click, tanh: {ms['plane']:.0f} ms", "it has no bar"),
        not_here(f"page 4.4, a slider move, tanh: {ms['edge']:.0f} ms", "it has no bar"),
        not_here(
            f"page 4.2, another activation, first frame ({first}): {fresh[first][0]:.0f} ms", "it has no bar"
        ),
        at_most(
            f"page 4.2, another activation, the 61 × 61 diagram ({slowest}) {beside}",
            fresh[slowest][1],
            250,
            "ms",
        ),
    ]


def _fresh(name: str) -> tuple[float, float]:
    """Milliseconds to the first frame of an activation without any table, and to the last; best of three."""
    best = [float("inf")] * 2
    for _ in range(3):
        moments._known.cache_clear()
        layer_maps.table.cache_clear()
        plane._known.clear()
        start, seen = time.perf_counter(), []
        for _ in propagation.filling_plane(propagation.Config(activation=name)):
            seen.append(1000 * (time.perf_counter() - start))
        best = [min(pair) for pair in zip(best, seen, strict=True)]
    return best[0], best[1]

"""Pages of the edge of chaos: from a moved slider to the pictures, and the diagram of a new activation.

Milliseconds belong to this machine; read them beside the calibration product of the same run.
"""

import itertools
import time
from collections.abc import Callable, Iterable

import torch

from labkit.experiments import layer_maps, plane, propagation
from labkit.nn.activations import ELEMENTWISE
from labkit.nn.shares import one_core
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
    with one_core():  # as what answers a slider is
        fresh = {name: _fresh(name) for name in ELEMENTWISE}
    diagram, first, last = (max(fresh, key=lambda name: fresh[name][at]) for at in range(3))
    return [
        at_most(f"page 4.1, a slider move, tanh {beside}", ms["tanh"], 40, "ms"),
        at_most(f"page 4.1, a slider move, ReLU {beside}", ms["relu"], 40, "ms"),
        not_here(f"page 4.1, width 4096 and depth 100: {ms['wide']:.0f} ms", "it has no bar"),
        not_here(f"page 4.2, a click, tanh: {ms['plane']:.0f} ms", "it has no bar"),
        not_here(f"page 4.4, a slider move, tanh: {ms['edge']:.0f} ms", "it has no bar"),
        at_most(
            f"page 4.2, the 61 × 61 diagram of another activation ({diagram}) {beside}",
            fresh[diagram][0],
            250,
            "ms",
        ),
        not_here(
            f"page 4.2, all pictures of it, first frame ({first}): {fresh[first][1]:.0f} ms", "it has no bar"
        ),
        not_here(
            f"page 4.2, all pictures of it, last frame ({last}): {fresh[last][2]:.0f} ms", "it has no bar"
        ),
    ]


def _fresh(name: str) -> tuple[float, float, float]:
    """ms to the diagram of an activation without any table, to the first and the last frame; best of 3."""
    config, best = propagation.Config(activation=name), [float("inf")] * 3
    for _ in range(3):
        seen = _clock(lambda: [plane.diagram(config)]) + _clock(lambda: propagation.filling_plane(config))
        best = [min(pair) for pair in zip(best, seen, strict=True)]
    return tuple(best)


def _clock(work: Callable[[], Iterable]) -> list[float]:
    """Milliseconds to each of what comes, with nothing remembered at first."""
    moments._known.cache_clear()
    layer_maps.table.cache_clear()
    plane._known.clear()
    start = time.perf_counter()
    return [1000 * (time.perf_counter() - start) for _ in work()]

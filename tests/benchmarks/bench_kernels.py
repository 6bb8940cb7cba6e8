"""Both kernels of 300 points at depth 10: milliseconds beside a product of this run; tanh against ReLU."""

from collections.abc import Iterator

import torch

from labkit.theory.kernels import nngp_ntk
from tests.benchmarks.row import Row, at_most, medians, not_here

#: What neural-tangents needs, compiled, on two cores; to be judged beside the product.
MILLISECONDS = {"relu": 12, "erf": 8}
TANH = 60


def rows() -> Iterator[Row]:
    """All rows of this file."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(300, 20, generator=draw, dtype=torch.float64)
    square = torch.randn(1000, 1000, generator=draw, dtype=torch.float64)

    def kernel(phi: str):
        return lambda: nngp_ntk(phi, 10, 1.4, 0.0, x)

    took = medians(
        9,
        product=lambda: square @ square,
        relu=kernel("relu"),
        erf=kernel("erf"),
        gelu=kernel("gelu"),
        tanh=kernel("tanh"),
    )
    beside = f"(a product of two 1000 × 1000 float64 takes {took['product'] * 1e3:.1f} ms)"
    for phi, bar in MILLISECONDS.items():
        what = f"nngp_ntk, {phi}, 300 points, depth 10, float64 {beside}"
        yield at_most(what, took[phi] * 1e3, bar, "ms")
    for phi, bar in {"gelu": 2, "tanh": TANH}.items():
        yield at_most(f"nngp_ntk, {phi} ({took[phi] * 1e3:.0f} ms) / relu", took[phi] / took["relu"], bar)
    kinked = medians(1, lines=kernel("clipped_shifted_relu"))["lines"]
    yield not_here(f"nngp_ntk, clipped shifted ReLU: {kinked * 1e3:.0f} ms", "it has no bar")

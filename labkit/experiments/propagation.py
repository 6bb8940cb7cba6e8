"""Pictures of two points, a circle and a gradient on their way through random networks.

For pages that answer a slider at once: theory from tables, networks drawn by their covariances (see
:mod:`labkit.experiments.journeys`).
"""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from labkit import config as base
from labkit import runtime
from labkit.config import knob
from labkit.experiments.edges import at_the_edge, descent, edge, gaps, narrow
from labkit.experiments.journeys import Journey, finite, infinite, kept, layers, settled, stairs
from labkit.experiments.layer_maps import ENDLESS, table
from labkit.experiments.plane import COARSE, at_hand, diagram, log_scale
from labkit.measures.propagation import gradient_norms, length
from labkit.nn.activations import ELEMENTWISE, get
from labkit.nn.dense import DenseNets
from labkit.pictures import Line, Lines, Picture, Scatter
from labkit.theory import meanfield

#: Points of a map's curve.
CURVE = 61
#: Inputs on the circle, and the layers after which it is looked at.
CIRCLE, LOOKS = 64, (1, 5, 10)


@dataclasses.dataclass(frozen=True, repr=False)
class Config(base.Config):
    """What a network and its two inputs are like."""

    activation: str = knob(
        "tanh",
        "nonlinearity",
        choices=tuple(ELEMENTWISE),
        group="network",
    )
    sigma_w: float = knob(
        1.8,
        "weights have this deviation over √fan-in",
        low=0,
        high=4,
        label="σ_w",
        group="network",
    )
    sigma_b: float = knob(0.2, "biases have this deviation", low=0, high=2, label="σ_b", group="network")
    length: float = knob(
        3.0,
        "length q of both inputs at the first layer",
        low=0.01,
        high=10,
        label="q at the start",
        group="inputs",
    )
    correlation: float = knob(
        0.6, "correlation of the two inputs", low=-1, high=1, label="c at the start", group="inputs"
    )
    depth: int = knob(20, "layers", low=2, high=100, unit="layers", group="network")
    width: int = knob(
        200, "neurons of a layer of the finite network", low=4, high=4096, scale="log", smallest=4,
        unit="neurons", group="finite network",
    )  # fmt: skip
    draw: int = knob(
        0, "another number, another random network", low=0, high=99, label="draw", group="finite network"
    )

    presets: ClassVar[Mapping[str, tuple[Mapping, str]]] = MappingProxyType(
        {
            "ordered": ({"sigma_w": 0.9}, "tanh at σ_w = .9: every two inputs become one"),
            "edge": ({"sigma_w": 1.3041}, "tanh at its edge of chaos"),
            "chaotic": ({"sigma_w": 3.0}, "tanh at σ_w = 3: neighbours are torn apart"),
        }
    )


def fall(config: Config) -> tuple[Picture, ...]:
    """Page 1: both maps as cobwebs, and the correlation layer by layer."""
    theory, net = infinite(config), finite(config)
    return _length_web(config, theory, net), _correlation_web(config, net), _by_layer(theory, net)


def plane(config: Config) -> tuple[Picture, ...]:
    """Page 2: the diagram with a mark on it, the map at the mark, gradients, and a circle of inputs."""
    return diagram(config), *_at_the_mark(config)


def filling_plane(config: Config) -> Iterator[tuple[Picture, ...]]:
    """:func:`plane`, with a coarse diagram first where a fine one is not at hand."""
    rest = _at_the_mark(config)
    if not at_hand(config.activation):
        yield diagram(config, every=COARSE), *rest
    yield diagram(config), *rest


def _at_the_mark(config: Config) -> tuple[Picture, ...]:
    q = settled(config)
    there = config.replace(length=q) if 0.01 <= q <= 10 else config
    return _correlation_web(config, finite(there)), gradients(config), *circle(config)


def gradients(config: Config) -> Lines:
    """Gradient by layer of a real network of width 256 at most, beside χ⊥ to the power of layers."""
    width, depth = min(config.width, 256), config.depth
    nets = DenseNets(
        (width, *[width] * depth),
        generators=[runtime.generator(config.draw, 4)],
        activation=config.activation,
        sigma_w=config.sigma_w,
        sigma_b=config.sigma_b,
    )
    x = torch.randn(4, width, generator=runtime.generator(config.draw, 5))
    measured = gradient_norms(nets.layers_of(x))[:, 0].mean(-1).numpy()
    layer = np.arange(1, depth + 1)
    with np.errstate(all="ignore"):
        measured = measured / measured[-1]
    lines = [Line(kept(measured), f"network, width {width}", x=layer, shade=1)]
    q = settled(config)
    if 1e-9 < q < ENDLESS:
        chi = float(meanfield.chi_perp(config.activation, q, config.sigma_w))
        lines.append(Line(kept(chi ** ((depth - layer) / 2)), f"χ⊥ = {chi:.3g}", x=layer, theory=True))
    return Lines(
        "gradient",
        "No gradient: φ jumps" if get(config.activation).jumps else "Gradient by layer, against the last one",
        tuple(lines),
        xlabel="layer",
        ylabel="|gradient|",
        yscale="log",
        events=False,
    )


def circle(config: Config) -> tuple[Scatter, ...]:
    """A circle of inputs after some layers, seen from the two directions in which it is largest."""
    at = torch.linspace(0, 2 * math.pi, CIRCLE + 1, dtype=torch.float64)[:-1]
    q = settled(config)
    q = q if 1e-9 < q < ENDLESS else 1.0
    gram = q * (at[:, None] - at[None]).cos()
    deep = dataclasses.replace(config, depth=max(LOOKS))
    found = {}
    for layer, z in enumerate(layers(deep, gram), 1):
        if layer in LOOKS:
            found[layer] = z
    return tuple(_seen(layer, z) for layer, z in found.items())


def _seen(layer: int, z: Tensor) -> Scatter:
    centred = (z - z.mean(0)) / length(z).mean().sqrt().clamp_min(1e-150)
    u, s, _ = torch.linalg.svd(centred, full_matrices=False)
    share = float(s[:2].square().sum() / s.square().sum().clamp_min(1e-300))
    points = (u[:, :2] * s[:2]).numpy() / math.sqrt(z.shape[1])
    reach = max(1.2 * float(np.abs(points).max()), 1e-3)
    return Scatter(
        f"circle {layer}",
        f"The circle in layer {layer}: {share:.0%} of it in this plane",
        np.vstack([points, points[:1]]),
        cyclic=True,
        join=True,
        lim=(-reach, reach),
    )


def _length_web(config: Config, theory: Journey, net: Journey) -> Scatter:
    reached = np.nanmax(np.concatenate([theory.length, net.length]))
    top = 1.1 * min(reached, 10 * config.length + 10)
    across = np.linspace(0, top, CURVE)
    x, y = stairs(theory.length)
    return Scatter(
        "length",
        "Length: q → V(q)",
        _steps(net.length),
        xlabel="q in one layer",
        ylabel="q in the next",
        lim=(0.0, top),
        diagonal=True,
        colour_label="layer",
        lines=(
            Line(table(config.activation).length(across, config), "V(q)", x=across),
            Line(y, "infinitely wide", x=x, shade=1, theory=True),
        ),
    )


def _correlation_web(config: Config, net: Journey) -> Scatter:
    """The map at the length that is reached; where there is none, at the length of the start."""
    q = settled(config)
    q = q if 1e-9 < q < ENDLESS else config.length
    of = table(config.activation)
    whole = max(float(of.length(np.array([q]), config)[0]), 1e-300)

    def move(c: np.ndarray) -> np.ndarray:
        return np.clip((config.sigma_b**2 + config.sigma_w**2 * of.mean(q, c)) / whole, -1, 1)

    c = [config.correlation]
    for _ in range(config.depth - 1):
        c.append(float(move(np.array(c[-1:]))[0]))
    x, y = stairs(np.array(c))
    across = np.concatenate([np.linspace(-1, 0.9, CURVE - 20), np.linspace(0.905, 1, 20)])
    return Scatter(
        "correlation",
        f"Correlation: c → R(c), at q = {q:.3g}",
        _steps(net.correlation),
        xlabel="c in one layer",
        ylabel="c in the next",
        lim=(min(-0.1, min(c) - 0.05), 1.05),
        diagonal=True,
        colour_label="layer",
        lines=(Line(move(across), "R(c)", x=across), Line(y, "infinitely wide", x=x, shade=1, theory=True)),
    )


def _steps(values: np.ndarray) -> np.ndarray:
    """(v_l, v_{l+1}, l + 1) of the network, as far as it goes."""
    rows = np.stack([values[:-1], values[1:], np.arange(2.0, len(values) + 1)], 1)
    return rows[np.isfinite(rows).all(1)]


def _by_layer(theory: Journey, net: Journey) -> Lines:
    layer = np.arange(1, len(theory.length) + 1)
    return Lines(
        "layers",
        "Correlation, layer by layer",
        (
            Line(theory.correlation, "infinitely wide", x=layer, theory=True),
            Line(net.correlation, "the network", x=layer, shade=1),
        ),
        xlabel="layer",
        ylabel="c",
        ylim=(min(-0.1, float(np.nanmin(theory.correlation)) - 0.1), 1.05),
        events=False,
    )


Config.experiment = None  # nothing here trains

#: What pages call, from five files.
__all__ = [
    "Config",
    "fall", "plane", "filling_plane", "diagram", "log_scale", "gradients", "circle",
    "at_the_edge", "descent", "narrow", "Journey",
    "infinite", "finite", "layers", "settled", "table", "edge", "gaps",
]  # fmt: skip

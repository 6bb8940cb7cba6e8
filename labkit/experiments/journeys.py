r"""Lengths and correlations of two points, layer by layer: infinitely wide, and in one random network.

Finite networks are not drawn weight by weight: given the hidden values h of R points in one layer, fresh
Gaussian weights make the next pre-activations of each neuron an independent Gaussian vector with covariance
:math:`\sigma_w^2 h h^T/N + \sigma_b^2`. Drawing these, R numbers a neuron in place of N, has exactly the law
of a network with weights drawn anew (Poole et al. 1606.05340 is its limit N → ∞).

Letters: L layers, N neurons, R points.
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from labkit import runtime
from labkit.experiments.layer_maps import ENDLESS, table
from labkit.nn.activations import get

if TYPE_CHECKING:
    from labkit.experiments.propagation import Config


class Journey(NamedTuple):
    """Length of the first point and correlation of two, layer by layer: (L,) each, layer 1 first."""

    length: np.ndarray
    correlation: np.ndarray


def settled(config: "Config") -> float:
    """The length that iteration from the start reaches, ``inf`` where it grows for ever."""
    of, q = table(config.activation), np.array([config.length])
    for _ in range(400):
        old, q = q, of.length(q, config)
        if q[0] >= ENDLESS:
            return math.inf
        if abs(q[0] - old[0]) <= 1e-9 * q[0]:
            break
    return float(q[0])


def infinite(config: "Config") -> Journey:
    """The two points in an infinitely wide network, at each layer's own length."""
    of, q = table(config.activation), [config.length]
    while len(q) < config.depth and q[-1] < ENDLESS:
        q.append(float(of.length(np.array(q[-1:]), config)[0]))
    means, c = of.means(np.array(q)), [config.correlation]
    for layer in range(1, len(q)):
        mean = means(layer - 1, c[-1])
        c.append(min(1.0, max(-1.0, (config.sigma_b**2 + config.sigma_w**2 * mean) / max(q[layer], 1e-300))))
    lost = [math.nan] * (config.depth - len(q))
    return Journey(np.array(q + lost), np.array(c + lost))


def finite(config: "Config") -> Journey:
    """The two points in a random network of ``config.width``; ``config.draw`` says which."""
    c = config.correlation
    gram = config.length * torch.tensor([[1.0, c], [c, 1.0]], dtype=torch.float64)
    q, found = np.full(config.depth, np.nan), np.full(config.depth, np.nan)
    for layer, z in enumerate(layers(config, gram)):
        (aa, ab), (_, bb) = (z @ z.T / config.width).tolist()
        if not math.isfinite(aa + bb) or aa > ENDLESS or min(aa, bb) <= 0:
            break
        q[layer], found[layer] = aa, ab / math.sqrt(aa * bb)
    return Journey(q, found)


def layers(config: "Config", gram: Tensor) -> Iterator[Tensor]:
    """Pre-activations (R, N) of ``config.depth`` layers of a random network, from q and c of the inputs.

    Args:
        config: the network.
        gram: (R, R), covariances of the first layer's pre-activations.
    """
    phi, generator = get(config.activation), runtime.generator(config.draw, 4)
    for _ in range(config.depth):
        values, vectors = torch.linalg.eigh(gram)
        root = vectors * values.clamp_min(0).sqrt()
        z = root @ torch.randn(len(gram), config.width, generator=generator, dtype=torch.float64)
        yield z
        h = phi.function(z)
        gram = config.sigma_b**2 + config.sigma_w**2 * (h @ h.T) / config.width
        if not bool(gram.isfinite().all()):
            return


def stairs(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A cobweb through v_1, v_2, ...: (v_1, 0), (v_1, v_2), (v_2, v_2), (v_2, v_3), ...

    >>> stairs(np.array([3, 2, 1]))
    (array([3, 3, 2, 2, 1]), array([3, 2, 2, 1, 1]))
    """
    twice = np.repeat(values, 2)
    return twice[:-1], np.concatenate([values[:1], twice[2:]])


def kept(values: np.ndarray) -> np.ndarray:
    """What a logarithmic axis of float32 can show."""
    return np.where(np.isfinite(values) & (values > 1e-30) & (values < 1e30), values, np.nan)

"""What two points do at the edge of chaos, over many layers, and in ReLU networks that are narrow."""

import functools
import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from labkit import runtime
from labkit.experiments.journeys import finite, kept
from labkit.experiments.layer_maps import table
from labkit.pictures import Line, Lines, Picture
from labkit.theory import meanfield

if TYPE_CHECKING:
    from labkit.experiments.propagation import Config


@functools.lru_cache(maxsize=256)
def edge(activation: str, sigma_b: float) -> meanfield.Edge:
    """The edge of chaos with this σ_b; that of the ReLU family has none."""
    if meanfield.universality_class(activation) == "scale-invariant":
        return meanfield.edge_of_chaos(activation, 0.0)
    return meanfield.edge_of_chaos(activation, sigma_b)


@functools.lru_cache(maxsize=256)
def gaps(activation: str, sigma_w: float, sigma_b: float, q: float, c: float, layers: int) -> np.ndarray:
    """1 - c_l at the fixed length q, (layers,), keeping the digits of a small one."""
    found = np.empty(layers)
    found[0] = 1 - c
    lost = table(activation).loss(q)
    scale = sigma_w**2 * float(table(activation).square(np.array([q]))[0]) / q
    for l in range(1, layers):  # noqa: E741
        found[l] = scale * lost(found[l - 1])
    return found


def angle_law(width: int | None, layers: int, start: float) -> np.ndarray:
    r"""Of ln sin²θ_l, the law for ReLU networks: :math:`-\tfrac{2}{3\pi}\theta_l - \rho(n)` a layer.

    Jakub & Nica (2302.09712).

    Width ``None`` is infinite, by the exact map. ρ is right to O(1/n): below n = 64 it is too large.
    """
    if width is None:
        gap = gaps("relu", math.sqrt(2), 0.0, 1.0, math.cos(start), layers)
        return np.log(gap * (2 - gap))
    n, law = width, [2 * math.log(math.sin(start))]
    rho = math.log((n + 5) / (n - 1)) - 10 * n / (n + 5) ** 2 + 6 * n / (n - 1) ** 2
    for _ in range(layers - 1):
        law.append(law[-1] - 2 / (3 * math.pi) * math.asin(math.exp(law[-1] / 2)) - rho)
    return np.array(law)


@functools.lru_cache(maxsize=64)
def relu_angles(width: int, nets: int, layers: int, start: float, draw: int) -> np.ndarray:
    """Mean over networks of ln sin²θ, (layers,), from angle ``start`` on; drawn as in ``journeys.layers``."""
    found, generator = [], runtime.generator(draw, 6)
    a, b = torch.randn(2, nets, width, generator=generator, dtype=torch.float64)
    b = math.cos(start) * a + math.sin(start) * b
    for _ in range(layers):
        u, v = (z / z.norm(dim=1, keepdim=True) for z in (a, b))
        theta = 2 * torch.atan2((u - v).norm(dim=1), (u + v).norm(dim=1))
        found.append(2 * float(theta.sin().log().mean()))
        h, k = u.clamp_min(0), v.clamp_min(0)
        size = h.norm(dim=1, keepdim=True)
        along = (h * k).sum(1, keepdim=True) / size
        across = (k - along * h / size).norm(dim=1, keepdim=True)
        a, b = torch.randn(2, nets, width, generator=generator, dtype=torch.float64)
        b = (along * a + across * b) / torch.hypot(along, across)
    return np.array(found)


def at_the_edge(config: "Config") -> tuple[Picture, ...]:
    """Page 4: 1 - c_l at the edge of chaos with its law, and angles of narrow ReLU networks."""
    return descent(config), narrow(
        config.width, nets=max(10, min(400, 38_400 // config.width)), draw=config.draw
    )


def descent(config: "Config", layers: int = 1000) -> Lines:
    """1 - c_l from ``config.correlation`` on, at the edge with ``config.sigma_b`` or, if need be, 0."""
    phi, about = config.activation, {"xlabel": "layer", "ylabel": "1 − c"}
    try:
        point = edge(phi, config.sigma_b)
    except ValueError as error:
        return Lines("descent", f"{phi} has no edge here", (), note=str(error), **about)
    q = point.q_star if point.q_star > 0 else 1.0  # nan: any will do
    l = np.arange(1, layers + 1)  # noqa: E741
    lines = [Line(gaps(phi, point.sigma_w, point.sigma_b, q, config.correlation, layers), "map", x=l)]
    if meanfield.universality_class(phi) == "scale-invariant":
        if phi == "relu":
            lines.append(Line(4.5 * np.pi**2 / l**2, "9π²/2l²", x=l, shade=3, theory=True))
    elif 0 < (beta := float(meanfield.rate(phi, q))) < math.inf:
        lines.append(Line(beta / l, f"{beta:.3g}/l", x=l, shade=3, theory=True))
    if 0.01 <= q <= 10 and point.sigma_w <= 4:
        net = config.replace(sigma_w=point.sigma_w, sigma_b=point.sigma_b, length=q, depth=100)
        lines.append(Line(kept(1 - finite(net).correlation), f"network, {config.width}", x=l[:100], shade=1))
    return Lines(
        "descent",
        f"{phi} at its edge, σ_w = {point.sigma_w:.4g}, σ_b = {point.sigma_b:.3g}",
        tuple(lines),
        xscale="log",
        yscale="log",
        ylim=(1e-5, 2.0),
        events=False,
        **about,
    )


def narrow(width: int, *, nets: int, draw: int = 0, layers: int = 100, start: float = 0.6) -> Lines:
    """Mean over ReLU networks of ln sin²θ by layer, beside the laws of infinite and of finite width."""
    layer = np.arange(1, layers + 1)
    return Lines(
        "narrow",
        f"{nets} ReLU networks of width {width}",
        (
            Line(relu_angles(width, nets, layers, start, draw), "mean", x=layer, shade=1),
            Line(angle_law(None, layers, start), "infinite width", x=layer, theory=True),
            Line(angle_law(width, layers, start), "finite width", x=layer, shade=3, theory=True),
        ),
        xlabel="layer",
        ylabel="ln sin²θ",
        events=False,
    )

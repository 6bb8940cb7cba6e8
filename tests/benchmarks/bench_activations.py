"""The zoo: members beside the best eager formulation, the gallery's sliders, passports.

Ratios are of turns taken in one run; milliseconds belong to this machine.
"""

import itertools
import time
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from labkit.experiments.activations import gallery, passport
from labkit.nn.activations import ACTIVATIONS, Activation, get
from tests.benchmarks.row import Row, at_most, medians

SHAPE, ROUNDS = (256, 1024), 25
#: What somebody who knows torch would write; a fused built-in where there is one.
BEST = {
    "relu": F.relu,
    "helu": F.relu,  # the same value, and as many passes backward
    "leaky_relu": lambda x: F.leaky_relu(x, 0.01),
    "elu": F.elu,
    "selu": F.selu,
    "celu": F.celu,
    "gelu": F.gelu,
    "silu": F.silu,
    "mish": F.mish,
    "softplus": F.softplus,
    "hard_tanh": F.hardtanh,
    "hard_sigmoid": F.hardsigmoid,
    "hard_swish": F.hardswish,
    "relu6": F.relu6,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softsign": F.softsign,
    "sin": torch.sin,
    "soft_threshold": lambda x: F.softshrink(x, 0.5),
    "tanh_shrink": F.tanhshrink,
    "log_sigmoid": F.logsigmoid,
    "squared_relu": lambda x: x.relu().square(),
    "gaussian": lambda x: torch.exp(-x.square()),
    "snake": lambda x: x + torch.sin(x).square(),
    "gcu": lambda x: x * torch.cos(x),
    "tanh_exp": lambda x: x * torch.tanh(torch.exp(x)),
    "squareplus": lambda x: (x + torch.sqrt(x.square() + 1.92)) / 2,
    "dynamic_tanh": lambda x: 1.0 * torch.tanh(0.5 * x) + 0.0,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
}


def rows() -> list[Row]:
    """One row for the slowest members, one for the gallery, one for a passport."""
    x = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0)).requires_grad_()
    ratio = {name: _ratio(get(name), best, x) for name, best in BEST.items() if name in ACTIVATIONS}
    found = [
        at_most(f"{name}: forward and backward beside the best eager formulation", ratio[name], 1.5)
        for name in sorted(ratio, key=ratio.get)[-6:]
    ]
    return [*found, *_slider(), *_papers()]


def _ratio(member: Activation, best, x: Tensor) -> float:
    def both(phi):
        return lambda: torch.autograd.grad(phi(x).sum(), x)

    took = medians(ROUNDS, member=both(member), best=both(best))
    return took["member"] / took["best"]


def _slider() -> list[Row]:
    """From a moved slider to the pictures: a shape, and the deviation of the input."""
    moves = itertools.cycle([0.01 * k for k in range(1, 90)])  # no two alike
    start = gallery.Config(first="leaky_relu", second="gelu", third="mish", formula="x*sin(x)")
    gallery.gallery(start)
    square = torch.ones(512, 512)
    took = medians(
        15,
        product=lambda: square @ square,
        shape=lambda: gallery.gallery(start.replace(shape_1=next(moves))),
        sigma=lambda: gallery.gallery(start.replace(sigma=1 + next(moves))),
    )
    beside = f"(product of 512: {1e3 * took['product']:.1f} ms)"
    each = _every_slider(start, moves)
    slow = sorted(each, key=each.get)
    return [
        at_most(f"page 5.1, a shape moves, four curves {beside}", 1e3 * took["shape"], 40, "ms"),
        at_most(f"page 5.1, σ moves, four curves {beside}", 1e3 * took["sigma"], 40, "ms"),
        at_most(
            f"the same, the middle one of {len(each)} members", 1e3 * each[slow[len(slow) // 2]], 40, "ms"
        ),
        *(at_most(f"the same, {name}", 1e3 * each[name], 40, "ms") for name in slow[-3:]),
    ]


def _every_slider(start: gallery.Config, moves: Iterator[float]) -> dict[str, float]:
    """Of each member with parameters, the median of five moves of its first one."""
    took = {}
    for name in gallery.NAMES:
        if ACTIVATIONS[name].parameters:
            config = start.replace(first=name)
            gallery.gallery(config)
            times = []
            for _ in range(5):
                began = time.perf_counter()
                gallery.gallery(config.replace(shape_1=next(moves)))
                times.append(time.perf_counter() - began)
            took[name] = sorted(times)[2]
    return took


def _papers() -> list[Row]:
    """A fresh passport each, theory's tables made anew; and the whole table."""
    took = {}
    for name in ACTIVATIONS:
        start = time.perf_counter()
        passport(name)
        took[name] = time.perf_counter() - start
    slowest = max(took, key=took.get)
    middle = sorted(took.values())[len(took) // 2]
    return [
        at_most(f"a passport, the middle one of {len(took)}", middle, 0.3, "s"),
        at_most(f"a passport, the slowest ({slowest})", took[slowest], 0.3, "s"),
        at_most(f"passports of the whole table, {len(took)} members", sum(took.values()), 20, "s"),
    ]

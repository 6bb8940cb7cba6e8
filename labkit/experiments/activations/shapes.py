"""Learn the shape: activations whose parameters are trained with the weights, watched while they change.

PReLU, Snake, rational functions, Hermite expansions, splines: any function of the zoo with learnable
parameters. One for a layer, one for each neuron, or, as in Kolmogorov-Arnold networks, one for each pair of
neurons and no weights at all (Liu et al., 2404.19756).
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from labkit import config as base
from labkit import runtime
from labkit.config import knob
from labkit.nn.activations import ACTIVATIONS, Activation, get
from labkit.nn.flat import flatten, views
from labkit.optim import adamw
from labkit.pictures import Heatmap, Line, Lines, Outcome, Picture, Scatter
from labkit.train import State

#: Every function with parameters that are learnt, by the zoo's names.
LEARNERS = tuple(
    name
    for name, row in ACTIVATIONS.items()
    if isinstance(row, Activation) and any(one.learnable for one in row.parameters)
)
#: What is learnt on [-END, END], where splines have their knots and pre-activations live.
END, TRAIN, TEST = 3.0, 96, 200
TARGETS: dict[str, Callable[[Tensor], Tensor]] = {
    "wave": lambda x: (4 * x).sin(),
    "kink": lambda x: 1 - x.abs(),
    "step": torch.sign,
    "bump": lambda x: 2 * (-4 * x.square()).exp() - 0.5,
}
#: Points of the picture of a shape.
GRID = torch.linspace(-END, END, 61)
#: At most so many parameters are drawn as curves; more are a heat map.
FEW = 4
#: Deviation by which the shapes of pairs of neurons start apart: else all of a layer would stay equal.
APART = 0.3


@dataclasses.dataclass(frozen=True, repr=False)
class Config(base.Config):
    """A small network on the line. Defaults: a rational function that starts as leaky ReLU learns a wave."""

    activation: str = knob("pau_a", "whose shape is learnt", choices=LEARNERS, group="network")
    shapes: str = knob(
        "one a layer", "how many shapes there are; with one a pair of neurons there are no weights",
        choices=("one a layer", "one a neuron", "one a pair"), group="network",
    )  # fmt: skip
    width: int = knob(
        8, "neurons of a hidden layer", low=1, high=256, scale="log", smallest=1, group="network"
    )
    depth: int = knob(1, "hidden layers", low=1, high=8, group="network")
    target: str = knob("wave", "the function on [-3, 3] to be learnt", choices=tuple(TARGETS), group="data")
    learning_rate: float = knob(
        1e-2, "step size of Adam", acts="hot", low=0, high=1, scale="log", smallest=1e-5, group="training"
    )
    shape_rate: float = knob(
        1.0, "step size of shapes over that of weights; 0 freezes them", acts="hot", low=0, high=10,
        scale="log", smallest=0.01, unit="×", group="training",
    )  # fmt: skip
    seed: int = knob(0, "initial weights", low=0, high=9_999, group="network")

    presets: ClassVar[Mapping[str, tuple[Mapping, str]]] = MappingProxyType(
        {
            "PReLU": ({"activation": "prelu"}, "one number: the slope on the left."),
            "Snake": ({"activation": "snake"}, "one number: the frequency."),
            "rational": ({}, "ten numbers: a quotient of polynomials, from leaky ReLU."),
            "Hermite": ({"activation": "hermite"}, "six coefficients, from those of a ramp."),
            "spline": ({"activation": "kan_bspline"}, "eight B-splines beside SiLU."),
            "Kolmogorov-Arnold": (
                {"activation": "kan_bspline", "shapes": "one a pair", "width": 4},
                "a spline on every edge, and no weights.",
            ),
        }
    )

    @property
    def row(self) -> Activation:
        """The member of the zoo."""
        return get(self.activation)


class Edges(nn.Module):
    """Σ_i φ_oi(x_i): a function on each edge from input i to output o, as in Kolmogorov-Arnold networks."""

    def __init__(self, row: Activation, inputs: int, outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        self.outputs = outputs
        self.phi = row.module(inputs * outputs)
        with torch.no_grad():
            for one in self.phi.parameters():
                one += APART * torch.randn(one.shape, generator=generator).to(one)

    def forward(self, x: Tensor) -> Tensor:
        """(R, inputs) to (R, outputs); a mean, so that it starts as large for any number of inputs."""
        many = self.phi(x.repeat(1, self.outputs))
        return many.unflatten(1, (self.outputs, x.shape[1])).mean(2)


def network(config: Config) -> nn.Sequential:
    """The network at its start."""
    generator, row = runtime.generator(config.seed, 2), config.row
    sizes = (1, *[config.width] * config.depth, 1)
    parts: list[nn.Module] = []
    for left, (fan_in, fan_out) in enumerate(pairwise(sizes), -config.depth):
        if config.shapes == "one a pair":
            parts.append(Edges(row, fan_in, fan_out, generator))
            continue
        linear = nn.utils.skip_init(nn.Linear, fan_in, fan_out)
        linear.weight.data.normal_(generator=generator).div_(math.sqrt(fan_in))
        linear.bias.data.normal_(generator=generator)
        parts.append(linear)
        if left:
            parts.append(row.module(fan_out if config.shapes == "one a neuron" else None))
    return nn.Sequential(*parts)


class Shapes:
    """Weights and shapes in one vector, trained together by Adam on all points."""

    pace: ClassVar[float] = 100.0
    steps: ClassVar[int] = 1_000
    stackable: ClassVar[frozenset[str]] = frozenset({"seed"})
    events: ClassVar[Mapping[str, tuple[str, float, str]]] = MappingProxyType(
        {"learnt": ("test_loss", 0.01, "below")}
    )
    outcomes: ClassVar[Mapping[str, Outcome]] = MappingProxyType(
        {
            "test_loss": Outcome("squared error at the end", scale="log"),
            "learnt": Outcome("step at which the error is .01", scale="log"),
        }
    )

    def __init__(self, config: Config, device: torch.device) -> None:
        self.config, self.device = config, device
        self.net = network(config).to(device)
        self.flat = flatten(self.net)
        self._gradient = torch.zeros_like(self.flat)
        self._slots = list(views(self._gradient, self.net).values())
        self._buffers = adamw.new_buffers(self.flat)
        shaped = {id(one) for phi in self._phis() for one in phi.parameters()}
        marks = torch.cat([torch.full((p.numel(),), float(id(p) in shaped)) for p in self.net.parameters()])
        self._is_shape = marks.to(device)
        target = TARGETS[config.target]
        self.x = torch.linspace(-END, END, TRAIN, device=device)[:, None]
        self.test_x = torch.linspace(-END, END, TEST, device=device)[:, None]
        self.y, self.test_y = target(self.x), target(self.test_x)

    def _phis(self) -> list[nn.Module]:
        """The shapes of all layers."""
        return [one for one in self.net.modules() if hasattr(one, "member")]

    def step(self) -> None:
        """One update on all points; where the shapes are frozen they stay to the last bit."""
        c = self.config
        loss = (self.net(self.x) - self.y).square().mean()
        for slot, grad in zip(
            self._slots, torch.autograd.grad(loss, list(self.net.parameters())), strict=True
        ):
            slot.copy_(grad)
        lr = c.learning_rate * (1 + (c.shape_rate - 1) * self._is_shape)
        adamw.update(self.flat, self._gradient, self._buffers, lr=lr, beta2=0.999)

    def configure(self, config: Config) -> None:
        """Take over new rates."""
        self.config.refuse_cold(config)
        self.config = config

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Errors; the parameters of the first shape where they are few."""
        read = {
            "train_loss": float((self.net(self.x) - self.y).square().mean()),
            "test_loss": float((self.net(self.test_x) - self.test_y).square().mean()),
        }
        names, values = named(self.config.row), self._numbers()
        return read | (dict(zip(names, values.tolist(), strict=True)) if len(names) <= FEW else {})

    def _numbers(self) -> Tensor:
        """All learnt numbers of the first shape."""
        first, row = self._phis()[0], self.config.row
        learnt = [getattr(first, one.name).detach() for one in row.parameters if one.learnable]
        if self.config.shapes != "one a layer":
            learnt = [one[..., 0] for one in learnt]
        return torch.cat([one.reshape(-1) for one in learnt])

    @torch.no_grad()
    def shape(self) -> Tensor:
        """Values of φ of the first layer on GRID, (shapes, 61)."""
        phi, grid = self._phis()[0], GRID.to(self.device)
        count = 1 if self.config.shapes == "one a layer" else self._first()
        return phi(grid[:, None].expand(-1, count)).T

    def _first(self) -> int:
        return self.config.width  # on edges too: the one input has so many of them

    def profile(self) -> dict[str, np.ndarray | float]:
        """The first shape "phi" (61,); "numbers", its parameters less their start."""
        start = torch.tensor(started(self.config.row), device=self.device)
        return {
            "phi": self.shape()[0].cpu().numpy(),
            "numbers": (self._numbers() - start.to(self._numbers())).cpu().numpy(),
        }

    @torch.no_grad()
    def view(self) -> dict[str, np.ndarray]:
        """The first shape "now" (61, 2); "fit" (67, 2), the network; "all" (shapes, 61)."""
        shape = self.shape().cpu()
        return {
            "now": torch.stack([GRID, shape[0]], 1).numpy(),
            "fit": torch.cat([self.test_x, self.net(self.test_x)], 1)[::3].cpu().numpy(),
            "all": shape.numpy(),
        }

    @staticmethod
    def pictures(config: Config) -> tuple[Picture, ...]:
        """The shape now and over time, its parameters, the fit and its error."""
        row, x = config.row, np.linspace(-END, END, TEST)
        start = row.function(GRID.double()).numpy()
        truth = TARGETS[config.target](torch.from_numpy(x)).numpy()
        names = named(row)
        shapes = () if config.shapes == "one a layer" else (
            Heatmap(
                "all", "All shapes of the first layer", "all", xlabel="z", ylabel="shape", x=GRID.numpy(),
                y=np.arange(1, config.width + 1), over_time=False, colour_label="φ(z)",
            ),
        )  # fmt: skip
        return (
            Scatter(
                "now", f"The shape: {config.activation}", "now", xlabel="z", ylabel="φ(z)", join=True,
                lines=(Line(start, "at the start", x=GRID.numpy(), shade=1, theory=True),),
            ),
            Heatmap(
                "phi", "The shape over time", "phi", ylabel="z", y=GRID.numpy(), colour_label="φ(z)"
            ),
            _parameters(names),
            Scatter(
                "fit", "What the network says, and the truth", "fit", xlabel="x", ylabel="y", join=True,
                lines=(Line(truth, config.target, x=x, shade=1, theory=True),),
            ),
            Lines(
                "loss", "Squared error",
                (Line("train_loss", "train"), Line("test_loss", "between the points", shade=1)),
                ylabel="mean square", yscale="log",
            ),
            *shapes,
        )  # fmt: skip

    def state(self) -> State:
        """Weights, shapes, Adam's moments."""
        return {"weights": self.flat.clone()} | {
            f"optimiser.{name}": buffer.clone() for name, buffer in self._buffers.items()
        }

    @torch.no_grad()
    def load(self, state: State) -> None:
        """Take over such a state."""
        self.flat.copy_(state["weights"])
        for name, buffer in self._buffers.items():
            buffer.copy_(state[f"optimiser.{name}"])


def named(row: Activation) -> list[str]:
    """The learnt numbers of a shape in their order: "slope", or "a 1", "a 2", ..."""
    found = []
    for one in row.parameters:
        if one.learnable:
            many = isinstance(one.default, tuple)
            found += [f"{one.name} {k}" for k in range(len(one.default))] if many else [one.name]
    return found


def started(row: Activation) -> list[float]:
    """Where they start."""
    learnt: list[Any] = [one.default for one in row.parameters if one.learnable]
    return [float(each) for one in learnt for each in (one if isinstance(one, tuple) else (one,))]


def _parameters(names: list[str]) -> Picture:
    if len(names) <= FEW:
        lines = tuple(Line(name, name, shade=at) for at, name in enumerate(names))
        return Lines("parameters", "Its parameters", lines, ylabel="value")
    return Heatmap(
        "parameters", "Its parameters: change since the start", "numbers", ylabel="parameter",
        y=np.arange(1, len(names) + 1), colour_label="change",
    )  # fmt: skip


Config.experiment = Shapes

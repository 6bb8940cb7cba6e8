"""A race of activations: small networks at many learning rates and seeds, on digits and on two spirals.

No activation is judged before it has had its own best learning rate, picked on validation rows and reported
on test rows. Networks of one activation train as one ensemble.
"""

import dataclasses
import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from labkit import config as base
from labkit import runtime
from labkit.config import knob
from labkit.data.digits import digits
from labkit.data.spirals import spirals
from labkit.experiments.dense import DenseRun, DenseRuns, Problem
from labkit.nn.activations import ELEMENTWISE
from labkit.pictures import Heatmap, Line, Lines, Outcome, Picture
from labkit.theory.meanfield import length_map

if TYPE_CHECKING:
    import pandas

#: Who runs: the usual ones, two bounded ones, two waves.
RACERS = (
    "relu", "leaky_relu", "elu", "selu", "softplus", "gelu", "silu", "mish", "tanh", "sigmoid", "sin",
    "snake",
)  # fmt: skip
#: The grid of learning rates of the pages: each activation has its best in its inside, on the spirals four
#: of them at .1.
RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
DATA = ("digits", "spirals")
#: Rows of spirals to train on, and held out; a deviation of their points, in distances between arms.
TRAIN, HELD_OUT, NOISE = 200, 800, 0.05
#: Points a side of the picture of what a network says of the plane, and how far the plane goes.
SIDE, REACH = 41, 2.6


@dataclasses.dataclass(frozen=True, repr=False)
class Config(base.Config):
    """One runner. Defaults: three hidden layers of 32 neurons on digits, each start keeping lengths."""

    data: str = knob("digits", "what is learnt", choices=DATA, group="data")
    activation: str = knob("relu", "nonlinearity", choices=tuple(ELEMENTWISE), group="network")
    depth: int = knob(3, "hidden layers", low=1, high=100, group="network")
    width: int = knob(
        32, "neurons of a layer", low=2, high=1024, scale="log", smallest=2, unit="neurons", group="network"
    )
    start: float = knob(
        1.0, "weights start at so many times the σ_w that keeps lengths", low=0.1, high=10, scale="log",
        smallest=0.1, group="network",
    )  # fmt: skip
    learning_rate: float = knob(
        1e-2, "step size of AdamW", acts="hot", low=0, high=10, scale="log", smallest=1e-5, group="training"
    )
    momentum: float = knob(0.9, "β₁ of AdamW", acts="hot", low=0, high=0.999, group="training")
    weight_decay: float = knob(
        0.0, "pull of the weights towards zero", acts="hot", low=0, high=10, scale="log", smallest=1e-5,
        slider=False, group="training",
    )  # fmt: skip
    batch: int = knob(64, "rows of one update", low=1, high=2000, scale="log", smallest=8, group="training")
    seed: int = knob(0, "initial weights; the rows are the same for all", low=0, high=9_999, group="network")

    loss: ClassVar[str] = "cross_entropy"
    optimizer: ClassVar[str] = "adamw"
    precision: ClassVar[str] = "float32"
    sigma_b: ClassVar[float] = 0.0

    @property
    def sigma_w(self) -> float:
        """1/√E[φ(z)²] times ``start``: signals of length 1 keep it, whatever φ is."""
        return self.start * gain(self.activation)

    presets: ClassVar[Mapping[str, tuple[Mapping, str]]] = MappingProxyType(
        {
            "digits": ({}, "8 × 8 pixels, ten classes."),
            "two spirals": (
                {"data": "spirals", "batch": 200, "learning_rate": 0.01},
                "two inputs: the picture shows what the network says of every place.",
            ),
        }
    )


@functools.cache
def gain(activation: str) -> float:
    """1/√E[φ(z)²], z standard normal."""
    return float(length_map(activation, 1.0, 1.0, 0.0)) ** -0.5


@functools.cache
def problem(data: str) -> Problem:
    """Rows of one race; the second half of those held out is the test, the first is for validation."""
    if data == "digits":
        rows = digits(train_fraction=0.6)
        return Problem(*rows, outputs=10)
    rows = spirals(TRAIN, HELD_OUT, noise=NOISE, generator=runtime.generator(0))
    return Problem(*rows, outputs=2)


class Runs(DenseRuns):
    """Networks of one activation."""

    @staticmethod
    def problem(config: Config) -> Problem:
        """The same rows for all."""
        return problem(config.data)

    @torch.no_grad()
    def measure(self) -> list[dict[str, float]]:
        """Loss and accuracy on training, validation and test rows."""
        learnt, half = self.learnt, len(self.learnt.test_x) // 2
        train, held = self.nets(learnt.x[: self.READ_ROWS]), self.nets(learnt.test_x)
        columns = {}
        for split, outputs, answer in (
            ("train", train, learnt.answer[: self.READ_ROWS]),
            ("valid", held[:, :half], learnt.test_answer[:half]),
            ("test", held[:, half:], learnt.test_answer[half:]),
        ):
            columns[f"{split}_loss"] = [float(self.loss_of(each, answer)) for each in outputs]
            columns[f"{split}_accuracy"] = (outputs.argmax(-1) == answer).float().mean(1).tolist()
        return [{name: values[at] for name, values in columns.items()} for at in range(self.nets.members)]


class Race(DenseRun):
    """One network of the race: loss and accuracy; on spirals also what it says of the plane."""

    together = Runs
    stackable: ClassVar[frozenset[str]] = frozenset({"seed", "start"})
    pace: ClassVar[float] = 60.0
    steps: ClassVar[int] = 400
    events: ClassVar[Mapping[str, tuple[str, float, str]]] = MappingProxyType(
        {"learns": ("valid_accuracy", 0.9, "above")}
    )
    outcomes: ClassVar[Mapping[str, Outcome]] = MappingProxyType(
        {
            "valid_accuracy": Outcome("validation accuracy at the end", limits=(0.0, 1.0)),
            "test_accuracy": Outcome("test accuracy at the end", limits=(0.0, 1.0)),
            "learns": Outcome("step at which 90 % of the validation rows are right", scale="log"),
        }
    )

    def profile(self) -> dict[str, np.ndarray | float]:
        """Nothing that costs more."""
        return {}

    @torch.no_grad()
    def view(self) -> dict[str, np.ndarray]:
        """On spirals "plane" (SIDE, SIDE): the probability of the second spiral, x₂ upwards."""
        if self.config.data != "spirals":
            return {}
        outputs = self.nets(_plane().to(self.device))[0]
        return {"plane": outputs.softmax(-1)[:, 1].reshape(SIDE, SIDE).cpu().numpy()}

    @staticmethod
    def pictures(config: Config) -> tuple[Picture, ...]:
        """Accuracy and loss; the plane of the spirals."""
        curves = tuple(
            Lines(
                kind, title,
                (
                    Line(f"train_{kind}", "train"), Line(f"valid_{kind}", "validation", shade=1),
                    Line(f"test_{kind}", "test", shade=2),
                ),
                **about,
            )
            for kind, title, about in (
                ("accuracy", "Accuracy", {"ylabel": "share right", "ylim": (0.0, 1.05)}),
                ("loss", "Loss", {"ylabel": "cross-entropy", "yscale": "log"}),
            )
        )  # fmt: skip
        return (*curves, *_spiral(config))


def _spiral(config: Config) -> tuple[Picture, ...]:
    if config.data != "spirals":
        return ()
    rows = problem("spirals")
    ends = np.linspace(-REACH, REACH, SIDE)
    arms = tuple(_arm(rows.x[rows.answer == one], shade) for one, shade in ((0, 1), (1, 2)))
    return (
        Heatmap(
            "plane", "What the network says of every place", "plane", xlabel="x₁", ylabel="x₂", x=ends,
            y=ends,
            vrange=(0.0, 1.0), over_time=False, colour_label="probability of spiral 2", lines=arms,
        ),
    )  # fmt: skip


def _plane() -> Tensor:
    ends = torch.linspace(-REACH, REACH, SIDE)
    y, x = torch.meshgrid(ends, ends, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], 1)


def _arm(points: Tensor, shade: int) -> Line:
    """The training points of one spiral, joined from the inside to the outside."""
    points = points[points.norm(dim=1).argsort()].numpy()
    return Line(points[:, 1], f"spiral {shade}", x=points[:, 0], shade=shade)


def best_rates(frame: "pandas.DataFrame") -> "pandas.DataFrame":
    """Each activation at its own best learning rate, best first.

    The rate with the best mean ``valid_accuracy`` over seeds counts; a run that diverged counts with what it
    had at its end. Then test rows speak: their median over seeds, and the worst and the best seed.

    Args:
        frame: of ``sweep(race.Config(...), activation=..., learning_rate=..., seed=...)``.

    Returns:
        One row an activation: ``learning_rate``, ``valid`` (mean), ``test`` (median), ``low``, ``high``,
        ``edge`` (whether the rate is an end of the grid, so that a better one may lie outside).
    """
    import pandas  # half a second to import, so only where it is used

    ends = {frame.learning_rate.min(), frame.learning_rate.max()}
    rows = {}
    for name, runs in frame.groupby("activation", sort=False):
        valid = runs.groupby("learning_rate").valid_accuracy.mean()
        rate = valid.idxmax()
        test = runs[runs.learning_rate == rate].test_accuracy
        rows[name] = {
            "learning_rate": rate, "valid": valid[rate], "test": test.median(), "low": test.min(),
            "high": test.max(), "edge": rate in ends,
        }  # fmt: skip
    return pandas.DataFrame.from_dict(rows, orient="index").sort_values(
        "test", ascending=False, kind="stable"
    )


def bands(table: "pandas.DataFrame", title: str) -> Lines:
    """What :func:`best_rates` found as a picture: the median and both ends of each band, by place."""
    place = np.arange(1, len(table) + 1)
    lines = [("test", "median", 0), ("high", "best seed", 1), ("low", "worst seed", 2)]
    return Lines(
        "bands", title,
        tuple(Line(table[key].to_numpy(), label, x=place, shade=shade) for key, label, shade in lines),
        xlabel="place", ylabel="test accuracy", events=False,
    )  # fmt: skip


Config.experiment = Race

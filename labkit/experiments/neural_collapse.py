"""Features that fold up: a small classifier trained far beyond zero training error.

Papyan, Han & Donoho, *Prevalence of neural collapse* (2008.08186); Han, Papyan & Donoho (2106.02073) for the
squared error; Tirer, Huang & Niles-Weed (2206.08069) for where weight decay acts.
"""

import dataclasses
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from labkit import config as base
from labkit import runtime
from labkit.config import knob
from labkit.data import clusters
from labkit.data.arithmetic import corrupt
from labkit.experiments.dense import batch_rows
from labkit.experiments.neural_collapse_pictures import pictures, seen
from labkit.experiments.neural_collapse_presets import PRESETS
from labkit.experiments.neural_collapse_problem import data_of, model_of
from labkit.measures import collapse
from labkit.nn.activations import ELEMENTWISE
from labkit.optim import LOSSES, OPTIMISERS, Loss, smoothed
from labkit.pictures import Outcome, Picture
from labkit.simplex import simplex_etf
from labkit.train import State

#: What the last layer is.
HEADS = ("learnt", "etf")
#: Samples of which losses and features are read.
READ_ROWS = 4_000
#: β₂ of AdamW, that of the grokking labs; features fold up with .999 as well.
BETA2 = 0.99
#: Of NC1 where its logarithm is drawn.
SMALLEST = 1e-12
#: Pictures in the cloud at most; more than 1 500 points hide each other.
CLOUD = 1_500


@dataclasses.dataclass(frozen=True, repr=False)
class Config(base.Config):
    """Settings of a collapsing classifier. Defaults: four digits, folded up after two thousand updates."""

    data: str = knob(
        "digits", "what is told apart; MNIST and the like need torchvision",
        choices=("digits", "clusters", *clusters.VISION), group="data",
    )  # fmt: skip
    classes: int = knob(4, "C: how many digits, from 0 on; or clusters", low=2, high=10, group="data")
    imbalance: float = knob(
        1.0, "largest class over smallest", low=1, high=1000, scale="log", label="imbalance", group="data"
    )
    profile: str = knob(
        "exponential", "how class sizes fall from the first class to the last", choices=clusters.PROFILES,
        group="data",
    )  # fmt: skip
    label_noise: float = knob(
        0.0, "share of training labels replaced by random ones", acts="hot", low=0, high=1, group="data"
    )
    separation: float = knob(
        4.0, "of clusters: distance of two means in units of their deviation", low=0, high=20, group="data"
    )
    per_class: int = knob(
        200, "samples of a class, for clusters and torchvision's pictures", low=1, high=5000, scale="log",
        smallest=10, group="data",
    )  # fmt: skip
    model: str = knob("mlp", "architecture", choices=("mlp", "residual"), group="model")
    depth: int = knob(
        4, "hidden layers; stages of the residual net, three at most", low=1, high=12, group="model"
    )
    width: int = knob(
        128, "neurons of a layer; channels of the residual net", low=2, high=1024, scale="log", smallest=4,
        group="model",
    )  # fmt: skip
    activation: str = knob(
        "relu", "nonlinearity of the MLP; the residual net's is ReLU", choices=tuple(ELEMENTWISE),
        group="model",
    )  # fmt: skip
    head: str = knob("learnt", "last layer: learnt, or fixed as a simplex ETF", choices=HEADS, group="model")
    bias: bool = knob(True, "a bias at the logits", group="model")
    loss: str = knob(
        "mse", "what is minimised", acts="warm", choices=(*LOSSES, "label_smoothing"), group="training"
    )
    smoothing: float = knob(
        0.1, "ε of label smoothing; other losses do not read it", acts="hot", low=0, high=0.9, label="ε",
        group="training",
    )  # fmt: skip
    optimizer: str = knob(
        "adamw", "how weights are updated", acts="warm", choices=tuple(OPTIMISERS), group="training"
    )
    learning_rate: float = knob(
        1e-3, "step size", acts="hot", low=0, high=1, scale="log", smallest=1e-5, group="training"
    )
    momentum: float = knob(
        0.9, "momentum of SGD, β₁ of AdamW", acts="hot", low=0, high=0.999, group="training"
    )
    weight_decay: float = knob(
        2.0, "pull of all weights towards zero; AdamW's is decoupled, SGD wants about 5e-4", acts="hot",
        low=0, high=10, scale="log", smallest=1e-5, group="training",
    )  # fmt: skip
    feature_decay: float = knob(
        1.0, "weight decay of all layers but the last is this many times as large", acts="hot", low=0, high=4,
        group="training",
    )  # fmt: skip
    head_decay: float = knob(
        1.0, "weight decay of the last layer is this many times as large", acts="hot", low=0, high=4,
        group="training",
    )  # fmt: skip
    batch: int = knob(
        128, "samples of one update", low=1, high=4000, scale="log", smallest=8, group="training"
    )
    precision: str = knob(
        "float32", "number format", choices=("float32", "float64"), slider=False, group="training"
    )
    seed: int = knob(0, "initial weights, clusters and noise", low=0, high=9_999, group="start")

    presets: ClassVar[Mapping[str, tuple[Mapping[str, Any], str]]] = PRESETS

    def check(self) -> None:
        """Rules that concern several fields."""
        if self.data == "clusters" or self.head == "etf":
            simplex_etf(self.classes, self.width)
        if self.model == "residual" and self.data == "clusters":
            raise ValueError("model: got 'residual' with clusters; allowed: 'mlp', as they are no pictures")


class NeuralCollapse:
    """A classifier that trains on after its last error; every layer's features are read."""

    #: The default page's variability has fallen to a hundredth after some seven hundred updates.
    pace: ClassVar[float] = 100.0
    #: Angles take longer: within .05 of the simplex for both seeds that were tried.
    steps: ClassVar[int] = 2_000
    events: ClassVar[Mapping[str, tuple[str, float, str]]] = MappingProxyType(
        {
            "zero training error": ("train_error", 0.0, "below"),
            "variability a hundredth": ("fallen", 0.01, "below"),
        }
    )
    outcomes: ClassVar[Mapping[str, Outcome]] = MappingProxyType(
        {
            "nc1_pinv": Outcome("tr(Σ_W Σ_B†)/C at the end", scale="log"),
            "equiangular_means": Outcome("angle error of the means at the end", scale="log"),
            "nearest_mean": Outcome("disagreement with the nearest mean at the end", limits=(0.0, 1.0)),
            "test_error": Outcome("test error at the end", limits=(0.0, 1.0)),
        }
    )

    def __init__(self, config: Config, device: torch.device) -> None:
        self.config, self.device = config, device
        self.data = data_of(config)
        self.x, self.test_x = self.data.x.to(device), self.data.test_x.to(device)
        self.test_answer = self.data.test_answer.to(device)
        self.net = model_of(config, self.data.shape).moved(device)
        self.flat = self.net.flat
        self._gradient = torch.zeros_like(self.flat)
        self._learnt = self._fix_head()
        self._buffers = OPTIMISERS[config.optimizer].new_buffers(self.flat)
        self._step, self._at_zero = 0, math.nan
        self._configured()

    @torch.no_grad()
    def _fix_head(self) -> Tensor | None:
        """1 where a parameter is learnt, 0 where it stays as it starts; ``None`` if all are learnt."""
        head, bias = self._places()
        learnt = torch.ones_like(self.flat)
        if self.config.head == "etf":
            rows = simplex_etf(self.config.classes, self.net.weight.shape[1],
                               generator=runtime.generator(self.config.seed, 4))  # fmt: skip
            self.net.weight.copy_(rows)
            learnt[head] = 0
        if not self.config.bias:
            self.net.bias.zero_()
            learnt[bias] = 0
        return None if bool(learnt.all()) else learnt

    def _places(self) -> tuple[slice, slice]:
        """Where the last layer's weight and bias lie in ``flat``."""
        found = []
        for part in (self.net.weight, self.net.bias):
            start = (part.data_ptr() - self.flat.data_ptr()) // self.flat.element_size()
            found.append(slice(start, start + part.numel()))
        return found[0], found[1]

    def _configured(self) -> None:
        c = self.config
        self._loss: Loss = smoothed(c.smoothing) if c.loss == "label_smoothing" else LOSSES[c.loss]
        self._decay = torch.full_like(self.flat, c.weight_decay * c.feature_decay)
        for place in self._places():
            self._decay[place] = c.weight_decay * c.head_decay
        if self._learnt is not None:
            self._decay *= self._learnt
        noise = runtime.generator(c.seed, 1)
        self.answer = corrupt(self.data.answer, c.label_noise, c.classes, generator=noise).to(self.device)

    # ------------------------------------------------------------------------------- the contract

    def step(self) -> None:
        """One update."""
        c = self.config
        rows = batch_rows(self._step, len(self.x), c.batch).to(self.device)
        self.net.gradient(self.x[rows], self.answer[rows], self._loss.gradient_, self._gradient)
        if self._learnt is not None:
            self._gradient *= self._learnt
        OPTIMISERS[c.optimizer].update(
            self.flat, self._gradient, self._buffers, lr=c.learning_rate, weight_decay=self._decay,
            momentum=c.momentum, beta1=c.momentum, beta2=BETA2, eps=1e-8,
        )  # fmt: skip
        self._step += 1

    def configure(self, config: Config) -> None:
        """Take over hot and warm values; a change of optimiser starts with empty moments."""
        self.config.refuse_cold(config)
        if config.optimizer != self.config.optimizer:
            self._buffers = OPTIMISERS[config.optimizer].new_buffers(self.flat)
        self.config = config
        self._configured()

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Loss and error: training samples against the labels given, test samples against clean ones."""
        read = {}
        for split, x, answer in (("train", self.x, self.answer), ("test", self.test_x, self.test_answer)):
            outputs = self.net(x[:READ_ROWS])
            answer = answer[:READ_ROWS]
            read[f"{split}_loss"] = float(self._loss.value(outputs, answer))
            read[f"{split}_error"] = float((outputs.argmax(1) != answer).double().mean())
        return read

    @torch.no_grad()
    def profile(self) -> dict[str, np.ndarray | float]:
        """Every measure of collapse on the training set's features, and "layers": log₁₀ NC1 of each layer.

        NC1 in "layers" and "fallen" is tr(Σ_W Σ_B†)/C; "fallen" is over its value when the training error
        was first read as zero, NaN before.
        """
        answer = self.answer[:READ_ROWS]
        layers = self.net.layers(self.x[:READ_ROWS])
        logits = layers.pop("output")
        moments = [collapse.class_moments(h, answer, self.config.classes) for h in layers.values()]
        features, last = list(layers.values())[-1], moments[-1]
        read: dict[str, np.ndarray | float] = collapse.collapse_measures(last, self.net.weight, self.net.bias)
        read["nearest_mean"] = collapse.nearest_mean_disagreement(features, logits, last.means)
        read["layers"] = np.log10([max(collapse.nc1_pinv(one), SMALLEST) for one in moments])
        if self.config.loss == "mse":
            split = collapse.mse_split(last, self.net.weight, self.net.bias)
            read |= {"mse_nc1": split.nc1, "mse_nc23": split.nc23, "mse_perp": split.perp}
        if not bool((logits.argmax(1) != answer).any()) and math.isnan(self._at_zero):
            self._at_zero = read["nc1_pinv"]
        read["fallen"] = read["nc1_pinv"] / (self._at_zero or math.nan)
        return read

    @torch.no_grad()
    def view(self) -> dict[str, np.ndarray]:
        """Array "cloud" (n, 4): penultimate features of training samples in space, and their class.

        Empty once training has diverged.
        """
        answer = self.answer[:READ_ROWS]
        *_, features, _ = self.net.layers(self.x[:READ_ROWS]).values()
        if not bool(features.isfinite().all()):
            return {"cloud": np.zeros((0, 4), np.float32)}
        means = collapse.class_moments(features, answer, self.config.classes).means
        some = slice(None, CLOUD)
        points = seen(features[some].double().to(means.device), means)
        return {"cloud": torch.cat([points, answer[some, None].to(points)], 1).float().cpu().numpy()}

    @staticmethod
    def pictures(config: Config) -> tuple[Picture, ...]:
        """See :mod:`labkit.experiments.neural_collapse_pictures`."""
        return pictures(config)

    def state(self) -> State:
        """Weights, optimiser, step, and NC1 at zero training error."""
        state = {
            "weights": self.flat.clone(),
            "step": torch.tensor(self._step),
            "at_zero": torch.tensor(self._at_zero, dtype=torch.float64),
        }
        return state | {f"optimiser.{name}": buffer.clone() for name, buffer in self._buffers.items()}

    @torch.no_grad()
    def load(self, state: State) -> None:
        """Take over such a state."""
        self.flat.copy_(state["weights"])
        self._step, self._at_zero = int(state["step"]), float(state["at_zero"])
        for name, buffer in self._buffers.items():
            buffer.copy_(state[f"optimiser.{name}"])


Config.experiment = NeuralCollapse

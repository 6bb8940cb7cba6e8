"""Spectral bias: a network learns the slow waves of a function first, the fast ones late or never.

Rahaman et al., *On the spectral bias of neural networks* (1806.08734); Jacot et al. (1806.07572) for the
kernel that says how fast each is learnt; Chizat et al. (1812.07956) for the scale of the outputs.
"""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import torch

from labkit import config as base
from labkit.config import knob
from labkit.data import signals
from labkit.experiments.dense import DenseRun
from labkit.experiments.spectral_bias_pictures import pictures
from labkit.experiments.spectral_bias_prediction import OPTIMISERS
from labkit.experiments.spectral_bias_presets import ALIASES, PRESETS
from labkit.experiments.spectral_bias_runs import TARGETS, Runs, shown, signal
from labkit.measures import activation_regions, first_times, kernel_alignment, kernel_change, learning_order
from labkit.nn.activations import ELEMENTWISE
from labkit.nn.fields import ENCODINGS, FIELDS
from labkit.pictures import Outcome, Picture
from labkit.theory.ntk import dense_ntk

#: Share of its amplitude from which a frequency counts as learnt.
LEARNT = 0.5


@dataclasses.dataclass(frozen=True, repr=False)
class Config(base.Config):
    """Settings of a network on a function of one variable. Defaults: Rahaman et al., faster to watch."""

    target: str = knob(
        "sines", "what is learnt; or a file of numbers, .npy or text, taken as one period",
        choices=tuple(TARGETS), files=True, group="target",
    )  # fmt: skip
    notes: int = knob(
        5, "K: how many frequencies; squares, saws and files have their own", low=1, high=20,
        label="frequencies", group="target",
    )  # fmt: skip
    spacing: int = knob(
        2, "sines of k = spacing, 2·spacing, ...; of high only, square and saw the lowest frequency",
        low=1, high=400, scale="log", smallest=1, unit="cycles", group="target",
    )  # fmt: skip
    amplitudes: str = knob(
        "equal", "A_k of sines: 1, or .1, .2, ..., or 1, 1/2, 1/3, ...", choices=tuple(signals.AMPLITUDES),
        group="target",
    )  # fmt: skip
    points: int = knob(
        200, "N: samples of a period; a file has its own", low=16, high=2000, unit="points", slider=False,
        group="target",
    )  # fmt: skip
    domain: str = knob(
        "interval", "whether x is a number or a point of the circle, where sines are eigenfunctions",
        choices=("interval", "circle"), group="target",
    )  # fmt: skip
    kind: str = knob("mlp", "how the network is built and started", choices=tuple(FIELDS), group="network")
    activation: str = knob("relu", "nonlinearity of an MLP", choices=tuple(ELEMENTWISE), group="network")
    depth: int = knob(4, "hidden layers", low=1, high=12, group="network")
    width: int = knob(
        128, "neurons of a layer", low=4, high=8192, scale="log", smallest=8, unit="neurons", group="network"
    )
    encoding: str = knob("none", "what the network sees of x", choices=tuple(ENCODINGS), group="network")
    features: int = knob(
        64, "random frequencies of Gaussian features, bands of log-linear ones", low=1, high=1024,
        scale="log", smallest=4, slider=False, group="network",
    )  # fmt: skip
    sigma: float = knob(
        10.0, "σ: Gaussian features have frequencies N(0, σ²)", low=0, high=200, scale="log", smallest=0.1,
        label="σ of features", group="network",
    )  # fmt: skip
    bands: int = knob(6, "octaves of positional and log-linear features", low=1, high=12, group="network")
    omega_0: float = knob(
        30.0, "ω_0 of sine, FINER and Gabor, in activation and start", low=0.1, high=300, scale="log",
        smallest=1, label="ω₀", group="network",
    )  # fmt: skip
    scale: float = knob(
        10.0, "s_0 of Gabor and Gaussian windows", low=0.1, high=300, scale="log", smallest=1, slider=False,
        label="s₀", group="network",
    )  # fmt: skip
    parametrisation: str = knob(
        "standard", "ntk: weights start at N(0, 1) and are multiplied by √(2/fan-in) in the forward pass",
        choices=("standard", "ntk"), group="network",
    )  # fmt: skip
    bias: float = knob(
        1.0, "factor before the biases in the forward pass; 0 is a network without", low=0, high=10,
        slider=False, group="network",
    )  # fmt: skip
    output_scale: float = knob(
        1.0, "α: outputs times α, the learning rate over α²; large is lazy, small is rich", low=0.01,
        high=1000, scale="log", smallest=0.01, label="output scale α", group="training",
    )  # fmt: skip
    centred: bool = knob(
        False, "subtract what the network says at its start, so that it begins at 0", label="start at 0",
        group="training",
    )  # fmt: skip
    optimizer: str = knob(
        "adam", "how weights are updated, always with all points", acts="warm", choices=tuple(OPTIMISERS),
        group="training",
    )  # fmt: skip
    learning_rate: float = knob(
        2e-3, "step size", acts="hot", low=0, high=100, scale="log", smallest=1e-6, group="training"
    )
    momentum: float = knob(0.9, "μ of momentum, β₁ of Adam", acts="hot", low=0, high=0.999, group="training")
    beta2: float = knob(0.999, "β₂ of Adam", acts="hot", low=0, high=0.99999, slider=False, group="training")
    precision: str = knob(
        "float32", "number format", choices=("float32", "float64"), slider=False, group="training"
    )
    seed: int = knob(0, "phases, random features and initial weights", low=0, high=9_999, group="target")

    def check(self) -> None:
        """The target exists and its frequencies are below Nyquist's."""
        signal(self)
        if self.domain == "circle" and (self.encoding != "none" or self.kind != "mlp"):
            raise ValueError(
                f"domain: got 'circle' with kind {self.kind!r} and encoding {self.encoding!r}; allowed: "
                "an MLP without encoding, since the circle is one"
            )

    @property
    def batch(self) -> int:
        """All points."""
        return self.points

    presets: ClassVar[Mapping[str, tuple[Mapping[str, Any], str]]] = PRESETS
    aliases: ClassVar[Mapping[str, tuple[str, Mapping[str, str]]]] = ALIASES


def _order(history: Any) -> float:
    """Spearman's rank correlation of frequency and the step at which half of it is learnt."""
    frequencies = signal(history.config).frequencies.tolist()
    learnt = np.stack([history[f"a_{k}"] for k in frequencies], 1)
    return learning_order(frequencies, first_times(history.steps, learnt, LEARNT))


class SpectralBias(DenseRun):
    """A network on samples of a function: which frequencies it has, and which its kernel says it should."""

    together = Runs
    stackable: ClassVar[frozenset[str]] = frozenset({"seed"})
    pace: ClassVar[float] = 150.0
    steps: ClassVar[int] = 2_000
    events: ClassVar[Mapping[str, tuple[str, float, str]]] = MappingProxyType(
        {
            "lowest learnt": ("lowest", LEARNT, "above"),
            "highest learnt": ("highest", LEARNT, "above"),
        }
    )
    outcomes: ClassVar[Mapping[str, Outcome]] = MappingProxyType(
        {
            "order": Outcome("rank correlation of frequency and time to learn", _order, limits=(-1.0, 1.0)),
            "highest_learnt": Outcome("step at which the highest frequency is learnt", scale="log"),
            "lowest_learnt": Outcome("step at which the lowest frequency is learnt", scale="log"),
            "delay": Outcome("delay (highest / lowest learnt)", lambda history: history.delay, scale="log"),
            "train_loss": Outcome("loss at the end", scale="log"),
        }
    )

    def __init__(self, config: Config, device: torch.device) -> None:
        super().__init__(config, device)
        self._kernel: torch.Tensor | None = None

    @torch.no_grad()
    def profile(self) -> dict[str, np.ndarray | float]:
        """a_k of every frequency; how far the empirical NTK has moved; pieces of ReLU along the line."""
        runs, learnt = self.runs, self.runs.amplitudes()[0]
        kernel = dense_ntk(self.nets, runs.learnt.x)[0]
        out = {
            "amplitudes": learnt.float().cpu().numpy(),
            "kernel_change": kernel_change(kernel, self._first_kernel()),
            "kernel_alignment": kernel_alignment(kernel, self._first_kernel()),
        }
        if self.config.kind == "mlp" and self.config.activation == "relu" and runs.on_a_line:
            layers = [
                (c * w[0], s * b[0])
                for (w, b), (c, s) in zip(self.nets.layers(), runs.scales(self.config), strict=True)
            ]
            x = runs.learnt.x
            out["regions"] = float(activation_regions(layers, x[0], x[-1]))
        return out

    def _first_kernel(self) -> torch.Tensor:
        """Θ̂ of the initial weights, which the config alone determines."""
        if self._kernel is None:
            start = Runs([self.config], self.device)
            self._kernel = dense_ntk(start.nets, start.learnt.x)[0]
        return self._kernel

    @torch.no_grad()
    def view(self) -> dict[str, np.ndarray]:
        """In "fit": x, the network there, and how far it is off, one row a point."""
        values = self.runs.values()[0]
        known = shown(self.config)
        x, y = known.x.to(values), known.y.to(values)
        return {"fit": torch.stack((x, values, (values - y).abs()), 1).float().cpu().numpy()}

    @staticmethod
    def pictures(config: Config) -> tuple[Picture, ...]:
        """Frequency × step, the function itself, notes with what their kernel predicts, losses, drift."""
        return pictures(config)


Config.experiment = SpectralBias

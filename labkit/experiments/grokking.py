"""Grokking: a network memorises a table of answers and generalises much later.

Doshi, Das, He, Gromov, *To grok or not to grok* (2023) for the quadratic network and label noise;
Nanda, Chan, Lieberum, Smith, Steinhardt, *Progress measures for grokking* (2023) for the transformer.
"""

import dataclasses
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar

import torch

from labkit import config as base
from labkit import runtime
from labkit.config import knob
from labkit.data import arithmetic, groups
from labkit.ensemble import SideBySide
from labkit.experiments.grokking_outcomes import OUTCOMES
from labkit.experiments.grokking_pictures import basis, pictures
from labkit.experiments.grokking_presets import ALIASES, PRESETS
from labkit.experiments.grokking_readings import Readings
from labkit.experiments.grokking_stacked import Stacked
from labkit.nn.chunks import PIECE_BYTES
from labkit.nn.flat import flatten, views
from labkit.nn.mlp import PairMLP
from labkit.nn.transformer import PairTransformer
from labkit.optim import LOSSES, OPTIMISERS, Loss, at_temperature
from labkit.pictures import Outcome
from labkit.train import State

#: Accuracy from which a split counts as solved.
SOLVED = 0.99


@dataclasses.dataclass(frozen=True, repr=False)
class Config(base.Config):
    """Settings of a grokking run. Defaults: the quadratic network of Doshi et al. where its plateau shows."""

    task: str = knob(
        "a+b", "the operation whose table is learnt", choices=tuple(arithmetic.TASKS), group="data"
    )
    modulus: int = knob(
        97, "p: numbers are 0 … p−1 and answers are mod p", low=3, high=257, label="modulus p", group="data"
    )
    letters: int = knob(
        5, "n of the symmetric group Sₙ; read by the task 'permutations' alone", low=3, high=5, group="data"
    )
    train_fraction: float = knob(
        0.25, "share of the table that is trained on; the rest is the test", low=0.01, high=0.99, group="data"
    )
    label_noise: float = knob(
        0.0, "share of training answers replaced by random ones", acts="hot", low=0, high=1, group="data"
    )
    model: str = knob("mlp", "architecture", choices=("mlp", "transformer"), group="model")
    activation: str = knob(
        "quadratic",
        "nonlinearity of the MLP; the transformer's is ReLU",
        choices=("quadratic", "relu", "gelu"),
        group="model",
    )
    width: int = knob(
        500, "hidden neurons", low=8, high=4096, scale="log", smallest=8, unit="neurons", group="model"
    )
    d_model: int = knob(
        128, "residual width of the transformer", low=8, high=1024, slider=False, group="model"
    )
    heads: int = knob(
        4, "attention heads of the transformer; divides d_model", low=1, high=64, slider=False, group="model"
    )
    init_scale: float = knob(
        1.0,
        "multiplies the initial weights of the paper",
        low=0.1,
        high=10,
        scale="log",
        smallest=0.1,
        label="initial scale",
        group="model",
    )
    tied: bool = knob(
        False, "one embedding for both numbers of the MLP, V = U", slider=False, label="tied embedding",
        group="model",
    )  # fmt: skip
    loss: str = knob("mse", "what is minimised", acts="warm", choices=tuple(LOSSES), group="training")
    float64_loss: bool = knob(
        False, "compute the loss and its gradient at the logits in float64", acts="warm", group="training"
    )
    temperature: float = knob(
        1.0, "T: the loss is taken of logits / T", acts="hot", low=0.01, high=100, scale="log",
        smallest=0.01, slider=False, label="loss temperature", group="training",
    )  # fmt: skip
    optimizer: str = knob(
        "adamw", "how weights are updated", acts="warm", choices=tuple(OPTIMISERS), group="training"
    )
    learning_rate: float = knob(
        1e-2, "step size", acts="hot", low=0, high=100, scale="log", smallest=1e-5, group="training"
    )
    weight_decay: float = knob(
        2.0, "pull of the weights towards zero", acts="hot", low=0, high=100, scale="log", smallest=1e-2,
        group="training",
    )  # fmt: skip
    momentum: float = knob(
        0.9, "β₁ of AdamW, momentum of SGD", acts="hot", low=0, high=0.999, group="training"
    )
    beta2: float = knob(0.98, "β₂ of AdamW", acts="hot", low=0, high=0.99999, slider=False, group="training")
    epsilon: float = knob(1e-8, "ε of AdamW", acts="hot", low=0, high=1, slider=False, group="training")
    warmup: int = knob(
        0, "steps of linear growth of the learning rate", acts="hot", low=0, high=100_000, unit="steps",
        slider=False, group="training",
    )  # fmt: skip
    precision: str = knob(
        "float32",
        "number format; bfloat16 rounds the large products, weights stay float32",
        choices=("float32", "float64", "bfloat16"),
        group="training",
    )
    seed: int = knob(0, "split, noise and initial weights", low=0, high=9_999, group="data")

    def check(self) -> None:
        """Rules that concern several fields."""
        task = arithmetic.TASKS[self.task]
        if task.field_only and not groups.is_prime(self.modulus):
            raise ValueError(
                f"modulus: got {self.modulus} with task {self.task!r}; allowed: a prime, since every "
                "non-zero number must have an inverse"
            )
        if self.model == "transformer" and self.d_model % self.heads:
            raise ValueError(f"heads: got {self.heads}; allowed: a divisor of d_model={self.d_model}")
        rows = len(arithmetic.pairs(self.task, self.size).a)
        arithmetic.split(rows, self.train_fraction, generator=runtime.generator(self.seed))

    @property
    def size(self) -> int:
        """What the task is built on: p, or n of the symmetric group."""
        return self.letters if self.task == "permutations" else self.modulus

    presets: ClassVar[Mapping[str, tuple[Mapping[str, Any], str]]] = PRESETS
    aliases: ClassVar[Mapping[str, tuple[str, Mapping[str, str]]]] = ALIASES


class Grokking(Readings):
    """Full-batch training on part of an operation's table, tested on the rest."""

    #: The default page generalises near step 195: eight seconds at this many steps a second.
    pace: ClassVar[float] = 24.0
    #: Five times what the default page takes.
    steps: ClassVar[int] = 1_000
    outcomes: ClassVar[Mapping[str, Outcome]] = OUTCOMES
    #: Cold, yet of no consequence for shapes.
    stackable: ClassVar[frozenset[str]] = frozenset({"seed", "init_scale"})
    events: ClassVar[Mapping[str, tuple[str, float, str]]] = MappingProxyType(
        {
            "train solved": ("train_accuracy", SOLVED, "above"),
            "test solved": ("test_accuracy", SOLVED, "above"),
        }
    )

    @staticmethod
    def memory(config: Config) -> int:
        """Bytes of one run while it trains and is measured: weights, logits, a piece of rows."""
        table = arithmetic.pairs(config.task, config.size)
        with torch.device("meta"):
            weights = sum(p.numel() for p in _model(config, table.tokens).parameters())
        number = 8 if "float64" in (config.precision, config.float64_loss and "float64") else 4
        # the optimiser needs a fifth copy for a moment; the loss and its sums need the logits thrice
        rows = len(table.a)
        piece = min(PIECE_BYTES, int(3 * number * config.width * rows * config.train_fraction))
        return number * (5 * weights + 4 * rows * (table.tokens + 1)) + 100 * rows + piece

    def __init__(self, config: Config, device: torch.device) -> None:
        self.config, self.device = config, device
        table = arithmetic.pairs(config.task, config.size)
        split = arithmetic.split(
            len(table.a), config.train_fraction, generator=runtime.generator(config.seed, 0)
        )
        self.tokens = table.tokens
        self.a, self.b, self.answer = (column.to(device) for column in table[:3])
        self.train, self.test = (index.to(device) for index in split)
        self._train_pairs = self.a[self.train], self.b[self.train]
        self._test_labels = self.answer[self.test]
        self.basis = basis(config)
        self.model = _model(config, table.tokens).to(device)
        self.flat = flatten(self.model)
        self._gradient = torch.zeros_like(self.flat)
        self._slots = views(self._gradient, self.model)
        self._loss = _loss(config)
        self._buffers = self._new_buffers()
        self._read: torch.Tensor | None = None
        self._label()
        self._recorded = runtime.Recorded(self.update, device)

    def _label(self) -> None:
        noise = runtime.generator(self.config.seed, 1)
        clean = self.answer[self.train]
        self.labels = arithmetic.corrupt(clean, self.config.label_noise, self.tokens, generator=noise)

    # ------------------------------------------------------------------------------- the contract

    def step(self) -> None:
        """One full-batch update."""
        self._read = None
        self._recorded()

    def update(self) -> None:
        """The update itself, which a GPU records once and repeats."""
        c = self.config
        self.model.gradient(*self._train_pairs, self.labels, self._loss.gradient_, self._slots)
        OPTIMISERS[c.optimizer].update(
            self.flat,
            self._gradient,
            self._buffers,
            lr=c.learning_rate * self._warm(),
            weight_decay=c.weight_decay,
            beta1=c.momentum,
            beta2=c.beta2,
            eps=c.epsilon,
            momentum=c.momentum,
        )

    def _warm(self) -> float | torch.Tensor:
        """Share of the learning rate in the next update; on a GPU it stays there, so that no step waits."""
        done, steps = self._buffers["updates"], self.config.warmup
        if not steps:
            return 1.0
        if self.device.type == "cpu":
            return min(1.0, (int(done) + 1) / steps)
        return ((done + 1) / steps).clamp(max=1.0)

    def _new_buffers(self) -> dict[str, torch.Tensor]:
        buffers = OPTIMISERS[self.config.optimizer].new_buffers(self.flat)
        return buffers | {"updates": buffers["updates"].to(self.device)}

    def configure(self, config: Config) -> None:
        """Take over hot and warm values; a change of optimiser starts with empty moments."""
        old = self.config
        old.refuse_cold(config)
        self.config, self._loss = config, _loss(config)
        if config.optimizer != old.optimizer:
            self._buffers = self._new_buffers()
        if config.label_noise != old.label_noise:
            self._label()
        self._recorded.forget()

    def state(self) -> State:
        """Weights by name, and the optimiser's buffers."""
        weights = {f"weights.{name}": p.detach().clone() for name, p in self.model.named_parameters()}
        return weights | {f"optimiser.{name}": t.clone() for name, t in self._buffers.items()}

    @torch.no_grad()
    def load(self, state: State) -> None:
        """Take over a state."""
        self._read = None
        for name, parameter in self.model.named_parameters():
            parameter.copy_(state[f"weights.{name}"])
        for name, buffer in self._buffers.items():
            buffer.copy_(state[f"optimiser.{name}"])

    @staticmethod
    def ensemble(config: Config, device: torch.device) -> type:
        """Runs that keep a core busy side by side; one kernel for all on a GPU."""
        # products in another format than the weights are the single model's alone
        stacks = device.type != "cpu" and config.precision != "bfloat16"
        return Stacked if stacks else SideBySide

    pictures = staticmethod(pictures)


Config.experiment = Grokking


def _model(config: Config, tokens: int) -> PairMLP | PairTransformer:
    common = {
        "width": config.width,
        "init_scale": config.init_scale,
        "generator": runtime.generator(config.seed, 2),
        "dtype": runtime.dtype("float32" if config.precision == "bfloat16" else config.precision),
        "products": runtime.dtype(config.precision),
    }
    if config.model == "mlp":
        return PairMLP(tokens, activation=config.activation, tied=config.tied, **common)
    return PairTransformer(tokens, d_model=config.d_model, heads=config.heads, **common)


def _loss(config: Config) -> Loss:
    loss = at_temperature(LOSSES[config.loss], config.temperature)
    if not config.float64_loss:
        return loss
    double = {"precision": torch.float64}
    return dataclasses.replace(
        loss, value=partial(loss.value, **double), gradient_=partial(loss.gradient_, **double)
    )

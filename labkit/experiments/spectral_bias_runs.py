"""Spectral-bias runs as an ensemble: targets, inputs and starts by member, and what the kernel predicts."""

import copy
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from labkit import runtime
from labkit.data import signals
from labkit.data.signals import Signal
from labkit.experiments.dense import DenseRuns, Problem
from labkit.experiments.spectral_bias_prediction import OPTIMISERS, Prediction
from labkit.measures import learned_amplitudes
from labkit.nn import fields
from labkit.nn.activations import Activation
from labkit.nn.dense import DenseNets
from labkit.nn.fields import encodings, starts
from labkit.optim import SQUARED_ERROR, Loss, Optimiser
from labkit.theory.ntk import Linearised, circle_points, dense_ntk, linearise

if TYPE_CHECKING:
    from labkit.experiments.spectral_bias import Config

#: Streams of random numbers of one seed (2 is that of the weights).
PHASES, FEATURES = 0, 1

#: name -> (config, generator) to the function.
TARGETS: dict[str, Callable[["Config", torch.Generator], Signal]] = {
    "sines": lambda c, draw: signals.sines(
        [c.spacing * j for j in range(1, c.notes + 1)], c.amplitudes, points=c.points, generator=draw
    ),
    "high only": lambda c, draw: signals.high_only(c.spacing, c.notes, points=c.points, generator=draw),
    "square": lambda c, draw: signals.square(c.spacing, points=c.points),
    "saw": lambda c, draw: signals.saw(c.spacing, points=c.points),
    "chirp": lambda c, draw: signals.chirp(c.spacing, c.spacing * c.notes, points=c.points),
}


def signal(config: "Config") -> Signal:
    """The function that ``config`` asks for."""
    if config.target not in TARGETS:
        return signals.signal(config.target)
    return TARGETS[config.target](config, runtime.generator(config.seed, PHASES))


@lru_cache(maxsize=4)
def shown(config: "Config") -> Signal:
    """The same, kept for what draws it."""
    return signal(config)


def inputs(config: "Config", x: Tensor) -> Tensor:
    """What the network sees of x (N,) on [0, 1): (N, in) float64.

    Plain MLPs and encodings see x itself, as in Rahaman et al. and in Tancik et al.'s example in one
    dimension; sine networks and their relatives 2x − 1, for which they are started.
    """
    if config.domain == "circle":
        return circle_points(len(x))
    x = x[:, None] if config.kind == "mlp" or config.encoding != "none" else 2 * x[:, None] - 1
    b = encodings.matrix(
        config.encoding, 1, features=config.features, sigma=config.sigma, bands=config.bands,
        generator=runtime.generator(config.seed, FEATURES),
    )  # fmt: skip
    return x if b is None else encodings.fourier_features(x, b)


class Runs(DenseRuns):
    """Networks of one shape, each with its own phases, features and weights.

    A run's output is f = α(h − h_0), with α the output scale and h_0 what the network h says at its start,
    or 0 unless ``centred``. The loss is the mean of (f − y)², descended at the rate η/α².
    """

    def __init__(self, configs: Sequence["Config"], device: torch.device) -> None:
        super().__init__(configs, device)
        first = self._configs[0]
        self._alpha, members = first.output_scale, len(self._configs)
        known = [signal(config) for config in self._configs]
        self._notes = known[0].frequencies.to(device)
        self._target = torch.stack([one.amplitudes for one in known]).to(device)
        outputs = self._outputs()
        offset = outputs * self._alpha if first.centred else torch.zeros_like(outputs)
        # the loss compares α h with y + α h_0
        self._offset = offset[..., None]
        self._problem = self._shifted(offset[..., None])
        self._predicted: list[Prediction | None] = [None] * members
        if self.predicts(first):
            start = outputs * self._alpha - offset
            # small eigenvalues need more digits than float32 has
            exact = copy.deepcopy(self.nets).double()
            kernels = dense_ntk(exact, self._problem.x.double()).cpu()
            y = self._problem.answer - self._offset
            self._predicted = [
                Prediction(linearise(kernels[m], start[m], y[m]), known[m], self._configs[m])
                for m in range(members)
            ]

    # ------------------------------------------------------------------ what is learnt, and how

    @staticmethod
    def problem(config: "Config") -> Problem:
        """All samples of one period; nothing is held out."""
        known, form = signal(config), runtime.dtype(config.precision)
        x, y = inputs(config, known.x).to(form), known.y[:, None].to(form)
        return Problem(x, y, x[:0], y[:0], 1)

    @classmethod
    def gathered(cls, configs: Sequence["Config"]) -> Problem:
        """Targets by member; inputs too, where features are drawn."""
        each = [cls.problem(config) for config in configs]
        drawn = configs[0].encoding == "gaussian"
        x = torch.stack([one.x for one in each]) if drawn else each[0].x
        y = torch.stack([one.answer for one in each])
        return Problem(x, y, x[..., :0, :], y[:, :0], 1, own=True)

    @classmethod
    def networks(cls, configs: Sequence["Config"], sizes: tuple[int, ...]) -> DenseNets:
        """At their start, on the CPU."""
        first = configs[0]
        phi, start = fields.parts(
            first.kind, activation=first.activation, omega_0=first.omega_0, scale=first.scale
        )
        return DenseNets(
            sizes,
            generators=[runtime.generator(config.seed, 2) for config in configs],
            activation=phi,
            start=starts.normal(1.0, 1.0) if first.parametrisation == "ntk" else start,
            scales=cls.scales(first, sizes),
            dtype=runtime.dtype(first.precision),
        )

    @staticmethod
    def scales(config: "Config", sizes: Sequence[int] | None = None) -> list[tuple[float, float]]:
        """(c_l, s_l) of each layer: He's √(2/fan-in) in the NTK parametrisation, 1 otherwise."""
        if sizes is None:
            sizes = (inputs(config, signals.grid(4)).shape[1], *[config.width] * config.depth)
        else:
            sizes = sizes[:-1]
        ntk = config.parametrisation == "ntk"
        return [(math.sqrt(2 / n) if ntk else 1.0, config.bias) for n in sizes]

    @staticmethod
    def activation(config: "Config") -> Activation:
        """Of the hidden layers."""
        return fields.parts(
            config.kind, activation=config.activation, omega_0=config.omega_0, scale=config.scale
        )[0]

    @staticmethod
    def loss(config: "Config") -> Loss:
        """(αh − y)²/α² in place of (h − y)²."""
        alpha = config.output_scale

        def gradient_(outputs: Tensor, answer: Tensor, rows: int, **options: Any) -> Tensor:
            return SQUARED_ERROR.gradient_(outputs.mul_(alpha), answer, rows).mul_(1 / alpha)

        return Loss(SQUARED_ERROR.value, gradient_, SQUARED_ERROR.formula, SQUARED_ERROR.source)

    @staticmethod
    def optimiser(config: "Config") -> Optimiser:
        """Adam, or gradient descent with or without momentum."""
        return OPTIMISERS[config.optimizer][0]

    @staticmethod
    def hyper(config: "Config") -> dict[str, float]:
        """What an update is told."""
        momentum = config.momentum if OPTIMISERS[config.optimizer][1] else 0.0
        return {"lr": config.learning_rate, "momentum": momentum, "beta1": momentum, "beta2": config.beta2}

    @staticmethod
    def predicts(config: "Config") -> bool:
        """Whether the kernel says how training goes.

        Not for Adam, which rescales each gradient, and not for FINER, which follows none: a factor of its
        slope is left out in training.
        """
        return OPTIMISERS[config.optimizer][2] is not None and config.kind != "finer"

    # ---------------------------------------------------------------------------- what is read

    @property
    def on_a_line(self) -> bool:
        """Whether inputs move along a straight line with x."""
        return self._problem.x.dim() == 2 and self._problem.x.shape[1] == 1

    @torch.no_grad()
    def values(self) -> Tensor:
        """Outputs at the samples, (M, N)."""
        return self._outputs() * self._alpha - self._offset[..., 0]

    def amplitudes(self, values: Tensor | None = None) -> Tensor:
        """a_k of each member, (M, K)."""
        values = self.values() if values is None else values
        return learned_amplitudes(values, self._notes, torch.ones_like(self._target[0])) / self._target.to(
            values
        )

    @torch.no_grad()
    def measure(self) -> list[dict[str, float]]:
        """Loss, a_k by frequency, and for gradient descent what the kernel of the start predicts of both."""
        values = self.values()
        target = (self._problem.answer - self._offset)[..., 0]
        losses = (values - target).square().mean(1).tolist()
        table, notes = self.amplitudes(values).tolist(), self._notes.tolist()
        found = []
        for loss, learnt, predicted in zip(losses, table, self._predicted, strict=True):
            read = {"train_loss": loss, "lowest": learnt[0], "highest": learnt[-1]}
            read |= {f"a_{k}": value for k, value in zip(notes, learnt, strict=True)}
            found.append(read if predicted is None else read | predicted.at(self._step))
        return found

    def solved(self, member: int = 0) -> Linearised | None:
        """Training as the kernel of the start says, ready to be asked at any time, if it does."""
        kept = self._predicted[member]
        return None if kept is None else kept.solved

    def mode_residuals(self, member: int = 0) -> Tensor:
        """Target minus f along each eigenvector of the kernel of the start, (N,) float64.

        What :meth:`labkit.theory.ntk.Linearised.residuals` predicts.

        Raises:
            ValueError: no kernel predicts this run, see :meth:`predicts`.
        """
        solved = self.solved(member)
        if solved is None:
            c = self._configs[member]
            raise ValueError(
                f"optimizer: got {c.optimizer!r} with kind {c.kind!r}; allowed: 'gd', 'momentum' with a kind "
                "other than 'finer', for which a kernel predicts"
            )
        return solved.modes.T @ (solved.target - self.values()[member].to(solved.target))

    def _outputs(self) -> Tensor:
        with torch.no_grad():
            return self.nets(self._problem.x)[..., 0]

    def _shifted(self, by: Tensor) -> Problem:
        p = self._problem
        return Problem(p.x, p.answer + by, p.test_x, p.test_answer, p.outputs, own=True)

    # -------------------------------------------------------------------------- the ensemble

    def keep(self, members: Sequence[int]) -> None:
        """Go on with these alone."""
        super().keep(members)
        index = torch.tensor(members, device=self._device)
        self._offset, self._target = self._offset[index], self._target[index]
        self._predicted = [self._predicted[member] for member in members]

    def configure(self, member: int, config: "Config") -> None:
        """Take over hot and warm values; the prediction is of the first ones and ends there."""
        super().configure(member, config)
        if (kept := self._predicted[member]) is not None and not kept.of(config):
            kept.over = True

    def state(self, member: int) -> dict[str, Tensor]:
        """All that an update changes, and whether the prediction still holds."""
        kept = self._predicted[member]
        over = torch.tensor(kept is not None and kept.over)
        return super().state(member) | {"prediction over": over}

    def load(self, member: int, state: dict[str, Tensor]) -> None:
        """Take over such a state."""
        super().load(member, state)
        if (kept := self._predicted[member]) is not None:
            kept.over = bool(state["prediction over"])

"""What the kernel of the start predicts of a spectral-bias run: its amplitudes and its loss at any step."""

import math
from typing import TYPE_CHECKING

import torch

from labkit.data.signals import Signal
from labkit.optim import OPTIMISERS as UPDATES
from labkit.optim import Optimiser
from labkit.theory.ntk import Linearised

if TYPE_CHECKING:
    from labkit.experiments.spectral_bias import Config

#: name -> (update, whether its momentum counts, how the linearised dynamics are solved; Adam's are not)
OPTIMISERS: dict[str, tuple[Optimiser, bool, str | None]] = {
    "adam": (UPDATES["adamw"], True, None),
    "gd": (UPDATES["sgd"], False, "gd"),
    "momentum": (UPDATES["sgd"], True, "momentum"),
}


class Prediction:
    """a_k(t) and the loss of one run, by the kernel of its start.

    Attributes:
        solved: the linearised dynamics.
        over: whether settings have changed since, so that nothing is predicted any more.
    """

    def __init__(self, solved: Linearised, known: Signal, config: "Config") -> None:
        self.solved, self._config, self.over = solved, config, False
        self._notes = known.frequencies.tolist()
        scale = 2 / (len(known.y) * known.amplitudes)
        # the transform of what each mode adds to the residual, so that a time is one small product
        self._modes = torch.fft.rfft(solved.modes.T)[:, known.frequencies].T * scale[:, None]
        self._aim = torch.fft.rfft(solved.target)[known.frequencies] * scale

    def of(self, config: "Config") -> bool:
        """Whether these settings train as those that it was made for."""
        same = ("optimizer", "learning_rate", "momentum")
        return all(getattr(config, name) == getattr(self._config, name) for name in same)

    def at(self, step: int) -> dict[str, float]:
        """What is predicted after ``step`` updates; NaN once other settings trained."""
        names = ["ntk_loss", *(f"ntk_{k}" for k in self._notes)]
        if self.over:
            return dict.fromkeys(names, math.nan)
        c = self._config
        momentum = c.momentum if OPTIMISERS[c.optimizer][1] else 0.0
        left = self.solved.residuals(step, c.learning_rate, OPTIMISERS[c.optimizer][2], momentum)
        loss = float(left.square().sum()) / len(self.solved.target)
        learnt = (self._aim - self._modes @ left.to(self._modes.dtype)).abs()
        # beyond the edge of stability the prediction leaves every float
        values = [loss, *learnt.tolist()]
        return {n: v if math.isfinite(v) else math.nan for n, v in zip(names, values, strict=True)}

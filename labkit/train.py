"""One training loop, a generator that knows nothing of the subject.

To stop is to leave the loop: a stop button, a time limit and a three-step test need no extra code.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Protocol

import numpy as np
import torch

from labkit.config import Config
from labkit.nn.shares import on_one_core
from labkit.pictures import Outcome, Picture

State = dict[str, torch.Tensor]


class Experiment(Protocol):
    """What the loop, the history and the live panel ask of a phenomenon."""

    #: Steps a second at which the interesting part takes about eight seconds to watch.
    pace: float
    #: name -> (column, threshold, "above" or "below"): flags such as "train solved".
    events: ClassVar[Mapping[str, tuple[str, float, str]]]
    #: Updates after which the phenomenon has shown itself: what ``sweep`` trains unless told otherwise.
    steps: ClassVar[int]
    #: What a whole run comes to, by column of a sweep's frame.
    outcomes: ClassVar[Mapping[str, Outcome]]

    config: Config
    device: torch.device

    def __init__(self, config: Config, device: torch.device) -> None: ...

    def step(self) -> None:
        """One update with the values in ``self.config``."""

    def configure(self, config: Config) -> None:
        """Take over new hot and warm values, keeping the weights; cold changes raise ``ValueError``."""

    def measure(self) -> dict[str, float]:
        """Cheap scalars of the present weights, recorded often."""

    def profile(self) -> dict[str, np.ndarray | float]:
        """What costs more, recorded less often: vectors (a heat map's columns) and scalars."""

    def view(self) -> dict[str, np.ndarray]:
        """Arrays that only the present state has (point clouds); not kept over time."""

    @staticmethod
    def pictures(config: Config) -> tuple[Picture, ...]:
        """What to draw, naming the columns that the three methods above return."""

    def state(self) -> State:
        """Copies of everything that :meth:`step` changes, enough to continue bit for bit."""

    def load(self, state: State) -> None:
        """Take over such a state."""


@dataclass
class Record:
    """What one turn of the loop yields: the step count, and what was read off those weights.

    ``applied`` are the changes taken over just before the update that led here, that is at ``step - 1``.
    """

    step: int
    measures: dict[str, float] = field(default_factory=dict)
    profiles: dict[str, np.ndarray] = field(default_factory=dict)
    applied: dict[str, Any] = field(default_factory=dict)
    note: str = ""


def spaced(detail: int) -> Callable[[int], bool]:
    """Which steps to record: every one up to ``2 * detail``, then ``detail`` to an octave.

    A function of the step alone, so that a run and its resumed halves record the same steps; a run
    of ``n`` steps records about ``detail * (1 + log2(n / detail))`` rows.
    """

    def due(step: int) -> bool:
        octave = max(0, (step // (2 * detail)).bit_length())
        return step % (1 << octave) == 0

    return due


#: Scalars: every step to 128, then better than 2 % resolution. Profiles cost more: a subset of those steps.
MEASURE_DUE = spaced(64)
PROFILE_DUE = spaced(16)


def read(experiment: Experiment, step: int, *, measure: bool = True, profile: bool = True) -> Record:
    """Read the present weights, as the loop does after ``step`` updates."""
    record = checked(step, experiment.measure()) if measure else Record(step)
    if profile and not record.note:
        for name, value in experiment.profile().items():
            if np.ndim(value):
                record.profiles[name] = value
            else:
                record.measures[name] = value
    return record


def checked(step: int, measures: dict[str, float]) -> Record:
    """A record of what was measured, with a note if a loss is no longer finite."""
    for name, value in measures.items():
        if name.endswith("loss") and not math.isfinite(value):
            note = f"stopped at step {step}: {name} is {value} (the run diverged)"
            return Record(step, measures, note=note)
    return Record(step, measures)


def train(
    experiment: Experiment,
    *,
    start: int = 0,
    changes: Callable[[int], Mapping[str, Any]] | None = None,
    measure_due: Callable[[int], bool] = MEASURE_DUE,
    profile_due: Callable[[int], bool] = PROFILE_DUE,
) -> Iterator[Record]:
    """Yield a :class:`Record` for the present weights, then one after each update, without end.

    Args:
        experiment: already built; it is changed in place.
        start: the step count of its present weights.
        changes: asked before each update for new values of config fields (hot or warm).
        measure_due: at which steps scalars are read.
        profile_due: at which steps profiles are read.

    The loop ends by itself only when a measured loss is no longer finite; the last record then
    carries a ``note``.
    """
    step, applied = start, {}
    while True:
        reading = partial(read, experiment, step, measure=measure_due(step), profile=profile_due(step))
        record = on_one_core(reading, experiment.device)
        record.applied = applied
        yield record
        if record.note:
            return
        applied = dict(changes(step)) if changes is not None else {}
        if applied:
            experiment.configure(experiment.config.replace(**applied))
        on_one_core(experiment.step, experiment.device)
        step += 1

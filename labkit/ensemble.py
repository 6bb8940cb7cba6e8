"""Many runs at once: an ensemble is to several configs what an experiment is to one."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Protocol, TypeVar

import torch

from labkit.config import Config
from labkit.history import History
from labkit.nn.shares import cores, on_one_core, side_by_side
from labkit.train import MEASURE_DUE, Experiment, Record, checked, read

Result = TypeVar("Result")

#: Seconds after which ``stopped`` is asked again, where an update is that short.
ASK_EVERY = 0.1
#: Seconds of a step below which a second core brings less than the interpreter's lock costs, which threads
#: hand on at every operation: at .4 ms two threads take twice as long as one, from 1.2 ms on they gain.
BRIEF = 1.5e-3


class Ensemble(Protocol):
    """Runs that train together; each follows what its config does alone, to rounding.

    An experiment that has a faster way than :class:`SideBySide` has a static method
    ``ensemble(config, device)`` that gives the class. Members are counted as they are now: those that
    :meth:`keep` let go are no longer counted.
    """

    def __init__(self, configs: Sequence[Config], device: torch.device) -> None: ...

    def advance(self, count: int) -> None:
        """So many updates of every member."""

    def measure(self) -> list[dict[str, float]]:
        """What :meth:`Experiment.measure` says of each member."""

    def keep(self, members: Sequence[int]) -> None:
        """Go on with these alone."""

    def single(self, member: int) -> Experiment:
        """The member as it is now, as an experiment of its own."""

    @staticmethod
    def most(device: torch.device) -> int:
        """Members beyond which nothing is gained."""


class SideBySide:
    """One core a member. For runs that keep a core busy nothing is faster: see ``make bench``.

    Threads of one step wait for each other a hundred times; members wait only where they are measured.
    Members whose steps are brief go one after another.
    """

    def __init__(self, configs: Sequence[Config], device: torch.device) -> None:
        self._members = [config.experiment(config, device) for config in configs]
        self._brief = True

    def advance(self, count: int) -> None:
        """So many updates of every member."""

        def steps(member: Experiment) -> None:
            for _ in range(count):
                member.step()

        began = time.perf_counter()
        self._each(steps)
        self._brief = time.perf_counter() - began < BRIEF * count * len(self._members)

    def measure(self) -> list[dict[str, float]]:
        """Every member's own measures."""
        return self._each(lambda member: member.measure())

    def keep(self, members: Sequence[int]) -> None:
        """Go on with these alone."""
        self._members = [self._members[member] for member in members]

    def single(self, member: int) -> Experiment:
        """The member itself."""
        return self._members[member]

    @staticmethod
    def most(device: torch.device) -> int:
        """As many as there are threads; a GPU is kept busy by one."""
        return cores() if device.type == "cpu" else 1

    def _each(self, function: Callable[[Experiment], Result]) -> list[Result]:
        return side_by_side(function, self._members, at_most=1 if self._brief else None)


def kind(config: Config, device: torch.device) -> type[Ensemble]:
    """How runs like ``config`` are trained together on ``device``: as their experiment says."""
    choose = getattr(config.experiment, "ensemble", None)
    return SideBySide if choose is None else choose(config, device)


def train_together(
    configs: Sequence[Config],
    steps: int,
    *,
    device: torch.device,
    until: str | None = None,
    measure_due: Callable[[int], bool] = MEASURE_DUE,
    tell: Callable[[int], None] = lambda updates: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[int, History]]:
    """Train runs that can be stacked; yield ``(position in configs, history)`` of each as it ends.

    Args:
        configs: of equal shapes.
        steps: updates of each, unless its loss stops being finite or ``until`` happens.
        device: where.
        until: an event of the experiment that ends a run, such as "test solved".
        measure_due: at which steps measures are read. Profiles are read at a run's end alone.
        tell: called with the updates done since the last call, all members together.
        stopped: asked every tenth of a second; once it says so, nothing more is trained or yielded. It may
            take its time to answer: meanwhile the runs are held.
    """
    ensemble = kind(configs[0], device)(configs, device)
    histories = [History(config, device=str(device)) for config in configs]
    living, step, piece = list(range(len(configs))), 0, 1
    while living:
        going, measured = [], on_one_core(ensemble.measure, device)
        for at, (member, measures) in enumerate(zip(living, measured, strict=True)):
            history = histories[member]
            history.add(checked(step, measures))
            if step < steps and not history.notes and until not in history.events:
                going.append(at)
                continue
            _close(history, ensemble.single(at))
            yield member, history
        if len(going) < len(living):
            ensemble.keep(going)
            living = [living[at] for at in going]
        ahead = next((n for n in range(step + 1, steps + 1) if n == steps or measure_due(n)), step)
        while living and step < ahead:
            if stopped():
                return
            count, began = min(piece, ahead - step), time.perf_counter()
            on_one_core(partial(ensemble.advance, count), device)
            tell(count * len(living))
            step += count
            piece = max(1, min(2 * piece, int(ASK_EVERY * count / (time.perf_counter() - began + 1e-9))))


def _close(history: History, experiment: Experiment) -> None:
    """Add what is read only once, of the last weights."""
    if not history.notes:
        last = on_one_core(partial(read, experiment, history.step, measure=False), experiment.device)
        history.scalars.complete(last.measures)
        history.add(Record(history.step, profiles=last.profiles))

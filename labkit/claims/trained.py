"""Train as far as a claim needs, measuring no longer than it needs."""

from collections.abc import Callable
from typing import NamedTuple

from labkit import Config, History, runtime
from labkit.train import Record, read, train


class Trained(NamedTuple):
    """A run: its scalars while it was watched, and everything read off its last weights."""

    history: History
    step: int
    last: dict[str, float]


def trained(config: Config, limit: int, done: Callable[[Record], bool], extra: int | None = None) -> Trained:
    """Train and measure until ``done`` says so of a record; then unmeasured; read in full at the end.

    Args:
        config: the settings.
        limit: updates in all at most.
        done: asked at each measured step (every step at first, then log-spaced).
        extra: updates after ``done``; ``None`` goes on to the limit in any case.
    """
    history, experiment = History(config), config.experiment(config, runtime.device())
    end = limit
    for record in train(experiment, profile_due=lambda step: False):
        history.add(record)
        if record.measures and done(record):
            end = limit if extra is None else min(limit, record.step + extra)
            break
        if record.step >= limit:
            break
    if history.notes:  # it diverged: nothing is gained by going on
        end = history.step
    for _ in range(history.step, end):
        experiment.step()
    return Trained(history, end, read(experiment, end).measures)

"""One run inside a panel: an experiment, its history, and the snapshots that can be scrubbed to."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from labkit.config import Config
from labkit.history import History
from labkit.train import Experiment, Record, State, spaced, train

#: Memory for one run's snapshots, bytes; about 70 states of the default network.
SNAPSHOT_BYTES = 128 * 2**20
#: Snapshots of one run at most: a scrub range needs no more stops.
SNAPSHOTS = 64
_SNAPSHOT_DUE = spaced(8)


class Branch:
    """A run that can be stepped, changed, looked at in the past, and forked.

    ``role``: "live" trains; "ghost" is what a cold change left behind; "pinned" is kept to compare.
    """

    def __init__(
        self,
        number: int,
        history: History,
        colour: int,
        *,
        role: str = "live",
        label: str = "",
        experiment: Experiment | None = None,
    ) -> None:
        self.number, self.history, self.colour = number, history, colour
        self.role, self.label = role, label or f"run {number + 1}"
        self.experiment = experiment
        self.forked_at: int | None = None
        self.snapshots: dict[int, State] = {}
        self.pending: dict[str, Any] = {}
        if experiment is not None:
            self._loop: Iterator[Record] = train(experiment, start=history.step, changes=self._changes)
            self.advance()

    @property
    def alive(self) -> bool:
        """Whether it can still be stepped."""
        return self.role == "live" and not self.history.notes

    @property
    def config(self) -> Config:
        """Settings in force, those waiting for the next step included."""
        return self.history.current.replace(**self.pending)

    def set(self, values: dict[str, Any]) -> None:
        """Change hot or warm values from the next step on; a bad value raises and changes nothing."""
        self.config.replace(**values)
        self.pending |= values

    def _changes(self, step: int) -> dict[str, Any]:
        if not self.pending:
            return {}
        now = self.history.current
        asked, self.pending = self.pending, {}
        return {name: value for name, value in asked.items() if value != getattr(now, name)}

    def advance(self) -> None:
        """One update, recorded; a snapshot where one is due."""
        record = next(self._loop, None)
        if record is None:
            return
        self.history.add(record)
        if _SNAPSHOT_DUE(record.step):
            self._keep(record.step)

    def _keep(self, step: int) -> None:
        self.snapshots[step] = state = self.experiment.state()
        size = sum(tensor.nbytes for tensor in state.values())
        most = max(8, min(SNAPSHOTS, SNAPSHOT_BYTES // max(size, 1)))
        while len(self.snapshots) > most:
            # Drop where neighbours are closest on a log scale, so that every phase stays within reach.
            steps = np.array(sorted(self.snapshots), dtype=float)
            gaps = np.log1p(steps[2:]) - np.log1p(steps[:-2])
            del self.snapshots[int(steps[1 + int(np.argmin(gaps))])]

    def view(self, step: int | None = None) -> dict[str, np.ndarray]:
        """The point clouds of now, or of the snapshot at ``step``."""
        if self.experiment is None:
            return self.history.views
        if step is None or step == self.history.step:
            self.history.views = self.experiment.view()
            return self.history.views
        now = self.experiment.state()
        self.experiment.load(self.snapshots[step])
        try:
            return self.experiment.view()
        finally:
            self.experiment.load(now)

    def nearest_snapshot(self, step: int) -> int:
        """The recorded snapshot step closest to ``step``."""
        return min(self.snapshots, key=lambda kept: abs(kept - step))

    def fork(self, number: int, colour: int, device: torch.device, step: int | None = None) -> "Branch":
        """A branch with the same past and a cloned state, from now or from the snapshot at ``step``."""
        at = self.history.step if step is None else step
        state = self.experiment.state() if step is None else self.snapshots[step]
        history = self.history.until(at)
        config = history.current
        experiment = config.experiment(config, device)
        experiment.load(state)
        label = f"{self.label.split(' · ')[0]} · fork at {at:,}"
        twin = Branch(number, history, colour, label=label, experiment=experiment)
        twin.forked_at = at
        twin.snapshots = {s: kept for s, kept in self.snapshots.items() if s <= at} | twin.snapshots
        if step is None:
            twin.pending = dict(self.pending)
        return twin

    def pin(self, number: int) -> "Branch":
        """The curves as they are now, kept to compare with what comes."""
        kept = self.history.until(self.history.step)
        kept.views = self.view()
        label = f"{self.label} · pinned at {kept.step:,}"
        return Branch(number, kept, self.colour, role="pinned", label=label)

    def retire(self, role: str) -> None:
        """Stop training for good and keep the curves: as a ghost, or pinned."""
        self.role = role
        self.complete()
        self.experiment, self.snapshots = None, {}

    def complete(self) -> History:
        """The history with the present state and point clouds, as ``run`` returns it; not while it trains."""
        if self.experiment is not None:
            self.history.state, self.history.views = self.experiment.state(), self.experiment.view()
        return self.history

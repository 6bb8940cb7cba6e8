"""What a run leaves behind: columns of numbers, the config, what was changed on the way, and the state."""

import math
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from labkit import archive
from labkit.config import Config
from labkit.rows import Rows
from labkit.train import MEASURE_DUE, Record, State

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure


class Intervention(NamedTuple):
    """``name`` was set to ``value`` after ``step`` updates; the next update is the first to feel it."""

    step: int
    name: str
    value: Any


class History:
    """Numbers, settings and interventions of one run; grows while it trains, bounded in memory.

    Attributes:
        config: the settings at step 0.
        interventions: what was changed later, in order; replayed by ``run(..., interventions=...)``.
        notes: remarks such as "the run diverged".
        views: arrays of the latest state only (point clouds).
        state: everything a step changes, at :attr:`step`; what ``run(history, ...)`` resumes from.
        extra: whether the last row was recorded only because the run ended there.
        every: the distance between recorded steps that ``run`` was asked for, if it was.
        device: where it was computed.
    """

    #: Draws a list of histories; set once by the package so that nothing here imports upward.
    renderer: Callable[..., "Figure"] | None = None

    def __init__(self, config: Config, *, device: str = "cpu") -> None:
        self.config = config
        self.device = device
        self.interventions: list[Intervention] = []
        self._current: tuple[dict[str, Any], Config] = ({}, config)
        self.notes: list[str] = []
        self.views: dict[str, np.ndarray] = {}
        self.state: State = {}
        self.events: dict[str, int] = {}
        self.step = 0
        self.extra = False
        self.every: int | None = None
        self.scalars = Rows()
        self.profiles: dict[str, Rows] = {}

    def add(self, record: Record) -> None:
        """Take in one record of the training loop; a step that is already there is not repeated."""
        self.interventions += [Intervention(record.step - 1, *item) for item in record.applied.items()]
        self.step = record.step
        if record.note:
            self.notes.append(record.note)
        if record.measures:
            self.scalars.append(record.step, record.measures)
            self._flag(record)
        for name, values in record.profiles.items():
            self.profiles.setdefault(name, Rows()).append(record.step, values)

    def _flag(self, record: Record) -> None:
        for name, (column, threshold, side) in self.config.experiment.events.items():
            value = record.measures.get(column)
            if name in self.events or value is None:
                continue
            if (value >= threshold) if side == "above" else (value <= threshold):
                self.events[name] = record.step

    # ---------------------------------------------------------------------------------- reading

    @property
    def steps(self) -> np.ndarray:
        """Recorded steps, int64, shape (rows,)."""
        return self.scalars.steps

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the recorded scalars."""
        return self.scalars.names

    def __getitem__(self, name: str) -> np.ndarray:
        """The scalar column ``name``, float64, shape (rows,)."""
        return self.scalars.column(name)

    def __len__(self) -> int:
        return len(self.scalars)

    @property
    def current(self) -> Config:
        """The settings now in force: ``config`` with every intervention applied."""
        values = {change.name: change.value for change in self.interventions}
        known, config = self._current
        if values != known:  # a panel asks for every frame
            config = self.config.replace(**values)
            self._current = values, config
        return config

    @property
    def delay(self) -> float:
        """Step of the last event that the experiment declares over that of the first.

        NaN unless both happened, in that order, and the first after step 0.
        """
        names = list(self.config.experiment.events)
        first, last = (self.events.get(name) for name in (names[0], names[-1])) if names else (None, None)
        return last / first if len(names) > 1 and first and last and last >= first else math.nan

    def summary(self) -> str:
        """Events in words, with the delay."""
        text = [f"{name} at step {step:,}" for name, step in self.events.items()]
        if math.isfinite(self.delay):
            text.append(f"delay × {self.delay:.1f}")
        return " · ".join(text + self.notes)

    def to_frame(self) -> "pandas.DataFrame":
        """A tidy frame: column ``step``, then one column a measure."""
        import pandas  # half a second to import, so only where it is used

        rows = self.still().scalars
        return pandas.DataFrame({"step": rows.steps, **{name: rows.column(name) for name in rows.names}})

    def figure(self, *others: "History", **options: Any) -> "Figure":
        """Draw the experiment's pictures of this run (and of others over it) with matplotlib."""
        if History.renderer is None:
            raise RuntimeError("History.renderer is not set: import labkit before drawing")
        return History.renderer([history.still() for history in (self, *others)], **options)

    def code(self) -> str:
        """Python code that repeats this run, interventions included."""
        module = type(self.config).__module__
        package, _, name = module.rpartition(".")
        head = f"from labkit import run\nfrom {package or '.'} import {name}\n\n"
        changes = [tuple(change) for change in self.interventions]
        tail = f", interventions={changes!r}" if changes else ""
        device = "" if self.device == "cpu" else f", device={self.device!r}"
        return f"{head}history = run({self.config!r}, steps={self.step}{tail}{device})\nhistory.figure()\n"

    def __repr__(self) -> str:
        return f"<History of {self.config!r}: {len(self)} rows to step {self.step:,}. {self.summary()}>"

    # --------------------------------------------------------------------------------- branching

    def until(self, step: int) -> "History":
        """A copy that ends at ``step``: rows, profiles, events and interventions before it."""
        copy = History(self.config, device=self.device)
        copy.scalars = self.scalars.until(step)
        # lists first: a thread that trains may add to a table of names meanwhile
        copy.profiles = {name: rows.until(step) for name, rows in list(self.profiles.items())}
        copy.interventions = [change for change in self.interventions if change.step < step]
        copy.events = {name: at for name, at in list(self.events.items()) if at <= step}
        copy.step = step
        return copy

    def still(self) -> "History":
        """A copy of this moment, to be read at leisure while a thread adds rows to this one."""
        copy = self.until(self.step)
        copy.interventions, copy.notes = list(self.interventions), list(self.notes)
        copy.views, copy.state, copy.extra, copy.every = self.views, self.state, self.extra, self.every
        return copy

    def resumable(self) -> "History":
        """A copy to continue from: without the extra last row that was read only because the run ended."""
        copy = self.until(self.step - 1 if self.extra else self.step)
        copy.step, copy.state = self.step, self.state
        copy.interventions = list(self.interventions)
        copy.every = self.every
        return copy

    # ----------------------------------------------------------------------------- saving, loading

    def save(self, path: str | os.PathLike) -> Path:
        """Write everything to one file, atomically: a kill leaves the old file or the new one."""
        now = self.still()
        manifest = {
            "config": [type(now.config).__module__, type(now.config).__qualname__],
            "values": now.config.values(),
            "interventions": now.interventions,
            "notes": now.notes,
            "events": now.events,
            "step": now.step,
            "extra": now.extra,
            "every": now.every,
            "device": now.device,
        }
        arrays = {f"view/{name}": values for name, values in now.views.items()}
        profiles = {f"profile/{name}": rows for name, rows in now.profiles.items()}
        for name, rows in {"scalars": now.scalars, **profiles}.items():
            manifest.setdefault("rows", {})[name] = rows.names
            manifest.setdefault("detail", {})[name] = rows.detail
            arrays[f"{name}/steps"], arrays[f"{name}/values"] = rows.steps, rows.values
        return archive.write(path, manifest, arrays, now.state)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "History":
        """Read what :meth:`save` wrote.

        Raises:
            FileNotFoundError: no such file.
            ValueError: a folder, a damaged file, not a history, or one that is newer than this code or
                whose experiment or settings this code does not know.
        """
        return archive.read(path, cls._restored)

    @classmethod
    def _restored(cls, manifest: Mapping, arrays: Mapping[str, np.ndarray], state: State) -> "History":
        history = cls(archive.config(*manifest["config"], manifest["values"]), device=manifest["device"])
        history.interventions = [Intervention(*change) for change in manifest["interventions"]]
        history.notes, history.events = list(manifest["notes"]), dict(manifest["events"])
        history.step, history.state = manifest["step"], state
        history.every = manifest.get("every")
        # Files written before "extra" was: right for every run without ``every``.
        history.extra = manifest.get("extra", not MEASURE_DUE(history.step))
        for name, names in manifest["rows"].items():
            detail = manifest.get("detail", {}).get(name)  # files written before it was: as if never thinned
            rows = Rows.of(names, arrays[f"{name}/steps"], arrays[f"{name}/values"], detail)
            if name == "scalars":
                history.scalars = rows
            else:
                history.profiles[name.removeprefix("profile/")] = rows
        views = (name for name in arrays if name.startswith("view/"))
        history.views = {name.removeprefix("view/"): arrays[name] for name in views}
        return history


def as_changes(interventions: Iterable[Iterable]) -> Callable[[int], dict[str, Any]]:
    """The ``changes`` argument of :func:`labkit.train.train` that replays ``interventions``."""
    by_step: dict[int, dict[str, Any]] = {}
    for step, name, value in interventions:
        by_step.setdefault(int(step), {})[name] = value
    return lambda step: by_step.get(step, {})

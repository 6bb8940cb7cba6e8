"""``run``: train one experiment without a panel and return its history."""

import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from labkit import _checks, _progress, runtime
from labkit._signals import at_boundary
from labkit.config import Config
from labkit.history import History, Intervention, as_changes
from labkit.nn.shares import one_core
from labkit.train import MEASURE_DUE, PROFILE_DUE, train


def run(
    start: Config | History,
    steps: int,
    *,
    device: str | None = None,
    interventions: Iterable[tuple[int, str, Any]] = (),
    every: int | None = None,
    save: str | os.PathLike | None = None,
    save_every: float = 60.0,
    stop: Callable[[], object] | None = None,
    progress: bool = True,
) -> History:
    """Train until ``steps`` updates are done in all, and return what was recorded.

    Args:
        start: settings to start from, or a history (for instance a loaded one) to continue; the
            continuation of a history on the CPU equals the uninterrupted run bit for bit, if torch may use as
            many threads.
        steps: updates in all, those of a continued history included.
        device: "cpu" (default), "cuda", "mps"; a continued history stays where it was.
        interventions: ``(step, name, value)``: set the field after that many updates. A history's
            own list replays it exactly; what a continued history has had already is not repeated.
        every: record every so many steps; by default as a continued history did, or every step at first,
            then log-spaced.
        save: a file that holds the run as it is now, ready to be loaded and continued: written every
            ``save_every`` seconds, between two steps, and at the end.
        save_every: seconds; 0 saves after every step.
        stop: asked after every step; something true ends the run there, as Ctrl-C does. Who gives it looks
            after Ctrl-C as well.
        progress: show a bar with the present losses; lines, half a minute apart, in a log file.

    Ctrl-C ends the run after the present step and keeps everything, so that it can be continued. A
    second Ctrl-C ends it in the middle of a step; the numbers are kept, the state is not. A loss that is
    no longer finite ends it with a note in ``history.notes``.

    Raises:
        ValueError: a bad argument, a cold field or a step outside the run in ``interventions``, or a
            history without its state.
    """
    _checks.instance("start", start, Config, History)
    continued = start if isinstance(start, History) else None
    _checks.number("steps", steps, kind=int, low=0 if continued is None else continued.step)
    if every is not None:
        _checks.number("every", every, kind=int, low=1)
    _checks.number("save_every", save_every, low=0)
    if stop is not None:
        _checks.function("stop", stop)
    if save is not None:
        _writable(Path(save))
    if not isinstance(interventions, Iterable):
        raise ValueError(
            f"interventions: got {interventions!r}; allowed: (step, name, value), any number of them"
        )
    interventions = [_intervention(each) for each in interventions]
    if continued is not None:
        history, experiment = _continued(continued, device)
    else:
        target = runtime.device(device)
        history = History(start, device=str(target))
        experiment = start.experiment(start, target)
    _check_interventions(history, interventions, steps)
    every = history.every = every or history.every

    def on_request(step: int) -> bool:
        return step % every == 0

    regular = MEASURE_DUE if every is None else on_request
    loop = train(
        experiment,
        start=history.step,
        changes=as_changes(interventions),
        measure_due=lambda step: regular(step) or step == steps,
        profile_due=PROFILE_DUE if every is None else on_request,
    )
    saved = time.monotonic()
    with (
        at_boundary(*(() if stop else (signal.SIGINT,))) as held,
        one_core(),
        _progress.bar(steps, unit="step", done=history.step, show=progress) as bar,
    ):
        try:
            for record in loop:
                history.add(record)
                bar.update(record.step - bar.n)
                if record.measures:
                    bar.set_postfix(_losses(record.measures), refresh=False)
                if record.step >= steps:
                    history.extra = not regular(steps)
                    break
                if held.came or (stop is not None and stop()):
                    history.notes.append(f"interrupted at step {history.step}")
                    break
                if save is not None and time.monotonic() - saved >= save_every:
                    _keep(history, experiment, save)
                    saved = time.monotonic()
            _keep(history, experiment, save)
        except KeyboardInterrupt:  # a second one, in the middle of something
            history.notes.append(f"interrupted after step {history.step}, within a step: no state is kept")
            history.state, history.views = {}, {}
    return history


def _writable(path: Path) -> None:
    """Better now than after the first minute of training."""
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"save: got {str(path)!r}; allowed: a file in a folder that exists")


def _keep(history: History, experiment: Any, path: str | os.PathLike | None) -> None:
    history.state, history.views = experiment.state(), experiment.view()
    if path is not None:
        history.save(path)


def _continued(history: History, device: str | None) -> tuple[History, Any]:
    if not history.state:
        raise ValueError(
            "start: got a history without its state, as a panel's is while it trains; allowed: what run, "
            "panel.result() or History.load of a file saved from either returned"
        )
    config, history = history.current, history.resumable()
    history.device = str(runtime.device(device or history.device))
    experiment = config.experiment(config, runtime.device(history.device))
    experiment.load(history.state)
    return history, experiment


def _intervention(given: Any) -> Intervention:
    try:
        step, name, value = given
    except (TypeError, ValueError):
        raise ValueError(f"interventions: got {given!r}; allowed: (step, name, value)") from None
    return Intervention(_checks.number("interventions: step", step, kind=int, low=0), name, value)


def _check_interventions(history: History, interventions: list[Intervention], steps: int) -> None:
    config = history.current
    for change in sorted(interventions, key=lambda change: change.step):
        step, name, value = change
        if step >= steps:
            raise ValueError(
                f"interventions: got {name!r} at step {step}; allowed: before the end at step {steps}"
            )
        if step < history.step:
            if change not in history.interventions:
                raise ValueError(
                    f"interventions: got {name!r} at step {step}; allowed: from step {history.step}, where "
                    "the history stands, or what it has had already"
                )
            continue
        if config.knob(name).acts == "cold":
            raise ValueError(
                f"interventions: got {name!r} at step {step}, which needs a new start; "
                "allowed: hot and warm fields"
            )
        config = config.replace(**{name: value})


def _losses(measures: dict[str, float]) -> dict[str, str]:
    return {name: f"{value:.3g}" for name, value in measures.items() if name.endswith(("loss", "accuracy"))}

"""``live.panel``: a config becomes sliders, a training thread and pictures that move."""

from typing import Any

from labkit import _checks, runtime
from labkit.config import Config
from labkit.history import History
from labkit.live import cells, widgets
from labkit.live.controller import Controller
from labkit.live.controls import controls


def panel(config: Config, *, name: str | None = None, device: str | None = None) -> "Panel":
    """Show an experiment live: sliders, play, pause, step, fork, scrub, pin, copy as code.

    Args:
        config: where to start; every field that says it is a slider becomes one.
        name: a new one of the same name replaces the old one. By default re-running the cell does.
        device: "cpu" (default), "cuda", "mps".

    Raises:
        ValueError: no config, a bad device, or an ipykernel on which threads cannot show anything.
    """
    cells.refuse_broken_kernels()
    return Panel(config, name=name, device=device)


class Panel:
    """A running experiment on the page; also usable from code.

    Every method returns at once: the training thread obeys at its next step. :meth:`result` waits.
    """

    def __init__(self, config: Config, *, name: str | None = None, device: str | None = None) -> None:
        _checks.instance("config", config, Config)
        target = runtime.device(device)
        runtime.cap_threads()
        self._controller = Controller(config, send=self._send, device=target)
        self._control = widgets.Control(self._controller.mailbox)
        self._view = widgets.view(self._control, _spec(config))
        self._view.comm.on_close(lambda message: self._stop())  # deleted in the browser
        cells.register(self, name)
        self._controller.start()

    def _send(self, frame: dict[str, Any], buffers: list[bytes]) -> None:
        self._view.push(frame, buffers)

    # ------------------------------------------------------------------------------------ verbs

    def play(self) -> "Panel":
        """Start or go on."""
        return self._post(do="play")

    def pause(self) -> "Panel":
        """Hold after the step it is in."""
        return self._post(do="pause")

    def step(self, count: int = 1) -> "Panel":
        """Take ``count`` steps and hold."""
        return self._post(do="step", count=count)

    def set(self, **values: Any) -> "Panel":
        """Change settings: hot ones act at the next step, cold ones start a new run."""
        self._controller.config.replace(**values)
        return self._post(do="set", values=values)

    def fork(self) -> "Panel":
        """Branch the focused run: both go on, the sliders steer the new one."""
        return self._post(do="fork")

    def reset(self) -> "Panel":
        """Start again from step 0 with the present settings."""
        return self._post(do="reset")

    def begin(self, config: Config) -> "Panel":
        """Train other settings from step 0; what trained until now stays as a ghost curve."""
        return self._post(do="begin", values=config.values())._post(do="play")

    def speed(self, steps_a_second: float | None) -> "Panel":
        """Pace the run; ``None`` is full speed."""
        return self._post(do="speed", value=steps_a_second)

    # ----------------------------------------------------------------------------------- reading

    @property
    def view(self) -> Any:
        """The widget, for a page element that shows this panel inside itself."""
        return self._view

    @property
    def history(self) -> History:
        """The focused run's history; it grows while the run trains."""
        self._controller.started.wait()
        if self._controller.focus is None:  # it failed before the first step
            raise self._controller.error
        return self._controller.focus.history

    @property
    def histories(self) -> list[History]:
        """The histories of all runs shown, forks, ghosts and pinned ones included."""
        return [branch.history for branch in self._controller.branches]

    @property
    def playing(self) -> bool:
        """Whether it trains at the moment."""
        return self._controller.playing

    def settle(self, timeout: float | None = None) -> bool:
        """Wait until everything asked is done and nothing trains; say whether that was reached."""
        return self._controller.settle(timeout)

    def result(self, timeout: float | None = None) -> History:
        """Wait until nothing trains, then the focused history; raises what the run raised."""
        return self._controller.result(timeout)

    def close(self) -> None:
        """Stop the runs and remove the panel from the page."""
        self._stop()
        self._view.close()
        widgets.retire(self._control)

    def _stop(self) -> None:
        self._controller.stop()
        cells.forget(self)

    def _post(self, **message: Any) -> "Panel":
        self._controller.post(message)
        return self

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return cells.bundle(self._view, self.history.figure)

    def __repr__(self) -> str:
        return f"<Panel of {self._controller.config!r}>"


def _spec(config: Config) -> dict[str, Any]:
    defaults = type(config)()
    pace = config.experiment.pace
    return {
        "title": type(config).__module__.rpartition(".")[2].replace("_", " "),
        "mode": "train",
        "controls": controls(config),
        "presets": [
            {"name": name, "comment": comment, "values": defaults.replace(**changes).values()}
            for name, (changes, comment) in config.presets.items()
        ],
        "speeds": [
            {"label": "slow", "value": pace / 6},
            {"label": "watch", "value": pace},
            {"label": "fast", "value": 5 * pace},
            {"label": "full speed", "value": None},
        ],
        "figure_columns": 3,
        "debounce_ms": 400,
    }

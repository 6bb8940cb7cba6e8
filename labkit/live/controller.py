"""A panel's engine: one daemon thread that trains, obeys the mailbox, and sends frames. No Jupyter here."""

import contextlib
import threading
from typing import Any

import numpy as np
import torch

from labkit.config import Config
from labkit.history import History
from labkit.live.branch import Branch
from labkit.live.describe import about, plain
from labkit.live.frames import Frames, Send
from labkit.live.mailbox import Mailbox, Message
from labkit.live.pace import PATIENCE, Pace
from labkit.live.runs import Runs
from labkit.live.verbs import Verbs
from labkit.nn.shares import one_core
from labkit.pictures import PALETTE

#: What is still obeyed after a failure, so that its message stays visible after a reload.
_AFTER_FAILURE = ("ack", "hello")


class Controller:
    """Trains the runs of one panel and keeps its browser views informed.

    Callbacks and other threads only :meth:`post` messages; everything else happens on the thread. A
    failure ends the run, is told in every later frame, and is raised by :meth:`result`.
    """

    def __init__(self, config: Config, *, send: Send, device: torch.device, rate: float = 12.0) -> None:
        self.config, self.device = config, device
        self.mailbox = Mailbox()
        self.frames = Frames(send, rate)
        self.error: BaseException | None = None
        self._runs, self._pace = Runs(device), Pace(config.experiment.pace)
        self._verbs = Verbs(self._runs, self._pace, self.frames)
        self._dirty = True
        self._stopped = threading.Event()
        self.started = threading.Event()
        self._thread = threading.Thread(target=one_core()(self._work), name="labkit-live", daemon=True)

    # ------------------------------------------------------------------ called from other threads

    def start(self) -> None:
        """Begin: the first frame is ready before anything is pressed."""
        self._thread.start()

    def post(self, message: Message) -> None:
        """Leave a message for the thread (see ``Verbs``)."""
        self.mailbox.put(message)

    def stop(self, timeout: float = 5.0) -> None:
        """End the thread after the step it is in."""
        self._stopped.set()
        self.mailbox.put({"do": "ack", "seq": 0})
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def branches(self) -> list[Branch]:
        """All runs shown."""
        return self._runs.branches

    @property
    def focus(self) -> Branch | None:
        """The run that the sliders steer; ``None`` when it could not even begin."""
        return self._runs.focus

    @property
    def playing(self) -> bool:
        """Whether it goes on until told otherwise."""
        return self._pace.playing

    def settle(self, timeout: float | None = None) -> bool:
        """Wait until all messages are obeyed and nothing trains; say whether that was reached."""
        return self.mailbox.settled(timeout)

    def result(self, timeout: float | None = None) -> History:
        """The focused run's history once nothing trains any more; raises what the run raised."""
        settled = self.settle(timeout)
        if self.error is not None:
            raise self.error
        return self.focus.complete() if settled else self.focus.history

    # ------------------------------------------------------------------------------- the thread

    def _work(self) -> None:
        try:
            self._runs.begin(self.config)
        except BaseException as error:
            self._fail(error)
        self.started.set()
        while not self._stopped.is_set():
            try:
                self._turn()
            except BaseException as error:
                if self.error is not None:  # not even the failure can be told
                    return
                self._fail(error)

    def _turn(self) -> None:
        for message in self.mailbox.take():
            if message["do"] != "ack":
                self._pace.touched()
            self._dirty |= self._verbs.obey(message, None if self.error is None else _AFTER_FAILURE)
        if self._training and self._pace.due_in() <= 0:
            self._advance()
        if self._due_in() <= 0:
            self._send_frame()
        if not self._training:
            self.mailbox.rest()
            self.mailbox.wait(_finite(self._due_in()))
        elif (rest := self._pace.due_in()) > 0:
            self.mailbox.wait(min(rest, max(self._due_in(), 0.001)))

    @property
    def _training(self) -> bool:
        return self._pace.asked and self._runs.alive

    def _advance(self) -> None:
        self._runs.advance()
        self._pace.stepped()
        self._dirty = True
        if self._pace.forgotten:
            self._pace.pause()
            self._verbs.message = (
                f"paused after {PATIENCE / 60:.0f} minutes without a touch: press play to go on"
            )
        if not self._runs.alive:
            self._pace.playing = False

    def _fail(self, error: BaseException) -> None:
        self.error, self._dirty = error, True
        self._pace.pause()
        self._verbs.message = f"{type(error).__name__}: {error}"

    # ----------------------------------------------------------------------------------- frames

    def _due_in(self) -> float:
        return float("inf") if self.focus is None else self.frames.due_in(self._dirty)

    def _send_frame(self) -> None:
        if self.frames.send(self._head, self.branches, self._views, self._pictures):
            self._dirty = False

    def _head(self) -> dict[str, Any]:
        focus = self.focus
        return {
            "state": self._state(),
            "step": focus.history.step,
            "rate": self._pace.rate if self._training else 0.0,
            "device": str(self.device),
            "message": self._verbs.message,
            "focus": focus.number,
            "speed": self._pace.speed,
            "applied": self._verbs.applied,
            "branches": [about(branch) for branch in self.branches],
            "scrub": {"steps": sorted(focus.snapshots), "at": self._runs.scrubbed},
            "palette": PALETTE,
        }

    def _state(self) -> str:
        if self.error is not None:
            return "failed"
        if self._training:
            return "running"
        if self.focus.role == "live" and not self.focus.alive:
            return "finished"
        return "paused" if self.focus.history.step else "ready"

    def _views(self) -> tuple[int, int, dict[str, np.ndarray]]:
        if self.error is not None:  # perhaps just these cannot be made
            with contextlib.suppress(Exception):
                return self._runs.views()
            return self.focus.number, self.focus.history.step, {}
        return self._runs.views()

    def _pictures(self, buffers: list[bytes]) -> list[dict]:
        config = self.focus.config
        return [plain(picture, buffers) for picture in config.experiment.pictures(config)]


def _finite(seconds: float) -> float | None:
    """A timeout for waiting: ``None`` for ever."""
    return None if seconds == float("inf") else seconds

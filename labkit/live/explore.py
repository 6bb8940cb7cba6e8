"""``live.explore``: for what is computed rather than trained. A slider moves, the function answers."""

import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from labkit.config import Config
from labkit.live import cells, widgets
from labkit.live.controller import plain
from labkit.live.controls import controls
from labkit.live.mailbox import Mailbox
from labkit.pictures import PALETTE, Picture


def explore(
    function: Callable[[Config], Sequence[Picture]], config: Config, *, title: str = ""
) -> "Explorer":
    """Show ``function(config)`` and compute it again whenever a slider moves; the latest request wins.

    Args:
        function: settings to pictures that carry their own arrays.
        config: where to start; its fields become sliders.
        title: shown above; by default the function's name.
    """
    cells.refuse_broken_kernels()
    return Explorer(function, config, title=title)


class Explorer:
    """A computed page element: one thread that answers the latest request."""

    def __init__(self, function: Callable, config: Config, *, title: str = "") -> None:
        self.config, self._function = config, function
        self.pictures: Sequence[Picture] = ()
        self._message, self._applied, self._sequence = "", 0, 0
        self._mailbox, self._stopped = Mailbox(), threading.Event()
        spec = {
            "title": title or function.__name__.replace("_", " "),
            "mode": "explore",
            "controls": controls(config),
            "presets": [
                {"name": name, "comment": comment, "values": type(config)(**changes).values()}
                for name, (changes, comment) in config.presets.items()
            ],
            "speeds": [],
            "figure_columns": 3,
            "debounce_ms": 0,
        }
        self._control = widgets.Control(self._mailbox)
        self._view = widgets.view(self._control, spec)
        self._view.comm.on_close(lambda message: self._stop())  # deleted in the browser
        self._compute()
        self._thread = threading.Thread(target=self._work, name="labkit-explore", daemon=True)
        self._thread.start()

    def set(self, **values: Any) -> "Explorer":
        """Move sliders from code."""
        self.config.replace(**values)
        self._mailbox.put({"do": "set", "values": values})
        return self

    def settle(self, timeout: float | None = None) -> bool:
        """Wait until the latest request is answered."""
        return self._mailbox.settled(timeout)

    def close(self) -> None:
        """Stop answering and remove it from the page."""
        self._stop()
        self._view.close()
        widgets.retire(self._control)

    def _stop(self) -> None:
        self._stopped.set()
        self._mailbox.put({"do": "ack"})
        if threading.current_thread() is not self._thread:
            self._thread.join(5)

    def _work(self) -> None:
        while not self._stopped.is_set():
            show = False
            for message in self._mailbox.take():
                show |= message["do"] in ("hello", "set")
                if message["do"] == "set":
                    self._change(message)
            if show:
                self._send()
            self._mailbox.rest()
            self._mailbox.wait(None)

    def _change(self, message: dict[str, Any]) -> None:
        self._applied = int(message.get("sequence", self._applied))
        try:
            self.config = self.config.replace(**message["values"])
        except ValueError as error:
            self._message = str(error)
            return
        self._compute()

    def _compute(self) -> None:
        try:
            self.pictures, self._message = tuple(self._function(self.config)), ""
        except Exception as error:  # whatever the user's function raises belongs on the page, not in a log
            where = traceback.extract_tb(error.__traceback__)[-1]
            self._message = f"{type(error).__name__}: {error} (line {where.lineno} of {where.name})"

    def _send(self) -> None:
        self._sequence += 1
        buffers: list[bytes] = []
        about = {"id": 0, "label": "", "role": "live", "colour": 0, "step": 0, "forked_at": None,
                 "config": self.config.values(), "ticks": [], "events": [], "note": "", "summary": "",
                 "code": ""}  # fmt: skip
        frame = {
            "kind": "frame", "seq": self._sequence, "full": True, "step": 0, "rate": 0, "device": "",
            "state": "failed" if self._message else "ready", "message": self._message, "focus": 0,
            "speed": None, "applied": self._applied, "branches": [about], "columns": [], "profiles": [],
            "views": [], "pictures": [plain(picture, buffers) for picture in self.pictures],
            "scrub": {"steps": [], "at": None}, "palette": PALETTE,
        }  # fmt: skip
        self._view.push(frame, buffers)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        from labkit.panels import explore_figure

        return cells.bundle(self._view, lambda: explore_figure(self.pictures))

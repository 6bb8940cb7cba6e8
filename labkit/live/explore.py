"""``live.explore``: for what is computed rather than trained. A slider moves, the function answers."""

import threading
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from labkit import _checks
from labkit.config import Config
from labkit.live import cells, widgets
from labkit.live.controls import controls
from labkit.live.describe import plain
from labkit.live.mailbox import Mailbox
from labkit.nn.shares import one_core
from labkit.pictures import PALETTE, Picture

#: What is shown of some settings; or one such after another, each finer than the one before.
Shown = Sequence[Picture] | Iterator[Sequence[Picture]]


def explore(
    function: Callable[[Config], Shown],
    config: Config,
    *,
    title: str = "",
    name: str | None = None,
) -> "Explorer":
    """Show ``function(config)`` and compute it again whenever a slider moves; the latest request wins.

    What takes longer than a frame may be a generator function: each list of pictures that it yields is shown
    as soon as it is there, rough ones first, and it is closed between two of them when a slider moves.

    Args:
        function: settings to pictures that carry their own arrays, or a generator of such.
        config: where to start; its fields become sliders.
        title: shown above; by default the function's name.
        name: a new one of the same name replaces the old one. By default re-running the cell does.

    Raises:
        ValueError: no function, no config, or an ipykernel on which threads cannot show anything.
    """
    cells.refuse_broken_kernels()
    return Explorer(function, config, title=title, name=name)


class Explorer:
    """A computed page element: one thread that answers the latest request."""

    def __init__(
        self, function: Callable, config: Config, *, title: str = "", name: str | None = None
    ) -> None:
        self._function = _checks.function("function", function)
        self.config = _checks.instance("config", config, Config)
        self._pictures: Sequence[Picture] = ()
        self._begun = threading.Event()
        self._stages: Generator[Sequence[Picture], None, None] | None = None
        self._refused, self._failed, self._applied, self._sequence = "", "", 0, 0
        self._mailbox, self._stopped = Mailbox(), threading.Event()
        spec = {
            "title": title or getattr(function, "__name__", "").replace("_", " "),
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
        self._thread = threading.Thread(target=one_core()(self._work), name="labkit-explore", daemon=True)
        cells.register(self, name)
        self._thread.start()

    @property
    def pictures(self) -> Sequence[Picture]:
        """What was computed last; waits until the first settings are answered in full."""
        self._begun.wait()
        return self._pictures

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
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(5)
        cells.forget(self)

    def _work(self) -> None:
        self._stages = self._computed(self.config)
        try:
            while not self._stopped.is_set() and self._next_stage():
                pass
        finally:
            self._begun.set()
        while not self._stopped.is_set():
            messages = self._mailbox.take()
            moves = [message for message in messages if message["do"] == "set"]
            if moves:
                self._answer(moves)
            if self._next_stage() or moves or any(message["do"] == "hello" for message in messages):
                self._send()
            if self._stages is None:
                self._mailbox.rest()
                self._mailbox.wait(None)
        if self._stages is not None:
            self._stages.close()

    def _answer(self, moves: list[dict[str, Any]]) -> None:
        """Begin anew, once for all that was moved since the last look."""
        accepted = False
        for move in moves:
            try:
                self._applied = int(move.get("sequence", self._applied))
                self.config = self.config.replace(**move["values"])
                self._refused, accepted = "", True
            except (ValueError, KeyError, TypeError) as error:
                self._refused = str(error)
        if accepted:
            if self._stages is not None:
                self._stages.close()
            self._stages = self._computed(self.config)

    def _computed(self, config: Config) -> Generator[Sequence[Picture], None, None]:
        found = self._function(config)
        if isinstance(found, Iterator):
            yield from found
        else:
            yield found

    def _next_stage(self) -> bool:
        """Compute one more list of pictures, if there is one; say whether there is something to show."""
        if self._stages is None:
            return False
        try:
            self._pictures, self._failed = tuple(next(self._stages)), ""
        except StopIteration:
            self._stages = None
            return False
        except Exception as error:  # whatever the user's function raises belongs on the page, not in a log
            where = traceback.extract_tb(error.__traceback__)[-1]
            self._failed = f"{type(error).__name__}: {error} (line {where.lineno} of {where.name})"
            self._stages = None
        return True

    def _send(self) -> None:
        self._sequence += 1
        buffers: list[bytes] = []
        about = {"id": 0, "label": "", "role": "live", "colour": 0, "step": 0, "forked_at": None,
                 "config": self.config.values(), "ticks": [], "events": [], "note": "", "summary": "",
                 "code": ""}  # fmt: skip
        message = self._refused or self._failed
        frame = {
            "kind": "frame", "seq": self._sequence, "full": True, "step": 0, "rate": 0, "device": "",
            "state": "failed" if message else "ready", "message": message, "focus": 0,
            "speed": None, "applied": self._applied, "branches": [about], "columns": [], "profiles": [],
            "views": [], "pictures": [plain(picture, buffers) for picture in self._pictures],
            "scrub": {"steps": [], "at": None}, "palette": PALETTE,
        }  # fmt: skip
        self._view.push(frame, buffers)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        from labkit.panels import explore_figure

        return cells.bundle(self._view, lambda: explore_figure(self.pictures))

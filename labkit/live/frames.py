"""What the browser is told: only what is new since the last frame it acknowledged, in small pieces."""

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from labkit.live.branch import Branch
from labkit.live.describe import single
from labkit.rows import Rows

Send = Callable[[dict[str, Any], list[bytes]], None]

#: Bytes of numbers in one frame; the rest follows in the next one.
FRAME_BYTES = 48_000
#: Frames that may be on their way unacknowledged; one where the browser is still to catch up.
IN_FLIGHT = 4
#: Seconds without acknowledgement after which the browser is asked whether it is still there, at first
#: and at most: a hidden tab is asked ever less often.
SILENCE, LONG_SILENCE = 1.0, 60.0
#: Share of the thread's time that making frames may take, and of a core's that drawing them may, before they
#: are made less often; and the longest interval that this may lead to, seconds. A browser without a GPU needs
#: 25 ms a frame, and a third more in its other processes.
FRAME_SHARE, DRAW_SHARE, SLOWEST = 0.03, 0.07, 0.5
#: Seconds between two point clouds of one panel: they are costlier than curves.
VIEW_INTERVAL = 0.25

#: What is told about a branch only when it changed: it grows with every slider move.
SELDOM = ("config", "ticks", "events", "summary", "code")

#: What the browser has: (branch, table) -> (thinned, rows); (branch, one of SELDOM) -> its value.
_Place = dict[tuple[int, str], Any]


class Frames:
    """Cuts the runs' growing tables into frames, at most ``rate`` a second, never waiting.

    Four frames may be unacknowledged. Every frame starts from the rows that the last acknowledged one
    reached, so a lost frame is repaired by the next. When a browser falls silent (a hidden tab, a lost
    last frame) it gets a beat without numbers; its answer to that says that what came before was lost.
    """

    def __init__(self, send: Send, rate: float = 12.0) -> None:
        self._send, self.interval, self.rate = send, 1.0 / rate, rate
        self._drew = 0.0
        self.sequence = 0
        self.listening = False
        self._reached: _Place = {}
        self._sent: deque[tuple[int, _Place, bool]] = deque()  # number, what it reached, with pictures?
        self._full = True
        self._last = self._last_view = 0.0
        self._complete = True
        self._beat, self._silence = 0, SILENCE

    def hello(self) -> None:
        """A browser view (re)appeared: forget what was sent and start with a full frame."""
        self.listening, self._full, self._reached = True, True, {}
        self._sent.clear()
        self._last, self._last_view, self._silence = 0.0, 0.0, SILENCE

    def acknowledged(self, sequence: int, drew: float = 0.0) -> None:
        """The browser drew frame ``sequence``; what it did not acknowledge before that, it never got.

        Args:
            sequence: the frame's number.
            drew: seconds that drawing took and that training lacked.
        """
        self._drew += (drew - self._drew) / 4  # one may have waited for a core
        self._silence = SILENCE
        if sequence >= self._beat > 0:
            self._beat, self._complete = 0, False
            self._full |= any(pictures for _, _, pictures in self._sent)
            self._sent.clear()
        while self._sent and self._sent[0][0] <= sequence:
            self._reached = self._sent.popleft()[1]

    def redraw(self) -> None:
        """Send the pictures with the next frame: they carry what is new."""
        self._full = True

    def view_due(self) -> None:
        """Send the point clouds with the next frame: something else is looked at."""
        self._last_view = 0.0

    @property
    def unfinished(self) -> bool:
        """Whether the browser lacks rows, or has not yet said that it has them."""
        return self.listening and bool(self._sent or not self._complete)

    def due_in(self, news: bool) -> float:
        """Seconds until the next frame; infinite when nobody listens or there is nothing to say.

        Args:
            news: whether there is something that no frame has carried yet.
        """
        if not self.listening or not (news or self.unfinished):
            return float("inf")
        free = len(self._sent) < (IN_FLIGHT if self._complete else 1) and (news or not self._complete)
        return max(0.0, self._last + (self.interval if free else self._silence) - time.monotonic())

    def send(
        self,
        head: Callable[[], dict[str, Any]],
        branches: Iterable[Branch],
        views: Callable[[], tuple[int, int, dict[str, np.ndarray]]],
        pictures: Callable[[list[bytes]], list[dict]],
    ) -> bool:
        """Send what is new and say whether it was; ``views`` gives (branch, step, arrays).

        Costly parts are callables: they are not made while no frame may leave.
        """
        began, busy = time.monotonic(), time.thread_time()
        if self._sent and began - self._last >= self._silence:
            self.sequence += 1
            self._beat, self._last = self.sequence, began
            self._silence = min(2 * self._silence, LONG_SILENCE)
            self._send({"kind": "frame", "seq": self.sequence, "full": False, **head()}, [])
            return False
        self.sequence += 1
        frame = {"kind": "frame", "seq": self.sequence, "full": self._full, **head()}
        buffers: list[bytes] = []
        if self._full:
            frame["pictures"] = pictures(buffers)
        place = dict(self._reached)
        _shorten(frame, place)
        if self._full or began - self._last_view >= VIEW_INTERVAL:
            self._add_views(frame, buffers, *views())
            self._last_view = time.monotonic()
        self._add_rows(frame, buffers, branches, place)
        frame["more"] = not self._complete
        self._sent.append((self.sequence, place, self._full))
        self._full = False
        self._send(frame, buffers)
        self._last = time.monotonic()
        # not the clock on the wall: waiting for a core that others use is no cost of frames
        cost = time.thread_time() - busy
        self.interval = max(1.0 / self.rate, min(max(cost / FRAME_SHARE, self._drew / DRAW_SHARE), SLOWEST))
        return True

    def _add_rows(self, frame: dict, buffers: list[bytes], branches: Iterable[Branch], place: _Place) -> None:
        room = max(FRAME_BYTES - sum(map(len, buffers)), FRAME_BYTES // 4)
        frame["columns"], frame["profiles"] = [], []
        self._complete = True
        for branch in branches:
            tables = {"": branch.history.scalars, **branch.history.profiles}
            for name, rows in tables.items():
                thinned, start = place.get((branch.number, name), (rows.thinned, 0))
                if thinned != rows.thinned:
                    start = 0
                width = 1 + rows.values.shape[1]
                count = min(len(rows) - start, max(1, room // (4 * width)))
                if count < len(rows) - start:
                    self._complete = False
                if count > 0 and room > 0:
                    block = _block(rows, start, count)
                    about = {"branch": branch.number, "start": start, "count": count, "buffer": len(buffers)}
                    if name:
                        frame["profiles"].append(about | {"name": name, "size": width - 1})
                    else:
                        frame["columns"].append(about | {"names": ["step", *rows.names]})
                        block = block.T
                    buffers.append(np.ascontiguousarray(block).tobytes())
                    place[branch.number, name] = (rows.thinned, start + count)
                    room -= 4 * width * count

    def _add_views(self, frame: dict, buffers: list[bytes], branch: int, step: int, views: dict) -> None:
        frame["views"] = []
        for name, values in views.items():
            frame["views"].append(
                {"branch": branch, "name": name, "shape": list(values.shape), "dtype": "float32",
                 "step": step, "buffer": len(buffers)}
            )  # fmt: skip
            buffers.append(single(values).tobytes())


def _shorten(frame: dict[str, Any], place: _Place) -> None:
    """Leave out what the browser knows about the branches already."""
    for about in frame.get("branches", ()):
        for name in SELDOM:
            if name in about and place.get((about["id"], name)) == about[name]:
                del about[name]
            elif name in about:
                place[about["id"], name] = about[name]


def _block(rows: Rows, start: int, count: int) -> np.ndarray:
    """Rows as float32 with their step in front, (count, 1 + width). Exact for steps below 2²⁴."""
    window = slice(start, start + count)
    return single(np.column_stack([rows.steps[window], rows.values[window]]))

"""What the browser does with frames, in Python: keeps tables, acknowledges. For tests without a browser."""

import numpy as np
import torch

from labkit.live.controller import Controller
from tests import waiting
from tests.waiting import PATIENCE


class Browser:
    """Receives frames, applies them as the view's script does, and acknowledges them unless told not to."""

    def __init__(self, config, *, acknowledge=True, drop=lambda frame: False, **options):
        self.frames, self.sizes, self.acknowledge, self.drop = [], [], acknowledge, drop
        self.columns, self.profiles, self.views, self.pictures = {}, {}, {}, []
        self.sequence = 0
        self.controller = Controller(config, send=self.receive, device=torch.device("cpu"), **options)
        self.listens = False
        self.controller.start()
        assert self.controller.started.wait(PATIENCE)

    def receive(self, frame, buffers):
        """Apply one frame (called on the training thread, as a real send would be)."""
        self.frames.append(frame)
        self.sizes.append(sum(map(len, buffers)))
        if self.drop(frame):
            return
        if frame["full"]:
            self.columns, self.profiles, self.views = {}, {}, {}
        self.pictures = frame.get("pictures", self.pictures)
        for part in frame.get("columns", ()):
            block = np.frombuffer(buffers[part["buffer"]], np.float32).reshape(len(part["names"]), -1)
            assert block.shape[1] == part["count"]
            self._append(self.columns, part["branch"], part["start"], block.T)
        for part in frame.get("profiles", ()):
            block = np.frombuffer(buffers[part["buffer"]], np.float32).reshape(part["count"], -1)
            assert block.shape[1] == 1 + part["size"]
            self._append(self.profiles, (part["branch"], part["name"]), part["start"], block)
        for part in frame.get("views", ()):
            values = np.frombuffer(buffers[part["buffer"]], np.float32).reshape(part["shape"])
            self.views[part["name"]] = (part["step"], values)
        if self.acknowledge:
            self.controller.post({"do": "ack", "seq": frame["seq"]})

    @staticmethod
    def _append(tables, key, start, block):
        before = tables.get(key, np.empty((0, block.shape[1]), np.float32))
        assert len(before) >= start, "a gap: rows were never sent"
        tables[key] = np.concatenate([before[:start], block])

    def say(self, do, **message):
        """Post a message as the view's script does."""
        self.sequence += 1
        self.listens |= do == "hello" and self.acknowledge
        self.controller.post({"do": do, "sequence": self.sequence, **message})
        return self

    def until(self, condition):
        """Wait until everything said is applied and ``condition()`` holds."""
        waiting.until(lambda: self._obeyed and condition(), lambda: self.frames[-1:])
        return self

    @property
    def _obeyed(self):
        return not self.listens or self.last["applied"] >= self.sequence

    @property
    def last(self):
        """The newest frame; waits for the first."""
        waiting.until(lambda: self.frames)
        return self.frames[-1]

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.controller.stop()
        assert not self.controller.alive

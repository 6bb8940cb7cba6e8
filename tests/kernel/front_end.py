"""A front end without a browser: starts a kernel, keeps its comms, and sends what the view's script sends."""

import queue
import time
from pathlib import Path

import numpy as np
from jupyter_client.manager import KernelManager

from tests import waiting
from tests.waiting import PATIENCE

TESTS = Path(__file__).parent.parent


class FrontEnd:
    """One kernel and one page. Single-threaded like a browser: it reads only while it waits for something.

    ``subshell``: send comm messages on a subshell, as JupyterLab ≥ 4.4 does where the kernel has them.
    """

    def __init__(self, python: str, *, acknowledge: bool = True) -> None:
        self.manager = KernelManager()
        self.manager.kernel_spec.argv[0] = python
        self.manager.kernel_spec.env = {"PYTHONPATH": f"{TESTS}:{TESTS.parent}", "OMP_WAIT_POLICY": "PASSIVE"}
        self.acknowledge, self.subshell = acknowledge, None
        self.messages, self.comms, self.frames = [], {}, []
        self.view = self.control = None
        self.sequence = 0

    def __enter__(self) -> "FrontEnd":
        self.manager.start_kernel()
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=PATIENCE)
        return self

    def __exit__(self, *problem) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def open_subshell(self) -> None:
        """Ask for a subshell and send comm messages there from now on."""
        request = self.client.session.msg("create_subshell_request", {})
        self.client.control_channel.send(request)
        reply = self.client.control_channel.get_msg(timeout=PATIENCE)
        while reply["header"]["msg_type"] != "create_subshell_reply":
            reply = self.client.control_channel.get_msg(timeout=PATIENCE)
        assert reply["content"]["status"] == "ok", reply["content"]
        self.subshell = reply["content"]["subshell_id"]

    # ---------------------------------------------------------------------------------- cells

    def start(self, code: str, cell: str = "") -> str:
        """Run a cell and return at once, with the name of this execution."""
        message = self.client.session.msg("execute_request", {
            "code": code, "silent": False, "store_history": True, "user_expressions": {},
            "allow_stdin": False, "stop_on_error": True,
        }, metadata={"cellId": cell} if cell else None)  # fmt: skip
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def ended(self, execution: str) -> bool:
        """Whether the kernel went idle after that execution."""
        return any(
            m["msg_type"] == "status" and m["content"]["execution_state"] == "idle"
            for m in self.of(execution)
        )

    def running(self, execution: str) -> bool:
        """Whether the cell's code was begun."""
        return any(m["msg_type"] == "execute_input" for m in self.of(execution))

    def of(self, execution: str) -> list:
        """The messages that an execution brought about."""
        return [m for m in self.messages if m["parent_header"].get("msg_id") == execution]

    def run(self, code: str, cell: str = "") -> str:
        """Run a cell to its end; what its last expression shows. Errors in the cell are errors here."""
        execution = self.start(code, cell)
        self.until(lambda: self.ended(execution))
        failed = [m["content"] for m in self.of(execution) if m["msg_type"] == "error"]
        assert not failed, f"{failed[0]['ename']}: {failed[0]['evalue']}"
        shown = [m["content"]["data"] for m in self.of(execution) if m["msg_type"] == "execute_result"]
        return shown[-1]["text/plain"] if shown else ""

    # ---------------------------------------------------------------------------------- comms

    def say(self, do: str, **message) -> int:
        """Send on the control's comm; the number of this message."""
        if do != "ack":
            self.sequence += 1
            message["sequence"] = self.sequence
        self.send("comm_msg", self.control, {"method": "custom", "content": {"do": do, **message}})
        return self.sequence

    def send(self, kind: str, comm: str, data: dict) -> None:
        """Send a comm message, with the subshell in its header as JupyterLab writes it."""
        message = self.client.session.msg(kind, {"comm_id": comm, "data": data})
        if self.subshell is not None:
            message["header"]["subshell_id"] = self.subshell
        self.client.shell_channel.send(message)

    def use(self, view: str) -> None:
        """Look at this view from now on."""
        self.view = view
        self.control = self.comms[view]["control"].removeprefix("IPY_MODEL_")
        self.frames.clear()

    # -------------------------------------------------------------------------------- reading

    def until(self, condition) -> "FrontEnd":
        """Read messages until ``condition()`` holds."""
        waiting.until(lambda: condition() or self.read(0.02), lambda: self.frames[-1:], pause=0)
        return self

    def rest(self, seconds: float) -> None:
        """Read messages for this long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.02)

    def read(self, seconds: float) -> None:
        """Take in the next message, if one comes in time."""
        try:
            message = self.client.iopub_channel.get_msg(timeout=seconds)
        except queue.Empty:
            return
        self.messages.append(message)
        content = message["content"]
        if message["msg_type"] == "comm_open":
            self.comms[content["comm_id"]] = content["data"].get("state", {})
            if "spec" in content["data"].get("state", {}):
                self.use(content["comm_id"])
        elif message["msg_type"] == "comm_msg" and content["comm_id"] == self.view:
            if content["data"].get("method") == "custom":
                self._receive(content["data"]["content"], message["buffers"])

    def _receive(self, frame: dict, buffers: list) -> None:
        frame["arrived"] = time.monotonic()
        for part in frame.get("columns", ()):
            part["rows"] = np.frombuffer(buffers[part["buffer"]], np.float32).reshape(len(part["names"]), -1)
        self.frames.append(frame)
        if self.acknowledge:
            self.say("ack", seq=frame["seq"])

    @property
    def last(self) -> dict:
        """The newest frame; empty before the first."""
        return self.frames[-1] if self.frames else {"applied": 0, "step": 0, "state": "", "branches": [{}]}

    def published(self, comm: str) -> list:
        """Messages that the kernel sent on a comm after opening it."""
        return [m for m in self.messages if m["msg_type"] == "comm_msg" and m["content"]["comm_id"] == comm]

"""Waiting for what must come. How soon it comes is for ``make bench`` to say, not for a test."""

import time

#: Seconds until a test gives up. A machine that is busy with other things stays far below.
PATIENCE = 120.0


def until(condition, seen=lambda: "", pause=0.005):
    """Ask ``condition()`` until it holds; fail with what was ``seen()`` last when patience ends."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"never happened {seen()}"
        time.sleep(pause)

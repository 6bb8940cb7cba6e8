"""From the click on play to "test solved", at full speed, in the panel's engine without a browser.

Seconds, not a ratio: this is how long a person waits. On more than two cores it is measured on two.
"""

import statistics
import time

import torch

from labkit import runtime
from labkit.config import Config
from labkit.experiments import grokking
from labkit.live.controller import Controller
from tests.benchmarks.row import Row, at_most

EVENT = "test solved"
#: Nobody waits longer.
PATIENCE = 120.0


def rows(rounds: int = 5) -> list[Row]:
    """Both settings in turns, medians; the first round warms up."""
    threads = torch.get_num_threads()
    runtime.cap_threads()
    torch.set_num_threads(min(2, torch.get_num_threads()))
    try:
        cases = (
            ("Doshi's clean preset", grokking.Config.preset("Doshi et al."), 1.5),
            ("default page", grokking.Config(), 4.0),
        )
        took = [[wait(config) for _, config, _ in cases] for _ in range(rounds + 1)][1:]
        used = torch.get_num_threads()
    finally:
        torch.set_num_threads(threads)
    made = []
    for (name, _, bar), each in zip(cases, zip(*took, strict=True), strict=True):
        seconds, steps = statistics.median(one[0] for one in each), each[0][1]
        what = f'{name}: click to "{EVENT}" ({steps} steps, {used} thread{"s" * (used != 1)})'
        made.append(at_most(what, seconds, bar, "s"))
    return made


def wait(config: Config) -> tuple[float, int]:
    """Seconds from play to the event, and its step.

    Raises:
        TimeoutError: nothing within two minutes.
    """
    controller = Controller(config, send=lambda frame, buffers: None, device=runtime.device())
    controller.start()
    try:
        controller.started.wait(PATIENCE)
        controller.post({"do": "speed", "value": None})
        controller.settle(PATIENCE)
        start = time.perf_counter()
        controller.post({"do": "play"})
        while EVENT not in controller.focus.history.events:
            if controller.error is not None:
                raise controller.error
            if time.perf_counter() - start > PATIENCE:
                raise TimeoutError(f"{config!r}: {EVENT!r} not reached in {PATIENCE:g} s")
            time.sleep(0.002)
        return time.perf_counter() - start, controller.focus.history.events[EVENT]
    finally:
        controller.stop()

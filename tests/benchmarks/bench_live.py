"""A live panel without a browser: training speed beside it, and how soon training obeys a message.

Speed: the controller trains at full speed and sends frames of the default page to a stand-in that keeps or
acknowledges them, against a plain loop over ``train()`` with the same measures; in turns.
Obedience: a real kernel gets comm messages as JupyterLab sends them; both clocks are the machine's.
"""

import bisect
import statistics
import sys
import time

import torch

from labkit.experiments import grokking
from labkit.history import History
from labkit.live.controller import Controller
from labkit.train import train
from tests.benchmarks.row import Row, at_least, at_most
from tests.kernel.front_end import FrontEnd

#: Steps of one stretch, and how often the candidates take turns.
STEPS, ROUNDS = 200, 6
MOVES = 200
#: Seconds between two moves: slow enough that each is a change of its own.
PAUSE = 0.1
CPU = torch.device("cpu")

WATCH = """
import time
from labkit import live
from labkit.experiments import grokking
applied = {}
class Watched(grokking.Grokking):
    def configure(self, config):
        super().configure(config)
        applied[config.weight_decay] = time.monotonic()
grokking.Config.experiment = Watched
panel = live.panel(grokking.Config())
"""
BUSY = f"""
end = time.monotonic() + {MOVES * PAUSE + 3}
while time.monotonic() < end:
    sum(range(1000))
"""


def rows() -> list[Row]:
    """Speed beside a panel, silent and acknowledging; obedience with the kernel idle and busy."""
    return [*_speed(), *_obedience()]


# ---------------------------------------------------------------------------------------- speed


def _speed() -> list[Row]:
    ways = {"headless": _headless, "silent": lambda: _live(False), "acknowledging": lambda: _live(True)}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    rates = []
    for _ in range(ROUNDS + 1):
        for name, way in ways.items():
            took, frames = way()
            seconds[name].append(took)
            if name == "acknowledging":
                rates.append(frames / took)
    made = []
    for name, what in (("silent", "no browser attached"), ("acknowledging", "a stand-in that acknowledges")):
        ratios = [h / s for h, s in zip(seconds["headless"][1:], seconds[name][1:], strict=True)]
        made.append(at_least(f"training with a live panel, {what}", 100 * statistics.median(ratios), 95, "%"))
    rate = statistics.median(rates[1:])
    made[-1] = Row(f"{made[-1].what} ({rate:.1f} frames/s)", made[-1].bar, made[-1].measured, made[-1].ok)
    return made


def _headless() -> tuple[float, int]:
    config = grokking.Config()
    history = History(config)
    loop = train(config.experiment(config, CPU))
    history.add(next(loop))
    began = time.perf_counter()
    for record in loop:
        history.add(record)
        if record.step >= STEPS:
            return time.perf_counter() - began, 0
    raise AssertionError("the run ended early")


def _live(listening: bool) -> tuple[float, int]:
    """Seconds and frames of one stretch. A silent panel has no browser yet: nobody said hello."""
    frames = 0

    def receive(frame: dict, buffers: list[bytes]) -> None:
        nonlocal frames
        frames += 1
        controller.post({"do": "ack", "seq": frame["seq"]})

    controller = Controller(grokking.Config(), send=receive, device=CPU, rate=12.0)
    controller.start()
    controller.started.wait()
    controller.post({"do": "speed", "value": None})
    if listening:
        controller.post({"do": "hello"})
    controller.settle(10)
    frames = 0
    began = time.perf_counter()
    controller.post({"do": "step", "count": STEPS})
    controller.settle()
    took = time.perf_counter() - began
    controller.stop()
    return took, frames


# ------------------------------------------------------------------------------------ obedience


def _obedience() -> list[Row]:
    made = []
    with FrontEnd(sys.executable) as front:
        front.open_subshell()
        front.run(WATCH)
        front.say("hello")
        front.say("speed", value=None)
        front.say("play")
        front.until(lambda: front.last["step"] > 20)
        value = 2.0
        for kernel, cell in (("kernel idle", None), ("another cell busy", BUSY)):
            if cell is not None:
                execution = front.start(cell)
                front.until(lambda: front.running(execution))  # noqa: B023 - waited for at once
                front.rest(0.5)
            sent = {}
            for _ in range(MOVES):
                value = round(value + 0.001, 3)
                sent[value] = time.monotonic()
                front.say("set", values={"weight_decay": value})
                front.rest(PAUSE)
            front.until(lambda: front.last["applied"] == front.sequence)
            took = sorted(_milliseconds(sent, eval(front.run("applied"))))  # noqa: S307
            what = f"message to its update, full speed, {kernel} ({len(took)} moves)"
            made.append(at_most(f"{what}, median", statistics.median(took), 50, "ms"))
            made.append(at_most(f"{what}, 95th percentile", took[int(0.95 * len(took))], 100, "ms"))
    return made


def _milliseconds(sent: dict[float, float], applied: dict[float, float]) -> list[float]:
    """From sending to applying; a move that a later one overtook counts until that one was applied."""
    values = sorted(applied)
    return [1000 * (applied[values[bisect.bisect_left(values, v)]] - when) for v, when in sent.items()]

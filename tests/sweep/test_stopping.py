"""Runs that are held, and runs that are stopped between two updates."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from labkit.ensemble import train_together
from labkit.sweep import compute
from tests import toy


@pytest.fixture
def slow(monkeypatch):
    """Updates of five milliseconds, counted."""
    taken, step = [], toy.Toy.step

    def counted(self):
        time.sleep(0.005)
        taken.append(time.monotonic())
        step(self)

    monkeypatch.setattr(toy.Toy, "step", counted)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    return taken


def test_a_run_is_left_in_the_middle(slow):
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    assert list(compute([toy.Config(), toy.Config()], 100_000, stopped=stop.is_set)) == []
    assert 0 < len(slow) < 1_000


def test_it_is_asked_often_however_seldom_is_measured(slow):
    asked = []

    def stopped():
        asked.append(len(slow))
        return len(slow) >= 300

    cpu = torch.device("cpu")
    never = {"measure_due": lambda step: step == 0, "stopped": stopped}
    assert list(train_together([toy.Config()], 5_000, device=cpu, **never)) == []
    gaps = [later - sooner for sooner, later in zip(asked, asked[1:], strict=False)]
    assert max(gaps) < 80 and 3 < len(asked) < 200


def test_a_slow_answer_holds_the_run_and_loses_nothing(slow):
    go = threading.Event()

    def stopped():
        if len(slow) >= 5:
            go.wait()
        return False

    threading.Timer(0.4, go.set).start()
    ((_, history),) = compute([toy.Config()], 30, stopped=stopped)
    assert history.step == len(slow) == 30
    gaps = [later - sooner for sooner, later in zip(slow, slow[1:], strict=False)]
    assert max(gaps) > 0.2


def test_an_executor_gets_nothing_more():
    with ThreadPoolExecutor(1) as pool:
        stop = threading.Event()
        found = []
        for position, _ in compute(
            [toy.Config(count=1 + i % 8, start=float(i % 9)) for i in range(40)],
            20,
            executor=pool,
            stopped=stop.is_set,
        ):
            found.append(position)
            stop.set()
    assert 0 < len(found) < 40

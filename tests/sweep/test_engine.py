"""Sweeps on other processes: results are those of this one, and whatever dies, the rest goes on."""

import os
import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import torch

from labkit import sweep
from labkit.sweep import engine, processes, work
from labkit.sweep.work import Chunk
from tests import toy
from tests.waiting import until

QUIET = {"progress": False}
RATES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]


@pytest.fixture(scope="module")
def pool():
    with processes(2) as made:
        yield made


@pytest.fixture(scope="module")
def cluster():
    import dask
    from distributed import Client, LocalCluster

    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": 50}
    # dask would hand its workers a number of threads and a rule for memory through this process's environment
    untouched = dask.config.set({"distributed.nanny.pre-spawn-environ": {}})
    with untouched, LocalCluster(**options) as made, Client(made) as client:
        yield client


def here(**changes):
    return sweep(toy.Config(), **({"rate": RATES, "steps": 10} | changes | QUIET))


@pytest.mark.parametrize("kind", ["pool", "cluster"])
def test_any_executor_gives_the_frame_of_this_process(kind, request, tmp_path):
    given = request.getfixturevalue(kind)
    executor = given.get_executor() if kind == "cluster" else given
    assert engine.workers(executor) == 2
    assert here(executor=executor, store=tmp_path).equals(here())
    assert len(list(tmp_path.iterdir())) == len(RATES)


def test_a_chunk_caps_its_threads_and_puts_them_back(monkeypatch):
    before, seen = torch.get_num_threads(), []
    monkeypatch.setattr(work, "train_chunk", lambda chunk: seen.append(torch.get_num_threads()) or iter(()))
    work.chunk_done(Chunk((0,), (toy.Config(),), 1, threads=before + 3))
    assert seen == [before + 3] and torch.get_num_threads() == before


class Fragile(ThreadPoolExecutor):
    """Fails the first ``times`` chunks that hold ``bad``."""

    def __init__(self, bad, times):
        super().__init__(1)
        self.bad, self.times, self.asked = bad, times, []

    def submit(self, function, chunk):
        self.asked.append(chunk.positions)
        if self.bad in chunk.positions and self.times:
            self.times -= 1
            failed = Future()
            failed.set_exception(OSError("connection lost"))
            return failed
        return super().submit(function, chunk)


def test_points_of_a_failed_chunk_are_tried_again_one_by_one():
    with Fragile(bad=0, times=2) as executor:
        assert here(executor=executor).equals(here())
        asked = [points for points in executor.asked if 0 in points]
        assert len(asked) == 3 and asked[1:] == [(0,), (0,)], "in a chunk or alone, then twice alone"
    with Fragile(bad=0, times=9) as executor:
        frame = here(executor=executor)
    assert frame["error"].tolist() == ["OSError: connection lost"] + [""] * 5
    assert 9 - executor.times == 1 + engine.RETRIES


def test_an_executor_that_is_shut_down_is_told_for_every_point():
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    assert all("shutdown" in error for error in here(executor=executor)["error"])


def test_ctrl_c_harvests_what_other_processes_have_finished(monkeypatch, pool):
    wait = engine.wait

    def interrupted(running, **options):
        wait(running)  # all of them, then the user is out of patience
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "wait", interrupted)
    errors = here(executor=pool)["error"].tolist()
    assert "interrupted" not in errors[:4] and set(errors) <= {"", "interrupted"} and errors[0] == ""


def test_a_point_that_kills_its_process_is_found_and_the_others_go_on(tmp_path):
    with processes(2) as executor:
        frame = sweep(toy.Config(), kill_at=[-1, -1, 3, -1, -1, -1], steps=5, executor=executor, **QUIET)
    assert frame["error"].str.contains("BrokenProcessPool").tolist() == [
        False,
        False,
        True,
        False,
        False,
        False,
    ]
    assert frame["w"].notna().tolist() == [True, True, False, True, True, True]


def test_a_worker_of_a_cluster_killed_in_the_middle_costs_nothing(cluster, tmp_path):
    """The nanny starts another; what the dead one had is computed again."""
    victims = cluster.run(os.getpid)
    killed = []

    def kill_once():
        os.kill(next(iter(victims.values())), signal.SIGKILL)
        killed.append(time.monotonic())

    with ThreadPoolExecutor(1) as other:
        other.submit(lambda: (time.sleep(0.5), kill_once()))
        frame = sweep(
            toy.Config(pause=0.01),
            rate=RATES,
            count=[1, 2],
            steps=20,
            executor=cluster.get_executor(),
            **QUIET,
        )
    assert killed and not frame["error"].any()
    assert frame["w"].tolist() == pytest.approx([(1 - rate) ** 20 for rate in RATES for _ in range(2)])
    until(lambda: set(cluster.run(os.getpid).values()) != set(victims.values()), pause=0.1)
    assert set(cluster.run(os.getpid).values()) != set(victims.values()), "a worker did die"

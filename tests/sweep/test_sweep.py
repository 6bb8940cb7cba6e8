"""Frames, stores, memory and grouping of sweeps in this process."""

import math

import numpy as np
import pytest
import torch

from labkit import run, sweep
from labkit.experiments import edge_of_chaos, grokking
from labkit.history import History
from labkit.sweep import Failure, compute, memory, points
from labkit.sweep.store import Store
from tests import toy
from tests.memory import Peak

QUIET = {"progress": False}


def test_one_tidy_row_a_run_in_the_order_of_the_axes():
    frame = sweep(toy.Config(), rate=np.array([0.1, 0.5]), count=range(1, 4), steps=10, **QUIET)
    assert frame[["rate", "count"]].to_numpy().tolist() == [[r, c] for r in (0.1, 0.5) for c in (1, 2, 3)]
    np.testing.assert_allclose(frame["w"], (1 - frame["rate"]) ** 10)
    np.testing.assert_allclose(frame["size"], frame["w"].abs())
    assert frame["half"].tolist() == [7, 7, 7, 1, 1, 1]
    assert frame["tenth"].isna().tolist() == [True] * 3 + [False] * 3
    assert list(frame)[-2:] == ["note", "error"] and not frame["error"].any()
    assert frame.attrs["values"] == toy.Config().values() and frame.attrs["axes"] == ["rate", "count"]


def test_a_single_run_is_what_run_gives():
    config = grokking.Config(modulus=11, width=32, train_fraction=0.7)
    frame, history = (
        sweep(config, seed=[4], steps=60, **QUIET),
        run(config.replace(seed=4), 60, progress=False),
    )
    for name in history.columns:
        assert frame[name][0] == history[name][-1]


def test_steps_default_to_what_the_experiment_needs():
    assert sweep(toy.Config(), count=[1], **QUIET)["steps"].tolist() == [toy.Toy.steps]


def test_curves_are_tidy():
    frame = sweep(toy.Config(), rate=[0.1, 0.5], steps=10, until="tenth", curves=True, **QUIET)
    assert list(frame)[:2] == ["rate", "step"] and frame.groupby("rate")["step"].max().tolist() == [10, 4]
    np.testing.assert_allclose(frame["w"], (1 - frame["rate"]) ** frame["step"])


BAD = {
    "field: got 'rates'": {"rates": [1]},
    "rate: got 0.5; allowed: a list of values": {"rate": 0.5},
    "sign: got 'down'; allowed: a list of values": {"sign": "down"},
    "rate: got no values": {"rate": []},
    "rate: got -1": {"rate": [0.1, -1]},
    "until: got 'halve'; allowed: 'half', 'tenth'. Did you mean 'half'": {"until": "halve"},
    "steps: got -1": {"steps": -1},
    "device: got 'tpu'": {"device": "tpu"},
}


@pytest.mark.parametrize("words", BAD)
def test_bad_arguments_are_told_before_anything_trains(words, monkeypatch):
    monkeypatch.setattr(toy.Toy, "step", lambda self: pytest.fail("it trained"))
    with pytest.raises(ValueError) as error:
        sweep(toy.Config(), **({"rate": [0.1]} | BAD[words] | QUIET))
    assert str(error.value).startswith(words)
    with pytest.raises(ValueError, match="config: got 3"):
        sweep(3, **QUIET)


def test_a_point_that_fails_is_tried_three_times_and_told(monkeypatch):
    built = []
    start = toy.Toy.__init__
    monkeypatch.setattr(toy.Toy, "__init__", lambda self, c, d: built.append(c.fail_at) or start(self, c, d))
    frame = sweep(toy.Config(), fail_at=[-1, 5, -1, -1], steps=10, **QUIET)
    assert frame["error"].tolist() == ["", "RuntimeError: asked to fail", "", ""]
    assert frame["w"].notna().tolist() == [True, False, True, True]
    assert built.count(5) == 3


def test_what_is_stored_is_not_computed_again(tmp_path, monkeypatch):
    def ask(**changes):
        return sweep(
            toy.Config(), store=tmp_path / "s", **({"rate": [0.1, 0.5], "steps": 10} | changes | QUIET)
        )

    built = []
    start = toy.Toy.__init__
    monkeypatch.setattr(toy.Toy, "__init__", lambda self, c, d: built.append(c.rate) or start(self, c, d))
    first = ask()
    built.clear()
    assert ask().equals(first) and built == []
    assert len(ask(rate=[0.5, 0.2])) == 2 and built == [0.2], "another sweep finds the points they share"
    ask(steps=11, rate=[0.1])
    ask(until="half", rate=[0.1])
    assert built == [0.2, 0.1, 0.1]
    for file in (tmp_path / "s").iterdir():
        assert History.load(file).step in (7, 10, 11)
        file.write_bytes(file.read_bytes()[:50])
    built.clear()
    assert ask().equals(first) and built == [0.1, 0.5], "damaged files are computed again"
    with pytest.raises(ValueError, match="store: got .* a file"):
        sweep(toy.Config(), rate=[0.1], store=next((tmp_path / "s").iterdir()), **QUIET)


def test_ctrl_c_keeps_what_is_finished(tmp_path, monkeypatch):
    step = toy.Toy.step

    def interrupted(self):
        if self.config.count == 3:
            raise KeyboardInterrupt
        step(self)

    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)  # one point after the other
    monkeypatch.setattr(toy.Toy, "step", interrupted)
    frame = sweep(toy.Config(), count=[1, 2, 3, 4], steps=5, store=tmp_path, **QUIET)
    assert frame["error"].tolist() == ["", "", "interrupted", "interrupted"]
    assert len(list(tmp_path.iterdir())) == 2
    monkeypatch.undo()
    assert not sweep(toy.Config(), count=[1, 2, 3, 4], steps=5, store=tmp_path, **QUIET)["error"].any()


def test_ctrl_c_right_after_a_point_is_written_counts_it(tmp_path, monkeypatch):
    keep = Store.keep

    def interrupted(self, *what):
        keep(self, *what)
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    monkeypatch.setattr(Store, "keep", interrupted)
    frame = sweep(toy.Config(), count=[1, 2], steps=5, store=tmp_path, **QUIET)
    assert len(list(tmp_path.iterdir())) == 1
    assert frame["error"].tolist() == ["", "interrupted"] and frame["steps"].tolist() == [5, 0]


def test_only_runs_of_one_shape_are_stacked():
    base = grokking.Config(modulus=11, width=16)
    configs = points.product(base, {"width": [16, 32], "weight_decay": [0, 1], "seed": range(2)})
    assert points.groups(configs) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert points.groups([toy.Config(start=1.0), toy.Config(start=2.0)]) == [[0], [1]]


CONFIGS = [
    grokking.Config(),
    grokking.Config(train_fraction=0.5, precision="float64"),
    grokking.Config(modulus=31, width=64),
    grokking.Config(modulus=59, width=1024),
    grokking.Config.preset("Nanda et al."),
    grokking.Config(task="permutations"),
    edge_of_chaos.Config(),
    edge_of_chaos.Config(depth=100, width=200, precision="float64"),
]


@pytest.mark.parametrize("config", CONFIGS, ids=repr)
def test_the_memory_estimate_is_that_of_the_tensors(config):
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # the count sees one thread
    with Peak() as peak:
        experiment = config.experiment(config, torch.device("cpu"))
        for _ in range(2):
            experiment.step()
            experiment.measure()
        experiment.profile()
    torch.set_num_threads(before)
    assert 0.8 < memory.needed(config) / peak.most < 2


def test_chunks_fit_the_memory_and_a_run_that_does_not_is_refused(monkeypatch):
    config, cpu = grokking.Config(modulus=11, width=16), torch.device("cpu")
    one = memory.needed(config)
    monkeypatch.setattr(memory, "available", lambda device: 10 * one)
    assert memory.fitting(config, cpu) == 5 and memory.fitting(config, cpu, workers=2) == 2
    assert memory.fitting(toy.Config(), cpu) > 10**6, "an experiment that does not say"
    monkeypatch.setattr(memory, "available", lambda device: one - 1)
    with pytest.raises(ValueError, match=r"config: one run of grokking.Config\(.* GB are free on cpu"):
        compute([config], 3)


def test_free_memory_is_some_of_the_machines(monkeypatch):
    import psutil

    free = memory.available(torch.device("cpu"))
    assert 0 < free <= psutil.virtual_memory().total
    monkeypatch.setattr(memory, "_cgroups", lambda: [(1000, 400), (1000, 100)])
    assert memory.available(torch.device("cpu")) == 600


def test_compute_yields_points_as_they_end():
    configs = [toy.Config(rate=0.1), toy.Config(rate=0.5), toy.Config(fail_at=1)]
    found = compute(configs, 10, until="tenth")
    results = dict(found)
    assert isinstance(results[2], Failure) and results[1].step == 4 and results[0].step == 10
    assert list(compute([], 3)) == []
    assert math.isnan(results[0].delay) and results[1].delay == 4

"""Members of an ensemble against the same runs alone."""

import math
import sys

import numpy as np
import pytest
import torch

from labkit import ensemble, run
from labkit.ensemble import SideBySide, kind, train_together
from labkit.experiments import EXPERIMENTS, grokking
from labkit.experiments.grokking_stacked import Stacked
from labkit.train import MEASURE_DUE
from tests import toy
from tests.others import OTHERS

CPU = torch.device("cpu")
SMALL = {"modulus": 13, "width": 24, "train_fraction": 0.6}
#: What may differ between the members of one ensemble.
VARIED = [
    {},
    {"learning_rate": 3e-3},
    {"weight_decay": 0.0, "seed": 3},
    {"label_noise": 0.4},
    {"temperature": 2.0},
    {"init_scale": 3.0, "momentum": 0.5},
]
SHAPES = {
    "mlp": {},
    "mlp, tied, gelu": {"tied": True, "activation": "gelu"},
    "mlp, sgd": {"optimizer": "sgd", "learning_rate": 0.1, "loss": "cross_entropy"},
    "transformer": {"model": "transformer", "d_model": 16, "heads": 2, "loss": "cross_entropy", "warmup": 5},
}
TOLERANCE = {"float64": 1e-9, "float32": 1e-4}


@pytest.fixture(params=[1, 2], ids=["one core", "two cores"])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("way", [SideBySide, Stacked])
def test_members_follow_their_single_runs(way, shape, precision, threads):
    base = grokking.Config(**SMALL, **SHAPES[shape], precision=precision)
    configs = [base.replace(**changes) for changes in VARIED]
    together = way(configs, CPU)
    together.advance(8)
    together.keep([0, 2, 3, 4, 5])
    together.advance(12)
    for at, config in enumerate(configs[:1] + configs[2:]):
        alone = config.experiment(config, CPU)
        for _ in range(20):
            alone.step()
        for name, wanted in alone.state().items():
            came = together.single(at).state()[name]
            error = (came - wanted).abs().max() / wanted.abs().max().clamp_min(1e-30)
            assert error < TOLERANCE[precision], f"{config!r}, {name}: {error:.1e}"
        for name, value in together.measure()[at].items():
            assert value == pytest.approx(alone.measure()[name], rel=1e3 * TOLERANCE[precision], abs=1e-12)


def test_brief_and_long_steps_come_to_the_same_bits(monkeypatch, three_threads):
    # a run with cores to spare would share its rows
    monkeypatch.setattr("labkit.nn.shares.OPERATION_BYTES", 1)
    configs = [grokking.Config(**SMALL, seed=seed) for seed in range(3)]
    found = []
    for brief in (0.0, math.inf):
        monkeypatch.setattr(ensemble, "BRIEF", brief)
        members = SideBySide(configs, CPU)
        members.advance(1)  # the first step is taken for a brief one
        members.advance(9)
        found.append((members.measure(), [members.single(at).state() for at in range(3)]))
    (few, states), (same, others) = found
    assert few == same
    for mine, other in zip(states, others, strict=True):
        assert all(torch.equal(mine[name], other[name]) for name in mine)


def test_histories_are_those_of_run_with_an_end_of_their_own():
    rates = [0.1, 0.5, 20.0]
    configs = [toy.Config(rate=rate) for rate in rates[:2]] + [toy.Config(start=10.0, rate=10.0)]
    updates = []
    found = dict(train_together(configs, 200, device=CPU, until="tenth", tell=updates.append))
    # (1 - rate)^2t <= .01 for the first time
    assert found[0].step == found[0].events["tenth"] == math.ceil(math.log(0.1) / math.log(0.9))
    assert found[1].step == found[1].events["tenth"] == 4
    overflows = math.log(sys.float_info.max, 9) / 2 - math.log(10, 9)  # loss = (10 · 9^t)²
    assert found[2].step == next(step for step in range(math.ceil(overflows), 200) if MEASURE_DUE(step))
    assert "diverged" in found[2].notes[0]
    assert sum(updates) == sum(history.step for history in found.values())
    np.testing.assert_array_equal(found[0]["w"], run(configs[0], 22, progress=False)["w"])
    assert found[0]["slow"][-1] == pytest.approx(3 * 0.9**22)
    assert math.isnan(found[0]["slow"][0]), "profiles are read at the end alone"
    assert found[0].profiles["weights"].steps.tolist() == [22]


def test_a_run_of_no_steps_is_its_start():
    ((at, history),) = train_together([toy.Config()], 0, device=CPU)
    assert (at, history.step, len(history)) == (0, 0, 1)


def test_outcomes_over_seeds_are_those_of_single_runs():
    """In float32 whole runs differ by amplified rounding: what they come to must not."""
    base = grokking.Config(modulus=23, width=128, train_fraction=0.6, weight_decay=3.0)
    configs = [base.replace(seed=seed) for seed in range(4)]
    together = dict(train_together(configs, 200, device=CPU, until="test solved"))
    alone = [run(config, 200, progress=False).events["test solved"] for config in configs]
    np.testing.assert_allclose([together[i].events["test solved"] for i in range(4)], alone, rtol=0.1)


def test_an_experiment_may_bring_its_own_ensemble(monkeypatch):
    assert kind(toy.Config(), CPU) is kind(grokking.Config(), CPU) is SideBySide
    assert kind(grokking.Config(), torch.device("cuda")) is Stacked
    monkeypatch.setattr(toy.Toy, "ensemble", lambda config, device: ensemble.Ensemble, raising=False)
    assert kind(toy.Config(), CPU) is ensemble.Ensemble


def rounding(value):
    """How far a tensor of a run may be from the same computed in another order."""
    if not (value.is_floating_point() and value.numel()):
        return 0.0
    return TOLERANCE[str(value.dtype).removeprefix("torch.")] * float(value.nan_to_num().abs().max())


@pytest.mark.parametrize("name", OTHERS)
def test_every_experiments_members_follow_their_single_runs(name, threads):
    base, changes = OTHERS[name]
    configs = [base.replace(**each) for each in ({}, {"seed": 7}, {"seed": 3}, changes)]
    together = kind(base, CPU)(configs, CPU)
    together.advance(8)
    together.keep([0, 2, 3])
    together.advance(12)
    alone_measures = []
    for at, config in enumerate((configs[0], *configs[2:])):
        alone = config.experiment(config, CPU)
        for _ in range(20):
            alone.step()
        came, wanted = together.single(at).state(), alone.state()
        assert came.keys() == wanted.keys()
        for entry, value in wanted.items():
            torch.testing.assert_close(came[entry], value, rtol=0, atol=rounding(value), equal_nan=True)
        alone_measures.append(alone.measure())
    for came, wanted in zip(together.measure(), alone_measures, strict=True):
        for column, value in wanted.items():
            assert came[column] == pytest.approx(value, rel=1e-3, abs=1e-12, nan_ok=True), column


def test_no_experiment_is_left_out():
    assert OTHERS.keys() == EXPERIMENTS.keys() - {"grokking"}

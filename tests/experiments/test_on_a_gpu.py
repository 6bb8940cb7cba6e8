"""Every experiment on a GPU follows its run on the CPU: 20 steps in float64 to 1e-9, in float32 to 1e-4."""

import pytest
import torch

from labkit import run, sweep
from labkit.ensemble import kind
from labkit.experiments import edge_of_chaos, grokking
from labkit.experiments.activations import museum
from tests.others import OTHERS

pytestmark = pytest.mark.gpu
CPU = torch.device("cpu")
HERE = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
TOLERANCE = {"float64": 1e-9, "float32": 1e-4}
SMALL = {"modulus": 13, "width": 24, "train_fraction": 0.6}
CONFIGS = {
    "mlp": grokking.Config(**SMALL),
    "tied, sgd": grokking.Config(**SMALL, tied=True, optimizer="sgd", learning_rate=0.1),
    "transformer": grokking.Config(
        **SMALL, model="transformer", d_model=16, heads=2, loss="cross_entropy", warmup=10
    ),
    **{name: base for name, (base, _) in OTHERS.items()},
}
#: What is changed in mid-run: a recorded graph must not keep the old values.
DECAY = {"weight_decay": 0.5, "momentum": 0.8}
CHANGES = {
    grokking.Config: {**DECAY, "label_noise": 0.3},
    edge_of_chaos.Config: {**DECAY, "optimizer": "adamw"},
    museum.Config: {"rate": 0.02},
}


@pytest.fixture(params=HERE)
def gpu(request):
    if not HERE[request.param]:
        pytest.skip(f"no {request.param} device here")
    return torch.device(request.param)


def assert_follows(came, wanted, tolerance):
    for name, value in wanted.items():
        rounded = value.is_floating_point() and value.numel()
        near = tolerance * float(value.nan_to_num().abs().max()) if rounded else 0
        torch.testing.assert_close(came[name].cpu(), value, rtol=0, atol=near, equal_nan=True)


def precisions(config, gpu):
    """The config in every precision that it and the device have, with the tolerance of each."""
    names = ["float32"] if gpu.type == "mps" else list(TOLERANCE)
    if "precision" not in config.values():
        yield config, TOLERANCE["float32"]
        return
    for name in names:
        yield config.replace(precision=name), TOLERANCE[name]


@pytest.mark.parametrize("name", CONFIGS)
def test_a_run_follows_the_cpu_through_a_change_of_settings(name, gpu):
    for config, tolerance in precisions(CONFIGS[name], gpu):
        states = []
        for device in (CPU, gpu):
            experiment = config.experiment(config, device)
            for step in range(20):
                if step == 12:
                    changes = CHANGES.get(type(config), {"learning_rate": 1e-3})
                    experiment.configure(config.replace(**changes))
                experiment.step()
            states.append(experiment.state())
        assert_follows(states[1], states[0], tolerance)


@pytest.mark.parametrize("name", CONFIGS)
def test_members_of_an_ensemble_follow_single_runs_on_the_cpu(name, gpu):
    for base, tolerance in precisions(CONFIGS[name], gpu):
        decays = "weight_decay" in base.values()
        own = [{"weight_decay": seed / 2} if decays else {} for seed in range(4)]
        configs = [base.replace(seed=seed, **changes) for seed, changes in enumerate(own)]
        together = kind(base, gpu)(configs, gpu)
        together.advance(8)
        together.keep([0, 1, 3])
        together.advance(12)
        measured = []
        for at, config in enumerate((configs[0], configs[1], configs[3])):
            alone = config.experiment(config, CPU)
            for _ in range(20):
                alone.step()
            assert_follows(together.single(at).state(), alone.state(), tolerance)
            measured.append(alone.measure())
        for came, wanted in zip(together.measure(), measured, strict=True):
            for column, value in wanted.items():
                assert came[column] == pytest.approx(value, rel=1e3 * tolerance, abs=1e-9, nan_ok=True)


def test_two_runs_on_the_gpu_are_equal_and_a_resumed_one_goes_on(gpu):
    config = CONFIGS["mlp"]
    whole = run(config, 30, device=gpu.type, progress=False)
    again = run(run(config, 12, device=gpu.type, progress=False), 30, progress=False)
    assert all(torch.equal(again.state[name], value) for name, value in whole.state.items())


def test_a_sweep_on_the_gpu_comes_to_what_the_cpu_comes_to(gpu):
    asked = {"seed": range(3), "weight_decay": [0.0, 3.0], "steps": 150, "progress": False}
    base = grokking.Config(modulus=23, width=128, train_fraction=0.6)
    there, here = sweep(base, device=gpu.type, **asked), sweep(base, **asked)
    assert there["phase"].tolist() == here["phase"].tolist()

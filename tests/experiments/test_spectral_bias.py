"""Spectral bias: plain torch, ensembles, the kernel's prediction, every setting, resuming."""

import functools
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from labkit import History, run, sweep
from labkit.data import signals
from labkit.experiments import spectral_bias
from labkit.experiments.spectral_bias import Config
from labkit.experiments.spectral_bias_runs import Runs, signal
from labkit.measures import amplitudes
from labkit.theory.ntk import circle_eigenvalues, two_layer_relu_eigenvalues

CPU = torch.device("cpu")
SMALL = Config(notes=3, spacing=1, points=32, depth=2, width=12, precision="float64", learning_rate=0.01)
#: field -> another value
OTHER = {
    "target": "square", "notes": 2, "spacing": 2, "amplitudes": "falling", "points": 40, "domain": "circle",
    "kind": "siren", "activation": "tanh", "depth": 3, "width": 13, "encoding": "gaussian", "features": 3,
    "sigma": 2.0, "bands": 3, "omega_0": 10.0, "scale": 3.0, "parametrisation": "ntk", "bias": 0.5,
    "output_scale": 2.0, "centred": True, "optimizer": "gd", "learning_rate": 0.1, "momentum": 0.5,
    "beta2": 0.9, "precision": "float32", "seed": 1,
}  # fmt: skip
#: field -> settings under which it is read
READ_WITH = {
    "features": {"encoding": "gaussian"},
    "sigma": {"encoding": "gaussian"},
    "bands": {"encoding": "positional"},
    "omega_0": {"kind": "siren"},
    "scale": {"kind": "gaussian"},
}


def test_every_setting_changes_the_run():
    assert OTHER.keys() == {field.name for field, _ in SMALL.fields()}
    losses = functools.cache(lambda config: run(config, 3, progress=False)["train_loss"])
    for name, value in OTHER.items():
        start = SMALL.replace(**READ_WITH.get(name, {}))
        assert not np.array_equal(losses(start), losses(start.replace(**{name: value}))), name


@pytest.mark.parametrize("optimizer", ["adam", "gd", "momentum"])
@pytest.mark.parametrize("alpha", [1.0, 3.0])
def test_a_run_is_plain_torch(optimizer, alpha):
    config = SMALL.replace(optimizer=optimizer, output_scale=alpha, centred=alpha > 1, momentum=0.8)
    experiment = config.experiment(config, CPU)
    known = signal(config)
    weights = [p[0].detach().clone().requires_grad_() for pair in experiment.nets.layers() for p in pair]

    def net():
        h = known.x[:, None]
        for at in range(0, len(weights), 2):
            h = F.linear(h if not at else torch.relu(h), weights[at], weights[at + 1])
        return h[:, 0]

    offset = net().detach() if config.centred else 0.0
    if optimizer == "adam":
        torchs = torch.optim.Adam(weights, lr=0.01, betas=(0.8, 0.999), eps=1e-8)
    else:
        torchs = torch.optim.SGD(weights, lr=0.01, momentum=0.8 if optimizer == "momentum" else 0)
    for _ in range(20):
        torchs.zero_grad()
        ((alpha * (net() - offset) - known.y).square().mean() / alpha**2).backward()
        torchs.step()
        experiment.step()
    f = (alpha * (net() - offset)).detach()
    read = experiment.measure()
    assert read["train_loss"] == pytest.approx((f - known.y).square().mean().item(), rel=1e-9)
    for k in (1, 2, 3):
        assert read[f"a_{k}"] == pytest.approx(amplitudes(f)[k].item(), rel=1e-8)
    np.testing.assert_allclose(experiment.view()["fit"][:, 1], f, atol=1e-6)


@pytest.mark.parametrize("changes", [{}, {"encoding": "gaussian"}, {"optimizer": "gd", "centred": True}])
def test_members_of_an_ensemble_are_runs_alone(changes):
    """Each with its own phases, features and start; also after others left."""
    configs = [SMALL.replace(seed=seed, **changes) for seed in range(4)]
    together, alone = Runs(configs, CPU), [config.experiment(config, CPU) for config in configs]
    together.advance(7)
    together.keep([0, 2, 3])
    alone = [alone[m] for m in (0, 2, 3)]
    together.advance(5)
    for each in alone:
        for _ in range(12):
            each.step()
    for came, each in zip(together.measure(), alone, strict=True):
        assert came == pytest.approx(each.measure(), rel=1e-7, nan_ok=True)
    assert together.single(1).measure() == pytest.approx(alone[1].measure(), rel=1e-7, nan_ok=True)


def test_resuming_equals_going_on(tmp_path):
    config = SMALL.replace(optimizer="momentum")
    whole = run(config, 40, progress=False)
    half = run(config, 17, progress=False).save(tmp_path / "half")
    again = run(History.load(half), 40, progress=False)
    for name in whole.columns:
        np.testing.assert_array_equal(whole[name], again[name])
    assert all(torch.equal(value, again.state[name]) for name, value in whole.state.items())


# ------------------------------------------------------------------------------------ the theory


@pytest.mark.parametrize("optimizer", ["gd", "momentum"])
def test_the_kernel_predicts_lazy_networks_and_fails_for_rich_ones(optimizer):
    """Chizat et al.: the same network, α = 100 and α = 0.1."""
    lazy = Config(
        notes=3, spacing=1, points=32, depth=1, width=128, parametrisation="ntk", centred=True,
        output_scale=100.0, optimizer=optimizer, learning_rate=0.02, momentum=0.5, precision="float64",
    )  # fmt: skip
    history = run(lazy, 120, progress=False)
    for k in (1, 2, 3):
        np.testing.assert_allclose(history[f"ntk_{k}"], history[f"a_{k}"], atol=0.01)
    np.testing.assert_allclose(history["ntk_loss"], history["train_loss"], rtol=0.01)
    assert history["a_1"][-1] > 0.4, "something is learnt meanwhile"
    rich = run(lazy.replace(output_scale=0.1), 120, progress=False)
    assert np.abs(rich["ntk_loss"] - rich["train_loss"]).max() > 0.02
    moved = [np.nanmax(h["kernel_change"]) for h in (history, rich)]
    assert moved[0] < 0.01 < 0.1 < moved[1]


def test_modes_of_the_kernel_decay_as_it_predicts():
    """Within 20 % until half of a mode is learnt, along the eigenvectors of the kernel itself, at α = 1."""
    config = Config(
        notes=3, spacing=1, points=32, domain="circle", depth=1, width=2048, parametrisation="ntk",
        centred=True, optimizer="gd", learning_rate=0.2, precision="float64",
    )  # fmt: skip
    experiment = config.experiment(config, CPU)
    solved = experiment.runs.solved()
    assert solved.initial.abs().max() > 1
    experiment.runs.advance(steps := 30)
    left, measured = solved.decay(steps, 0.2), experiment.runs.mode_residuals() / solved.initial
    loud = solved.initial.abs() > 0.05 * solved.initial.norm()
    learning = loud & (left > 0.5) & (left < 0.9)
    assert learning.sum() >= 2
    rates = measured[learning].log() / left[learning].log()
    assert (rates - 1).abs().max() < 0.2, rates
    with pytest.raises(ValueError, match="optimizer: got 'adam'"):
        SMALL.experiment(SMALL, CPU).runs.mode_residuals()


def test_the_prediction_ends_where_other_settings_train():
    config = SMALL.replace(optimizer="gd")
    history = run(config, 10, interventions=[(4, "learning_rate", 0.02)], progress=False)
    assert np.isfinite(history["ntk_loss"][:5]).all() and np.isnan(history["ntk_loss"][5:]).all()
    for changes in ({}, {"kind": "finer", "optimizer": "gd"}):  # Adam, and a gradient with a factor left out
        history = run(SMALL.replace(**changes), 2, progress=False)
        assert "ntk_loss" not in history.columns and history.figure()


def test_on_the_circle_odd_frequencies_need_a_bias():
    start = Config.preset("circle, bias", width=1024, notes=5, learning_rate=0.2, points=32)
    steps, learnt = 80, {}
    for bias in (0.0, 1.0):
        runs = Runs([start.replace(bias=bias)], CPU)
        runs.advance(steps)
        learnt[bias] = runs.amplitudes()[0].tolist()
    assert learnt[0.0][2] < 0.06 and learnt[0.0][4] < 0.06 < 0.5 < learnt[0.0][3]
    assert learnt[1.0][2] > 0.5 and learnt[1.0][4] > 0.25
    # at the rates of the infinitely wide network, 1 − (1 − 2ηλ_k)^t
    for bias, sigma_b in ((0.0, 0.0), (1.0, 1.0)):
        rates = circle_eigenvalues("relu", [1, 2, 3, 4, 5], sigma_b=sigma_b)
        np.testing.assert_allclose(learnt[bias], 1 - (1 - 2 * 0.2 * rates) ** steps, atol=0.12)
    assert (two_layer_relu_eigenvalues([3, 5]) == 0).all()


# --------------------------------------------------------------------------------- the phenomenon


def test_slow_notes_come_first_with_relu_and_not_with_features():
    relu = Config(notes=4, spacing=1, points=48, depth=3, width=32, learning_rate=4e-3)
    frame = sweep(relu, seed=range(4), steps=300, progress=False)
    assert frame["order"].mean() > 0.9
    features = relu.replace(encoding="gaussian", sigma=16.0, spacing=2)
    assert sweep(features, seed=range(4), steps=60, progress=False)["order"].mean() < 0.6


def test_ones_own_target_and_bad_ones(tmp_path):
    np.save(tmp_path / "mine.npy", np.sin(2 * np.pi * 3 * np.arange(40) / 40))
    config = SMALL.replace(target=str(tmp_path / "mine.npy"))
    assert run(config, 2, progress=False).columns[:2] == ("train_loss", "lowest")
    assert "a_3" in run(config, 2, progress=False).columns
    with pytest.raises(ValueError, match=r"signal: got 'nowhere\.npy', where there is no file"):
        Config(target="nowhere.npy")
    with pytest.raises(ValueError, match="target: got 'sins'.*Did you mean 'sines'"):
        Config(target="sins")
    with pytest.raises(ValueError, match="frequencies: got 100 on 200 points; .* Nyquist frequency 100"):
        Config(notes=10, spacing=10)
    with pytest.raises(ValueError, match="domain: got 'circle' with kind 'siren'"):
        Config(domain="circle", kind="siren")


def test_every_preset_starts_and_is_drawn():
    for name in Config.presets:
        config = Config.preset(name)
        history = run(config.replace(width=32), 1, progress=False)
        assert math.isfinite(history["train_loss"][-1]), name
    for name in ("slow notes last", "circle, bias"):
        config = Config.preset(name, width=16)
        axes = run(config, 1, progress=False).figure().axes
        assert len(axes) >= len(config.experiment.pictures(config)), name


def test_the_papers_settings():
    config = Config.preset("Rahaman et al.")
    known = signal(config)
    assert known.frequencies.tolist() == list(range(5, 55, 5)) and len(known.x) == 200
    nets = config.experiment(config, CPU).nets
    assert len(nets.layers()) == 6 and nets.sizes == (1, *[256] * 5, 1)
    assert (config.learning_rate, config.optimizer, config.activation) == (3e-4, "adam", "relu")
    rising = signal(Config.preset("Rahaman et al., rising"))
    np.testing.assert_allclose(rising.amplitudes, signals.AMPLITUDES["rising"](10))
    assert spectral_bias.SpectralBias.stackable == {"seed"}

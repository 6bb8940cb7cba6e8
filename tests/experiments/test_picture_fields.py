"""Pictures as functions: plain torch, what is read off one pass, held-out pixels, resuming."""

import functools

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from labkit import History, run
from labkit.data import images
from labkit.experiments import picture_fields
from labkit.experiments.picture_fields import Config
from labkit.measures import psnr

CPU = torch.device("cpu")
SMALL = Config(size=16, width=24, depth=2, precision="float64")
#: field -> another value
OTHER = {
    "picture": "moon", "size": 18, "held_out": True, "extent": 2.0, "kind": "finer", "activation": "tanh",
    "depth": 3, "width": 25, "omega_0": 20.0, "scale": 3.0, "first_bias": 4.0, "encoding": "gaussian",
    "features": 7, "sigma": 2.0, "bands": 3, "variance": 1.0, "optimizer": "sgd", "learning_rate": 1e-3,
    "decay": 10, "momentum": 0.5, "beta2": 0.9, "precision": "bfloat16", "seed": 1,
}  # fmt: skip
READ_WITH = {
    "activation": {"kind": "mlp"},
    "scale": {"kind": "gaussian"},
    "first_bias": {"kind": "finer"},
    "features": {"encoding": "gaussian"},
    "sigma": {"encoding": "gaussian"},
    "bands": {"encoding": "positional"},
}


def test_every_setting_changes_the_run():
    assert OTHER.keys() | {"derivatives"} == {field.name for field, _ in SMALL.fields()}
    losses = functools.cache(lambda config: run(config, 3, progress=False)["train_loss"])
    for name, value in OTHER.items():
        start = SMALL.replace(**READ_WITH.get(name, {}))
        assert not np.array_equal(losses(start), losses(start.replace(**{name: value}))), name
    shown = [run(SMALL.replace(derivatives=on), 1, progress=False).views for on in (True, False)]
    assert shown[0].keys() - shown[1].keys() == {"gradient", "laplacian"}


def test_a_run_is_plain_torch_with_adam_and_decay():
    config = SMALL.replace(held_out=True, decay=8)
    experiment = config.experiment(config, CPU)
    pixels = images.pixels(images.picture("camera", 16), held_out=True)
    net = picture_fields.field(config, torch.float64)
    optimiser = torch.optim.Adam(net.parameters(), lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda t: 0.1 ** (t / 8))
    for _ in range(12):
        optimiser.zero_grad()
        F.mse_loss(net(pixels.x[pixels.train]), pixels.y[pixels.train]).backward()
        optimiser.step()
        schedule.step()
        experiment.step()
    with torch.no_grad():
        out = net(pixels.x)
    loss = F.mse_loss(out[pixels.train], pixels.y[pixels.train]).item()
    read, profile = experiment.measure(), experiment.profile()
    assert read["train_loss"] == pytest.approx(loss, rel=1e-9)
    assert read["train_psnr"] == pytest.approx(10 * np.log10(4 / loss))
    rest = F.mse_loss(out[pixels.test], pixels.y[pixels.test]).item()
    assert profile["test_psnr"] == pytest.approx(psnr(rest, "symmetric"))
    wanted = (out.view(16, 16).clamp(-1, 1) + 1) / 2
    np.testing.assert_allclose(experiment.view()["picture"][::-1], wanted, atol=1e-6)


def test_reading_changes_nothing_and_costs_no_pass():
    one, other = (SMALL.experiment(SMALL, CPU) for _ in range(2))
    passes = 0
    plain = one._rows.gradient

    def counted(*args):
        nonlocal passes
        passes += 1
        plain(*args)

    one._rows.gradient = counted
    for _ in range(5):
        one.measure()
        one.view()
        one.profile()
        one.step()
        other.step()
    assert torch.equal(one.state()["weights"], other.state()["weights"])
    assert passes == 5


def test_resuming_equals_going_on(tmp_path):
    config = SMALL.replace(decay=20)
    whole = run(config, 30, progress=False)
    half = run(config, 13, progress=False).save(tmp_path / "half")
    again = run(History.load(half), 30, progress=False)
    for name in whole.columns:
        np.testing.assert_array_equal(whole[name], again[name])
    assert all(torch.equal(value, again.state[name]) for name, value in whole.state.items())


def test_siren_paints_and_fails_off_its_range():
    config = Config(size=32, width=64, derivatives=False)
    assert run(config, 150, progress=False)["train_psnr"][-1] > 30
    # far outside [-1, 1] neighbouring pixels are strangers: what was not trained on is noise
    held = config.replace(held_out=True)
    near, far = (run(held.replace(extent=e), 150, progress=False)["test_psnr"] for e in (1.0, 30.0))
    assert np.nanmax(near) > np.nanmax(far) + 4


def test_a_picture_of_ones_own(tmp_path):
    np.save(tmp_path / "mine.npy", np.random.default_rng(0).random((20, 24)))
    assert len(run(SMALL.replace(picture=str(tmp_path / "mine.npy")), 1, progress=False)) == 2
    with pytest.raises(ValueError, match="where there is no file"):
        Config(picture="nowhere.png")
    with pytest.raises(ValueError, match="picture: got 'camara'.*Did you mean 'camera'"):
        Config(picture="camara")


def test_every_preset_starts_and_is_drawn():
    for name in Config.presets:
        history = run(Config.preset(name, size=16, width=16, features=8), 1, progress=False)
        assert np.isfinite(history["train_loss"]).all(), name
    assert len(history.figure().axes) >= len(history.config.experiment.pictures(history.config))

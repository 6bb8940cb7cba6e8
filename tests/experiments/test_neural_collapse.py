"""A classifier beyond zero training error: plain torch, resumed runs, collapse as claimed, its cloud."""

from functools import cache

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from labkit import History, run
from labkit.data.clusters import some_digits, tail
from labkit.experiments import neural_collapse
from labkit.experiments.dense import batch_rows
from labkit.experiments.neural_collapse_pictures import corners, frame, seen
from labkit.measures import collapse
from labkit.runtime import generator

CPU = torch.device("cpu")
SMALL = neural_collapse.Config(classes=3, depth=2, width=12, batch=50, precision="float64")
#: field -> another value
OTHER = {
    "data": "clusters", "classes": 4, "imbalance": 5.0, "profile": "step", "label_noise": 0.3,
    "separation": 2.0, "per_class": 50, "model": "residual", "depth": 3, "width": 13, "activation": "tanh",
    "head": "etf", "bias": False, "loss": "cross_entropy", "smoothing": 0.3, "optimizer": "sgd",
    "learning_rate": 1e-2, "momentum": 0.5, "weight_decay": 0.5, "feature_decay": 0.0, "head_decay": 0.0,
    "batch": 60, "precision": "float32", "seed": 1,
}  # fmt: skip
#: what a field needs to be read at all
NEEDS = {
    "profile": {"imbalance": 5.0},
    "separation": {"data": "clusters"},
    "per_class": {"data": "clusters"},
    "smoothing": {"loss": "label_smoothing"},
}


def test_every_setting_changes_the_run():
    assert OTHER.keys() == {field.name for field, _ in SMALL.fields()}
    losses = cache(lambda config: run(config, 4, progress=False)["train_loss"])
    for name, value in OTHER.items():
        config = SMALL.replace(**NEEDS.get(name, {}))
        assert not np.array_equal(losses(config), losses(config.replace(**{name: value}))), name


@pytest.mark.parametrize(
    ("optimizer", "loss", "head_decay", "smoothing"),
    [("sgd", "cross_entropy", 1.0, 0.0), ("adamw", "label_smoothing", 0.0, 0.2)],
)
def test_a_run_is_plain_torch_with_decay_by_layer(optimizer, loss, head_decay, smoothing):
    rate, decay = (0.05, 1e-2) if optimizer == "sgd" else (1e-3, 5.0)
    config = SMALL.replace(optimizer=optimizer, loss=loss, learning_rate=rate, weight_decay=decay)
    config = config.replace(feature_decay=2.0, head_decay=head_decay, smoothing=0.2)
    experiment = config.experiment(config, CPU)
    modules = []
    for w, b in experiment.net.nets.layers():
        linear = torch.nn.utils.skip_init(torch.nn.Linear, w.shape[2], w.shape[1], dtype=torch.float64)
        linear.weight.data, linear.bias.data = w[0].detach().clone(), b[0].detach().clone()
        modules += [linear, torch.nn.ReLU()]
    net = torch.nn.Sequential(*modules[:-1])
    groups = [
        {"params": net[:-1].parameters(), "weight_decay": 2 * decay},
        {"params": net[-1].parameters(), "weight_decay": decay * head_decay},
    ]
    if optimizer == "sgd":
        optimiser = torch.optim.SGD(groups, lr=rate, momentum=0.9)
    else:
        optimiser = torch.optim.AdamW(groups, lr=rate, betas=(0.9, neural_collapse.BETA2))
    data = some_digits(3, dtype=torch.float64)
    for step in range(12):
        rows = batch_rows(step, len(data.x), 50)
        optimiser.zero_grad()
        F.cross_entropy(net(data.x[rows]), data.answer[rows], label_smoothing=smoothing).backward()
        optimiser.step()
        experiment.step()
    read = experiment.measure()
    loss = F.cross_entropy(net(data.x), data.answer, label_smoothing=smoothing)
    assert read["train_loss"] == pytest.approx(loss.item(), rel=1e-9)
    wrong = (net(data.test_x).argmax(1) != data.test_answer).double().mean()
    assert read["test_error"] == pytest.approx(float(wrong))
    features = net[:-1](data.x).detach()
    wanted = collapse.nc1_pinv(collapse.class_moments(features, data.answer))
    profile = experiment.profile()
    assert profile["nc1_pinv"] == pytest.approx(wanted, rel=1e-6)
    assert profile["layers"][-1] == pytest.approx(np.log10(wanted), rel=1e-6)


@pytest.fixture(scope="module")
def folded():
    """The default page's run, shorter and narrower."""
    return run(neural_collapse.Config(learning_rate=2e-3, width=64), 720, every=20, progress=False)


def test_features_fold_up_after_the_last_error(folded):
    """NC1 here is tr(Σ_W Σ_B†)/C."""
    assert folded.events["zero training error"] < 200 < folded.events["variability a hundredth"] <= 720
    assert np.nanmin(folded["fallen"]) < 0.01
    assert folded["nearest_mean"][np.isfinite(folded["nearest_mean"])][-1] == 0
    layers = folded.profiles["layers"].values[-1]
    assert (np.diff(layers) < 0).all(), "NC1 falls from layer to layer"
    cloud = folded.views["cloud"]
    assert cloud.shape == (len(some_digits(4).x), 4)
    centres = np.array([cloud[cloud[:, 3] == c, :3].mean(0) for c in range(4)])
    np.testing.assert_allclose(centres, corners(4), atol=0.35)
    spread = np.concatenate([cloud[cloud[:, 3] == c, :3] - centres[c] for c in range(4)])
    assert np.abs(spread).max() < 0.3
    folded.figure()


def test_a_run_goes_on_bit_for_bit(tmp_path):
    config = neural_collapse.Config(classes=3, depth=2, width=12)
    changes = [(20, "label_noise", 0.2), (30, "weight_decay", 0.5)]
    whole = run(config, 40, progress=False, interventions=changes)
    half = run(config, 25, progress=False, interventions=changes[:1])
    half.save(tmp_path / "half")
    resumed = run(History.load(tmp_path / "half"), 40, progress=False, interventions=changes)
    for name in whole.columns:
        np.testing.assert_array_equal(whole[name], resumed[name])


@pytest.mark.parametrize("changes", [{"head": "etf"}, {"bias": False}, {"head": "etf", "bias": False}])
def test_what_is_fixed_stays(changes):
    config = SMALL.replace(**changes)
    experiment = config.experiment(config, CPU)
    start = experiment.net.weight.clone()
    for _ in range(5):
        experiment.step()
    if config.head == "etf":
        assert torch.equal(experiment.net.weight, start)
        assert collapse.etf_distance(start) < 1e-12
    else:
        assert not torch.equal(experiment.net.weight, start)
    assert bool(experiment.net.bias.any()) == config.bias


def test_the_view_turns_features_onto_a_simplex_that_stands_still():
    g = generator(0)
    for classes, width in ((4, 9), (3, 5), (2, 2), (7, 6)):
        turn = torch.linalg.qr(torch.randn(width, width, generator=g, dtype=torch.float64))[0]
        full = torch.nn.functional.pad(neural_collapse.simplex_etf(classes, classes - 1), (0, width))[
            :, :width
        ]
        means = 5 * full @ turn + 3
        points = seen(means, means)
        assert points.shape == (classes, 3)
        if classes <= 4:
            torch.testing.assert_close(points, corners(classes), atol=1e-9, rtol=0)
        else:
            assert float((points - corners(classes)).norm()) < 1e-9
    edges = frame(4)
    assert edges.shape == (6, 2, 3)
    np.testing.assert_allclose(np.linalg.norm(edges[:, 0] - edges[:, 1], axis=1), (8 / 3) ** 0.5)


def test_a_residual_net_shows_its_stages():
    config = neural_collapse.Config.preset("residual net", width=6, depth=5)
    history = run(config, 2, progress=False)
    layers = next(picture for picture in config.experiment.pictures(config) if picture.name == "layers")
    assert history.profiles["layers"].values.shape[1] == len(layers.y) == 4
    history.figure()


def test_a_run_that_diverges_says_so_and_is_drawn():
    history = run(SMALL.replace(optimizer="sgd", learning_rate=1.0, depth=4, width=64), 60, progress=False)
    assert "diverged" in history.notes[0] and history.views["cloud"].shape == (0, 4)
    history.figure()


def test_one_sample_a_class_has_no_variation_to_fall():
    history = run(SMALL.replace(data="clusters", per_class=1, learning_rate=0.02), 30, progress=False)
    assert history["train_error"][-1] == 0 == history["nc1_pinv"][0] and np.isnan(history["fallen"]).all()


def test_a_width_without_a_simplex_is_named():
    for width, words in ((2, "no simplex fits into this width"), (3, "")):
        pictures = {one.name: one for one in neural_collapse.pictures(SMALL.replace(classes=4, width=width))}
        assert pictures["frames"].note == words


def test_long_tails_reach_the_run():
    config = SMALL.replace(imbalance=10.0)
    assert neural_collapse.data_of(config).counts == tail(neural_collapse.data_of(SMALL).counts, 10.0)


def test_bad_input():
    for change, words in (
        ({"model": "residual", "data": "clusters"}, "model: got 'residual' with clusters"),
        ({"head": "etf", "classes": 10, "width": 8}, "width: got 8.*simplex ETF of 10"),
        ({"data": "digit"}, "data: got 'digit'.*Did you mean 'digits'"),
    ):
        with pytest.raises(ValueError, match=words):
            SMALL.replace(**change)
    with pytest.raises(ModuleNotFoundError, match=r"labkit\[vision\]"):
        run(SMALL.replace(data="mnist"), 1, progress=False)

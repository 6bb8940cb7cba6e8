"""Clusters, chosen digits, long tails, noise; torchvision through a stand-in that reads small files."""

import sys
import types

import numpy as np
import pytest
import torch

from labkit import run
from labkit.data import clusters
from labkit.data.digits import digits
from labkit.experiments import neural_collapse
from labkit.runtime import generator
from labkit.simplex import simplex_etf


@pytest.mark.parametrize(("classes", "width"), [(2, 1), (5, 4), (4, 9)])
@pytest.mark.parametrize("seed", [None, 3])
def test_a_simplex_has_equal_angles_and_centre_zero(classes, width, seed):
    rows = simplex_etf(classes, width, generator=None if seed is None else generator(seed))
    wanted = torch.full((classes, classes), -1 / (classes - 1), dtype=torch.float64).fill_diagonal_(1)
    torch.testing.assert_close(rows @ rows.T, wanted, atol=1e-12, rtol=0)
    assert rows.shape == (classes, width)


def test_no_simplex_in_too_few_dimensions():
    with pytest.raises(ValueError, match="width: got 2; allowed: 3 or more, as a simplex ETF of 4 classes"):
        simplex_etf(4, 2)
    with pytest.raises(ValueError, match="classes: got 1"):
        simplex_etf(1, 2)


@pytest.mark.parametrize("places", clusters.PLACES)
def test_clusters_are_as_far_apart_as_asked(places):
    data = clusters.gaussian_clusters(3, 6, 4000, 5.0, places=places, generator=generator(0))
    means = torch.stack([data.x[data.answer == c].mean(0) for c in range(3)])
    apart = torch.pdist(means)
    assert float(apart.square().mean().sqrt()) == pytest.approx(5, abs=0.15)
    assert (float(apart.std()) < 0.1) == (places == "simplex")
    spread = torch.stack([data.x[data.answer == c].std(0) for c in range(3)])
    torch.testing.assert_close(spread, torch.ones_like(spread), atol=0.05, rtol=0)
    assert data.counts == (4000,) * 3 and len(data.test_x) == 300 and data.shape == (6,)
    again = clusters.gaussian_clusters(3, 6, 4000, 5.0, places=places, generator=generator(0))
    assert torch.equal(again.x, data.x)


def test_chosen_digits_are_relabelled_pictures_of_the_full_set():
    full, some = digits(), clusters.some_digits([7, 2, 9])
    torch.testing.assert_close(some.x[some.answer == 0], full.x[full.answer == 7])
    torch.testing.assert_close(some.test_x[some.test_answer == 1], full.test_x[full.test_answer == 2])
    assert clusters.some_digits(np.int64(4)).classes == 4
    assert torch.equal(clusters.some_digits(torch.tensor([7, 2, 9])).x, some.x)
    assert torch.equal(clusters.some_digits(10).answer, full.answer)


def test_long_tails():
    assert clusters.tail([500] * 5, 100) == (500, 158, 50, 16, 5)
    assert clusters.tail([90, 60, 60], 20, "step") == (60, 3, 3)
    assert clusters.tail([4, 4], 1000) == (4, 1)
    data = clusters.some_digits(4)
    thin = clusters.long_tailed(data, 10.0, generator=generator(1))
    assert thin.counts == clusters.tail(data.counts, 10)
    assert torch.equal(thin.test_x, data.test_x)
    rows = {tuple(row.tolist()): int(c) for row, c in zip(data.x, data.answer, strict=True)}
    assert all(rows[tuple(row.tolist())] == int(c) for row, c in zip(thin.x, thin.answer, strict=True))
    other = clusters.long_tailed(data, 10.0, generator=generator(2))
    assert not torch.equal(other.x, thin.x)


def test_label_noise_replaces_the_share_asked_for():
    data = clusters.gaussian_clusters(4, 8, 2000, generator=generator(0))
    noisy = clusters.with_label_noise(data, 0.4, generator=generator(1))
    assert float((noisy.answer != data.answer).double().mean()) == pytest.approx(0.3, abs=0.015)
    assert torch.equal(noisy.test_answer, data.test_answer)
    gone = data._replace(answer=data.answer.clamp_max(2))
    assert gone.classes == 4 and gone.counts == (2000, 2000, 4000, 0)


class StandIn:
    """What the loader asks of a data set of torchvision: small files of ours in the folder given."""

    def __init__(self, root, train, download):
        assert download
        path = f"{root}/{type(self).__name__}-{'train' if train else 'test'}.npz"
        try:
            file = np.load(path)
        except FileNotFoundError:
            raise RuntimeError("Error downloading") from None
        grey = type(self).__name__ != "CIFAR10"
        self.data = torch.from_numpy(file["data"]) if grey else file["data"]
        self.targets = torch.from_numpy(file["targets"]) if grey else file["targets"].tolist()


@pytest.fixture
def torchvision(monkeypatch, tmp_path):
    datasets = types.ModuleType("torchvision.datasets")
    rng = np.random.default_rng(0)
    for kind in clusters.VISION.values():
        setattr(datasets, kind, type(kind, (StandIn,), {}))
        shape = (32, 32, 3) if kind == "CIFAR10" else (28, 28)
        for part, rows in (("train", 60), ("test", 20)):
            data = rng.integers(0, 256, (rows, *shape), dtype=np.uint8)
            np.savez(tmp_path / f"{kind}-{part}.npz", data=data, targets=np.arange(rows) % 10)
    monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.datasets", datasets)
    return tmp_path


@pytest.mark.parametrize("name", clusters.VISION)
def test_pictures_through_torchvision(torchvision, name):
    data = clusters.vision(name, [3, 8], per_class=4, root=torchvision)
    assert data.counts == (4, 4) and len(data.test_x) == 4
    width = data.x.shape[1]
    assert data.shape == ((3, 32, 32) if name == "cifar10" else (1, 28, 28)) and np.prod(data.shape) == width
    torch.testing.assert_close(data.x.square().sum(1), torch.full((8,), float(width)))
    # channel first: the picture is the file's, centred and scaled
    raw = np.load(torchvision / f"{clusters.VISION[name]}-train.npz")["data"].astype(float) / 255
    plain = raw[13] - raw.mean(0)
    plain = np.moveaxis(plain, -1, 0) if name == "cifar10" else plain
    plain = plain.ravel() * width**0.5 / np.linalg.norm(plain)
    np.testing.assert_allclose(data.x[data.answer == 0][1], plain, rtol=1e-4, atol=1e-4)


def test_a_run_on_pictures_through_torchvision(torchvision, monkeypatch):
    monkeypatch.setenv("LABKIT_DATA", str(torchvision))
    config = neural_collapse.Config(
        data="cifar10", classes=3, per_class=5, model="residual", depth=2, width=4
    )
    history = run(config, 2, progress=False)
    assert history.views["cloud"].shape == (15, 4) and np.isfinite(history["nc1_pinv"]).any()


def test_missing_files_and_missing_torchvision_say_what_to_do(torchvision, tmp_path, monkeypatch):
    with pytest.raises(OSError, match="mnist: not found in .*elsewhere and not to be fetched .*LABKIT_DATA"):
        clusters.vision("mnist", root=tmp_path / "elsewhere")
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path))
    assert clusters.vision("mnist").classes == 10
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    with pytest.raises(ModuleNotFoundError, match=r"torchvision: 'mnist' needs it.*labkit\[vision\]"):
        clusters.vision("mnist")


def test_bad_input():
    data = clusters.some_digits(3)
    for call, words in (
        (lambda: clusters.some_digits(1), "classes: got"),
        (lambda: clusters.some_digits([1, 1]), "classes: got"),
        (lambda: clusters.some_digits(11), "classes: got"),
        (lambda: clusters.some_digits(4.0), "classes: got"),
        (lambda: clusters.gaussian_clusters(5, 2, generator=generator(0)), "width: got 2.*simplex ETF"),
        (lambda: clusters.gaussian_clusters(places="line", generator=generator(0)), "places: got 'line'"),
        (lambda: clusters.gaussian_clusters(per_class=0, generator=generator(0)), "per_class: got 0"),
        (lambda: clusters.long_tailed(data, 0.5, generator=generator(0)), "ratio: got 0.5"),
        (lambda: clusters.tail([3, 0], 2), "counts: class 1: got 0"),
        (lambda: clusters.tail([3], 2), "counts: got 1"),
        (lambda: clusters.with_label_noise(data, 1.5, generator=generator(0)), "1.5"),
        (lambda: clusters.vision("mnst"), "name: got 'mnst'.*Did you mean 'mnist'"),
    ):
        with pytest.raises(ValueError, match=words):
            call()

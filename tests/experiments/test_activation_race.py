"""The race: rows apart, starts that keep lengths, ensembles that equal singles, and a fair referee."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import integrate, stats
from torch.nn import functional as F

from labkit import run, runtime, sweep
from labkit.data.spirals import TURNS, spirals
from labkit.experiments.activations import race
from labkit.experiments.dense import batch_rows
from labkit.nn.activations import ELEMENTWISE

CPU = torch.device("cpu")
SMALL = race.Config(width=8, depth=2, batch=32)


def test_spirals_lie_on_their_curves_and_are_as_many():
    data = spirals(60, 40, generator=runtime.generator(3), dtype=torch.float64)
    assert data.x.shape == (60, 2) and data.test_x.shape == (40, 2)
    assert int(data.answer.sum()) == 30 and int(data.test_answer.sum()) == 20
    assert float(data.x.square().mean()) == pytest.approx(1)
    # on spiral 0 the angle is the radius times 2π TURNS, up to whole turns; spiral 1 is opposite
    radius = data.x.norm(dim=1)
    angle = torch.atan2(data.x[:, 1], data.x[:, 0]) + math.pi * data.answer
    size = float(radius.max())
    best = min(
        float((torch.exp(1j * (angle - radius / s * 2 * math.pi * TURNS)) - 1).abs().max())
        for s in np.linspace(0.9 * size, 1.2 * size, 3001)
    )
    assert best < 0.1
    again = spirals(60, 40, generator=runtime.generator(3), dtype=torch.float64)
    assert torch.equal(data.x, again.x)


def test_noise_moves_points_by_shares_of_the_distance_between_arms():
    clean, noisy = (spirals(4000, 2, noise=n, generator=runtime.generator(1)) for n in (0.0, 0.5))
    # drawn in the same order, so that points are pairs; both are scaled to mean square 1
    # a spiral's mean r² is 1/3, so that of an entry 1/6
    apart = noisy.x / noisy.x.norm() - clean.x / clean.x.norm()
    assert float(apart.norm()) == pytest.approx(0.5 / (2 * TURNS) / math.sqrt(1 / 6), rel=0.1)


@pytest.mark.parametrize(
    ("values", "message"),
    [({"train": 7}, "train: got 7"), ({"turns": 0.0}, "turns"), ({"noise": -1.0}, "noise")],
)
def test_bad_spirals_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        spirals(**values, generator=runtime.generator(0))


@pytest.mark.parametrize("data", race.DATA)
def test_no_row_is_in_two_sets(data):
    learnt = race.problem(data)
    half = len(learnt.test_x) // 2
    parts = [learnt.x, learnt.test_x[:half], learnt.test_x[half:]]
    rows = [tuple(row) for part in parts for row in part.tolist()]
    assert len(set(rows)) > 0.995 * len(rows)  # among the digits a few pictures are equal
    assert abs(len(parts[1]) - len(parts[2])) <= 1


@pytest.mark.parametrize("name", ["relu", "gelu", "sigmoid", "sin"])
def test_the_start_keeps_lengths(name):
    phi = ELEMENTWISE[name].function
    square, _ = integrate.quad(
        lambda z: float(phi(torch.tensor(z, dtype=torch.float64))) ** 2 * stats.norm.pdf(z), -12, 12
    )
    assert race.gain(name) == pytest.approx(square**-0.5, rel=1e-6)
    assert race.Config(activation=name, start=3.0).sigma_w == pytest.approx(3 * race.gain(name))


def test_every_racer_is_there_and_a_rate_is_hot():
    assert len(race.RACERS) == 12 and set(race.RACERS) <= set(ELEMENTWISE) and len(race.RATES) == 6
    assert race.Config.knob("learning_rate").acts == "hot"  # else rates would not train together


def test_a_run_is_plain_torch_with_adamw_and_reads_three_sets():
    config = SMALL.replace(activation="tanh")
    experiment = config.experiment(config, CPU)
    parts = []
    for (w, b), last in zip(experiment.nets.layers(), (False, False, True), strict=True):
        linear = torch.nn.utils.skip_init(torch.nn.Linear, w.shape[2], w.shape[1])
        linear.weight.data, linear.bias.data = w[0].detach().clone(), b[0].detach().clone()
        parts += [linear] if last else [linear, torch.nn.Tanh()]
    net, learnt = torch.nn.Sequential(*parts), race.problem("digits")
    optimiser = torch.optim.AdamW(
        net.parameters(), lr=config.learning_rate, betas=(0.9, 0.98), weight_decay=0
    )
    for step in range(10):
        rows = batch_rows(step, len(learnt.x), config.batch)
        optimiser.zero_grad()
        F.cross_entropy(net(learnt.x[rows]), learnt.answer[rows]).backward()
        optimiser.step()
        experiment.step()
    half = len(learnt.test_x) // 2
    for split, part in (("valid", slice(None, half)), ("test", slice(half, None))):
        outputs, answer = net(learnt.test_x[part]), learnt.test_answer[part]
        read = experiment.measure()
        assert read[f"{split}_loss"] == pytest.approx(F.cross_entropy(outputs, answer).item(), rel=1e-3)
        right = (outputs.argmax(1) == answer).float().mean().item()
        assert read[f"{split}_accuracy"] == pytest.approx(right, abs=0.01)


def test_members_follow_their_single_runs():
    axes = {"activation": ["relu", "sin"], "learning_rate": [0.001, 0.02], "seed": [0, 5]}
    frame = sweep(SMALL, **axes, steps=12, progress=False)
    assert len(frame) == 8
    for row in frame.itertuples():
        config = SMALL.replace(activation=row.activation, learning_rate=row.learning_rate, seed=row.seed)
        alone = run(config, steps=12, progress=False)
        assert row.valid_loss == pytest.approx(alone["valid_loss"][-1], rel=1e-4)
        assert row.test_accuracy == pytest.approx(alone["test_accuracy"][-1], abs=0.006)


def test_the_referee_picks_rates_on_validation_and_reports_the_test():
    rows = [
        ("a", 0.1, 0, 0.9, 0.5), ("a", 0.1, 1, 0.7, 0.6), ("a", 0.1, 2, 0.8, 0.7),
        ("a", 0.2, 0, 1.0, 0.9), ("a", 0.2, 1, 0.3, 0.9), ("a", 0.2, 2, 0.3, 0.9),
        ("b", 0.1, 0, 0.2, 1.0), ("b", 0.2, 0, 0.3, 0.8),
        ("c", 0.1, 0, 0.1, 0.1), ("c", 0.15, 0, 0.2, 0.1),
    ]  # fmt: skip
    names = ["activation", "learning_rate", "seed", "valid_accuracy", "test_accuracy"]
    table = race.best_rates(pd.DataFrame(rows, columns=names))
    assert list(table.index) == ["b", "a", "c"]
    assert table.learning_rate.tolist() == [0.2, 0.1, 0.15] and table.edge.tolist() == [True, True, False]
    assert table.loc["a", ["valid", "test", "low", "high"]].tolist() == pytest.approx([0.8, 0.6, 0.5, 0.7])
    drawn = {line.label: list(line.y) for line in race.bands(table, "title").lines}
    assert drawn == {"median": [0.8, 0.6, 0.1], "best seed": [0.8, 0.7, 0.1], "worst seed": [0.8, 0.5, 0.1]}


def test_the_plane_is_what_the_network_says_of_every_place():
    config = race.Config.preset("two spirals", width=8)
    experiment = config.experiment(config, CPU)
    plane = experiment.view()["plane"]
    ends = np.linspace(-race.REACH, race.REACH, race.SIDE)
    place = torch.tensor([[ends[7], ends[30]]], dtype=torch.float32)
    wanted = experiment.nets(place)[0].softmax(-1)[0, 1].item()
    assert plane[30, 7] == pytest.approx(wanted, rel=1e-5)
    names = {picture.name for picture in config.experiment.pictures(config)}
    assert "plane" in names and "plane" not in {p.name for p in race.Race.pictures(SMALL)}
    assert SMALL.experiment(SMALL, CPU).view() == {}

"""The claims on activations in training: what is asked for is there, bad numbers are not let through."""

import numpy as np
import pandas as pd
import pytest

from labkit.claims import LABS
from labkit.claims import activation_zoo as claims
from labkit.claims.claim import FAILS, HOLDS, Measured

TABLE = {claim.id.removeprefix("activation_zoo/"): claim for claim in claims.CLAIMS}


def test_the_table_holds_what_the_lab_promises():
    assert TABLE.keys() == {"extrapolation", "helu", "quantised-noise", "gelu-race"}
    assert {name for name, claim in TABLE.items() if claim.slow} == {"gelu-race"}
    ids = [claim.id for claim in LABS["activation_zoo"]]
    assert len(set(ids)) == len(ids) and {claim.id for claim in claims.CLAIMS} <= set(ids)


SNAKE, RELU, TANH = (e.what for e in TABLE["extrapolation"].expected)
DEAD, ALIVE = (e.what for e in TABLE["helu"].expected)


@pytest.mark.parametrize(
    ("name", "values", "verdict"),
    [
        ("extrapolation", {SNAKE: [0.5] * 5, RELU: [20.0] * 5, TANH: [20.0] * 5}, HOLDS),
        ("extrapolation", {SNAKE: [0.5] * 4 + [1.1], RELU: [20.0] * 5, TANH: [20.0] * 5}, FAILS),
        ("extrapolation", {SNAKE: [0.5] * 5, RELU: [20.0] * 4 + [1.0], TANH: [20.0] * 5}, FAILS),
        ("helu", {DEAD: [0.9, 0.0, 0.9, 0.9, 0.9], ALIVE: [0.01] * 5}, HOLDS),
        ("helu", {DEAD: [0.9, -0.01, 0.9, 0.9, 0.9], ALIVE: [0.01] * 5}, FAILS),
        ("helu", {DEAD: [0.9] * 5, ALIVE: [-0.05] * 5}, FAILS),
    ],
)
def test_bands(name, values, verdict):
    assert TABLE[name].verdict(Measured(values)) == verdict


def test_the_noise_near_zero_follows_its_law():
    assert TABLE["quantised-noise"].verdict(TABLE["quantised-noise"].measure()) == HOLDS


def test_the_deviation_of_a_slope_is_that_of_draws():
    u = np.random.default_rng(0).uniform(-0.25, 0.25, 400_000)
    silu = 1 / (1 + np.exp(-u)) * (1 + u / (1 + np.exp(u)))
    assert claims.spread("silu", 0.5) == pytest.approx(silu.std(), rel=0.01)
    assert claims.spread("relu", 0.5) == pytest.approx(0.5, rel=0.01)


def test_the_place_of_gelu_is_read_off_the_race(monkeypatch):
    table = pd.DataFrame(
        {
            "test": [0.98, 0.97, 0.9],
            "low": [0.9] * 3,
            "high": [0.99] * 3,
            "edge": [False, True, False],
        },
        index=["sin", "gelu", "relu"],
    )
    monkeypatch.setattr(claims, "results", lambda data: table)
    measured = claims.gelu()
    assert measured.values["digits: place of 12"] == [2]
    assert measured.values["digits: best rates at an end of the grid"] == [1]
    assert measured.values["spirals: GELU less ReLU"] == [pytest.approx(0.07)]
    assert "first sin 0.980 [0.900, 0.990]" in measured.remark


def test_a_seed_is_a_pair_of_the_same_start(monkeypatch):
    """HeLU and ReLU, and all that learn the wave, start from the same weights, a seed each."""
    asked = []
    monkeypatch.setattr(
        claims, "last", lambda config, steps, column: asked.append((config, steps, column)) or 1.0
    )
    claims.dying()
    ill = {(c.severity, c.seed) for c, _, _ in asked if not c.remedy}
    assert ill == {(c.severity, c.seed) for c, _, _ in asked if c.remedy}
    assert ill == {(1.0, seed) for seed in range(5)} | {(0.1, seed) for seed in range(3)}
    assert {column for _, _, column in asked} == {"test_accuracy"}

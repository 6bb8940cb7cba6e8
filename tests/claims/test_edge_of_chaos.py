"""The claims on the edge of chaos: what the issue asks for is there, and bad numbers are not let through."""

import math

import numpy as np
import pytest
import torch

from labkit.claims import edge_of_chaos as claims
from labkit.claims import random_networks
from labkit.claims.claim import FAILS, HOLDS, Measured
from labkit.experiments import edge_of_chaos
from labkit.nn.dense import DenseNets
from labkit.runtime import generator

TABLE = {claim.id.removeprefix("edge_of_chaos/"): claim for claim in claims.CLAIMS}


def test_the_table_holds_what_the_lab_promises():
    slow = {name for name, claim in TABLE.items() if claim.slow}
    assert slow == {"trainable-depth", "clipped-trains"}
    assert TABLE.keys() - slow == {
        "edges", "half-stable", "relu-rate", "erf-rate", "wide-networks", "finite-width",
        "length-fluctuation", "classes", "sparse-leaves",
    }  # fmt: skip


def behind(**splits):
    return {f"{split} accuracy behind dense ReLU": [value] for split, value in splits.items()}


@pytest.mark.parametrize(
    ("name", "measured", "verdict"),
    [
        ("edges", {"largest |σ_w − table|": [5e-5]}, HOLDS),
        ("edges", {"largest |σ_w − table|": [1e-4]}, FAILS),
        ("relu-rate", {"ratio at l = 1000": [0.94]}, FAILS),
        ("length-fluctuation", {"measured over law": [1.06]}, FAILS),
        ("clipped-trains", behind(train=0.0, test=0.03), FAILS),
        ("clipped-trains", behind(train=0.03, test=0.0), FAILS),
        ("clipped-trains", behind(train=0.01, test=-0.01), HOLDS),
    ],
)
def test_bands(name, measured, verdict):
    assert TABLE[name].verdict(Measured(measured)) == verdict


@pytest.mark.parametrize("name", ["half-stable", "relu-rate", "classes"])
def test_quick_ones_hold(name):
    assert TABLE[name].verdict(TABLE[name].measure()) == HOLDS


def test_drawn_correlations_have_the_law_of_networks_with_weights():
    """Mean and deviation of the correlation of two orthogonal inputs in layer 3, width 32, ReLU."""
    count, width = 2_000, 32
    drawn = random_networks.correlations("relu", math.sqrt(2), 0.0, 1.0, width, 3, count)[:, 3]
    nets = DenseNets(
        (width,) * 6, generators=[generator(seed, 2) for seed in range(count)], activation="relu",
        sigma_w=math.sqrt(2), sigma_b=0.0, dtype=torch.float64,
    )  # fmt: skip
    x = torch.zeros(2, width, dtype=torch.float64)
    x[0, : width // 2] = x[1, width // 2 :] = 1.0
    values = nets.activations(x)

    def cosine(name):  # of the kernel: hidden values
        a, b = values[name].detach().unbind(1)
        return (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))

    real = cosine("hidden 3")
    assert float(real.mean()) == pytest.approx(
        float(drawn.mean()), abs=4 * float(real.std()) / count**0.5 * 1.5
    )
    assert float(real.std() / drawn.std()) == pytest.approx(1, abs=0.1)


def test_the_drift_is_that_of_tiny_angles():
    """ln sin²θ of nearly equal inputs after one layer, by draws: -.072 at width 32, -.0165 at 128."""
    for width, wanted in [(32, -0.072), (128, -0.0165)]:
        assert random_networks.finite_drift(width) == pytest.approx(wanted, abs=6e-4)


def test_the_constant_is_read_off_a_sweep(monkeypatch):
    """Networks that train up to exactly 5 ξ_c give the constant 5, the factor 1 and the slope 1."""
    import pandas as pd

    from labkit.theory.meanfield import depth_scales

    xi = dict(zip(claims.SIGMAS, depth_scales("tanh", claims.SIGMAS, 0.05).xi_c.tolist(), strict=True))
    depths = np.geomspace(2, 80, 60)

    def sweep(config, *, sigma_w, depth, seed, steps, progress):
        assert config == claims.DIGITS and config.experiment is edge_of_chaos.EdgeOfChaos
        rows = [(s, d, 0, float(d < 5 * xi[s])) for s in sigma_w for d in depths]
        return pd.DataFrame(rows, columns=["sigma_w", "depth", "seed", "test_accuracy"])

    monkeypatch.setattr(claims, "sweep", sweep)
    values = claims.depths().values
    assert values["constant"][0] == pytest.approx(5, rel=0.04)
    assert values["largest factor from it"][0] < 1.05
    assert values["slope of ln depth against ln ξ_c"][0] == pytest.approx(1, abs=0.05)

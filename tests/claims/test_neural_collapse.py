"""The claims on neural collapse: what the issue asks for is there, and bad numbers are not let through."""

import math

import numpy as np
import pytest

from labkit.claims import neural_collapse as claims
from labkit.claims import neural_collapse_digits
from labkit.claims.claim import FAILS, HOLDS, Measured
from labkit.theory.unconstrained import thresholds

TABLE = {claim.id.removeprefix("neural_collapse/"): claim for claim in claims.CLAIMS}
GOOD = {
    "fall of NC1, tr(Σ_W Σ_B†)/C": [150.0] * 10,
    "NC2, angle error of class means": [0.03] * 10,
    "NC2, angle error of classifier rows": [0.04] * 10,
    "NC3, self-duality": [0.03] * 10,
    "NC4, nearest mean disagrees": [0.0] * 10,
    "training error": [0.0] * 10,
}


def test_the_table_holds_what_the_lab_promises():
    assert list(TABLE) == [
        "table-m1", "table-m3", "thresholds", "every-class", "hysteresis", "no-hysteresis", "balanced",
        "digits", "all-four", "ten-digits", "by-layer",
    ]  # fmt: skip
    assert not any(claim.slow for claim in TABLE.values())


@pytest.mark.parametrize(
    ("name", "change", "verdict"),
    [
        ("digits", {}, HOLDS),
        ("digits", {"fall of NC1, tr(Σ_W Σ_B†)/C": [150.0] * 8 + [90.0] * 2}, FAILS),
        ("digits", {"NC2, angle error of class means": [0.051] * 10}, FAILS),
        ("digits", {"NC4, nearest mean disagrees": [0.001] * 10}, FAILS),
        ("digits", {"fall of NC1, tr(Σ_W Σ_B†)/C": [150.0] * 9 + [math.nan]}, HOLDS),
        ("all-four", {}, HOLDS),
        ("all-four", {"NC2, angle error of classifier rows": [0.04] * 8 + [0.051] * 2}, FAILS),
        ("all-four", {"NC3, self-duality": [0.06] * 10}, FAILS),
    ],
)
def test_bands_on_digits(name, change, verdict):
    asked = [expected.what for expected in TABLE[name].expected]
    assert TABLE[name].verdict(Measured({what: (GOOD | change)[what] for what in asked})) == verdict


@pytest.mark.parametrize(("depth", "seed"), [(1, 1), (3, 2)])
def test_another_seed_ends_on_the_table(depth, seed):
    found = claims.trained_row(depth, seed)
    for kind, values in found.items():
        np.testing.assert_allclose(values, claims.TABLE[depth][kind], rtol=2e-3, err_msg=kind)


def test_a_wrong_depth_is_not_let_through(monkeypatch):
    """Rows of one layer are not those of three."""
    monkeypatch.setattr(claims, "SEEDS", 1)
    monkeypatch.setattr(
        claims, "trained_row", lambda depth, seed: {k: claims.TABLE[1][k] for k in TABLE_KINDS}
    )
    values = claims.row(3).values
    assert all(each[0] > 0.01 for kind, each in values.items() if not kind.startswith("logit"))


TABLE_KINDS = ("s", "‖w‖² ratio", "‖h‖² ratio", "logit")


def test_the_threshold_found_by_training_is_theorys():
    """For a depth that the table does not have: with two layers the smallest class dies at λ = .01603."""
    wanted = thresholds((200, 100, 50, 50), 2)[1][-1]
    assert wanted == pytest.approx(0.01603, abs=5e-6)
    assert claims.dies_at(2, wanted, 1.0) == pytest.approx(wanted, rel=0.02)


def test_layers_are_counted_by_falls(monkeypatch):
    class Fake:
        def __init__(self, rows):
            self.profiles = {"layers": type("Rows", (), {"values": np.array(rows)})}

    monkeypatch.setattr(neural_collapse_digits, "NETWORKS", 2)
    runs = [Fake([[-9, -9, -9, -9], [-1, -2, -3, -4]]), Fake([[-1, -2, -3, -4], [-1, -2, -2, -4]])]
    monkeypatch.setattr(neural_collapse_digits, "digits", lambda seed: runs[seed])
    assert neural_collapse_digits.by_layer().values == {"steps between layers with a fall": [3, 2]}


def test_what_is_not_claimed_is_told_beside_it():
    class Fake(dict):
        events = {"zero training error": 40}

    run = Fake(
        fallen=[np.nan, 0.004], equiangular_means=[0.3, 0.03], equiangular_weights=[0.4, 0.12],
        self_duality=[1.0, 0.2], nearest_mean=[0.1, 0.0], train_error=[0.2, 0.0],
    )  # fmt: skip
    names = neural_collapse_digits.FALL, neural_collapse_digits.MEANS
    found = neural_collapse_digits.ends([run, run], names)
    assert list(found.values.values()) == [[250, 250], [0.03, 0.03]]
    assert "angle error of classifier rows 0.12 to 0.12" in found.remark

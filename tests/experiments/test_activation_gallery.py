"""The gallery: densities, sliders, formulas that join, and numbers at a glance."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from labkit.experiments.activations import form, gallery, passport, resolve
from labkit.nn.activations import Activation, get
from labkit.pictures import Table


@pytest.mark.parametrize("text", ["gelu", "tanh", "sin(3*x)", "x**2", "softplus"])
def test_densities_are_those_of_draws(text):
    member = resolve(text)
    centres, density, atoms = gallery.density(member, 1.2)
    width = centres[1] - centres[0]
    assert not atoms and (density.sum() * width) == pytest.approx(1, abs=1e-3)
    z = np.random.default_rng(0).standard_normal(400_000)
    y = member(torch.tensor(1.2 * z[abs(z) < gallery.SEEN])).numpy()
    drawn, _ = np.histogram(y, len(centres), (centres[0] - width / 2, centres[-1] + width / 2))
    error = 5 * np.sqrt(drawn + 9) + 0.01 * drawn
    assert (np.abs(density * width * len(z) - drawn) < error).all()


def test_flat_parts_are_single_points():
    _, _, atoms = gallery.density(get("relu"), 1.0)
    assert atoms == {0.0: pytest.approx(0.5, abs=1e-3)}
    _, _, atoms = gallery.density(get("hard_tanh"), 2.0)
    assert set(atoms) == {-1.0, 1.0} and atoms[1.0] == pytest.approx(stats.norm.sf(0.5), abs=1e-3)


def test_sliders_run_from_one_end_of_the_range_through_the_default_to_the_other():
    (one,) = get("soft_threshold").parameters
    for slider, wanted in ((-1, one.low), (0, one.default), (1, one.high)):
        assert gallery.shape("soft_threshold", (slider,)) == {"tau": wanted}
    for name in gallery.NAMES:  # each may be moved to either end without an error
        for slider in (-1.0, 0.3, 1.0):
            get(name, **gallery.shape(name, (slider,) * 4)) if get(name).parameters else None


def test_a_typed_formula_joins_with_its_passport_and_a_bad_one_is_refused():
    config = gallery.Config(first="leaky_relu", shape_1=0.5, second="gelu", third="gelu", formula="x*sin(x)")
    *curves, table = gallery.gallery(config)
    assert isinstance(table, Table) and table.columns[2:] == ("gelu", "x*sin(x)")
    assert table.columns[1].startswith("leaky_relu, ") and len(curves[0].lines) == 3
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["lipschitz"][1:] == ("1.1289", "inf") and rows["universality"][0] == "–"
    with pytest.raises(ValueError, match="formula: got "):
        config.replace(formula="x.real")


@pytest.mark.parametrize("name", ["hard_tanh", "relu_kan", "snake", "gabor", "gaussian", "threshold"])
def test_at_a_glance_the_numbers_are_the_same(name):
    one, quick = (passport(name, only=gallery.QUICK, glance=glance) for glance in (False, True))
    assert quick.monotone == one.monotone
    for column in set(gallery.QUICK) - {"monotone"}:
        assert quick.values[column] == pytest.approx(one.values[column], rel=1e-10, nan_ok=True), column
    with pytest.raises(form.Missing, match="kink that is not declared"):
        form.smoothness(hidden := Activation(torch.relu, r"\phi(x) = x", "none"))
    assert form.declared(hidden) == math.inf  # what a glance does not see


def test_what_swings_too_fast_for_a_glance_has_a_note_instead():
    one = passport("h_siren", only=("gain", "hermite_decay"), glance=True)
    assert math.isnan(one.hermite_decay) and "not reached" in one.notes["hermite_decay"]


def test_where_theory_would_leave_the_safe_range_it_is_not_asked():
    for name in ("h_siren", "mittag_leffler"):
        one = passport(name, only=("universality", "edge_q"))
        assert one.universality == "" and "safe range" in one.notes["universality"]
        assert math.isnan(one.edge_q)
    assert passport("exp(x)", only=("universality",)).universality == "none"

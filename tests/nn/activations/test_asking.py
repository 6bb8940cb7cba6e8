"""Asking for members of the zoo: parameters, names, and what is refused."""

import math

import pytest
import torch

from labkit.experiments import edge_of_chaos
from labkit.nn.activations import ACTIVATIONS, Activation, get
from labkit.nn.activations.layer import Rows
from tests.nn.activations.test_members import FEATURES, FUNCTIONS, fresh, members, units


def test_parameters_change_the_function():
    x = torch.tensor([-3.0, -1.5, 0.5, 1.5, 3.0])
    assert get("shifted_relu", tau=1.0)(x).tolist() == [0, 0, 0, 0.5, 2]
    assert get("clipped_soft_threshold", tau=1.0, m=1.5).kinks == (-2.5, -1, 1, 2.5)
    assert get("leaky_relu", slope=0.5)(x).tolist() == [-1.5, -0.75, 0.5, 1.5, 3]


def test_unknown_names_and_parameters_are_told_the_nearest():
    with pytest.raises(ValueError, match="activation: got 'tahn'; allowed: .*Did you mean 'tanh'"):
        get("tahn")
    with pytest.raises(ValueError, match="parameter of 'shifted_relu': got 'tua'.*Did you mean 'tau'"):
        get("shifted_relu", tua=1.0)
    with pytest.raises(ValueError, match="parameters of 'relu': got tau; allowed: none"):
        get("relu", tau=1.0)
    with pytest.raises(ValueError, match="tau: got -1.0; allowed: a finite number from 0 to 10"):
        get("shifted_relu", tau=-1.0)


@members
def test_modules_refuse_parameters_that_are_not_theirs_or_out_of_range(name):
    row = ACTIVATIONS[name]
    features = () if name in FUNCTIONS else (FEATURES,)
    if name in FUNCTIONS or isinstance(fresh(name), Rows):  # others say so as Python does
        with pytest.raises(ValueError, match="^parameters?: got .*; allowed: "):
            row.module(*features, colour=1.0)
    for one in row.parameters:
        with pytest.raises(ValueError, match=f"^{one.name}: got .*; allowed: "):
            row.module(*features, **{one.name: math.nan})
        if one.high is not None and not isinstance(one.default, tuple):
            with pytest.raises(ValueError, match=f"^{one.name}: got .*; allowed: "):
                row.module(*features, **{one.name: one.high + 1})


@units
def test_layers_refuse_units_that_cannot_be(name):
    for features in (0, -2):
        with pytest.raises(ValueError, match=r"^features: got .*; allowed: "):
            fresh(name, features)
    with pytest.raises(ValueError, match=r"^x: got shape \(3, 11\); allowed: \(..., 12\)"):
        fresh(name)(torch.ones(3, FEATURES - 1))


def test_a_member_of_ones_own_needs_its_function_only():
    row = Activation(lambda x: x**3)
    x = torch.tensor([2.0, -1.0])
    assert row.into(x, torch.empty(2)).tolist() == [8, -1]
    assert row.slope_(x, x**3, torch.tensor([1.0, 2.0])).tolist() == [12, 6]
    assert Activation(torch.round).derivative(x).tolist() == [0, 0]


def test_thresholds_reach_as_far_as_the_sliders_of_the_edge_of_chaos():
    far = {name: edge_of_chaos.Config.knob(name).high for name in ("tau", "clip")}
    for name in ("shifted_relu", "soft_threshold", "clipped_shifted_relu", "clipped_soft_threshold"):
        limits = {one.name: one.high for one in ACTIVATIONS[name].parameters}
        assert limits["tau"] >= far["tau"] and limits.get("m", math.inf) >= far["clip"]

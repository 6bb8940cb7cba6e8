"""Passports: every number against another way to it, and no odd member breaks the frame."""

import math

import numpy as np
import pytest
import torch
from scipy import optimize, stats
from scipy.integrate import quad

from labkit.claims.activation_constants import GAINS
from labkit.experiments.activations import (
    COLUMNS,
    constants,
    form,
    gallery,
    passport,
    passports,
    random_nets,
    resolve,
)
from labkit.nn.activations import ACTIVATIONS, Activation, Unit, get
from labkit.nn.activations.typed import typed
from labkit.theory import meanfield

CONSTANTS = ("gamma", "gain", "slope_gain", "hermite_decay")
SIX = ("relu", "elu", "gelu", "tanh", "softplus", "hard_tanh")
FORM = ("smoothness", "monotone", "minimum", "maximum", "lipschitz", "homogeneity")
#: sin(30 sinh 2x), which no quadrature follows, and one that grows like exp(x²): its means are infinite.
WILD = {"h_siren", "mittag_leffler"}
EDGE = ("universality", "edge_sigma_w", "edge_sigma_b", "edge_q")
f64 = torch.float64


def quick(member, *columns):
    return passport(member, only=columns or CONSTANTS)


def mean(f, *, points=(), far=14.0):
    """E f(z) by scipy, cut at ``points``."""
    ends = [-far, *sorted({*points, 0.0}), far]
    parts = zip(ends[:-1], ends[1:], strict=True)
    return sum(
        quad(lambda z: f(z) * stats.norm.pdf(z), a, b, epsabs=0, epsrel=1e-13, limit=200)[0] for a, b in parts
    )


@pytest.fixture(scope="module")
def frame():
    """Of the whole table, without what takes longest and is not looked at here."""
    return passports(only=set(COLUMNS) - {*EDGE, "hermite_decay", "spectral_slope"})


# --- exact constants ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GAINS)
def test_gains_are_those_of_the_reference_table(name):
    one = quick(name)
    np.testing.assert_allclose((one.gamma, one.gain, one.slope_gain), GAINS[name], atol=6e-7)


@pytest.mark.parametrize("name", [*SIX, "selu", "soft_threshold"])
def test_constants_have_ten_digits(name):
    one, row = quick(name, *CONSTANTS, "linear", "zeros", "flat", "chi_par"), get(name)

    def f(z):
        return float(row.function(torch.tensor(z, dtype=f64)))

    def slope(z):
        return float(row.derivative(torch.tensor(z, dtype=f64)))

    at = row.breaks
    first, square = mean(f, points=at), mean(lambda z: f(z) ** 2, points=at)
    wanted = {
        "mean": first,
        "gamma": mean(lambda z: (f(z) - first) ** 2, points=at) ** -0.5,
        "gain": square**-0.5,
        "slope_gain": mean(lambda z: slope(z) ** 2, points=at) ** -0.5,
        "linear": mean(slope, points=at),  # Stein: E z f = E f'
        "zeros": mean(lambda z: float(f(z) == 0), points=at, far=8.0),
        "flat": mean(lambda z: float(slope(z) == 0), points=at, far=8.0),
        "chi_perp": mean(lambda z: slope(z) ** 2, points=at) / square,
        "chi_par": mean(lambda z: z * f(z) * slope(z), points=at) / square,
    }
    came = {column: getattr(one, column) for column in wanted}
    np.testing.assert_allclose(
        [*came.values()], [*wanted.values()], rtol=1e-10, atol=1e-12, err_msg=str(came)
    )


def test_closed_forms():
    assert quick("relu").gamma == pytest.approx((0.5 - 0.5 / math.pi) ** -0.5, rel=1e-12)
    assert quick("gelu").gain == pytest.approx((1 / 3 + 1 / (2 * math.pi * 3**0.5)) ** -0.5, rel=1e-12)
    assert quick("sin").gain == pytest.approx(((1 - math.exp(-2)) / 2) ** -0.5, rel=1e-12)
    assert quick("x**3").gain == pytest.approx(15**-0.5, rel=1e-12)
    selu = quick("selu")
    assert (selu.gain, selu.chi_perp) == (pytest.approx(1, abs=1e-7), pytest.approx(1.0716, abs=5e-5))
    sign = quick("sign")
    assert (sign.slope_gain, sign.chi_perp, sign.zeros) == (0, math.inf, 0)


@pytest.mark.parametrize(
    ("text", "coefficient"),
    [
        ("sin(x)", lambda n: 0 if n % 2 == 0 else (-1) ** (n // 2) * math.exp(-0.5 - math.lgamma(n + 1) / 2)),
        ("exp(x)", lambda n: math.exp(0.5 - math.lgamma(n + 1) / 2)),
        ("x**3", lambda n: {1: 3.0, 3: 6**0.5}.get(n, 0)),
        (
            "max(x, 0)",
            lambda n: [(2 * math.pi) ** -0.5, 0.5, 0.5 * math.pi**-0.5, 0, -((48 * math.pi) ** -0.5)][n],
        ),
    ],
)
def test_hermite_coefficients(text, coefficient):
    came = quick(text).hermite[:5]
    np.testing.assert_allclose(came, [coefficient(n) for n in range(5)], atol=1e-11)


@pytest.mark.parametrize("name", SIX)
def test_squares_of_coefficients_add_up(name):
    one = quick(name)
    left = one.gain**-2.0 - (one.hermite**2).sum()
    assert -1e-12 < left < {"relu": 3e-4, "hard_tanh": 2e-3}.get(name, 1e-5)


@pytest.mark.parametrize(("name", "p"), [("sign", 0.5), ("relu", 1.5), ("elu", 2.5), ("relu(x)**2", 2.5)])
def test_decay_tells_the_order_of_the_corner(name, p):
    assert quick(name).hermite_decay == pytest.approx(p, abs=0.25)
    assert quick("x**3").hermite_decay == math.inf > quick("gelu").hermite_decay > 8


# --- what kind of function ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("relu", (0, "increasing", 0, math.inf, 1, 1)),
        ("abs", (0, "neither", 0, math.inf, 1, 1)),
        ("sign", (-1, "increasing", -1, 1, math.inf, 0)),
        ("elu", (1, "increasing", -1, math.inf, 1, None)),
        ("tanh", (math.inf, "increasing", -1, 1, 1, None)),
        ("softsign", (1, "increasing", -1, 1, 1, None)),
        ("arctan", (math.inf, "increasing", -math.pi / 2, math.pi / 2, 1, None)),
        ("sigmoid", (math.inf, "increasing", 0, 1, 0.25, None)),
        ("sin", (math.inf, "neither", -1, 1, 1, None)),
        ("relu(x)**2", (1, "increasing", 0, math.inf, math.inf, 2)),
        ("abs(x)**3", (2, "neither", 0, math.inf, math.inf, 3)),
        ("-x/2", (math.inf, "decreasing", -math.inf, math.inf, 0.5, 1)),
        ("0*x + 3", (math.inf, "constant", 3, 3, 0, 0)),
        ("sqrt(abs(x))", (0, "neither", 0, math.inf, math.inf, 0.5)),
        ("x*sin(x)", (math.inf, "neither", -math.inf, math.inf, math.inf, None)),
        ("log1p(abs(x))", (0, "neither", 0, math.inf, 1, None)),
        ("arcsinh(x)", (math.inf, "increasing", -math.inf, math.inf, 1, None)),
        ("exp(-x**2)", (math.inf, "neither", 0, 1, (2 / math.e) ** 0.5, None)),
        ("x + sin(3*x)/3", (math.inf, "increasing", -math.inf, math.inf, 2, None)),
        ("exp(x)", (math.inf, "increasing", 0, math.inf, math.inf, None)),
    ],
)
def test_form(text, wanted):
    one = quick(text, *FORM)
    came = [one.values[column] for column in FORM]
    assert came[1] == wanted[1]
    numbers = [math.nan if x is None else x for x in (wanted[0], *wanted[2:])]
    np.testing.assert_allclose([came[0], *came[2:]], numbers, rtol=1e-7, atol=1e-9)
    assert ("homogeneity" in one.notes) == (wanted[5] is None)


@pytest.mark.parametrize("name", ["mish", "gelu", "silu"])
def test_minimum_and_steepest_slope_are_those_of_an_optimiser(name):
    one, row = quick(name, *FORM), get(name)
    low = optimize.minimize_scalar(
        lambda x: float(row(torch.tensor(x, dtype=f64))), bounds=(-3, 0), options={"xatol": 1e-9}
    )
    steep = optimize.minimize_scalar(
        lambda x: -float(row.derivative(torch.tensor(x, dtype=f64))), bounds=(0, 4), options={"xatol": 1e-9}
    )
    assert one.minimum == pytest.approx(low.fun, abs=1e-10) and one.lipschitz == pytest.approx(
        -steep.fun, abs=1e-10
    )
    assert quick("mish", "minimum").minimum == pytest.approx(-0.30884, abs=5e-6)


def test_what_a_member_declares_is_not_believed():
    for wrong, why in (
        (Activation(torch.relu, r"\phi(x) = x", "none"), "kink that is not declared"),
        (Activation(torch.sign, r"\phi(x) = x", "none"), "jump that is not declared"),
        (Activation(torch.tanh, r"\phi(x) = x", "none", kinks=(0.0,)), "declared C\\^0, but"),
        (Activation(torch.relu, r"\phi(x) = x", "none", jumps=(0.0,)), "declared C\\^-1, but"),
    ):
        with pytest.raises(form.Missing, match=why):
            form.smoothness(wrong)


def test_every_member_is_as_smooth_as_it_declares(frame):
    for _, row in frame[frame.kind == "function"].iterrows():
        member = get(row["name"])
        if member.gradient == "exact":
            declared = -1 if member.jumps else 0 if member.kinks else 1
            assert row.smoothness == declared if declared < 1 else row.smoothness >= 1, row["name"]


# --- criticality and random networks --------------------------------------------------------------


@pytest.mark.parametrize("name", ["tanh", "gelu", "relu", "sigmoid", "x*sin(x)"])
def test_the_point_is_on_the_edge_of_chaos(name):
    one, phi = passport(name, only=("universality",)), resolve(name)
    assert one.universality == meanfield.universality_class(phi)
    q = 1.0 if math.isnan(one.edge_q) else one.edge_q
    assert float(meanfield.chi_perp(phi, q, one.edge_sigma_w)) == pytest.approx(1, abs=1e-5)
    assert float(meanfield.length_map(phi, q, one.edge_sigma_w, one.edge_sigma_b)) == pytest.approx(
        q, abs=1e-6
    )


def dead(phi, layers, width, inputs, seed):
    """Share of units that are 0 for every input, one layer after another."""
    draw = np.random.default_rng(seed)
    h = draw.standard_normal((inputs, width))
    for _ in range(layers):
        h = phi(h @ draw.standard_normal((width, width)))
        h /= np.sqrt(np.mean(h**2))
    return np.mean([not column.any() for column in h.T])


def test_dying_units_are_those_of_a_plain_network():
    plain = [dead(lambda z: np.maximum(z, 0), 16, 144, 64, seed) for seed in range(12)]
    own = passport("relu", only=("dying",)).dying
    assert abs(own - np.mean(plain)) < 3 * np.std(plain) / math.sqrt(random_nets.NETS) and own > 0.1
    assert passport("leaky_relu", only=("dying",)).dying == passport("gelu", only=("dying",)).dying == 0


def arccosine_spectrum(n=512):
    """Power by frequency of the last hidden layer of a ReLU network of infinite width (Cho & Saul 2009)."""
    c = np.cos(2 * np.pi * np.arange(n) / n)
    for _ in range(random_nets.LAYERS):
        rho = (1 - random_nets.BIAS) * c + random_nets.BIAS
        theta = np.arccos(np.clip(rho, -1, 1))
        c = (np.sin(theta) + (np.pi - theta) * np.cos(theta)) / np.pi
    return np.fft.rfft(c).real


def test_the_spectral_slope_of_relu_is_that_of_its_kernel():
    low, high = random_nets.FREQUENCIES
    k = np.arange(low, high + 1)
    wanted = np.polyfit(np.log(k), np.log(arccosine_spectrum()[low : high + 1]), 1)[0]
    assert passport("relu", only=("spectral_slope",)).spectral_slope == pytest.approx(wanted, abs=0.15)


def test_the_slope_knows_jumps_kinks_and_smooth_curves():
    slopes = {name: random_nets.spectral_slope(get(name)) for name in ("sign", "relu", "elu", "tanh")}
    assert slopes["sign"] > -2 > slopes["relu"] > -5 > slopes["elu"] > -8 > slopes["tanh"]
    assert random_nets.spectral_slope(get("identity")) == -math.inf


def test_cost_is_measured_against_relu_only_when_asked():
    one = passport("relu", only=("cost_forward", "cost_backward"), cost=True)
    assert 0.2 < one.cost_forward < 5 and 0.2 < one.cost_backward < 5
    slow = Activation(lambda x: sum((x / k).sin() for k in range(1, 60)), r"\phi(x) = x", "none")
    assert passport(slow, only=("cost_forward",), cost=True).cost_forward > 10
    assert "not measured" in passport("relu", only=("cost_forward",)).notes["cost_forward"]


# --- the frame ------------------------------------------------------------------------------------


def test_one_row_a_member_and_each_gap_has_its_reason(frame):
    assert list(frame.columns) == ["name", "family", "kind", *COLUMNS, "doubt"]
    assert list(frame["name"]) == list(ACTIVATIONS)
    functions = frame[frame.kind == "function"]
    for column in ("monotone", "minimum", "maximum", "lipschitz", "gamma", "gain", "dying"):
        gaps = functions[functions[column].isna() | (functions[column] == "")]
        assert set(gaps["name"]) <= WILD, column
    layers = frame[frame.kind == "layer"]
    assert layers[["gamma", "lipschitz", "chi_perp"]].isna().all().all()
    assert layers.dying.notna().mean() > 0.9


def test_a_layer_says_why_it_has_no_gain():
    name = next(name for name, row in ACTIVATIONS.items() if isinstance(row, Unit))
    one = passport(name, only=("gamma", "dying"))
    assert math.isnan(one.gamma) and "a layer" in one.notes["gamma"] and one.dying >= 0


def test_what_could_not_be_verified_is_on_the_passport_and_below_the_gallery(frame):
    doubts = dict(zip(frame["name"], frame.doubt, strict=True))
    assert {name for name, doubt in doubts.items() if doubt} == {
        name for name, row in ACTIVATIONS.items() if row.doubt
    }
    one = passport("sau", only=("gain",))
    assert one.doubt == get("sau").doubt and str(one).splitlines()[-1] == f"in doubt: {one.doubt}"
    *_, table = gallery.gallery(gallery.Config(first="sau", shape_1=0.5, second="relu"))
    assert table.note.startswith("sau, alpha = ") and "relu" not in table.note
    assert get("sau").doubt in table.note


def broken(x):
    raise RuntimeError("out of ink")


@pytest.mark.parametrize(
    "odd",
    [
        Activation(broken, r"\phi(x) = x", "none"),
        Activation(lambda x: x.log(), r"\phi(x) = x", "none"),
        Activation(lambda x: x.sum(), r"\phi(x) = x", "none"),
        Activation(lambda x: (x * x).exp(), r"\phi(x) = x", "none"),
    ],
    ids=["raises", "NaN", "one number", "infinite mean"],
)
def test_an_odd_member_is_a_row_with_gaps(odd):
    rows = passports(["tanh", odd])
    assert len(rows) == 2 and math.isfinite(rows.gamma[0]) and math.isnan(rows.gamma[1])
    one = passport(odd)
    missing = [c for c in COLUMNS if one.values[c] != one.values[c] or one.values[c] == ""]
    assert missing and all(one.notes[c] for c in missing)
    assert str(one).count("\n") == len(COLUMNS)


@pytest.mark.parametrize(
    ("given", "message"),
    [("tahn", "Did you mean 'tanh'"), ("x +", "does not parse"), ("tanh x", "does not parse")],
)
def test_unknown_names_and_bad_formulas_stop_before_anything_is_computed(given, message):
    with pytest.raises(ValueError, match=message):
        passports(["relu", given])
    with pytest.raises(ValueError, match="tau"):
        passport("soft_threshold", tau=-1.0)
    with pytest.raises(AttributeError, match="no 'gain_'"):
        passport("relu", only=("gain",)).gain_  # noqa: B018


def test_parts_of_the_line_that_are_zero():
    # a whole piece, two of three pieces, a part that nothing declares, and none
    for member, wanted in (
        ("relu", 0.5),
        ("soft_threshold", 1 - 2 * stats.norm.sf(0.5)),
        (Activation(lambda x: (x - 0.7).relu(), r"\phi(x) = x", "none"), stats.norm.cdf(0.7)),
        (Activation(lambda x: (x.abs() - 0.7).relu(), r"\phi(x) = x", "none"), 1 - 2 * stats.norm.sf(0.7)),
        ("sin", 0.0),
    ):
        assert passport(member, only=("zeros",)).zeros == pytest.approx(wanted, abs=1e-13)
    # ReLU's flat side, and a ramp that is flat on three pieces but for rounding
    assert passport("relu", only=("flat",)).flat == 0.5
    ramp = passport("pwlu", y=(0.1,) * 8 + (1.0,), right=0.0, only=("flat",)).flat
    assert ramp == pytest.approx(1 - (stats.norm.cdf(3) - stats.norm.cdf(2.25)), abs=1e-12)


def test_parameters_change_the_passport():
    assert passport("leaky_relu", **{get("leaky_relu").parameters[0].name: 1.0}, only=("gain",)).gain == 1.0


def test_the_atlas_leaves_out_what_is_not_a_number(frame):
    picture = gallery.atlas(frame, "gain", "chi_perp")
    there = frame[np.isfinite(frame.gain) & np.isfinite(frame.chi_perp)]["name"].tolist()
    assert np.isfinite(picture.points).all() and "sign" not in there and "relu" in there
    named = {k: label for k, label in enumerate(picture.labels) if label}
    assert len(picture.labels) == len(there) and 2 < len(named) < len(there)
    assert all(there[k] == label for k, label in named.items())


def test_the_mean_degree_is_chi():
    for name in ("gelu", "tanh"):
        one = quick(name)
        degree = np.sum(np.arange(constants.TERMS) * one.hermite**2) * one.gain**2
        assert degree == pytest.approx(one.chi_perp, abs=1e-6)
    assert typed("tanh(x)").family == "typed"

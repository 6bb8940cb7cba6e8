"""Numbers of the reference, closed forms, and an independent quadrature by scipy."""

import functools
import math

import numpy as np
import pytest
import torch
from scipy import integrate

from labkit.nn.activations import ELEMENTWISE, get
from labkit.theory import meanfield as mf
from labkit.theory.meanfield.moments import moments

f64 = torch.float64
#: One of each kind, for what is costly; one layer of every member of the table is compared with scipy.
CORE = (
    "identity", "quadratic", "relu", "leaky_relu", "abs", "sign", "hard_tanh", "hard_swish", "elu", "selu",
    "gelu", "silu", "mish", "softplus", "tanh", "erf", "sigmoid", "softsign", "sin", "cos", "gaussian",
    "shifted_relu", "soft_threshold", "clipped_shifted_relu", "clipped_soft_threshold", "star_relu", "golu",
    "fourier", "apl", "tropical",
)  # fmt: skip


def near(came, wanted, tolerance, what=""):
    came, wanted = torch.as_tensor(came, dtype=f64), torch.as_tensor(wanted, dtype=f64)
    error = ((came - wanted).abs() / wanted.abs().clamp_min(1e-300)).max()
    assert error <= tolerance, f"{what}: {came} against {wanted}, relative error {error:.2e} > {tolerance:g}"


# --- against scipy -----------------------------------------------------------------------------

DENSITY = 1 / math.sqrt(2 * math.pi)


def scalar(function):
    return lambda x: float(function(torch.tensor(x, dtype=f64)))


def gaussian_mean(f, points, pieces=2, epsabs=1e-13):
    """E f(z), split at the points and into equal pieces."""
    equal = (20.0 * k / pieces - 10 for k in range(pieces + 1))
    ends = sorted({*equal, *(p for p in points if -10 < p < 10)})
    return sum(
        integrate.quad(lambda z: f(z) * DENSITY * math.exp(-z * z / 2), a, b, epsabs=epsabs, epsrel=1e-10,
                       limit=500)[0]
        for a, b in zip(ends, ends[1:], strict=False)
    )  # fmt: skip


def compare_one_layer(name, q):
    row, root = ELEMENTWISE[name], math.sqrt(q)
    phi, slope = scalar(row.function), scalar(row.derivative)
    at = [p / root for p in row.breaks] + [0.3 / root, -0.3 / root, 2 / root, -2 / root]
    fast = {"pieces": 397, "epsabs": 1e-8} if name == "siren" else {}  # sin 30 √q z; χ⊥ is 450
    mean = functools.partial(gaussian_mean, **fast)
    v = mean(lambda z: phi(root * z) ** 2, at)
    near(mf.length_map(name, q, 1.3, 0.2), 0.04 + 1.69 * v, 1e-6, f"V of {name} at {q}")
    if row.jumps:
        assert float(mf.chi_perp(name, q, 1.3)) == math.inf
        return
    perp = mean(lambda z: slope(root * z) ** 2, at)
    near(mf.chi_perp(name, q, 1.3), 1.69 * perp, 1e-6, f"χ⊥ of {name} at {q}")
    par = mean(lambda z: z * phi(root * z) * slope(root * z), at) / root
    came = mf.chi_par(name, q, 1.3)
    if abs(par) > 1e-9 * perp:  # sin and cos: e^{-2q}, below the rounding of what cancels
        near(came, 1.69 * par, 1e-6, f"χ∥ of {name} at {q}")
    else:
        assert abs(float(came)) < 1e-9 * perp


@pytest.mark.parametrize("q", [0.01, 100.0])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_length_map_and_slopes_agree_with_scipy(name, q):
    compare_one_layer(name, q)


@pytest.mark.slow
@pytest.mark.parametrize("q", [0.1, 1.7, 20.0])
@pytest.mark.parametrize("name", CORE)
def test_length_map_and_slopes_agree_with_scipy_at_more_lengths(name, q):
    compare_one_layer(name, q)


def mapped(name, q, c):
    """R by nested quadrature of vectors: Gauss-Legendre on pieces between kinks, against scipy's outside."""
    row, root, s = ELEMENTWISE[name], math.sqrt(q), math.sqrt(1 - c * c)
    t, w = (torch.tensor(x, dtype=f64) for x in legendre())

    def inside(z):
        cuts = [(p / root - c * z) / s for p in (*row.breaks, -2.0, -0.5, 0.0, 0.5, 2.0)]
        grid = [0.5 * k for k in range(-20, 21)]
        ends = torch.tensor(sorted({*grid, *(x for x in cuts if -10 < x < 10)}), dtype=f64)
        half = ends.diff()[:, None] / 2
        y = ends[:-1, None] + half * (1 + t)
        values = row.function(root * (c * z + s * y)) * DENSITY * (-y * y / 2).exp()
        return float((values @ w * half[:, 0]).sum())

    phi = scalar(row.function)
    places = [p / root for p in row.breaks] + [p / (root * c) for p in row.breaks if c]
    ends = sorted({-9.0, -1.0, 0.0, 1.0, 9.0, *(p for p in places if -9 < p < 9)})
    return sum(
        integrate.quad(lambda z: phi(root * z) * inside(z) * DENSITY * math.exp(-z * z / 2), a, b,
                       epsabs=1e-10 * q, epsrel=1e-8, limit=200)[0]
        for a, b in zip(ends, ends[1:], strict=False)
    )  # fmt: skip


@functools.lru_cache
def legendre():
    return np.polynomial.legendre.leggauss(24)


def compare_correlations(name, q, c):
    wanted = (0.04 + 1.69 * mapped(name, q, c)) / q
    near(mf.correlation_map(name, c, q, 1.3, 0.2), wanted, 1e-6, f"R of {name} at q = {q}, c = {c}")


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_correlation_map_agrees_with_scipy(name):
    compare_correlations(name, 1.7, 0.6)


@pytest.mark.slow
@pytest.mark.parametrize("c", [-0.4, 0.9])
@pytest.mark.parametrize("q", [0.01, 10.0, 100.0])
@pytest.mark.parametrize("name", CORE)
def test_correlation_map_agrees_with_scipy_at_more_points(name, q, c):
    compare_correlations(name, q, c)


# --- the reference -----------------------------------------------------------------------------

SIGMA_B = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
EDGES = {
    "tanh": "1.1225/.1537 1.1934/.2733 1.3041/.5121 1.3956/.7635 1.5497/1.3179 1.8556/3.0364",
    "erf": ".9937/.1451 1.0556/.2532 1.1528/.4658 1.2337/.6888 1.3713/1.1833 1.6488/2.7449",
    "elu": "1.1319/.1892 1.1761/.4378 1.2293/1.1069 1.2631/2.0345 1.3061/4.8866 1.3580/21.78",
    "gelu": "1.8519/.0752U 1.7271/.1835U 1.5470/.5756U 1.4505/1.4249U 1.3999/6.4341 1.4059/82.3",
    "silu": "1.9050/.1136U 1.8201/.2597U 1.6795/.6895U 1.5756/1.3996U 1.4569/4.4281U 1.4025/39.4",
    "mish": "1.5972/.1109U 1.5410/.2632U 1.4634/.7455U 1.4211/1.5878U 1.3934/5.3148 1.4008/50.7",
}


@pytest.mark.parametrize("name", EDGES)
def test_edge_of_chaos_table(name):
    for sigma_b, text in zip(SIGMA_B, EDGES[name].split(), strict=True):
        width, length = text.rstrip("U").split("/")
        edge = mf.edge_of_chaos(name, sigma_b)
        assert edge.sigma_w == pytest.approx(float(width), abs=0.51e-4)
        assert edge.q_star == pytest.approx(float(length), abs=0.51 * 10.0 ** -len(length.split(".")[1]))
        assert edge.stable == (not text.endswith("U")) and edge.stable == (edge.chi_par < 1)
        # an edge is a fixed point with χ⊥ = 1
        near(mf.chi_perp(name, edge.q_star, edge.sigma_w), 1, 1e-9, name)
        near(mf.length_map(name, edge.q_star, edge.sigma_w, sigma_b), edge.q_star, 1e-9, name)


def test_edges_of_many_biases_at_once():
    sigma_b = torch.tensor([[0.05, 0.2], [0.5, 1.0]], dtype=f64)
    edges = mf.edge_of_chaos("gelu", sigma_b)
    one = mf.edge_of_chaos("gelu", 0.5)
    assert edges.sigma_w.shape == edges.stable.shape == (2, 2) and edges.stable.tolist() == [
        [False] * 2,
        [True] * 2,
    ]
    assert tuple(float(part[1, 0]) for part in edges) == tuple(map(float, one))
    with pytest.raises(ValueError, match="sigma_b: got 0.2; no edge of chaos"):
        mf.edge_of_chaos("softplus", [0.2, 0.3])


def test_edges_by_rule_and_where_there_is_none():
    for name, slopes in {"relu": (0, 1), "leaky_relu": (0.01, 1), "abs": (-1, 1), "identity": (1, 1)}.items():
        edge = mf.edge_of_chaos(name, 0.0)
        assert edge.sigma_w**2 == pytest.approx(2 / (slopes[0] ** 2 + slopes[1] ** 2), rel=1e-10)
        assert math.isnan(edge.q_star)
        with pytest.raises(ValueError, match="sigma_b: got 0.1; allowed: 0"):
            mf.edge_of_chaos(name, 0.1)
    assert mf.edge_of_chaos("erf", 0.0).sigma_w == pytest.approx(math.sqrt(math.pi) / 2, rel=1e-9)
    with pytest.raises(ValueError, match="no edge of chaos: χ⊥ = 1 at a fixed length q needs σ_b²"):
        mf.edge_of_chaos("softplus", 0.1)
    sigmoid = mf.edge_of_chaos("sigmoid", 0.0)
    assert sigmoid.sigma_w == pytest.approx(10.149, abs=5e-4) and sigmoid.q_star == pytest.approx(
        45.6, abs=0.05
    )
    with pytest.raises(ValueError, match="'discontinuous'"):
        mf.edge_of_chaos("sign", 0.1)


def test_half_stable_points():
    gelu = mf.half_stable_point("gelu")
    assert gelu.q_star == pytest.approx((3 + math.sqrt(17)) / 2, rel=1e-8)
    assert (gelu.c_w, gelu.c_b) == pytest.approx((1.98305826, 0.17292239), abs=1e-8)
    silu = mf.half_stable_point("silu")
    assert silu.q_star == pytest.approx(14.320174, abs=1e-6)
    assert (silu.c_w, silu.c_b) == pytest.approx((1.98800468, 0.55514317), abs=1e-8)
    for name in ("shifted_relu", "soft_threshold", "relu"):
        assert mf.half_stable_point(name).kind == "degenerate"
    with pytest.raises(ValueError, match="no solution"):
        mf.half_stable_point("tanh")


def test_the_sides_from_which_half_stable_points_attract():
    for name, side, second in (("gelu", "above", 3.0350), ("silu", "below", 14.593)):
        point = mf.half_stable_point(name)
        found = mf.length_fixed_points(name, point.c_w**0.5, point.c_b**0.5)
        touch = min(found, key=lambda one: abs(one.q - point.q_star))
        assert touch.q == pytest.approx(point.q_star, rel=1e-3) and touch.attracts == side
        (other,) = (one for one in found if one is not touch)
        assert other.q == pytest.approx(second, rel=3e-4) and other.attracts == "both"


CLASSES = {
    "scale-invariant": "identity relu leaky_relu abs",
    "K*=0": "tanh erf sin arctan softsign hard_tanh elu selu celu",
    "half-stable": "gelu silu mish hard_swish shifted_relu soft_threshold star_relu chebyshev",
    "none": "quadratic sigmoid hard_sigmoid softplus cos gaussian "
    "clipped_shifted_relu clipped_soft_threshold",
    "discontinuous": "sign",
}


def test_universality_classes():
    """The rest of the table: the claim edge_of_chaos/classes."""
    wanted = {name: kind for kind, names in CLASSES.items() for name in names.split()}
    assert {name: mf.universality_class(name) for name in wanted} == wanted


def test_rates_on_the_edge():
    q = torch.tensor([0.1, 0.5, 1, 2], dtype=f64)
    near(mf.rate("erf", q), (1 + 4 * q) / (2 * q**2), 1e-9, "erf")
    near(mf.chi_par("erf", q, 1.0) / mf.chi_perp("erf", q, 1.0), 1 / (1 + 2 * q), 1e-9, "erf")
    assert mf.rate("tanh", q).tolist() == pytest.approx([78.3, 7.31, 3.09, 1.40], rel=2e-3)
    assert mf.rate("gelu", q).tolist() == pytest.approx([11.3, 4.54, 3.31, 2.39], rel=2e-3)
    near(mf.rate(torch.tanh, q), mf.rate("tanh", q), 1e-9, "a callable")
    assert float(mf.rate("relu", 1.0)) == float(mf.rate(torch.relu, 1.0)) == 0
    with pytest.raises(ValueError, match="one that jumps"):
        mf.rate("sign", 1.0)


def test_relu_map_and_its_asymptote():
    c = torch.linspace(-1, 1, 21, dtype=f64)
    wanted = ((1 - c**2).sqrt() + (math.pi - torch.acos(c)) * c) / math.pi
    assert (mf.correlation_map("relu", c, 3.0, math.sqrt(2), 0.0) - wanted).abs().max() < 1e-9


def test_published_constants():
    assert float(mf.depth_scales("tanh", 1.722**0.5, 0.2).chi_perp) == pytest.approx(1.0044, abs=5e-5)
    assert float(mf.length_fixed_point("silu", 2.952**0.5, 0.2)) == math.inf
    assert mf.length_class("silu", 2.952**0.5, 0.2) == "unbounded"
    elu = mf.depth_scales("elu", 1.227, 0.2)
    assert float(elu.chi_perp) == pytest.approx(0.9987, abs=5e-5) and float(elu.xi_c) == pytest.approx(
        752, abs=1
    )
    slip = mf.depth_scales("silu", 1.98800468**0.5, 0.055514317**0.5)
    assert float(slip.q_star) == pytest.approx(0.120, abs=5e-4)
    assert float(slip.chi_perp) == pytest.approx(0.550, abs=5e-4) and float(slip[1]) == pytest.approx(
        1.7, abs=0.05
    )


@pytest.mark.parametrize("sparsity, tau, slopes, second", [
    (0.7, 0.5244, (0.198, 0.472, 0.723, 0.888), 0.304),
    (0.85, 1.0364, (0.302, 0.612, 0.834, 0.947), 0.806),
])  # fmt: skip
def test_sparse_activations(sparsity, tau, slopes, second):
    normal = torch.distributions.Normal(torch.tensor(0.0, dtype=f64), 1.0)
    exact = float(normal.icdf(torch.tensor(sparsity, dtype=f64)))
    assert exact == pytest.approx(tau, abs=5e-5)
    phi, width = get("shifted_relu", tau=exact), (1 - sparsity) ** -0.5
    near(mf.chi_par(phi, 1.0, width), 1, 1e-9, "V' = 1 exactly")
    near(mf.chi_perp(phi, 1.0, width), 1, 1e-9, "χ⊥")
    h = 1e-3
    bend = (mf.chi_par(phi, 1 + h, width) - mf.chi_par(phi, 1 - h, width)) / (2 * h)
    density = math.exp(-(exact**2) / 2) / math.sqrt(2 * math.pi)
    near(bend, 0.5 * width**2 * exact * density, 1e-4, "V''")
    assert float(bend) == pytest.approx(second, abs=1e-3)
    for m, slope in zip((0.5, 1.0, 1.5, 2.0), slopes, strict=True):
        clipped = get("clipped_shifted_relu", tau=exact, m=m)
        share = float(normal.cdf(torch.tensor(exact + m)) - normal.cdf(torch.tensor(exact)))
        near(mf.chi_perp(clipped, 1.0, share**-0.5), 1, 1e-6, "χ⊥ clipped")
        assert float(mf.chi_par(clipped, 1.0, share**-0.5)) == pytest.approx(slope, abs=6e-4)


def test_a_shifted_relu_blows_up_above_its_point_and_not_below():
    tau, width = 1.0364333894937898, 0.15**-0.5
    phi = get("shifted_relu", tau=tau)
    q1 = float(moments(phi)(torch.tensor(1.0, dtype=f64))[0])
    sigma_b = math.sqrt(1 - width**2 * q1)
    assert float(mf.length_fixed_point(phi, width, sigma_b, q0=1.2)) == math.inf
    assert float(mf.length_fixed_point(phi, width, sigma_b, q0=0.5)) == pytest.approx(1, abs=1e-3)
    clipped = get("clipped_shifted_relu", tau=tau, m=1.0)
    assert math.isfinite(float(mf.length_fixed_point(clipped, width, sigma_b, q0=1.2)))


# --- fixed points ------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma_w, sigma_b", [(0.6, 0.0), (0.9, 0.3), (1.3, 0.2), (2.0, 1.0), (4.0, 0.5)])
@pytest.mark.parametrize("name", CORE)
def test_fixed_length_is_where_plain_iteration_goes(name, sigma_w, sigma_b):
    q = torch.tensor(1.0, dtype=f64)
    for _ in range(80):
        before, q = q, mf.length_map(name, q, sigma_w, sigma_b)
        if q > 1e6:
            break
    came, kind = mf.length_fixed_point(name, sigma_w, sigma_b), mf.length_class(name, sigma_w, sigma_b)
    if q > 1e6:
        assert float(came) == math.inf and kind == "unbounded"
    elif q < 1e-7:
        assert float(came) == 0 and kind == "zero"
    elif abs(q - before) < 1e-11 * q:
        near(came, q, 1e-8, name)
        assert kind == "finite"
    else:  # still on its way
        assert (float(came) - float(q)) * float(q - before) > 0


def test_all_fixed_lengths():
    zero, upper = mf.length_fixed_points("tanh", 1.5, 0.0)
    assert zero.q == 0 and zero.attracts == "none" and zero.chi_par == pytest.approx(2.25, rel=1e-6)
    assert upper.attracts == "both" and upper.chi_par < 1
    (only,) = mf.length_fixed_points("tanh", 0.9, 0.0)
    assert only.q == 0 and only.attracts == "above"
    assert mf.length_fixed_points("relu", math.sqrt(2), 0.0) == []
    low, high = (
        mf.length_fixed_points("gelu", 1.4180, 0.1)[0],
        mf.length_fixed_points("gelu", 1.4180, 0.1)[-1],
    )
    assert low.attracts == "both" and (high is low or high.attracts == "none")


def test_where_every_length_is_fixed_and_where_none_is():
    assert mf.length_fixed_point("relu", math.sqrt(2), 0.0, q0=[0.3, 5.0]).tolist() == [0.3, 5.0]
    assert mf.length_class("relu", math.sqrt(2), 0.0) == "continuum"
    assert mf.length_class("relu", [1.0, 2.0], [0.0, 0.0]) == ["zero", "unbounded"]
    # V falls so steeply at its fixed length that iteration ends in a cycle of two
    steep = lambda x: (1 - x.square()).clamp_min(0)  # noqa: E731
    assert mf.length_class(steep, 3.0, 0.01) in ("cycle", "finite")


@pytest.mark.parametrize("name", ["siren", "sinc", "gcu", "fourier_kan", "opau", "pau_a", "pau_b", "snake"])
def test_lengths_of_waves_and_of_maps_that_fall(name):
    """Against plain iteration from a short, a usual and a long start."""
    sigma_w = torch.tensor([0.7, 1.3, 1.5, 2.95, 4.0], dtype=f64)
    for q0 in (0.05, 1.0, 300.0):
        q = torch.full_like(sigma_w, q0)
        for _ in range(60):
            before, q = q, mf.length_map(name, q.clamp_max(2e3), sigma_w, 0.3)
        came = mf.length_fixed_point(name, sigma_w, 0.3, q0=q0)
        far, still = q > 2e3, (q - before).abs() < 1e-10 * q
        assert bool((came[far] > 1e3).all()), (name, q0)
        settled = still & ~far
        assert torch.allclose(came[settled], q[settled], rtol=1e-8, atol=0), (name, q0, came, q)
        assert int((far | still).sum()) >= 3


def test_at_the_edge_a_bias_makes_lengths_grow_for_ever():
    """V(q) = q + const: no root that rounding or the table makes up far out."""
    for name in ("relu", "leaky_relu", "abs", "identity"):
        edge = mf.edge_of_chaos(name, 0.0).sigma_w
        assert float(mf.length_fixed_point(name, edge, 0.3)) == math.inf
        assert (
            mf.length_class(name, edge, 0.3) == "unbounded" and mf.length_fixed_points(name, edge, 0.3) == []
        )
        below = float(mf.length_fixed_point(name, 0.999 * edge, 0.3))
        assert below == pytest.approx(0.09 / (1 - 0.999**2), rel=1e-9)
        (only,) = mf.length_fixed_points(name, 0.999 * edge, 0.3)
        assert only.q == pytest.approx(below, rel=1e-9) and only.attracts == "both"
        assert only.chi_par == pytest.approx(0.999**2)
    # (x + sin² x)²: E is q + 3/8 and more, so V(q) > q, by less and less of q
    assert mf.length_class("snake", [1.0, 1.0], [0.0, 0.5]) == ["unbounded"] * 2


# --- correlations and depth --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tanh", "erf", "hard_tanh", "clipped_soft_threshold"])
def test_stable_correlation_is_where_iteration_of_the_map_goes(name):
    scales = mf.depth_scales(name, 2.5, 0.3)
    assert float(scales.chi_perp) > 1 and scales.kind == "finite"
    c = float(scales.c_star)
    below, at, above = (
        float(mf.correlation_map(name, c + h, scales.q_star, 2.5, 0.3)) for h in (-1e-3, 0, 1e-3)
    )
    assert at == pytest.approx(c, abs=1e-8)
    assert below > c - 1e-3 and above < c + 1e-3  # it attracts
    assert float(scales[1]) == pytest.approx(-1 / math.log((above - below) / 2e-3), rel=1e-4)
    assert float(scales.gradient) == pytest.approx(1 / math.log(float(scales.chi_perp)), rel=1e-12)


def test_depth_scales_on_the_ordered_side_are_one_and_the_same():
    xi_q, xi_c = scales = mf.depth_scales("tanh", [1.0, 1.2], 0.3)
    assert scales.c_star.tolist() == [1, 1] and torch.equal(xi_c, scales.gradient)
    near(xi_q, -1 / mf.chi_par("tanh", scales.q_star, torch.tensor([1.0, 1.2], dtype=f64)).log(), 1e-9)


def test_discontinuous_and_surrogate():
    for phi in ("sign", torch.sign, torch.round, lambda x: (x > 0.3).to(x.dtype)):
        assert float(mf.chi_perp(phi, 1.0, 1.0)) == math.inf
        assert mf.universality_class(phi) == "discontinuous"
    assert mf.depth_scales("sign", 1.0, 0.1).kind == "discontinuous"
    assert float(mf.chi_par("sign", 2.0, 1.0)) == pytest.approx(0, abs=1e-9)

    class Through(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.sign()

        @staticmethod
        def backward(ctx, grad):
            return grad

    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.abs()

        @staticmethod
        def backward(ctx, grad):
            return grad

    for surrogate in (Through.apply, Wrong.apply):
        with pytest.raises(ValueError, match="phi: its autograd gradient is a surrogate"):
            mf.chi_perp(surrogate, 1.0, 1.0)


@pytest.mark.parametrize("phi", [torch.tanh, lambda x: torch.relu(x - 0.3) - torch.relu(x - 1.3)])
def test_any_function_works_without_being_told_its_kinks(phi):
    name = "tanh" if phi is torch.tanh else get("clipped_shifted_relu", tau=0.3, m=1.0)
    q = torch.tensor([0.01, 1, 100], dtype=f64)
    for of in (mf.chi_perp, mf.chi_par):
        near(of(phi, q, 1.5), of(name, q, 1.5), 1e-8)
    near(mf.length_fixed_point(phi, 2.0, 0.3), mf.length_fixed_point(name, 2.0, 0.3), 1e-8)
    edge, wanted = mf.edge_of_chaos(phi, 0.2), mf.edge_of_chaos(name, 0.2)
    assert edge.sigma_w == pytest.approx(wanted.sigma_w, rel=1e-8)


# --- the plane ---------------------------------------------------------------------------------

GRID = torch.linspace(0.5, 4, 15, dtype=f64), torch.linspace(0, 2, 9, dtype=f64)


@pytest.mark.parametrize(
    "name", ["tanh", "hard_tanh", "sin", "elu", "softsign", "clipped_shifted_relu", "gaussian"]
)
def test_phase_diagram_agrees_with_single_points(name):
    d = mf.phase_diagram(name, *GRID)
    assert d.q_star.shape == d.xi_c.shape == (15, 9)
    i, j = torch.tensor([1, 4, 8, 12, 14]), torch.tensor([2, 6, 1, 4, 8])
    s = mf.depth_scales(name, GRID[0][i], GRID[1][j])
    finite = s.q_star.isfinite()
    assert torch.equal(d.q_star[i, j].isfinite(), finite)
    near(d.q_star[i, j][finite], s.q_star[finite], 1e-6, "q*")
    near(d.chi_perp[i, j][finite], s.chi_perp[finite], 1e-6, "χ⊥")
    fair = finite & ((1 - s.c_star) < 2)
    assert (d.c_star[i, j][fair] - s.c_star[fair]).abs().max() < 1e-5
    near(1 / d.xi_c[i, j][fair], 1 / s.xi_c[fair], 2e-3, "1/ξ_c")


def test_phase_diagram_of_a_fast_wave():
    """sin 30x: E[φφ] = e^{-Q} sinh Qc with Q = 900 q; at its edge and far in chaos."""
    sigma_w, sigma_b = torch.tensor([0.03, 0.06, 0.1, 0.5, 2.0, 4.0], dtype=f64), 0.5
    d = mf.phase_diagram("siren", sigma_w, [sigma_b])
    q, c = d.q_star[:, 0], torch.zeros(6, dtype=f64)
    big = 900 * q
    near(q, sigma_b**2 + sigma_w**2 * (1 - (-2 * big).exp()) / 2, 1e-9)
    for _ in range(3000):
        c = (sigma_b**2 + sigma_w**2 * ((-big * (1 - c)).exp() - (-big * (1 + c)).exp()) / 2) / q
    assert (d.c_star[:, 0] - c).abs().max() < 1e-5
    slope = sigma_w**2 * 900 * ((-big * (1 - c)).exp() + (-big * (1 + c)).exp()) / 2
    assert (1 / d.xi_c[:3, 0] + slope[:3].log()).abs().max() < 1e-3 * slope[:3].log().abs().max()
    assert bool((d.xi_c[3:] < 0.05).all())  # e^{-100} and less


def clamped(x):
    return x.clamp(-1, 1)


@pytest.mark.parametrize("phi", ["selu", "clipped_shifted_relu", "hard_swish", clamped])
def test_kinks_do_not_spoil_the_diagram_near_the_critical_line(phi):
    exact = "hard_tanh" if phi is clamped else phi
    sigma_w = mf.edge_of_chaos(exact, 1.0).sigma_w * torch.tensor([1.001, 1.01], dtype=f64)
    s = mf.depth_scales(exact, sigma_w, 1.0)
    assert bool((s.c_star > 0.98).all())
    near(mf.phase_diagram(phi, sigma_w, [1.0]).xi_c[:, 0], s.xi_c, 0.01, f"ξ_c of {phi}")


class Once(torch.autograd.Function):
    """tanh with a gradient that cannot be differentiated again: are there kinks?"""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.tanh()

    @staticmethod
    def backward(ctx, grad):
        return grad * (1 - ctx.saved_tensors[0].detach().tanh() ** 2)


def test_what_was_not_found_out_is_not_told_near_the_line():
    sigma_w = mf.edge_of_chaos("tanh", 0.3).sigma_w * torch.tensor([0.5, 1.001, 2.0], dtype=f64)
    d, exact = (mf.phase_diagram(phi, sigma_w, [0.3]).xi_c[:, 0] for phi in (Once.apply, "tanh"))
    assert d.isnan().tolist() == [False, True, False]
    near(d[[0, 2]], exact[[0, 2]], 1e-6, "away from the line")


def test_phase_diagram_tells_what_is_unbounded():
    d = mf.phase_diagram("relu", [1.0, 2.0], [0.0, 0.5])
    assert [[mf.CLASSES[k] for k in row] for row in d.kind.tolist()] == [
        ["zero", "finite"],
        ["unbounded"] * 2,
    ]
    assert d.q_star[1].tolist() == [math.inf] * 2 and bool(d.xi_c[1].isnan().all())
    assert bool((mf.phase_diagram("sign", [1.0], [0.5]).chi_perp == math.inf).all())


# --- bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize("call, message", [
    (lambda: mf.length_map("tanh", -1.0, 1.0, 0.0), "q: got -1; allowed: finite numbers, 0 or more"),
    (lambda: mf.length_map("tanh", 1.0, -1.0, 0.0), "sigma_w: got -1; allowed: finite numbers, 0 or more"),
    (lambda: mf.chi_perp("tanh", 1.0, math.nan), "sigma_w: got nan"),
    (lambda: mf.depth_scales("tanh", 1.0, math.inf), "sigma_b: got inf"),
    (lambda: mf.edge_of_chaos("tanh", -0.1), "sigma_b: got -0.1"),
    (lambda: mf.phase_diagram("tanh", [], [0.1]), "sigma_w: got an array of zero size"),
    (lambda: mf.phase_diagram("tanh", [1.0], []), "sigma_b: got an array of zero size"),
    (lambda: mf.correlation_map("tanh", 1.5, 1.0, 1.0, 0.0), "c: got 1.5; allowed: numbers from -1 to 1"),
    (lambda: mf.correlation_map("tanh", 0.5, 0.0, 1.0, 0.0), "q: got 0; allowed: finite numbers above 0"),
    (lambda: mf.chi_perp("tahn", 1.0, 1.0), "Did you mean 'tanh'"),
    (lambda: mf.chi_perp(lambda x: x.sum(), 1.0, 1.0), r"phi: gave shape \(\) for an input of shape"),
    (lambda: mf.chi_perp(lambda x: x * math.nan, 1.0, 1.0), "phi: gave NaN at x = -3"),
    (lambda: mf.length_map(np.tanh, 1.0, 1.0, 0.0), "phi: autograd fails on it .* allowed: torch operations"),
    (lambda: mf.length_map("tanh", "one", 1.0, 0.0), "q: got 'one'"),
    (lambda: mf.length_map("tanh", [1.0, 2], [1.0, 2, 3], 0.0), "allowed: shapes that broadcast together"),
])  # fmt: skip
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.gpu
def test_on_a_gpu():
    sigma_w = torch.tensor([0.9, 1.5, 3.0], dtype=f64)
    there = mf.depth_scales("tanh", sigma_w.cuda(), 0.2)
    near(there.xi_c.cpu(), mf.depth_scales("tanh", sigma_w, 0.2).xi_c, 1e-6)
    near(
        mf.phase_diagram("tanh", sigma_w.cuda(), [0.2]).xi_c.cpu(),
        mf.phase_diagram("tanh", sigma_w, [0.2]).xi_c,
        1e-6,
    )

"""What members with several coefficients promise beyond their values."""

import math

import numpy as np
import pytest
import torch

from labkit.nn.activations import get
from labkit.nn.activations.activation import by_autograd
from labkit.nn.activations.mittag_leffler import mittag_leffler

f64 = torch.float64
ONE = torch.tensor(1.0, dtype=f64)


def mean(f):
    """E f(z), z standard normal; for smooth f the trapezoidal rule is exact to rounding."""
    z = torch.linspace(-13, 13, 2601, dtype=f64)
    return float((f(z) * (-z * z / 2).exp()).sum()) * 0.01 / math.sqrt(2 * math.pi)


def test_group_rational_has_no_pole_where_the_published_fallback_has_one():
    # that one left out the absolute value of odd powers: 1 + |b_1| x is 0 at -1 for b_1 = 1
    layer = get("kat_rational").module(8).to(f64)
    x = torch.linspace(-6, 6, 4801, dtype=f64)[:, None].expand(-1, 8)
    with torch.no_grad():
        layer.b.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0]))
    assert float((1 + layer.b.detach()[0, 0].abs() * x[:, 0]).abs().min()) < 1e-12
    numerator = sum(a * x[:, 0] ** k for k, a in enumerate(layer.a.detach()))
    y = layer(x.clone().requires_grad_())
    assert (y[:, 0].abs() <= numerator.abs() + 1e-12).all()  # a denominator of 1 or more
    y.sum().backward()
    assert layer.b.grad.isfinite().all() and layer.a.grad.isfinite().all()


@pytest.mark.parametrize("d, dual", [
    (1, {1: 1 / 2, 7: 1 / 2}),
    (2, {1: 1 / 2, 3: 1 / 2}),
    (4, {1: 1 / 4, 2: 1 / 2, 3: 1 / 4}),
    (8, {1: 1 / 16, 2: 7 / 8, 3: 1 / 16}),
])  # fmt: skip
def test_optimal_classifiers_have_the_kernels_of_the_authors(d, dual):
    # κ(ξ) = E φ(u) φ(v) at correlation ξ, the polynomials of their code for the sphere of dimension d
    nodes, weights = np.polynomial.hermite_e.hermegauss(24)
    u, w = (
        torch.tensor(one / norm, dtype=f64) for one, norm in ((nodes, 1), (weights, math.sqrt(2 * math.pi)))
    )
    phi = get("optimal_classifier", d=d)
    for xi in (-0.9, -0.3, 0.0, 0.5, 1.0):
        v = xi * u[:, None] + math.sqrt(1 - xi * xi) * u
        kernel = float(w @ (phi(u)[:, None] * phi(v)) @ w)
        assert kernel == pytest.approx(sum(share * xi**n for n, share in dual.items()), abs=1e-11)


def test_group_rational_starts_as_silu_and_each_group_has_its_own_denominator():
    layer, x = (
        get("kat_rational").module(8).to(f64),
        torch.linspace(-3, 3, 61, dtype=f64)[:, None].expand(-1, 8),
    )
    assert (layer(x) - torch.nn.functional.silu(x)).abs().max() < 2e-3
    with torch.no_grad():
        layer.b[1] += 1
    changed = (layer(x) - layer(x)[:, :1]).abs().amax(0) > 1e-3
    assert changed.tolist() == [False] * 2 + [True] * 2 + [False] * 4


def test_noisy_rational_draws_from_its_own_generator_in_training_only():
    build = get("pau_d", noise=0.2).build
    x = torch.linspace(0.5, 3, 26)
    layers = [build(26, noise=0.2, generator=torch.Generator().manual_seed(seed)) for seed in (5, 5, 6)]
    one, same, other = (layer(x) for layer in layers)
    assert torch.equal(one, same) and not torch.equal(one, other)
    plain = layers[0].eval()(x)
    assert torch.equal(plain, layers[2].eval()(x))
    # for x > 0 every coefficient of both polynomials is positive: a draw is within 1.2/0.8 of the plain value
    draws = torch.stack([layers[2].train()(x) for _ in range(200)]) / plain
    assert 0.8 / 1.2 < draws.min() < 0.93 and 1.07 < draws.max() < 1.2 / 0.8


def test_modules_take_as_many_coefficients_as_one_likes():
    x = torch.linspace(-0.9, 0.9, 7, dtype=f64)
    ninth = get("legendre").module(c=(0.0,) * 9 + (1.0,)).to(f64)(x)
    np.testing.assert_allclose(ninth.detach(), np.polynomial.Legendre.basis(9)(x.numpy()), atol=1e-12)
    narrow = get("trainable_matrix").module(2, edges=(0.0,), levels=(0.25, 1.0)).to(f64)
    y = torch.stack((x, -x), 1)
    torch.testing.assert_close(narrow(y), torch.where(y > 0, y, y / 4))
    with pytest.raises(ValueError, match="c: got 0 numbers; allowed: 5"):
        get("legendre").module(c=())


def test_hermite_basis_is_orthonormal():
    unit = torch.eye(6, dtype=f64)
    functions = [get("hermite", a=tuple(row.tolist())) for row in unit]
    gram = [[mean(lambda z, f=f, g=g: f(z) * g(z)) for f in functions] for g in functions]
    torch.testing.assert_close(torch.tensor(gram, dtype=f64), unit, rtol=0, atol=1e-9)


@pytest.mark.parametrize("d", [1, 2, 3, 6])
def test_optimal_classifier_has_the_conditions_of_the_theorem(d):
    row = get("optimal_classifier", d=d)
    assert mean(row.function) == pytest.approx(0, abs=1e-9)
    assert mean(lambda z: row(z).square()) == pytest.approx(1, rel=1e-9)
    at_0, at_1 = mean(row.derivative) ** 2, mean(lambda z: row.derivative(z).square())
    assert 0 < at_0 < 1 < at_1
    assert -2 * math.log(at_0) / math.log(at_1) == pytest.approx(d, rel=1e-9)


def test_worst_bounded_has_the_largest_entropy_between_its_limits():
    # entropy of φ(z) is that of z plus E ln φ'(z)
    worst = mean(lambda z: get("worst_bounded").derivative(z).log())
    others = [lambda z, k=k: (k * z).sigmoid() for k in (0.8, 1.2, 1.7, 2.5)]
    others += [lambda z, k=k: 0.5 + (k * z).atan() / math.pi for k in (0.5, 1.0, 2.0)]
    for f in others:
        assert mean(lambda z, f=f: by_autograd(f, z).log()) < worst - 1e-4
    assert worst == pytest.approx(-0.5 * math.log(2 * math.pi) - 0.5, rel=1e-9)


def test_kan_splines_add_to_one_inside_and_bumps_peak_at_one():
    x = torch.linspace(-1, 1, 41, dtype=f64)
    flat = get("kan_bspline", c=(1.0,) * 8, base=0.0)(x)
    torch.testing.assert_close(flat, torch.ones_like(x), rtol=1e-12, atol=0)
    for i in range(8):
        bump = get("relu_kan", w=tuple(float(i == j) for j in range(8)))
        assert float(bump(ONE * (i - 1) / 5)) == pytest.approx(1, rel=1e-12)
        assert float(bump(torch.linspace(-2, 3, 1001, dtype=f64)).max()) <= 1 + 1e-12


def test_kinks_follow_the_parameters():
    assert get("pau_b", b=(-1.0, 0.0, 1.0, 0.0)).kinks == pytest.approx((-1, 0, 1))  # x³ - x
    assert get("pau_b", b=(0.0, 1.0, 0.0, 0.0)).kinks == ()  # x² touches 0
    assert get("pau_c", b=(-4.0, 0.0, 1.0, 0.0, 0.0)).kinks == pytest.approx((-2, 2))
    assert get("tropical", a=(0.0, 0.0, -1.0, -9.0, -9.0, -9.0)).kinks == pytest.approx((0, 1, 8 / 3))
    assert get("tropical_rational", p=(0.0, 1.0, 1.0), a=(0.0,) * 3, r=(0.0, 1.0), b=(0.0, 0.0)).kinks == ()
    assert get("apl", a=(-1.0, 1.0), b=(0.5, 0.5)).kinks == (0.0,)
    assert get("pwlu", y=tuple(range(9)), left=8 / 6, right=8 / 6).kinks == ()


def test_the_gate_is_never_near_its_pole():
    # 1 + E(-x) > 0 for all orders up to 1; beyond, E_{2,1}(-π²) = cos π = -1
    x = torch.cat((torch.linspace(0, 40, 401, dtype=f64), torch.logspace(2, 4, 41, dtype=f64)))[:, None, None]
    alpha, beta = torch.linspace(0.25, 1, 31, dtype=f64)[:, None], torch.linspace(0.25, 3, 45, dtype=f64)
    assert mittag_leffler(-x, alpha, beta).min() > -0.3
    assert float(mittag_leffler(-ONE * math.pi**2, 2.0, 1.0)) == pytest.approx(-1, abs=1e-12)


def test_chebyshev_has_a_finite_slope_at_the_ends():
    c, ends = (0.3, -1.0, 0.5, 2.0, 1.0), torch.tensor([-1.0, 1.0], dtype=f64)
    wanted = [sum(one * k * k * s ** (k - 1) for k, one in enumerate(c) if k) for s in (-1.0, 1.0)]
    torch.testing.assert_close(get("chebyshev", c=c).derivative(ends), torch.tensor(wanted, dtype=f64))

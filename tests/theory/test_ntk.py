"""Linearised training against training a linear model step by step, scipy; the empirical NTK."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate

from labkit.nn.dense import DenseNets
from labkit.nn.fields import starts
from labkit.theory.kernels import empirical_ntk, nngp_ntk
from labkit.theory.ntk import (
    circle_eigenvalues,
    circle_points,
    dense_ntk,
    linearise,
    two_layer_relu_eigenvalues,
)

F64 = torch.float64
N, P = 12, 9


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def model():
    """A model linear in its parameters: features on N + 5 points, P parameters, a target."""
    draw = seeded()
    features = torch.randn(N + 5, P, generator=draw, dtype=F64) / torch.arange(1, P + 1)
    return features, torch.randn(P, generator=draw, dtype=F64), torch.randn(N, generator=draw, dtype=F64)


def solved(model):
    features, weights, target = model
    x = features[:N]
    return linearise(x @ x.T, x @ weights, target)


def trained(model, steps, rate, momentum=0.0):
    """Outputs at all points after so many steps of torch's SGD."""
    features, weights, target = model
    w = weights.clone().requires_grad_()
    optimiser = torch.optim.SGD([w], lr=rate, momentum=momentum)
    for _ in range(steps):
        optimiser.zero_grad()
        (features[:N] @ w - target).square().mean().backward()
        optimiser.step()
    return (features @ w).detach()


@pytest.mark.parametrize("momentum", [0.0, 0.3, 0.9, 0.99])
@pytest.mark.parametrize("steps", [0, 1, 2, 37])
def test_it_is_sgd_of_a_linear_model_at_any_step(model, momentum, steps):
    theory, (features, weights, _) = solved(model), model
    rate = 0.4 * theory.highest_rate
    wanted = trained(model, steps, rate, momentum)
    args = (steps, rate, "momentum" if momentum else "gd", momentum)
    torch.testing.assert_close(theory.predict(*args), wanted[:N], atol=1e-10, rtol=1e-9)
    loss = (wanted[:N] - model[2]).square().mean()
    torch.testing.assert_close(theory.loss(*args), loss, atol=1e-12, rtol=1e-9)
    kernel, start = features[N:] @ features[:N].T, features[N:] @ weights
    torch.testing.assert_close(theory.predict_at(kernel, start, *args), wanted[N:], atol=1e-9, rtol=1e-8)


def test_momentum_at_a_double_root_and_far_beyond(model):
    """The two roots of a mode meet at g = (1 - √μ)²; there a quotient of small differences stands."""
    theory, mu = solved(model), 0.81
    double = (1 - math.sqrt(mu)) ** 2
    for near in (0.0, 1e-13, 1e-9, -1e-6):
        rate = (double + near) * N / 2 / float(theory.eigenvalues[2])
        g, r = 2 * rate * theory.eigenvalues / N, [torch.ones(N, dtype=F64)] * 2
        for _ in range(400):
            r = [(1 + mu - g) * r[0] - mu * r[1], r[0]] if len(r) else r
        came = theory.decay(400, rate, "momentum", mu)
        finite = r[0].abs() < 1e6
        torch.testing.assert_close(came[finite], r[0][finite], atol=1e-9, rtol=1e-6)
    late = theory.decay(10**9, 0.5 * theory.highest_rate, "momentum", mu)
    assert late[: P - 1].abs().max() < 1e-12 and torch.isfinite(late).all()


def test_gradient_flow_is_the_differential_equation(model):
    theory, (features, weights, target) = solved(model), model
    x, rate = features[:N].numpy(), 0.7
    solution = integrate.solve_ivp(
        lambda t, w: -rate * 2 / N * x.T @ (x @ w - target.numpy()), (0, 9.5), weights.numpy(),
        rtol=1e-10, atol=1e-12, t_eval=[0, 2.25, 9.5],
    )  # fmt: skip
    came = theory.predict(np.array([0, 2.25, 9.5]), rate, "flow")
    np.testing.assert_allclose(came, (x @ solution.y).T, atol=1e-7)
    assert theory.decay(theory.time_to(0.5, rate)[0], rate, "flow")[0].item() == pytest.approx(0.5)


def test_many_times_in_one_call_and_modes_that_are_never_learnt(model):
    theory = solved(model)
    times = torch.tensor([[0, 3], [10, 100]])
    both = theory.residuals(times, 0.1, "momentum", 0.5)
    assert both.shape == (2, 2, N)
    torch.testing.assert_close(both[1, 0], theory.residuals(10, 0.1, "momentum", 0.5))
    # N points, P parameters: N - P modes have λ = 0 exactly, and keep their residual
    assert (theory.eigenvalues[P:] == 0).all() and (theory.eigenvalues[:P] > 0).all()
    torch.testing.assert_close(both[1, 1, P:], theory.initial[P:])


def test_the_highest_rate_is_where_gradient_descent_turns(model):
    theory = solved(model)
    assert theory.loss(3000, 0.999 * theory.highest_rate) < theory.loss(0, 1.0)
    assert theory.loss(3000, 1.02 * theory.highest_rate) > theory.loss(0, 1.0)
    mu = 0.5  # with momentum it is 1 + μ times that
    assert abs(theory.decay(3000, 1.499 * theory.highest_rate, "momentum", mu)[0]) < 1
    assert abs(theory.decay(3000, 1.53 * theory.highest_rate, "momentum", mu)[0]) > 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda s: s.decay(1, 0.1, "adam"), "method: got 'adam'; allowed: 'flow', 'gd', 'momentum'"),
        (lambda s: s.decay(1.5, 0.1), "times: got .*; allowed: whole numbers of updates"),
        (lambda s: s.decay(-1, 0.1, "flow"), "times: got .*; allowed: numbers, 0 or more"),
        (lambda s: s.decay(1, -0.1), "rate: got -0.1"),
        (
            lambda s: s.decay(1, 0.1, "momentum", 1.0),
            "momentum: got 1.0; allowed: a number from 0 to below 1",
        ),
        (lambda s: linearise(torch.eye(3).roll(1, 0), torch.zeros(3), torch.ones(3)), "not symmetric"),
        (lambda s: linearise(-torch.eye(3), torch.zeros(3), torch.ones(3)), "eigenvalue -1; allowed: 0 or"),
        (lambda s: linearise(torch.eye(3), torch.zeros(3), torch.ones(4)), r"kernel: got shape \(3, 3\)"),
        (lambda s: linearise(torch.eye(3) * math.nan, torch.zeros(3), torch.ones(3)), "got NaN or infinity"),
        (lambda s: circle_eigenvalues("relu", [-1]), "frequencies: got -1"),
        (lambda s: circle_eigenvalues("relu", [1.5]), "frequencies: got 1.5"),
        (lambda s: dense_ntk(DenseNets((2, 3, 2), generators=[seeded()]), torch.ones(1, 2)), "2 outputs"),
    ],
)
def test_bad_input_is_refused(model, call, words):
    with pytest.raises(ValueError, match=words):
        call(solved(model))


# ------------------------------------------------------------------------------------- the circle


def kernel_at(angle, bias):
    """Θ of the closed form's docstring, from its words."""
    k0 = (math.pi - angle) / (2 * math.pi)
    k1 = (math.sin(angle) + (math.pi - angle) * math.cos(angle)) / (2 * math.pi)
    return 4 * k1 + 2 * (2 * math.cos(angle) + bias**2) * k0 + bias**2


@pytest.mark.parametrize("bias", [0.0, 1.0])
def test_the_closed_form_is_the_integral(bias):
    frequencies = [0, 1, 2, 3, 4, 7, 12]
    wanted = [
        integrate.quad(kernel_at, 0, math.pi, args=(bias,), weight="cos", wvar=k)[0] / math.pi
        if k else integrate.quad(kernel_at, 0, math.pi, args=(bias,))[0] / math.pi
        for k in frequencies
    ]  # fmt: skip
    np.testing.assert_allclose(two_layer_relu_eigenvalues(frequencies, bias=bias), wanted, atol=1e-10)


def test_without_bias_odd_frequencies_are_never_learnt_and_with_it_time_grows_as_k_squared():
    without = two_layer_relu_eigenvalues([3, 5, 7, 9])
    assert (without == 0).all()
    transform = circle_eigenvalues("relu", [0, 1, 2, 3, 4, 5])
    closed = two_layer_relu_eigenvalues([0, 1, 2, 3, 4, 5])
    np.testing.assert_allclose(transform, closed, atol=1e-6)
    values = circle_eigenvalues("relu", [2, 4, 8, 16, 32], sigma_w=1.0, sigma_b=1.0).log2()
    np.testing.assert_allclose(values[:-1] - values[1:], [3.2, 2.2, 2.04, 2.0], atol=0.03)


def test_eigenvalues_are_those_of_the_matrix_on_the_circle():
    x, k = circle_points(64), [1, 2, 5]
    matrix = nngp_ntk("tanh", 2, 1.3, 0.4, x).ntk
    waves = torch.stack([torch.cos(2 * math.pi * j * torch.arange(64, dtype=F64) / 64) for j in k])
    found = (waves @ matrix / waves / 64).median(1).values
    np.testing.assert_allclose(
        circle_eigenvalues("tanh", k, depth=2, sigma_w=1.3, sigma_b=0.4), found, rtol=1e-5
    )


# ------------------------------------------------------------------------------ the empirical NTK


@pytest.mark.parametrize("scales", [None, [(0.5, 2.0), (1.5, 0.3), (0.7, 1.0)]])
@pytest.mark.parametrize("bias", [True, False])
def test_the_kernel_of_dense_networks_is_that_of_every_gradient(scales, bias):
    nets = DenseNets(
        (3, 6, 5, 1), generators=[seeded(1), seeded(2)], activation="tanh", sigma_b=0.3, bias=bias,
        scales=scales, dtype=F64,
    )  # fmt: skip
    x, x2 = (
        torch.randn(7, 3, generator=seeded(3), dtype=F64),
        torch.randn(4, 3, generator=seeded(4), dtype=F64),
    )
    came, across = dense_ntk(nets, x), dense_ntk(nets, x, x2)
    for member in range(2):
        one = DenseNets(
            (3, 6, 5, 1), generators=[seeded(1 + member)], activation="tanh", sigma_b=0.3, bias=bias,
            scales=scales, dtype=F64,
        )  # fmt: skip

        class Single(torch.nn.Module):
            def __init__(self, nets):
                super().__init__()
                self.nets = nets

            def forward(self, x):
                return self.nets(x)[0]

        torch.testing.assert_close(came[member], empirical_ntk(Single(one), x))
        torch.testing.assert_close(across[member], empirical_ntk(Single(one), x, x2))


def test_wide_networks_in_the_ntk_parametrisation_have_the_limit():
    x = circle_points(6)
    limit = nngp_ntk("relu", 2, math.sqrt(2), 0.5, x).ntk
    width, sizes = 1024, (2, 1024, 1024, 1)
    scales = [(math.sqrt(2 / n), 0.5) for n in sizes[:-1]]
    nets = DenseNets(
        sizes, generators=[seeded(s) for s in range(6)], activation="relu", start=starts.normal(1.0, 1.0),
        scales=scales,
    )  # fmt: skip
    found = dense_ntk(nets, x.float()).double()
    error = (found - limit).abs().amax((1, 2)) / limit.max()
    assert error.max() < 12 / math.sqrt(width) and (found.mean(0) - limit).abs().max() / limit.max() < 0.1

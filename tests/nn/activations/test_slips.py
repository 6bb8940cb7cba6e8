"""Slips of published code on these functions, each with what goes wrong there and that it does not here."""

import math

import mpmath
import pytest
import torch
from torch import nn

from labkit.nn.activations import get
from labkit.nn.activations.activation import by_autograd

f64 = torch.float64


def slope(function, x):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(function(x).sum(), x)[0]


@pytest.mark.parametrize("dtype", [f64, torch.float32])
def test_tanh_and_elu_have_gradients_far_out(dtype):
    # (e^x - e^-x)/(e^x + e^-x) is inf/inf there; where(x > 0, x, e^x - 1) has the gradient 0 · inf
    x = torch.tensor([-1e4, -800.0, -100.0, 100.0, 800.0, 1e4], dtype=dtype)
    assert get("tanh")(x).tolist() == [-1, -1, -1, 1, 1, 1]
    assert slope(get("tanh"), x).tolist() == [0] * 6
    for alpha in (1.0, 0.5, torch.tensor(0.5, dtype=dtype)):
        row = get("elu")

        def elu(x, alpha=alpha, row=row):
            return row.law(x, alpha=alpha)

        assert slope(elu, x)[1:].abs().tolist() == pytest.approx([0, 0, 1, 1, 1], abs=1e-40)
    for name in ("celu", "pelu", "serlu", "xielu", "tanh_exp", "golu", "aglu", "apa", "cloglog", "smelu"):
        module = get(name).module().to(dtype)
        assert slope(module, x).isfinite().all(), name


@pytest.mark.parametrize("dtype", [f64, torch.float32])
def test_snake_at_a_0_is_the_identity_with_its_gradient(dtype):
    # sin²(ax)/a is 0/0 there
    x = torch.linspace(-5, 5, 11, dtype=dtype)
    assert torch.equal(get("snake", a=0.0)(x), x)
    module = get("snake").module().to(dtype)
    with torch.no_grad():
        module.a.zero_()
    y = module(x)
    assert torch.equal(y, x)
    y.sum().backward()
    # d/da sin²(ax)/a = x² at 0
    assert float(module.a.grad) == pytest.approx(float(x.square().sum()), rel=1e-6)
    for a in (1e-12, 1e-7, -1e-7, 1e-5, 1e-3):  # on both sides of where the series takes over
        exact = [float(mpmath.mpf(v) + mpmath.sin(a * mpmath.mpf(v)) ** 2 / a) for v in x.tolist()]
        came = get("snake").law(x, a=torch.tensor(a, dtype=dtype))
        assert came.tolist() == pytest.approx(exact, rel=1e-12 if dtype == f64 else 1e-6)


@pytest.mark.parametrize("dtype, tolerance", [(f64, 1e-12), (torch.float32, 3e-6)])
def test_aglu_and_apa_go_over_into_gompertz_as_lambda_vanishes(dtype, tolerance):
    # (1 + λe^-z)^(-1/λ) is 1^-inf there
    x = torch.linspace(-4, 5, 19, dtype=dtype)
    for lambd in (0.0, 1e-30, 1e-12, 1e-6, 1e-4, 1e-3, 0.02, 0.5):
        with mpmath.workdps(60):
            power = [mpmath.exp(-mpmath.mpf(v)) for v in x.tolist()]
            small = mpmath.mpf(lambd)
            if lambd:
                exact = [mpmath.exp(-mpmath.log1p(small * p) / small) for p in power]
            else:
                exact = [mpmath.exp(-p) for p in power]
            # d/dλ, at 0 its limit e^{-p} p²/2
            by_lambda = sum(
                v * p * p / 2 * e if lambd < 1e-20
                else v * e * (mpmath.log1p(small * p) / small**2 - p / (small * (1 + small * p)))
                for v, p, e in zip(x.tolist(), power, exact, strict=True)
            )  # fmt: skip
        apa = get("apa", lambd=lambd, kappa=1.0)(x)
        assert apa.tolist() == pytest.approx([float(e) for e in exact], abs=tolerance)
        module = get("aglu").module(lambd=lambd, kappa=1.0).to(dtype)
        with torch.no_grad():
            module.lambd.fill_(lambd)
        module(x).sum().backward()
        assert float(module.lambd.grad) == pytest.approx(float(by_lambda), rel=1e4 * tolerance), lambd


def test_aglu_stays_finite_while_lambda_is_learnt_through_0():
    for dtype in (f64, torch.float32):
        for lambd in (-0.1, 0.0, 1e-38, 1e-20, 1e-4, 1.0, 5.0):
            for kappa in (0.0, 0.3, 5.0):
                module = get("aglu").module(kappa=kappa).to(dtype)
                with torch.no_grad():  # a step may lead where no start is allowed
                    module.lambd.fill_(lambd)
                x = torch.tensor([-1e4, -90.0, -30.0, -1.0, 0.0, 1.0, 90.0, 1e4], dtype=dtype)
                x.requires_grad_()
                y = module(x)
                y.sum().backward()
                assert y.isfinite().all() and x.grad.isfinite().all(), (dtype, lambd, kappa)
                assert module.lambd.grad.isfinite() and module.kappa.grad.isfinite(), (dtype, lambd, kappa)


def test_the_first_term_of_sau():
    # x/2 instead of (1 + α)x/2 gives the slopes (1 ± (1 - α))/2 far out instead of 1 and α
    for alpha in (0.0, 0.15, 0.5):
        row = get("sau", alpha=alpha, sigma=0.3)
        x = torch.tensor([-100.0, 100.0], dtype=f64)
        assert row(x).tolist() == pytest.approx([-100 * alpha, 100], rel=1e-14)
        assert row.derivative(x).tolist() == pytest.approx([alpha, 1], rel=1e-14)


def test_names_that_are_mixed_up():
    # log-log is exp(-e^-x), slow to reach 1; its complement 1 - exp(-e^x), quick
    x = torch.tensor([-2.0, 2.0], dtype=f64)
    log_log = [math.exp(-math.exp(2)), math.exp(-math.exp(-2))]
    assert get("log_log")(x).tolist() == pytest.approx(log_log)
    assert (1 - get("cloglog")(-x)).tolist() == pytest.approx(log_log)
    # SReLU is the S-shaped one of two thresholds, not the shifted one
    assert get("srelu", t_left=-1.0, a_left=0.5, a_right=2.0)(x).tolist() == [-1.5, 3.0]
    assert get("shifted_relu")(x).tolist() == [0.0, 1.5]


def test_hard_swish_is_not_swish():
    x = torch.linspace(-6, 6, 121, dtype=f64)
    hard, swish = get("hard_swish"), get("swish")
    torch.testing.assert_close(hard(x), nn.Hardswish()(x))
    torch.testing.assert_close(swish(x), nn.SiLU()(x), rtol=1e-12, atol=1e-15)
    assert get("swish") is not hard and "swish" not in hard.aliases and "hard_swish" not in swish.aliases
    # the two differ most near ±3, where the hard one breaks
    gap = (hard(x) - swish(x)).abs()
    assert float(gap.max()) == pytest.approx(3 / (1 + math.exp(3)), abs=1e-3)
    assert abs(float(x[gap.argmax()])) == pytest.approx(3, abs=0.11)


@pytest.mark.parametrize("name", ["smish", "elish", "snake", "gelu"])
def test_a_slope_can_be_differentiated_again_whether_written_or_by_autograd(name):
    row = get(name)
    x = torch.linspace(-2.9, 3.1, 13, dtype=torch.float64)
    wanted = (row.derivative(x + 1e-5) - row.derivative(x - 1e-5)) / 2e-5
    torch.testing.assert_close(by_autograd(row.derivative, x), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("alpha", [0.5, torch.tensor(0.5)], ids=["number", "tensor"])
def test_helu_is_relu_to_all_that_comes_after_it(alpha):
    # its value is set behind autograd's back: what is multiplied by it later must see ReLU's value
    x = torch.tensor([-2.0, -0.5, -0.25, 0.0, 1.0, 3.0], requires_grad=True)
    y = get("helu").law(x, alpha=alpha)
    assert y.tolist() == [0, 0, 0, 0, 1, 3]
    (came,) = torch.autograd.grad((y * y).sum(), x, create_graph=True)
    assert came.tolist() == [0, 0, 0, 0, 2, 6] and came.requires_grad
    (bend,) = torch.autograd.grad(came.sum(), x)
    assert bend.tolist() == [0, 0, 2, 2, 2, 2]  # twice the square of what backward multiplies by
    value, along = torch.func.jvp(lambda z: get("helu").law(z, alpha=alpha), (x.detach(),), (torch.ones(6),))
    assert value.tolist() == y.tolist() and along.tolist() == [0, 0, 1, 1, 1, 1]

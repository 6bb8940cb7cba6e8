"""Kernels of infinite width against scipy's quadrature, mpmath-like references, and wide random networks."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, special
from torch import nn

from labkit.nn.activations import get
from labkit.theory.kernels import empirical_ntk, nngp, nngp_ntk
from labkit.theory.kernels.closed import recognise
from labkit.theory.kernels.numeric import Numeric
from labkit.theory.kernels.piecewise import piecewise_linear

DEPTH, SIGMA_W, SIGMA_B = 3, 1.3, 0.4


def slope(value, x):
    """5-point central difference of a numpy function."""
    h = 1e-3
    return (value(x - 2 * h) - 8 * value(x - h) + 8 * value(x + h) - value(x + 2 * h)) / (12 * h)


#: name: φ on tensors, φ and φ' in numpy, kinks
CASES = {
    "relu": (torch.relu, lambda x: np.maximum(x, 0), lambda x: 1.0 * (x > 0), (0.0,)),
    "leaky": (
        lambda x: torch.where(x > 0, x, 0.2 * x),
        lambda x: np.where(x > 0, x, 0.2 * x),
        lambda x: np.where(x > 0, 1, 0.2),
        (0.0,),
    ),
    "abs": (torch.abs, np.abs, np.sign, (0.0,)),
    "identity": (lambda x: x, lambda x: x, np.ones_like, ()),
    "erf": (torch.erf, special.erf, lambda x: 2 / math.sqrt(math.pi) * np.exp(-x * x), ()),
    "sin": (torch.sin, np.sin, np.cos, ()),
    "cos": (torch.cos, np.cos, lambda x: -np.sin(x), ()),
    "sin 2.5x": (
        lambda x: torch.sin(2.5 * x),
        lambda x: np.sin(2.5 * x),
        lambda x: 2.5 * np.cos(2.5 * x),
        (),
    ),
    "cos 3x": (lambda x: torch.cos(3 * x), lambda x: np.cos(3 * x), lambda x: -3 * np.sin(3 * x), ()),
    "gaussian": (
        lambda x: torch.exp(-x * x),
        lambda x: np.exp(-x * x),
        lambda x: -2 * x * np.exp(-x * x),
        (),
    ),
    "gelu": (
        nn.functional.gelu,
        lambda x: x * special.ndtr(x),
        lambda x: special.ndtr(x) + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi),
        (),
    ),
    "quadratic": (torch.square, np.square, lambda x: 2 * x, ()),
    "cubic": (lambda x: x**3, lambda x: x**3, lambda x: 3 * x * x, ()),
    "tanh": (torch.tanh, np.tanh, lambda x: 1 / np.cosh(x) ** 2, ()),
    "softplus": (nn.functional.softplus, lambda x: np.logaddexp(0, x), special.expit, ()),
    "elu": (nn.functional.elu, lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), None, (0.0,)),
    "hard_tanh": (
        nn.functional.hardtanh,
        lambda x: np.clip(x, -1, 1),
        lambda x: 1.0 * (abs(x) < 1),
        (-1.0, 1.0),
    ),
}
CASES["elu"] = (*CASES["elu"][:2], lambda x: np.where(x > 0, 1.0, np.exp(np.minimum(x, 0))), (0.0,))


def gaussian_mean(f, g, q, r, s, kinks):
    """E[f(u) g(v)] by nested Gauss-Legendre panels split at the kinks: independent of labkit."""
    nodes, weights = np.polynomial.legendre.leggauss(20)

    def panels(breaks):
        edges = np.unique(np.clip(np.concatenate([np.arange(-9, 9.1, 0.75), breaks]), -9, 9))
        half = np.diff(edges)[:, None] / 2
        z = (edges[:-1, None] + half * (1 + nodes)).ravel()
        return z, (half * weights).ravel() * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    c = s / math.sqrt(q * r)
    rest = math.sqrt(max(1 - c * c, 1e-300))
    width = math.sqrt(r) * rest
    bends = [t / math.sqrt(r) / c for t in kinks] if abs(c) > 1e-9 else []
    near = [b + m * rest / abs(c) for b in bends for m in (-8, -4, -2, -1, 0, 1, 2, 4, 8)]
    z, w = panels([*(t / math.sqrt(q) for t in kinks), *near])
    inner = []
    for one in z:
        mean = math.sqrt(r) * c * one
        y, v = panels([(t - mean) / width for t in kinks])
        inner.append(v @ g(mean + width * y))
    return w @ (f(math.sqrt(q) * z) * np.array(inner))


def points(n=4, d=3, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def slow_kernels(name, depth, x1, x2):
    """The recursion pair by pair in numpy."""
    _, phi, dphi, kinks = CASES[name]
    nngp_, ntk = np.zeros((len(x1), len(x2))), np.zeros((len(x1), len(x2)))
    for i, a in enumerate(x1.numpy()):
        for j, b in enumerate(x2.numpy()):
            q, r, s = (SIGMA_B**2 + SIGMA_W**2 * u @ v / len(a) for u, v in ((a, a), (b, b), (a, b)))
            t = s
            for _ in range(depth):
                k = gaussian_mean(phi, phi, q, r, s, kinks)
                dk = gaussian_mean(dphi, dphi, q, r, s, kinks)
                q, r = (SIGMA_B**2 + SIGMA_W**2 * gaussian_1d(phi, v, kinks) for v in (q, r))
                s = SIGMA_B**2 + SIGMA_W**2 * k
                t = s + SIGMA_W**2 * dk * t
            nngp_[i, j], ntk[i, j] = s, t
    return nngp_, ntk


def gaussian_1d(phi, q, kinks):
    def f(z):
        return phi(np.sqrt(q) * z) ** 2 * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    edges = sorted({-9.0, 0.0, 9.0, *(t / math.sqrt(q) for t in kinks if abs(t) < 9 * math.sqrt(q))})
    return sum(
        integrate.quad(f, a, b, epsabs=1e-13, epsrel=1e-13)[0] for a, b in zip(edges, edges[1:], strict=False)
    )


@pytest.mark.parametrize("name", CASES)
def test_against_independent_quadrature(name):
    x = points()
    if name == "hard_tanh":
        x, phi = x[:3], "hard_tanh"
    elif name == "elu":
        x, phi = x[:3], "elu"
    else:
        phi = CASES[name][0]
    got = nngp_ntk(phi, 2, SIGMA_W, SIGMA_B, x[:2], x[1:])
    want = slow_kernels(name, 2, x[:2], x[1:])
    for mine, theirs in zip(got, want, strict=True):
        assert np.abs(mine.numpy() / theirs - 1).max() < 1e-8, (mine, theirs)


def test_quadrature_agrees_with_the_closed_forms(monkeypatch):
    x = points(6)
    closed = {name: nngp_ntk(CASES[name][0], DEPTH, SIGMA_W, SIGMA_B, x) for name in ("erf", "gelu", "sin")}
    monkeypatch.setattr("labkit.theory.kernels.recursion.recognise", lambda function: None)
    for name, want in closed.items():
        got = nngp_ntk(CASES[name][0], DEPTH, SIGMA_W, SIGMA_B, x)
        for mine, theirs in zip(got, want, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-10, msg=name)


@pytest.mark.parametrize("name", ["relu", "erf", "tanh"])
def test_symmetric_to_the_last_bit_and_the_same_in_two_tensors(name, monkeypatch):
    monkeypatch.setattr("labkit.theory.kernels.recursion.TILE", 60)
    x = points(23, 5)
    alone, other = nngp_ntk(name, 4, 1.5, 0.3, x), nngp_ntk(name, 4, 1.5, 0.3, x, x.clone())
    shifted = nngp_ntk(name, 4, 1.5, 0.3, x, x.flip(0))
    for one, two, three in zip(alone, other, shifted, strict=True):
        assert torch.equal(one, one.T) and torch.equal(one, two)
        torch.testing.assert_close(one, three.flip(1), rtol=1e-9, atol=0)


def arc(depth, theta, slope=0.0):
    """ReLU family at σ_b = 0, critical σ_w, unit second moment: κ and NTK of one pair, in 50 digits."""
    from mpmath import acos, cos, mp, mpf, pi, sin

    mp.dps = 50
    theta, a = mpf(theta), mpf(slope)
    moment, kink = (1 + a * a) / 2, (1 - a) ** 2 / (2 * pi)
    k = t = cos(theta)
    for _ in range(depth):
        angle = acos(k)
        k = 1 - (1 - cos(angle)) + kink / moment * (sin(angle) - angle * cos(angle))
        t = k + (1 - kink / moment * angle) * t
    return float(k), float(t)


@pytest.mark.parametrize("slope", [0.0, 0.3, -1.0])
@pytest.mark.parametrize("theta", [1e-12, 1e-9, 1e-5, 1e-3, 0.5, 2.0, math.pi - 1e-6])
def test_relu_family_keeps_its_digits_near_parallel_and_opposite(theta, slope):
    x = torch.tensor([[1.0, 0.0], [math.cos(theta), math.sin(theta)]], dtype=torch.float64) * math.sqrt(2)
    sigma_w = math.sqrt(2 / (1 + slope**2))
    phi = (lambda x: torch.where(x > 0, x, slope * x)) if slope else torch.relu
    # the length of x is kept, so its first layer has q = σ_w²
    nngp_, ntk = nngp_ntk(phi, 6, sigma_w, 0.0, x)
    k, t = arc(6, theta, slope)
    assert abs(float(nngp_[0, 1]) / sigma_w**2 - k) < 5e-15
    assert abs(float(ntk[0, 1]) / sigma_w**2 - t) < 3e-14


def test_equal_collinear_and_zero_points():
    x = points(3)
    x = torch.cat([x, x[:1], 3 * x[:1], -x[:1], torch.zeros(1, 3, dtype=torch.float64)])
    nngp_, ntk = nngp_ntk("relu", 5, math.sqrt(2), 0.0, x)
    torch.testing.assert_close(ntk[0], ntk[3], rtol=1e-14, atol=0)
    torch.testing.assert_close(ntk[0, 4], 3 * ntk[0, 0], rtol=1e-14, atol=0)
    assert not nngp_[6].any() and not ntk[6].any()
    # at q = 2|x|²/d each layer adds its own: Θ = (L + 1) Σ
    torch.testing.assert_close(ntk[0, 0], 6 * 2 * x[0].square().mean(), rtol=1e-14, atol=0)
    for phi in ("erf", "tanh", "gelu", "sin", "cos"):
        for each in nngp_ntk(phi, 3, 1.2, 0.0, x):
            assert torch.isfinite(each).all()


def test_linear_network_known_answer():
    x = points(5, 4)
    gram = 1.44 * x @ x.T / 4 + 0.09
    s, t = gram, gram
    for _ in range(4):
        s = 1.44 * s + 0.09
        t = s + 1.44 * t
    for got, want in zip(nngp_ntk("identity", 4, 1.2, 0.3, x), (s, t), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-13, atol=1e-14)


def test_sign_has_an_nngp_kernel_only():
    x = points(6)
    gram = x @ x.T + 0.0
    q = gram.diag().sqrt()
    want = 2 / math.pi * torch.asin((gram / q / q[:, None]).clamp(-1, 1))
    torch.testing.assert_close(nngp("sign", 1, 1.0, 0.0, x), want, rtol=1e-12, atol=1e-8)
    with pytest.raises(ValueError, match="phi: it jumps.*nngp"):
        nngp_ntk("sign", 1, 1.0, 0.0, x)
    with pytest.raises(ValueError, match="phi: it jumps.*nngp"):
        nngp_ntk(lambda x: torch.floor(x) + 0.1 * x, 1, 1.0, 0.0, x)


class Surrogate(torch.autograd.Function):
    """tanh that claims to be the identity."""

    @staticmethod
    def forward(ctx, x):
        return torch.tanh(x)

    @staticmethod
    def backward(ctx, grad):
        return grad


def test_surrogate_gradients_are_refused():
    with pytest.raises(ValueError, match="gradient is not its derivative"):
        nngp_ntk(Surrogate.apply, 1, 1.0, 0.0, points())


def test_nearly_equal_points_keep_what_a_kink_makes_of_them():
    """P(|u| < 1, |v| < 1) for c near 1: each kink takes off p(a) √((1 - c)/π); by lines and by quadrature."""
    hard = get("hard_tanh")
    a = 1 / 1.3
    density = math.exp(-a * a / 2) / math.sqrt(2 * math.pi)
    rules = (
        piecewise_linear(hard.function, hard.breaks),
        Numeric(hard.function, hard.derivative, hard.breaks),
    )
    for gap in (1e-6, 1e-8, 1e-10):
        wanted = math.erf(a / math.sqrt(2)) - 2 * density * math.sqrt(gap / math.pi)
        q = torch.full((2,), 1.69, dtype=torch.float64)
        for rule in rules:
            pairs, _, _ = rule.bind(q, None)
            s = torch.full((2, 2), 1.69 * (1 - gap), dtype=torch.float64)
            assert float(pairs(slice(0, 2), slice(0, 2), s)[1][0, 1]) == pytest.approx(
                wanted, abs=3e-5 * gap**0.5
            )


@pytest.mark.parametrize("name", ["clipped_shifted_relu", "soft_threshold", "tent"])
def test_lines_between_kinks_agree_with_quadrature(name, monkeypatch):
    x = points(5)
    x = torch.cat((x, -1.02 * x[:1], x[1:2] + 1e-3))
    lines = nngp_ntk(name, DEPTH, SIGMA_W, SIGMA_B, x)
    monkeypatch.setattr("labkit.theory.kernels.recursion.piecewise_linear", lambda *known: None)
    for came, wanted in zip(lines, nngp_ntk(name, DEPTH, SIGMA_W, SIGMA_B, x), strict=True):
        assert float((came - wanted).abs().max()) < 1e-7 * float(wanted.diagonal().max())


def test_only_lines_are_taken_for_lines():
    for name in ("elu", "hard_swish", "sign", "threshold", "tanh"):
        assert piecewise_linear(get(name).function, get(name).breaks, get(name).jumps) is None


def test_activations_are_recognised_by_values():
    assert recognise(lambda x: x.clamp(min=0)).slope == 0
    assert recognise(nn.functional.relu6) is None
    assert recognise(lambda x: nn.functional.gelu(x, approximate="tanh")) is None
    assert recognise(lambda x: torch.sin(1.01 * x) * 1.01) is None


class NtkNet(nn.Module):
    """The network of the docstring, in float64."""

    def __init__(self, width, depth, phi, seed, out=1):
        super().__init__()
        generator, sizes = torch.Generator().manual_seed(seed), [3, *[width] * depth, out]

        def draw(*shape):
            return nn.Parameter(torch.randn(shape, generator=generator, dtype=torch.float64))

        self.w = nn.ParameterList(draw(b, a) for a, b in zip(sizes, sizes[1:], strict=False))
        self.b = nn.ParameterList(draw(b) for b in sizes[1:])
        self.phi = phi

    def forward(self, x):
        for layer, (w, b) in enumerate(zip(self.w, self.b, strict=True)):
            x = self.phi(x) if layer else x
            x = x @ w.T * (SIGMA_W / math.sqrt(w.shape[1])) + SIGMA_B * b
        return x


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu"])
def test_wide_random_networks(name):
    x, phi = points(), CASES[name][0]
    limit = nngp_ntk(phi, 2, SIGMA_W, SIGMA_B, x)
    nets, width = 24, 400
    ntk, outputs = [], []
    for seed in range(nets):
        ntk.append(empirical_ntk(NtkNet(width, 2, phi, seed), x))
        with torch.no_grad():
            outputs.append(NtkNet(width, 2, phi, seed, out=200)(x))
    ntk = torch.stack(ntk)
    error = ntk.std(0) / math.sqrt(nets) + 2 / width * limit.ntk.diag().mean()
    assert ((ntk.mean(0) - limit.ntk).abs() < 4.5 * error).all()
    covariance = torch.stack([f @ f.T / 200 for f in outputs])
    error = covariance.std(0) / math.sqrt(nets) + 2 / width * limit.nngp.diag().mean()
    assert ((covariance.mean(0) - limit.nngp).abs() < 4.5 * error).all()
    # and the band is narrow enough to tell
    assert (error < 0.1 * limit.nngp.diag().mean()).all()


def test_empirical_ntk_is_what_a_gradient_step_does(monkeypatch):
    net, x = NtkNet(7, 2, torch.tanh, 0, out=2), points(5)
    full = empirical_ntk(net, x[:3], x, outputs="full")
    gradients = []
    for i in range(5):
        for o in range(2):
            grads = torch.autograd.grad(net(x)[i, o], list(net.parameters()))
            gradients.append(torch.cat([g.flatten() for g in grads]))
    want = torch.stack(gradients).view(5, 2, -1)
    want = torch.einsum("aop,bqp->aboq", want[:3], want)
    torch.testing.assert_close(full, want, rtol=1e-12, atol=1e-13)
    trace = empirical_ntk(net, x)
    torch.testing.assert_close(trace[:3], want.diagonal(dim1=2, dim2=3).sum(-1), rtol=1e-12, atol=1e-13)
    monkeypatch.setattr("labkit.theory.kernels.empirical.GRADIENT_BYTES", 5000)
    small = empirical_ntk(net, x)
    assert torch.equal(small, small.T)
    torch.testing.assert_close(small, trace, rtol=1e-12, atol=0)
    torch.testing.assert_close(empirical_ntk(net, x, outputs="full")[:3], full, rtol=1e-12, atol=1e-13)
    # a small step along one output's gradient moves another output by step · Θ̂
    step = 1e-6
    before = net(x).detach()
    along = torch.autograd.grad(net(x)[0, 0], list(net.parameters()))
    with torch.no_grad():
        for p, g in zip(net.parameters(), along, strict=True):
            p += step * g
        moved = (net(x) - before) / step
    torch.testing.assert_close(moved, full[0, :, 0], rtol=1e-4, atol=1e-4)


def test_empirical_ntk_of_any_module():
    with torch.random.fork_rng():
        net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double()
    net[0].weight.requires_grad_(False)
    before = [p.clone() for p in net.parameters()]
    kernel = empirical_ntk(net, points())
    h = torch.tanh(net[0](points())).detach()
    back = (1 - h * h) * net[2].weight.detach()
    torch.testing.assert_close(kernel, h @ h.T + 1 + back @ back.T)
    assert all(torch.equal(a, b) and b.grad is None for a, b in zip(before, net.parameters(), strict=True))


BAD = [
    (dict(depth=0), "depth: got 0; allowed: a whole number, 1 or more"),
    (dict(sigma_w=-1.0), "sigma_w: got -1.0; allowed"),
    (dict(sigma_b=-0.1), "sigma_b: got -0.1; allowed"),
    (dict(sigma_w=math.nan), "sigma_w: got nan"),
    (dict(x1=torch.ones(3)), r"x1: got shape \(3,\)"),
    (dict(x1=torch.ones(0, 3)), r"x1: got shape \(0, 3\)"),
    (dict(x1=torch.tensor([[math.nan, 1, 2]])), "x1: got a NaN"),
    (dict(x2=torch.ones(2, 4)), r"x2: got shape \(2, 4\)"),
    (dict(phi="rleu"), "phi: got 'rleu'.*relu"),
    (dict(phi=3), "phi: got int"),
    (dict(phi=lambda x: x.sum()), r"phi: gives \(\) for shape"),
    (dict(phi=lambda x: x.log()), "phi: gives NaN"),
    (dict(phi="quadratic", depth=12, sigma_w=9.0), "overflows float64"),
    (dict(phi="relu", depth=400, sigma_w=50.0), "overflows float64"),
]


@pytest.mark.parametrize(("change", "message"), BAD, ids=lambda v: str(v)[:30])
def test_bad_input(change, message):
    given = dict(phi="relu", depth=2, sigma_w=1.0, sigma_b=0.0, x1=points()) | change
    with pytest.raises(ValueError, match=message):
        nngp_ntk(**given)


def test_bad_input_of_the_empirical_kernel():
    with torch.random.fork_rng():
        net = nn.Linear(3, 1).double()
    with pytest.raises(ValueError, match="outputs: got 'all'"):
        empirical_ntk(net, points(), outputs="all")
    with pytest.raises(ValueError, match="x1: got shape"):
        empirical_ntk(net, points()[:0])
    with pytest.raises(ValueError, match="x2: got shape"):
        empirical_ntk(net, points(), points(2, 4))
    with pytest.raises(ValueError, match="no parameter requires"):
        empirical_ntk(net.requires_grad_(False), points())

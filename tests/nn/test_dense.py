"""Ensembles of dense networks: against a loop over members, autograd, and torch's modules and optimisers."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from labkit.nn import groups, shares
from labkit.nn.activations import ELEMENTWISE
from labkit.nn.dense import DenseNets
from labkit.nn.groups import spans
from labkit.optim import LOSSES, OPTIMISERS

# one of each way in which a row gives φ and φ'; that every row gives them rightly is tested beside the table
KINDS = ("identity", "quadratic", "relu", "gelu", "tanh", "softplus", "shifted_relu")

SIZES = (3, 8, 6, 5, 2)
M, R = 5, 7
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}
RATES, DECAYS = [1e-2, 3e-3, 0.0, 1e-2, 5e-2], [0.0, 0.1, 0.3, 1.0, 2.0]
SETTINGS = {
    "adamw": dict(lr=RATES, weight_decay=DECAYS, beta2=0.99, eps=1e-7),
    "sgd": dict(lr=RATES, weight_decay=DECAYS, momentum=0.7),
}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def nets(members=range(M), sizes=SIZES, **changes):
    settings = {"sigma_w": 1.3, "sigma_b": 0.4, "dtype": torch.float64, **changes}
    return DenseNets(sizes, generators=[seeded(member) for member in members], **settings)


def data(dtype=torch.float64, shared=False, outputs=SIZES[-1]):
    x = torch.randn(M, R, SIZES[0], generator=seeded(90), dtype=torch.float64).to(dtype)
    y = torch.randn(M, R, outputs, generator=seeded(91), dtype=torch.float64).to(dtype)
    return (x[0] if shared else x), y


def mse_gradient(outputs, target, rows):
    return outputs.sub_(target).mul_(2 / (rows * outputs.shape[-1]))


def mse(outputs, target):
    """Sum over members of the mean over rows and outputs."""
    return (outputs - target).square().mean((1, 2)).sum()


def assert_close(came, wanted, tolerance, what):
    error = (came - wanted).abs().max() / wanted.abs().max()
    assert error < tolerance, f"{what}: relative error {error:.2e}, allowed {tolerance:g}"


def column(values):
    """Settings as ``step`` takes them."""
    return {
        name: torch.tensor(value, dtype=torch.float64) if isinstance(value, list) else value
        for name, value in values.items()
    }


def one(values, member):
    return {name: value[member] if isinstance(value, list) else value for name, value in values.items()}


@pytest.fixture(params=["small parts", "as it comes"])
def cut(request, monkeypatch):
    """Two threads, groups of one or two members, a part for each layer; and the usual single group."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    if request.param == "small parts":
        monkeypatch.setattr(shares, "OPERATION_BYTES", 1)
        monkeypatch.setattr(groups, "GROUP_BYTES", 5_000)
        monkeypatch.setattr(groups, "PART_BYTES", 1)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", KINDS)
def test_forward_equals_a_loop_over_members(name, bias, shared):
    net, (x, _) = nets(activation=name, bias=bias), data(shared=shared)
    wanted = net.plain(x)
    assert wanted.shape == (M, R, SIZES[-1])
    assert_close(net(x), wanted, 1e-12, "forward")
    seen = net.activations(x)
    assert list(seen) == ["pre 1", "hidden 1", "pre 2", "hidden 2", "pre 3", "hidden 3", "output"]
    assert_close(seen["output"], wanted, 1e-12, "output")
    assert torch.equal(seen["hidden 2"], ELEMENTWISE[name].function(seen["pre 2"]))
    assert_close(seen["pre 1"][4], (x if shared else x[4]) @ net.layers()[0][0][4].T
                 + (net.layers()[0][1][4] if bias else 0), 1e-12, "pre 1")  # fmt: skip


def sequential(net, member):
    """One member as torch would write it."""
    modules = []
    for w, b in net.layers():
        linear = nn.Linear(w.shape[2], w.shape[1], dtype=w.dtype)
        with torch.no_grad():
            linear.weight.copy_(w[member])
            linear.bias.copy_(b[member])
        modules += [linear, nn.Tanh()]
    return nn.Sequential(*modules[:-1])


@pytest.fixture
def own_random_numbers():
    """nn.Linear draws from the global generator."""
    state = torch.get_rng_state()
    yield
    torch.set_rng_state(state)


def test_forward_equals_sequential(own_random_numbers):
    net, (x, _) = nets(), data()
    for member, came in enumerate(net(x)):
        assert_close(came, sequential(net, member)(x[member]), 1e-12, f"member {member}")


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", KINDS)
def test_gradient_equals_autograd(name, bias, shared, dtype, cut):
    net, (x, y) = nets(activation=name, bias=bias, dtype=dtype), data(dtype, shared)
    mse(net.plain(x), y).backward()
    out = torch.full_like(net.flat, torch.nan)
    for _ in range(2):  # the second time in memory that was used
        net.gradient(x, y, mse_gradient, out)
        assert_close(out, net.flat.grad, TOLERANCE[dtype], name)


def test_gradient_of_a_loss_with_classes(cut):
    net, (x, _) = nets(), data()
    answer = torch.randint(SIZES[-1], (M, R), generator=seeded(3))
    sum(F.cross_entropy(f, right) for f, right in zip(net.plain(x), answer, strict=True)).backward()
    out = torch.empty_like(net.flat)
    net.gradient(x, answer, LOSSES["cross_entropy"].gradient_, out)
    assert_close(out, net.flat.grad, 1e-12, "cross-entropy")


def train(net, x, y, name, values, steps=20, buffers=None):
    buffers = buffers or OPTIMISERS[name].new_buffers(net.flat.detach())
    for _ in range(steps):
        net.step(x, y, mse_gradient, OPTIMISERS[name].update, buffers, **values)
    return buffers


@pytest.mark.parametrize("name", SETTINGS)
def test_each_member_learns_as_it_would_alone(name, cut):
    net, (x, y) = nets(), data()
    start = net.flat.detach().clone()
    buffers = train(net, x, y, name, column(SETTINGS[name]))
    assert int(buffers["updates"]) == 20
    for member in range(M):
        alone = nets([member])
        assert torch.equal(alone.flat[0], start[member])
        those = slice(member, member + 1)
        train(alone, x[those], y[those], name, one(SETTINGS[name], member))
        assert_close(net.flat[member], alone.flat[0], 1e-9, f"member {member}")
        moved = (alone.flat[0] - start[member]).abs().max()
        assert (moved > 1e-3) == (member != 2)  # whose learning rate is 0


@pytest.mark.parametrize("name", SETTINGS)
def test_each_member_learns_as_with_torch(name, cut, own_random_numbers):
    net, (x, y) = nets(), data()
    references = [sequential(net, member) for member in range(M)]
    train(net, x, y, name, column(SETTINGS[name]))
    for member, reference in enumerate(references):
        values = one(SETTINGS[name], member)
        beta2 = values.pop("beta2", None)
        if name == "adamw":
            optimiser = torch.optim.AdamW(reference.parameters(), betas=(0.9, beta2), **values)
        else:
            optimiser = torch.optim.SGD(reference.parameters(), **values)
        for _ in range(20):
            optimiser.zero_grad()
            (reference(x[member]) - y[member]).square().mean().backward()
            optimiser.step()
        wanted = torch.cat([parameter.detach().flatten() for parameter in reference.parameters()])
        assert_close(net.flat[member], wanted, 1e-9, f"member {member}")


def test_one_number_for_all_and_a_shared_input(cut):
    net, twin, (x, y) = nets(), nets(), data(shared=True)
    train(net, x, y, "adamw", {"lr": 0.01, "weight_decay": 0.1}, steps=5)
    train(twin, x.expand(M, -1, -1), y, "adamw",
          {"lr": torch.full((M, 1), 0.01), "weight_decay": torch.tensor(0.1)}, steps=5)  # fmt: skip
    assert_close(net.flat, twin.flat, 1e-7, "numbers in float32 and float64")


@pytest.mark.parametrize("index", [[3, 0], torch.tensor([False, True, False, True, True])])
def test_those_kept_go_on_as_if_nothing_had_happened(index, cut):
    net, (x, y), values = nets(), data(), column(SETTINGS["adamw"])
    some = copy.deepcopy(net)
    buffers, all_of_them = train(some, x, y, "adamw", values, 5), train(net, x, y, "adamw", values, 10)
    buffers = some.keep(index, buffers)
    left = torch.as_tensor(index).nonzero().flatten() if isinstance(index, torch.Tensor) else index
    kept = {name: value[left] if isinstance(value, torch.Tensor) else value for name, value in values.items()}
    train(some, x[left], y[left], "adamw", kept, 5, buffers)
    assert some.members == len(left)
    assert_close(some.flat, net.flat[left], 1e-12, "weights")
    assert_close(buffers["mean"], all_of_them["mean"][left], 1e-12, "mean")
    assert int(buffers["updates"]) == 10


def test_draws_have_the_variances_asked_for():
    sigmas = {"sigma_w": [0.5, 1.5], "sigma_b": [0.0, 2.0]}
    net = DenseNets((400, 300, 2), generators=[seeded(1), seeded(2)], dtype=torch.float64, **sigmas)
    (w, b), _ = net.layers()
    assert w.std((1, 2)).tolist() == pytest.approx([0.5 / 20, 1.5 / 20], rel=0.02)
    assert b[0].abs().max() == 0 and b[1].std().item() == pytest.approx(2, rel=0.1)
    rough = DenseNets((400, 300, 2), generators=[seeded(1), seeded(2)], **sigmas)
    assert torch.equal(rough.flat, net.flat.float())


def test_spans_are_all_columns_once_and_layers_have_their_place():
    assert spans((1, 4, 4, 2), True, 1) == [(0, 1, slice(0, 8)), (1, 2, slice(8, 28)), (2, 3, slice(28, 38))]
    assert spans((1, 4, 4, 2), True, 30) == [(0, 2, slice(0, 28)), (2, 3, slice(28, 38))]
    assert spans((1, 4, 4, 2), False, 100) == [(0, 3, slice(0, 28))]
    net = nets(bias=True)
    with torch.no_grad():
        net.flat.copy_(torch.arange(net.flat.numel()).view_as(net.flat))
    read = torch.cat([part.flatten(1) for layer in net.layers() for part in layer], 1)
    assert torch.equal(read, net.flat)


@pytest.mark.parametrize("wrong, message", [
    (dict(sizes=(3,)), r"sizes: got \(3,\); allowed: \(in, hidden, ..., out\), two or more"),
    (dict(sizes=(3, 0)), "sizes: got 0; allowed: a whole number, 1 or more"),
    (dict(members=[]), "generators: got none; allowed: one a member, one or more"),
    (dict(activation="tan"), "activation: got 'tan'; .* Did you mean 'tanh'?"),
    (dict(sigma_w=[1.0, 2.0]), "sigma_w: got 2 of them; allowed: a number, or 5, one a member"),
    (dict(sigma_b=-1.0), "sigma_b: got -1.*; allowed: a finite number, 0 or more"),
])  # fmt: skip
def test_a_bad_network_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        nets(**wrong)


def test_bad_arguments_are_refused():
    net, (x, y) = nets(), data()
    buffers = OPTIMISERS["sgd"].new_buffers(net.flat.detach())
    for bad, message in (
        ((x[:, :, :2], y), r"x: got shape \(5, 7, 2\); allowed: \(5, any, 3\)"),
        ((x[0, :, :2], y), r"x: got shape \(7, 2\); allowed: \(any, 3\)"),
        ((x, y[0]), r"target: got shape \(7, 2\); allowed: \(5, 7, ...\)"),
        ((x, y[:, :3]), r"target: got shape \(5, 3, 2\); allowed: \(5, 7, ...\)"),
    ):
        with pytest.raises(ValueError, match=message):
            net.step(*bad, mse_gradient, OPTIMISERS["sgd"].update, buffers, lr=0.1)
        with pytest.raises(ValueError, match=message):
            net.gradient(*bad, mse_gradient, torch.empty_like(net.flat))
    with pytest.raises(ValueError, match=r"lr: got shape \(4,\); allowed: a number, \(5,\) or \(5, 1\)"):
        net.step(x, y, mse_gradient, OPTIMISERS["sgd"].update, buffers, lr=torch.ones(4))
    with pytest.raises(ValueError, match=r"out: got shape \(5, 3\); allowed: \(5, 1"):
        net.gradient(x, y, mse_gradient, torch.empty(5, 3))
    with pytest.raises(ValueError, match=r"rows: got shape \(5, 3\); allowed: \(any, 1"):
        net.layers(torch.empty(5, 3))
    for index in ([], [5], [-1], torch.tensor([[1]])):
        with pytest.raises(ValueError, match=r"index: got .*; allowed: one or more of 0 to 4"):
            net.keep(index)
    with pytest.raises(ValueError, match=r"index: got shape \(2,\); allowed: \(5"):
        net.keep([True, False])


@pytest.mark.parametrize("bias", [True, False])
def test_scales_stand_before_weights_and_biases(bias):
    """f = c_l W_l h + s_l b_l: forward, plain, and the gradient by hand against autograd."""
    scales = [(0.5, 2.0), (1.0, 0.3), (1.7, 1.0), (0.9, 0.0)]
    net, (x, y) = nets(bias=bias, scales=scales), data()
    torch.testing.assert_close(net(x), net.plain(x))
    scaled = nets(bias=bias)
    with torch.no_grad():
        for (w, b), (c, s) in zip(scaled.layers(), scales, strict=True):
            w *= c
            if bias:
                b *= s
    torch.testing.assert_close(net(x), scaled(x))
    mse(net(x), y).backward()
    out = torch.empty_like(net.flat)
    net.gradient(x, y, mse_gradient, out)
    assert_close(out, net.flat.grad, TOLERANCE[torch.float64], "gradient")
    with pytest.raises(ValueError, match="scales: got 1 of them; allowed: 4, one pair a layer"):
        nets(scales=[(1.0, 1.0)])


def test_a_start_of_ones_own_takes_the_place_of_the_draw():
    count = sum(o * (i + 1) for i, o in zip(SIZES, SIZES[1:], strict=False))
    net = nets(start=lambda sizes, draw: torch.rand(count, generator=draw, dtype=torch.float64))
    assert torch.equal(net.flat[3], torch.rand(count, generator=seeded(3), dtype=torch.float64))
    with pytest.raises(ValueError, match="start: got shape"):
        nets(start=lambda sizes, draw: torch.zeros(3, dtype=torch.float64))

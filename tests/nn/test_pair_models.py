"""Both networks on pairs: the fast forward pass and gradient against the definition and autograd."""

import copy
from functools import partial

import pytest
import torch
from torch.nn import functional as F

from labkit.data.arithmetic import pairs, split
from labkit.nn import chunks, shares
from labkit.nn.flat import flatten, views
from labkit.nn.mlp import PairMLP
from labkit.nn.transformer import PairTransformer
from labkit.optim import LOSSES

# one of each way in which a row gives φ and φ'; that every row gives them rightly is tested beside the table
KINDS = ("identity", "quadratic", "relu", "gelu", "tanh", "softplus", "shifted_relu")

P = 11
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}
REFERENCE = {
    "mse": lambda logits, answer: F.mse_loss(logits, F.one_hot(answer, logits.shape[1]).to(logits.dtype)),
    "cross_entropy": F.cross_entropy,
}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def mlp(dtype=torch.float64, **changes):
    return PairMLP(P, 20, dtype=dtype, generator=seeded(), **changes)


def transformer(dtype=torch.float64, **changes):
    sizes = {"d_model": 24, "heads": 3, "width": 40, **changes}
    model = PairTransformer(P, dtype=dtype, generator=seeded(), **sizes)
    with torch.no_grad():  # biases start at 0 and would hide a mistake
        for bias, seed in ((model.b_in, 1), (model.b_out, 2)):
            bias.copy_(torch.randn(bias.shape, generator=seeded(seed), dtype=torch.float64))
    return model


MODELS = {
    "mlp": mlp,
    "mlp, other outputs": partial(mlp, outputs=17),
    "mlp, tied": partial(mlp, tied=True),
    "transformer": transformer,
    **{f"mlp, {name}": partial(mlp, activation=name) for name in KINDS},
    **{f"transformer, {name}": partial(transformer, activation=name) for name in KINDS},
}


def rows(fraction=0.6):
    table = pairs("a-b", P)
    train, _ = split(len(table.a), fraction, generator=seeded(3))
    return table.a[train], table.b[train], table.answer[train]


def assert_close(came, wanted, tolerance, what):
    error = (came - wanted).abs().max() / wanted.abs().max().clamp_min(1e-30)  # sign: all are 0
    assert error < tolerance, f"{what}: relative error {error:.2e}, allowed {tolerance:g}"


@pytest.fixture
def small_pieces(monkeypatch):
    """Two threads, each with several chunks of which the last is shorter, as in a long run."""
    monkeypatch.setattr(shares, "OPERATION_BYTES", 1)
    monkeypatch.setattr(chunks, "PIECE_BYTES", 2_000)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", MODELS)
def test_forward_equals_plain(name, dtype):
    model, (a, b, _) = MODELS[name](dtype), rows()
    wanted = model.plain(a, b)
    assert_close(model(a, b), wanted, TOLERANCE[dtype], name)
    assert_close(model.activations(a, b)["logits"], wanted, TOLERANCE[dtype], name)


@pytest.mark.parametrize("name", MODELS)
def test_logits_of_many_rows_equal_plain_and_need_no_graph(name, small_pieces):
    model, (a, b, _) = MODELS[name](), rows()
    logits = model.logits(a, b)
    assert_close(logits, model.plain(a, b), 1e-12, name)
    assert logits.is_contiguous() and not logits.requires_grad


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", MODELS)
def test_gradient_equals_autograd_of_plain(name, loss, dtype, small_pieces):
    model, (a, b, answer) = MODELS[name](dtype), rows()
    REFERENCE[loss](model.plain(a, b), answer).backward()
    out = {key: torch.full_like(p, torch.nan) for key, p in model.named_parameters()}
    model.gradient(a, b, answer, LOSSES[loss].gradient_, out)
    for key, parameter in model.named_parameters():
        assert_close(out[key], parameter.grad, TOLERANCE[dtype], f"{name} {key}")
    assert [len(some) > 1 for some in model._chunks._made] == [True, True]


@pytest.mark.parametrize("name", ["mlp", "transformer"])
def test_gradient_of_forward_by_autograd_is_the_same(name):
    model, (a, b, answer) = MODELS[name](), rows()
    names, parameters = zip(*model.named_parameters(), strict=True)
    fast = torch.autograd.grad(F.cross_entropy(model(a, b), answer), parameters)
    plain = torch.autograd.grad(F.cross_entropy(model.plain(a, b), answer), parameters)
    for key, came, wanted in zip(names, fast, plain, strict=True):
        assert_close(came, wanted, 1e-12, key)


@pytest.mark.parametrize("name", ["mlp", "transformer"])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_gradient_is_right_for_rows_in_any_order_and_number_of_threads(name, threads, small_pieces):
    a, b, answer = rows()
    order = torch.randperm(len(a), generator=seeded(5))[:53]
    a, b, answer = a[order], b[order], answer[order]
    model, before = MODELS[name](), torch.get_num_threads()
    F.cross_entropy(model.plain(a, b), answer).backward()
    out = {key: torch.empty_like(p) for key, p in model.named_parameters()}
    try:
        torch.set_num_threads(threads)
        model.gradient(a, b, answer, LOSSES["cross_entropy"].gradient_, out)
    finally:
        torch.set_num_threads(before)
    for key, parameter in model.named_parameters():
        assert_close(out[key], parameter.grad, 1e-12, key)


@pytest.mark.parametrize("name", ["mlp", "transformer"])
def test_gradient_notices_changed_answers_and_is_the_same_twice(name, small_pieces):
    model, (a, b, answer) = MODELS[name](torch.float32), rows()
    grads = []
    for _ in range(2):
        out = {key: torch.empty_like(p) for key, p in model.named_parameters()}
        model.gradient(a, b, answer, LOSSES["mse"].gradient_, out)
        grads.append(out)
    assert all(torch.equal(grads[0][key], grads[1][key]) for key in out)
    answer[:] = 0
    model.gradient(a, b, answer, LOSSES["mse"].gradient_, out)
    fresh = {key: torch.empty_like(p) for key, p in model.named_parameters()}
    copy.deepcopy(model).gradient(a, b, torch.zeros_like(answer), LOSSES["mse"].gradient_, fresh)
    assert all(torch.equal(out[key], fresh[key]) for key in out)
    assert not all(torch.equal(out[key], grads[0][key]) for key in out)


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["mlp", "transformer"])
def test_on_a_gpu_everything_is_the_same_and_repeats_bit_for_bit(name):
    model, columns = MODELS[name]().cuda(), [column.cuda() for column in rows()]
    logits = model.plain(*columns[:2])
    F.cross_entropy(logits, columns[2]).backward()
    assert_close(model.logits(*columns[:2]), logits, 1e-12, "logits")
    grads = []
    for _ in range(2):
        out = {key: torch.empty_like(p) for key, p in model.named_parameters()}
        model.gradient(*columns, LOSSES["cross_entropy"].gradient_, out)
        grads.append(out)
    for key, parameter in model.named_parameters():
        assert_close(grads[0][key], parameter.grad, 1e-12, key)
        assert torch.equal(grads[0][key], grads[1][key])


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", KINDS)
@pytest.mark.parametrize("make", [mlp, transformer])
def test_bfloat16_products_give_nearly_the_gradient(make, activation, loss, small_pieces):
    a, b, answer = rows()
    grads = []
    for products in (None, torch.bfloat16):
        model = make(torch.float32, products=products, activation=activation)
        out = {key: torch.empty_like(p) for key, p in model.named_parameters()}
        model.gradient(a, b, answer, LOSSES[loss].gradient_, out)
        assert all(grad.dtype == torch.float32 for grad in out.values())
        grads.append(torch.cat([grad.flatten().double() for grad in out.values()]))
    cosine = F.cosine_similarity(*grads, dim=0)
    assert 0.999 < cosine < 1 - 1e-8  # close, and not secretly computed in float32


def test_activation_names_and_shapes():
    a, b, _ = rows()
    r = len(a)
    shapes = {name: tuple(x.shape) for name, x in mlp().activations(a, b).items()}
    assert shapes == {"pre": (r, 20), "hidden": (r, 20), "logits": (r, P)}
    values = transformer().activations(a, b)
    assert {name: tuple(x.shape) for name, x in values.items()} == {
        "embedding_a": (r, 24),
        "embedding_b": (r, 24),
        "scores": (r, 3, 3),
        "attention": (r, 3, 3),
        "residual_mid": (r, 24),
        "pre": (r, 40),
        "hidden": (r, 40),
        "logits": (r, P + 1),
    }
    assert (values["attention"].sum(-1) - 1).abs().max() < 1e-12


def test_initial_scales_are_the_papers():
    model = PairMLP(97, 500, generator=seeded())
    for parameter in model.parameters():
        assert parameter.std().item() == pytest.approx(0.5 / 1000 ** (1 / 3), rel=0.02)
    net = PairTransformer(113, generator=seeded())
    shapes = {name: tuple(p.shape) for name, p in net.named_parameters()}
    assert shapes == {
        "W_E": (128, 114),
        "W_pos": (3, 128),
        "W_K": (4, 32, 128),
        "W_Q": (4, 32, 128),
        "W_V": (4, 32, 128),
        "W_O": (128, 128),
        "W_in": (512, 128),
        "b_in": (512,),
        "W_out": (128, 512),
        "b_out": (128,),
        "W_U": (128, 114),
    }
    for name, parameter in net.named_parameters():
        wanted = 0 if name[0] == "b" else (114 if name == "W_U" else 128) ** -0.5
        assert parameter.std().item() == pytest.approx(wanted, rel=0.15 if name == "W_pos" else 0.03)


@pytest.mark.parametrize("make", [mlp, transformer])
def test_the_same_seed_starts_alike_in_every_precision_and_scales(make):
    single, double = make(torch.float32), make(torch.float64)
    for x, y in zip(single.parameters(), double.parameters(), strict=True):
        assert torch.equal(x, y.float())
    twice = make(init_scale=2.0)
    weights = [name for name, _ in double.named_parameters() if name[0] != "b"]
    for name in weights:
        assert torch.allclose(twice.get_parameter(name), 2 * double.get_parameter(name), rtol=1e-12)


def test_errors_teach():
    with pytest.raises(ValueError, match="width: got 0; allowed: a whole number, 1 or more"):
        PairMLP(5, 0, generator=seeded())
    with pytest.raises(ValueError, match="activation: got 'rely'; allowed: .*Did you mean 'relu'"):
        PairMLP(5, 4, activation="rely", generator=seeded())
    with pytest.raises(ValueError, match="heads: got 3; allowed: a divisor of d_model = 128"):
        PairTransformer(5, heads=3, generator=seeded())


@pytest.mark.parametrize("make", [mlp, transformer])
def test_flat_vector_and_parameters_are_the_same_memory(make):
    model, (a, b, _) = make(), rows()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    logits = model(a, b)
    flat = flatten(model)
    assert torch.equal(model(a, b), logits)
    for name, view in views(flat, model).items():
        assert torch.equal(view, before[name])
    flat.mul_(2)
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, 2 * before[name])
        assert parameter.requires_grad
    next(iter(model.parameters())).data.zero_()
    assert (flat[: next(iter(model.parameters())).numel()] == 0).all()


def test_views_refuse_a_vector_of_another_length():
    with pytest.raises(ValueError, match=r"flat: got shape \(7,\); allowed: \(660,\)"):
        views(torch.zeros(7), mlp())


def test_flatten_refuses_mixed_kinds():
    model = mlp()
    model.W.data = model.W.data.float()
    with pytest.raises(ValueError, match="module: got parameters of kinds .*float32.*allowed: exactly one"):
        flatten(model)

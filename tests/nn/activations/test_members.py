"""Every row of the table, by being in it."""

import math

import numpy as np
import pytest
import torch
from torch.func import grad, vmap

from labkit.nn.activations import ACTIVATIONS, Activation, Unit, get
from tests.nn.activations.references import SLOPES, VALUES

FUNCTIONS = {name: row for name, row in ACTIVATIONS.items() if isinstance(row, Activation)}
EXACT = [name for name, row in FUNCTIONS.items() if row.gradient == "exact"]
SURROGATES = [name for name in FUNCTIONS if name not in EXACT]
UNITS = {name: row for name, row in ACTIVATIONS.items() if isinstance(row, Unit)}
HALVES = {torch.float16: 2e-3, torch.bfloat16: 2e-2}
FEATURES = 12  # of the layers: 2, 3, 4 and 6 divide it
f64 = torch.float64

functions = pytest.mark.parametrize("name", FUNCTIONS)
units = pytest.mark.parametrize("name", UNITS)
members = pytest.mark.parametrize("name", ACTIVATIONS)


def other(row):
    """Parameters that are not the defaults, within their ranges."""

    def moved(one):
        if isinstance(one.default, tuple):
            return tuple(value + 0.1 * math.cos(k) for k, value in enumerate(one.default))
        if isinstance(one.default, int):
            return min(one.default + 1, one.high if one.high is not None else one.default + 1)
        low = one.default - 1 if one.low is None else one.low
        high = one.default + 1 if one.high is None else one.high
        toward = high if high - one.default > one.default - low else low
        return one.default + 0.37 * (min(max(toward, one.default - 1), one.default + 1) - one.default)

    return {one.name: moved(one) for one in row.parameters}


def defaults(row):
    return {one.name: one.default for one in row.parameters}


def points(row, dtype=f64, near=6.0):
    """Ordinary inputs away from where φ or φ' jumps."""
    low, high = max(-near, row.safe[0]), min(near, row.safe[1])
    x = torch.linspace(low, high, 41, dtype=f64) + 0.0123
    x = x[(x > low) & (x < high)]
    for at in (*row.kinks, *row.jumps, *row.bends):
        x = x[(x - at).abs() > 0.01]
    return x.to(dtype)


def inputs(dtype=f64, rows=5, features=FEATURES):
    return torch.randn(rows, features, generator=torch.Generator().manual_seed(3), dtype=f64).to(dtype)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def fresh(name, features=FEATURES, **values):
    """A layer as it comes, in training mode; those that draw get a generator."""
    if UNITS[name].stochastic:
        values = {"generator": generator()} | values
    return UNITS[name].module(features, **values)


def unit(name, dtype=f64, features=FEATURES, **values):
    return fresh(name, features, **values).to(dtype).eval()


# --- values against an independent reference ------------------------------------------------------


def test_every_member_has_a_reference_and_every_reference_a_member():
    assert set(VALUES) == set(ACTIVATIONS)
    assert set(SLOPES) == set(SURROGATES)


@functions
def test_values_of_functions(name):
    for values in (defaults(ACTIVATIONS[name]), other(ACTIVATIONS[name])):
        row = get(name, **values)
        x = torch.cat((points(row), torch.zeros(1, dtype=f64)))
        wanted = [float(VALUES[name](float(one), **values)) for one in x]
        np.testing.assert_allclose(row(x).numpy(), wanted, rtol=1e-9, atol=1e-12, err_msg=f"{name} {values}")


@units
def test_values_of_layers(name):
    for values in (defaults(UNITS[name]), other(UNITS[name])):
        module, x = unit(name, **values), torch.cat((inputs(), 5 * inputs(rows=2)))
        with torch.no_grad():  # weights that start alike could be mixed up
            for one in module.parameters():
                one.add_(0.02 * torch.rand(one.shape, generator=generator(), dtype=one.dtype))
        state = {key: value.numpy() for key, value in module.state_dict().items()}
        wanted = VALUES[name](x.numpy(), state, **values)
        came = module(x).detach().numpy()
        assert came.shape == (*x.shape[:-1], UNITS[name].outputs(FEATURES, **values))
        np.testing.assert_allclose(came, wanted, rtol=1e-9, atol=1e-12, err_msg=f"{name} {values}")


# --- gradients ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXACT)
def test_gradients_agree_with_central_differences(name):
    row = get(name, **other(ACTIVATIONS[name])) if ACTIVATIONS[name].parameters else ACTIVATIONS[name]
    x = points(row)[::2].requires_grad_()
    assert torch.autograd.gradcheck(row.function, x, rtol=1e-4)
    (wanted,) = torch.autograd.grad(row.function(x).sum(), x)
    torch.testing.assert_close(row.derivative(x.detach()), wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", SURROGATES)
def test_backward_of_a_surrogate_is_as_stated(name):
    row = FUNCTIONS[name]
    x = points(row).requires_grad_()
    (came,) = torch.autograd.grad(row.function(x).sum(), x)
    wanted = [float(SLOPES[name](float(one), **defaults(row))) for one in x.detach()]
    np.testing.assert_allclose(came, wanted, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(row.derivative(x.detach()), wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", EXACT)
def test_gradients_of_parameters_agree_with_central_differences(name):
    row = FUNCTIONS[name]
    start = other(row)
    x = points(get(name, **start))[::4]
    for one in (one for one in row.parameters if one.learnable):
        value = torch.tensor(start[one.name], dtype=f64, requires_grad=True)

        def law(value, one=one):
            return row.law(x, **(start | {one.name: value}))

        assert torch.autograd.gradcheck(law, value, rtol=1e-4, eps=1e-7)


@units
def test_gradients_of_layers_agree_with_central_differences(name):
    if UNITS[name].gradient == "surrogate":
        return  # its own test says what backward is
    module, x = unit(name), inputs(rows=2).requires_grad_()
    assert torch.autograd.gradcheck(module, x, rtol=1e-4)


@units
def test_gradients_of_parameters_of_layers_agree_with_central_differences(name):
    if UNITS[name].gradient == "surrogate":
        return
    module, x = unit(name), inputs(rows=2)
    names = [key for key, _ in module.named_parameters()]
    # off the bounds that some start at
    start = [(one.detach() + 0.05).requires_grad_() for one in module.parameters()]

    def call(*values):
        return torch.func.functional_call(module, dict(zip(names, values, strict=True)), x)

    assert not names or torch.autograd.gradcheck(call, start, rtol=1e-4)


@functions
def test_into_and_slope_work_on_parts_of_larger_buffers(name):
    row = FUNCTIONS[name]
    for dtype, tolerance in ((f64, 1e-12), (torch.float32, 1e-5)):
        x = points(row, dtype).expand(3, -1).clone().requires_grad_()
        y = row.function(x)
        (wanted,) = torch.autograd.grad(y.sum(), x)
        value = torch.full((3, x.shape[1] + 3), torch.nan, dtype=dtype)[:, : x.shape[1]]
        row.into(x.detach(), value)
        assert torch.equal(value, y.detach())
        slope = torch.full((3, x.shape[1] + 3), 3.0, dtype=dtype)[:, : x.shape[1]]
        nothing = torch.full_like(value, torch.nan)  # what is not read may hold anything
        row.slope_(*((nothing, value) if row.by_value else (x.detach(), nothing)), slope)
        torch.testing.assert_close(slope, 3 * wanted, rtol=60 * tolerance, atol=60 * tolerance)


# --- far out, at 0, in every precision ------------------------------------------------------------


def far(row, dtype):
    low, high = row.safe
    out = torch.logspace(-6, 0, 61, dtype=f64)
    return torch.cat((low * out, high * out, torch.tensor([0.0], dtype=f64))).to(dtype)


@functions
def test_functions_and_their_gradients_are_finite_over_the_safe_range(name):
    row = FUNCTIONS[name]
    for dtype in (f64, torch.float32):
        x = far(row, dtype).requires_grad_()
        y = row.function(x)
        (slope,) = torch.autograd.grad(y.sum(), x)
        assert y.isfinite().all() and slope.isfinite().all(), (name, dtype)
        assert row.derivative(x.detach()).isfinite().all(), (name, dtype)


@units
def test_layers_and_their_gradients_are_finite_over_the_safe_range(name):
    row = UNITS[name]
    for dtype in (f64, torch.float32):
        x = far(row, dtype)
        x = x[: len(x) // FEATURES * FEATURES].view(-1, FEATURES)
        shuffled = x.flatten()[torch.randperm(x.numel(), generator=generator())].view_as(x)
        x = torch.cat((x, x.flip(0).roll(1, 1), shuffled, torch.zeros_like(x[:1]))).requires_grad_()
        module = unit(name, dtype)
        y = module(x)
        y.sum().backward()
        assert y.isfinite().all() and x.grad.isfinite().all(), (name, dtype)
        assert all(one.grad is None or one.grad.isfinite().all() for one in module.parameters())


@members
def test_every_precision_keeps_its_dtype_and_its_digits(name):
    row = ACTIVATIONS[name]
    x = points(row, near=3.0) if name in FUNCTIONS else inputs()
    for dtype, tolerance in {torch.float32: 2e-5, **HALVES}.items():
        low = x.to(dtype)
        call = row if name in FUNCTIONS else unit(name, dtype)
        came, wanted = call(low), (row if name in FUNCTIONS else unit(name, dtype).to(f64))(low.to(f64))
        assert came.dtype == dtype
        fits = wanted.abs() < torch.finfo(dtype).max
        size = 1 + wanted.abs()[fits]
        assert ((came.to(f64) - wanted)[fits].abs() / size).max() < tolerance, (name, dtype)


@members
def test_nan_stays_nan_empty_stays_empty_and_other_numbers_are_refused(name):
    row = ACTIVATIONS[name]
    call = row if name in FUNCTIONS else unit(name, torch.float32)
    for bad in (torch.arange(FEATURES), torch.ones(FEATURES, dtype=torch.complex64)):
        with pytest.raises(ValueError, match="x: got torch.(int64|complex64); allowed: a tensor of floating"):
            call(bad)
    empty = call(torch.empty(0, FEATURES))
    assert empty.shape == (0, FEATURES if name in FUNCTIONS else row.outputs(FEATURES, **defaults(row)))
    x = torch.ones(2, FEATURES)
    x[0] = torch.nan
    y = call(x)
    assert y[0].isnan().all() and y[1].isfinite().all()


# --- as modules -----------------------------------------------------------------------------------


@members
def test_parameters_are_registered_moved_learnt_and_saved(name):
    row = ACTIVATIONS[name]
    module = row.module() if name in FUNCTIONS else fresh(name)
    wanted = {one.name for one in row.parameters if one.learnable}
    assert wanted <= {key.split(".")[0] for key, _ in module.named_parameters()}
    state = module.to(f64).state_dict()
    assert all(value.dtype == f64 for value in state.values() if value.is_floating_point())
    x = inputs().clamp(*row.safe).requires_grad_()
    module(x).square().sum().backward()
    assert all(one.grad is not None and one.grad.isfinite().all() for one in module.parameters())
    with torch.no_grad():
        for one in module.parameters():
            one.add_(0.01)
    again = (row.module() if name in FUNCTIONS else fresh(name)).to(f64)
    again.load_state_dict(module.state_dict())
    assert torch.equal(module.eval()(x), again.eval()(x))


@functions
def test_one_parameter_a_unit_is_the_same_unit_by_unit(name):
    row = FUNCTIONS[name]
    module, x = row.module(FEATURES).to(f64), inputs().clamp(*row.safe)
    assert all(value.shape[-1] == FEATURES for value in module.state_dict().values())
    torch.testing.assert_close(module(x), row(x), rtol=1e-5, atol=1e-5)  # parameters start in float32


@members
def test_compiles_whole_and_maps(name):
    row = ACTIVATIONS[name]
    call = row.module() if name in FUNCTIONS else unit(name, torch.float32)
    x = inputs(torch.float32).clamp(*row.safe)
    if not getattr(row, "stochastic", False):
        torch._dynamo.reset()
        y = x.clone().requires_grad_()
        compiled = torch.compile(call, backend="aot_eager", fullgraph=True)(y)
        torch.testing.assert_close(compiled, call(x), rtol=1e-4, atol=1e-5)
        compiled.sum().backward()
        z = x.clone().requires_grad_()
        call(z).sum().backward()
        torch.testing.assert_close(y.grad, z.grad, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(vmap(call, randomness="different")(x), call(x), rtol=1e-5, atol=1e-5)
    if name in FUNCTIONS:
        slopes = vmap(vmap(grad(row.function)))(x)
        torch.testing.assert_close(slopes, row.derivative(x), rtol=1e-4, atol=1e-5)


# --- what rows say of themselves ------------------------------------------------------------------


@functions
def test_kinks_jumps_and_bends_are_all_there_and_nothing_else(name):
    row = FUNCTIONS[name]
    if row.gradient == "surrogate":
        return  # its derivative is not one
    declared = torch.tensor(row.breaks, dtype=f64)
    x = torch.cat((torch.arange(-6.0, 6.01, 1 / 64, dtype=f64), declared)).unique()
    x = x[(x > row.safe[0]) & (x < row.safe[1])]

    # a jump stays as large when one looks closer; what a steep curve covers shrinks with the distance
    def gap(f, step):
        return (f(x + step) - f(x - step)).abs()

    def jump(f):
        near = gap(f, 1e-9)
        return {float(at) for at in x[(near > 1e-6 * (1 + f(x + 1e-9).abs())) & (near > 0.5 * gap(f, 1e-8))]}

    def second(at):
        return (row.derivative(at + 1e-5) - row.derivative(at - 1e-5)) / 2e-5

    near = gap(second, 2e-5)
    bent = (near > 1e-2 * (1 + second(x + 2e-5).abs())) & (near > 0.6 * gap(second, 8e-5))
    bends = {float(at) for at in x[bent]}
    assert jump(row.function) == set(row.jumps)
    assert jump(row.derivative) - set(row.jumps) == set(row.kinks)
    assert bends - set(row.kinks) - set(row.jumps) <= set(row.bends)


@members
def test_rows_explain_themselves_and_parameters_rebuild_them(name):
    row = ACTIVATIONS[name]
    assert row.formula.startswith(r"\phi(x)") and row.source and row.family
    again = get(name, **defaults(row))
    assert all(get(alias) is row for alias in row.aliases)
    assert all(one.meaning for one in row.parameters)
    text = repr(row).splitlines()
    assert text[:2] == [row.formula, f"source: {row.source}"]
    assert [line.split(" = ")[0] for line in text[2 : 2 + len(row.parameters)]] == [
        one.name for one in row.parameters
    ]
    for label, said in (("in doubt", row.doubt), ("note", row.note)):
        assert [line for line in text if line.startswith(label)] == [f"{label}: {said}"] * bool(said)
    for one in row.parameters:
        for value in one.default if isinstance(one.default, tuple) else (one.default,):
            assert (one.low is None or value >= one.low) and (one.high is None or value <= one.high)
    if name in FUNCTIONS:
        x = points(row)
        assert torch.equal(again(x), row(x)) and again.breaks == row.breaks


@functions
def test_reductions_hold(name):
    for to, values, to_values, within in FUNCTIONS[name].reduces:
        one, two = get(name, **dict(values)), get(to, **dict(to_values))
        x = torch.linspace(-5, 5, 101, dtype=f64)
        torch.testing.assert_close(one(x), two(x), rtol=within, atol=within)


def test_names_and_aliases_are_unique():
    names = [name for key, row in ACTIVATIONS.items() for name in (key, *row.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.gpu
@members
def test_values_on_a_gpu(name):
    row = ACTIVATIONS[name]
    module = row.module() if name in FUNCTIONS else unit(name, torch.float32)
    x = inputs(torch.float32).clamp(*row.safe)
    torch.testing.assert_close(module.to("cuda")(x.cuda()).cpu(), module.to("cpu")(x), rtol=1e-4, atol=1e-5)

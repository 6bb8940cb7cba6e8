"""A formula as it is typed: right values and breaks, and nothing that is not listed gets in."""

import builtins
import math
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.nn.activations import ACTIVATIONS, Activation
from labkit.nn.activations.typed import DEEPEST, FUNCTIONS, LONGEST, typed
from labkit.theory import meanfield

f64 = torch.float64
X = np.linspace(-4.013, 4.017, 83)

#: The same formula in numpy.
SAME = {
    "x*tanh(exp(x))": lambda x: x * np.tanh(np.exp(x)),
    "x * sin(x) + -2": lambda x: x * np.sin(x) - 2,
    "2**x - e**-x": lambda x: 2**x - np.e**-x,
    "-x**2/3": lambda x: -(x**2) / 3,
    "max(x, .1*x) - min(x, 1)": lambda x: np.maximum(x, 0.1 * x) - np.minimum(x, 1),
    "clip(x, -1, 1e0)": lambda x: np.clip(x, -1, 1),
    "abs(x)**1.5 * sign(x)": lambda x: np.abs(x) ** 1.5 * np.sign(x),
    "step(x - 1)": lambda x: (x > 1) * 1.0,
    "sinc(pi*x)": lambda x: np.sinc(x),
    "log(1 + exp(-x))": lambda x: np.log1p(np.exp(-x)),
    "x/(1+x**2) + arctan(x) + arcsinh(x)": lambda x: x / (1 + x**2) + np.arctan(x) + np.arcsinh(x),
    "sqrt(x**2 + 1) + expm1(x) - log1p(x**2)": lambda x: np.sqrt(x**2 + 1) + np.expm1(x) - np.log1p(x**2),
    "(((x)))": lambda x: x,
}
#: Text -> jumps, kinks, bends.
BREAKS = {
    "x*tanh(exp(x))": ((), (), ()),
    "abs(x)": ((), (0.0,), ()),
    "abs(x)**2": ((), (), ()),
    "abs(x)**3": ((), (), (0.0,)),
    "sqrt(x**2)": ((), (0.0,), ()),
    "sqrt(abs(x))": ((), (0.0,), ()),
    "sign(x - .3) + x": ((0.3,), (), ()),
    "x*step(x)": ((), (0.0,), ()),
    "min(max(x, 0), 6)": ((), (0.0, 6.0), ()),
    "clip(x, -1, 2)": ((), (-1.0, 2.0), ()),
    "relu(x**2 - 2)": ((), (-(2**0.5), 2**0.5), ()),
    "relu(x)**2 + step(x + 1)": ((-1.0,), (), (0.0,)),
    "elu(x)": ((), (), (0.0,)),
    "max(tanh(x), x/2)": ((), (-1.915008, 0.0, 1.915008), ()),
    "relu(x) - relu(x) + x": ((), (), ()),
}
HOSTILE = [
    "", "   ", "2", "pi + e", "y", "x.real", "x.__class__", "x[0]", "[x]", "(x, x)", "{x}", "f'{x}'", "'x'",
    "b'x'",
    "None", "True*x", "...", "1j*x", "lambda: x", "(lambda: 0)()", "x if x else 1", "x < 1", "not x",
    "x and x",
    "x := 3", "x; x", "x\nx", "import os", "__import__('os')", "eval('x')", "exec(x)", "open('x')", "sin",
    "sin(x, x)",
    "sin(x=1)", "sin(*x)", "max(x)", "x.sin()", "sin(x)(x)", "x^2", "x//2", "x % 2", "x @ x", "~x",
    "x**10000",
    "9**9**9", "9**9**9**9*x", "1e999*x", "9" * 250 + "*x", "x**-1", "1/x", "1/(x - .3)", "1/(.0001 + x)",
    "log(x)",
    "x**x", "x**.5", "exp(exp(x))", "x\0", "(x", "x)", "tanh(x", "abs(sin(50*x))", "０x", "await x", "*x",
    "x for x in x",
    "(" * 10_000 + "x" + ")" * 10_000, "-" * 10_000 + "x", "sin(" * 10_000 + "x" + ")" * 10_000,
    "x**" * 10_000 + "x",
    "x+" * 10_000 + "x", "[" * 10_000, "x" * 100_000, "-" * (LONGEST - 1) + "x",
    "(" * 149 + "x" + ")" * 150,
]  # fmt: skip


@pytest.mark.parametrize("text", SAME)
def test_values_are_those_of_numpy(text):
    came = typed(text)(torch.tensor(X)).numpy()
    np.testing.assert_allclose(came, SAME[text](X), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("text", SAME)
def test_slopes_are_those_of_small_steps_and_can_be_had_again(text):
    row, h = typed(text), 1e-6
    x = torch.tensor([at for at in X if all(abs(at - b) > 0.01 for b in row.breaks)])
    steps = (SAME[text](x.numpy() + h) - SAME[text](x.numpy() - h)) / (2 * h)
    np.testing.assert_allclose(row.derivative(x), steps, rtol=1e-6, atol=1e-6)
    x.requires_grad_()
    (bend,) = torch.autograd.grad(row.derivative(x).sum() + 0 * x.sum(), x)
    slopes = (row.derivative(x.detach() + h) - row.derivative(x.detach() - h)) / (2 * h)
    np.testing.assert_allclose(bend, slopes, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("text", BREAKS)
def test_breaks_are_found_and_named_by_what_jumps(text):
    row = typed(text)
    for came, wanted in zip((row.jumps, row.kinks, row.bends), BREAKS[text], strict=True):
        np.testing.assert_allclose(came, wanted, atol=1e-6, err_msg=text)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:20]))
def test_what_is_not_listed_is_refused_at_once(text, monkeypatch):
    for name in ("eval", "exec", "open", "__import__"):
        real = getattr(builtins, name)

        def guarded(*given, real=real, name=name, **more):
            assert text not in map(str, given[:1]) and given[:1] != ("os",), f"{name} saw the text"
            return real(*given, **more)

        monkeypatch.setattr(builtins, name, guarded)
    begin = time.perf_counter()
    with pytest.raises(ValueError, match=r"^formula: got (.|\n)*; allowed: "):
        typed(text)
    assert time.perf_counter() - begin < 1.0


@pytest.mark.parametrize("value", [None, 3, b"x", ["x"], math.sin])
def test_other_things_than_text_are_refused(value):
    with pytest.raises(ValueError, match="formula: got "):
        typed(value)


@settings(max_examples=60, deadline=None)
@given(st.text("x()+-*/., 0123456789e_'\"[]:=<>abcinostp", max_size=30) | st.text(max_size=20))
def test_any_text_is_a_function_or_refused(text):
    try:
        row = typed(text)
    except ValueError as error:
        assert str(error).startswith("formula: got ")
    else:
        assert isinstance(row, Activation) and row(torch.zeros(3)).isfinite().all()


def test_an_unknown_word_gives_the_nearest_and_depth_is_counted():
    with pytest.raises(ValueError, match="Did you mean 'tanh'"):
        typed("tanhh(x)")
    assert typed("-" * (DEEPEST - 2) + "x")(torch.ones(1)) == 1
    with pytest.raises(ValueError, match=f"nested deeper than {DEEPEST}"):
        typed("-" * DEEPEST + "x")
    assert typed("(" * 140 + "x" + ")" * 140)(torch.ones(1)) == 1  # parentheses alone are no depth


@pytest.mark.parametrize("dtype", [torch.float32, f64])
def test_beyond_an_overflow_the_line_goes_on(dtype):
    far = torch.tensor([-1e4, -90.0, 90.0, 720.0, 1e4], dtype=dtype, requires_grad=True)
    row = typed("x*tanh(exp(x))")
    torch.testing.assert_close(row(far), torch.where(far > 0, far, 0.0), atol=1e-5, rtol=1e-6)
    torch.testing.assert_close(row.derivative(far.detach()), (far > 0).to(dtype), atol=1e-4, rtol=1e-6)
    tanh = typed("(exp(x) - exp(-x)) / (exp(x) + exp(-x))")
    torch.testing.assert_close(tanh(far), far.sign(), atol=1e-6, rtol=0)
    assert row.safe == tanh.safe == (-1e4, 1e4)


def test_what_grows_says_how_far_it_may_go():
    low, high = typed("exp(x)").safe
    assert low == -1e4 and 80 < high < 89  # float32 ends at e^88.7
    assert typed("exp(x)")(torch.tensor([high])).isfinite().all()


def test_halves_keep_their_dtype_and_nan_stays():
    row = typed("x*tanh(exp(x))")
    x = torch.tensor([-1.0, 0.5, math.nan], dtype=torch.float16)
    assert row(x).dtype == torch.float16 and row(x).isnan().tolist() == [False, False, True]
    torch.testing.assert_close(row(x[:2]).to(f64), row(x[:2].to(f64)), atol=1e-3, rtol=1e-3)
    assert row(torch.zeros(0, 3)).shape == (0, 3)
    with pytest.raises(ValueError, match="floating-point"):
        row(torch.ones(2, dtype=torch.long))


@pytest.mark.parametrize(
    ("text", "name"), [("tanh(x)", "tanh"), ("max(x, 0)", "relu"), ("x/2*erfc(-x/sqrt(2))", "gelu")]
)
def test_theory_takes_it_as_it_takes_a_member(text, name):
    row = typed(text)
    assert meanfield.universality_class(row) == meanfield.universality_class(name)
    torch.testing.assert_close(meanfield.chi_perp(row, 1.3, 1.1), meanfield.chi_perp(name, 1.3, 1.1))
    torch.testing.assert_close(meanfield.rate(row, 0.7), meanfield.rate(name, 0.7))


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name in ACTIVATIONS])
def test_functions_that_the_zoo_has_too_are_the_same(name):
    x = torch.linspace(-5, 5, 41, dtype=f64)
    torch.testing.assert_close(typed(f"{name}(x)")(x), ACTIVATIONS[name](x))


@pytest.mark.parametrize(("text", "where"), [("sqrt(x)", "nan at x = -0.005"), ("1/(x - 2)", "inf at x = 2")])
def test_a_formula_without_a_number_is_told_where(text, where):
    with pytest.raises(ValueError, match=f"which is {where}; allowed: a finite number for every x"):
        typed(text)

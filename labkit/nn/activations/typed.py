"""A formula as somebody types it, for instance ``x*tanh(exp(x))``, as a member like those of the table.

Nothing is evaluated by Python: the text is parsed (``ast``), each node is looked up below and turned into a
closure over tensors; what is not listed is refused. Limits come first, so that hostile text costs nothing.
"""

import ast
import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from labkit import _checks
from labkit.nn.activations.activation import Activation, by_autograd
from labkit.nn.activations.breaks import Places, classified, roots
from labkit.nn.activations.overflow import extended

#: Characters, nested parts, the largest exponent that is a number, and the largest number (float32 holds it).
LONGEST, DEEPEST, POWER, LARGEST = 300, 40, 32, 1e30
#: Where a formula must give numbers: ten standard deviations.
NEEDED = 10.0
#: Points that more than these break are no activation.
MOST_BREAKS = 200

Law = Callable[[Tensor], Tensor]


class Function(NamedTuple):
    """``call`` on tensors; ``edges``: what of its arguments is 0 where it breaks, ``None`` for nowhere."""

    call: Callable[..., Tensor]
    edges: Callable[..., tuple[Tensor, ...]] | None = None


def _zero(x: Tensor) -> tuple[Tensor, ...]:
    return (x,)


def _heaviside(x: Tensor) -> Tensor:
    return (x > 0).to(x.dtype)


def _clip(x: Tensor, low: Tensor, high: Tensor) -> Tensor:
    return torch.minimum(torch.maximum(x, low), high)


CONSTANTS = {"pi": math.pi, "e": math.e}
FUNCTIONS: dict[str, Function] = {
    "exp": Function(torch.exp),
    "expm1": Function(torch.expm1),
    "log": Function(torch.log, _zero),
    "log1p": Function(torch.log1p, lambda x: (x + 1,)),
    "sqrt": Function(torch.sqrt, _zero),
    # the second backward of torch.abs goes through torch._dynamo, whose first import takes seconds
    "abs": Function(lambda x: x * torch.sign(x), _zero),
    "sign": Function(torch.sign, _zero),
    "step": Function(_heaviside, _zero),
    "sin": Function(torch.sin),
    "cos": Function(torch.cos),
    "sinc": Function(lambda x: torch.sinc(x / math.pi)),  # sin(x)/x, 1 at 0
    "sinh": Function(torch.sinh),
    "cosh": Function(torch.cosh),
    "tanh": Function(torch.tanh),
    "arctan": Function(torch.arctan),
    "arcsinh": Function(torch.arcsinh),
    "erf": Function(torch.erf),
    "erfc": Function(torch.erfc),
    "relu": Function(torch.relu, _zero),
    "sigmoid": Function(torch.sigmoid),
    "softplus": Function(lambda x: torch.logaddexp(x, torch.zeros_like(x))),
    "gelu": Function(F.gelu),
    "silu": Function(F.silu),
    "mish": Function(F.mish),
    "elu": Function(F.elu, _zero),
    "min": Function(torch.minimum, lambda a, b: (a - b,)),
    "max": Function(torch.maximum, lambda a, b: (a - b,)),
    "clip": Function(_clip, lambda x, low, high: (x - low, x - high)),
}
#: How many arguments they take; all others take one.
ARGUMENTS = {"min": 2, "max": 2, "clip": 3}
OPERATORS = {
    ast.Add: Function(torch.add),
    ast.Sub: Function(torch.sub),
    ast.Mult: Function(torch.mul),
    ast.Div: Function(torch.div, lambda a, b: (b,)),
    ast.Pow: Function(torch.pow, lambda a, b: (a,)),
}
SIGNS = {ast.UAdd: torch.positive, ast.USub: torch.neg}
ALLOWED = f"x, numbers, {', '.join(CONSTANTS)}, + - * / **, and {', '.join(FUNCTIONS)}"


def typed(text: object) -> Activation:
    r"""The function of ``x`` that ``text`` says, with its derivative and the points where it breaks.

    Kinks, jumps and bends are looked for where an argument of a function with a corner (``abs``, ``max`` ...)
    crosses its corner, for :math:`|x| \le 40`; what oscillates faster than every .02 is not seen. Far out,
    where autograd gives 0 · ∞, the function goes on as the line that it was.

    >>> typed("max(x, x/10)").kinks
    (0.0,)

    Raises:
        ValueError: no text, too long or nested, something that is not allowed, or no number somewhere within
            ten standard deviations.
    """
    if not isinstance(text, str) or not text.strip():
        raise _refuse(_checks._shown(text), "a formula in x, such as x*sin(x)")
    return _typed(text)


@functools.lru_cache(maxsize=64)
def _typed(text: str) -> Activation:
    plain, edges = _compiled(text)
    phi = extended(plain)
    _must_be_numbers(phi, plain, text)
    places = _places(phi, edges)
    return Activation(
        phi,
        rf"\phi(x) = \mathtt{{{text.strip()}}}",
        "typed",
        derivative=functools.partial(_slope, phi),
        kinks=places.kinks,
        jumps=places.jumps,
        bends=places.bends,
        family="typed",
        safe=_safe(phi),
        compute_dtype=torch.float32,
    )


# --- text to a function -----------------------------------------------------------------------------------


def _refuse(came: str, allowed: str = ALLOWED) -> ValueError:
    return ValueError(f"formula: got {came}; allowed: {allowed}")


def _compiled(text: str) -> tuple[Law, list[Law]]:
    """φ as a closure, and the functions whose zeros may break it."""
    if len(text) > LONGEST:
        raise _refuse(f"{len(text)} characters", f"at most {LONGEST}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _refuse(f"{text.strip()!r}, which does not parse ({_why(error)})") from None
    _shallow(tree)
    edges: list[Law] = []
    law = _node(tree, edges)
    if isinstance(law, float):
        raise _refuse(f"{text.strip()!r}, a number", "a formula that has x in it")
    return law, edges


def _why(error: Exception) -> str:
    return error.msg if isinstance(error, SyntaxError) else type(error).__name__


def _shallow(tree: ast.AST) -> None:
    level, depth = [tree], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise _refuse(f"parts nested deeper than {DEEPEST}", f"at most {DEEPEST} levels")
        level = [child for node in level for child in ast.iter_child_nodes(node)]


def _node(node: ast.AST, edges: list[Law]) -> Law | float:
    """A closure, or a number where there is no x; adds to ``edges``."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return _number(value)
        case ast.Name(id="x"):
            return lambda x: x
        case ast.Name(id=name) if name in CONSTANTS:
            return CONSTANTS[name]
        case ast.Name(id=name) if name in FUNCTIONS:
            raise _refuse(f"{name} without its argument", f"{name}(...)")
        case ast.Name(id=name) | ast.Call(func=ast.Name(id=name)) if name not in FUNCTIONS:
            _checks.choice("formula", name, ("x", *CONSTANTS, *FUNCTIONS))
        case ast.UnaryOp(op=op, operand=one) if type(op) in SIGNS:
            return _call(Function(SIGNS[type(op)]), [_node(one, edges)], edges)
        case ast.BinOp(op=ast.Pow(), left=base, right=exponent):
            return _power(_node(base, edges), _node(exponent, edges), edges)
        case ast.BinOp(op=op, left=left, right=right) if type(op) in OPERATORS:
            return _call(OPERATORS[type(op)], [_node(left, edges), _node(right, edges)], edges)
        case ast.BinOp(op=ast.BitXor()):
            raise _refuse("^", "** for a power")
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            wanted = ARGUMENTS.get(name, 1)
            if len(args) != wanted:
                raise _refuse(f"{name} with {len(args)} arguments", f"{wanted}")
            return _call(FUNCTIONS[name], [_node(one, edges) for one in args], edges)
    raise _refuse(_checks._shown(ast.unparse(node)))


def _number(value: float | int) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not abs(number) <= LARGEST:
        raise _refuse(f"the number {number:g}", f"numbers up to {LARGEST:g}")
    return number


def _call(function: Function, given: list[Law | float], edges: list[Law]) -> Law | float:
    if all(isinstance(one, float) for one in given):  # once, in float64, which neither hangs nor raises
        return _number(float(function.call(*(torch.tensor(one, dtype=torch.float64) for one in given))))

    def arguments(x: Tensor) -> list[Tensor]:
        return [x.new_full((), one) if isinstance(one, float) else one(x) for one in given]

    if function.edges is not None:
        some = function.edges
        # those of min and max may be two, and each is a function of x
        count = len(some(*torch.zeros(len(given))))
        edges += [lambda x, k=k: some(*arguments(x))[k].expand_as(x) for k in range(count)]
    return lambda x: function.call(*arguments(x))


def _power(base: Law | float, exponent: Law | float, edges: list[Law]) -> Law | float:
    if isinstance(base, float) or not isinstance(exponent, float):
        return _call(OPERATORS[ast.Pow], [base, exponent], edges)
    if abs(exponent) > POWER:
        raise _refuse(f"the power {exponent:g}", f"powers from -{POWER} to {POWER}")
    whole = exponent >= 0 and exponent.is_integer()
    return _call(
        Function(lambda a, b=exponent: a.pow(int(b) if whole else b), None if whole else _zero), [base], edges
    )


# --- a function to a member -------------------------------------------------------------------------------


def _slope(phi: Law, x: Tensor) -> Tensor:
    """φ', itself differentiable where x asks for it."""
    if not (x.requires_grad and torch.is_grad_enabled()):
        return by_autograd(phi, x)
    y = phi(x)
    if not y.requires_grad:
        return torch.zeros_like(x)
    (slope,) = torch.autograd.grad(y.sum(), x, create_graph=True, allow_unused=True)
    return torch.zeros_like(x) if slope is None else slope


def _must_be_numbers(phi: Law, plain: Law, text: str) -> None:
    x = torch.arange(-2000, 2001, dtype=torch.float64) * (NEEDED / 2000)
    # beyond where the formula ends its extension may be no number anywhere: the place is the formula's
    y, first = phi(x), plain(x)
    if not bool(y.isfinite().all()):
        y = y if bool(first.isfinite().all()) else first
        bad = ~y.isfinite()
        nearest = x[bad].abs().argmin()
        raise _refuse(
            f"{text.strip()!r}, which is {float(y[bad][nearest]):g} at x = {float(x[bad][nearest]):g}",
            f"a finite number for every x from -{NEEDED:g} to {NEEDED:g}",
        )


def _places(phi: Law, edges: list[Law]) -> Places:
    """Zeros of ``edges``, by what jumps there."""
    at = roots(edges)
    if len(at) > MOST_BREAKS:
        raise _refuse(f"{len(at)} points where it breaks", f"at most {MOST_BREAKS} for x from -40 to 40")
    return classified(phi, at)


def _safe(phi: Law) -> tuple[float, float]:
    """Where φ and φ' are finite in float32, up to ±1e4."""
    out = torch.cat((torch.arange(0.25, NEEDED, 0.25), torch.logspace(1, 4, 301)))
    ends = []
    for sign in (-1.0, 1.0):
        x = sign * out
        bad = (~phi(x).isfinite() | ~by_autograd(phi, x).isfinite()).nonzero().flatten()
        ends.append(sign * 1e4 if not len(bad) else float(x[max(int(bad[0]) - 1, 0)]))
    return ends[0], ends[1]

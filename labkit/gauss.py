r"""Gaussian expectations by adaptive Gauss-Kronrod panels, safe at kinks, fast oscillation and growth.

Letters: B expectations at once, N panels, G = 15 nodes of a panel, F functions.

All panels of all B integrals form one list. Each is computed by a rule of 15 nodes and an embedded one of 7;
where the two differ by more than its share of the tolerance, the panel is halved and both halves go back to
the list. So a jump at an unknown place costs some forty halvings, and a smooth function none. What is never
seen by a first grid of about thirty nodes a standard deviation (a spike much narrower than that) is missed.
"""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

#: Where the density is below the smallest float64 times its largest: an integrand may grow like e^{20 z}.
END = 38.0
#: Panels beyond ``FLAT`` are wide: for functions that grow at most like a power nothing is there.
FLAT = 9.0
#: Halvings of a first panel, and panels per integral; then the tolerance is given up.
HALVINGS, MOST_PANELS = 50, 50_000
#: Nodes computed at once, so that memory stays small.
AT_ONCE = 1 << 19

# Kronrod's extension of the 7-point Gauss rule (QUADPACK, qk15): nodes from the outside to 0
_NODES = (0.991455371120812639206854697526329, 0.949107912342758524526189684047851,
          0.864864423359769072789712788640926, 0.741531185599394439863864773280788,
          0.586087235467691130294144691693013, 0.405845151377397166906606412076961,
          0.207784955007898467600689403773245, 0.0)  # fmt: skip
_KRONROD = (0.022935322010529224963732008058970, 0.063092092629978553290700663189204,
            0.104790010322250183839876322541518, 0.140653259715525918745189590510238,
            0.169004726639267902826583426598550, 0.190350578064785409913256402421014,
            0.204432940075298892414161999234649, 0.209482141084727828012999174891714)  # fmt: skip
_GAUSS = (0.0, 0.129484966168869693270611432679082, 0.0, 0.279705391489276667901467771423780,
          0.0, 0.381830050505118944950369775488975, 0.0, 0.417959183673469387755102040816327)  # fmt: skip


class Expectation(NamedTuple):
    """``value`` and an upper estimate of its absolute ``error``."""

    value: Tensor
    error: Tensor


class NotReached(ArithmeticError):
    """The tolerance was not reached."""


def expectation(
    f: Callable[[Tensor], Tensor], q: Tensor | float, *, breaks: Sequence[float] = (), rtol: float = 1e-10
) -> Expectation:
    r""":math:`E[f(\sqrt q\, z)]`, z standard normal, for each q.

    Args:
        f: elementwise on float64 tensors of any shape; or F functions at once, as (F, *shape).
        q: variances (\*shape), 0 or more.
        breaks: points x where f or a derivative jumps, if known; others are found by halving.
        rtol: relative to E|f|.

    Returns:
        (\*shape) or (F, \*shape); ``inf`` where f overflows within 38 standard deviations.

    Raises:
        ValueError: f gives NaN.
        NotReached: the tolerance was not reached.
    """
    q = torch.as_tensor(q, dtype=torch.float64)
    root = q.flatten().sqrt()

    def integrand(index: Tensor, z: Tensor) -> Tensor:
        return f(root[index, None] * z)

    value, error = integrate(integrand, edges(root, breaks), rtol=rtol)
    shape = (*value.shape[:-1], *q.shape)
    return Expectation(value.reshape(shape), error.reshape(shape))


def pair_expectation(
    f: Callable[[Tensor], Tensor],
    g: Callable[[Tensor], Tensor],
    q: Tensor | float,
    c: Tensor | float,
    *,
    q2: Tensor | float | None = None,
    breaks: Sequence[float] = (),
    breaks2: Sequence[float] | None = None,
    rtol: float = 1e-9,
) -> Expectation:
    r""":math:`E[f(u_1)\,g(u_2)]` for centred normal u with variances ``q``, ``q2`` and correlation ``c``.

    Args:
        f: elementwise.
        g: elementwise.
        q: variance of u_1.
        c: correlation from -1 to 1; broadcast with q.
        q2: variance of u_2; ``None`` means q.
        breaks: of f, see :func:`expectation`.
        breaks2: of g; ``None`` means those of f.
        rtol: relative to √(E[f²] E[g²]).

    Raises:
        ValueError: a correlation outside [-1, 1]; f or g gives NaN.
        NotReached: the tolerance was not reached.
    """
    breaks2 = breaks if breaks2 is None else breaks2
    q = torch.as_tensor(q, dtype=torch.float64)
    q2 = q if q2 is None else torch.as_tensor(q2, dtype=torch.float64)
    squares = [
        expectation(lambda x, h=h: h(x).square(), at, breaks=some, rtol=1e-3).value
        for h, at, some in ((f, q, breaks), (g, q2.to(q.device), breaks2))
    ]
    floor = (squares[0] * squares[1]).sqrt()
    return _pairs(lambda x, y: f(x) * g(y), q, q2, c, breaks, breaks2, rtol, floor)


def pair_difference(
    f: Callable[[Tensor], Tensor],
    q: Tensor | float,
    c: Tensor | float,
    *,
    breaks: Sequence[float] = (),
    rtol: float = 1e-8,
) -> Expectation:
    r""":math:`\tfrac12 E[(f(u_1)-f(u_2))^2]`, which is E[f²] - E[f f] without loss of digits for c near 1.

    Arguments as for :func:`pair_expectation`; ``rtol`` is relative to the result.
    """
    return _pairs(lambda x, y: 0.5 * (f(x) - f(y)).square(), q, q, c, breaks, breaks, rtol, 0.0)


def _pairs(h, q, q2, c, breaks, breaks2, rtol: float, floor: Tensor | float) -> Expectation:
    r"""Mean of h(u_1, u_2); that over z_2 is taken inside that over z_1.

    With :math:`u_1 = \sqrt q\,z_1,\ u_2 = \sqrt{q_2}(c z_1 + \sqrt{1-c^2} z_2)`.
    """
    c = torch.as_tensor(c, dtype=torch.float64)
    if not bool((c.abs() <= 1).all()):
        raise ValueError("c: got a correlation outside [-1, 1]; allowed: numbers from -1 to 1")
    q, q2 = (torch.as_tensor(x, dtype=torch.float64) for x in (q, q2))
    floor = torch.as_tensor(floor, dtype=torch.float64).to(q.device)
    q, q2, c, floor = torch.broadcast_tensors(q, q2.to(q.device), c.to(q.device), floor)
    shape, r1, r2, c = c.shape, q.flatten().sqrt(), q2.flatten().sqrt(), c.flatten()
    s = ((1 - c) * (1 + c)).sqrt()
    inner_error = torch.zeros_like(c)

    def integrand(index: Tensor, z: Tensor) -> Tensor:
        first = (r1[index, None] * z).flatten()
        mean = ((r2 * c)[index, None] * z).flatten()
        width = (r2 * s)[index, None].expand_as(z).flatten()

        def inner(row: Tensor, y: Tensor) -> Tensor:
            return h(first[row, None].expand_as(y), mean[row, None] + width[row, None] * y)

        given, error = integrate(inner, edges(width, breaks2, mean), rtol=rtol / 50, together=True)
        by_row = (error.view(z.shape) * density(z)).amax(1)
        inner_error.scatter_reduce_(0, index, by_row, "amax")
        return given.view(z.shape)

    # given z_1, g's kink is spread over some s in z_2: for c near 1 a step narrower than any panel
    spread = [_places(r2 * c, breaks2, m * r2 * s) for m in (-8.0, -2.0, 0.0, 2.0, 8.0)]
    both = torch.cat((_places(r1, breaks, None), *spread), -1)
    # each of these nodes has some forty panels of its own
    value, error = integrate(
        integrand, _with(both, r1), rtol=rtol, floor=floor.flatten(), at_once=AT_ONCE // 128
    )
    return Expectation(value.reshape(shape), (error + 2 * FLAT * inner_error).reshape(shape))


def integrate(
    integrand: Callable[[Tensor, Tensor], Tensor],
    panels: Tensor,
    *,
    rtol: float,
    together: bool = False,
    floor: Tensor | float = 0.0,
    at_once: int = AT_ONCE,
    most: int = MOST_PANELS,
) -> tuple[Tensor, Tensor]:
    """∫ integrand · density dz for each of B.

    Args:
        integrand: ``(index (N,), z (N, G))`` to (N, G) or (F, N, G); index says which of B.
        panels: edges (B, P), in order; panels of width 0 are left out.
        rtol: relative to ∫ |integrand| · density.
        together: relative to the largest of that among all B instead.
        floor: relative to this (B,) where it is larger.
        at_once: nodes.
        most: panels per integral.

    Returns:
        Values and errors, (B,) or (F, B).
    """
    count, device = len(panels), panels.device
    low, high = panels[:, :-1].flatten(), panels[:, 1:].flatten()
    index = torch.arange(count, device=device).repeat_interleave(panels.shape[1] - 1)
    wide = (high - low) > 1e-13 * (1 + low.abs())
    index, low, high = index[wide], low[wide], high[wide]
    value = error = scale = None
    used, t, weights, size = 0, *_rule(device), at_once // 15
    for _ in range(HALVINGS + 1):
        used += len(index)
        if used > min(most * count, 6_000_000):
            raise NotReached(f"the tolerance {rtol:g} was not reached with {most} panels each")
        sums = []
        for some in torch.arange(len(index), device=device).split(size):
            a, half = low[some, None], (high - low)[some, None] / 2
            z = a + half * (1 + t)
            y = integrand(index[some], z)
            if bool(y.isnan().any()):
                raise ValueError("the integrand is NaN at a finite point; allowed: numbers everywhere")
            d = density(z)
            y = torch.where(d > 0, y * (d * half), 0.0)
            sums.append(torch.stack((y @ weights[0], y @ (weights[0] - weights[1]), y.abs() @ weights[0])))
        whole, differ, size_of = torch.cat(sums, -1)
        differ = differ.abs()
        if value is None:
            shape = (*whole.shape[:-1], count)
            value, error = (torch.zeros(shape, dtype=torch.float64, device=device) for _ in range(2))
            scale = torch.zeros_like(value).index_add_(-1, index, size_of)
            scale = scale.amax(-1, keepdim=True).expand_as(scale) if together else scale
        else:  # what was missed at first may be large
            more = torch.zeros_like(value).index_add_(-1, index, size_of)
            scale = torch.maximum(scale, more.amax(-1, keepdim=True) if together else more)
        limit = torch.maximum(
            torch.maximum(scale, torch.as_tensor(floor).to(scale))[..., index] * (rtol / 32), 1e-14 * size_of
        )
        good = (differ <= limit) | ~whole.isfinite()
        good = good if good.dim() == 1 else good.all(0)
        value.index_add_(-1, index[good], whole[..., good])
        error.index_add_(-1, index[good], differ[..., good])
        bad = ~good
        if not bool(bad.any()):
            return value, error.nan_to_num_(nan=torch.inf)
        index, low, high = index[bad], low[bad], high[bad]
        middle = (low + high) / 2
        index, low, high = index.repeat(2), torch.cat((low, middle)), torch.cat((middle, high))
    where = f"{HALVINGS} halvings near z = {low[0]:.6g}"
    raise NotReached(f"the tolerance {rtol:g} was not reached after {where}")


def edges(root: Tensor, breaks: Sequence[float], mean: Tensor | None = None) -> Tensor:
    """Edges (B, P) of first panels for f(mean + root · z): regular ones and the breaks of f."""
    return _with(_places(root, breaks, mean), root)


def density(z: Tensor) -> Tensor:
    """Of the standard normal distribution."""
    return (-0.5 * z.square()).exp() * 0.3989422804014327


def _places(root: Tensor, breaks: Sequence[float], mean: Tensor | None) -> Tensor:
    """The z where mean + root · z is a break, (B, number of breaks), at most ``END``."""
    points = torch.tensor(tuple(breaks), dtype=torch.float64, device=root.device)
    points = points if mean is None else points - mean[:, None]
    return (points / root[:, None]).nan_to_num(nan=0.0).clamp(-END, END)


def _with(places: Tensor, root: Tensor) -> Tensor:
    regular = _regular(root.device)
    return torch.cat((regular.expand(len(places), -1), places), -1).sort(-1).values


@functools.lru_cache
def _regular(device: torch.device) -> Tensor:
    right = [*(0.75 * k for k in range(int(FLAT / 0.75) + 1)), 12.0, 18.0, 27.0, END]
    return torch.tensor([-z for z in right[:0:-1]] + right, dtype=torch.float64, device=device)


@functools.lru_cache
def _rule(device: torch.device) -> tuple[Tensor, Tensor]:
    """Nodes (15,) on [-1, 1]; weights (2, 15) of Kronrod's and of Gauss's rule."""
    nodes = [-x for x in _NODES] + [x for x in _NODES[-2::-1]]
    rules = [[*w, *w[-2::-1]] for w in (_KRONROD, _GAUSS)]
    to = {"dtype": torch.float64, "device": device}
    return torch.tensor(nodes, **to), torch.tensor(rules, **to)


def legendre() -> tuple[Tensor, Tensor]:
    """Nodes and weights (15,) on [-1, 1] of the rule without a density."""
    nodes, rules = _rule(torch.device("cpu"))
    return nodes, rules[0]

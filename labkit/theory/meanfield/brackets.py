"""Where V(q)/q = 1 on a table, for many (σ_w, σ_b) at once: brackets, and roots that are touched only.

Letters: P pairs (σ_w, σ_b), N nodes of the table, s = ln q, r(s) = V(q)/q - 1, positive where length grows.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from labkit.theory.meanfield.table import STEP, Table

#: |r| below ``TOUCH`` at an extremum is a fixed point that r touches; below ``FLAT`` everywhere, a continuum.
TOUCH, FLAT = 1e-8, 1e-9
#: Cells with |r| below ``CLOSE`` are cut into ``FINER``.
CLOSE, FINER = 1e-3, 64
#: Halvings of a cell after which Newton's steps are tried.
NEWTON = (6, 20)


class Roots(NamedTuple):
    """Of all pairs, flat: which ``pair``, ``s``, and whether r is positive on the ``left`` and ``right``."""

    pair: Tensor
    s: Tensor
    left: Tensor
    right: Tensor


def growth(t: Table, v: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The values r (P, N) and dr/ds at the nodes: products of (b, v) with rows of the table."""
    pairs, one = torch.stack((b, v), 1), (-t.s).exp()
    r = pairs @ torch.stack((one, t.a[0] * one)) - 1
    return r, pairs @ torch.stack((-one, (t.a[1] - t.a[0]) * one))


def ratio(t: Table, v: Tensor, b: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
    """The same at s (P,), between nodes."""
    a, slope = t.at(s)
    r = (b + v * a) * (-s).exp() - 1
    return r, v * slope * (-s).exp() - (r + 1)


def sign_changes(t: Table, v: Tensor, b: Tensor, values: tuple[Tensor, Tensor]) -> Roots:
    """All roots of r on the table; ``values`` are those of :func:`growth`."""
    r, dr = values
    size = r.abs()
    moves = (size > FLAT).any(1, keepdim=True)
    close = (size[:, :-1] <= CLOSE) & (size[:, 1:] <= CLOSE) & moves
    ends = [x[:, k : k + x.shape[1] - 1] for x in (r, dr) for k in (0, 1)]
    pair, cell = (_interesting(*ends) & moves & ~close).nonzero(as_tuple=True)
    found = _in_cells(t, v, b, pair, t.s[cell], t.s[cell + 1])
    pair, cell = close.nonzero(as_tuple=True)
    if len(pair):  # two or three of them may share a cell
        s = t.s[cell, None] + torch.linspace(0, STEP, FINER + 1, dtype=torch.float64, device=v.device)
        pair = pair[:, None].expand_as(s)
        r, dr = ratio(t, v[pair], b[pair], s)
        some = _interesting(r[:, :-1], r[:, 1:], dr[:, :-1], dr[:, 1:])
        found += _in_cells(t, v, b, pair[:, 1:][some], s[:, :-1][some], s[:, 1:][some])
    return Roots(*(torch.cat(each) for each in zip(*found, strict=True)))


def _interesting(r: Tensor, r_next: Tensor, dr: Tensor, dr_next: Tensor) -> Tensor:
    """Cells in which r changes sign, or turns towards 0 and back."""
    up = r > 0
    dip = torch.where(up, (dr < 0) & (dr_next > 0), (dr > 0) & (dr_next < 0))
    return (up != (r_next > 0)) | (dip & (r.abs() < 0.1))


def _in_cells(t: Table, v: Tensor, b: Tensor, pair: Tensor, low: Tensor, high: Tensor) -> list[Roots]:
    v, b = v[pair], b[pair]
    left, right = ratio(t, v, b, low)[0] > 0, ratio(t, v, b, high)[0] > 0
    m = left != right
    vm, bm = v[m], b[m]
    found = [Roots(pair[m], _bisect(lambda s: ratio(t, vm, bm, s), low[m], high[m]), left[m], right[m])]
    m = ~m
    if bool(m.any()):
        pair, low, high, sign, v, b = pair[m], low[m], high[m], left[m], v[m], b[m]
        s = _bisect(lambda s: (ratio(t, v, b, s)[1], None), low, high)
        depth = ratio(t, v, b, s)[0] * torch.where(sign, 1.0, -1.0)
        touch, cross = depth.abs() <= TOUCH, depth < -TOUCH
        found.append(Roots(pair[touch], s[touch], sign[touch], sign[touch]))
        p, at, sign, vc, bc = pair[cross], s[cross], sign[cross], v[cross], b[cross]
        for one, other, before in ((low[cross], at, sign), (at, high[cross], ~sign)):
            root = _bisect(lambda s: ratio(t, vc, bc, s), one, other)
            found.append(Roots(p, root, before, ~before))
    return found


def _bisect(f, low: Tensor, high: Tensor) -> Tensor:
    """The sign change in each [low, high] of f, which gives value and slope (or ``None``)."""
    sign = f(low)[0] > 0
    for k in range(44):
        middle = (low + high) / 2
        value, slope = f(middle)
        same = (value > 0) == sign
        low, high = torch.where(same, middle, low), torch.where(same, high, middle)
        if slope is not None and k in NEWTON:
            x = (low + high) / 2
            for _ in range(4):
                value, slope = f(x)
                step = (value / slope).nan_to_num(0, 0, 0)
                x = torch.minimum(torch.maximum(x - step, low), high)
            if k == NEWTON[-1] or bool((step.abs() < 1e-12).all()):
                return x
    return (low + high) / 2

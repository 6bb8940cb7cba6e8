"""Fixed points of the length map: where iteration ends, and all of them.

Letters: P pairs (σ_w, σ_b), N nodes of the table, s = ln q, r(s) = V(q)/q - 1, positive where length grows.
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from labkit import gauss
from labkit.theory.meanfield._arguments import numbers, together
from labkit.theory.meanfield.brackets import FLAT, growth, ratio, sign_changes
from labkit.theory.meanfield.moments import Moments, Phi, moments
from labkit.theory.meanfield.table import FAR, HIGH, LONG, MIDDLE, SHORT, STEP, Table, glance, table

#: What became of a length: see :func:`length_class`.
CLASSES = ("finite", "zero", "unbounded", "continuum", "cycle")
FINITE, ZERO, UNBOUNDED, CONTINUUM, CYCLE = range(5)
#: What r has to be above, everywhere beyond the middle, to be sure of it at a glance.
MARGIN = 1e-3
#: Steps of plain iteration where V falls on the way, so that brackets say nothing; when they are tried again.
STEPS, AGAIN = 2000, (64, 512)


class FixedPoint(NamedTuple):
    """A fixed length ``q`` with χ∥ there; ``attracts`` from "both", "above", "below" or no side ("none")."""

    q: float
    chi_par: float
    attracts: str


def length_fixed_point(phi: Phi, sigma_w: Any, sigma_b: Any, q0: Any = 1.0) -> Tensor:
    """The length that iteration of :func:`length_map` from ``q0`` reaches.

    Found by brackets on a table, then polished, never by iterating to the end; so slow points cost the same.
    ``inf`` where it grows without bound (above 1e12, or by what is seen as far as quadrature reaches),
    ``nan`` where it ends in a cycle; :func:`length_class` tells. Where every length is fixed, ``q0``.
    """
    return _iterated(phi, sigma_w, sigma_b, q0)[0]


def length_class(phi: Phi, sigma_w: Any, sigma_b: Any, q0: Any = 1.0) -> Any:
    """What becomes of the length: one of ``CLASSES``, or nested lists of them."""
    kinds = _iterated(phi, sigma_w, sigma_b, q0)[1].tolist()
    return _named(kinds)


def length_fixed_points(phi: Phi, sigma_w: float, sigma_b: float) -> list[FixedPoint]:
    """All fixed lengths up to 1e12, in order; 0 where it is one. Empty where each length is one (ReLU)."""
    of = moments(phi)
    v, b = (x.reshape(1) ** 2 for x in (numbers("sigma_w", sigma_w), numbers("sigma_b", sigma_b)))
    if of.homogeneous is not None:
        slope = float(v) * of.homogeneous
        q, kind = (float(x) for x in _by_rule(v * of.homogeneous, b, torch.ones_like(v)))
        if float(b) == 0 and kind != CONTINUUM:
            return [FixedPoint(0.0, slope, "none" if slope > 1 else "above")]
        return [FixedPoint(q, slope, "both")] if kind == FINITE else []
    t = table(of, v.device, FAR)
    r, _ = values = growth(t, v, b)
    if bool((r.abs() <= FLAT).all()):
        return []
    roots, found = sign_changes(t, v, b, values), []
    if float(b) == 0 and float(of.phi(torch.zeros(1, dtype=torch.float64))) == 0:
        zero = torch.zeros(1, dtype=torch.float64)
        side = "none" if float(r[0, 0]) > FLAT else "above"
        found.append(FixedPoint(0.0, float(v * of(zero)[2]), side))
    for k in roots.s.argsort().tolist():
        q = _polish(of, v, b, roots.s[k : k + 1].exp())
        below, above = bool(roots.left[k]), not bool(roots.right[k])
        side = {(1, 1): "both", (1, 0): "below", (0, 1): "above", (0, 0): "none"}[below, above]
        found.append(FixedPoint(float(q), float(v * of(q)[2]), side))
    return found


def lengths(of: Moments, v: Tensor, b: Tensor, q0: Tensor) -> tuple[Tensor, Tensor]:
    """Length reached from ``q0`` and its class for pairs v = σ_w², b = σ_b² (P,), from the table alone.

    The table is as short as will do: what grows beyond its end, or starts there, goes on in a longer one.
    """
    if of.homogeneous is not None:
        return _by_rule(v * of.homogeneous, b, q0)
    q, kind = torch.full_like(q0, torch.inf), torch.full(v.shape, UNBOUNDED, device=v.device)
    sure = torch.zeros_like(v, dtype=torch.bool)
    for reach in (SHORT, MIDDLE, LONG, FAR):
        todo = (kind == UNBOUNDED) & ~sure
        if reach == LONG and bool(todo.any()):
            sure = _surely_grows(of, v, b, q0)
            todo = todo & ~sure
        if not bool(todo.any()):
            break
        t = table(of, v.device, reach)
        here = todo if reach == FAR else todo & (q0 <= t.s[-1].exp())
        if bool(here.any()):
            q[here], kind[here] = _reached(of, t, v[here], b[here], q0[here])
    grows = kind == UNBOUNDED
    if reach == FAR and bool(grows.any()) and float(t.s[-1]) < HIGH - STEP:
        if not bool((sure[grows] | _keeps_growing(t, v[grows], b[grows])).all()):
            raise gauss.NotReached(
                f"no fixed length up to q = {float(t.s[-1].exp()):.3g}, beyond which quadrature of phi fails"
            )
    return q, kind


def _by_rule(slope: Tensor, b: Tensor, q0: Tensor) -> tuple[Tensor, Tensor]:
    """V(q) = b + slope · q."""
    critical = (slope - 1).abs() <= 1e-14
    kind = torch.full(b.shape, FINITE, device=b.device)
    kind[(b == 0) & ((slope < 1) | (q0 == 0))] = ZERO
    kind[(b > 0) & (slope >= 1) | (q0 > 0) & (slope > 1) | critical & (b > 0)] = UNBOUNDED
    kind[critical & (b == 0)] = CONTINUUM
    q = b / (1 - slope).clamp_min(1e-300)
    q = torch.where(kind == UNBOUNDED, torch.inf, torch.where(kind == CONTINUUM, q0, q))
    return torch.where(kind == ZERO, 0.0, q), kind


def _surely_grows(of: Moments, v: Tensor, b: Tensor, q0: Tensor) -> Tensor:
    """Whether r stays well above 0 beyond the middle of the table, without the rest of it."""
    t, whole = glance(of, v.device)
    if not len(t.s):
        return torch.zeros_like(v, dtype=torch.bool)
    r, slope = growth(t, v, b)
    half = (t.s[1:] - t.s[:-1]) / 2  # between nodes: by the tangents at both
    dips = torch.minimum(r[:, :-1] + half * slope[:, :-1], r[:, 1:] - half * slope[:, 1:])
    sure = (r > MARGIN).all(1) & (dips > MARGIN).all(1) & (q0.clamp_min(1e-300).log() <= t.s[0])
    rises = (t.a[1] > -1e-6 * t.a[0]).all()
    return sure & rises if whole else sure & rises & _keeps_growing(t, v, b)


def _keeps_growing(t: Table, v: Tensor, b: Tensor) -> Tensor:
    """For x cos x: whether r, above 0 at the end of the table, stays there by the way it falls now.

    Either at its present rate to the end of all tables; or it falls no faster than a power of q does, convex
    in logarithms (as c/q for x + sin² x at σ_w = 1; a power minus a constant is concave).
    """
    s, (a, rise, bend) = t.s[-1], t.a[:, -1]
    scale = (-s).exp()
    r = (b + v * a) * scale - 1
    first = v * rise * scale - (r + 1)
    second = v * (bend - rise) * scale - first
    straight = r + first.clamp_max(0) * (HIGH - s) > 0
    return (r > 0) & (straight | (r * second >= first.square() * (1 - 1e-4)))


def _bracketed(of: Moments, t: Table, v: Tensor, b: Tensor, q0: Tensor) -> tuple[Tensor, Tensor]:
    """By the first sign change of r on the side to which the length moves."""
    s0 = q0.clamp_min(1e-300).log().clamp(float(t.s[0]), float(t.s[-1]))
    now = ratio(t, v, b, s0)[0]
    flat, rest = now.abs() <= FLAT, torch.zeros_like(now, dtype=torch.bool)
    s = torch.where(flat, s0, torch.where(now > 0, torch.inf, -torch.inf))
    for up in (True, False):
        some = (~flat & ((now > 0) == up)).nonzero().flatten()
        if not len(some):
            continue
        own = s0[some]
        part = t.between(float(own.min()), torch.inf) if up else t.between(-torch.inf, float(own.max()))
        roots = sign_changes(part, v[some], b[some], growth(part, v[some], b[some]))
        ahead = roots.s > own[roots.pair] if up else roots.s < own[roots.pair]
        found = s[some]
        found.scatter_reduce_(0, roots.pair[ahead], roots.s[ahead], "amin" if up else "amax")
        s[some] = found
    if bool(flat.any()):
        rest[flat] = (growth(t, v[flat], b[flat])[0].abs() <= FLAT).all(1)
    kind = torch.full(v.shape, FINITE, device=v.device)
    kind[s == torch.inf] = UNBOUNDED
    q = s.exp()
    # below the table φ is a line, or σ_b and φ(0) are both 0
    low = s == -torch.inf
    if bool(low.any()):
        zero = torch.zeros(1, dtype=torch.float64, device=v.device)
        const = b + v * of.phi(zero).square()
        linear = const / (1 - v * (t.a[0, 0] - of.phi(zero).square()) / t.s[0].exp()).clamp_min(1e-12)
        q = torch.where(low, linear, q)
        kind[low & (const == 0)] = ZERO
    start = (q0 == 0) & (b == 0) & bool(of.phi(torch.zeros(1, dtype=torch.float64, device=v.device)) == 0)
    q, kind = torch.where(start, 0.0, q), torch.where(start, ZERO, kind)
    return torch.where(rest, q0, q), torch.where(rest, CONTINUUM, kind)


def _reached(of: Moments, t: Table, v: Tensor, b: Tensor, q0: Tensor) -> tuple[Tensor, Tensor]:
    """By brackets where V rises all the way, else by steps until it does or they end."""
    q, kind = _bracketed(of, t, v, b, q0)
    todo = _falls(t, q0, q).nonzero().flatten()
    if not len(todo):
        return q, kind
    low, high = float(t.s[0]), float(t.s[-1])
    end, now = math.exp(high), q0.clone()

    def step(some: Tensor) -> Tensor:
        return b[some] + v[some] * t.at(now[some].log().clamp(low, high))[0]

    for count in range(1, STEPS + 1):
        new = step(todo)
        still = ((new - now[todo]).abs() > 1e-12 * now[todo]) & (new <= end)
        now[todo] = new
        if count % 8 and bool(still.any()):
            continue
        stop = todo[~still]
        q[stop], kind[stop] = now[stop], torch.where(now[stop] > end, UNBOUNDED, FINITE)
        todo = todo[still]
        if count in AGAIN and len(todo):
            there, what = _bracketed(of, t, v[todo], b[todo], now[todo])
            sure = ~_falls(t, now[todo], there)
            q[todo[sure]], kind[todo[sure]] = there[sure], what[sure]
            todo = todo[~sure]
        if not len(todo):
            break
    q[todo], kind[todo] = (
        now[todo],
        torch.where((step(todo) - now[todo]).abs() > 1e-6 * now[todo], CYCLE, FINITE),
    )
    kind[(q == 0) & (kind == FINITE)] = ZERO
    q = torch.where(kind == CYCLE, torch.nan, q)
    return torch.where(kind == UNBOUNDED, torch.inf, q), kind


def _falls(t: Table, start: Tensor, end: Tensor) -> Tensor:
    """Whether V falls somewhere between two lengths, as far as the table goes."""
    falls = (t.a[1] < -1e-10 * t.a[0]).long()
    count = torch.cat((falls.new_zeros(1), falls.cumsum(0)))
    ways = torch.stack((start, end)).clamp_min(1e-300).log().sort(0).values
    first = (torch.searchsorted(t.s, ways[0].contiguous(), right=True) - 1).clamp(0, len(t.s) - 1)
    last = torch.searchsorted(t.s, ways[1].contiguous()).clamp(0, len(t.s) - 1)
    return count[last + 1] > count[first]


def _iterated(phi: Phi, sigma_w: Any, sigma_b: Any, q0: Any) -> tuple[Tensor, Tensor]:
    of = moments(phi)
    sigma_w, sigma_b, q0 = together(sigma_w=sigma_w, sigma_b=sigma_b, q0=q0)
    v, b = sigma_w.flatten() ** 2, sigma_b.flatten() ** 2
    q, kind = lengths(of, v, b, q0.flatten())
    some = kind == FINITE
    if 0 < int(some.sum()) <= 400:
        q[some] = _polish(of, v[some], b[some], q[some])
    return q.view(q0.shape), kind.view(q0.shape)


def _polish(of: Moments, v: Tensor, b: Tensor, q: Tensor) -> Tensor:
    """Newton's steps with the moments themselves, where V' is not 1."""
    for _ in range(2):
        a, _, d = of(q)
        step = (b + v * a - q) / (1 - v * d)
        q = torch.where(((1 - v * d).abs() > 1e-6) & (step.abs() < 1e-3 * q), q + step, q)
    return q


def _named(kinds: Any) -> Any:
    return [_named(one) for one in kinds] if isinstance(kinds, list) else CLASSES[kinds]

r"""The three Gaussian moments that mean-field theory needs, and whether an activation has a slope at all.

:math:`A(q) = E[\phi^2],\ B(q) = E[\phi'^2],\ D(q) = A'(q) = E[z\,\phi\phi']/\sqrt q` at :math:`\sqrt q\,z`.
"""

import functools
import math
from collections.abc import Callable

import torch
from torch import Tensor

from labkit import gauss
from labkit.nn.activations import Activation, Unit, get
from labkit.nn.activations.activation import by_autograd

Phi = str | Activation | Callable[[Tensor], Tensor]
#: Stands for q → 0 where a moment is a limit.
SMALL = 1e-12


class Moments:
    """An activation with its moments.

    Attributes:
        phi: the function, checked at each call.
        slope: φ' likewise.
        plain_slope: φ', differentiable.
        breaks: points where quadrature splits.
        jumps: whether φ jumps; then B = ∞.
        known: whether breaks, kinks and jumps were told; else ``kinks`` looks for them.
        tables: remembered by :mod:`labkit.theory.meanfield.table`.
    """

    def __init__(self, activation: Activation, known: bool) -> None:
        self.phi = _checked(activation.function, "phi")
        self.slope = _checked(activation.derivative, "the derivative of phi")
        self.plain_slope = activation.derivative
        self.breaks, self.known = activation.breaks, known
        self.tables: dict = {}
        some = torch.linspace(-3, 3, 7, dtype=torch.float64)
        try:
            self.phi(some.clone().requires_grad_())  # so that functions of another library fail at once
            self.slope(some)
        except RuntimeError as error:
            raise ValueError(f"phi: autograd fails on it ({error}); allowed: torch operations") from error
        self.jumps = bool(activation.jumps) or not known and _jumps(self)
        if known:
            self.kinks = activation.kinks

    @functools.cached_property
    def kinks(self) -> tuple[float, ...] | None:
        """Where φ' jumps, looked for on [-9, 9] unless told; ``None`` where φ' is rough in another way."""
        bend = second(self)
        if smooth(self.slope, bend, self.breaks):
            return ()
        return _steps(self.slope, bend) or None

    @functools.cached_property
    def homogeneous(self) -> float | None:
        """E[φ²]/q of a φ that is a line on either side of 0; ``None`` of another."""
        right, left = self.phi(torch.tensor([1.0, -1.0], dtype=torch.float64)).square().tolist()
        return (right + left) / 2 if scale_invariant(self, 1e-9) else None

    def __call__(self, q: Tensor, rtol: float = 1e-10) -> tuple[Tensor, Tensor, Tensor]:
        """A, B, D at each q (*shape); at q = 0 their limits."""
        at, phi, slope, jumps = q.flatten().clamp_min(SMALL), self.phi, self.slope, self.jumps
        root, zero = at.sqrt(), torch.zeros(1, dtype=torch.float64, device=q.device)
        base = (phi(zero) * slope(zero)).nan_to_num()

        def integrand(index: Tensor, z: Tensor) -> Tensor:
            r = root[index, None]
            y, s = phi(r * z), slope(r * z)
            # E[z] = 0, so a constant may go; it would cost digits at small q
            d = z * (y * s - base) / r if not jumps else (z.square() - 1) * (y * y) / (2 * r * r)
            return torch.stack((y * y, s * s, d))

        (a, b, d), _ = gauss.integrate(integrand, gauss.edges(root, self.breaks), rtol=rtol, floor=1e-28)
        a = torch.where(q.flatten() == 0, phi(zero).square(), a)
        b = torch.full_like(b, torch.inf) if jumps else b
        return a.view(q.shape), b.view(q.shape), d.view(q.shape)


def moments(phi: Phi) -> Moments:
    """The moments of a member of the zoo, by name, or of any elementwise function on tensors.

    Raises:
        ValueError: an unknown name, no function, another shape or NaN returned, or a surrogate gradient.
    """
    row = get(phi) if isinstance(phi, str) else phi
    if isinstance(row, Unit):
        raise ValueError(f"phi: got {phi!r}, a layer; allowed: a function entry by entry")
    if isinstance(row, Activation):
        if row.gradient != "exact":
            raise ValueError(f"phi: got {phi!r}, whose gradient is a surrogate; allowed: its true derivative")
        return _known(row)
    if not callable(phi):
        raise ValueError(
            f"phi: got {phi!r}; allowed: a name of the zoo, an Activation, a function on tensors"
        )
    return Moments(Activation(phi), known=False)


@functools.lru_cache(maxsize=64)
def _known(activation: Activation) -> Moments:
    return Moments(activation, known=bool(activation.formula))


def _checked(function: Callable[[Tensor], Tensor], name: str) -> Callable[[Tensor], Tensor]:
    def call(x: Tensor) -> Tensor:
        y = function(x)
        if not isinstance(y, Tensor) or y.shape != x.shape:
            came = f"shape {tuple(y.shape)}" if isinstance(y, Tensor) else type(y).__name__
            raise ValueError(
                f"{name}: gave {came} for an input of shape {tuple(x.shape)}; allowed: the same shape"
            )
        y = y.detach().to(torch.float64)
        bad = y.isnan()
        if bool(bad.any()):
            where = x[bad][0].item()
            raise ValueError(f"{name}: gave NaN at x = {where:g}; allowed: a number for every x")
        return y

    return call


def smooth(value: Callable[[Tensor], Tensor], slope: Callable[[Tensor], Tensor], breaks: tuple) -> bool:
    r"""Stein's identities: whether ``slope`` is the derivative of ``value`` without jumps.

    :math:`E[z f] = \sqrt q E[f']` and :math:`E[(z^2-1) f] = \sqrt q E[z f']` at three lengths; a jump adds
    to the left side only.
    """
    root = torch.tensor([0.1, 1.0, 9.0], dtype=torch.float64).sqrt()
    base = value(torch.zeros(1, dtype=torch.float64))

    def integrand(index: Tensor, z: Tensor) -> Tensor:
        r = root[index, None]
        y, s = value(r * z) - base, r * slope(r * z)
        return torch.stack((z * y - s, (z.square() - 1) * y - z * s, y.abs() + s.abs()))

    (one, two, size), _ = gauss.integrate(integrand, gauss.edges(root, breaks), rtol=1e-8)
    return bool((torch.maximum(one.abs(), two.abs()) <= 1e-6 * size + 1e-300).all())


def _jumps(of: Moments) -> bool:
    """Whether φ jumps somewhere.

    Raises:
        ValueError: autograd's φ' is not the derivative of φ elsewhere either.
    """
    if smooth(of.phi, of.slope, of.breaks):
        return False
    if _steps(of.phi, of.slope):
        return True
    raise ValueError(
        "phi: its autograd gradient is a surrogate, not its derivative (Stein's identity E[z φ] = √q E[φ'] "
        "fails); allowed: a function with its true derivative, one written without custom gradient"
    )


def _steps(value: Callable[[Tensor], Tensor], slope: Callable[[Tensor], Tensor]) -> tuple[float, ...]:
    """Points where ``value`` jumps, by halving cells over which it rises by something else than ∫ slope."""
    edge = torch.linspace(-9.13, 9.07, 512, dtype=torch.float64)
    low, high = edge[:-1], edge[1:]
    nodes, weights = gauss.legendre()
    scale = float((value(high) - value(low)).abs().max())
    for _ in range(36):
        half = (high - low)[:, None] / 2
        rise = slope(low[:, None] + half * (1 + nodes)) @ weights * half[:, 0]
        differ = (value(high) - value(low) - rise).abs()
        bad = differ > 1e-5 * scale * (high - low)
        low, high, differ = low[bad], high[bad], differ[bad]
        if not 0 < len(low) <= 400:
            return ()
        middle = (low + high) / 2
        low, high = torch.cat((low, middle)), torch.cat((middle, high))
    found = low[differ.repeat(2) > 1e-6 * scale].sort().values.tolist()
    return tuple(x for x, before in zip(found, [-math.inf, *found], strict=False) if x - before > 1e-9)


def second(of: Moments) -> Callable[[Tensor], Tensor]:
    """φ'' by autograd of φ'."""
    return _checked(lambda x: by_autograd(of.plain_slope, x), "the second derivative of phi")


def scale_invariant(of: Moments, least: float = 1e-3) -> bool:
    """Whether φ(a x) = a φ(x) for a > 0, at |x| of ``least`` and more."""
    half = torch.tensor([least, 0.03, 0.2, 1.0, 7.3, 30.0], dtype=torch.float64)
    x = torch.cat((-half, half))
    y, ends = of.phi(x), torch.ones_like(x)
    at = torch.where(x > 0, of.phi(ends), of.phi(-ends))
    return bool(((y - at * x.abs()).abs() <= 1e-12 * x.abs()).all()) and bool(y.any())

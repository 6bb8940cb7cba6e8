"""What a member of the zoo is: a function entry by entry (:class:`Activation`) or a layer (:class:`Unit`)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from labkit.nn.activations.parameter import Parameter, Reduction, checked
from labkit.nn.activations.text import told

#: A parameter as a law takes it: a number, or a tensor that broadcasts with the input.
Value = float | Tensor
Places = Sequence[float] | Callable[..., Sequence[float]]


@dataclass(frozen=True, eq=False)
class Activation:
    """A function entry by entry: one row of :data:`labkit.nn.activations.ACTIVATIONS`.

    Attributes:
        function: φ(x), differentiable by autograd.
        formula: LaTeX.
        source: where it was introduced or used in this setting.
        derivative: φ'(x); ``None`` takes autograd's. Of a surrogate: what backward multiplies by.
        into: ``(x, out)`` writes φ(x) into ``out``, which may be x; ``None`` makes it from ``function``.
        slope_: ``(x, value, grad)`` multiplies ``grad`` in place by φ'(x); ``value`` is φ(x). ``None`` makes
            it from ``derivative``. Members of the table read x alone, or else φ(x) alone.
        by_value: whether ``slope_`` reads φ(x) alone; then φ(x) may be written over x, which saves memory.
        kinks: points where φ' jumps.
        jumps: points where φ jumps.
        bends: points where a higher derivative jumps; quadrature splits there too.
        parameters: what :func:`labkit.nn.activations.get` takes besides the name.
        aliases: other names.
        make: builds the member from its parameters by name; ``None`` where there are none.
        law: ``(x, *, ...)`` the same φ with every parameter as a number or a tensor that broadcasts with x;
            of several numbers, the first dimension counts them. ``None`` where there are no parameters.
        family: the file it is in.
        safe: where φ and φ' are finite in float32.
        reduces: what it becomes for some values of its parameters.
        gradient: "exact", or "surrogate" where backward is not the derivative on purpose.
        compute_dtype: half precision is computed in this one and cast back.
        doubt: what could not be verified at the source.
        note: what the source leaves open and is chosen here, and other remarks.
    """

    function: Callable[[Tensor], Tensor]
    formula: str = ""
    source: str = ""
    derivative: Callable[[Tensor], Tensor] | None = None
    into: Callable[[Tensor, Tensor], Tensor] | None = None
    slope_: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None
    by_value: bool = False
    kinks: tuple[float, ...] = ()
    jumps: tuple[float, ...] = ()
    bends: tuple[float, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    aliases: tuple[str, ...] = ()
    make: Callable[..., "Activation"] | None = None
    law: Callable[..., Tensor] | None = None
    family: str = ""
    safe: tuple[float, float] = (-1e4, 1e4)
    reduces: tuple[Reduction, ...] = ()
    gradient: str = "exact"
    compute_dtype: torch.dtype | None = None
    doubt: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        fill = object.__setattr__
        if self.compute_dtype is not None:
            for name in ("function", "law", "derivative"):
                if (plain := getattr(self, name)) is not None:
                    fill(self, name, _widened(plain, self.compute_dtype))
        phi = self.function
        if self.derivative is None:
            fill(self, "derivative", lambda x: by_autograd(phi, x))
        slope = self.derivative
        if self.into is None:
            fill(self, "into", lambda x, out: out.copy_(phi(x)))
        if self.slope_ is None:
            fill(self, "slope_", lambda x, value, grad: grad.mul_(slope(x)))

    @property
    def breaks(self) -> tuple[float, ...]:
        """Every point where φ or a derivative jumps, in order."""
        return tuple(sorted({*self.kinks, *self.jumps, *self.bends}))

    def __repr__(self) -> str:
        return told(self)

    def __call__(self, x: Tensor) -> Tensor:
        """φ of every entry of any shape, none included; NaN gives NaN.

        Raises:
            ValueError: whole or complex numbers.
        """
        return self.function(floating(x))

    def module(self, features: int | None = None, **values: Any) -> nn.Module:
        """φ as a layer; its learnable parameters are registered, the others are buffers.

        Args:
            features: one of each parameter a unit (the last dimension of the input); ``None`` for one of
                each for all.
            values: where parameters start, of several numbers as many as one likes; their defaults otherwise.

        Raises:
            ValueError: an unknown parameter, or a value out of range.
        """
        return Shaped(self, features, checked(self.parameters, values, any_count=True))


@dataclass(frozen=True, eq=False)
class Unit:
    """A member that is a layer: it mixes units, draws noise or carries weights of its own.

    Attributes:
        build: ``(features, **parameters)`` to a module from (..., features) to (..., outputs).
        formula, source, parameters, aliases, family, safe, gradient, doubt, note: as in
            :class:`Activation`.
        outputs: ``(features, **parameters)`` to the size of the last dimension that comes out.
        stochastic: whether it draws in training mode; then its module takes ``generator``.
    """

    build: Callable[..., nn.Module]
    formula: str
    source: str
    parameters: tuple[Parameter, ...] = ()
    aliases: tuple[str, ...] = ()
    outputs: Callable[..., int] = lambda features, **parameters: features
    family: str = ""
    safe: tuple[float, float] = (-1e4, 1e4)
    gradient: str = "exact"
    stochastic: bool = False
    doubt: str = ""
    note: str = ""

    def __repr__(self) -> str:
        return told(self)

    def module(self, features: int, **values: Any) -> nn.Module:
        """The layer for so many units.

        Args:
            features: units that go in, the last dimension of the input.
            values: where parameters start, their defaults otherwise; and whatever else ``build`` takes, such
                as the ``generator`` (``torch.Generator``) of a layer that draws.

        Raises:
            ValueError: a value out of range, or units that cannot be.
        """
        known = {one.name for one in self.parameters}
        own = {name: value for name, value in values.items() if name in known}
        own = checked(self.parameters, own, any_count=True)
        return self.build(features, **{one.name: one.default for one in self.parameters} | values | own)


Member = Activation | Unit


def parametric(
    law: Callable[..., Tensor],
    formula: str,
    source: str,
    parameters: Sequence[Parameter],
    *,
    slope: Callable[..., Tensor] | None = None,
    kinks: Places = (),
    jumps: Places = (),
    bends: Places = (),
    **more: Any,
) -> Activation:
    """A member with parameters.

    Args:
        law: ``(x, *, ...)`` to φ(x); each parameter comes by name, as a number or as a tensor.
        formula: LaTeX, in the parameters' letters.
        source: where it was introduced.
        parameters: all that ``law`` takes.
        slope: φ' likewise; autograd's by default.
        kinks: places, or a function of the parameters (numbers) that gives them.
        jumps: the same.
        bends: the same.
        more: other fields of :class:`Activation`.
    """
    parameters = tuple(parameters)

    def make(**values: Any) -> Activation:
        at = {one.name: values.get(one.name, one.default) for one in parameters}
        return Activation(
            lambda x: law(x, **at),
            formula,
            source,
            derivative=None if slope is None else lambda x: slope(x, **at),
            kinks=_places(kinks, at),
            jumps=_places(jumps, at),
            bends=_places(bends, at),
            parameters=parameters,
            make=make,
            law=law,
            **more,
        )

    return make()


class Shaped(nn.Module):
    """φ(x) with parameters that are registered; see :meth:`Activation.module`."""

    def __init__(self, member: Activation, features: int | None, values: Mapping[str, Any]) -> None:
        super().__init__()
        self.member = member
        for one in member.parameters:
            start = torch.as_tensor(values.get(one.name, one.default), dtype=torch.get_default_dtype())
            if features is not None:
                start = start[..., None].expand(*start.shape, features).clone()
            if one.learnable:
                self.register_parameter(one.name, nn.Parameter(start))
            else:
                self.register_buffer(one.name, start)

    def forward(self, x: Tensor) -> Tensor:
        """φ of every entry."""
        floating(x)
        if self.member.law is None:
            return self.member.function(x)
        return self.member.law(x, **{one.name: getattr(self, one.name) for one in self.member.parameters})

    def extra_repr(self) -> str:
        """Formula, source and doubt, for those who print their model."""
        return repr(self.member)


def floating(x: Tensor) -> Tensor:
    """``x`` itself.

    Raises:
        ValueError: not a tensor of real floating-point numbers.
    """
    if not isinstance(x, Tensor) or not x.is_floating_point():
        came = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"x: got {came}; allowed: a tensor of floating-point numbers")
    return x


def by_autograd(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Derivative of an elementwise function; 0 where autograd finds no dependence on ``x``.

    It can be differentiated again where ``x`` requires a gradient.
    """
    again = x.requires_grad and torch.is_grad_enabled()
    with torch.enable_grad():
        x = x if again else x.detach().requires_grad_()
        y = function(x)
        if not y.requires_grad:
            return torch.zeros_like(x)
        (slope,) = torch.autograd.grad(y.sum(), x, create_graph=again, allow_unused=True)
    return torch.zeros_like(x) if slope is None else slope


def _places(places: Places, values: Mapping[str, Any]) -> tuple[float, ...]:
    return tuple(float(at) for at in (places(**values) if callable(places) else places))


def _widened(plain: Callable[..., Tensor], dtype: torch.dtype) -> Callable[..., Tensor]:
    def call(x: Tensor, **values: Any) -> Tensor:
        if x.dtype not in (torch.float16, torch.bfloat16):
            return plain(x, **values)
        values = {k: v.to(dtype) if isinstance(v, Tensor) else v for k, v in values.items()}
        return plain(x.to(dtype), **values).to(x.dtype)

    return call

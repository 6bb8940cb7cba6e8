"""What layers of the zoo share: they take real numbers, of so many units, and compute halves in float32."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from labkit import _checks
from labkit.nn.activations.activation import Parameter, Unit, floating
from labkit.nn.activations.parameter import checked


class Layer(nn.Module):
    """A layer of ``features`` units, the last dimension of its input; what it computes is ``law``."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.features = _checks.number("features", features, kind=int, low=1)

    def forward(self, x: Tensor) -> Tensor:
        """φ(x) in the dtype of x, float16 and bfloat16 computed in float32.

        Raises:
            ValueError: whole or complex numbers, or another number of units.
        """
        floating(x)
        if x.shape[-1:] != (self.features,):
            raise ValueError(f"x: got shape {tuple(x.shape)}; allowed: (..., {self.features})")
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        return self.law(wide).to(x.dtype)

    def law(self, x: Tensor) -> Tensor:
        """φ(x)."""
        raise NotImplementedError


class Rows(Layer):
    """A function of every row of the input and of a few numbers, of which some are learnt."""

    def __init__(
        self,
        features: int,
        law: Callable[..., Tensor],
        parameters: Sequence[Parameter],
        values: dict[str, Any],
    ) -> None:
        super().__init__(features)
        self.rule = law
        self.fixed = {one.name: values[one.name] for one in parameters if not one.learnable}
        self.learnt = [one.name for one in parameters if one.learnable]
        for name in self.learnt:
            start = torch.as_tensor(values[name], dtype=torch.get_default_dtype())
            self.register_parameter(name, nn.Parameter(start.clone()))

    def law(self, x: Tensor) -> Tensor:
        """φ(x)."""
        return self.rule(x, **self.fixed, **{name: getattr(self, name) for name in self.learnt})


def rowwise(
    law: Callable[..., Tensor],
    formula: str,
    source: str,
    parameters: Sequence[Parameter] = (),
    *,
    check: Callable[..., None] | None = None,
    **more: Any,
) -> Unit:
    """A layer that is one function of every row.

    Args:
        law: ``(x, *, ...)`` from (..., features) to (..., outputs); each parameter comes by name.
        formula: LaTeX, in the parameters' letters.
        source: where it was introduced.
        parameters: all that ``law`` takes.
        check: ``(features, *, ...)`` raises ``ValueError`` if that many units cannot be.
        more: other fields of :class:`Unit`.
    """

    def build(features: int, **values: Any) -> nn.Module:
        values = checked(parameters, values, any_count=True)
        layer = Rows(features, law, parameters, values)
        if check is not None:
            check(features, **values)
        return layer

    return Unit(build, formula, source, tuple(parameters), **more)


def whole_groups(features: int, size: int) -> None:
    """Raise ``ValueError`` unless groups of ``size`` make up the units."""
    if features % size:
        raise ValueError(f"features: got {features}; allowed: a multiple of {size}")


def drawn(how: Callable[..., Tensor], like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Numbers of shape, dtype and device of ``like``, by ``torch.rand`` or ``torch.randn``, from a generator.

    Raises:
        ValueError: no generator; nothing is drawn from torch's own.
    """
    if generator is None:
        raise ValueError(
            "generator: got None; allowed: a torch.Generator, as this layer draws in training mode"
        )
    numbers = how(like.shape, generator=generator, device=generator.device, dtype=like.dtype)
    return numbers.to(like.device)

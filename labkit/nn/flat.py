"""All parameters of a module as views into one vector, so that an optimiser is a few vector operations."""

import torch
from torch import Tensor, nn


def flatten(module: nn.Module) -> Tensor:
    """Move all parameters into one contiguous vector, of which they become views; return the vector.

    Writing into the vector changes the parameters and the reverse. Order: ``module.named_parameters()``.

    Raises:
        ValueError: parameters of several dtypes or devices, or none at all.
    """
    parameters = list(module.parameters())
    kinds = {(parameter.dtype, str(parameter.device)) for parameter in parameters}
    if len(kinds) != 1:
        raise ValueError(
            f"module: got parameters of kinds {sorted(map(str, kinds))}; allowed: exactly one kind"
        )
    flat = torch.cat([parameter.detach().reshape(-1) for parameter in parameters])
    for parameter, view in zip(parameters, views(flat, module).values(), strict=True):
        parameter.data = view
    return flat


def views(flat: Tensor, module: nn.Module) -> dict[str, Tensor]:
    """Cut a vector as long as all parameters into views of their names and shapes (for gradients).

    Args:
        flat: (count,) as :func:`flatten` returns, or ``torch.zeros_like`` of it.
        module: its parameters give names, shapes and order.

    Raises:
        ValueError: the length does not fit.
    """
    shapes = {name: parameter.shape for name, parameter in module.named_parameters()}
    count = sum(shape.numel() for shape in shapes.values())
    if flat.shape != (count,):
        raise ValueError(f"flat: got shape {tuple(flat.shape)}; allowed: ({count},)")
    parts = flat.split([shape.numel() for shape in shapes.values()])
    return {name: part.view(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}

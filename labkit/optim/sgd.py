"""Gradient descent with momentum, on one flat vector."""

import torch
from torch import Tensor


def new_buffers(flat: Tensor) -> dict[str, Tensor]:
    """State before the first update: no velocity, no updates."""
    return {"velocity": torch.zeros_like(flat), "updates": torch.zeros((), dtype=torch.int64)}


@torch.no_grad()
def update(
    flat: Tensor,
    grad: Tensor,
    buffers: dict[str, Tensor],
    *,
    lr: float | Tensor,
    weight_decay: float | Tensor = 0.0,
    beta1: float | Tensor = 0.0,
    beta2: float | Tensor = 0.0,
    eps: float | Tensor = 0.0,
    momentum: float | Tensor = 0.0,
) -> None:
    """One step in place, as ``torch.optim.SGD``: v = μ v + (g + λ w),  w = w - lr · v.

    Weight decay λ is coupled (an L2 penalty λ/2·‖w‖²): it goes through the velocity, unlike in AdamW.

    Args:
        flat: the parameters, changed in place.
        grad: their gradient, left unchanged.
        buffers: from :func:`new_buffers`, changed in place.
        lr: learning rate. Every hyperparameter may be a tensor that broadcasts against ``flat``.
        weight_decay: λ.
        beta1: not read; nor are ``beta2`` and ``eps``: here so that all optimisers are called alike.
        beta2: not read.
        eps: not read.
        momentum: μ; 0 is plain gradient descent. No dampening, no Nesterov.
    """
    buffers["updates"] += 1
    velocity = buffers["velocity"]
    velocity.mul_(momentum).add_(grad).add_(flat * weight_decay)
    flat.sub_(velocity * lr)

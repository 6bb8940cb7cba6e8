"""AdamW: Adam with decoupled weight decay, on one flat vector."""

import functools
import itertools

import torch
from torch import Tensor


def new_buffers(flat: Tensor) -> dict[str, Tensor]:
    """State before the first update: both moments at zero, and the number of updates.

    The count stays on the CPU: it is read as a number in every update and must not make a GPU wait.
    """
    return {
        "mean": torch.zeros_like(flat),
        "square": torch.zeros_like(flat),
        "updates": torch.zeros((), dtype=torch.int64),
    }


@torch.no_grad()
def update(
    flat: Tensor,
    grad: Tensor,
    buffers: dict[str, Tensor],
    *,
    lr: float | Tensor,
    weight_decay: float | Tensor = 0.0,
    beta1: float | Tensor = 0.9,
    beta2: float | Tensor = 0.98,
    eps: float | Tensor = 1e-8,
    momentum: float | Tensor = 0.0,
) -> None:
    """One step in place, term by term as ``torch.optim.AdamW``::

        m = β1 m + (1-β1) g        v = β2 v + (1-β2) g²
        w = (1 - lr·λ) w - lr · m / (1-β1ᵗ) / (√(v / (1-β2ᵗ)) + eps)

    Weight decay λ is decoupled: it shrinks w by lr·λ per step and never enters the moments. The weights
    decay on a time scale of 1 / (lr·λ) steps. Loshchilov & Hutter (1711.05101).

    Args:
        flat: the parameters, changed in place.
        grad: their gradient, left unchanged unless it is the scratch memory.
        buffers: from :func:`new_buffers`, changed in place. A count on a GPU is read there, so that no step
            waits for it and a CUDA graph may hold one. For a part of ``flat``: the same part of both moments,
            and ``"updates"`` as an ``int``, which stays as it is; whoever cuts ``flat`` counts once for all.
            ``"scratch"`` may be memory like ``grad``, or ``grad`` itself where nobody reads it afterwards.
        lr: learning rate. Every hyperparameter may be a tensor that broadcasts against ``flat``.
        weight_decay: λ; 0 is Adam.
        beta1: memory of the mean.
        beta2: memory of the square; 0.98 is what Nanda et al. and Doshi et al. use (torch has 0.999).
        eps: keeps the quotient finite; 1e-8 as in torch.
        momentum: not read; here so that all optimisers are called alike.
    """  # noqa: D415 (the first line ends in a formula)
    mean, square, updates = buffers["mean"], buffers["square"], buffers["updates"]
    updates += 1
    on_device = isinstance(updates, Tensor) and updates.device.type != "cpu"
    if on_device:  # Apple's GPUs have no float64
        count = updates.to(torch.float32 if updates.device.type == "mps" else torch.float64)
    else:
        count = int(updates)
    if flat.dim() <= 2 and flat.device.type == "cpu" and flat.dtype in (torch.float32, torch.float64):
        rows = [tensor if tensor.dim() == 2 else tensor[None] for tensor in (flat, grad, mean, square)]
        numbers = [_one_a_row(value, len(rows[0])) for value in (lr, weight_decay, beta1, beta2, eps)]
        if None not in numbers and all(tensor.stride(1) == 1 for tensor in rows):
            _update_rows(rows, count, numbers)
            return
    # √v / s + eps in the denominator, s = √(1-β2ᵗ): both multiplied by s to save a pass over memory
    s = (1 - beta2**count) ** 0.5
    mean.lerp_(grad, 1 - beta1)
    scratch = torch.mul(grad, grad, out=buffers.get("scratch"))
    square.lerp_(scratch, 1 - beta2)
    torch.sqrt(square, out=scratch).add_(eps * s)
    torch.div(mean, scratch, out=scratch).mul_(lr * s / (1 - beta1**count))
    flat.mul_(1 - lr * weight_decay).sub_(scratch)


def _one_a_row(value: float | Tensor, rows: int) -> list[float] | None:
    """A hyperparameter for each row, if that is what it is."""
    if isinstance(value, (int, float)):
        return [value] * rows
    if value.dim() == 0:
        return [value.item()] * rows
    return [number for (number,) in value.tolist()] if value.shape == (rows, 1) else None


@functools.lru_cache(maxsize=4)
def _as_tensor(count: int) -> Tensor:
    """The count as the kernel reads it; made once for all parts of an ensemble."""
    return torch.tensor(float(count))


def _update_rows(rows: list[Tensor], count: int, numbers: list[list[float]]) -> None:
    """The same row by row, each read and written once: the kernel of ``torch.optim.AdamW(fused=True)``.

    It takes numbers alone, but needs a third to half the time of nine passes over the parameters.

    Args:
        rows: parameters, gradient, mean and square, (M, P) each.
        count: updates so far.
        numbers: M values of each hyperparameter.
    """
    tensors = [tensor.unbind() for tensor in rows]
    step, values = _as_tensor(count), list(zip(*numbers, strict=True))
    start = 0
    for alike, run in itertools.groupby(values):  # neighbours that share all numbers go in one call
        stop = start + len(list(run))
        w, g, m, v = (some[start:stop] for some in tensors)
        lr, weight_decay, beta1, beta2, eps = alike
        torch._fused_adamw_(
            w, g, m, v, [], [step] * len(w),
            lr=lr, weight_decay=weight_decay, beta1=beta1, beta2=beta2, eps=eps,
            amsgrad=False, maximize=False,
        )  # fmt: skip
        start = stop

"""The gradient of a group of fully connected networks, by hand and layer by layer.

Letters as in :mod:`labkit.nn.dense`.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from labkit.nn.activations import Activation
from labkit.nn.chunks import LossGradient
from labkit.nn.groups import Group, Layer, Room


def backward(
    phi: Activation,
    scales: Sequence[tuple[float, float]],
    group: Group,
    room: Room,
    x: Tensor,
    target: Tensor,
    loss_gradient: LossGradient,
    rows: int,
    grads: list[Layer],
    done: Callable[[int], None] = lambda layer: None,
) -> None:
    """Write the gradient of each member's loss into ``grads``, last layer first.

    Args:
        phi: of the hidden layers.
        scales: (c_l, s_l), see :class:`labkit.nn.dense.DenseNets`.
        group: the members.
        room: memory for them and these rows.
        x: (m, R, in), all rows or some of them.
        target: (m, R, ...).
        loss_gradient: see :data:`labkit.nn.chunks.LossGradient`.
        rows: over how many the loss is a mean.
        grads: by layer, overwritten.
        done: called with each layer, 0 for the first, when its gradient is there.
    """
    inputs, last = [x], len(group.layers) - 1
    for number, (w, b) in enumerate(group.layers):
        pre = room.pre[number]
        c, s = scales[number]
        if b is None:
            product(inputs[-1], w.mT, c, pre)
        else:
            torch.baddbmm(b, inputs[-1], w.mT, beta=s, alpha=c, out=pre)
        if number < last:
            inputs.append(phi.into(pre, room.hidden[number]))
    by = loss_gradient(pre, target, rows)
    for number in range(last, -1, -1):
        w, _ = group.layers[number]
        by_w, by_b = grads[number]
        c, s = scales[number]
        if by_w.is_contiguous():
            product(by.mT, inputs[number], c, by_w)
        else:  # straight into parts of rows, torch would multiply member by member
            by_w.copy_(product(by.mT, inputs[number], c, room.product[number]))
        if by_b is not None:
            torch.sum(by, 1, out=by_b)
            if s != 1:
                by_b.mul_(s)
        if number:
            below = product(by, w, c, room.by[number - 1])
            by = phi.slope_(room.pre[number - 1], inputs[number], below)
        done(number)


def product(x: Tensor, y: Tensor, factor: float, out: Tensor) -> Tensor:
    """``factor * x @ y`` written into ``out``; the factor costs no pass of its own."""
    if factor == 1:
        return torch.bmm(x, y, out=out)
    return torch.baddbmm(out, x, y, beta=0, alpha=factor, out=out)

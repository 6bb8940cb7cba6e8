"""Full-batch training of one network on many rows: each piece of rows goes through all layers in the cache.

A plain module sends every activation of every pixel to main memory and back, layer by layer, forth and again
backwards; of a 256² picture that is a gigabyte a step. Letters: R rows, P parameters.
"""

import threading

import torch
from torch import Tensor

from labkit import _checks
from labkit.nn.chunks import LossGradient, cut
from labkit.nn.dense import DenseNets
from labkit.nn.groups import OPERATIONS, layers
from labkit.nn.shares import shares, side_by_side, total


class Rows:
    """The gradient and the outputs of a network on fixed inputs, by one pass forth and back.

    Args:
        nets: of one member; it may train and be loaded, its weights are read at each call.
        x: (R, in).
        products: dtype of the matrix products of all layers but the first; ``None`` is that of the weights.
            ``torch.bfloat16`` is faster on CPUs that have it. The first layer always has all digits:
            rounded to 8 bits, neighbouring pixels would be the same point.

    Raises:
        ValueError: several members, scales other than 1, or inputs that do not fit.
    """

    def __init__(self, nets: DenseNets, x: Tensor, *, products: torch.dtype | None = None) -> None:
        _checks.shape("x", x, None, nets.sizes[0])
        plain = all(nets.scale(layer) == (1.0, 1.0) for layer in range(len(nets.sizes) - 1))
        if nets.members != 1 or not plain or not nets.bias:
            raise ValueError("nets: got several members, scales or no biases; allowed: one plain network")
        self._nets, self._x = nets, x
        self._products = products or x.dtype
        self._memory = threading.local()

    @torch.no_grad()
    def gradient(self, target: Tensor, loss_gradient: LossGradient, out: Tensor, outputs: Tensor) -> None:
        """Write the gradient of the mean loss into ``out`` (P,) and what was predicted into ``outputs``.

        Args:
            target: (R, out).
            loss_gradient: see :data:`labkit.nn.chunks.LossGradient`.
            out: (P,), overwritten.
            outputs: (R, out), overwritten: the forward pass of the very weights that the gradient is of.
        """
        _checks.shape("target", target, *outputs.shape)
        _checks.shape("out", out, self._nets.flat.shape[1])
        weights = self._weights()

        @torch.no_grad()
        def share(rows: slice) -> tuple[Tensor]:
            flat = torch.zeros_like(out)
            grads = [(w[0], b[0]) for w, b in layers(flat[None], self._nets.sizes, True)]
            for some in cut(rows, self._row_bytes, self._x.device):
                by = self._forward(weights, some, outputs)
                self._backward(weights, loss_gradient(by, target[some], len(self._x)), some, grads)
            return (flat,)

        side_by_side(share, self._shares(), lambda grads: out.copy_(*total(grads)))

    @torch.no_grad()
    def outputs(self, out: Tensor) -> Tensor:
        """Write the predictions (R, out) of the present weights into ``out``, without a gradient."""
        weights = self._weights()

        @torch.no_grad()
        def share(rows: slice) -> None:
            for some in cut(rows, self._row_bytes, self._x.device):
                self._forward(weights, some, out)

        side_by_side(share, self._shares())
        return out

    def _shares(self) -> list[slice]:
        operations = OPERATIONS * len(self._nets.sizes[1:])
        return shares(len(self._x), self._row_bytes, operations, self._x.device)

    @property
    def _row_bytes(self) -> int:
        """Memory of one row: before and after the activations, and two gradients."""
        widths = self._nets.sizes[1:]
        return self._x.element_size() * (2 * sum(widths) + 2 * max(widths) + self._nets.sizes[0])

    def _weights(self) -> list[tuple[Tensor, Tensor]]:
        """W_l (out, in), all but the first in the format of the products, and b_l (out,)."""
        found = [(w[0], b[0]) for w, b in self._nets.layers(self._nets.flat.detach())]
        return [found[0], *((w.to(self._products), b) for w, b in found[1:])]

    def _room(self, rows: int) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Memory of a piece, kept by its thread: before and after each activation, and gradients."""
        kept = self._memory.__dict__
        if rows not in kept:
            widths = self._nets.sizes[1:]
            pre = [self._x.new_empty(rows, width) for width in widths]
            hidden = [self._x.new_empty(rows, width) for width in widths[:-1]]
            two = [self._x.new_empty(rows * max(widths)) for _ in range(2)]
            by = [two[n % 2][: h.numel()].view_as(h) for n, h in enumerate(hidden)]
            kept[rows] = pre, hidden, by
        return kept[rows]

    def _forward(self, weights: list[tuple[Tensor, Tensor]], rows: slice, outputs: Tensor) -> Tensor:
        """Outputs of some rows, into ``outputs`` and as memory that may be written to."""
        pre, hidden, _ = self._room(rows.stop - rows.start)
        h, phi = self._x[rows], self._nets.activation
        for number, (w, b) in enumerate(weights):
            z = pre[number]
            if w.dtype == z.dtype:
                torch.addmm(b, h, w.T, out=z)
            else:
                z.copy_(h.to(w.dtype) @ w.T).add_(b)
            h = phi.into(z, hidden[number]) if number < len(hidden) else z
        outputs[rows] = h
        return h

    def _backward(self, weights, by: Tensor, rows: slice, grads: list[tuple[Tensor, Tensor]]) -> None:
        pre, hidden, room = self._room(rows.stop - rows.start)
        phi, inputs = self._nets.activation, [self._x[rows], *hidden]
        for number in range(len(weights) - 1, -1, -1):
            (w, _), (by_w, by_b), h = weights[number], grads[number], inputs[number]
            low = by.to(w.dtype)
            if w.dtype == by.dtype:
                by_w.addmm_(by.T, h)
            else:
                by_w += low.T @ h.to(w.dtype)
            by_b += by.sum(0)
            if number:
                below = room[number - 1]
                if w.dtype == by.dtype:
                    torch.mm(by, w, out=below)
                else:
                    below.copy_(low @ w)
                by = phi.slope_(pre[number - 1], h, below)

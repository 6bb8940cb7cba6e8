"""The empirical NTK of dense networks from their structure, without a gradient for each point."""

import torch
from jaxtyping import Float
from torch import Tensor

from labkit import _checks
from labkit.nn.dense import DenseNets


@torch.no_grad()
def dense_ntk(nets: DenseNets, x: Tensor, x2: Tensor | None = None) -> Float[Tensor, "M n1 n2"]:
    r"""Θ̂ of each member with one output: what :func:`labkit.theory.kernels.empirical_ntk` gives, but fast.

    The gradient by :math:`W_l` at a point is :math:`\delta_l h_{l-1}^\top`, so that its inner product with
    that at another point is :math:`(\delta_l\cdot\delta_l')(h_{l-1}\cdot h_{l-1}')`: with δ of all points
    by one backward pass, :math:`\hat\Theta = \sum_l (\delta_l\delta_l'^\top) \circ
    (h_{l-1}h_{l-1}'^\top + 1)`, the 1 for the biases. No Jacobian (n × parameters) is ever made. Scales of
    an NTK parametrisation enter as their squares. Slopes are the true ones: FINER, whose factor autograd does
    not see (:func:`labkit.nn.fields.waves.finer`), has another kernel by autograd, and trains by neither.

    Args:
        nets: M networks with one output; of a :class:`labkit.nn.fields.Field` ``field.nets``, with x
            ``field.encoded(x)``.
        x: (n1, in), or (M, n1, in).
        x2: (n2, in), or (M, n2, in); ``None`` means x, and gives exactly symmetric kernels.

    Raises:
        ValueError: several outputs.
    """
    if nets.sizes[-1] != 1:
        raise ValueError(f"nets: got {nets.sizes[-1]} outputs; allowed: 1")
    one = _signals(nets, x)
    other = one if x2 is None else _signals(nets, x2)
    total = None
    for layer, ((h, delta), (h2, delta2)) in enumerate(zip(one, other, strict=True)):
        weight, bias = nets.scale(layer)
        inputs = (h @ h2.mT).mul_(weight**2)
        if nets.bias:
            inputs += bias**2
        part = (delta @ delta2.mT).mul_(inputs)
        total = part if total is None else total.add_(part)
    return (total + total.mT) / 2 if x2 is None else total


def _signals(nets: DenseNets, x: Tensor) -> list[tuple[Tensor, Tensor]]:
    """By layer: inputs h (M, n, in) and δ = ∂f/∂pre (M, n, out)."""
    _checks.shape("x", x, *([None] * (x.dim() - 1)), nets.sizes[0])
    inputs = [x.expand(nets.members, -1, -1) if x.dim() == 2 else x]
    pres = []
    for _, pre, hidden in nets.layers_of(x):
        pres.append(pre)
        if hidden is not None:
            inputs.append(hidden)
    delta = torch.ones_like(pres[-1])
    found = [(inputs[-1], delta)]
    for layer in range(len(pres) - 1, 0, -1):
        w, _ = nets.layers()[layer]
        delta = (delta @ w).mul_(nets.scale(layer)[0]) * nets.activation.derivative(pres[layer - 1])
        found.append((inputs[layer - 1], delta))
    return found[::-1]

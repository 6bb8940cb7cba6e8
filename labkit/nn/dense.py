"""Many fully connected networks of one shape, trained as one model; a single network is an ensemble of one.

Letters: M members, m members of a group, R rows, l layer, P parameters of one member.

One step of a small network is some hundred operations of a few µs each, half of which are the call. A batched
product pays the call once for all members. All members at once, though, push each other out of the cache; so
they are cut into groups whose weights, gradients and moments stay there from the forward pass to the update,
and the groups are shared out among threads.
"""

import numbers
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from labkit import _checks
from labkit.nn.activations import ELEMENTWISE, Activation
from labkit.nn.backward import backward
from labkit.nn.chunks import LossGradient
from labkit.nn.groups import Group, Groups, Layer, Room, layers
from labkit.nn.init import Draw, parameters


class DenseNets(nn.Module):
    """f_m(x) = W_L φ(W_{L-1} ... φ(W_1 x + b_1) ...) + b_L for each member m; the output is linear.

    All parameters of member m are row m of ``flat`` (M, P), in the order W_1, b_1, W_2, ...; :meth:`layers`
    gives them by layer. W_l has entries N(0, σ_w² / fan_in) and b_l has N(0, σ_b²), as in Poole et al.
    (1606.05340). Member m is drawn from its own generator and is the same alone as in any company.

    Args:
        sizes: (in, hidden, ..., out); two of them make a linear map.
        generators: one a member, on the CPU. Draws are made in float64 and rounded, so that precisions start
            alike; biases are drawn even where ``sigma_b`` is 0, so that it changes no weight.
        activation: a key of :data:`labkit.nn.activations.ELEMENTWISE`, or a member; of the hidden layers.
        bias: whether there are any b_l.
        sigma_w: σ_w, one for all or one a member.
        sigma_b: σ_b, the same.
        init: kind of W_l, a key of :data:`labkit.nn.init.WEIGHTS` or a function like them.
        gains: one a layer, times σ_w; ``None`` means 1.
        start: ``(sizes, generator) -> (P,)`` float64, all of a member's parameters; in place of σ_w, σ_b,
            ``init`` and ``gains``.
        scales: (c_l, s_l) of each layer: it computes c_l W_l h + s_l b_l. ``None`` means (1, 1) throughout.
            The NTK parametrisation has c_l = σ_w/√fan_in and s_l = σ_b, and starts at N(0, 1).
        dtype: of the parameters.

    Raises:
        ValueError: fewer than two sizes or one below 1, no generator, a negative σ, or not one a member; an
            unknown kind of weights, not one gain or pair of scales a layer; a start of another length.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        generators: Sequence[torch.Generator],
        activation: str | Activation = "tanh",
        bias: bool = True,
        sigma_w: float | Sequence[float] = 1.0,
        sigma_b: float | Sequence[float] = 0.0,
        init: str | Draw = "gaussian",
        gains: Sequence[float] | None = None,
        start: Callable[[tuple[int, ...], torch.Generator], Tensor] | None = None,
        scales: Sequence[tuple[float, float]] | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        if len(sizes) < 2:
            raise ValueError(f"sizes: got {tuple(sizes)}; allowed: (in, hidden, ..., out), two or more")
        self.sizes = tuple(_checks.number("sizes", size, kind=int, low=1) for size in sizes)
        if not len(generators):
            raise ValueError("generators: got none; allowed: one a member, one or more")
        if not isinstance(activation, Activation):
            activation = _checks.lookup(ELEMENTWISE, activation, "activation")
        self.activation = activation
        self.bias = bool(bias)
        sigmas = zip(
            _each("sigma_w", sigma_w, len(generators)),
            _each("sigma_b", sigma_b, len(generators)),
            strict=True,
        )
        if start is None:
            rows = [
                parameters(self.sizes, one, sigma_w=w, sigma_b=b, kind=init, gains=gains, bias=self.bias)
                for one, (w, b) in zip(generators, sigmas, strict=True)
            ]
        else:
            rows = [start(self.sizes, one) for one in generators]
            _checks.shape("start", rows[0], sum(o * (i + self.bias) for i, o in pairwise(self.sizes)))
        self._scales = _scales(scales, len(self.sizes) - 1)
        self.flat = nn.Parameter(torch.stack(rows).to(dtype))
        self._groups = Groups(self.sizes, self.bias, self.activation.by_value)
        self._backward = partial(backward, self.activation, self._scales)

    @property
    def members(self) -> int:
        """M."""
        return len(self.flat)

    def scale(self, layer: int) -> tuple[float, float]:
        """c_l and s_l, the factors before the weights and biases of layer 0, 1, ... in the forward pass."""
        return self._scales[layer]

    def layers(self, rows: Tensor | None = None) -> list[Layer]:
        """W_l (m, out, in) and b_l (m, out) or ``None``, as views.

        Args:
            rows: (m, P), parameters or anything laid out like them; ``None`` means ``flat``.
        """
        rows = self.flat if rows is None else rows
        _checks.shape("rows", rows, None, self.flat.shape[1])
        return layers(rows, self.sizes, self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (M, R, out), differentiable by autograd.

        Args:
            x: (R, in) for all members, or (M, R, in).
        """
        for _, output, _ in self.layers_of(x):  # noqa: B007 - the last one stays
            pass
        return output

    def activations(self, x: Tensor) -> dict[str, Tensor]:
        """Intermediate values by name, differentiable: "pre 1", "hidden 1" = φ(pre 1), ..., "output".

        Args:
            x: (R, in) or (M, R, in).

        Returns:
            (M, R, size of the layer) each.
        """
        named = {}
        for layer, pre, hidden in self.layers_of(x):
            named |= {"output": pre} if hidden is None else {f"pre {layer}": pre, f"hidden {layer}": hidden}
        return named

    def layers_of(self, x: Tensor) -> Iterator[tuple[int, Tensor, Tensor | None]]:
        """Layer after layer, so that a reader who drops each one holds one at a time; differentiable.

        Args:
            x: (R, in) or (M, R, in).

        Yields:
            l from 1, pre-activations (M, R, size of the layer) and φ of them, ``None`` for the output.
        """
        h, last = self._inputs(x), len(self.sizes) - 1
        for layer, ((w, b), (c, s)) in enumerate(zip(self.layers(), self._scales, strict=True), 1):
            if b is None:
                pre = h @ w.mT if c == 1 else (h @ w.mT) * c
            else:
                pre = torch.baddbmm(b[:, None], h, w.mT, beta=s, alpha=c)
            h = self.activation.function(pre) if layer < last else None
            yield layer, pre, h

    def plain(self, x: Tensor) -> Tensor:
        """The same outputs from the definition, one member after another; slow, for tests."""
        outputs = []
        for member, h in enumerate(self._inputs(x)):
            for number, (w, b) in enumerate(self.layers()):
                h = self.activation.function(h) if number else h
                c, s = self._scales[number]
                h = F.linear(h, c * w[member], None if b is None else s * b[member])
            outputs.append(h)
        return torch.stack(outputs)

    @torch.no_grad()
    def gradient(self, x: Tensor, target: Tensor, loss_gradient: LossGradient, out: Tensor) -> None:
        """Write the gradient of each member's mean loss into ``out``.

        Args:
            x: (R, in) for all members, or (M, R, in).
            target: (M, R, ...), whatever ``loss_gradient`` reads; ``expand`` makes it from one for all.
            loss_gradient: see :data:`labkit.nn.chunks.LossGradient`; its outputs are (m, R, out) here.
            out: (M, P), overwritten.

        Raises:
            ValueError: a shape that does not fit.
        """
        _checks.shape("out", out, *self.flat.shape)
        x, target = self._fit(x, target, {})

        def work(group: Group, room: Room, rows: slice) -> None:
            some = group.members
            grads = self.layers(out[some]) if self._groups.whole_rows else room.grads
            self._backward(group, room, x[some, rows], target[some, rows], loss_gradient, len(x[0]), grads)

        def added(group: Group, grads: Tensor) -> None:
            out[group.members] = grads

        self._groups.each(work, added)

    @torch.no_grad()
    def step(
        self,
        x: Tensor,
        target: Tensor,
        loss_gradient: LossGradient,
        update: Callable[..., None],
        buffers: dict[str, Tensor],
        **values: float | Tensor,
    ) -> None:
        """One training step of every member: gradient and update while both are in the cache.

        Args:
            x: as for :meth:`gradient`, and so are ``target`` and ``loss_gradient``.
            target: (M, R, ...).
            loss_gradient: ``(outputs, target, rows)``.
            update: ``(flat, grad, buffers, **values)`` in place, entry by entry: it is called with parts of
                ``flat`` (some members, some layers), for instance :func:`labkit.optim.adamw.update`.
            buffers: of ``update`` for ``flat``, changed in place. Those shaped like ``flat`` are cut like it;
                any other is a count of updates: parts get it as an ``int``, and it goes up by one.
            **values: hyperparameters, a number for all or (M,) or (M, 1), one a member.

        Raises:
            ValueError: a shape that does not fit.
        """
        x, target = self._fit(x, target, buffers)
        values = {name: self._value(name, value) for name, value in values.items()}
        own = {name: value for name, value in values.items() if isinstance(value, Tensor) and value.dim()}
        counts = {name: buffer for name, buffer in buffers.items() if buffer.shape != self.flat.shape}
        whole = self._groups.whole
        # where nothing is cut, the count may stay on a GPU
        present = counts if whole else {name: int(count) for name, count in counts.items()}

        def change(group: Group, layer: int, grad: Tensor) -> None:
            flat, mine = group.parts[layer]
            these = values | {name: value[group.members] for name, value in own.items()}
            update(flat, grad, mine | present | {"scratch": grad}, **these)

        def work(group: Group, room: Room, rows: slice) -> None:
            some = group.members

            def done(layer: int) -> None:
                if layer in group.parts and self._groups.whole_rows:
                    change(group, layer, room.parts[layer])

            self._backward(
                group, room, x[some, rows], target[some, rows], loss_gradient, len(x[0]), room.grads, done
            )

        self._groups.each(work, lambda group, grads: change(group, 0, grads))
        for count in () if whole else counts.values():
            count += 1

    def keep(self, index: Tensor | Sequence[int], buffers: dict[str, Tensor] | None = None) -> dict:
        """Go on with some members only, in this order: ``flat`` becomes ``flat[index]``, a new tensor.

        Args:
            index: whole numbers from 0 to M - 1, or M booleans.
            buffers: of the optimiser.

        Returns:
            The buffers of those kept; counts are as they were.

        Raises:
            ValueError: none is kept, or the index is out of range.
        """
        index = torch.as_tensor(index, device=self.flat.device)
        if index.dtype == torch.bool:
            _checks.shape("index", index, self.members)
            index = index.nonzero().flatten()
        if index.dim() != 1 or not index.numel() or index.min() < 0 or index.max() >= self.members:
            raise ValueError(
                f"index: got {index.tolist()}; allowed: one or more of 0 to {self.members - 1}, or booleans"
            )
        kept = {name: b[index] if b.shape == self.flat.shape else b for name, b in (buffers or {}).items()}
        self.flat = nn.Parameter(self.flat.detach()[index])
        return kept

    def _inputs(self, x: Tensor) -> Tensor:
        """(M, R, in), a view where x is for all."""
        if x.dim() == 2:
            _checks.shape("x", x, None, self.sizes[0])
            return x.expand(self.members, -1, -1)
        _checks.shape("x", x, self.members, None, self.sizes[0])
        return x

    def _fit(self, x: Tensor, target: Tensor, buffers: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Checked inputs (M, R, in) and target, with groups made for them."""
        x = self._inputs(x)
        if target.shape[:2] != x.shape[:2]:
            raise ValueError(
                f"target: got shape {tuple(target.shape)}; allowed: ({self.members}, {x.shape[1]}, ...)"
            )
        self._groups.fit(self.flat, x.shape[1], buffers)
        return x, target

    def _value(self, name: str, value: float | Tensor) -> float | Tensor:
        """A hyperparameter as a number or 0-d tensor for all, or as (M, 1)."""
        if not isinstance(value, Tensor) or not value.dim():
            return value
        if value.shape not in ((self.members,), (self.members, 1)):
            came, m = tuple(value.shape), self.members
            raise ValueError(f"{name}: got shape {came}; allowed: a number, ({m},) or ({m}, 1)")
        return value.to(self.flat).view(-1, 1)


def _scales(scales: Sequence[tuple[float, float]] | None, layers: int) -> list[tuple[float, float]]:
    """One pair a layer."""
    if scales is None:
        return [(1.0, 1.0)] * layers
    if len(scales) != layers:
        raise ValueError(f"scales: got {len(scales)} of them; allowed: {layers}, one pair a layer")
    return [(_checks.number("scales", c), _checks.number("scales", s)) for c, s in scales]


def _each(name: str, value: float | Sequence[float], members: int) -> list[float]:
    """One number a member, none below 0."""
    values = [value] * members if isinstance(value, numbers.Real) else [float(one) for one in value]
    if len(values) != members:
        raise ValueError(f"{name}: got {len(values)} of them; allowed: a number, or {members}, one a member")
    return [_checks.number(name, one, low=0) for one in values]

"""Members of an ensemble cut into groups that fit the cache, with all views that a step needs made once.

A single group, which leaves all cores but one idle, has its rows shared out instead.
A view costs a µs, a product of a small network not much more; so the views are kept as long as the tensors
stay where they are. Letters as in :mod:`labkit.nn.dense`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.nn.shares import cores, on_one_core, shares, side_by_side, total

#: Bytes that the widest layer of a group takes. Smaller groups pay for more calls, larger ones wait for
#: memory; from 1 to 3 MB steps take equally long within a tenth on cores with 2 MB of second-level cache.
GROUP_BYTES = 2_000_000
#: Gradients of a part are made, then used up by the update: small parts cost calls, large ones the cache.
PART_BYTES = 2_000_000
#: Operations on a layer in a training step, about.
OPERATIONS = 8

#: Weights and biases of one layer: (M, out, in), and (M, out) or ``None``.
Layer = tuple[Tensor, Tensor | None]


def layers(rows: Tensor, sizes: tuple[int, ...], bias: bool) -> list[Layer]:
    """Views W_l (m, out, in) and b_l (m, out) or ``None``.

    Args:
        rows: (m, P): W_1, b_1, W_2, ... one after another, or some layers of them with their ``sizes``.
        sizes: (in, hidden, ..., out).
        bias: whether there are any b_l.
    """
    found, start = [], 0
    for fan_in, fan_out in zip(sizes, sizes[1:], strict=False):
        w = rows[:, start : start + fan_out * fan_in].unflatten(1, (fan_out, fan_in))
        start += fan_out * fan_in
        found.append((w, rows[:, start : start + fan_out] if bias else None))
        start += fan_out * bias
    return found


def spans(sizes: tuple[int, ...], bias: bool, part: int) -> list[tuple[int, int, slice]]:
    """Layers in a row that are updated together: (first, one past the last, their columns of ``flat``).

    Args:
        sizes: (in, hidden, ..., out).
        bias: whether there are any b_l.
        part: parameters of one member in a span, at most (unless a single layer has more).
    """
    found: list[tuple[int, int, slice]] = []
    stop = 0
    for layer, (fan_in, fan_out) in enumerate(zip(sizes, sizes[1:], strict=False)):
        start, stop = stop, stop + fan_out * (fan_in + bias)
        if found and stop - found[-1][2].start <= part:
            first, _, columns = found.pop()
            found.append((first, layer + 1, slice(columns.start, stop)))
        else:
            found.append((layer, layer + 1, slice(start, stop)))
    return found


class Room:
    """Memory that one thread needs for a group of m members; each of its groups writes over the last.

    Attributes:
        pre: before the activation, by layer, (m, R, out). Where the slope is read off the value, all layers
            share this memory.
        hidden: after the activation, by layer but the last.
        by: gradient at ``hidden``.
        product: memory for the gradient of a W_l, contiguous; all layers share it.
        grads: gradients of the parameters, by layer. Spans share memory, so each is used up before the next.
        parts: the same as (m, columns), by first layer of a span.
    """

    def __init__(self, flat: Tensor, sizes, bias: bool, rows: int, by_value: bool, cut) -> None:
        m, widths = len(flat), sizes[1:]
        self.hidden = [flat.new_empty(m, rows, width) for width in widths[:-1]]
        if by_value:  # a product into memory that is in the cache is faster
            one = flat.new_empty(m * rows * max(widths))
            self.pre = [one[: m * rows * width].view(m, rows, width) for width in widths]
        else:
            self.pre = [flat.new_empty(m, rows, width) for width in widths]
        # only two neighbours are needed at a time
        two = [flat.new_empty(m * rows * max(widths)) for _ in range(2)]
        self.by = [two[n % 2][: h.numel()].view_as(h) for n, h in enumerate(self.hidden)]
        layer = list(zip(sizes, widths, strict=False))
        one = flat.new_empty(m * max(fan_in * fan_out for fan_in, fan_out in layer))
        self.product = [one[: m * i * o].view(m, o, i) for i, o in layer]
        memory = flat.new_empty(m * max(columns.stop - columns.start for _, _, columns in cut))
        self.grads, self.parts = [], {}
        for first, stop, columns in cut:
            width = columns.stop - columns.start
            self.parts[first] = memory[: m * width].view(m, width)
            self.grads += layers(self.parts[first], sizes[first : stop + 1], bias)


@dataclass(frozen=True)
class Group:
    """Some members that go through a step together.

    Attributes:
        members: which.
        layers: their weights (m, out, in) and biases (m, 1, out) or ``None``.
        parts: by first layer of a span: its parameters, and its share of the buffers.
    """

    members: slice
    layers: list[Layer]
    parts: dict[int, tuple[Tensor, dict[str, Tensor]]]


class Groups:
    """The groups of the last tensors seen; made again for others.

    Args:
        sizes: (in, hidden, ..., out).
        bias: whether there are any b_l.
        by_value: see :class:`labkit.nn.activations.Activation`.
    """

    def __init__(self, sizes: tuple[int, ...], bias: bool, by_value: bool) -> None:
        self._shape = sizes, bias, by_value
        self._key: tuple[object, ...] = ()
        self._seen: tuple[Tensor, ...] = ()

    def __deepcopy__(self, memo: dict) -> "Groups":
        """A copied model has other tensors."""
        return Groups(*self._shape)

    def fit(self, flat: Tensor, rows: int, buffers: dict[str, Tensor]) -> None:
        """Make groups for these tensors, unless they are those of last time.

        Args:
            flat: (M, P).
            rows: R.
            buffers: of the optimiser; those shaped like ``flat`` are cut like it.
        """
        alike = {name: buffer for name, buffer in buffers.items() if buffer.shape == flat.shape}
        seen = (flat, *alike.values())
        # a tensor that was moved is the same object at another place
        key = (rows, cores(), *alike, *((x.data_ptr(), x.shape, x.dtype) for x in seen))
        if key == self._key and all(x is y for x, y in zip(seen, self._seen, strict=True)):
            return
        sizes, bias, by_value = self._shape
        whole = flat.device.type != "cpu"
        layer = max(
            rows * (fan_in + (1 if by_value else 2) * fan_out) + 5 * fan_in * fan_out
            for fan_in, fan_out in zip(sizes, sizes[1:], strict=False)
        )
        # values with their gradients, and weights with theirs
        per_row = flat.element_size() * sum(sizes[1:]) * (2 if by_value else 3)
        per_member = rows * per_row + 2 * flat.element_size() * flat.shape[1]
        operations = OPERATIONS * len(sizes[1:])
        threads = len(shares(len(flat), per_member, operations, flat.device))
        size = len(flat) if whole else max(1, GROUP_BYTES // (layer * flat.element_size()))
        count = -(-len(flat) // (size * threads)) * threads
        bounds = [len(flat) * n // count for n in range(count + 1)]
        size = -(-len(flat) // count)
        part = flat.shape[1] if whole else PART_BYTES // (size * flat.element_size())
        self._rows = [slice(0, rows)]
        if count == 1:  # every share goes over all weights, so that these give no reason for one more
            self._rows = shares(rows, len(flat) * per_row, operations, flat.device)
        self.whole_rows = len(self._rows) == 1
        # gradients of shares are added at the end, all layers at once
        self._cut = spans(sizes, bias, part if self.whole_rows else flat.shape[1])
        self.whole = count == len(self._cut) == 1
        self._groups = [
            self._group(flat.detach()[low:high], slice(low, high), {n: b[low:high] for n, b in alike.items()})
            for low, high in zip(bounds, bounds[1:], strict=False)
        ]
        # sizes of groups differ by one at most
        self._rooms = [
            {
                m: Room(flat.detach()[:m], sizes, bias, some.stop - some.start, by_value, self._cut)
                for m in {g.members.stop - g.members.start for g in self._groups}
            }
            for some in (self._rows if count == 1 else self._rows * threads)
        ]
        self._key, self._seen = key, seen

    def _group(self, flat: Tensor, members: slice, buffers: dict[str, Tensor]) -> Group:
        sizes, bias, _ = self._shape
        return Group(
            members,
            [(w, None if b is None else b[:, None]) for w, b in layers(flat, sizes, bias)],
            {
                first: (flat[:, columns], {name: buffer[:, columns] for name, buffer in buffers.items()})
                for first, _, columns in self._cut
            },
        )

    def each(
        self, work: Callable[[Group, Room, slice], None], added: Callable[[Group, Tensor], None]
    ) -> None:
        """``work(group, room, rows)`` for every group, on one core each; a free thread takes the next.

        If :attr:`whole_rows` is false, ``work`` gets shares of the rows of the only group and must leave the
        gradient in its room; ``added`` gets the sum, (m, P).
        """
        if self.whole_rows:
            waiting = iter(self._groups)

            @torch.no_grad()
            def share(rooms: dict[int, Room]) -> None:
                for group in waiting:
                    work(group, rooms[group.members.stop - group.members.start], self._rows[0])

            if len(self._rooms) == 1:  # little work, or a GPU's
                on_one_core(lambda: share(self._rooms[0]), self._seen[0].device)
            else:
                side_by_side(share, self._rooms)
            return
        (group,) = self._groups
        rooms = [room for by_size in self._rooms for room in by_size.values()]

        @torch.no_grad()
        def part(n: int) -> tuple[Tensor]:
            work(group, rooms[n], self._rows[n])
            return (rooms[n].parts[0],)

        @torch.no_grad()
        def add(parts: list[tuple[Tensor]]) -> None:
            added(group, *total(parts))

        side_by_side(part, range(len(rooms)), add)

"""Rows cut into pieces that fit the cache, and sums of rows that share a token.

A network on a table of pairs needs, per row, little memory and much arithmetic. If all rows go through
one layer before the next, every activation travels to main memory and back; if a few hundred rows go
through all layers, they stay in a core's cache.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from labkit.nn.shares import shares, side_by_side

#: Bytes of a piece in all layers together. On a Xeon (2 MB of second-level cache a core, much of the third)
#: the step of the default network on half the table takes 13.8, 12.2, 11.4, 10.9, 11.1 ms at 1.6, 2.5, 3.3, 5
#: and 10 MB; on an EPYC (1 MB) 2 and 4 MB were alike. Smaller pieces cost calls, larger ones wait for memory.
PIECE_BYTES = 5_000_000

#: Operations that a piece is taken through, about.
OPERATIONS = 30

#: ``(logits, answer, rows)`` turns the logits of some rows, in place, into the gradient of the mean loss
#: over ``rows`` rows, and returns them.
LossGradient = Callable[[Tensor, Tensor, int], Tensor]
#: ``(a, b, out)`` writes the logits of these pairs into ``out`` (some rows, Q), piece by piece.
WriteLogits = Callable[[Tensor, Tensor, Tensor], None]


class Chunk:
    """Some rows of a table of pairs, with both directions between rows and tokens prepared.

    ``index_select`` and ``index_add_`` would do the same; ``embedding_bag`` with rows sorted once is two
    to ten times faster and, unlike ``index_add_`` on a GPU, gives the same bits every time. Tables have
    2 * tokens rows: those of a, then those of b.
    Features may come in ``heads`` blocks of equal size, each with its own weight for a and for b.

    Attributes:
        answer: (rows,) int64.
        rows: slice of all rows that these are.
    """

    def __init__(self, a: Tensor, b: Tensor, answer: Tensor, *, rows: slice, tokens: int, heads: int) -> None:
        self.answer, self.rows, self.heads = answer[rows], rows, heads
        pair = torch.stack((a[rows], b[rows] + tokens), 1)
        head = torch.arange(heads, device=a.device)
        # one bag of two samples for each row and head: (rows, heads, 2)
        blocks = pair[:, None, :] * heads + head[:, None]
        self._pair = blocks.flatten().int()
        self._pair_starts = torch.arange(0, len(self._pair), 2, device=a.device).int()
        self._pair_bags = torch.arange(len(pair) * heads, device=a.device).repeat_interleave(2).int()
        # and back: one bag for each token between the smallest and the largest of a side, and for each head
        self._spans, samples, weights, counts = [], [], [], []
        for side, token in enumerate(pair.T):
            low = int(token.min())
            counts.append(torch.bincount(token - low).repeat_interleave(heads))
            self._spans.append((low, len(counts[-1]) // heads))
            # numbers of (row, head) pairs, sorted by token and head, rows of the same kept in order
            order = blocks[..., side].flatten().argsort(stable=True)
            samples.append(order)
            weights.append(2 * order + side)
        bags = torch.cat(counts)
        self._samples, self._weights = torch.cat(samples).int(), torch.cat(weights)
        self._starts = (bags.cumsum(0) - bags).int()

    def gather(self, table: Tensor, weights: Tensor | None = None) -> Tensor:
        """``table[a] + table[tokens + b]``, weighted if asked.

        Args:
            table: (2 * tokens, N).
            weights: (rows, heads, 2) contiguous, for the a and the b term of each block of N.

        Returns:
            (rows, N).
        """
        blocks = table.view(len(table) * self.heads, -1)
        flat = None if weights is None else weights.view(-1)
        sums = torch.embedding_bag(blocks, self._pair, self._pair_starts, False, 0, False, flat)[0]
        return sums.view(len(self.answer), -1)

    def scatter_(self, values: Tensor, table: Tensor, weights: Tensor | None = None) -> None:
        """Add each row of ``values`` to the two rows of ``table`` that :meth:`gather` would take for it.

        Args:
            values: (rows, N) contiguous.
            table: (2 * tokens, N).
            weights: as for :meth:`gather`, of which this is the adjoint.
        """
        width = values.shape[-1]
        blocks = values.view(-1, width // self.heads)
        flat = None if weights is None else weights.view(-1)[self._weights]
        sums = torch.embedding_bag(blocks, self._samples, self._starts, False, 0, False, flat)[0]
        sums, done = sums.view(-1, width), 0
        for low, count in self._spans:
            table[low : low + count].add_(sums[done : done + count])
            done += count

    def dots(self, values: Tensor, table: Tensor) -> Tensor:
        """Inner product of each block of ``values`` (rows, N) with those that :meth:`gather` added.

        Returns:
            (rows, heads, 2): the gradient of ``(gather(table, weights) * values).sum()`` by weights.
        """
        blocks = table.view(len(table) * self.heads, -1)
        flat = torch.ops.aten._embedding_bag_per_sample_weights_backward(
            values.view(-1, blocks.shape[1]), blocks, self._pair, self._pair_starts, self._pair_bags, 0
        )
        return flat.view(-1, self.heads, 2)


class Chunks:
    """The pieces of the last (a, b, answer) seen; made again for other tensors or after writing to one."""

    def __init__(self) -> None:
        self._seen: tuple[Tensor, ...] = ()
        self._key: tuple[object, ...] = ()
        self._made: list[list[Chunk]] = []

    def of(
        self, a: Tensor, b: Tensor, answer: Tensor, *, tokens: int, row_bytes: int, heads: int = 1
    ) -> list[list[Chunk]]:
        """The rows in pieces, a list of them for each thread.

        Args:
            a: (rows,) int64 in 0 ... tokens - 1.
            b: the same.
            answer: the same, any range.
            tokens: how many there are.
            row_bytes: memory that one row takes in all layers together.
            heads: into how many blocks features are cut.
        """
        parts = shares(len(a), row_bytes, OPERATIONS, a.device)
        seen = (a, b, answer)
        key = (tokens, row_bytes, heads, len(parts), a._version, b._version, answer._version)
        known = self._seen and all(x is y for x, y in zip(seen, self._seen, strict=True))
        if not known or key != self._key:
            self._made = [
                [
                    Chunk(a, b, answer, rows=rows, tokens=tokens, heads=heads)
                    for rows in cut(share, row_bytes, a.device)
                ]
                for share in parts
            ]
            self._seen, self._key = seen, key
        return self._made

    def __deepcopy__(self, memo: dict) -> "Chunks":
        """A copied model starts without pieces: they are cheap, and its data may differ."""
        return Chunks()


def cut(share: slice, row_bytes: int, device: torch.device) -> list[slice]:
    """A share in pieces that fit the cache, the last one shorter; as a whole on a GPU."""
    rows = share.stop - share.start
    count = max(1, round(rows * row_bytes / PIECE_BYTES)) if device.type == "cpu" else 1
    # a multiple of 16 keeps every row of (features, rows) on a cache line
    size = -(-rows // (count * 16)) * 16
    return [slice(low, min(low + size, share.stop)) for low in range(share.start, share.stop, size)]


def pieces(row_bytes: int, *rows: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Tensors of equal length cut alike, without the preparation that :class:`Chunk` does for a gradient."""
    for some in cut(slice(0, len(rows[0])), row_bytes, rows[0].device):
        yield tuple(x[some] for x in rows)


def all_logits(write: WriteLogits, a: Tensor, b: Tensor, out: Tensor, *, row_bytes: int) -> Tensor:
    """``out`` (rows, Q), filled, with the rows shared out among threads."""

    @torch.no_grad()
    def share(rows: slice) -> None:
        write(a[rows], b[rows], out[rows])

    side_by_side(share, shares(len(a), row_bytes, OPERATIONS, a.device))
    return out


def product_(out: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """``out = x @ y`` in its place, also where the factors have fewer digits."""
    return torch.mm(x, y, out=out) if out.dtype == x.dtype else out.copy_(x @ y)


def add_product_(total: Tensor, x: Tensor, y: Tensor) -> None:
    """``total += x @ y``, also where the factors have fewer digits than the sum."""
    if total.dtype == x.dtype:
        total.addmm_(x, y)
    else:
        total += x @ y

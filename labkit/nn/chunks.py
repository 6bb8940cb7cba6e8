"""Rows cut into pieces that fit the cache, and sums of rows that share a token.

A network on a table of pairs needs, per row, little memory and much arithmetic. If all rows go through
one layer before the next, every activation travels to main memory and back; if a few hundred rows go
through all layers, they stay in a core's cache. A piece therefore holds as many *parts* as there are
threads, its tensors are (parts, rows, features), and every operation on them (elementwise, batched
product, bag of rows) gives each thread its own part.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

#: ``(logits, answer, rows)`` turns the logits of some rows, in place, into the gradient of the mean loss
#: over ``rows`` rows, and returns them.
LossGradient = Callable[[Tensor, Tensor, int], Tensor]


class Chunk:
    """Some rows of a table of pairs, with both directions between rows and tokens prepared.

    ``index_select`` and ``index_add_`` would do the same; ``embedding_bag`` with rows sorted once is two
    to ten times faster and, unlike ``index_add_`` on a GPU, gives the same bits every time.
    Features may come in ``heads`` blocks of equal size, each with its own weight for a and for b.

    Attributes:
        answer: (parts, rows) int64: the rows are cut into parts of equal length.
        weights: slice of the first dimension of (all rows, heads, 2) that belongs to these rows.
    """

    def __init__(
        self, a: Tensor, b: Tensor, answer: Tensor, *, start: int, parts: int, tokens: int, heads: int
    ) -> None:
        self.parts, self.rows, self.heads = parts, len(a) // parts, heads
        self.answer = answer.view(parts, self.rows)
        self.weights = slice(start, start + len(a))
        head = torch.arange(heads, device=a.device)
        # one bag of two samples for each row and head: (rows, heads, 2)
        pair = torch.stack((a, b + tokens), 1)[:, None, :] * heads + head[:, None]
        self._pair = pair.flatten().int()
        self._pair_starts = torch.arange(0, len(self._pair), 2, device=a.device).int()
        self._pair_bags = torch.arange(len(a) * heads, device=a.device).repeat_interleave(2).int()
        # for each part and side one bag for each token and head, of all rows with that token
        bags = []
        for part, sides in enumerate(zip(a.chunk(parts), b.chunk(parts), strict=True)):
            bags += [_Bags.of(side, token, part * self.rows, head) for side, token in enumerate(sides)]
        counts = torch.cat([bag.counts for bag in bags])
        samples = torch.cat([bag.samples for bag in bags])
        self._spans = [(bag.side, bag.low, len(bag.counts) // heads) for bag in bags]
        self._samples = samples.int()
        self._starts = (counts.cumsum(0) - counts).int()
        side = torch.cat([torch.full_like(bag.samples, bag.side) for bag in bags])
        self._weight_of_sample = 2 * samples + side

    def gather(self, table: Tensor, weights: Tensor | None = None) -> Tensor:
        """``table[a] + table[tokens + b]``, weighted if asked.

        Args:
            table: (2 * tokens, N).
            weights: (parts * rows, heads, 2) contiguous, for the a and the b term of each block of N.

        Returns:
            (parts, rows, N).
        """
        blocks = table.reshape(len(table) * self.heads, -1)
        flat = None if weights is None else weights.view(-1)
        sums = torch.embedding_bag(blocks, self._pair, self._pair_starts, False, 0, False, flat)[0]
        return sums.view(self.parts, self.rows, -1)

    def scatter_(self, values: Tensor, to_a: Tensor, to_b: Tensor, weights: Tensor | None = None) -> None:
        """``to_a[t] += sum of values[i] over rows i with a[i] = t``, the same for b, weighted if asked.

        Args:
            values: (parts, rows, N) contiguous.
            to_a: (tokens, N).
            to_b: (tokens, N).
            weights: as for :meth:`gather`, of which this is the adjoint.
        """
        width = values.shape[-1]
        blocks = values.view(-1, width // self.heads)
        flat = None if weights is None else weights.view(-1)[self._weight_of_sample]
        sums = torch.embedding_bag(blocks, self._samples, self._starts, False, 0, False, flat)[0]
        sums, done = sums.view(-1, width), 0
        for side, low, count in self._spans:
            (to_a, to_b)[side][low : low + count] += sums[done : done + count]
            done += count

    def dots(self, values: Tensor, table: Tensor) -> Tensor:
        """Inner product of each block of ``values`` (parts, rows, N) with those that :meth:`gather` added.

        Returns:
            (parts * rows, heads, 2): the gradient of ``(gather(table, weights) * values).sum()`` by weights.
        """
        blocks = table.reshape(len(table) * self.heads, -1)
        flat = torch.ops.aten._embedding_bag_per_sample_weights_backward(
            values.view(-1, blocks.shape[1]), blocks, self._pair, self._pair_starts, self._pair_bags, 0
        )
        return flat.view(-1, self.heads, 2)


class _Bags(NamedTuple):
    """Rows sorted by one of their two tokens, from token ``low`` on, and how many rows each token has."""

    side: int
    low: int
    samples: Tensor
    counts: Tensor

    @classmethod
    def of(cls, side: int, token: Tensor, first: int, head: Tensor) -> "_Bags":
        low = int(token.min())
        counts = torch.bincount(token - low)
        rows = first + token.argsort(stable=True)
        # order (token, head, row): sorting the tokens of (head, row) pairs again keeps rows in order
        key = (token[rows - first][None, :] * len(head) + head[:, None]).flatten()
        samples = (rows[None, :] * len(head) + head[:, None]).flatten()[key.argsort(stable=True)]
        return cls(side, low, samples, counts.repeat_interleave(len(head)))


class Chunks:
    """The pieces of the last (a, b, answer) seen; made again for other tensors or after writing to one."""

    def __init__(self) -> None:
        self._seen: tuple[Tensor, ...] = ()
        self._key: tuple[int, ...] = ()
        self._made: list[Chunk] = []

    def of(
        self, a: Tensor, b: Tensor, answer: Tensor, *, tokens: int, row_bytes: int, heads: int = 1
    ) -> list[Chunk]:
        """The rows in pieces, of which the last ones may be shorter.

        Args:
            a: (rows,) int64 in 0 ... tokens - 1.
            b: the same.
            answer: the same, any range.
            tokens: how many there are.
            row_bytes: memory that one row takes in all layers together.
            heads: into how many blocks features are cut.
        """
        parts = torch.get_num_threads() if a.device.type == "cpu" else 1
        seen = (a, b, answer)
        key = (tokens, row_bytes, heads, parts, a._version, b._version, answer._version)
        known = self._seen and all(x is y for x, y in zip(seen, self._seen, strict=True))
        if not known or key != self._key:
            self._made, start = [], 0
            for cut, rows in _cuts(len(a), parts, row_bytes, a.device):
                piece = slice(start, start + cut * rows)
                made = Chunk(
                    a[piece], b[piece], answer[piece], start=start, parts=cut, tokens=tokens, heads=heads
                )
                self._made.append(made)
                start = piece.stop
            self._seen, self._key = seen, key
        return self._made

    def __deepcopy__(self, memo: dict) -> "Chunks":
        """A copied model starts without pieces: they are cheap, and its data may differ."""
        return Chunks()


#: Bytes of one part. Steps take equally long from 2 to 4 MB on cores with 1 and with 2 MB of second-level
#: cache; smaller parts cost calls, larger ones wait for memory.
PART_BYTES = 3_000_000


def _cuts(rows: int, parts: int, row_bytes: int, device: torch.device) -> list[tuple[int, int]]:
    """(parts, rows of each) of all pieces: equal ones, a shorter one, and the rows that cannot be shared."""
    pieces = max(1, round(rows * row_bytes / parts / PART_BYTES)) if device.type == "cpu" else 1
    # a multiple of 16 keeps every row of (features, rows) on a cache line
    size = -(-rows // (parts * pieces * 16)) * 16 if pieces > 1 else max(1, rows // parts)
    whole, rest = divmod(rows, size * parts)
    cuts = [(parts, size)] * whole + [(parts, rest // parts), (1, rest % parts)]
    return [cut for cut in cuts if cut[1]]


def pieces(device: torch.device, row_bytes: int, *rows: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Tensors of equal length cut alike, without the preparation that :class:`Chunk` does for a gradient."""
    size = len(rows[0])
    if device.type == "cpu":
        size = max(64, PART_BYTES * torch.get_num_threads() // row_bytes)
    return zip(*(x.split(size) for x in rows), strict=True)


def mean_loss_and_accuracy(
    logits: Iterable[Tensor], answer: Tensor, loss: Callable[[Tensor, Tensor], Tensor]
) -> tuple[float, float]:
    """Mean of ``loss`` and share of rows whose largest logit is right, of logits (some rows, Q) in pieces.

    Args:
        logits: their rows together are those of ``answer``.
        answer: (rows,) int64.
        loss: ``(logits, answer)`` -> mean over some rows.
    """
    total, right, done = 0.0, 0, 0
    for piece in logits:
        these = answer[done : done + len(piece)]
        # summed on the device: reading a number makes a GPU wait
        total = total + loss(piece, these) * len(these)
        right = right + (piece.max(1).indices == these).sum()
        done += len(these)
    return float(total) / done, int(right) / done


def add_product_(total: Tensor, x: Tensor, y: Tensor) -> None:
    """``total += x @ y``, batched, also where the factors have fewer digits than the sum."""
    if total.dtype == x.dtype:
        total.baddbmm_(x, y)
    else:
        total += torch.bmm(x, y)

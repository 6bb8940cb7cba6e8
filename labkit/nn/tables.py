"""A one-layer transformer on "a b =" as small tables, and its gradient with respect to them by hand.

Letters: P tokens, H heads, K width of a head, M width of the MLP, Q outputs, R rows.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from labkit.nn.activations import Activation
from labkit.nn.chunks import Chunk, Chunks, LossGradient, add_product_, pieces, product_
from labkit.nn.shares import on_one_core, side_by_side, total


class Tables(NamedTuple):
    """All that the logits depend on, when only the last position is read and its token is always "=".

    With the scores s and values v of a, b and "=", attention (α, β, 1-α-β) is the softmax of
    (s_a - s_=, s_b - s_=, 0), and z = α(v_a - v_=) + β(v_b - v_=) what it moves, v_= being a constant.
    Everything linear around the one nonlinearity is multiplied out.

    Attributes:
        scores: (2P, H), of a (rows 0 ... P-1) and b (P ... 2P-1), minus that of "=".
        values: (2P, H·K), the same for values.
        into: (M, H·K + 1), pre = into · (z, 1).
        out: (Q, M + H·K + 1), logits = out · (φ(pre), z, 1).
    """

    scores: Tensor
    values: Tensor
    into: Tensor
    out: Tensor

    def logits(self, a: Tensor, b: Tensor, activation: Activation) -> Tensor:
        """Logits (R, Q) of the pairs ``a``, ``b`` (R,) int64, differentiable by autograd."""
        tokens, attention = len(self.values) // 2, self._attention(a, b)
        v = torch.stack((F.embedding(a, self.values), F.embedding(b + tokens, self.values)), 1)
        z = torch.einsum("rhj,rjhk->rhk", attention, v.unflatten(2, (attention.shape[1], -1))).flatten(1)
        hidden = activation.function(F.linear(z, self.into[:, :-1], self.into[:, -1]))
        return F.linear(torch.cat((hidden, z), 1), self.out[:, :-1], self.out[:, -1])

    def write_logits(self, a: Tensor, b: Tensor, out: Tensor, activation: Activation) -> None:
        """The same into ``out`` (R, Q), without autograd, in pieces that fit the cache."""
        heads, width = self.scores.shape[1], len(self.into)
        # which blocks belong to a and b, where the rows of values are cut into heads: (R, H, 2)
        pair = torch.stack((a, b + len(self.values) // 2), 1)[:, None, :] * heads
        pair = pair + torch.arange(heads, device=a.device)[:, None]
        blocks = self.values.view(len(self.values) * heads, -1)
        # a bias in one piece of memory is added much faster
        at_hidden, at_logits = self.into[:, -1].contiguous(), self.out[:, -1].contiguous()
        for some, weights, logits in pieces(self.row_bytes(), pair, self._attention(a, b), out):
            z = F.embedding_bag(
                some.flatten(0, 1), blocks, mode="sum", per_sample_weights=weights.flatten(0, 1)
            ).view(len(some), -1)
            hidden = torch.addmm(at_hidden, z, self.into[:, :-1].T)
            activation.into(hidden, hidden)
            torch.addmm(at_logits, hidden, self.out[:, :width].T, out=logits)
            logits.addmm_(z, self.out[:, width:-1].T)

    def gradient(
        self,
        chunks: Chunks,
        a: Tensor,
        b: Tensor,
        answer: Tensor,
        loss_gradient: LossGradient,
        activation: Activation,
        fast: torch.dtype,
        then: Callable[["Tables"], None],
    ) -> None:
        """The gradient of the mean loss over all rows, handed to ``then``.

        Args:
            chunks: of this model; remembers how these rows were cut.
            a: (R,) int64.
            b: (R,) int64.
            answer: (R,) int64.
            loss_gradient: see :data:`labkit.nn.chunks.LossGradient`.
            activation: φ.
            fast: dtype of the products; all sums over pieces are taken in that of the tables.
            then: takes the gradient on, on one core, where the last sums are still in its cache.
        """
        width, last, exact = len(self.into), self.out.shape[1] - 1, self.into.dtype
        tokens, heads = len(self.scores) // 2, self.scores.shape[1]
        # (φ(pre), z, 1) is one matrix; zeros fill it up to whole cache lines
        full = -(-(last + 1) // 16) * 16

        @torch.no_grad()
        def prepare() -> tuple[Tensor, Tensor, Tensor]:
            return F.pad(self.out, (0, full - last - 1)).to(fast), self.into.to(fast), self._attention(a, b)

        out, into, attention = on_one_core(prepare, a.device)

        @torch.no_grad()
        def share(some: list[Chunk]) -> tuple[Tensor, ...]:
            by_scores, by_values = self.scores.new_zeros(2 * tokens, 2 * heads), torch.zeros_like(self.values)
            # (K + 1, M): this way round the product is a fifth faster
            by_into, by_out = self.into.new_zeros(self.into.T.shape), torch.zeros_like(out, dtype=exact)
            memory = out.new_zeros(max(len(chunk.answer) for chunk in some), full)
            memory[:, last] = 1

            def add(chunk: Chunk) -> None:
                weights = attention[chunk.rows]
                x = memory[: len(chunk.answer)]
                hidden, z1 = x[:, :width], x[:, width : last + 1]
                z1[:, :-1] = chunk.gather(self.values, weights)
                pre = z1 @ into.T
                activation.into(pre, hidden)
                logits = (x @ out.T).to(exact)
                by_logits = loss_gradient(logits, chunk.answer, len(a)).to(fast)
                add_product_(by_out, by_logits.T, x)
                # in place of what the slope does not read
                by_pre = product_(pre if activation.by_value else hidden, by_logits, out[:, :width])
                activation.slope_(pre, hidden, by_pre)
                add_product_(by_into, z1.T, by_pre)
                by_z = (by_logits @ out[:, width:last]).to(exact)
                add_product_(by_z, by_pre, into[:, :-1])
                chunk.scatter_(by_z, by_values, weights)
                by_weights = chunk.dots(by_z, self.values)
                # softmax over (a, b, "="), where "=" gets no gradient because its value is 0
                by_pair = weights * (by_weights - (weights * by_weights).sum(2, keepdim=True))
                chunk.scatter_(by_pair.flatten(1), by_scores)

            for chunk in some:  # in a function, so that the next piece takes this one's place in the cache
                add(chunk)
            # each token has summed the scores of both sides, of which one is its own
            own = by_scores.view(2, tokens, heads, 2)
            return torch.cat((own[0, ..., 0], own[1, ..., 1])), by_values, by_into.T, by_out[:, : last + 1]

        made = chunks.of(a, b, answer, tokens=tokens, heads=heads, row_bytes=self.row_bytes(fast))
        side_by_side(share, made, lambda parts: then(Tables(*total(parts))))

    def row_bytes(self, dtype: torch.dtype | None = None) -> int:
        """Memory of one row: before and after the nonlinearity; the gradient takes the place of one."""
        return (2 * len(self.into) + 2 * self.into.shape[1]) * (dtype or self.into.dtype).itemsize

    def _attention(self, a: Tensor, b: Tensor) -> Tensor:
        """Softmax over (a, b, "="), without the last: (R, H, 2)."""
        tokens = len(self.scores) // 2
        s = torch.stack((F.embedding(a, self.scores), F.embedding(b + tokens, self.scores)))
        # over the first dimension, because softmax is slow over a last one of three
        return F.pad(s, (0, 0, 0, 0, 0, 1)).softmax(0)[:2].permute(1, 2, 0).contiguous()

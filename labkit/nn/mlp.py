"""Two-layer network on pairs of tokens, without bias (Gromov 2301.02679; Doshi et al. 2310.13061).

Letters: P tokens, N width, Q outputs, R rows.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from labkit import _checks
from labkit.nn.activations import ELEMENTWISE
from labkit.nn.chunks import (
    Chunk,
    Chunks,
    LossGradient,
    add_product_,
    all_logits,
    pieces,
    product_,
)
from labkit.nn.shares import side_by_side, total


class PairMLP(nn.Module):
    """f(a, b) = W φ(U e_a + V e_b), with e_a the one-hot vector of a.

    Parameters ``U`` (P, N), ``V`` (P, N), ``W`` (Q, N), drawn from N(0, σ²),
    σ = init_scale · 0.5 / (2N)^(1/3): with the quadratic activation the periodic solution of Gromov
    has amplitudes (2/N)^(1/3), so this starts at its scale, as in the code of Doshi et al.

    Args:
        tokens: P.
        width: N; Doshi et al. use 500.
        outputs: Q; ``None`` means as many as tokens.
        activation: a key of :data:`labkit.nn.activations.ELEMENTWISE`.
        init_scale: factor on σ; 1 is Doshi et al., larger is the lazy regime.
        tied: one embedding for both tokens, V = U, so that f is symmetric in a and b.
        generator: on the CPU; draws U, V, W in this order.
        dtype: of the parameters. Draws are made in float64 and rounded, so that precisions start alike.
        products: dtype of the three matrix products in :meth:`gradient`; ``None`` is ``dtype``.
            ``torch.bfloat16`` at least halves their time on CPUs that have it; the rest stays in ``dtype``.

    Raises:
        ValueError: a size below 1, a negative scale, an unknown activation.
    """

    def __init__(
        self,
        tokens: int,
        width: int,
        *,
        outputs: int | None = None,
        activation: str = "quadratic",
        init_scale: float = 1.0,
        tied: bool = False,
        generator: torch.Generator,
        dtype: torch.dtype = torch.float32,
        products: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        tokens = _checks.number("tokens", tokens, kind=int, low=1)
        width = _checks.number("width", width, kind=int, low=1)
        outputs = tokens if outputs is None else _checks.number("outputs", outputs, kind=int, low=1)
        scale = _checks.number("init_scale", init_scale, low=0) * 0.5 / (2 * width) ** (1 / 3)
        self.activation = _checks.lookup(ELEMENTWISE, activation, "activation")
        self.products = products or dtype
        self.tied = tied
        for name, rows in (("U", tokens), ("V", tokens), ("W", outputs)):
            if name == "V" and tied:
                continue
            draw = torch.randn(rows, width, generator=generator, dtype=torch.float64) * scale
            self.register_parameter(name, nn.Parameter(draw.to(dtype)))
        self._chunks = Chunks()

    def embeddings(self) -> tuple[Tensor, Tensor]:
        """U and V, the same tensor if they are tied."""
        return self.U, self.U if self.tied else self.V

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Logits (R, Q) of the pairs ``a``, ``b`` (R,) int64; differentiable by autograd."""
        u, v = self.embeddings()
        # F.embedding is indexing with a faster backward pass
        return self.activation.function(F.embedding(a, u) + F.embedding(b, v)) @ self.W.T

    def plain(self, a: Tensor, b: Tensor) -> Tensor:
        """The same from the definition, with one-hot vectors; slow, for tests."""
        u, v = self.embeddings()
        e = torch.eye(len(u), dtype=u.dtype, device=u.device)
        return self.activation.function(e[a] @ u + e[b] @ v) @ self.W.T

    def activations(self, a: Tensor, b: Tensor) -> dict[str, Tensor]:
        """Intermediate values by name: "pre" (R, N), "hidden" = φ(pre) (R, N), "logits" (R, Q)."""
        u, v = self.embeddings()
        pre = u[a] + v[b]
        hidden = self.activation.function(pre)
        return {"pre": pre, "hidden": hidden, "logits": hidden @ self.W.T}

    def logits(self, a: Tensor, b: Tensor) -> Tensor:
        """The same logits without autograd, in pieces that fit the cache, for many rows."""
        out = self.W.new_empty(len(a), len(self.W))
        return all_logits(self._write_logits, a, b, out, row_bytes=self._row_bytes)

    @torch.no_grad()
    def gradient(
        self, a: Tensor, b: Tensor, answer: Tensor, loss_gradient: LossGradient, out: dict[str, Tensor]
    ) -> None:
        """Write the gradient of the mean loss over all rows into ``out``, in pieces that fit the cache.

        Args:
            a: (R,) int64. Sorted by ``a`` (as :func:`labkit.data.arithmetic.pairs` gives them) is fastest.
            b: (R,) int64.
            answer: (R,) int64.
            loss_gradient: see :data:`labkit.nn.chunks.LossGradient`.
            out: "U", "V" (unless tied), "W" -> tensors shaped like the parameters, overwritten.
        """
        shares = self._chunks.of(a, b, answer, tokens=len(self.U), row_bytes=self._row_bytes)
        w = self.W.to(self.products)

        def add(chunk: Chunk, table: Tensor, by_table: Tensor, by_w: Tensor) -> None:
            pre = chunk.gather(table)
            hidden = self.activation.into(pre, torch.empty_like(pre))
            spare = pre if self.activation.by_value else hidden  # which the slope does not read
            low = hidden.to(w.dtype)
            # logits are stored as (Q, R): for an odd Q the products are faster than as (R, Q)
            logits = (w @ low.T).to(pre.dtype)
            loss_gradient(logits.T, chunk.answer, len(a))
            by_logits = logits.to(w.dtype)
            add_product_(by_w, by_logits, low)
            by_pre = product_(spare, by_logits.T, w)
            self.activation.slope_(pre, hidden, by_pre)
            chunk.scatter_(by_pre, by_table)

        @torch.no_grad()
        def share(chunks: list[Chunk]) -> tuple[Tensor, Tensor]:
            table = torch.cat(self.embeddings())
            by_table, by_w = torch.zeros_like(table), torch.zeros_like(self.W)
            for chunk in chunks:  # in a function, so that the next piece takes this one's place in the cache
                add(chunk, table, by_table, by_w)
            return by_table, by_w

        @torch.no_grad()
        def write(parts: list[tuple[Tensor, Tensor]]) -> None:
            by_table, by_w = total(parts)
            by_u, by_v = by_table.split(len(self.U))
            grads = {"U": by_u + by_v} if self.tied else {"U": by_u, "V": by_v}
            for name, grad in (grads | {"W": by_w}).items():
                out[name].copy_(grad)

        side_by_side(share, shares, write)

    @property
    def _row_bytes(self) -> int:
        """Memory of one row: before and after the nonlinearity; the gradient takes the place of one."""
        return 2 * self.U.shape[1] * self.U.element_size()

    def _write_logits(self, a: Tensor, b: Tensor, out: Tensor) -> None:
        table, pair = torch.cat(self.embeddings()), torch.stack((a, b + len(self.U)), 1)
        for some, logits in pieces(self._row_bytes, pair, out):
            hidden = F.embedding_bag(some, table, mode="sum")
            self.activation.into(hidden, hidden)
            torch.mm(hidden, self.W.T, out=logits)

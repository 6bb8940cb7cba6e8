"""One-layer transformer on "a b =", read at the last position (Nanda et al., 2301.05217).

Letters: P tokens, D d_model, H heads, K = D / H, M width of the MLP, Q = P + 1 outputs, R rows.
"""

from functools import partial
from math import sqrt

import torch
from torch import Tensor, nn

from labkit import _checks
from labkit.nn.activations import ELEMENTWISE
from labkit.nn.chunks import Chunks, LossGradient, all_logits
from labkit.nn.shares import on_one_core
from labkit.nn.tables import Tables


class PairTransformer(nn.Module):
    """Nanda et al.'s network: embedding, positions, one attention layer, one MLP, unembedding; no LayerNorm.

    The vocabulary has P + 1 entries, the last is "=". All Q = P + 1 outputs take part in the softmax.
    Parameters, named and shaped as in their code: ``W_E`` (D, P+1), ``W_pos`` (3, D), ``W_K``, ``W_Q``,
    ``W_V`` (H, K, D), ``W_O`` (D, H·K), ``W_in`` (M, D), ``b_in`` (M), ``W_out`` (D, M), ``b_out`` (D),
    ``W_U`` (D, P+1). Weights start as N(0, 1/D), ``W_U`` as N(0, 1/(P+1)), biases at 0.

    Only the last position is read and its token is always "=". So its query is one vector a head, keys
    and values depend on one token each, and the network is *exactly* a function of small tables
    (:meth:`tables`): scores and values of a and b relative to "=", and two products of weights. Per row
    remain a softmax of three numbers a head, a weighted sum of two table rows, and the MLP.

    Args:
        tokens: P, without "="; Nanda et al. use 113.
        d_model: D.
        heads: H; divides D.
        width: M.
        activation: a key of :data:`labkit.nn.activations.ELEMENTWISE`.
        init_scale: factor on all weights at the start; 1 is Nanda et al.
        generator: on the CPU; draws in the order of the parameters above.
        dtype: of the parameters. Draws are made in float64 and rounded, so that precisions start alike.
        products: dtype of the large matrix products in :meth:`gradient`; ``None`` is ``dtype``.
            ``torch.bfloat16`` at least halves their time on CPUs that have it; parameters, tables,
            softmax, loss and sums over pieces stay in ``dtype``.

    Raises:
        ValueError: a size below 1, heads that do not divide d_model, an unknown activation.
    """

    def __init__(
        self,
        tokens: int,
        *,
        d_model: int = 128,
        heads: int = 4,
        width: int = 512,
        activation: str = "relu",
        init_scale: float = 1.0,
        generator: torch.Generator,
        dtype: torch.dtype = torch.float32,
        products: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        tokens = _checks.number("tokens", tokens, kind=int, low=1)
        d_model = _checks.number("d_model", d_model, kind=int, low=1)
        heads = _checks.number("heads", heads, kind=int, low=1)
        width = _checks.number("width", width, kind=int, low=1)
        init_scale = _checks.number("init_scale", init_scale, low=0)
        if d_model % heads:
            raise ValueError(f"heads: got {heads}; allowed: a divisor of d_model = {d_model}")
        self.activation = _checks.lookup(ELEMENTWISE, activation, "activation")
        self.products = products or dtype
        per_head = (heads, d_model // heads, d_model)
        for name, shape, variance in (
            ("W_E", (d_model, tokens + 1), 1 / d_model),
            ("W_pos", (3, d_model), 1 / d_model),
            ("W_K", per_head, 1 / d_model),
            ("W_Q", per_head, 1 / d_model),
            ("W_V", per_head, 1 / d_model),
            ("W_O", (d_model, d_model), 1 / d_model),
            ("W_in", (width, d_model), 1 / d_model),
            ("b_in", (width,), 0),
            ("W_out", (d_model, width), 1 / d_model),
            ("b_out", (d_model,), 0),
            ("W_U", (d_model, tokens + 1), 1 / (tokens + 1)),
        ):
            start = torch.zeros(shape, dtype=torch.float64)
            if variance:
                start.normal_(generator=generator).mul_(init_scale * sqrt(variance))
            self.register_parameter(name, nn.Parameter(start.to(dtype)))
        self._chunks = Chunks()

    def plain(self, a: Tensor, b: Tensor) -> Tensor:
        """Logits (R, Q) by running all three positions through the layer; slow, for tests."""
        tokens = torch.stack((a, b, torch.full_like(a, self.W_E.shape[1] - 1)), 1)
        x = self.W_E.T[tokens] + self.W_pos
        k, q, v = (torch.einsum("hkd,rpd->rhpk", w, x) for w in (self.W_K, self.W_Q, self.W_V))
        scores = q @ k.mT / sqrt(q.shape[-1])
        after = torch.ones(3, 3, dtype=torch.bool, device=a.device).triu(1)
        z = scores.masked_fill(after, -torch.inf).softmax(-1) @ v
        x = x + z.transpose(1, 2).flatten(2) @ self.W_O.T
        hidden = self.activation.function(x @ self.W_in.T + self.b_in)
        x = x + hidden @ self.W_out.T + self.b_out
        return (x @ self.W_U)[:, -1]

    def tables(self) -> Tables:
        """The network as tables, differentiable by the parameters."""
        last = self.W_E[:, -1] + self.W_pos[2]
        pairs = torch.cat((self.W_E[:, :-1].T + self.W_pos[0], self.W_E[:, :-1].T + self.W_pos[1]))
        query = torch.einsum("hkd,d->hk", self.W_Q, last) / sqrt(self.W_Q.shape[1])
        probe = torch.einsum("hk,hkd->hd", query, self.W_K)
        w_v = self.W_V.flatten(0, 1)
        middle = last + self.W_O @ (w_v @ last)
        skip = torch.cat((self.W_O, (middle + self.b_out)[:, None]), 1)
        return Tables(
            scores=(pairs - last) @ probe.T,
            values=(pairs - last) @ w_v.T,
            into=torch.cat((self.W_in @ self.W_O, (self.W_in @ middle + self.b_in)[:, None]), 1),
            out=self.W_U.T @ torch.cat((self.W_out, skip), 1),
        )

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Logits (R, Q) of the pairs ``a``, ``b`` (R,) int64, by the tables; differentiable by autograd."""
        return self.tables().logits(a, b, self.activation)

    def activations(self, a: Tensor, b: Tensor) -> dict[str, Tensor]:
        """Intermediate values at the last position by name.

        "embedding_a", "embedding_b" (R, D) with position; "scores", "attention" (R, H, 3) of "=" looking at
        a, b, "="; "residual_mid" (R, D) after attention; "pre", "hidden" (R, M); "logits" (R, Q).
        """
        token = self.W_E.T
        x = torch.stack((token[a], token[b], token[-1].expand(len(a), -1)), 1) + self.W_pos
        q = torch.einsum("hkd,d->hk", self.W_Q, x[0, 2]) / sqrt(self.W_Q.shape[1])
        scores = torch.einsum("hk,hkd,rpd->rhp", q, self.W_K, x)
        attention = scores.softmax(-1)
        z = torch.einsum("rhp,hkd,rpd->rhk", attention, self.W_V, x).flatten(1)
        middle = x[:, 2] + z @ self.W_O.T
        pre = middle @ self.W_in.T + self.b_in
        hidden = self.activation.function(pre)
        return {
            "embedding_a": x[:, 0],
            "embedding_b": x[:, 1],
            "scores": scores,
            "attention": attention,
            "residual_mid": middle,
            "pre": pre,
            "hidden": hidden,
            "logits": (middle + hidden @ self.W_out.T + self.b_out) @ self.W_U,
        }

    def logits(self, a: Tensor, b: Tensor) -> Tensor:
        """The same logits without autograd, in pieces that fit the cache, for many rows."""
        tables = on_one_core(torch.no_grad()(self.tables), a.device)
        write = partial(tables.write_logits, activation=self.activation)
        out = tables.out.new_empty(len(a), len(tables.out))
        return all_logits(write, a, b, out, row_bytes=tables.row_bytes())

    def gradient(
        self, a: Tensor, b: Tensor, answer: Tensor, loss_gradient: LossGradient, out: dict[str, Tensor]
    ) -> None:
        """Write the gradient of the mean loss over all rows into ``out``, in pieces that fit the cache.

        Row by row the gradient is taken, by hand, with respect to the tables; autograd takes it from
        there to the parameters, which costs no more than a few hundred rows.

        Args:
            a: (R,) int64. Sorted by ``a`` (as :func:`labkit.data.arithmetic.pairs` gives them) is fastest.
            b: (R,) int64.
            answer: (R,) int64.
            loss_gradient: see :data:`labkit.nn.chunks.LossGradient`.
            out: name -> tensors shaped like the parameters, overwritten.
        """
        tables = on_one_core(torch.enable_grad()(self.tables), a.device)
        names, parameters = zip(*self.named_parameters(), strict=True)

        def write(by_tables: Tables) -> None:
            for name, grad in zip(names, torch.autograd.grad(tables, parameters, by_tables), strict=True):
                out[name].copy_(grad)

        with torch.no_grad():
            Tables(*(table.detach() for table in tables)).gradient(
                self._chunks, a, b, answer, loss_gradient, self.activation, self.products, write
            )

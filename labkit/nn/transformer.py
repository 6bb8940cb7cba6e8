"""One-layer transformer on "a b =", read at the last position (Nanda et al., 2301.05217).

Letters: P tokens, D d_model, H heads, K = D / H, M width of the MLP, Q = P + 1 outputs, R rows.
"""

from collections.abc import Callable, Iterator
from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from labkit import _checks
from labkit.nn.activations import ACTIVATIONS
from labkit.nn.chunks import Chunks, mean_loss_and_accuracy, pieces
from labkit.nn.mlp import LossGradient


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
        activation: a key of :data:`labkit.nn.activations.ACTIVATIONS`.
        init_scale: factor on all weights at the start; 1 is Nanda et al.
        generator: on the CPU; draws in the order of the parameters above.
        dtype: of the parameters. Draws are made in float64 and rounded, so that precisions start alike.
        products: dtype of the large matrix products in :meth:`gradient`; ``None`` is ``dtype``.
            ``torch.bfloat16`` is twice as fast on CPUs with AMX; parameters, tables, softmax, loss and
            sums over pieces stay in ``dtype``.

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
        self.activation = _checks.lookup(ACTIVATIONS, activation, "activation")
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

    def tables(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The network as tables, differentiable by the parameters.

        With the scores s and values v of a, b and "=", attention (α, β, 1-α-β) is the softmax of
        (s_a - s_=, s_b - s_=, 0), and z = α(v_a - v_=) + β(v_b - v_=) what it moves, v_= being a constant.
        Everything linear around the one nonlinearity is multiplied out.

        Returns:
            scores (2P, H): of a (rows 0 ... P-1) and b (P ... 2P-1), minus that of "=".
            values (2P, H·K): the same for values.
            into (M, H·K + 1): pre = into · (z, 1).
            out (Q, M + H·K + 1): logits = out · (φ(pre), z, 1).
        """
        tokens = self.W_E.shape[1] - 1
        last = self.W_E[:, -1] + self.W_pos[2]
        pairs = torch.cat((self.W_E[:, :-1].T + self.W_pos[0], self.W_E[:, :-1].T + self.W_pos[1]))
        heads, k, _ = self.W_K.shape
        query = torch.einsum("hkd,d->hk", self.W_Q, last) / sqrt(k)
        probe = torch.einsum("hk,hkd->hd", query, self.W_K)
        scores = (pairs - last) @ probe.T
        w_v = self.W_V.flatten(0, 1)
        values = (pairs - last) @ w_v.T
        middle = last + self.W_O @ (w_v @ last)
        into = torch.cat((self.W_in @ self.W_O, (self.W_in @ middle + self.b_in)[:, None]), 1)
        skip = torch.cat((self.W_O, (middle + self.b_out)[:, None]), 1)
        out = self.W_U.T @ torch.cat((self.W_out, skip), 1)
        assert scores.shape == (2 * tokens, heads)
        return scores, values, into, out

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Logits (R, Q) of the pairs ``a``, ``b`` (R,) int64, through the tables; differentiable by autograd."""
        scores, values, into, out = self.tables()
        attention = self._attention(scores, a, b)
        z = self._moved(values, attention, a, b)
        hidden = self.activation.function(F.linear(z, into[:, :-1], into[:, -1]))
        return F.linear(torch.cat((hidden, z), 1), out[:, :-1], out[:, -1])

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

    @torch.no_grad()
    def evaluate(
        self, a: Tensor, b: Tensor, answer: Tensor, loss: Callable[[Tensor, Tensor], Tensor]
    ) -> tuple[float, float]:
        """Mean loss and accuracy over the rows, without a gradient, in pieces that fit the cache.

        Args:
            a: (R,) int64.
            b: (R,) int64.
            answer: (R,) int64.
            loss: ``(logits, answer)`` -> mean over some rows.
        """
        return mean_loss_and_accuracy(self._logits(a, b, answer), loss)

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
            loss_gradient: ``(logits, answer, rows)`` turns logits of some rows in place into the
                gradient of the mean over ``rows`` rows.
            out: name -> tensors shaped like the parameters, overwritten.
        """
        with torch.enable_grad():
            tables = self.tables()
        with torch.no_grad():
            by_tables = self._by_tables(a, b, answer, loss_gradient, *(t.detach() for t in tables))
        names, parameters = zip(*self.named_parameters(), strict=True)
        for name, grad in zip(names, torch.autograd.grad(tables, parameters, by_tables), strict=True):
            out[name].copy_(grad)

    def _attention(self, scores: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """Softmax over (a, b, "="), without the last: (R, H, 2)."""
        tokens = len(scores) // 2
        s = torch.stack((F.embedding(a, scores), F.embedding(b + tokens, scores)), 2)
        return F.pad(s, (0, 1)).softmax(2)[:, :, :2]

    def _moved(self, values: Tensor, attention: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """z (R, H·K)."""
        tokens, heads = len(values) // 2, attention.shape[1]
        v = torch.stack((F.embedding(a, values), F.embedding(b + tokens, values)), 1)
        return torch.einsum("rhj,rjhk->rhk", attention, v.unflatten(2, (heads, -1))).flatten(1)

    def _logits(self, a: Tensor, b: Tensor, answer: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        scores, values, into, out = self.tables()
        (tokens, heads), width = (len(scores) // 2, scores.shape[1]), len(into)
        attention = self._attention(scores, a, b).contiguous()
        head = torch.arange(heads, device=a.device)
        pair = torch.stack((a, b + tokens), 1)[:, None, :] * heads + head[:, None]
        blocks = values.view(len(values) * heads, -1)
        for some, weights, right in pieces(
            a.device, 2 * width * into.element_size(), pair, attention, answer
        ):
            z = F.embedding_bag(
                some.flatten(0, 1), blocks, mode="sum", per_sample_weights=weights.flatten(0, 1)
            ).view(len(some), -1)
            pre = torch.addmm(into[:, -1], z, into[:, :-1].T)
            hidden = self.activation.into(pre, torch.empty_like(pre))
            logits = torch.addmm(out[:, -1], hidden, out[:, :width].T)
            yield logits.addmm_(z, out[:, width:-1].T), right

    def _by_tables(
        self,
        a: Tensor,
        b: Tensor,
        answer: Tensor,
        loss_gradient: LossGradient,
        scores: Tensor,
        values: Tensor,
        into: Tensor,
        out: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        (heads, size), width, exact = (scores.shape[1], values.shape[1]), len(into), values.dtype
        tokens, rows, fast = len(scores) // 2, len(a), self.products
        # (φ(pre), z, 1) is one matrix; zeros fill it up to whole cache lines
        last = width + size
        full = -(-(last + 1) // 16) * 16
        out_ = F.pad(out, (0, full - out.shape[1])).to(fast)
        into_ = into.to(fast)
        attention = self._attention(scores, a, b).contiguous()
        by_attention = torch.empty_like(attention)
        by_values, by_into, by_out = (
            torch.zeros_like(values),
            torch.zeros_like(into),
            torch.zeros_like(out_, dtype=exact),
        )
        chunks = self._chunks.of(
            a, b, answer, tokens=tokens, heads=heads, row_bytes=(2 * full + width) * into_.element_size()
        )
        work: dict[tuple[int, int], tuple[Tensor, ...]] = {}
        for chunk in chunks:
            shape = (chunk.parts, chunk.rows)
            if shape not in work:
                new = into_.new_zeros
                x = new(*shape, full)
                x[..., last] = 1
                pre, slope, logits = (
                    new(*shape, width),
                    new(*shape, full),
                    new(chunk.parts, len(out), chunk.rows),
                )
                sums = (
                    by_into.new_zeros(chunk.parts, *into.shape),
                    by_out.new_zeros(chunk.parts, *out_.shape),
                )
                work[shape] = (x, pre, slope, logits, *sums)
            x, pre, slope, logits, to_into, to_out = work[shape]
            w_in, w_out = into_.expand(chunk.parts, -1, -1), out_.expand(chunk.parts, -1, -1)
            weights = attention[chunk.weights]
            hidden, z1 = x[..., :width], x[..., width : last + 1]
            x[..., width:last] = chunk.gather(values, weights)
            torch.bmm(z1, w_in.mT, out=pre)
            self.activation.into(pre, hidden)
            torch.bmm(w_out, x.mT, out=logits)
            at_logits = logits.to(exact)
            loss_gradient(at_logits.mT, chunk.answer, rows)
            if fast != exact:
                logits.copy_(at_logits)
            _add_product_(to_out, logits, x)
            torch.bmm(logits.mT, w_out, out=slope)
            at_pre = slope[..., :width]
            self.activation.slope_(pre, hidden, at_pre)
            _add_product_(to_into, at_pre.mT, z1)
            at_z = torch.bmm(at_pre, w_in[..., :-1]).to(exact).add_(slope[..., width:last])
            by_attention[chunk.weights] = chunk.dots(at_z, values)
            chunk.scatter_(at_z, by_values[:tokens], by_values[tokens:], weights)
        for *_, to_into, to_out in work.values():
            by_into += to_into.sum(0)
            by_out += to_out.sum(0)
        # softmax over (a, b, "="), where "=" gets no gradient because its value is 0
        by_attention -= (attention * by_attention).sum(2, keepdim=True)
        by_attention *= attention
        by_scores = torch.zeros_like(scores)
        head = torch.arange(heads, device=a.device)
        for side, token in enumerate((a, b + tokens)):
            index = (token[:, None] * heads + head).flatten()
            by_scores.view(-1).index_add_(0, index, by_attention[..., side].flatten())
        return by_scores, by_values, by_into, by_out[:, : out.shape[1]]


def _add_product_(total: Tensor, x: Tensor, y: Tensor) -> None:
    """``total += x @ y``, also where the factors have fewer digits than the sum."""
    if total.dtype == x.dtype:
        total.baddbmm_(x, y)
    else:
        total += torch.bmm(x, y)

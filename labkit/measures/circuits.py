"""What circuit is inside: one frequency per neuron, its phases, and what the key frequencies alone can do.

Letters as in f = W φ(U e_a + V e_b): ``U`` and ``V`` are (tokens, neurons), ``W`` is (outputs, neurons) with
as many outputs as tokens.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labkit import _checks
from labkit.measures.fourier import Basis, powers, share

Loss = Callable[[Tensor, Tensor], Tensor]


def inverse_participation_ratio(
    U: Float[Tensor, "tokens neurons"],
    V: Float[Tensor, "tokens neurons"],
    W: Float[Tensor, "tokens neurons"],
    basis: Basis,
) -> Float[Tensor, " neurons"]:
    r"""How far each neuron is from a single frequency: 1 for a pure one, 1/(K+1) for a flat spectrum.

    :math:`\mathrm{IPR} = \frac13 \sum_{X \in \{U, V, W\}} \sum_k a_k^4 / (\sum_k a_k^2)^2`, where
    :math:`a_k^2 = P_k / n_k` is the mean square coefficient over the :math:`n_k` functions of frequency k.
    For the additive basis :math:`a_k` is, up to a factor, the magnitude of the real FFT, so this is exactly
    the number of Doshi et al. (arXiv 2310.13061, Eqs. 3-4 with r = 2, and their code). As there, the
    **constant counts as one of the K + 1 frequencies**: a constant neuron also has 1. Gaussian weights give
    about 2/(K+1). An all-zero row counts 0.

    Args:
        U: (tokens, neurons), as V and W.
        V: see U.
        W: see U.
        basis: (functions, tokens); representations are treated alike, by their :math:`d^2` coefficients.

    Returns:
        (neurons,) float64 in [0, 1].

    Raises:
        ValueError: a matrix has not one row per token of the basis.
    """
    level = powers(_stack(U, V, W), basis) / basis.sizes[:, None]
    return share(level, -2).square().sum(-2).mean(0)


def neuron_spectra(
    U: Float[Tensor, "tokens neurons"],
    V: Float[Tensor, "tokens neurons"],
    W: Float[Tensor, "tokens neurons"],
    basis: Basis,
) -> Float[Tensor, "neurons frequencies"]:
    """Share of power per neuron and frequency, the mean of the shares in U, V and W.

    **Normalisation**: each of the three shares sums to 1 over the frequencies 1..K (constant left out), so a
    row sums to 1 however differently the three matrices are scaled; less where a matrix has no power at all.

    Returns:
        (neurons, K) float64; column i is frequency i + 1.

    Raises:
        ValueError: a matrix has not one row per token of the basis.
    """
    return share(powers(_stack(U, V, W), basis)[:, 1:], -2).mean(0).T


def dominant_frequency(
    spectra: Float[Tensor, "neurons frequencies"],
) -> Int[Tensor, " neurons"]:
    """The frequency (1..K) with the largest share in each row of :func:`neuron_spectra`."""
    return spectra.argmax(-1) + 1


def phases(
    U: Float[Tensor, "tokens neurons"],
    V: Float[Tensor, "tokens neurons"],
    W: Float[Tensor, "tokens neurons"],
    basis: Basis,
) -> Float[Tensor, "neurons 3"]:
    r"""Phases (φ_U, φ_V, φ_W) of each neuron at its dominant frequency, in (-π, π].

    **Sign convention**: a column :math:`A \cos(2\pi k a/p + \varphi)` with A > 0 has phase +φ. In the
    multiplicative basis the position log a stands for a. With it the trained quadratic network obeys, for
    tasks that add positions, :math:`\varphi_U + \varphi_V = \varphi_W` modulo 2π (Gromov, arXiv 2301.02679),
    and for a - b or a/b :math:`\varphi_U - \varphi_V = \varphi_W`; see :func:`phase_mismatch`. A one-function
    frequency (Nyquist) has phase 0 or π.

    Args:
        U: (tokens, neurons), as V and W.
        V: see U.
        W: see U.
        basis: one of waves, ``additive`` or ``multiplicative``.

    Raises:
        ValueError: the basis is not made of waves, or a matrix has not one row per token.
    """
    if bool((basis.sizes > 2).any()):
        raise ValueError(f"basis: got {basis.name!r}; allowed: one of waves, 'additive' or 'multiplicative'")
    stack = _stack(U, V, W).to(basis.matrix)
    dominant = dominant_frequency(neuron_spectra(U, V, W, basis))
    coefficient = basis.matrix @ stack
    first = torch.searchsorted(basis.group, dominant)  # rows are in order of frequency, cosine first
    second = (first + 1).clamp(max=len(basis.group) - 1)
    cosine, sine = (coefficient.gather(1, at.expand(3, 1, -1)).squeeze(1) for at in (first, second))
    sine = torch.where(basis.sizes[dominant] == 2, sine, 0.0)
    # A cos(θ + φ) = A cos φ cos θ - A sin φ sin θ; 0 - sine, so that a missing sine is +0 and gives +π
    return torch.atan2(0.0 - sine, cosine).T


def phase_mismatch(phases: Float[Tensor, "neurons 3"], sign: int = 1) -> Float[Tensor, " neurons"]:
    """φ_U + sign · φ_V - φ_W wrapped to (-π, π]: 0 where the neuron obeys the law of its task.

    Args:
        phases: (neurons, 3) from :func:`phases`.
        sign: 1 for a + b and a·b, -1 for a - b and a/b.

    Raises:
        ValueError: sign is neither 1 nor -1.
    """
    if sign not in (1, -1):
        raise ValueError(f"sign: got {sign!r}; allowed: 1 or -1")
    total = phases[:, 0] + sign * phases[:, 1] - phases[:, 2]
    return math.pi - (math.pi - total).remainder(2 * math.pi)


def restricted_loss(
    logits: Float[Tensor, "pairs outputs"],
    answer: Int[Tensor, " pairs"],
    basis: Basis,
    keys: Sequence[int],
    loss: Loss,
    index: Int[Tensor, " rows"] | None = None,
    labels: Int[Tensor, " pairs"] | None = None,
    part: "KeyPart | None" = None,
) -> float:
    r"""Loss when the logits may use *only* the key frequencies (Nanda et al., arXiv 2301.05217, §5.1).

    Each logit is a function of the pair (a, b). It is replaced by its mean over the table plus its orthogonal
    projection on :math:`\cos(w_k t)` and :math:`\sin(w_k t)`, k in ``keys``, with t the position of the
    pair's answer in the basis (a+b, a-b, log a + log b, ...; for S_n, the matrix coefficients at the answer).
    As in the paper the constant term is kept (it is the "bias correction" of their code) and products of
    different frequencies are dropped. The directions depend on the pair through its answer only, so the
    projection is a mean over equal answers followed by a small transform over t. Where answers are not
    equally frequent (a² + b²) it is still the orthogonal projection.

    Args:
        logits: of *all* pairs of the table, (pairs, outputs).
        answer: the true answer of each pair, as a token.
        basis: (functions, tokens).
        keys: frequencies, for instance from :func:`~labkit.measures.fourier.key_frequencies`; empty keeps the
            mean only.
        loss: (logits, labels) -> scalar, a mean over rows.
        index: rows on which the loss is taken; ``None`` is the whole table, as in the authors' code.
        labels: what the loss compares with, by default ``answer`` (they differ under label noise).
        part: what :func:`key_part` gives for these arguments, if it is known already.

    Returns:
        The loss as a number.

    Raises:
        ValueError: shapes that do not fit, or a key outside 1..K.
    """
    table, counts, mean = part or key_part(logits, answer, basis, keys)
    table = (table + mean).to(logits)
    if index is None and labels is None and bool((counts == counts[0]).all()):
        # every answer occurs equally often: one row an answer has the same mean
        return float(loss(table, torch.arange(len(table), device=logits.device)))
    labels = answer if labels is None else labels
    if index is not None:
        answer, labels = answer[index], labels[index]
    return float(loss(table[answer], labels))


def excluded_loss(
    logits: Float[Tensor, "pairs outputs"],
    answer: Int[Tensor, " pairs"],
    basis: Basis,
    keys: Sequence[int],
    loss: Loss,
    train_index: Int[Tensor, " rows"] | None = None,
    labels: Int[Tensor, " pairs"] | None = None,
    part: "KeyPart | None" = None,
) -> float:
    """Loss on the training pairs when the key frequencies are *removed* from the logits (Nanda et al., §5.1).

    The projection of :func:`restricted_loss` on the key directions, fitted on the whole table as in the
    authors' code, is subtracted; the mean stays. A memorising network hardly notices, a generalising one
    loses what it knows. One key at a time gives the per-frequency version (their App. C.1.5).

    Args:
        logits: of *all* pairs of the table, (pairs, outputs).
        answer: the true answer of each pair, as a token.
        basis: (functions, tokens).
        keys: frequencies to remove; none leaves the training loss.
        loss: (logits, labels) -> scalar, a mean over rows.
        train_index: the training rows, on which the paper takes the loss; ``None`` is the whole table.
        labels: what the loss compares with, by default ``answer`` (they differ under label noise).
        part: what :func:`key_part` gives for these arguments, if it is known already.

    Returns:
        The loss as a number.

    Raises:
        ValueError: shapes that do not fit, or a key outside 1..K.
    """
    table, _, _ = part or key_part(logits, answer, basis, keys)
    labels = answer if labels is None else labels
    if train_index is not None:
        logits, answer, labels = logits[train_index], answer[train_index], labels[train_index]
    return float(loss(logits.detach() - table.to(logits)[answer], labels))


class KeyPart(NamedTuple):
    """What the key frequencies contribute to the logits.

    Attributes:
        table: (tokens, outputs), the contribution by the pair's answer.
        counts: (tokens,), pairs that have this answer.
        mean: (outputs,), logits averaged over the table.
    """

    table: Tensor
    counts: Tensor
    mean: Tensor


def key_part(
    logits: Float[Tensor, "pairs outputs"],
    answer: Int[Tensor, " pairs"],
    basis: Basis,
    keys: Sequence[int],
) -> KeyPart:
    """What :func:`restricted_loss` keeps and :func:`excluded_loss` removes; arguments as there.

    Raises:
        ValueError: shapes that do not fit, or a key outside 1..K.
    """
    _checks.shape("logits", logits, None, None)
    _checks.shape("answer", answer, len(logits))
    logits = logits.detach()
    sums = logits.new_zeros(basis.tokens, logits.shape[1]).index_add_(0, answer, logits).to(basis.matrix)
    counts = torch.bincount(answer, minlength=basis.tokens).to(basis.matrix)
    mean = sums.sum(0) / len(logits)
    rows = basis.rows(keys)
    # centred over the table, so that the constant term is neither kept twice nor removed
    rows = rows - (rows @ counts)[:, None] / len(logits)
    if not len(rows):
        return KeyPart(torch.zeros_like(sums), counts, mean)
    gram = (rows * counts) @ rows.T
    table = rows.T @ (torch.linalg.pinv(gram, hermitian=True) @ (rows @ sums))
    return KeyPart(table, counts, mean)


def _stack(U: Tensor, V: Tensor, W: Tensor) -> Tensor:
    for name, matrix in (("V", V), ("W", W)):
        _checks.shape(name, matrix, *U.shape)
    return torch.stack([U, V, W]).detach()

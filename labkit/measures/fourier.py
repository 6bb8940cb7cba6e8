"""Fourier analysis in the basis that fits the task: bases of functions on the tokens, and power in them.

A *frequency* is a group of basis functions that belong together: cos and sin of one wave, or all matrix
coefficients of one irreducible representation. Frequencies are numbered 1, 2, ..., K as in the papers
(for ``additive`` the number is the wave number k itself); number 0 is the constant function. Vectors of
power leave the constant out, so their entry ``i`` belongs to frequency ``i + 1``.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labkit import _checks
from labkit.data import groups


@dataclass(frozen=True)
class Basis:
    """Orthonormal functions on the tokens, grouped into frequencies.

    Attributes:
        name: the key in :data:`BASES`.
        matrix: one function a row, (functions, tokens), float64, orthonormal rows. A token that the basis
            leaves out has a column of zeros.
        group: the frequency of each row, (functions,), from 0 (the constant) to K.
        labels: K + 1 names, ``labels[k]`` for frequency k.
        order: the tokens in the basis' own order, (functions,): 0, 1, 2, ... for addition and
            permutations, g^0, g^1, g^2, ... for multiplication.
    """

    name: str
    matrix: Float[Tensor, "functions tokens"]
    group: Int[Tensor, " functions"]
    labels: tuple[str, ...]
    order: Int[Tensor, " functions"]

    @property
    def frequencies(self) -> int:
        """K, the number of frequencies without the constant."""
        return len(self.labels) - 1

    @property
    def tokens(self) -> int:
        """How many tokens the functions are defined on, the left-out ones included."""
        return self.matrix.shape[1]

    @property
    def sizes(self) -> Int[Tensor, " groups"]:
        """How many functions each frequency has, (K + 1,), the constant first."""
        return torch.bincount(self.group, minlength=len(self.labels))

    def rows(self, keys: Sequence[int]) -> Float[Tensor, "chosen tokens"]:
        """The functions of the frequencies ``keys``; a number outside 1..K raises ``ValueError``."""
        keys = [_checks.number("frequency", k, kind=int, low=1, high=self.frequencies) for k in keys]
        return self.matrix[torch.isin(self.group, torch.tensor(keys, device=self.group.device))]

    def to(self, device: torch.device | str) -> "Basis":
        """The same basis on ``device``; measures compute on the device of the basis."""
        moved = {name: getattr(self, name).to(device) for name in ("matrix", "group", "order")}
        return replace(self, **moved)


def additive(p: int) -> Basis:
    r"""The real discrete Fourier basis on Z_p, for a + b, a - b and polynomials in sums.

    Rows: :math:`1/\sqrt p`, then :math:`\sqrt{2/p}\cos(2\pi k a/p)` and
    :math:`\sqrt{2/p}\sin(2\pi k a/p)` for k = 1, ..., (p-1)/2. For even p the last frequency, p/2, has
    the single function :math:`(-1)^a/\sqrt p`.

    Raises:
        ValueError: p is not a whole number, 2 or more.
    """
    p = _checks.number("p", p, kind=int, low=2)
    matrix, group = _waves(p)
    return Basis("additive", matrix, group, _names(p), torch.arange(p))


def multiplicative(p: int) -> Basis:
    r"""The Fourier basis over the discrete logarithm, for a·b and a/b modulo a prime p.

    With a primitive root g, token :math:`g^t` stands at position t of Z_{p-1}, and the functions are those
    of :func:`additive` in t: :math:`\cos(2\pi k\log_g a/(p-1))`, ... Token 0 has no logarithm and is left
    out (its column is zero), so a share of power says nothing about it. The last frequency, (p-1)/2, is the
    Legendre symbol. Another primitive root would only rename the frequencies.

    Raises:
        ValueError: p is not an odd prime.
    """
    p = _checks.number("p", p, kind=int, low=3)
    order = groups.discrete_log(p)
    waves, group = _waves(p - 1)
    matrix = torch.zeros(p - 1, p, dtype=torch.float64)
    matrix[:, order] = waves
    return Basis("multiplicative", matrix, group, _names(p - 1), order)


def permutations(n: int) -> Basis:
    r"""The matrix coefficients of the irreducible representations of S_n, for composition.

    Rows: :math:`\sqrt{d_\rho/n!}\,\rho(g)_{ij}`, orthonormal by Schur's relations; a frequency is one
    irreducible representation with its :math:`d_\rho^2` functions (an isotypic component of the regular
    representation), named by its partition. The constant is the trivial representation (n,).

    Raises:
        ValueError: n is not a whole number, 2 or more.
    """
    n = _checks.number("n", n, kind=int, low=2)
    irreps = sorted(groups.irreps(n), key=lambda irrep: irrep.partition, reverse=True)
    order = irreps[0].matrices.shape[0]
    rows, group = [], []
    for number, irrep in enumerate(irreps):  # (n,), the trivial one, sorts first
        d = irrep.matrices.shape[1]
        rows.append(irrep.matrices.to(torch.float64).reshape(order, d * d).T * math.sqrt(d / order))
        group += [number] * (d * d)
    labels = tuple("(" + ",".join(map(str, irrep.partition)) + ")" for irrep in irreps)
    return Basis("permutations", torch.cat(rows), torch.tensor(group), labels, torch.arange(order))


BASES: dict[str, Callable[[int], Basis]] = {
    "additive": additive,
    "multiplicative": multiplicative,
    "permutations": permutations,
}


def basis(name: str | None, size: int) -> Basis | None:
    """The basis that a task names, for modulus (or n of S_n) ``size``; ``None`` where no basis fits.

    Raises:
        ValueError: an unknown name (with the nearest one), or a size that the basis does not take.
    """
    return None if name is None else _checks.lookup(BASES, name, "basis")(size)


def powers(matrix: Float[Tensor, "... tokens columns"], basis: Basis) -> Float[Tensor, "... groups columns"]:
    r"""Power per frequency and column, the constant first.

    :math:`P_k = \sum_{r \in k} (\sum_a B_{ra} x_a)^2` for each column x. By Parseval the sum over k is the
    squared norm of the column over the tokens that the basis covers. Computed in float64.
    """
    _checks.shape("matrix", matrix, *[None] * (matrix.ndim - 2), basis.tokens, None)
    squares = (basis.matrix @ matrix.detach().to(basis.matrix)).square()
    shape = (*squares.shape[:-2], len(basis.labels), squares.shape[-1])
    return squares.new_zeros(shape).index_add_(-2, basis.group, squares)


def fourier_spectrum(
    embedding: Float[Tensor, "tokens width"] | Sequence[Float[Tensor, "tokens _"]], basis: Basis
) -> Float[Tensor, " frequencies"]:
    r"""Share of power that each frequency has in an embedding.

    :math:`s_k = \sum_j P_{kj} / \sum_{k \geq 1} \sum_j P_{kj}`, with P from :func:`powers` and j over the
    columns. **Normalisation**: shares sum to 1 over the frequencies 1..K; the constant (the mean over tokens)
    is left out of both sums. All-zero embeddings give zeros. (Nanda et al., arXiv 2301.05217, Fig. 3, plot
    the *norm* per cos or sin row: the square root of this, unnormalised, sin and cos apart.)

    Args:
        embedding: one matrix (tokens, width), or several whose power is added (U and V of the MLP).
        basis: (functions, tokens).

    Returns:
        (K,) float64; entry i belongs to frequency i + 1.

    Raises:
        ValueError: a matrix has not one row per token of the basis.
    """
    matrices = [embedding] if isinstance(embedding, Tensor) else list(embedding)
    return share(sum(powers(matrix, basis).sum(-1) for matrix in matrices)[1:], 0)


def key_frequencies(power: Float[Tensor, " frequencies"], share: float = 0.9) -> list[int]:
    """The smallest set of frequencies that carries at least ``share`` of the power, in rising order.

    Entry i of ``power`` is frequency i + 1, as :func:`fourier_spectrum` returns it. The default .9 is this
    lab's: it separates Nanda et al.'s transformer (a handful) from the quadratic MLP (nearly all). No power:
    no keys.

    Raises:
        ValueError: share is not in [0, 1], or power is not a vector of finite numbers, 0 or more.
    """
    share = _checks.number("share", share, low=0, high=1)
    _checks.shape("power", power, None)
    power = power.detach().to("cpu", torch.float64)
    if not bool(torch.isfinite(power).all() and (power >= 0).all()):
        raise ValueError("power: got a negative or non-finite entry; allowed: finite numbers, 0 or more")
    ordered, index = power.sort(descending=True, stable=True)
    carried = ordered.cumsum(0)
    if not len(carried) or carried[-1] == 0:
        return []
    # a rounding error in the running sum must not call for one frequency more
    enough = carried >= carried[-1] * share * (1 - 1e-12)
    count = int(enough.to(torch.int8).argmax()) + 1 if share > 0 else 0
    return sorted(int(i) + 1 for i in index[:count])


def circle(embedding: Float[Tensor, "tokens width"], basis: Basis, k: int) -> Float[Tensor, "tokens 2"]:
    r"""The embedding seen in the plane of frequency k.

    With :math:`C = B_k E`, (functions of k, width), the plane is spanned by the rows of C, the directions
    along which frequency k is written. For a wave (cos and sin) its axes are the polar factor :math:`Q =
    C^\top (C C^\top)^{-1/2}`: the orthonormal pair nearest to the cos and sin directions. The angle of token
    a in :math:`(E - \bar E)\,Q` is then :math:`2\pi k a/p` for a perfect circle, and the picture does not
    spin from one step to the next, as singular vectors of a (degenerate) circle would. For representations of
    dimension 2 or more the axes are the top two right singular directions of C, sign fixed by the largest
    coordinate. A one-function frequency has a line, not a plane: its second coordinate is 0.

    The points are the whole embedding projected, so what is not of frequency k shows as scatter around the
    circle. A token that the basis leaves out is projected like the others, relative to the mean of those it
    covers.

    Args:
        embedding: (tokens, width).
        basis: (functions, tokens).
        k: the frequency, 1..K.

    Returns:
        (tokens, 2) float64.

    Raises:
        ValueError: k is not in 1..K, or the embedding has not one row per token.
    """
    _checks.shape("embedding", embedding, basis.tokens, None)
    rows = basis.rows([k])
    embedding = embedding.detach().to(rows)
    centred = embedding - embedding[basis.order].mean(0)
    left, stretch, right = torch.linalg.svd(rows @ embedding, full_matrices=False)
    solid = stretch > stretch[0] * 1e-10 if stretch[0] > 0 else torch.zeros_like(stretch, dtype=torch.bool)
    right = right * solid[:, None]
    if len(rows) <= 2:
        axes = left @ right
    else:
        top = right[:2]
        axes = top * top.gather(1, top.abs().argmax(1, keepdim=True)).sign()
    points = centred.new_zeros(len(centred), 2)
    points[:, : len(axes)] = centred @ axes[:2].T
    return points


def share(power: Tensor, dim: int) -> Tensor:
    """``power`` divided by its sum along ``dim``; zeros where the sum is zero."""
    total = power.sum(dim, keepdim=True)
    return torch.where(total > 0, power / total, 0.0)


def _waves(count: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines on Z_count, orthonormal rows, and the frequency of each row."""
    position = torch.arange(count, dtype=torch.float64)
    rows, group = [torch.ones_like(position)], [0]
    for k in range(1, count // 2 + 1):
        # k * position is reduced first: the cosine of a large angle loses digits
        angle = (position * k).remainder(count) * (2 * math.pi / count)
        rows.append(angle.cos())
        group.append(k)
        if 2 * k != count:  # the sine of the Nyquist frequency is zero
            rows.append(angle.sin())
            group.append(k)
    matrix = torch.stack(rows)
    return matrix / matrix.norm(dim=1, keepdim=True), torch.tensor(group)


def _names(count: int) -> tuple[str, ...]:
    return ("constant", *(str(k) for k in range(1, count // 2 + 1)))

"""Finite groups: the symmetric group S_n with its irreducible representations, and the units modulo p."""

import functools
import itertools
from dataclasses import dataclass
from math import isqrt

import torch
from torch import Tensor

from labkit import _checks

#: S_5 has 120 elements; S_6 has 720, whose table of pairs (518 400 rows) is beyond the labs.
LARGEST = 5


@dataclass(frozen=True)
class Irrep:
    """One irreducible representation of S_n.

    Attributes:
        partition: its label, e.g. (3, 1); (n,) is the trivial one, (1, ..., 1) the sign.
        matrices: (n!, d, d) float64, orthogonal, ordered as :func:`permutations`.
        characters: (n!,) float64, their traces.
    """

    partition: tuple[int, ...]
    matrices: Tensor
    characters: Tensor


def permutations(n: int) -> Tensor:
    """All permutations of 0 ... n-1 in lexicographic order, (n!, n) int64; row 0 is the identity."""
    n = _checks.number("size", n, kind=int, low=1, high=LARGEST)
    return torch.tensor(list(itertools.permutations(range(n))))


@functools.cache
def compose_table(n: int) -> Tensor:
    """Index of σ∘τ, (n!, n!) int64, where (σ∘τ)(x) = σ(τ(x)); rows σ, columns τ. Do not write into it."""
    perms = permutations(n)
    index = {tuple(row): i for i, row in enumerate(perms.tolist())}
    return torch.tensor([[index[tuple(s[t].tolist())] for t in perms] for s in perms])


@functools.cache
def irreps(n: int) -> tuple[Irrep, ...]:
    """All irreducible representations of S_n in Young's orthogonal form, one a partition of n.

    The basis of the representation λ are the standard Young tableaux of shape λ. The transposition of
    i and i+1 sends tableau T to T/r + √(1 - 1/r²)·T', where r is the axial distance from i to i+1
    (content of i+1 minus content of i; content = column - row) and T' is T with i and i+1 exchanged.
    Other permutations follow as products. Source: James & Kerber, "The representation theory of the
    symmetric group" (1981), section 3.4.

    Raises:
        ValueError: n outside 1 ... 5.
    """
    n = _checks.number("size", n, kind=int, low=1, high=LARGEST)
    words = _adjacent_words(n)
    made = []
    for partition in _partitions(n, n):
        swaps = _adjacent_swaps(partition)
        eye = torch.eye(len(_tableaux(partition)), dtype=torch.float64)
        matrices = torch.stack([functools.reduce(torch.matmul, [swaps[i] for i in w], eye) for w in words])
        made.append(Irrep(partition, matrices, torch.einsum("gii->g", matrices)))
    return tuple(made)


def is_prime(number: int) -> bool:
    """Whether ``number`` is a prime, by trial division."""
    return number > 1 and all(number % d for d in range(2, isqrt(number) + 1))


@functools.cache
def primitive_root(p: int) -> int:
    """The smallest g whose powers are all of 1 ... p-1 modulo the prime p.

    Raises:
        ValueError: p is not a prime.
    """
    if not is_prime(p):
        raise ValueError(f"modulus: got {p}; allowed: a prime, because only then all units are powers of one")
    factors = [q for q in range(2, p) if (p - 1) % q == 0 and is_prime(q)]
    return next(g for g in range(1, p) if all(pow(g, (p - 1) // q, p) != 1 for q in factors))


def discrete_log(p: int) -> Tensor:
    """1 ... p-1 in the order of their discrete logarithm: (g⁰, g¹, ..., g^(p-2)) mod p, (p-1,) int64.

    g is :func:`primitive_root`. In this order multiplication modulo p is addition of positions modulo p-1.
    """
    root, powers = primitive_root(p), [1]
    for _ in range(p - 2):
        powers.append(powers[-1] * root % p)
    return torch.tensor(powers)


def _partitions(n: int, largest: int) -> list[tuple[int, ...]]:
    if n == 0:
        return [()]
    return [(k, *rest) for k in range(min(n, largest), 0, -1) for rest in _partitions(n - k, k)]


def _tableaux(partition: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Standard tableaux as words: entry i is the row of the number i; rows fill up in partition shape."""
    grown = [()]
    for _ in range(sum(partition)):
        grown = [
            (*word, row)
            for word in grown
            for row, length in enumerate(partition)
            if word.count(row) < length and (row == 0 or word.count(row - 1) > word.count(row))
        ]
    return grown


def _adjacent_swaps(partition: tuple[int, ...]) -> list[Tensor]:
    words = _tableaux(partition)
    place = {word: k for k, word in enumerate(words)}
    made = []
    for i in range(sum(partition) - 1):
        matrix = torch.zeros(len(words), len(words), dtype=torch.float64)
        for k, word in enumerate(words):
            content = [word[:j].count(word[j]) - word[j] for j in (i, i + 1)]
            distance = content[1] - content[0]
            matrix[k, k] = 1 / distance
            other = place.get((*word[:i], word[i + 1], word[i], *word[i + 2 :]))
            if abs(distance) > 1:
                matrix[other, k] = (1 - 1 / distance**2) ** 0.5
        made.append(matrix)
    return made


def _adjacent_words(n: int) -> list[list[int]]:
    """For each permutation positions i with σ = s_i1 ∘ s_i2 ∘ ..., where s_i exchanges i and i+1."""
    words = []
    for perm in permutations(n).tolist():
        word = []
        # Sorting by exchanging neighbouring places multiplies from the right; undone in reverse order.
        while (i := next((j for j in range(n - 1) if perm[j] > perm[j + 1]), None)) is not None:
            perm[i], perm[i + 1] = perm[i + 1], perm[i]
            word.append(i)
        words.append(word[::-1])
    return words

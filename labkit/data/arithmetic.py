"""Two-argument tasks on a finite set: every pair (a, b) has one answer, a row of the table is one sample.

A task is a function ``(a, b, size) -> answer`` and a row in :data:`TASKS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import factorial
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from labkit import _checks
from labkit.data import groups

Basis = Literal["additive", "multiplicative", "permutations"]


@dataclass(frozen=True)
class Task:
    """One row of :data:`TASKS`.

    Attributes:
        function: ``(a, b, size) -> answer`` on int64 tensors; ``size`` is the modulus p, or n of S_n.
        formula: the answer as LaTeX, for titles.
        basis: in which the embeddings of a trained network are expected to be sparse: the Fourier basis
            of the additive group, of the multiplicative group (DFT over the discrete logarithm, 0 left
            out), the irreducible representations of S_n, or ``None`` where no such basis is known.
        field_only: the modulus has to be a prime.
        sign: of b in the exponent of the basis: +1 for a+b and a*b, -1 for a-b and a/b.
        inverse: the task that undoes this one: ``inverse(function(a, b), b) = a`` (for a*b where b is not 0).
    """

    function: Callable[[Tensor, Tensor, int], Tensor]
    formula: str
    basis: Basis | None = None
    field_only: bool = False
    sign: int = 1
    inverse: str | None = None


class Pairs(NamedTuple):
    """The whole table, a-major: int64 tensors of equal length; ``tokens`` is how many symbols there are."""

    a: Tensor
    b: Tensor
    answer: Tensor
    tokens: int


def _divide(a: Tensor, b: Tensor, p: int) -> Tensor:
    # Fermat: b^(p-2) is the inverse of b modulo a prime p; square and multiply keeps numbers below p^2.
    answer, square, exponent = a % p, b % p, p - 2
    while exponent:
        if exponent & 1:
            answer = answer * square % p
        square, exponent = square * square % p, exponent >> 1
    return answer


def _compose(a: Tensor, b: Tensor, n: int) -> Tensor:
    return groups.compose_table(n).to(a.device)[a, b]


TASKS: dict[str, Task] = {
    "a+b": Task(lambda a, b, p: (a + b) % p, r"a + b \bmod p", "additive", inverse="a-b"),
    "a-b": Task(lambda a, b, p: (a - b) % p, r"a - b \bmod p", "additive", sign=-1, inverse="a+b"),
    "a*b": Task(lambda a, b, p: a * b % p, r"a \cdot b \bmod p", "multiplicative", inverse="a/b"),
    "a/b": Task(
        _divide, r"a \cdot b^{-1} \bmod p", "multiplicative", field_only=True, sign=-1, inverse="a*b"
    ),
    "a^2+b^2": Task(lambda a, b, p: (a * a + b * b) % p, r"a^2 + b^2 \bmod p"),
    "a^2+ab+b^2": Task(lambda a, b, p: (a * a + a * b + b * b) % p, r"a^2 + ab + b^2 \bmod p"),
    "a^3+ab": Task(lambda a, b, p: (a * a % p * a + a * b) % p, r"a^3 + ab \bmod p"),
    "permutations": Task(_compose, r"a \circ b \in S_n", "permutations"),
}


def pairs(task: str, size: int) -> Pairs:
    """The whole table of ``task``.

    Args:
        task: a key of :data:`TASKS`.
        size: the modulus p (2 or more; a prime for a/b), or n (2 to 5) of S_n for "permutations".

    Returns:
        All p² rows (n!² for "permutations"; p(p-1) for a/b, where b = 0 is left out), ordered by a, then b.

    Raises:
        ValueError: unknown task; ``size`` out of range, or not a prime where the task needs one.
    """
    row = _checks.lookup(TASKS, task, "task")
    if row.basis == "permutations":
        tokens = factorial(_checks.number("size", size, kind=int, low=2, high=groups.LARGEST))
    else:
        tokens = _checks.number("modulus", size, kind=int, low=2, high=2_000)
        if row.field_only and not groups.is_prime(tokens):
            raise ValueError(f"modulus: got {size}; allowed: a prime, because the task {task!r} divides")
    a, b = torch.cartesian_prod(torch.arange(tokens), torch.arange(tokens)).unbind(1)
    if task == "a/b":
        a, b = a[b != 0], b[b != 0]
    a, b = a.contiguous(), b.contiguous()
    return Pairs(a, b, row.function(a, b, size), tokens)


def split(count: int, fraction: float, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Divide ``count`` rows at random into ``int(fraction * count)`` training rows and the rest.

    Returns:
        Two sorted int64 index tensors; sorted so that an a-major table stays a-major. For one
        generator seed a larger fraction trains on a superset.

    Raises:
        ValueError: a part would be empty.
    """
    fraction = _checks.number("train_fraction", fraction, low=0, high=1)
    train = int(fraction * count)
    if not 0 < train < count:
        raise ValueError(
            f"train_fraction: got {fraction:g}, which leaves {train} of {count} rows for training; "
            f"allowed: at least 1 row for training and 1 for testing"
        )
    order = torch.randperm(count, generator=generator)
    return order[:train].sort().values, order[train:].sort().values


def corrupt(answer: Tensor, noise: float, tokens: int, *, generator: torch.Generator) -> Tensor:
    """Replace ``int(noise * rows)`` answers, picked at random, by uniform draws from all ``tokens``.

    A draw may hit the true answer (probability 1 / tokens), as in Doshi et al., "To grok or not to
    grok" (2310.13061): their label corruption replaces a fixed share of the training labels by
    uniform random ones. Nested: for one generator seed a larger ``noise`` corrupts a superset of the
    rows, with the same wrong answers.

    Args:
        answer: (rows,) int64, left unchanged.
        noise: share of the rows, 0 to 1; 0 returns a copy.
        tokens: draws are from 0 to tokens - 1.
        generator: on the CPU; always asked for the same numbers, whatever ``noise`` is.

    Raises:
        ValueError: ``noise`` outside [0, 1].
    """
    noise = _checks.number("label_noise", noise, low=0, high=1)
    rows = len(answer)
    order = torch.randperm(rows, generator=generator)
    wrong = torch.randint(tokens, (rows,), generator=generator)
    hit = order[: int(noise * rows)]
    out = answer.clone()
    out[hit.to(out.device)] = wrong[hit].to(out.device)
    return out

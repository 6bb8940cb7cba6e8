"""Gromov's analytic solution of modular addition by a quadratic two-layer network."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labkit import _checks


@dataclass(frozen=True)
class Solution:
    """Weights that solve a + b mod p without training.

    Attributes:
        U: (p, width).
        V: (p, width).
        W: (p, width), one row an output.
        frequency: k of each neuron, (width,), in 1..(p-1)/2.
        phases: (φ_U, φ_V, φ_W) of each neuron, (width, 3), in (-π, π].
    """

    U: Float[Tensor, "tokens neurons"]
    V: Float[Tensor, "tokens neurons"]
    W: Float[Tensor, "tokens neurons"]
    frequency: Int[Tensor, " neurons"]
    phases: Float[Tensor, "neurons 3"]


def amplitude(width: int, prefactor: float = 1.0) -> float:
    r"""The amplitude A that makes the correct logit 1 on average, :math:`A = (2/(cN))^{1/3}`.

    For f = c · W (U e_a + V e_b)² with N = ``width`` neurons and c = ``prefactor``.

    **Trap.** Gromov's paper prints the exponent as -1/3, an amplitude that *grows* with N, for a network
    that is normalised differently. For the plain network (c = 1) it is +1/3, because the correct logit is
    the sum :math:`c A^3 \sum_n \tfrac12 = c A^3 N/2`, see :func:`analytic_solution`. With
    :math:`c = N^{-2}` it would be :math:`A = (2N)^{1/3}`, which does grow.

    Raises:
        ValueError: width below 1, or a prefactor that is not a positive number.
    """
    width = _checks.number("width", width, kind=int, low=1)
    prefactor = _checks.number("prefactor", prefactor)
    if prefactor <= 0:
        raise ValueError(f"prefactor: got {prefactor}; allowed: a number above 0")
    return (2 / (prefactor * width)) ** (1 / 3)


def analytic_solution(
    p: int, width: int, *, generator: torch.Generator, dtype: torch.dtype = torch.float64
) -> Solution:
    r"""Weights of f = W (U e_a + V e_b)² that compute a + b mod p (Gromov, arXiv 2301.02679).

    .. math::
        U_{an} = A \cos(2\pi k_n a/p + \varphi_n^U),\quad V_{bn} = A \cos(2\pi k_n b/p + \varphi_n^V),

        W_{qn} = A \cos(2\pi k_n q/p + \varphi_n^W),\quad \varphi_n^U + \varphi_n^V = \varphi_n^W

    with :math:`\varphi^U, \varphi^V` uniform and A from :func:`amplitude`; frequencies 1..(p-1)/2 take turns
    over the neurons. Expanding the square and the product, the only term without a random phase is
    :math:`\tfrac12 A^3 \sum_n \cos(2\pi k_n (a+b-q)/p)`: 1 at the answer, about -1/(p-1) elsewhere. All other
    terms have random phases and sum to noise of standard deviation :func:`logit_noise`, whose mean over the
    table is exactly 0.

    **Validity**: a + b and odd p, large width. The noise has to be small against the gap of 1. At p = 97
    (four seeds each) every pair is right with 200 neurons or more, .997-.999 with 100, .90-.92 with 48. Below
    (p-1)/2 neurons some frequencies are missing and wrong answers score higher.

    Args:
        p: the modulus, odd, 3 or more.
        width: number of neurons.
        generator: draws the phases.
        dtype: number format of the weights.

    Raises:
        ValueError: p is even or below 3, or width below 1.
    """
    p = _checks.number("p", p, kind=int, low=3)
    if p % 2 == 0:
        # at the Nyquist frequency the phases no longer average out as above
        raise ValueError(f"p: got {p}; allowed: an odd whole number, 3 or more")
    size = amplitude(width)
    frequency = torch.arange(width) % ((p - 1) // 2) + 1
    drawn = torch.rand(2, width, generator=generator, dtype=torch.float64) * (2 * math.pi)
    wrapped = math.pi - (math.pi - torch.stack([*drawn, drawn.sum(0)], 1)).remainder(2 * math.pi)
    angle = (torch.arange(p)[:, None] * frequency % p).to(torch.float64) * (2 * math.pi / p)
    U, V, W = (size * (angle + phase).cos() for phase in wrapped.T)
    return Solution(U.to(dtype), V.to(dtype), W.to(dtype), frequency, wrapped)


def logit_noise(width: int) -> float:
    r"""Predicted standard deviation of a logit of :func:`analytic_solution`, :math:`2/\sqrt N`.

    Per neuron the random-phase terms are cos θ_W (variance 1/2), two of ½ cos 2θ cos θ_W (1/16 each), one of
    cos θ cos θ' (1/4) and one of ½ cos (1/8), which are uncorrelated: variance 1. N neurons times A³ = 2/N
    give :math:`\frac2N \sqrt N`. Derived here, not in the paper; over the draw of the phases.

    Raises:
        ValueError: width below 1.
    """
    return 2 / math.sqrt(_checks.number("width", width, kind=int, low=1))

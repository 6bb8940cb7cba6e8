import math

import mpmath
from scipy import special

from tests.nn.activations.references.rectifiers import mp


def asymmetric(x, lambd, kappa):
    if lambd == 0:
        return mpmath.exp(-mpmath.exp(-kappa * x))
    return (1 + lambd * mpmath.exp(-kappa * x)) ** (-1 / lambd)


VALUES = {
    "swish": lambda x, beta: x / (1 + math.exp(-beta * x)),
    "e_swish": lambda x, beta: beta * x / (1 + math.exp(-x)),
    "aglu": mp(lambda x, lambd, kappa: x * asymmetric(x, lambd, kappa)),
    # the smooth maximum of p₁x and p₂x: their mean with weights e^{βp₁x}, e^{βp₂x}
    "acon_c": mp(
        lambda x, p1, p2, beta: (
            (p1 * x * mpmath.exp(beta * p1 * x) + p2 * x * mpmath.exp(beta * p2 * x))
            / (mpmath.exp(beta * p1 * x) + mpmath.exp(beta * p2 * x))
        )
    ),
    "sinlu": lambda x, a, b: x / (1 + math.exp(-x)) + a * math.sin(b * x) / (1 + math.exp(-x)),
    "tanh_soft": mp(
        lambda x, alpha, beta, gamma, delta: (
            mpmath.tanh(alpha * x + beta * mpmath.exp(gamma * x)) * mpmath.log(delta + mpmath.exp(x))
        )
    ),
    # erf as an integral, 2Φ(√2 u) - 1
    "erf_act": lambda x, alpha, beta: x * (2 * special.ndtr(math.sqrt(2) * alpha * math.exp(beta * x)) - 1),
    "pserf": mp(lambda x, gamma, delta: x * mpmath.erf(gamma * mpmath.log(1 + mpmath.exp(delta * x)))),
    "b_silu": lambda x, alpha: x * special.expit(x) + alpha * math.tanh(x / 2) / 2,
    "gelu_sine": lambda x, a: x * special.ndtr(x) + a * math.sin(x),
}

r"""Full-batch training of a network that is linear in its parameters, solved by one eigen-decomposition.

Loss :math:`L = \frac1n\sum_i (f_i - y_i)^2`, kernel Θ (n, n) of the gradients on the training points.
Outputs follow :math:`\dot f = -\frac{2\eta}{n}\Theta(f - y)`, or its discrete forms, so that along the
eigenvector v_i of Θ the residual goes its own way and any time t is one evaluation: nothing is stepped.
Exact for linear models and for kernel regression by gradient descent; for a network at width → ∞ (Jacot et
al. 1806.07572, Lee et al. 1902.06720), or lazy by a large output scale (Chizat et al. 1812.07956), as long as
Θ stays as it was. Adam has no such form: it divides each parameter's gradient by its own history, which is
no function of Θ.

Letters: n training points, m others, T times, i mode; g_i = 2ηλ_i/n, the decay of mode i in one small step.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from labkit import _checks

#: Below this share of λ_1 a mode counts as λ = 0: it is not learnt, and rounding must not be amplified.
NULL = 1e-13


@dataclass(frozen=True)
class Linearised:
    """A solved training run; cheap to ask at any time, rate and momentum.

    Attributes:
        eigenvalues: λ_i, falling, (n,) float64.
        modes: v_i as columns, (n, n).
        start: f at time 0, (n,).
        target: y, (n,).
        initial: residual y − f(0) along each mode, (n,).
    """

    eigenvalues: Float[Tensor, " n"]
    modes: Float[Tensor, "n n"]
    start: Float[Tensor, " n"]
    target: Float[Tensor, " n"]
    initial: Float[Tensor, " n"]

    def decay(
        self, times: Tensor | np.ndarray | float | int, rate: float, method: str = "gd", momentum: float = 0.0
    ) -> Float[Tensor, "*times n"]:
        """What is left of the residual along each mode: 1 at time 0, 0 once learnt.

        Args:
            times: updates; whole numbers, except for "flow", whose time t of learning rate η is that of t
                updates with a small one.
            rate: η.
            method: a key of :data:`METHODS`.
            momentum: μ of "momentum", 0 to below 1.

        Returns:
            (*times, n) float64; beyond the edge of stability (g > 2, or 2 + 2μ) it grows without bound.

        Raises:
            ValueError: an unknown method, a negative time or rate, a time that is not whole, μ not in [0, 1).
        """
        left, _ = self._solve(times, rate, method, momentum)
        return left

    def residuals(
        self, times: Tensor | np.ndarray | float | int, rate: float, method: str = "gd", momentum: float = 0.0
    ) -> Float[Tensor, "*times n"]:
        """v_i · (y − f(t)), arguments as for :meth:`decay`."""
        return self.decay(times, rate, method, momentum) * self.initial

    def predict(
        self, times: Tensor | np.ndarray | float | int, rate: float, method: str = "gd", momentum: float = 0.0
    ) -> Float[Tensor, "*times n"]:
        """f(t) on the training points, arguments as for :meth:`decay`."""
        return self.target - self.residuals(times, rate, method, momentum) @ self.modes.T

    def loss(
        self, times: Tensor | np.ndarray | float | int, rate: float, method: str = "gd", momentum: float = 0.0
    ) -> Float[Tensor, "*times"]:
        """Mean square of y − f(t), arguments as for :meth:`decay`."""
        return self.residuals(times, rate, method, momentum).square().sum(-1) / len(self.target)

    def predict_at(
        self,
        kernel: Float[Tensor, "m n"],
        start: Float[Tensor, " m"],
        times: Tensor | np.ndarray | float | int,
        rate: float,
        method: str = "gd",
        momentum: float = 0.0,
    ) -> Float[Tensor, "*times m"]:
        r"""f(t) elsewhere: :math:`f(0) + \Theta_*\,V\,\frac{1 - d(t)}{\lambda}\,V^\top(y - f(0))`.

        Modes with λ = 0 enter with the limit of (1 − d)/λ.

        Args:
            kernel: Θ_* between the other points and the training points.
            start: f(0) there.
            times: these and the rest as for :meth:`decay`.
            rate: η.
            method: a key of :data:`METHODS`.
            momentum: μ.
        """
        _checks.shape("kernel", kernel, len(start), len(self.target))
        kernel, start = (each.detach().to(self.modes) for each in (kernel, start))
        _, moved = self._solve(times, rate, method, momentum)
        return start + moved * self.initial @ (kernel @ self.modes).T

    def time_to(self, share: float, rate: float) -> Float[Tensor, " n"]:
        r"""Updates of gradient flow until ``share`` of a mode's residual is left, n ln(1/share)/(2ηλ_i)."""
        share = _checks.number("share", share, low=0, high=1)
        return np.log(1 / share) / (2 * rate / len(self.target) * self.eigenvalues)

    @property
    def highest_rate(self) -> float:
        """η above which gradient descent diverges, n/λ_1; with momentum μ it is 1 + μ times that."""
        return len(self.target) / float(self.eigenvalues[0])

    def _solve(self, times, rate: float, method: str, momentum: float) -> tuple[Tensor, Tensor]:
        """D (*times, n) and (1 − d)/λ."""
        solve = _checks.lookup(METHODS, method, "method")
        rate = _checks.number("rate", rate, low=0)
        momentum = _checks.number("momentum", momentum, low=0)
        if momentum >= 1:
            raise ValueError(f"momentum: got {momentum}; allowed: a number from 0 to below 1")
        t = torch.as_tensor(times, dtype=torch.float64, device="cpu")
        if not bool((t >= 0).all()) or (method != "flow" and not bool((t == t.round()).all())):
            what = "numbers, 0 or more" if method == "flow" else "whole numbers of updates, 0 or more"
            raise ValueError(f"times: got {_some(t)}; allowed: {what}")
        step = 2 * rate / len(self.target)
        found = solve(step * self.eigenvalues.numpy(), t.numpy()[..., None], momentum)
        left = torch.from_numpy(np.ascontiguousarray(found))
        zero = torch.from_numpy(_idle(t.numpy()[..., None], momentum if method == "momentum" else 0.0)) * step
        safe = torch.where(self.eigenvalues > 0, self.eigenvalues, 1.0)
        return left, torch.where(self.eigenvalues > 0, (1 - left) / safe, zero)


def linearise(kernel: Float[Tensor, "n n"], start: Tensor, target: Tensor) -> Linearised:
    """Decompose a kernel once, after which every time, rate and momentum is a matrix-vector product.

    Args:
        kernel: Θ on the training points, symmetric, positive semi-definite: of a network as it is
            (:func:`labkit.theory.kernels.empirical_ntk`, :func:`labkit.theory.ntk.dense_ntk`) or of infinite
            width (:func:`labkit.theory.kernels.nngp_ntk`).
        start: f at time 0, (n,) or (n, 1).
        target: y, the same.

    Raises:
        ValueError: shapes that do not fit, numbers that are not finite, a kernel that is not symmetric to
            rounding or has a negative eigenvalue beyond it.
    """
    start, target = start.flatten(), target.flatten()
    _checks.shape("kernel", kernel, len(target), len(target))
    _checks.shape("start", start, len(target))
    epsilon = torch.finfo(kernel.dtype).eps if kernel.is_floating_point() else 0.0
    kernel, start, target = (each.detach().to("cpu", torch.float64) for each in (kernel, start, target))
    if not all(bool(torch.isfinite(each).all()) for each in (kernel, start, target)):
        raise ValueError("kernel, start, target: got NaN or infinity; allowed: finite numbers")
    size = float(kernel.abs().max())
    if float((kernel - kernel.T).abs().max()) > 100 * epsilon * size:
        raise ValueError("kernel: got one that is not symmetric; allowed: Θ of points with themselves")
    values, modes = torch.linalg.eigh((kernel + kernel.T) / 2)
    values, modes = values.flip(0), modes.flip(1)
    if float(values[-1]) < -len(target) * 10 * epsilon * float(values[0]):
        raise ValueError(f"kernel: got the eigenvalue {float(values[-1]):g}; allowed: 0 or more")
    values = torch.where(values > NULL * values[0], values, 0.0)
    return Linearised(values, modes, start, target, modes.T @ (target - start))


def _flow(g: np.ndarray, t: np.ndarray, momentum: float) -> np.ndarray:
    return np.exp(-g * t)


def _descent(g: np.ndarray, t: np.ndarray, momentum: float) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.power(1 - g, t)


def _heavy_ball(g: np.ndarray, t: np.ndarray, momentum: float) -> np.ndarray:
    r"""r_t/r_0 of :math:`r_{t+1} = (1+\mu-g)\,r_t - \mu\,r_{t-1}`, :math:`r_1 = (1-g)\,r_0`.

    With the roots z, z' of :math:`z^2 - (1+\mu-g)z + \mu`: :math:`G_t = (z^t - z'^t)/(z - z')` and
    :math:`r_t = (1-g)G_t - \mu G_{t-1}`. Near a double root the difference is taken by log1p and expm1.
    """
    if momentum == 0:
        return _descent(g, t, 0.0)
    half = ((1 + momentum - g) / 2).astype(complex)
    root = np.sqrt(half * half - momentum)
    root = np.where(half.real < 0, -root, root)
    large, apart = half + root, 2 * root  # the root of larger modulus, and the way to the other
    log = np.log1p(-apart / large)

    def power_difference(t: np.ndarray) -> np.ndarray:
        plain = t * large ** (t - 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(apart == 0, plain, -(large**t) * np.expm1(t * log) / apart)

    with np.errstate(over="ignore", invalid="ignore"):
        found = ((1 - g) * power_difference(t) - momentum * power_difference(t - 1)).real
    return np.where(t == 0, 1.0, found)


#: Ways to train: gradient flow; gradient descent, (1 − g)^t; with the momentum of torch.optim.SGD
#: (v ← μv + ∇L, w ← w − ηv, no dampening), Polyak's heavy ball.
METHODS: dict[str, Callable[[np.ndarray, np.ndarray, float], np.ndarray]] = {
    "flow": _flow,
    "gd": _descent,
    "momentum": _heavy_ball,
}


def _idle(t: np.ndarray, momentum: float) -> np.ndarray:
    r"""(1 − d)/g at g → 0: t, or :math:`\sum_{s=1}^t \frac{1-\mu^s}{1-\mu}`."""
    mu = momentum
    return t if mu == 0 else t / (1 - mu) - mu * (1 - np.power(mu, t)) / (1 - mu) ** 2


def _some(t: Tensor) -> str:
    return str(t.flatten()[:3].tolist()).rstrip("]") + (", ...]" if t.numel() > 3 else "]")

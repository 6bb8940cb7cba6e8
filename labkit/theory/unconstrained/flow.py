r"""The gradient flow of free features under the best head, and what falls and rises along it.

Tirer, Huang & Niles-Weed, *Perturbation analysis of neural collapse* (2206.08069). Letters: K classes,
n samples of each, N = K n, d width of the features.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labkit import _checks
from labkit.theory.unconstrained.minimum import above

#: Of the integrator, relative and against the largest initial feature.
TOLERANCE = 1e-10


@dataclass(frozen=True)
class CollapseFlow:
    """Features along the flow; arrays begin with the times.

    Attributes:
        times: t, (T,).
        features: (T, K, n, d).
        within: tr Σ_W, (T,).
        between: tr Σ_B, (T,).
        rate: 2 N λ_H, the exponent of the two scaled columns (2 λ_H in the constants of the paper).
    """

    times: np.ndarray
    features: np.ndarray
    within: np.ndarray
    between: np.ndarray
    rate: float

    @property
    def quotient(self) -> np.ndarray:
        """The quotient tr Σ_W / tr Σ_B: falls."""
        return self.within / self.between

    @property
    def within_scaled(self) -> np.ndarray:
        """exp(rate · t) · tr Σ_W: falls."""
        return np.exp(self.rate * self.times) * self.within

    @property
    def between_scaled(self) -> np.ndarray:
        """exp(rate · t) · tr Σ_B: rises."""
        return np.exp(self.rate * self.times) * self.between


def best_head(features: np.ndarray, lambda_w: float) -> np.ndarray:
    """W*(H) = Y Hᵀ (H Hᵀ + N λ_W I)^{-1}, (K, d): the minimiser over W at fixed features.

    Args:
        features: (K, n, d), n of each class.
        lambda_w: λ_W of ``‖WH - Y‖²/(2N) + λ_W/2 ‖W‖²``; N λ_W here is n λ_W in the constants of the paper.

    Raises:
        ValueError: no such array, numbers that are not finite, a λ that is not above 0.
    """
    h = _features(features)
    above("lambda_w", lambda_w)
    rows = h.reshape(-1, h.shape[2])
    ridge = rows.T @ rows + len(rows) * lambda_w * np.eye(h.shape[2])
    return np.linalg.solve(ridge, h.sum(1).T).T


def collapse_flow(
    features: np.ndarray, times: Sequence | np.ndarray, lambda_w: float = 5e-4, lambda_h: float = 5e-4
) -> CollapseFlow:
    """Follow dH/dt = -N ∇L(H), L(H) = min_W ‖WH - Y‖²/(2N) + λ_W/2 ‖W‖² + λ_H/2 ‖H‖².

    By the envelope theorem N ∇L = W*ᵀ(W* H - Y) + N λ_H H. Along it tr Σ_W / tr Σ_B strictly falls,
    e^{2Nλ_H t} tr Σ_W falls and e^{2Nλ_H t} tr Σ_B rises (the paper's theorem for K n ∇L, its λ_H being
    N λ_H of here). The factor N matters: along dH/dt = -∇L the last statement is about another exponent.

    Args:
        features: at time ``times[0]``, (K, n, d); classes must not share one mean.
        times: ascending, two or more.
        lambda_w: λ_W, above 0.
        lambda_h: λ_H, above 0.

    Raises:
        ValueError: shapes, numbers that are not finite, class means that agree, times that do not ascend, a λ
            that is not above 0.
    """
    from scipy.integrate import solve_ivp  # half a second to import, so only where it is used

    h = _features(features)
    above("lambda_h", lambda_h)
    if not np.ptp(h.mean(1), axis=0).any():
        raise ValueError("features: got one mean for all classes; allowed: class means that differ")
    t = np.asarray(times, dtype=float)
    if t.ndim != 1 or len(t) < 2 or not (np.diff(t) > 0).all():
        raise ValueError(f"times: got {t.tolist()[:6]}; allowed: two or more, ascending")
    decay = h.shape[0] * h.shape[1] * lambda_h

    def slope(_: float, flat: np.ndarray) -> np.ndarray:
        now = flat.reshape(h.shape)
        w = best_head(now, lambda_w)
        wrong = now @ w.T
        wrong[range(len(h)), :, range(len(h))] -= 1
        return -(wrong @ w + decay * now).ravel()

    scale = max(np.abs(h).max(), np.finfo(float).tiny)
    found = solve_ivp(slope, (t[0], t[-1]), h.ravel(), "DOP853", t, rtol=TOLERANCE, atol=TOLERANCE * scale)
    path = found.y.T.reshape(len(t), *h.shape)
    means = path.mean(2)
    within = np.square(path - means[:, :, None]).sum(3).mean((1, 2))
    between = np.square(means - means.mean(1, keepdims=True)).sum(2).mean(1)
    return CollapseFlow(t, path, within, between, 2 * decay)


def _features(features: np.ndarray) -> np.ndarray:
    h = np.asarray(features, dtype=float)
    _checks.shape("features", h, None, None, None)
    if h.shape[0] < 2 or not h.size:
        raise ValueError(f"features: got shape {h.shape}; allowed: (2 or more classes, samples, width)")
    if not np.isfinite(h).all():
        raise ValueError("features: got numbers that are not finite; allowed: finite ones")
    return h

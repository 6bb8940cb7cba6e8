r"""NC4 and the loss: whether the network decides by the nearest class mean, and what of the MSE is left.

Letters: N samples, C classes, d width.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from labkit import _checks
from labkit.measures.collapse.frames import _rows
from labkit.measures.collapse.moments import Array, ClassMoments


def nearest_mean(features: Array, means: Array) -> Tensor:
    r""":math:`\arg\min_c ‖h - μ_c‖`, (N,); the first of those at the same distance.

    Args:
        features: (N, d).
        means: (C, d), not centred.

    Raises:
        ValueError: widths that differ, features that are not finite (the first row of them).
    """
    features, means = torch.as_tensor(features), torch.as_tensor(means)
    _checks.shape("features", features, None, None)
    _checks.shape("means", means, None, features.shape[1])
    bad = ~features.isfinite().all(1)
    if bad.any():
        raise ValueError(
            f"features: got NaN or infinity in row {int(bad.nonzero()[0])}; allowed: finite numbers"
        )
    # about a common centre: large offsets would cancel
    centre = means.mean(0)
    h, m = features.to(means) - centre, means - centre
    return (m.square().sum(1) - 2 * h @ m.T).argmin(1)


def nearest_mean_disagreement(features: Array, logits: Array, means: Array) -> float:
    """NC4: share of samples whose largest logit is not that of the nearest class mean (2008.08186).

    Args:
        features: (N, d).
        logits: (N, C).
        means: (C, d), of the training set, not centred.

    Raises:
        ValueError: shapes that do not fit.
    """
    _checks.shape("logits", logits, len(features), len(means))
    nearest = nearest_mean(features, means)
    return float((nearest != torch.as_tensor(logits).argmax(1).to(nearest.device)).double().mean())


def bias_check(weight: Array, bias: Array | None, centre: Array) -> float:
    """‖W h_G + b‖ of Zhu et al. (2105.02375): 0 when the head answers to centred features alone.

    Args:
        weight: (C, d).
        bias: (C,), ``None`` for none.
        centre: h_G (d,), ``moments.centre()``.

    Raises:
        ValueError: shapes that do not fit.
    """
    weight = _rows("weight", weight)
    _checks.shape("centre", centre, weight.shape[1])
    shift = weight @ torch.as_tensor(centre).to(weight)
    if bias is not None:
        _checks.shape("bias", bias, len(weight))
        shift = shift + torch.as_tensor(bias).detach().to(weight)
    return float(shift.norm())


@dataclass(frozen=True)
class MseSplit:
    """Parts of the MSE at given features; they add up to :attr:`total`.

    Attributes:
        nc1: ½ tr W_LS (Σ_W + λ I) W_LSᵀ: variation within classes, and the pull.
        nc23: ½ Σ_c p_c ‖W_LS h_c - e_c‖²: class means that are not yet a frame.
        perp: ½ tr (W - W_LS)(E[hhᵀ] + λ I)(W - W_LS)ᵀ: the head is not the best one.
        total: ½ E‖W h - y‖² + λ/2 ‖W‖².
    """

    nc1: float
    nc23: float
    perp: float

    @property
    def total(self) -> float:
        """The loss."""
        return self.nc1 + self.nc23 + self.perp


def mse_split(
    moments: ClassMoments, weight: Array, bias: Array | None = None, weight_decay: float = 0.0
) -> MseSplit:
    r"""L = L_NC1 + L_NC2/3 + L_⊥ of Han, Papyan & Donoho (2106.02073), from the moments alone.

    :math:`W_{LS} = E[y h^T] (E[h h^T] + λ I)^{-1}` is the best head for these features. With a bias,
    features are extended by 1 and the pull acts on [W b], as in the paper. Classes weigh as often as they
    occur; the paper has them balanced. Directions without features and without pull are left out
    (pseudo-inverse, relative tolerance max(C, d) · 2.2e-16).

    Args:
        moments: of the features.
        weight: (C, d).
        bias: (C,) or ``None``.
        weight_decay: λ.

    Raises:
        ValueError: shapes that do not fit, a negative pull, a class without a sample.
    """
    weight, pull = _rows("weight", weight), _checks.number("weight_decay", weight_decay, low=0)
    _checks.shape("weight", weight, moments.classes, moments.width)
    within, means = moments.within, moments.means
    weight = weight.to(means)
    if bias is not None:
        _checks.shape("bias", bias, moments.classes)
        weight = torch.cat([weight, torch.as_tensor(bias).detach().to(weight)[:, None]], 1)
        means = torch.cat([means, torch.ones_like(means[:, :1])], 1)
        within = torch.nn.functional.pad(within, (0, 1, 0, 1))
    share = (moments.counts / moments.counts.sum())[:, None]
    eye = torch.eye(len(within), dtype=within.dtype, device=within.device)
    second = within + (share * means).T @ means + pull * eye
    best = (share * means).T  # E[h yᵀ], (d, C)
    best = (
        torch.linalg.pinv(second, rtol=max(second.shape) * torch.finfo(second.dtype).eps, hermitian=True)
        @ best
    )
    best, off = best.T, weight - best.T
    missed = means @ best.T - torch.eye(moments.classes, dtype=within.dtype, device=within.device)
    return MseSplit(
        nc1=float(((best @ (within + pull * eye)) * best).sum() / 2),
        nc23=float((share * missed.square()).sum() / 2),
        perp=float(((off @ second) * off).sum() / 2),
    )

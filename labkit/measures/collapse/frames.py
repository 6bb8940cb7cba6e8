r"""NC2 and NC3: the shape that class means and classifier rows make, and how they agree.

All take rows, one a class: (C, d). For NC2 of features give centred means, ``moments.centred()``; classifier
rows are taken as they are. Targets: the simplex ETF of balanced classes, the general orthogonal frame of
imbalanced ones (Dang et al., 2301.00437). Letters: C classes, d width.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from labkit import _checks
from labkit.measures.collapse.moments import Array


def equinorm(rows: Array, *, unbiased: bool = False) -> float:
    r"""Standard deviation over mean of the norms, 0 when all are equal (Papyan, Han & Donoho 2008.08186).

    Args:
        rows: (C, d).
        unbiased: divide the variance by C - 1, as the authors' notebook does; the paper's formula by C.

    Raises:
        ValueError: fewer than two rows, numbers that are not finite.
    """
    norms = _rows("rows", rows).norm(dim=1)
    return float(norms.std(correction=int(unbiased)) / norms.mean())


def cosines(rows: Array) -> Tensor:
    """Cos of the angle between every two rows, (C, C), diagonal 1; NaN for a row of zeros."""
    rows = _rows("rows", rows)
    unit = rows / rows.norm(dim=1, keepdim=True)
    return unit @ unit.T


def equiangularity(rows: Array) -> float:
    r"""Mean over i ≠ j of :math:`|\cos_{ij} + 1/(C-1)|`, 0 on a simplex ETF (Papyan, Han & Donoho).

    Raises:
        ValueError: as :func:`equinorm`.
    """
    found = cosines(rows)
    apart = ~torch.eye(len(found), dtype=torch.bool, device=found.device)
    return float((found[apart] + 1 / (len(found) - 1)).abs().mean())


def etf_distance(rows: Array) -> float:
    r""":math:`‖G/‖G‖_F - (I - 11^T/C)/\sqrt{C-1}‖_F` with G = rows rowsᵀ (Zhu et al. 2105.02375).

    0 on a simplex ETF of any size and orientation, at most √2. In d < C - 1 dimensions no simplex ETF exists
    and 0 cannot be reached: see :func:`missing_target`.

    Raises:
        ValueError: as :func:`equinorm`.
    """
    rows = _rows("rows", rows)
    return frame_distance(rows, _centring(len(rows), rows))


def frame_distance(rows: Array, target: Array | Sequence[float]) -> float:
    r""":math:`‖G/‖G‖_F - T/‖T‖_F‖_F` with G = rows rowsᵀ, not centred: 0 to √2.

    With T diagonal this is the distance from the general orthogonal frame of imbalanced classes; give the
    predicted squared norms, for instance ``imbalanced_linear(...).w_norm2``.

    Args:
        rows: (C, d).
        target: (C, C) Gram matrix of the target, or (C,) its diagonal.

    Raises:
        ValueError: as :func:`equinorm`; a target of another size or one that is zero.
    """
    rows = _rows("rows", rows)
    t = torch.as_tensor(target, dtype=rows.dtype, device=rows.device)
    t = torch.diag(t) if t.dim() == 1 else t
    _checks.shape("target", t, len(rows), len(rows))
    if not t.isfinite().all() or not float(t.norm()) > 0:
        raise ValueError("target: got zero or numbers that are not finite; allowed: a Gram matrix")
    return _apart(rows @ rows.T, t)


def frame_of_counts(counts: Sequence[int] | Array, power: float = 0.5) -> Tensor:
    r"""Diagonal of the frame that only the class sizes give: n_k^power, (C,).

    For one layer and pulls towards zero, ‖w_k‖² ∝ √n_k and ‖h_k‖² ∝ 1/√n_k (power -0.5).

    Raises:
        ValueError: fewer than two classes, an empty class (which).
    """
    n = torch.as_tensor(counts, dtype=torch.float64)
    if n.dim() != 1 or len(n) < 2:
        raise ValueError(f"counts: got {n.tolist()}; allowed: samples of two or more classes")
    for k, one in enumerate(n.tolist()):
        if not one >= 1:
            raise ValueError(f"counts: got {one:g} for class {k}; allowed: 1 or more")
    return n**power


def self_duality(weight: Array, means: Array) -> float:
    r"""NC3 of Papyan, Han & Donoho: :math:`‖W/‖W‖_F - M/‖M‖_F‖_F^2`, 0 to 4.

    Args:
        weight: (C, d), rows of the last layer.
        means: (C, d), centred class means.

    Raises:
        ValueError: as :func:`equinorm`; shapes that differ.
    """
    weight, means = _pair(weight, means)
    return float((weight / weight.norm() - means / means.norm()).square().sum())


def self_duality_product(weight: Array, means: Array) -> float:
    r"""NC3 of Zhu et al. (2105.02375): :math:`‖W\bar H/‖W\bar H‖_F - (I - 11^T/C)/\sqrt{C-1}‖_F`.

    Args:
        weight: (C, d).
        means: (C, d), centred class means.

    Raises:
        ValueError: as :func:`self_duality`.
    """
    weight, means = _pair(weight, means)
    return _apart(weight @ means.T, _centring(len(weight), weight))


def minority_cosine(weight: Array, minority: Sequence[int] | Array) -> float:
    """Mean cosine between the rows of minority classes; 1 once they are parallel: minority collapse.

    Fang, He, Long & Su (2101.12699). A row of exactly zero has no direction: NaN.

    Args:
        weight: (C, d), rows of the last layer.
        minority: which classes, two or more.

    Raises:
        ValueError: fewer than two classes, or one that does not exist.
    """
    return float(_between(weight, minority).cos().mean())


def minority_angle(weight: Array, minority: Sequence[int] | Array) -> float:
    """Mean angle between the rows of minority classes, in degrees; 0 once they are parallel.

    Raises:
        ValueError: as :func:`minority_cosine`.
    """
    return float(_between(weight, minority).rad2deg().mean())


def missing_target(classes: int, width: int) -> str:
    """What cannot be reached in this width, in words; empty where everything can.

    A simplex ETF needs d ≥ C - 1, a general orthogonal frame d ≥ C.
    """
    if width >= classes:
        return ""
    frame = f"no general orthogonal frame of {classes} classes exists in {width} dimensions"
    if width == classes - 1:
        return f"{frame}; its distance cannot reach 0"
    return f"no simplex ETF and {frame}; distances from them cannot reach 0"


def _between(weight: Array, minority: Sequence[int] | Array) -> Tensor:
    weight = _rows("weight", weight)
    chosen = torch.as_tensor(minority, device=weight.device).flatten()
    known = set(range(len(weight)))
    if len(chosen) < 2 or len(set(chosen.tolist())) < len(chosen) or not set(chosen.tolist()) <= known:
        raise ValueError(
            f"minority: got {chosen.tolist()}; "
            f"allowed: two or more different classes of 0 to {len(weight) - 1}"
        )
    unit = weight[chosen.long()]
    unit = unit / unit.norm(dim=1, keepdim=True)
    i, j = torch.triu_indices(len(unit), len(unit), 1, device=unit.device)
    # not arccos, which loses the digits of small angles
    return 2 * torch.atan2((unit[i] - unit[j]).norm(dim=1), (unit[i] + unit[j]).norm(dim=1))


def _centring(classes: int, like: Tensor) -> Tensor:
    eye = torch.eye(classes, dtype=like.dtype, device=like.device)
    return eye - 1 / classes


def _apart(gram: Tensor, target: Tensor) -> float:
    return float((gram / gram.norm() - target / target.norm()).norm())


def _pair(weight: Array, means: Array) -> tuple[Tensor, Tensor]:
    weight, means = _rows("weight", weight), _rows("means", means)
    _checks.shape("means", means, *weight.shape)
    return weight, means.to(weight.device)


def _rows(name: str, rows: Array) -> Tensor:
    """Detached, in float64."""
    rows = torch.as_tensor(rows)
    _checks.shape(name, rows, None, None)
    if len(rows) < 2:
        raise ValueError(f"{name}: got {len(rows)} class(es); allowed: two or more")
    rows = rows.detach().cpu() if rows.device.type == "mps" else rows.detach()
    bad = ~rows.isfinite().all(1)
    if bad.any():
        raise ValueError(
            f"{name}: got NaN or infinity in class {int(bad.nonzero()[0])}; allowed: finite numbers"
        )
    return rows.double()

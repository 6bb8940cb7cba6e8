r"""Means and scatter of classes, taken in batch by batch: all that the measures of collapse need of features.

Letters: C classes, d width, R rows of a batch, n_c rows of class c, N of all.
"""

import numpy as np
import torch
from torch import Tensor

from labkit import _checks

#: What is read: tensors, or arrays of numpy.
Array = Tensor | np.ndarray


class ClassMoments:
    r"""Counts, means and within-class scatter in O(d² + Cd) memory, float64, whatever the number of rows.

    Every batch is centred at its own class means before it is squared, and two sets of means are merged by
    Chan, Golub & LeVeque's formula, :math:`S = S_a + S_b + \frac{n_a n_b}{n_a + n_b} δδ^T`. So no digits are
    lost where the mean is large against the spread, as they are in E[xxᵀ] - μμᵀ.

    Args:
        classes: C, 2 or more.
        width: d.
        device: where the sums are kept; give that of the features. Apple's GPUs have no float64: there the
            sums are kept on the CPU.

    Attributes:
        counts: (C,) rows seen of each class, float64.
        means: (C, d); zeros for a class not seen yet (:meth:`complete` refuses that).
        scatter: (d, d), Σ_c Σ_i (h_ci - μ_c)(·)ᵀ.
        spread: (C,), Σ_i ‖h_ci - μ_c‖² of each class.

    Raises:
        ValueError: fewer than two classes, a width below 1.
    """

    def __init__(self, classes: int, width: int, *, device: torch.device | str = "cpu") -> None:
        self.classes = _checks.number("classes", classes, kind=int, low=2)
        self.width = _checks.number("width", width, kind=int, low=1)
        self.device = torch.device("cpu" if torch.device(device).type == "mps" else device)
        place = {"dtype": torch.float64, "device": self.device}
        self.counts = torch.zeros(classes, **place)
        self.means = torch.zeros(classes, width, **place)
        self.scatter = torch.zeros(width, width, **place)
        self.spread = torch.zeros(classes, **place)

    @torch.no_grad()
    def add(self, features: Array, labels: Array) -> "ClassMoments":
        """Take in a batch.

        Args:
            features: (R, d), any floating type.
            labels: (R,), whole numbers from 0 to C - 1.

        Raises:
            ValueError: shapes that do not fit, a label out of range, features that are not finite (of which
                class). Nothing is taken in then.
        """
        features = torch.as_tensor(features)
        _checks.shape("features", features, None, self.width)
        labels = checked_labels(labels, self.classes, len(features)).to(self.device)
        if not len(labels):
            return self
        x = features.detach().to(device=self.device, dtype=torch.float64)
        one_hot = torch.zeros(self.classes, len(labels), dtype=x.dtype, device=x.device)
        one_hot[labels, torch.arange(len(labels), device=x.device)] = 1
        counts = one_hot.sum(1)
        means = one_hot @ x / counts.clamp_min(1)[:, None]
        if not means.isfinite().all():
            bad = ~x.isfinite().all(1)
            which = f" in class {int(labels[bad][0])}" if bad.any() else ", too large to add up"
            raise ValueError(f"features: got NaN or infinity{which}; allowed: finite numbers")
        x = x - means[labels]
        self._merge(counts, means, x.T @ x, one_hot @ x.square().sum(1))
        return self

    def merge(self, other: "ClassMoments") -> "ClassMoments":
        """Take in what another has seen (another worker's share).

        Raises:
            ValueError: other sizes.
        """
        _checks.shape("other", other.means, self.classes, self.width)
        parts = (other.counts, other.means, other.scatter, other.spread)
        self._merge(*(part.to(self.device) for part in parts))
        return self

    def _merge(self, counts: Tensor, means: Tensor, scatter: Tensor, spread: Tensor) -> None:
        total = self.counts + counts
        weight = self.counts * counts / total.clamp_min(1)
        delta = torch.where(counts[:, None] > 0, means - self.means, 0.0)
        self.scatter += scatter
        self.scatter += (delta * weight[:, None]).T @ delta
        self.spread += spread + weight * delta.square().sum(1)
        self.means += delta * (counts / total.clamp_min(1))[:, None]
        self.counts = total

    # ----------------------------------------------------------------------------------- reading

    def complete(self) -> "ClassMoments":
        """Itself, once every class was seen.

        Raises:
            ValueError: a class without a row (which).
        """
        empty = (self.counts == 0).nonzero().flatten().tolist()
        if empty:
            raise ValueError(
                f"labels: got no sample of class {', '.join(map(str, empty))}; "
                f"allowed: one or more of each of the {self.classes} classes"
            )
        return self

    @property
    def rows(self) -> int:
        """N."""
        return int(self.counts.sum())

    @property
    def within(self) -> Tensor:
        """Σ_W = (1/N) Σ_c Σ_i (h_ci - μ_c)(·)ᵀ, (d, d)."""
        return self.scatter / self.complete().counts.sum()

    @property
    def variances(self) -> Tensor:
        """σ_c² = (1/n_c) Σ_i ‖h_ci - μ_c‖², (C,); 0 for a class of one sample."""
        return self.spread / self.complete().counts

    def centre(self, of: str = "classes") -> Tensor:
        """μ_G (d,): the plain mean of the class means ("classes") or the mean of all rows ("samples").

        Raises:
            ValueError: neither of the two.
        """
        _checks.choice("centre", of, CENTRES)
        self.complete()
        if of == "classes":
            return self.means.mean(0)
        return self.counts @ self.means / self.counts.sum()

    def centred(self, centre: str = "classes") -> Tensor:
        """μ_c - μ_G, (C, d)."""
        return self.means - self.centre(centre)

    def between(self, centre: str = "classes") -> Tensor:
        """Σ_B = (1/C) Σ_c (μ_c - μ_G)(·)ᵀ, (d, d): every class counts alike."""
        m = self.centred(centre)
        return m.T @ m / self.classes


#: What μ_G may be; the same when classes have equally many samples.
CENTRES = ("classes", "samples")


def class_moments(features: Array, labels: Array, classes: int | None = None) -> ClassMoments:
    """The moments of features (N, d) that are all at hand.

    Args:
        features: (N, d).
        labels: (N,).
        classes: C; ``None`` means the largest label + 1.

    Raises:
        ValueError: as :meth:`ClassMoments.add`; a class without a sample.
    """
    features, labels = torch.as_tensor(features), torch.as_tensor(labels)
    _checks.shape("features", features, None, None)
    if classes is None:
        classes = int(labels.max()) + 1 if labels.numel() else 0
    if classes < 2:
        raise ValueError(f"labels: got {classes} class(es); allowed: two or more")
    moments = ClassMoments(classes, features.shape[1], device=features.device)
    return moments.add(features, labels).complete()


def checked_labels(labels: Array, classes: int, rows: int) -> Tensor:
    """Labels as int64, if there are ``rows`` of them and each is from 0 to C - 1.

    Raises:
        ValueError: otherwise.
    """
    labels = torch.as_tensor(labels)
    if labels.shape != (rows,):
        raise ValueError(f"labels: got shape {tuple(labels.shape)}; allowed: ({rows},), one a feature")
    if labels.is_floating_point() or labels.dtype == torch.bool:
        raise ValueError(f"labels: got {labels.dtype}; allowed: whole numbers")
    if rows:
        low, high = (int(end) for end in labels.aminmax())
        if low < 0 or high >= classes:
            raise ValueError(f"labels: got {low if low < 0 else high}; allowed: 0 to {classes - 1}")
    return labels.long()

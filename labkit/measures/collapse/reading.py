"""All measures of collapse at once, under their names."""

from collections.abc import Mapping

from labkit import _checks
from labkit.measures.collapse.decisions import bias_check
from labkit.measures.collapse.frames import (
    equiangularity,
    equinorm,
    etf_distance,
    self_duality,
    self_duality_product,
)
from labkit.measures.collapse.moments import Array, ClassMoments, class_moments
from labkit.measures.collapse.variability import VARIABILITY


def collapse_measures(
    moments: ClassMoments,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    centre: str = "classes",
) -> dict[str, float]:
    """Every measure that moments and the last layer give.

    "nc1_pinv", "nc1_without_c", "nc1_quotient", "cdnv"; of centred class means "equinorm_means",
    "equiangular_means", "etf_means"; with the last layer also "equinorm_weights", "equiangular_weights",
    "etf_weights", "self_duality", "self_duality_product", "bias_check". All are 0 where collapse is complete.
    In d < C - 1 dimensions the values are given as well, though the frames that they measure from do not
    exist there: :func:`~labkit.measures.collapse.frames.missing_target` says so in words.

    Args:
        moments: of the features, every class seen.
        weight: (C, d), rows of the last layer.
        bias: (C,) of the last layer.
        centre: what μ_G is, "classes" (plain mean of class means) or "samples".

    Raises:
        ValueError: a class without a sample (which), a weight that does not fit, another ``centre``.
    """
    means = moments.centred(centre)
    found = {name: row.value(moments, centre) for name, row in VARIABILITY.items()}
    found |= {
        "equinorm_means": equinorm(means),
        "equiangular_means": equiangularity(means),
        "etf_means": etf_distance(means),
    }
    if weight is not None:
        _checks.shape("weight", weight, *means.shape)
        found |= {
            "equinorm_weights": equinorm(weight),
            "equiangular_weights": equiangularity(weight),
            "etf_weights": etf_distance(weight),
            "self_duality": self_duality(weight, means),
            "self_duality_product": self_duality_product(weight, means),
            "bias_check": bias_check(weight, bias, moments.centre(centre)),
        }
    return found


def layer_measures(
    layers: Mapping[str, Array], labels: Array, classes: int | None = None
) -> dict[str, dict[str, float]]:
    """:func:`collapse_measures` of the features after each layer, by the layer's name.

    Args:
        layers: name -> (N, d_l).
        labels: (N,), the same for all.
        classes: C; ``None`` means the largest label + 1.

    Raises:
        ValueError: as :func:`~labkit.measures.collapse.moments.class_moments`.
    """
    return {name: collapse_measures(class_moments(h, labels, classes)) for name, h in layers.items()}

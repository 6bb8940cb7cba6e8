"""Settings of neural collapse worth a name, each with one line of commentary."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

#: name -> (changes against the defaults, commentary)
PRESETS: Mapping[str, tuple[Mapping[str, Any], str]] = MappingProxyType(
    {
        "tetrahedron": ({}, "Four digits: features freeze onto the corners of a tetrahedron."),
        "ten digits": ({"classes": 10}, "A simplex in nine dimensions, of which you see three."),
        "cross-entropy": (
            {"loss": "cross_entropy", "optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 5e-4},
            "The paper's loss and optimiser: angles settle, variability stops at a floor.",
        ),
        "all four": (
            {
                "loss": "label_smoothing", "smoothing": 0.2, "optimizer": "sgd", "learning_rate": 0.07,
                "momentum": 0.98, "weight_decay": 2e-4, "head_decay": 4.0,
            },
            "Long momentum, smoothed labels: the classifier's rows reach the simplex too, with the means.",
        ),
        "residual net": (
            {"model": "residual", "depth": 2, "width": 32},
            "Convolutions with shortcuts: NC1 falls from stage to stage.",
        ),
        "long tail": (
            {"imbalance": 50.0, "classes": 6},
            "Six digits, the rarest fifty times rarer: what is left of the simplex?",
        ),
        "noise": (
            {"label_noise": 0.3, "width": 256},
            "A third of the labels drawn anew: wrong ones must be folded in as well.",
        ),
    }
)  # fmt: skip

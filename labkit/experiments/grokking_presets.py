"""Settings of grokking worth a name, each with one line of commentary."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

#: name -> (changes against the defaults, commentary)
PRESETS: Mapping[str, tuple[Mapping[str, Any], str]] = MappingProxyType(
    {
        "plateau": ({}, "Memorised near step 10, understood near 200: the delay is the lesson."),
        "Doshi et al.": (
            {"train_fraction": 0.5, "weight_decay": 5.0},
            "Half the table: hardly a plateau, test accuracy 1.0 near step 45.",
        ),
        "memorises forever": (
            {"train_fraction": 0.25, "weight_decay": 0.0},
            "No weight decay: the training answers are learnt by heart and nothing pushes further.",
        ),
        "coexistence": (
            {"train_fraction": 0.5, "label_noise": 0.35, "weight_decay": 0.0},
            "A third of the labels is wrong: memorised, and yet the rule is found as well.",
        ),
        "partial inversion": (
            {"train_fraction": 0.5, "label_noise": 0.35, "weight_decay": 5.0},
            "With some decay the rule wins: most of the wrong labels are overruled, test is perfect.",
        ),
        "full inversion": (
            {"train_fraction": 0.5, "label_noise": 0.35, "weight_decay": 15.0},
            "The wrong labels are refused: test is perfect, training stays near 65 %.",
        ),
        "forgetting": (
            {"train_fraction": 0.5, "label_noise": 0.35, "weight_decay": 20.0},
            "Too much decay: even the rule is lost.",
        ),
        "Nanda et al.": (
            {
                "model": "transformer",
                "modulus": 113,
                "train_fraction": 0.3,
                "width": 512,
                "loss": "cross_entropy",
                "learning_rate": 1e-3,
                "weight_decay": 1.0,
                "float64_loss": True,
                "warmup": 10,
            },
            # docs/claims.md, one seed; the authors' stored curve crosses at 7 930
            "A one-layer transformer builds a clock of five frequencies: understood near step 13 500 here, "
            "near 7 900 in the authors' run.",
        ),
    }
)

#: "paper": the setting of the paper that the chosen model is from.
ALIASES: Mapping[str, tuple[str, Mapping[str, str]]] = MappingProxyType(
    {"paper": ("model", MappingProxyType({"mlp": "Doshi et al.", "transformer": "Nanda et al."}))}
)

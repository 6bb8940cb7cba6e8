"""Settings of spectral bias worth a name, each with one line of commentary."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

_RAHAMAN = {"notes": 10, "spacing": 5, "depth": 5, "width": 256, "learning_rate": 3e-4}
_KERNEL = {
    "parametrisation": "ntk", "depth": 1, "width": 2048, "optimizer": "gd", "centred": True, "notes": 4,
}  # fmt: skip
_CIRCLE = {
    **_KERNEL, "domain": "circle", "notes": 8, "spacing": 1, "points": 64, "learning_rate": 0.2,
    "output_scale": 10.0,
}  # fmt: skip

#: name -> (changes against the defaults, commentary)
PRESETS: Mapping[str, tuple[Mapping[str, Any], str]] = MappingProxyType(
    {
        "slow notes last": ({}, "Sines of equal strength: the slowest is there first, the fastest last."),
        "Rahaman et al.": (
            # six linear maps counting input and output, recorded to step 60 000 there
            {**_RAHAMAN},
            "The paper's network and learning rate; the highest frequency needs tens of thousands of steps.",
        ),
        "Rahaman et al., rising": (
            {**_RAHAMAN, "amplitudes": "rising"},
            "High notes ten times as loud as the lowest one, and the order stays.",
        ),
        "SIREN": (
            {
                "kind": "siren",
                "omega_0": 60.0,
                "learning_rate": 3e-4,
                "depth": 3,
                "width": 64,
                "notes": 10,
                "spacing": 5,
            },  # fmt: skip
            "Sine network whose ω_0 covers the target: all frequencies at once.",
        ),
        "Fourier features": (
            {"encoding": "gaussian", "sigma": 80.0, "depth": 3, "width": 64, "notes": 10, "spacing": 5},
            "ReLU on random sines and cosines: no order left where σ covers the target.",
        ),
        "kernel": (
            {**_KERNEL, "spacing": 1, "learning_rate": 0.05, "output_scale": 10.0},
            "Two layers, lazy: gradient descent goes where the kernel of the start says.",
        ),
        "rich": (
            {**_KERNEL, "spacing": 1, "learning_rate": 0.05, "output_scale": 0.1},
            "The same with small outputs: the kernel moves, and the prediction fails.",
        ),
        "circle, bias": (
            # σ_b = σ_w: the weaker the biases, the later k² sets in
            {**_CIRCLE, "bias": 2**0.5, "learning_rate": 0.14},
            "On the circle each sine is an eigenfunction: time grows like k².",
        ),
        "circle, no bias": (
            {**_CIRCLE, "bias": 0.0},
            "Without bias odd k from 3 on have eigenvalue 0 and are never learnt.",
        ),
        "bottleneck": (
            {
                "target": "high only",
                "spacing": 400,
                "points": 1000,
                "kind": "siren",
                "learning_rate": 1e-4,
                "depth": 3,
                "width": 64,
            },  # fmt: skip
            "Only high notes, and a sine network started for low ones: it answers 0. ω_0 = 300 hears them.",
        ),
    }
)

#: "paper": the setting of the paper that the chosen kind is from.
ALIASES: Mapping[str, tuple[str, Mapping[str, str]]] = MappingProxyType(
    {"paper": ("kind", MappingProxyType({"mlp": "Rahaman et al.", "siren": "SIREN"}))}
)

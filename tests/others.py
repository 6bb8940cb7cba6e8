"""Small settings of every experiment besides grokking, and a change for a member of an ensemble."""

from labkit.experiments import edge_of_chaos, neural_collapse, picture_fields, spectral_bias, unconstrained
from labkit.experiments.activations import museum, race, shapes

OTHERS = {
    "edge_of_chaos": (
        edge_of_chaos.Config(depth=4, width=16, precision="float64", batch=32),
        {"sigma_w": 0.8, "sigma_b": 1.0, "learning_rate": 0.1, "momentum": 0.0},
    ),
    "spectral_bias": (
        spectral_bias.Config(width=16, depth=2, points=40, precision="float64"),
        {"amplitudes": "falling", "learning_rate": 3e-4},
    ),
    "picture_fields": (
        picture_fields.Config(size=32, width=16, depth=2, precision="float64"),
        {"learning_rate": 1e-3},
    ),
    "neural_collapse": (
        neural_collapse.Config(width=16, batch=100, precision="float64"),
        {"weight_decay": 0.01, "label_noise": 0.2},
    ),
    "unconstrained": (unconstrained.Config(), {"lambda_w": 0.02, "learning_rate": 0.2}),
    "race": (race.Config(width=16), {"learning_rate": 3e-3, "start": 1.0}),
    "shapes": (shapes.Config(width=16), {"learning_rate": 3e-3}),
    "museum": (museum.Config(), {"rate": 0.05}),
}

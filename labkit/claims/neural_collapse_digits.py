"""What is claimed about neural collapse of networks on digits."""

from collections.abc import Callable, Iterable
from functools import cache

import numpy as np

from labkit import History, run
from labkit.claims.claim import Claim, Expected, Measured
from labkit.experiments import neural_collapse

PAPYAN = "Papyan, Han, Donoho, Prevalence of neural collapse (2020)"
PERTURBED = "Tirer, Huang, Niles-Weed, Perturbation analysis of neural collapse (2023)"

#: Networks on four digits, networks on ten; how far they are trained on the default page, and elsewhere.
NETWORKS, TEN, UPDATES, LONGER = 10, 3, 2_000, 2_500
#: What is read at the end of a run, and its band. NC1 falls from the first reading without an error.
READ: dict[str, tuple[Callable[[History], float], dict[str, float]]] = {
    "fall of NC1, tr(Σ_W Σ_B†)/C": (lambda each: 1 / each["fallen"][-1], {"low": 100}),
    "NC2, angle error of class means": (lambda each: each["equiangular_means"][-1], {"high": 0.05}),
    "NC2, angle error of classifier rows": (lambda each: each["equiangular_weights"][-1], {"high": 0.05}),
    "NC3, self-duality": (lambda each: each["self_duality"][-1], {"high": 0.05}),
    "NC4, nearest mean disagrees": (lambda each: each["nearest_mean"][-1], {"high": 0.0}),
    "training error": (lambda each: each["train_error"][-1], {"high": 0.0}),
}
FALL, MEANS, ROWS, _, NEAREST, ERROR = READ


@cache
def digits(seed: int) -> History:
    """Four digits, the default page: 2 000 updates, read every 20."""
    return run(neural_collapse.Config(seed=seed), UPDATES, every=20, progress=False)


@cache
def all_four(seed: int, **changes: int) -> History:
    """The preset of this name, or with further changes, read every 20 updates."""
    config = neural_collapse.Config.preset("all four", seed=seed, **changes)
    return run(config, LONGER, every=20, progress=False)


def ends(runs: Iterable[History], names: Iterable[str]) -> Measured:
    """What of :data:`READ` is asked for, at the end of each run."""
    runs = list(runs)
    zero = [each.events["zero training error"] for each in runs]
    left = {name: [READ[name][0](each) for each in runs] for name in READ if name not in names}
    rest = "".join(f"; {name} {min(each):.2g} to {max(each):.2g}" for name, each in left.items())
    return Measured(
        {name: [READ[name][0](each) for each in runs] for name in names},
        f"zero training error at step {min(zero)} to {max(zero)}{rest}",
    )


def by_layer() -> Measured:
    """In how many of the three steps from layer to layer NC1 falls."""
    layers = [digits(seed).profiles["layers"].values[-1] for seed in range(NETWORKS)]
    words = ", ".join(f"{value:.1f}" for value in np.median(layers, 0))
    return Measured({"steps between layers with a fall": [int((np.diff(each) < 0).sum()) for each in layers]},
                    f"median log₁₀ NC1 by layer: {words}")  # fmt: skip


def _bands(names: Iterable[str], least: int, of: int) -> tuple[Expected, ...]:
    return tuple(Expected(name, **READ[name][1], seeds=(least, of)) for name in names)


DIGITS: tuple[Claim, ...] = (
    Claim(
        "neural_collapse/digits", PAPYAN,
        "After the last training error features go on collapsing.",
        _bands((FALL, MEANS, NEAREST, ERROR), 9, NETWORKS),
        f"asked for by this lab: digits 0 to 3, four hidden layers of 128, squared error, AdamW with weight "
        f"decay 2, {UPDATES} updates; NC1 with the pseudo-inverse and 1/C (`nc1_pinv`)",
        lambda: ends((digits(seed) for seed in range(NETWORKS)), (FALL, MEANS, NEAREST, ERROR)),
        note="Rows of the classifier stay several times as far off as the means; see the next claim.",
    ),
    Claim(
        "neural_collapse/all-four", PAPYAN,
        "With smoothed labels and SGD the classifier's rows reach the simplex as well, and point where the "
        "class means do.",
        _bands(READ, 9, NETWORKS),
        f"asked for by this lab: the preset 'all four', {LONGER} updates; ε = .2, momentum .98, weight decay "
        "2e-4, four times that on the last layer; self-duality is ‖W/‖W‖ − M/‖M‖‖²",
        lambda: ends((all_four(seed) for seed in range(NETWORKS)), READ),
    ),
    Claim(
        "neural_collapse/ten-digits", PAPYAN,
        "With all ten digits the frames come as near.",
        _bands((MEANS, ROWS, NEAREST, ERROR), TEN, TEN),
        f"the same with ten classes and width 256, {LONGER} updates",
        lambda: ends((all_four(seed, classes=10, width=256) for seed in range(TEN)),
                     (MEANS, ROWS, NEAREST, ERROR)),
        note="A fall of NC1 by 100 is not claimed here: with smoothed labels it ends earlier.",
    ),
    Claim(
        "neural_collapse/by-layer", PERTURBED,
        "NC1 falls from layer to layer.",
        (Expected("steps between layers with a fall", 3, 3, seeds=(9, NETWORKS)),),
        "the networks of the claim `digits`, four hidden layers, `nc1_pinv` of each", by_layer,
    ),
)  # fmt: skip

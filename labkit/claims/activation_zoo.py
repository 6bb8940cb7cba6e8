"""What is claimed about activations in training: the race, beyond the data, units that die, noise."""

import math
from functools import cache
from typing import TYPE_CHECKING

import torch

from labkit import runtime, sweep
from labkit.claims.claim import Claim, Expected, Measured
from labkit.claims.trained import trained
from labkit.experiments.activations import exhibits, museum, race
from labkit.nn.activations import get

if TYPE_CHECKING:
    import pandas

ZIYIN = "Ziyin, Hartwig, Ueda, Neural networks fail to learn periodic functions and how to fix it (2020)"
HELU = "Kimhi, Kashani, Mendelson, Baskin, Hysteresis activation function (2024)"
HENDRYCKS = "Hendrycks, Gimpel, Gaussian error linear units (2016)"
HERE = "this lab"

SEEDS = range(5)
#: Updates: after these the wave is learnt to 1 % where it was seen, and a cured network of dead units learns.
WAVE, DYING = 1_000, 600
#: Steps of the grid to which pre-activations are rounded near 0, and draws.
GRID, DRAWS = 0.1, 200_000
#: Updates and seeds of the race.
RACE, RUNNERS = {"digits": 200, "spirals": 400}, range(4)


def last(config: museum.Config, steps: int, column: str) -> float:
    """The column after so many updates."""
    return trained(config, steps, lambda record: True).last[column]


def extrapolation() -> Measured:
    """Error on the next periods over that of answering 0, a seed each."""
    found: dict[str, list[float]] = {"relu": [], "tanh": [], "snake": []}
    for seed in SEEDS:
        for name, patient, remedy in (
            ("relu", "ReLU", False),
            ("tanh", "tanh", False),
            ("snake", "ReLU", True),
        ):
            config = museum.Config(exhibit=f"{patient} beyond the data", remedy=remedy, seed=seed)
            found[name].append(last(config, WAVE, "failure"))
    return Measured(
        {
            "error of Snake, 1 is that of answering 0": found["snake"],
            "ReLU's over Snake's": [a / b for a, b in zip(found["relu"], found["snake"], strict=True)],
            "tanh's over Snake's": [a / b for a, b in zip(found["tanh"], found["snake"], strict=True)],
        },
        "; ".join(f"{name} {min(each):.2g} to {max(each):.2g}" for name, each in found.items()),
    )


def dying() -> Measured:
    """Test accuracy with HeLU less that with ReLU, where half the units start dead, and where none does."""
    gains = {}
    for severity, seeds in ((1.0, SEEDS), (0.1, SEEDS[:3])):
        config = museum.Config(exhibit="dying ReLU", severity=severity)
        gains[severity] = [
            last(config.replace(seed=seed, remedy=True), DYING, "test_accuracy")
            - last(config.replace(seed=seed), DYING, "test_accuracy")
            for seed in seeds
        ]
    return Measured(
        {"gain, 47 % of the units dead": gains[1.0], "gain, none dead": gains[0.1]},
        f"α = {exhibits.HELU_ALPHA:g}; it learns in {sum(gain > 0.1 for gain in gains[1.0])} of "
        f"{len(gains[1.0])} seeds, in the others nothing learns with either",
    )


def spread(name: str, step: float) -> float:
    """Deviation of φ'(u), u uniform on [-Δ/2, Δ/2]: what rounding does to a slope at z = 0."""
    u = step * (torch.rand(DRAWS, generator=runtime.generator(0), dtype=torch.float64) - 0.5)
    return float(get(name).derivative(u).std())


def noise() -> Measured:
    """ReLU's noise over that of GELU and SiLU, against √3/(φ''(0) Δ)."""
    curved = {"gelu": math.sqrt(2 / math.pi), "silu": 0.5}
    ratio = {name: spread("relu", GRID) / spread(name, GRID) for name in curved}
    law = {name: math.sqrt(3) / (bend * GRID) for name, bend in curved.items()}
    whole = {}
    for remedy in (False, True):
        config = museum.Config(exhibit="quantised noise", remedy=remedy)
        whole[remedy] = config.experiment(config, runtime.device()).measure()["failure"]
    return Measured(
        {f"{name}, ratio over law": [ratio[name] / law[name]] for name in curved},
        f"Δ = {GRID:g}: {ratio['gelu']:.1f} times GELU's, {ratio['silu']:.1f} times SiLU's; over all z of a "
        f"random network, Δ = .5, only {whole[False] / whole[True]:.1f} times GELU's",
    )


@cache
def results(data: str) -> "pandas.DataFrame":
    """The race: twelve activations, six rates, four seeds."""
    config = race.Config.preset("two spirals") if data == "spirals" else race.Config()
    frame = sweep(
        config, activation=race.RACERS, learning_rate=race.RATES, seed=RUNNERS, steps=RACE[data],
        progress=False,
    )  # fmt: skip
    return race.best_rates(frame)


def gelu() -> Measured:
    """GELU's place and what it is behind the first and ahead of ReLU, each at its own best rate."""
    values, words = {}, []
    for data in RACE:
        table = results(data)
        place = list(table.index).index("gelu") + 1
        values[f"{data}: GELU less ReLU"] = [float(table.test["gelu"] - table.test["relu"])]
        values[f"{data}: place of 12"] = [place]
        values[f"{data}: best rates at an end of the grid"] = [int(table.edge.sum())]
        first, own = table.iloc[0], table.loc["gelu"]
        words.append(
            f"{data}: GELU {own.test:.3f} [{own.low:.3f}, {own.high:.3f}], first {table.index[0]} "
            f"{first.test:.3f} [{first.low:.3f}, {first.high:.3f}]"
        )
    return Measured(values, "; ".join(words) + "; median and range of 4 seeds")


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "activation_zoo/extrapolation", ZIYIN,
        "Beyond the data Snake goes on with the wave; ReLU and tanh do not.",
        (
            Expected("error of Snake, 1 is that of answering 0", high=1.0, seeds=(5, 5)),
            Expected("ReLU's over Snake's", low=3, seeds=(5, 5)),
            Expected("tanh's over Snake's", low=3, seeds=(5, 5)),
        ),
        "sin x, two periods seen by 64 points, one more on either side asked for; one layer of 128, a = 5 "
        "of the 5 to 50 advised; the bands are ours", extrapolation,
    ),
    Claim(
        "activation_zoo/helu", HELU, "HeLU is no worse than ReLU when units die.",
        (
            Expected("gain, 47 % of the units dead", low=0.0, seeds=(5, 5)),
            Expected("gain, none dead", -0.03, 0.03),
        ),
        "three layers of 64 on digits, biases at −1.5; the figures of the paper are of other networks", dying,
    ),
    Claim(
        "activation_zoo/quantised-noise", HERE,
        "Near 0 rounding z by Δ makes ReLU's gradient √3/(φ''(0) Δ) times as noisy as a smooth φ's.",
        (Expected("gelu, ratio over law", 0.95, 1.05), Expected("silu, ratio over law", 0.95, 1.05)),
        "worked out for this lab: deviations ½ and φ''(0) Δ/√12", noise,
    ),
    Claim(
        "activation_zoo/gelu-race", HENDRYCKS,
        "At its own best learning rate GELU is no worse than ReLU, and among the first.",
        (
            Expected("digits: GELU less ReLU", low=-0.01), Expected("digits: place of 12", high=6),
            Expected("digits: best rates at an end of the grid", high=0),
            Expected("spirals: GELU less ReLU", low=0.0), Expected("spirals: place of 12", high=8),
            Expected("spirals: best rates at an end of the grid", high=0),
        ),
        "the paper has GELU ahead of ReLU and ELU on MNIST, CIFAR and speech; the bands are ours", gelu,
        slow=True,
    ),
)  # fmt: skip

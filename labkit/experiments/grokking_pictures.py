"""What a grokking run shows, and in which Fourier basis."""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from labkit.data import arithmetic, groups
from labkit.measures import fourier
from labkit.pictures import Heatmap, Line, Lines, Picture, Scatter

if TYPE_CHECKING:
    from labkit.experiments.grokking import Config


def basis(config: "Config") -> fourier.Basis | None:
    """The basis in which a trained network is expected to be sparse, if one is known for the task."""
    name = arithmetic.TASKS[config.task].basis
    if name == "multiplicative" and not groups.is_prime(config.modulus):
        return None  # the discrete logarithm exists for primes alone
    return _fourier(name, config.size)


@cache
def _fourier(name: str | None, size: int) -> fourier.Basis | None:
    return fourier.basis(name, size)


def pictures(config: "Config") -> tuple[Picture, ...]:
    """Six pictures: what it knows, what it loses, which frequencies, and how tidy the circuit is."""
    known = basis(config)
    none = "" if known is not None else "no Fourier basis is known for this task"
    frequencies = range(1, len(known.labels)) if known is not None else ()
    sign = "−" if arithmetic.TASKS[config.task].sign < 0 else "+"
    if config.model == "mlp" and config.task != "permutations":
        cloud = Scatter(
            "phases",
            "each neuron's phases",
            "phases",
            xlabel=f"φ_U {sign} φ_V",
            ylabel="φ_W",
            lim=(-np.pi, np.pi),
            diagonal=True,
            colour_label="IPR",
            note=none,
        )
    else:
        cloud = Scatter(
            "circle",
            "tokens in the plane of the strongest frequency",
            "circle",
            xlabel="cos direction",
            ylabel="sin direction",
            cyclic=True,
            colour_label="token",
            note=none,
        )
    if config.model == "mlp":
        tidy = Lines(
            "neurons",
            "one frequency per neuron",
            (
                Line("ipr_median", "median IPR", shade=0),
                Line("ipr_low", "lowest tenth", shade=1),
                Line("ipr_high", "highest tenth", shade=2),
            ),
            ylabel="inverse participation ratio",
            ylim=(0, 1.02),
            note=none,
        )
    else:
        tidy = Lines(
            "neurons",
            "a handful of frequencies",
            (Line("top5_share", "share of the five strongest", shade=0),),
            ylabel="share of embedding power",
            ylim=(0, 1.02),
            note=none,
        )
    return (
        Lines(
            "accuracy",
            "accuracy",
            (Line("train_accuracy", "train", shade=0), Line("test_accuracy", "test", shade=1)),
            ylabel="share right",
            ylim=(-0.02, 1.02),
        ),
        Lines(
            "loss",
            "loss",
            (Line("train_loss", "train", shade=0), Line("test_loss", "test", shade=1)),
            ylabel=config.loss.replace("_", " "),
            yscale="log",
        ),
        Heatmap(
            "spectrum",
            "Fourier spectrum of the embeddings",
            "embedding_spectrum",
            ylabel="frequency" if config.task != "permutations" else "representation",
            y=tuple(frequencies),
            colour_label="share of power",
            note=none,
        ),
        Lines(
            "progress",
            "progress measures",
            (
                Line("restricted_loss", "restricted", shade=0),
                Line("excluded_loss", "excluded", shade=1),
            ),
            ylabel=config.loss.replace("_", " "),
            yscale="log",
            note=none,
        ),
        cloud,
        tidy,
    )

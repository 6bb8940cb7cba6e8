"""Exercises of the lab *Grokking*."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from labkit.exercises.judging import Exercise, near, number


def _frame(step: list[int], train: list[float], test: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"step": step, "train_accuracy": train, "test_accuracy": test})


def _delay(answer: Callable) -> str | None:
    """01: test-solved step over train-solved step, accuracy 0.99, first crossing."""

    def ratio(*columns: list[float]) -> float:
        return number(answer(_frame(*columns)), "what your function returns")

    if not near(ratio([0, 5, 10, 15, 20, 25, 30], [0, 0.7, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0.2, 0.8, 1]), 3):
        return "Find the first step at which each accuracy reaches .99, and divide test by train."
    if not near(ratio([0, 10, 20, 40, 80, 160, 320], [0, 0.5, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0.5, 1]), 16):
        return "Records are not evenly spaced: read the column `step`, do not count rows."
    if not near(ratio([0, 10, 20, 30, 40], [0, 0.99, 1, 1, 1], [0, 0, 0, 0.99, 1]), 3):
        return "An accuracy of exactly .99 counts as solved."
    if not near(ratio([0, 10, 20, 30, 40, 50], [0, 1, 0.9, 1, 1, 1], [0, 0, 1, 0.95, 0.98, 1]), 2):
        return "Accuracies may dip after they were solved: only the first crossing counts."
    if ratio([0, 10, 20], [0, 1, 1], [0, 0.1, 0.1]) != math.inf:
        return "A run that never solves the test has an infinite delay; what does your function return then?"
    return None


def _frequency(answer: Callable) -> str | None:
    """02: the frequency in 1 … p//2 that carries most power in one neuron's weights."""
    for size in (97, 98):
        position = np.arange(size)
        for target in (1, 7, size // 2):
            for phase in (0.3, 2.0):
                wave = np.cos(2 * np.pi * target * position / size + phase)
                if not near(number(answer(wave), "what your function returns"), target):
                    return (
                        f"For the pure wave cos(2π·{target}·a/{size} + {phase}) your function returns "
                        "something else. Take the magnitudes of `numpy.fft.rfft`; which entry is the largest?"
                    )
    position = np.arange(97)
    wave = 5 + np.cos(2 * np.pi * 7 * position / 97)
    if not near(number(answer(wave), "what your function returns"), 7):
        return "A constant added to all weights is frequency 0, the same for every number: leave it out."
    wave = np.cos(2 * np.pi * 7 * position / 97) - 1.5 * np.sin(2 * np.pi * 31 * position / 97)
    if not near(number(answer(wave), "what your function returns"), 31):
        return "With two waves, the stronger one counts: compare magnitudes, not real parts."
    return None


EXERCISES = {
    "grokking-01-delay": Exercise(_delay, "a function of a history frame that returns one number", callable),
    "grokking-02-frequency": Exercise(
        _frequency, "a function of one neuron's weights (p numbers) that returns a whole number", callable
    ),
}

"""What ``import labkit`` costs beyond ``import torch``, each time in a fresh interpreter."""

import statistics
import subprocess
import sys

from tests.benchmarks.row import Row, at_most

#: Both imports in one process, so that a slow disk or a busy moment does not enter as a difference.
CODE = """
from time import perf_counter
start = perf_counter()
import torch
middle = perf_counter()
import labkit
print(middle - start, perf_counter() - middle)
"""


def rows(rounds: int = 7) -> list[Row]:
    """The first round, which fills the file cache, is left out."""
    took = [seconds() for _ in range(rounds + 1)][1:]
    torch, beyond = (statistics.median(each) for each in zip(*took, strict=True))
    return [at_most(f"import labkit beyond import torch (itself {torch:.2f} s)", beyond, 0.7, "s")]


def seconds() -> list[float]:
    """Of ``import torch``, and of ``import labkit`` after it."""
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]

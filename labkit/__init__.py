"""labkit: see why deep networks behave as they do, while they train.

The whole vocabulary::

    from labkit import run, sweep, live
    from labkit.experiments import grokking

    live.panel(grokking.Config())                             # sliders, play, fork, scrub
    history = run(grokking.Config(modulus=59), steps=2_000)   # headless
    history.figure()                                          # the same pictures, printed
    sweep(grokking.Config(), weight_decay=[0.1, 1, 5], seed=range(8))   # many runs, a tidy frame
"""

from importlib import import_module
from typing import Any

from labkit import _malloc as _malloc
from labkit import _openmp as _openmp
from labkit.config import Config
from labkit.history import History, Intervention
from labkit.run import run
from labkit.sweep import sweep

__all__ = [
    # training
    "run",
    "sweep",
    "Config",
    "History",
    "Intervention",
    # in the notebook (imported on first use: widgets and matplotlib cost half a second)
    "live",
    "panels",
]

__version__ = "0.1.0"

_LAZY = ("live", "panels", "claims", "doctor", "exercises", "experiments", "measures", "theory")


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return import_module(f"labkit.{name}")
    raise AttributeError(f"module 'labkit' has no attribute {name!r}")


def _draw(histories: list[History], **options: Any) -> Any:
    from labkit.panels import figure

    return figure(histories, **options)


History.renderer = staticmethod(_draw)

"""What a benchmark gives, and how candidates are timed: in turns, in one run, compared by their medians.

A file ``bench_<name>.py`` has a function ``rows()`` that returns :class:`Row` s, made by :func:`at_most`,
:func:`at_least` or :func:`not_here`. Ratios carry no unit; they hold on any machine, busy or not, while
seconds belong to the machine that they were measured on.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table. ``ok`` is ``None`` where nothing could be measured (``what`` says why)."""

    what: str
    bar: str
    measured: str
    ok: bool | None


def at_most(what: str, measured: float, bar: float, unit: str = "×") -> Row:
    """``measured`` must not exceed ``bar``; ``nan`` misses it."""
    return Row(what, f"≤ {_text(bar, unit)}", _text(measured, unit), bool(measured <= bar))


def at_least(what: str, measured: float, bar: float, unit: str = "×") -> Row:
    """``measured`` must reach ``bar``; ``nan`` misses it."""
    return Row(what, f"≥ {_text(bar, unit)}", _text(measured, unit), bool(measured >= bar))


def not_here(what: str, why: str) -> Row:
    """Something this machine cannot measure, for instance bfloat16 on a CPU without it."""
    return Row(f"{what}: not measured here, {why}", "", "–", None)


def medians(rounds: int, **candidates: Callable[[], object]) -> dict[str, float]:
    """Median seconds of each candidate, two first rounds left out.

    They take turns, so that a busy machine hits all alike; compare their ratio.
    """
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds + 2):
        for name, run in candidates.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(each[2:]) for name, each in times.items()}


def _text(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}".replace(" ×", "×").strip()

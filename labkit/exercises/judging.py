"""How any answer is judged: kind first, then the exercise's own judge, and never a traceback."""

import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit import _checks


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Args:
        judge: takes the answer, returns ``None`` when it is right and a hint when it is not. The hint
            points at what to look at; it does not give the answer.
        wants: what an answer should be, completing "It should be …".
        accepts: whether an answer is of that kind at all; ``judge`` sees only such answers.
    """

    judge: Callable[[Any], str | None]
    wants: str
    accepts: Callable[[Any], bool]


@dataclass(frozen=True, repr=False)
class Verdict:
    """What :func:`~labkit.exercises.check` found; true when right."""

    name: str
    right: bool
    hint: str = ""

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return f"{self.name}: " + ("right." if self.right else f"not yet. {self.hint}")


def judge(table: Mapping[str, Exercise], name: str, answer: Any) -> Verdict:
    """Judge ``answer`` by the row ``name`` of ``table``; unknown names raise ``ValueError``."""
    exercise = _checks.lookup(table, name, "exercise")
    if answer is None or answer is Ellipsis:
        return Verdict(name, False, f"There is no answer yet. It should be {exercise.wants}.")
    if not exercise.accepts(answer):
        came = f"{type(answer).__name__} ({_short(answer)})"
        return Verdict(name, False, f"It should be {exercise.wants}; got {came}.")
    try:
        hint = exercise.judge(answer)
    # Whatever a learner's function raises is a wrong answer, not a failure of the page.
    except Exception as error:
        words = f"{type(error).__name__}: {error}"
        return Verdict(name, False, f"Your answer stopped with {words}. It should be {exercise.wants}.")
    return Verdict(name, hint is None, hint or "")


def is_number(answer: Any) -> bool:
    """A real number of Python, numpy or torch, or an array that holds exactly one; not a truth value."""
    if isinstance(answer, bool | np.bool_):
        return False
    if isinstance(answer, numbers.Real):
        return True
    try:
        array = np.asarray(answer)
    except Exception:  # a tensor that requires grad, a ragged list, ...
        return False
    return array.ndim == 0 and array.dtype.kind in "iuf"


def number(answer: Any, what: str = "the result") -> float:
    """``answer`` as a float, for a judge that calls a learner's function.

    Raises:
        TypeError: it is not a number; ``what`` names it in the message.
    """
    if not is_number(answer):
        raise TypeError(f"{what} should be one number, but is {type(answer).__name__} ({_short(answer)})")
    return float(answer)


def near(answer: float, target: float, *, rel: float = 1e-6, abs: float = 0.0) -> bool:
    """Whether two numbers agree; infinities agree with themselves, NaN with nothing."""
    return bool(np.isclose(answer, target, rtol=rel, atol=abs))


def _short(answer: Any, limit: int = 60) -> str:
    text = " ".join(repr(answer).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"

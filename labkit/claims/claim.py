"""What a claim is, and when measured numbers bear it out."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

HOLDS, FAILS, NOT_RUN = "holds", "FAILS", "not run"


@dataclass(frozen=True)
class Expected:
    """One number of a claim and the band in which it must lie.

    Attributes:
        what: the name under which the measurement reports it.
        low: lower end of the band, inclusive.
        high: upper end of the band, inclusive.
        reference: the value that the source reports, if it reports one.
        seeds: ``(9, 10)``: at least 9 of exactly 10 seeds must lie in the band. ``None``: the median must.
    """

    what: str
    low: float = -math.inf
    high: float = math.inf
    reference: float | None = None
    seeds: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if not self.low <= self.high or (math.isinf(self.low) and math.isinf(self.high)):
            raise ValueError(
                f"{self.what}: got band [{self.low}, {self.high}]; allowed: low <= high, one finite"
            )

    def inside(self, value: float) -> bool:
        """Whether one seed's value lies in the band; ``nan`` (never reached) does not."""
        return self.low <= value <= self.high

    def holds(self, values: Sequence[float]) -> bool:
        """Whether one value a seed bears the claim out.

        Raises:
            ValueError: no values, or another number of seeds than the claim speaks of.
        """
        count = len(values)
        if not count or (self.seeds is not None and count != self.seeds[1]):
            wanted = "at least one" if self.seeds is None else self.seeds[1]
            raise ValueError(f"{self.what}: got values of {count} seeds; allowed: {wanted}")
        if self.seeds is not None:
            return sum(map(self.inside, values)) >= self.seeds[0]
        return self.inside(middle(values)[1])

    def text(self) -> str:
        """The band in words."""
        if math.isinf(self.high):
            band = f"≥ {number(self.low)}"
        elif math.isinf(self.low):
            band = f"≤ {number(self.high)}"
        elif self.low == self.high:
            band = number(self.low)
        else:
            band = f"{number(self.low)} … {number(self.high)}"
        words = f"{self.what} {band}"
        if self.seeds is not None:
            words += f" for {self.seeds[0]} of {self.seeds[1]} seeds"
        return words if self.reference is None else f"{words} (reference {number(self.reference)})"

    def measured(self, values: Sequence[float]) -> str:
        """Median and range over seeds in words, and how many seeds lie in the band."""
        low, mid, high = middle(values)
        count, missing = len(values), sum(map(math.isnan, values))
        words = f"{self.what} {number(mid)}"
        if count > 1 and missing < count:
            words += f" [{number(low)}, {number(high)}]"
        seeds = "1 seed" if count == 1 else f"{count} seeds"
        if self.seeds is not None:
            seeds = f"{sum(map(self.inside, values))} of {seeds} inside"
        return f"{words}, {seeds}" + (f", {missing} never" if missing and count > 1 else "")


@dataclass(frozen=True)
class Measured:
    """For each expected number one value a seed, ``nan`` where it was never reached."""

    values: Mapping[str, Sequence[float]]
    remark: str = ""


@dataclass(frozen=True)
class Claim:
    """One sentence of a paper or of this lab, and how it is checked here.

    Attributes:
        id: stable name, "lab/what".
        paper: who says so.
        says: the claim in one sentence.
        expected: the numbers in it; all must hold.
        source: where the expected numbers and their bands come from.
        measure: runs what is needed and returns the numbers.
        slow: takes many minutes; run only when asked for.
        note: what a reader should know, above all why a claim that fails does.
    """

    id: str
    paper: str
    says: str
    expected: tuple[Expected, ...]
    source: str
    measure: Callable[[], Measured] = field(repr=False)
    slow: bool = False
    note: str = ""

    def verdict(self, measured: Measured | None) -> str:
        """:data:`HOLDS`, :data:`FAILS` or, without a measurement, :data:`NOT_RUN`.

        Raises:
            ValueError: the measurement does not report exactly the expected numbers.
        """
        if measured is None:
            return NOT_RUN
        wanted = [expected.what for expected in self.expected]
        if sorted(wanted) != sorted(measured.values):
            raise ValueError(f"{self.id}: got {sorted(measured.values)}; allowed: {sorted(wanted)}")
        return HOLDS if all(e.holds(measured.values[e.what]) for e in self.expected) else FAILS

    def expectation(self) -> str:
        """All bands in words."""
        return "; ".join(expected.text() for expected in self.expected)

    def reading(self, measured: Measured) -> str:
        """All measured numbers in words."""
        words = "; ".join(e.measured(measured.values[e.what]) for e in self.expected)
        return f"{words} ({measured.remark})" if measured.remark else words


def middle(values: Sequence[float]) -> tuple[float, float, float]:
    """Lowest, median and highest; ``nan`` (never reached) ranks above every number.

    So one seed that never gets there cannot lower a median, and a median of ``nan`` says "never".
    """
    ranks = sorted(math.inf if math.isnan(value) else value for value in values)
    known = [value for value in ranks if value != math.inf] or [math.nan]
    mid = median(ranks)
    return known[0], math.nan if math.isinf(mid) else mid, known[-1]


def number(value: float) -> str:
    """Three significant digits, whole numbers in full, "never" for ``nan``."""
    if math.isnan(value):
        return "never"
    if value == int(value):
        return f"{int(value):,}".replace(",", " ")
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"

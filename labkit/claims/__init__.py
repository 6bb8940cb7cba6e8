"""What papers and this lab claim, beside what the code measures.

One file a lab; :data:`LABS` is the table. ``python -m labkit claims [lab or id] [--slow] [--markdown]``.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from labkit import _checks
from labkit.claims import (
    activation_constants,
    activation_zoo,
    edge_of_chaos,
    grokking,
    ledger,
    neural_collapse,
    spectral_bias,
)
from labkit.claims.claim import FAILS, HOLDS, NOT_RUN, Claim, Expected, Measured
from labkit.readme import ROOT

__all__ = ["LABS", "Claim", "Expected", "Measured", "main"]

#: lab -> its claims, in the order in which they are run and shown.
LABS: Mapping[str, tuple[Claim, ...]] = {
    "grokking": grokking.CLAIMS,
    "neural_collapse": neural_collapse.CLAIMS,
    "spectral_bias": spectral_bias.CLAIMS,
    "edge_of_chaos": edge_of_chaos.CLAIMS,
    "activation_zoo": (*activation_constants.CLAIMS, *activation_zoo.CLAIMS),
}


def main(
    lab: str | None = None,
    slow: bool = False,
    markdown: bool = False,
    *,
    labs: Mapping[str, tuple[Claim, ...]] = LABS,
    root: Path = ROOT,
) -> int:
    """Measure claims and print each beside what is expected.

    Args:
        lab: only this lab, or the one claim of this id, slow or not; ``None`` for all.
        slow: also the claims that take many minutes.
        markdown: also write ``docs/claims.md`` in the checkout (see :mod:`labkit.claims.ledger` for what
            happens to claims that were not run).
        labs: the table of claims.
        root: the checkout.

    Returns:
        0 if every claim that was run holds, 1 if one fails or could not be measured, 2 for a bad argument.
    """
    try:
        chosen = _chosen(lab, labs)
        if markdown:  # before the minutes of measuring, not after
            _writable(root / "docs" / "claims.json", root)
    except ValueError as error:
        print(f"labkit: {error}", file=sys.stderr)
        return 2
    measured: dict[str, Measured] = {}
    counts: dict[str, int] = {}
    for claim in chosen:
        verdict = _judge(claim, measured) if slow or not claim.slow or claim.id == lab else _skip(claim)
        counts[verdict] = counts.get(verdict, 0) + 1
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    if markdown:
        print(f"written: {ledger.write(root / 'docs', labs, measured).relative_to(root)}")
    return int(any(verdict not in (HOLDS, NOT_RUN) for verdict in counts))


def _chosen(lab: str | None, labs: Mapping[str, tuple[Claim, ...]]) -> list[Claim]:
    every = [claim for claims in labs.values() for claim in claims]
    if lab is None:
        return every
    _checks.choice("lab", lab, [*labs, *(claim.id for claim in every)])
    return [claim for claim in every if claim.id == lab or claim in labs.get(lab, ())]


def _judge(claim: Claim, measured: dict[str, Measured]) -> str:
    if sys.stderr.isatty():
        print(f"measuring {claim.id} ...", end="\r", file=sys.stderr, flush=True)
    try:
        found = claim.measure()
        verdict, reading = claim.verdict(found), claim.reading(found)
    except Exception as error:  # one broken measurement must not hide the verdicts of the others
        _show(claim, "ERROR", f"{type(error).__name__}: {error}")
        return "could not be measured"
    measured[claim.id] = found
    _show(claim, verdict, reading)
    return verdict


def _skip(claim: Claim) -> str:
    _show(claim, NOT_RUN, "slow: --slow runs it")
    return NOT_RUN


def _show(claim: Claim, verdict: str, reading: str) -> None:
    print(f"[{verdict:^7}] {claim.id}: {claim.says}")
    print(f"{'':10}expected  {claim.expectation()}")
    print(f"{'':10}measured  {reading}")
    if claim.note and verdict == FAILS:
        print(f"{'':10}note      {claim.note}")
    sys.stdout.flush()


def _writable(record: Path, root: Path) -> None:
    if not (root / "pyproject.toml").is_file():
        raise ValueError(f"markdown: {root} is not a checkout of the repository; allowed: run it in one")
    ledger.load(record)

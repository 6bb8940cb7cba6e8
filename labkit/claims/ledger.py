"""The record of what was measured, and the table that the README links to.

``docs/claims.json`` keeps the last measurement of each claim with its date and kind of machine;
``docs/claims.md`` is written from it. So a claim that was not run this time (a slow one, or another
lab's) keeps the numbers of its last run, with their date, and is judged anew by the band that stands in the
code now. A claim that was never measured says "not run".
"""

import datetime
import json
import math
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from labkit import _checks, runtime
from labkit.claims.claim import FAILS, HOLDS, Claim, Measured

HEAD = """# What is claimed, and what this code measures

Written by `python -m labkit claims --markdown`: edit `labkit/claims/`, not this page. The quick claims run
in minutes, those marked *slow* need `--slow` and much longer; a claim that was not run keeps its last
measurement, with its date. Bands over seeds are [lowest, highest]. A claim that fails says so: nothing is
tuned to hide it.
"""


@dataclass(frozen=True)
class Entry:
    """A measurement, and where and when it was made."""

    measured: Measured
    date: str
    machine: str

    @classmethod
    def now(cls, measured: Measured) -> "Entry":
        """An entry of today, on this machine."""
        return cls(measured, datetime.date.today().isoformat(), machine())


def machine() -> str:
    """The kind of machine, without its name: numbers differ a little between processors and versions."""
    threads = torch.get_num_threads()
    torch_version = torch.__version__.partition("+")[0]
    return (
        f"{runtime.quota():g} CPUs {platform.machine()}, "
        f"{threads} thread{'s' * (threads != 1)}, torch {torch_version}"
    )


def load(path: Path) -> dict[str, Entry]:
    """Claim id -> last entry; nothing where there is no file yet.

    Raises:
        ValueError: the file is not such a record.
    """
    if not path.is_file():
        return {}
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return {name: _entry(row) for name, row in rows.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = (
            f"{path}: got a damaged record ({error}); allowed: what --markdown wrote. Restore or delete it"
        )
        raise ValueError(message) from error


def save(path: Path, entries: Mapping[str, Entry]) -> None:
    """Write the record, one line a claim, beside and renamed."""
    rows = {
        name: {
            "values": {what: [_plain(v) for v in values] for what, values in entry.measured.values.items()},
            "remark": entry.measured.remark,
            "date": entry.date,
            "machine": entry.machine,
        }
        for name, entry in sorted(entries.items())
    }
    lines = (f"{json.dumps(name)}: {json.dumps(row, ensure_ascii=False)}" for name, row in rows.items())
    _write(path, "{\n" + ",\n".join(lines) + "\n}\n")


def markdown(labs: Mapping[str, Iterable[Claim]], entries: Mapping[str, Entry]) -> str:
    """The page: a table for each lab, then what each claim rests on."""
    parts = [HEAD]
    for lab, claims in labs.items():
        claims = list(claims)
        parts.append(f"## {lab.capitalize().replace('_', ' ')}\n")
        parts.append("| claim | expected | measured | verdict |\n|---|---|---|---|")
        parts += [_row(claim, entries.get(claim.id)) for claim in claims]
        parts.append("")
        parts += [_about(claim, entries.get(claim.id)) for claim in claims]
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def write(folder: Path, labs: Mapping[str, Iterable[Claim]], measured: Mapping[str, Measured]) -> Path:
    """Add ``measured`` to the record in ``folder`` and write the page anew; its path."""
    known = {claim.id for claims in labs.values() for claim in claims}
    entries = {name: entry for name, entry in load(folder / "claims.json").items() if name in known}
    for name, each in measured.items():
        entries[_checks.choice("claim", name, known)] = Entry.now(each)
    folder.mkdir(exist_ok=True)
    save(folder / "claims.json", entries)
    _write(folder / "claims.md", markdown(labs, entries))
    return folder / "claims.md"


def _row(claim: Claim, entry: Entry | None) -> str:
    verdict = _verdict(claim, entry)
    shown = {HOLDS: verdict, FAILS: f"**{verdict}**"}.get(verdict, f"*{verdict}*")
    says = f"{claim.says} `{claim.id}`" + (" *slow*" if claim.slow else "")
    reading = claim.reading(entry.measured) if entry is not None and verdict in (HOLDS, FAILS) else "–"
    return "| " + " | ".join(_cell(text) for text in (says, claim.expectation(), reading, shown)) + " |"


def _verdict(claim: Claim, entry: Entry | None) -> str:
    """The verdict; numbers that no longer fit what the claim asks for are not judged."""
    try:
        return claim.verdict(entry.measured if entry is not None else None)
    except ValueError:
        return "not run since the claim was changed"


def _about(claim: Claim, entry: Entry | None) -> str:
    lines = [f"- `{claim.id}`: {claim.paper}. Expected: {claim.source}."]
    if claim.note:
        lines.append(f"  **Note:** {claim.note}")
    if entry is not None:
        single = all(len(values) == 1 for values in entry.measured.values.values())
        lines.append(f"  Measured {entry.date}{' with one seed' if single else ''}, {entry.machine}.")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")


def _entry(row: Mapping) -> Entry:
    values = {
        what: [math.nan if value is None else float(value) for value in each]
        for what, each in row["values"].items()
    }
    return Entry(Measured(values, row["remark"]), row["date"], row["machine"])


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.6g}")  # digits, for errors may be tiny


def _write(path: Path, text: str) -> None:
    beside = path.with_name(path.name + ".part")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)

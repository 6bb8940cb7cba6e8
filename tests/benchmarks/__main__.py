"""``python -m tests.benchmarks [name ...]``: all benchmarks, or ``bench_<name>.py`` alone."""

import importlib
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.benchmarks.row import Row

HERE = Path(__file__).parent


def names(folder: Path = HERE) -> list[str]:
    """What there is to run: ``steps`` for ``bench_steps.py``."""
    return sorted(path.stem.removeprefix("bench_") for path in folder.glob("bench_*.py"))


def measure(name: str) -> list[Row]:
    """The rows of one benchmark; where it breaks is a row that misses, and hides no other."""
    rows = []
    try:
        rows.extend(importlib.import_module(f"tests.benchmarks.bench_{name}").rows())
    except Exception as error:
        rows.append(Row(f"bench_{name}: {type(error).__name__}: {error}", "", "broken", False))
    return rows


def table(rows: Iterable[Row]) -> str:
    """One line a row: those that miss their bar first, those that could not be measured last."""
    order = {False: 0, True: 1, None: 2}
    mark = {False: "MISS", True: "ok", None: "-"}
    rows = sorted(rows, key=lambda row: order[row.ok])
    cells = [("", "measured", "bar", "what")]
    cells += [(mark[row.ok], row.measured, row.bar, row.what) for row in rows]
    wide = [max(len(line[column]) for line in cells) for column in range(3)]
    return "\n".join(
        f"{line[0]:<{wide[0]}}  {line[1]:>{wide[1]}}  {line[2]:>{wide[2]}}  {line[3]}" for line in cells
    )


def main(asked: Sequence[str]) -> int:
    """Print the table; 1 if a row misses its bar, 2 for an unknown name."""
    known = names()
    if unknown := [name for name in asked if name not in known]:
        print(f"benchmarks: got {', '.join(unknown)}; allowed: {', '.join(known)}", file=sys.stderr)
        return 2
    rows = []
    for name in asked or known:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        rows += measure(name)
    print(table(rows))
    return int(any(row.ok is False for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

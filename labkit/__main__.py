"""``python -m labkit``: run, sweep, doctor, claims, student, readme, pages.

Each handler imports what it needs, so that ``--help`` answers at once.
"""

import argparse
import contextlib
import math
import sys
from collections.abc import Callable, Sequence

Handler = Callable[[argparse.Namespace], int]


def _run(arguments: argparse.Namespace) -> int:
    from labkit.commands import run

    return run.main(arguments)


def _sweep(arguments: argparse.Namespace) -> int:
    from labkit.commands import sweep

    return sweep.main(arguments)


def _doctor(arguments: argparse.Namespace) -> int:
    from labkit import doctor

    return doctor.main(calibrate=not arguments.quick)


def _claims(arguments: argparse.Namespace) -> int:
    from labkit import claims

    return claims.main(lab=arguments.lab, slow=arguments.slow, markdown=arguments.markdown)


def _student(arguments: argparse.Namespace) -> int:
    from labkit import student

    try:
        cut = student.copy(arguments.source, arguments.out)
    except ValueError as error:
        raise SystemExit(f"labkit: {error}") from None
    print(f"{arguments.out}: solutions cut from {len(cut)} files")
    return 0


def _readme(arguments: argparse.Namespace) -> int:
    from labkit import readme

    try:
        changed = readme.update()
    except (ValueError, FileNotFoundError) as error:
        raise SystemExit(f"labkit: {error}") from None
    print("README.md: " + ("written" if changed else "already agrees with pyproject.toml"))
    return 0


def _pages(arguments: argparse.Namespace) -> int:
    from labkit import pages

    return pages.main(arguments.folder)


def _number(kind: type, low: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        with contextlib.suppress(ValueError):
            if low <= (number := kind(text)) < math.inf:
                return number
        what = "a whole number" if kind is int else "a finite number"
        raise argparse.ArgumentTypeError(f"got {text!r}; allowed: {what}, {low} or more")

    return read


def _settings(sub: argparse.ArgumentParser) -> None:
    """What ``run`` and ``sweep`` are both told."""
    from labkit.commands import CODES
    from labkit.experiments import EXPERIMENTS

    sub.epilog = CODES
    sub.add_argument("experiment", help=f"which phenomenon: {', '.join(EXPERIMENTS)}")
    sub.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting; may be repeated"
    )
    sub.add_argument("--preset", metavar="NAME", help="settings to start from; --set changes them further")
    sub.add_argument(
        "--steps",
        type=_number(int, 0),
        metavar="N",
        help="updates in all (default: what the default settings need)",
    )
    sub.add_argument("--device", metavar="D", help="cpu (default), cuda or mps")
    sub.add_argument("--out", metavar="FOLDER", help="where to keep everything, made if need be")


def parser() -> argparse.ArgumentParser:
    """The command line, as ``--help`` shows it."""
    top = argparse.ArgumentParser(prog="python -m labkit", description=__doc__.splitlines()[0])
    commands = top.add_subparsers(required=True, metavar="command")

    def command(name: str, run: Handler, help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        sub.set_defaults(run=run)
        return sub

    run = command("run", _run, "train one experiment, with checkpoints: the same command again goes on")
    _settings(run)
    run.add_argument("--every", type=_number(int, 1), metavar="N", help="record every N steps")
    run.add_argument(
        "--checkpoint-every",
        type=_number(float, 0),
        default=60.0,
        metavar="SECONDS",
        help="save the state into the folder so often (default: 60)",
    )

    sweep = command("sweep", _sweep, "train one experiment at every combination of some settings")
    _settings(sweep)
    sweep.add_argument(
        "--over",
        action="append",
        default=[],
        metavar="NAME=VALUES",
        help="an axis: weight_decay=0.1,1,5 or seed=0:8 (0 to 7); may be repeated",
    )
    sweep.add_argument("--until", metavar="EVENT", help="end each run at this event, such as 'test solved'")
    sweep.add_argument("--curves", action="store_true", help="a row each recorded step instead of each run")
    where = sweep.add_mutually_exclusive_group()
    where.add_argument("--workers", type=_number(int, 1), metavar="N", help="on N processes of this machine")
    where.add_argument("--scheduler", metavar="ADDRESS", help="on a dask cluster: tcp://host:8786")

    doctor = command("doctor", _doctor, "what this machine is like for the labs, and what to do about it")
    doctor.add_argument("--quick", action="store_true", help="leave out the one-second speed calibration")

    claims = command("claims", _claims, "measure what the papers claim, beside what they claim")
    claims.add_argument("lab", nargs="?", help="only this lab, or one claim: grokking, grokking/delay")
    claims.add_argument("--slow", action="store_true", help="also the claims that take many minutes")
    claims.add_argument("--markdown", action="store_true", help="write the table docs/claims.md")

    student = command("student", _student, "copy the labs without their solutions")
    student.add_argument("source", help="folder of labs")
    student.add_argument("out", help="a new or empty folder")

    command("readme", _readme, "write the badge and links of README.md from [project.urls]")

    pages = command("pages", _pages, "execute the pages in full mode into the notebooks beside them")
    pages.add_argument("folder", nargs="?", default="labs", help="folder of labs, or a page (default: labs)")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = parser().parse_args(argv)
    return arguments.run(arguments)


if __name__ == "__main__":
    sys.exit(main())

"""``python -m labkit``: doctor, claims, student, readme, pages.

Each handler imports what it needs, so that ``--help`` answers at once.
"""

import argparse
import sys
from collections.abc import Callable, Sequence

Handler = Callable[[argparse.Namespace], int]


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


def parser() -> argparse.ArgumentParser:
    """The command line, as ``--help`` shows it."""
    top = argparse.ArgumentParser(prog="python -m labkit", description=__doc__.splitlines()[0])
    commands = top.add_subparsers(required=True, metavar="command")

    def command(name: str, run: Handler, help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        sub.set_defaults(run=run)
        return sub

    doctor = command("doctor", _doctor, "what this machine is like for the labs, and what to do about it")
    doctor.add_argument("--quick", action="store_true", help="leave out the one-second speed calibration")

    claims = command("claims", _claims, "measure what the papers claim, beside what they claim")
    claims.add_argument("lab", nargs="?", help="only this lab, for instance grokking")
    claims.add_argument("--slow", action="store_true", help="also the claims that take many minutes")
    claims.add_argument("--markdown", action="store_true", help="write the table docs/claims.md")

    student = command("student", _student, "copy the labs without their solutions")
    student.add_argument("source", help="folder of labs")
    student.add_argument("out", help="a new or empty folder")

    command("readme", _readme, "write the badge and links of README.md from [project.urls]")

    pages = command("pages", _pages, "execute the pages in full mode into the notebooks beside them")
    pages.add_argument("folder", nargs="?", default="labs", help="folder of labs (default: labs)")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = parser().parse_args(argv)
    return arguments.run(arguments)


if __name__ == "__main__":
    sys.exit(main())

"""What this machine is like for the labs: what was found, what will degrade, what to do.

``python -m labkit doctor`` in a terminal, ``doctor.show()`` in a notebook.
"""

import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

import torch
from packaging.requirements import Requirement
from packaging.version import Version

from labkit import _openmp, runtime

Level = Literal["fine", "note", "broken"]

#: What a page shows and how it is updated depends on these; (package, what is known, level, what to do).
KNOWN: tuple[tuple[str, Callable[[Version], bool], Level, str], ...] = (
    (
        "ipykernel",
        lambda v: Version("7.0.0") <= v <= Version("7.0.1"),
        "broken",
        "panels stand still here (ipython/ipykernel#1450): pip install 'ipykernel>=7.4'",
    ),
    (
        "ipykernel",
        lambda v: Version("7.0.1") < v < Version("7.4"),
        "note",
        "on a busy machine it may stop answering after a few hundred messages (ipython/ipykernel#1529): "
        "pip install 'ipykernel>=7.4'",
    ),
    (
        "ipykernel",
        lambda v: v < Version("6.31"),
        "broken",
        "older than what the live panel was tested with: pip install 'ipykernel>=6.31,!=7.0.0,!=7.0.1'",
    ),
    (
        "ipykernel",
        lambda v: Version("6.31") <= v < Version("7"),
        "note",
        "a slider moved while another cell is busy acts when that cell is done; "
        "at once with: pip install 'ipykernel>=7.4'",
    ),
    (
        "jupyterlab",
        lambda v: v < Version("4.4"),
        "note",
        "older than what the pages were tested with: pip install 'jupyterlab>=4.4'",
    ),
    (
        "ipywidgets",
        lambda v: v < Version("8.1.8"),
        "broken",
        "too old for the panel's sliders: pip install 'ipywidgets>=8.1.8'",
    ),
)

#: The default page solves its test near this step (186 to 224 over seeds 0–9, median 195).
STEPS_TO_SOLVE = 195


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``advice`` is empty when there is nothing to do."""

    level: Level
    what: str
    found: str
    advice: str = ""

    def __str__(self) -> str:
        mark = {"fine": " ok ", "note": "note", "broken": "BAD "}[self.level]
        line = f"[{mark}] {self.what:<12} {self.found}"
        return f"{line}\n{'':20}-> {self.advice}" if self.advice else line


def report(*, calibrate: bool = True) -> list[Finding]:
    """Everything there is to say about this machine; ``calibrate=False`` leaves out the one-second timing."""
    findings = [_python(), *_packages(), *_known(), _device(), _threads()]
    if calibrate:
        findings.append(_speed())
    return findings


def show(*, calibrate: bool = True) -> None:
    """Print the report, as the first cell of the first page does."""
    _print(report(calibrate=calibrate))


def main(*, calibrate: bool = True) -> int:
    """Print the report and return the exit code: 1 if something is broken, else 0."""
    findings = report(calibrate=calibrate)
    _print(findings)
    return int(any(finding.level == "broken" for finding in findings))


def measure_speed(step: Callable[[], object], seconds: float = 1.0) -> float:
    """Steps a second of ``step``, over about ``seconds`` after a few steps of warming up.

    From the median step, so that a hiccup of the machine does not count.
    """
    for _ in range(3):
        step()
    times = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    return 1 / sorted(times)[len(times) // 2]


def _python(version: tuple[int, int] = sys.version_info[:2]) -> Finding:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if version < (3, 11):
        return Finding("broken", "Python", found, "labkit needs 3.11 to 3.13")
    if version > (3, 13):
        return Finding("note", "Python", found, "newer than what was tested (3.11 to 3.13)")
    return Finding("fine", "Python", found)


def _requirements() -> Iterator[Requirement]:
    """What labkit needs at run time, as its installed metadata say."""
    for text in metadata.requires("labkit") or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement


def _packages() -> list[Finding]:
    try:
        findings = [_package(requirement) for requirement in _requirements()]
    except metadata.PackageNotFoundError:
        advice = "its packages cannot be checked; install it with: pip install -c binder/pins.txt -e ."
        return [Finding("note", "labkit", "is imported from a folder, not installed", advice)]
    return [
        Finding("fine", "labkit", f"{metadata.version('labkit')}, {len(findings)} packages looked at"),
        *(finding for finding in findings if finding is not None),
    ]


def _package(requirement: Requirement) -> Finding | None:
    """A finding only when the package is missing or outside its bounds."""
    version = _version(requirement.name)
    if version is None:
        return Finding("broken", requirement.name, "is missing", f"pip install '{requirement}'")
    if not requirement.specifier.contains(version, prereleases=True):
        return Finding("broken", requirement.name, str(version), f"pip install '{requirement}'")
    return None


def _known() -> list[Finding]:
    findings = []
    for package in ("torch", "jupyterlab", "ipykernel", "ipywidgets"):
        version = _version(package)
        if version is None:
            findings.append(Finding("broken", package, "is missing", f"pip install {package}"))
            continue
        said = [(level, advice) for name, bad, level, advice in KNOWN if name == package and bad(version)]
        findings += [Finding(level, package, str(version), advice) for level, advice in said]
        if not said:
            findings.append(Finding("fine", package, str(version)))
    return findings


def _version(package: str) -> Version | None:
    try:
        return Version(metadata.version(package))
    except metadata.PackageNotFoundError:
        return None


def _device() -> Finding:
    if torch.cuda.is_available():
        found = f"CPU by default; there is a {torch.cuda.get_device_name(0)}"
        return Finding(
            "fine", "device", found, "the default labs are quicker on the CPU, wide networks on the GPU"
        )
    if torch.backends.mps.is_available():
        return Finding("fine", "device", "CPU by default; there is an Apple GPU")
    return Finding("fine", "device", "CPU (all the labs need)")


def _threads() -> Finding:
    before, quota = torch.get_num_threads(), runtime.quota()
    threads = runtime.cap_threads()
    found = f"{threads} torch threads, CPU quota {quota:g} of {os.cpu_count()} cores shown"
    if before > threads:
        found += f" (capped from {before})"
    if quota < 2:
        return Finding(
            "note", "threads", found, "training and browser share one core: pictures refresh more slowly"
        )
    if _openmp.TOO_LATE:
        advice = "torch was imported before labkit, so its threads spin while they wait and a browser on the "
        advice += "same cores slows training: import labkit first, or set OMP_WAIT_POLICY=PASSIVE"
        return Finding("note", "threads", found, advice)
    return Finding("fine", "threads", found)


def _speed() -> Finding:
    from labkit.experiments import grokking
    from labkit.train import train

    config = grokking.Config()
    experiment = config.experiment(config, runtime.device())
    loop = train(experiment)  # reads measures and profiles as a panel does
    next(loop)
    rate = measure_speed(lambda: next(loop))
    seconds = STEPS_TO_SOLVE / rate
    found = f"{rate:.0f} steps/s in the default lab: its test is solved after {seconds:.1f} s at full speed"
    if rate < experiment.pace:
        advice = (
            f"below the panel's pace of {experiment.pace:g} steps/s, so it takes {seconds:.0f} s "
            f"instead of {STEPS_TO_SOLVE / experiment.pace:.0f} s; a smaller width or modulus is quicker"
        )
        return Finding("note", "speed", found, advice)
    return Finding("fine", "speed", found)


def _print(findings: Iterable[Finding]) -> None:
    findings = list(findings)
    print(*findings, sep="\n")
    worst = {finding.level for finding in findings}
    if "broken" in worst:
        print("Something is broken: see the lines marked BAD.")
    elif "note" in worst:
        print("The labs work here; the notes say what is slower or different.")
    else:
        print("All is well.")

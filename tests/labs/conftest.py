"""Each page is executed once a test run, by nbval in lax mode and in the fast setting."""

import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from labkit import pages

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Cell:
    """A code cell as the subprocess ran it; ``failure`` is nbval's report, empty if there is none."""

    source: str
    tags: list[str]
    outputs: list[dict]
    failure: str

    @property
    def text(self) -> str:
        """What it printed or returned, as text."""
        return "".join(
            output["text"] if "text" in output else output.get("data", {}).get("text/plain", "")
            for output in self.outputs
        )


def nbval(notebook: Path, record: Path) -> list[Cell]:
    """Run ``notebook`` in a fresh kernel, comparing the marked outputs with the stored ones."""
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env"]
    command += ["--nbval-cell-timeout=300", "-q", "-p", "keep_outputs", "-p", "no:cacheprovider"]
    # Another configuration than the project's: nbval's items are no doctests and have no markers.
    command += ["-c", str(record.with_suffix(".ini")), "--rootdir", str(notebook.parent), str(notebook)]
    record.with_suffix(".ini").write_text("[pytest]\n")
    environment = pages.environment(fast=True) | {"LABKIT_CAPTURE": str(record)}
    environment["PYTHONPATH"] += f":{Path(__file__).parent}"
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=notebook.parent)
    if not record.is_file():  # not raised here: the page would be run again for every test that wants it
        return [Cell("", [], [], f"nbval did not run:\n{done.stdout[-3000:]}{done.stderr[-2000:]}")]
    return [Cell(**cell) for cell in json.loads(record.read_text())]


@pytest.fixture(scope="session")
def executed(tmp_path_factory):
    """``executed(path)`` -> the code cells of that page; the first call runs it, later ones reuse that."""

    @cache
    def run(path: Path) -> list[Cell]:
        record = tmp_path_factory.mktemp("labs") / f"{path.stem}.json"
        return nbval(path.with_suffix(".ipynb"), record)

    return run

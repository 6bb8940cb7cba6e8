"""A pytest plugin for the subprocess that runs nbval: writes down what every cell gave.

Loaded with ``-p keep_outputs``; the file to write is named by ``LABKIT_CAPTURE``.
"""

import json
import os
from pathlib import Path

import pytest

seen: list[dict] = []


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call" or report.failed:
        seen.append(
            {
                "source": item.cell.source,
                "tags": item.cell.metadata.get("tags", []),
                "outputs": getattr(item, "test_outputs", []),
                "failure": report.longreprtext if report.failed else "",
            }
        )


def pytest_sessionfinish():
    Path(os.environ["LABKIT_CAPTURE"]).write_text(json.dumps(seen))

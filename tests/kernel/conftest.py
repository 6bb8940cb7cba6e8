"""Kernels of several ipykernel versions, each started once, and a front end that talks as JupyterLab does."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.kernel.front_end import FrontEnd

#: What the kernel of each version needs besides what labkit's own environment has.
NEEDS = {"6.31.0": ("nest-asyncio",), "7.3.0": ()}
#: Versions, each with the shells on which a front end may send: notebook 7 and JupyterLab ≥ 4.4 use a
#: subshell where the kernel has them, older ones and other front ends the main shell.
CASES = (
    *(pytest.param(case, marks=pytest.mark.slow) for case in ("6.31.0 main", "7.3.0 main", "7.3.0 subshell")),
    "installed main",
    "installed subshell",
)
#: ipykernel 7.0-7.3 by itself stops reading requests after a few hundred of them on a busy machine, since it
#: answers behind the back of the stream that reads (ipython/ipykernel#1529). With the mend that 7.4 brought:
MENDS = {
    "7.3.0": "kernel = get_ipython().kernel\n"
    "kernel.shell_channel_thread.manager._shell_socket = kernel.shell_stream",
}


def environment(folder: Path, version: str) -> str:
    """Make an environment with that ipykernel, all else taken from this one; the path of its Python."""
    builder = venv.EnvBuilder(symlinks=os.name != "nt")
    builder.create(folder)
    python = builder.ensure_directories(folder).env_exe
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps"]
    done = subprocess.run([*pip, f"ipykernel=={version}", *NEEDS[version]], capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"pip could not install ipykernel {version}:\n{done.stderr}", pytrace=False)
    own = sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)})
    rest = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    (Path(own) / "rest.pth").write_text(rest, encoding="utf-8")
    return python


@pytest.fixture(scope="session")
def kernels(tmp_path_factory):
    """``kernels(version)``: the front end of a running kernel in which labkit is imported."""
    running = {}

    def kernel(version: str) -> FrontEnd:
        if version not in running:
            folder = tmp_path_factory.mktemp("kernel") / version
            python = sys.executable if version == "installed" else environment(folder, version)
            running[version] = front = FrontEnd(python).__enter__()
            front.run(MENDS.get(version, ""))
            front.run("import time, threading, ipykernel, toy\nfrom labkit import live")
            if version != "installed":
                assert front.run("ipykernel.__version__") == repr(version)
        return running[version]

    yield kernel
    for front in running.values():
        front.__exit__()


@pytest.fixture(scope="module", params=CASES)
def page(request, kernels):
    """A front end on one of the shells; each test makes its own panel."""
    version, shell = request.param.split()
    front = kernels(version)
    front.case = request.param
    if shell == "subshell":
        front.open_subshell()
    yield front
    front.subshell = None


@pytest.fixture(autouse=True)
def tidy(page):
    """No panel left over, and a record that starts with the test."""
    page.run("live.stop_all()")
    page.messages.clear()
    page.frames.clear()

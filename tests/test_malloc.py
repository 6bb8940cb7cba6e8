"""Memory that a step frees serves the next one."""

import os
import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
import labkit, torch
from labkit.experiments import grokking
config = grokking.Config()
experiment = config.experiment(config, torch.device("cpu"))
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    experiment.step()
before = faults()
for _ in range(30):
    experiment.step()
print((faults() - before) / 30)
"""


def per_step(**environment: str) -> float:
    """Page faults of one step of the default network."""
    command = [sys.executable, "-c", FAULTS]
    # what the user of this shell has chosen would be obeyed
    plain = {name: value for name, value in os.environ.items() if "MALLOC" not in name}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=plain | environment)
    return float(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told")
def test_a_step_asks_the_system_for_no_memory_unless_the_user_has_another_rule():
    assert per_step() < 50
    assert per_step(MALLOC_TRIM_THRESHOLD_="131072", MALLOC_MMAP_THRESHOLD_="131072") > 500
    assert per_step(GLIBC_TUNABLES="glibc.malloc.trim_threshold=131072") > 500

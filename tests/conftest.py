"""For all tests: shape checks switched on, global state left as found, a browser where one is needed."""

import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

# Shape annotations are checked at run time in tests only; the hook must come before labkit is imported.
from jaxtyping import install_import_hook

install_import_hook(["labkit.nn", "labkit.measures", "labkit.theory"], "beartype.beartype")

# labkit before torch: its threads must learn how to wait before they exist
from labkit import runtime  # noqa: E402, I001
import torch  # noqa: E402

# Once here, so that no test is the first to lower the number.
runtime.cap_threads()
# Started in the background, a shell's child ignores Ctrl-C, and so would everything that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
#: Beginnings of variables that decide how fast a process of ours is, or what it does.
OBEYED = ("OMP_", "MKL_", "MALLOC_", "GLIBC_", "LABKIT_")
NO_BROWSER = f"no browser: none of {', '.join(BROWSERS)} is installed"


def _global_state() -> dict[str, object]:
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002 - the very state nobody may touch
    return {
        "torch default dtype": torch.get_default_dtype(),
        "torch default device": torch.get_default_device(),
        "torch threads": torch.get_num_threads(),
        "torch gradient mode": torch.is_grad_enabled(),
        "torch anomaly mode": torch.is_anomaly_enabled(),
        "torch deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "torch float32 matrix precision": torch.get_float32_matmul_precision(),
        "torch global random state": torch.get_rng_state().numpy().tobytes(),
        "numpy global random state": (kind, keys.tobytes(), *rest),
        # processes that later tests start would obey them
        "environment": {name: os.environ[name] for name in os.environ if name.startswith(OBEYED)},
    }


@pytest.fixture(autouse=True)
def global_state_left_as_found():
    before = _global_state()
    yield
    after = _global_state()
    changed = [name for name in before if before[name] != after[name]]
    if changed:
        torch.set_default_dtype(before["torch default dtype"])  # do not drag later tests along
        torch.set_num_threads(before["torch threads"])
        torch.set_grad_enabled(before["torch gradient mode"])
        pytest.fail(f"the test changed {', '.join(changed)}", pytrace=False)


@pytest.fixture
def three_threads(global_state_left_as_found):
    """Torch may use three, whatever this machine has."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def find_browser() -> str | None:
    """Path of a Chromium that Playwright can drive."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """With ``-n``, a file's tests stay together, as do all that need the browser: one at a time is enough."""
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "browser" if file.startswith("tests/browser/") else file

    return ByFile(config, log)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("browser") and find_browser() is None:
        if os.environ.get("LABKIT_REQUIRE_BROWSER") == "1":
            pytest.fail(f"{NO_BROWSER}, and LABKIT_REQUIRE_BROWSER=1 asks for one", pytrace=False)
        pytest.skip(NO_BROWSER)


@pytest.fixture(scope="session")
def browser_path() -> str:
    """For tests marked ``browser``: ``playwright.chromium.launch(executable_path=browser_path)``."""
    return find_browser() or pytest.fail(NO_BROWSER)


@pytest.fixture(scope="session")
def artefacts() -> Path:
    """Folder that outlives the run, for screenshots."""
    folder = ROOT / os.environ.get("LABKIT_ARTEFACTS", "artefacts")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT

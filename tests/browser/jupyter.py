"""A real JupyterLab on a copy of some pages, and a panel in it seen through Chromium."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from playwright.sync_api import Locator, Page, expect, sync_playwright

from labkit import pages
from tests import waiting
from tests.waiting import PATIENCE

__all__ = ["Lab", "Panel", "browser", "command", "end_kernels", "expect", "open_page", "server", "shown"]

#: Chromium in a container: no sandbox, no GPU, nothing fetched behind our back.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab."""

    address: str
    folder: Path  # what it serves

    def write(self, name: str, source: str) -> None:
        """Put a notebook of the cells of a percent script into the folder."""
        script = (self.folder / name).with_suffix(".py")
        script.write_text(source)
        nbformat.write(pages.read(script), self.folder / name)


@contextlib.contextmanager
def server(source: Path, folder: Path, **environment: str) -> Iterator[Lab]:
    """Serve a copy of the folder ``source``, so that autosave leaves the checkout alone."""
    shutil.copytree(source, folder / "labs")
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    # the question about news would lie over the panel
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    port = _free_port()
    env = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        **environment,
    }
    arguments = {
        "ServerApp.root_dir": folder / "labs",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "IdentityProvider.token": "",
        "ServerApp.password": "",
        "LabApp.expose_app_in_browser": True,
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--{name}={value}" for name, value in arguments.items()]
    log = folder / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, env=env, stdout=output, stderr=subprocess.STDOUT)
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_for(f"{address}/api/status", process, log)
            yield Lab(address, folder / "labs")
        finally:
            process.terminate()  # and with it, its kernels
            process.wait(PATIENCE)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(address: str, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=2):
            return
        time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


@contextlib.contextmanager
def browser(path: str) -> Iterator[Page]:
    """One page of a Chromium; what its console calls an error is collected in ``page.complaints``."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        context = chromium.new_context(viewport={"width": 1280, "height": 1500})
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.set_default_timeout(1000 * PATIENCE)
        expect.set_options(timeout=1000 * PATIENCE)
        yield page
        chromium.close()


def command(page: Page, name: str, **arguments: object) -> None:
    """Run a JupyterLab command, as its menus do."""
    # not awaited: a command may end only with the cells it runs
    page.evaluate(
        "([name, given]) => void window.jupyterapp.commands.execute(name, given)", [name, arguments]
    )


def end_kernels(page: Page) -> None:
    """End every kernel of the server, and all that trains in them."""
    page.evaluate("() => window.jupyterapp.serviceManager.sessions.shutdownAll()")


def open_page(page: Page, lab: Lab, name: str) -> "Panel":
    """Open a notebook alone on the screen, run all its cells, and wait for its first panel's first frame."""
    page.goto(f"{lab.address}/lab/tree/{name}?reset")  # without it, earlier notebooks are opened too
    page.wait_for_function("window.jupyterapp !== undefined")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    # commands before the kernel answers are lost
    page.wait_for_function(
        """() => {
            const kernel = window.jupyterapp.shell.currentWidget?.context?.sessionContext?.session?.kernel;
            return kernel?.connectionStatus === "connected" && kernel.status === "idle";
        }"""
    )
    if page.locator("#jp-left-stack").is_visible():
        command(page, "application:toggle-left-area")
    command(page, "notebook:run-all-cells")
    return shown(page)


def shown(page: Page) -> "Panel":
    """The first panel on the page, once it has drawn."""
    panel = Panel(page, page.locator(".lk-panel").first)
    panel.until("+d.frames > 0")
    panel.root.scroll_into_view_if_needed()
    return panel


class Panel:
    """What a user can see and do."""

    def __init__(self, page: Page, root: Locator) -> None:
        self.page, self.root = page, root

    def __getitem__(self, name: str) -> str:
        """A data attribute of the panel: "step", "state", "value-weight_decay" ..."""
        return self.root.get_attribute(f"data-{name}") or ""

    @property
    def step(self) -> int:
        """Updates done, as the page says."""
        return int(self["step"])

    def do(self, name: str) -> None:
        """Press the button ``name``."""
        self.root.locator(f"button[data-do={name}]").click()

    def control(self, name: str) -> Locator:
        """The slider, menu or box of the setting ``name``."""
        return self.root.locator(f"[data-control={name}]")

    def key(self, name: str, key: str, times: int = 1) -> None:
        """Press ``key`` on the control ``name``."""
        control = self.control(name)
        control.focus()
        for _ in range(times):
            self.page.keyboard.press(key)

    def speed(self, label: str) -> None:
        """Choose a speed by its label."""
        self.root.locator("select[data-do=speed]").select_option(label=label)

    def until(self, condition: str) -> None:
        """Wait for a JavaScript condition on the panel's data attributes, ``d``."""
        self.page.wait_for_function(
            f"root => {{ const d = root.dataset; return {condition}; }}",
            arg=self.root.element_handle(),
        )

    def drawn(self) -> dict[str, str]:
        """The checksums of the pictures, once there are some."""
        self.root.scroll_into_view_if_needed()
        expect(self.root).to_have_attribute("data-seq", re.compile("^[1-9]"))
        return self.canvases()

    def fresh(self) -> None:
        """Default settings at the default pace, before the first step."""
        if self["state"] == "running":  # a reset goes on playing
            self.do("pause")
            self.until("d.state !== 'running'")
        self.root.locator("select[data-do=preset]").select_option(index=1)
        self.speed("watch")
        self.do("reset")
        self.until("d.state === 'ready' && d.step === '0' && d.valueWeight_decay === '2'")

    def blank(self) -> list[str]:
        """Pictures with fewer than eight colours: nothing was drawn."""
        return self.root.evaluate(
            """root => [...root.querySelectorAll("canvas[data-picture]")].filter(c => {
                const pixels = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
                return new Set(new Uint32Array(pixels.buffer)).size < 8;
            }).map(c => c.dataset.picture)"""
        )

    def becomes(self, condition: Callable[[dict[str, str]], bool]) -> None:
        """Wait until ``condition`` holds of the checksums of what is drawn."""
        waiting.until(lambda: condition(self.canvases()), self.canvases, pause=0.1)

    def canvases(self) -> dict[str, str]:
        """A checksum of every picture's pixels."""
        return self.root.evaluate(
            """root => Object.fromEntries([...root.querySelectorAll("canvas[data-picture]")].map(c => {
                const pixels = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
                let sum = 0;
                for (const value of pixels) sum = (31 * sum + value) >>> 0;
                return [c.dataset.picture, String(sum)];
            }))"""
        )

    def picture(self, path: Path) -> None:
        """Keep a screenshot of the panel."""
        self.root.screenshot(path=path)

    def themes(self) -> Iterator[str]:
        """The page in the dark theme, then in the light one, when the panel is drawn anew."""
        for theme in ("dark", "light"):
            command(self.page, "apputils:change-theme", theme=f"JupyterLab {theme.title()}")
            expect(self.root).to_have_attribute("data-theme", theme)
            self.page.wait_for_timeout(700)  # until all is drawn
            yield theme

    def pictures(self, folder: Path, name: str) -> None:
        """Keep a screenshot in either theme."""
        for theme in self.themes():
            self.picture(folder / f"{name}_{theme}.png")

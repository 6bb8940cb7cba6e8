"""With a real browser on the same cores: training speed, and the time from a key press to its update.

A JupyterLab with one panel is driven through Chromium. Both clocks are the machine's: the page notes when a
key goes down, the kernel when the experiment takes the new value over.
"""

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Page

from tests.benchmarks.row import Row, at_least, at_most, not_here
from tests.browser import jupyter

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MOVES = 200
#: Milliseconds between two keys: slow enough that each is a change of its own.
PAUSE = 110

PANEL = """# %%
from labkit import live
from labkit.experiments import grokking
panel = live.panel(grokking.Config())
panel
"""

LISTEN = """
import json, time
applied = []
panel.history
experiment = panel._controller.focus.experiment
taken_over = experiment.configure
def configure(config):
    taken_over(config)
    applied.append((time.time(), config.weight_decay))
experiment.configure = configure
"""

#: In turns, so that a busy machine hits both alike: a loop alone, and the panel with its browser.
SPEEDS = """
import json, statistics, time
import torch
from labkit import History
from labkit.train import train
config, steps, rounds = grokking.Config(), 250, 6
def headless():
    history = History(config)
    start = time.perf_counter()
    for record in train(config.experiment(config, torch.device("cpu"))):
        history.add(record)
        if record.step >= steps:
            return steps / (time.perf_counter() - start)
rates = []
def beside():
    panel.reset().speed(None).settle(10)
    start, frames = time.perf_counter(), panel._controller.frames.sequence
    panel.play()
    while panel.history.step < steps:
        time.sleep(0.002)
    took = time.perf_counter() - start
    speed = panel.history.step / took
    rates.append((panel._controller.frames.sequence - frames) / took)
    panel.pause().settle(10)
    return speed
ratios = [beside() / headless() for _ in range(rounds)][1:]
json.dump([statistics.median(ratios), statistics.median(rates)], open("result.json", "w"))
"""

BUSY = f"""
import time
until = time.time() + {MOVES * PAUSE / 1000 + 8}
while time.time() < until:
    sum(range(1000))
"""


def rows() -> list[Row]:
    """Speed left beside a browser, then key presses with the kernel idle and with another cell busy."""
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        return [not_here("training speed and key presses with a browser", "no Chromium")]
    with tempfile.TemporaryDirectory() as folder:
        pages, home = Path(folder) / "pages", Path(folder) / "home"
        pages.mkdir()
        home.mkdir()
        with jupyter.server(pages, home) as lab, jupyter.browser(path) as page:
            lab.write("panel.ipynb", PANEL)
            return _measured(page, jupyter.open_page(page, lab, "panel.ipynb"), lab.folder / "result.json")


def _measured(page: Page, panel: jupyter.Panel, result: Path) -> list[Row]:
    _execute(page, SPEEDS)
    speed, rate = json.loads(result.read_text())
    what = f"training beside a panel and a browser on the same cores ({rate:.1f} frames/s)"
    made = [at_least(what, 100 * speed, 85, "%")]
    for kernel, code in (("idle", "pass"), ("another cell busy", BUSY)):
        panel.do("reset")
        panel.until("d.step === '0'")
        panel.speed("full speed")
        panel.do("play")
        panel.until("+d.step > 2")
        _execute(page, LISTEN)
        _execute(page, code, wait=False)
        page.wait_for_timeout(1000)
        took = _key_presses(page, panel, result)
        what = f"key press in the browser to its update, full speed, {kernel} ({len(took)} moves)"
        made.append(at_most(f"{what}, median", float(np.median(took)), 50, "ms"))
        made.append(at_most(f"{what}, 95th percentile", float(np.quantile(took, 0.95)), 100, "ms"))
        panel.do("pause")
        panel.until("d.state === 'paused'")
    return made


def _key_presses(page: Page, panel: jupyter.Panel, result: Path) -> np.ndarray:
    """Milliseconds from key to update, one a move."""
    panel.control("weight_decay").focus()
    panel.root.evaluate(
        """root => {
            if (!window.pressed) {
                root.addEventListener("keydown",
                    () => pressed.push(performance.timeOrigin + performance.now()), {capture: true});
            }
            window.pressed = [];
        }"""
    )
    for move in range(MOVES):
        page.keyboard.press("ArrowLeft" if move % 2 else "ArrowRight")
        page.wait_for_timeout(PAUSE)
    page.wait_for_timeout(1000)
    pressed = np.array(page.evaluate("pressed.splice(0)"))
    # after a busy cell this waits for its end
    _execute(page, 'json.dump([1000 * when for when, _ in applied], open("result.json", "w"))')
    applied = np.array(json.loads(result.read_text()))
    if len(applied) == len(pressed):
        return applied - pressed
    # two keys met in one step: the first update after a key is when it acted
    after = np.searchsorted(applied, pressed)
    return applied[after[after < len(applied)]] - pressed[after < len(applied)]


def _execute(page: Page, code: str, *, wait: bool = True) -> None:
    """Run code in the page's kernel on its main shell, as a cell does."""
    page.evaluate(
        """async ([code, wait]) => {
            const kernel = window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
            const future = kernel.requestExecute({code});
            if (!wait) return;
            const {content} = await future.done;
            if (content.status !== "ok") throw new Error(content.traceback?.join("\\n") ?? content.status);
        }""",
        [code, wait],
    )

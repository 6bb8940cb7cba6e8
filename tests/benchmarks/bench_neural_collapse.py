"""Neural collapse: theory at a slider's move, descent onto it, digits folding up, measures, point clouds.

Seconds and milliseconds belong to this machine; read them beside the calibration product of the same run.
"""

import itertools
import shutil
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from labkit import History, run, runtime
from labkit.data.clusters import gaussian_clusters
from labkit.experiments import imbalance, neural_collapse, unconstrained
from labkit.live import assets, describe
from labkit.measures.collapse import ClassMoments, CollapseMeter
from tests.benchmarks.row import Row, at_least, at_most, medians, not_here
from tests.memory import Peak

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
#: Side of the square product that is timed in turns with the rest.
CALIBRATION = 512
#: Points of the cloud, and seconds it is turned for.
POINTS, TURNING = 1500, 3.0

#: A cloud of as many classes and frames as page 1 has, turned a little at every frame of the screen.
TURN = """
async ([points, seconds]) => {
  const values = Float32Array.from({ length: 4 * points }, (_, i) => i % 4 < 3 ? Math.sin(i * i) : (i >> 2) % 4);
  const declared = { name: "c", title: "cloud", points: { shape: [points, 4], values }, depth: true, lim: [-1.4, 1.4],
    words: ["0", "1", "2", "3"], colours: ["#0072B2", "#D55E00", "#009E73", "#CC79A7"], lines: [], labels: [] };
  const picture = new lk.ScatterPicture(declared);
  document.body.append(picture.shell.root);
  picture.resize(600, 450);
  const theme = { paper: [255, 255, 255], background: "#fff", text: "#000", muted: "#666", grid: "#ccc", font: "11px sans-serif" };
  const scene = { theme, store: { focus: null }, colour: () => "#0072B2" };
  picture.draw(scene);
  let frames = 0, busy = 0;
  const start = performance.now();
  while (performance.now() - start < 1000 * seconds) {
    await new Promise(requestAnimationFrame);
    const began = performance.now();
    picture.angle = { ...picture.angle, yaw: picture.angle.yaw + 0.05 };
    picture.draw(scene);
    picture.canvas.getContext("2d").getImageData(0, 0, 1, 1); // wait until it is painted
    busy += performance.now() - began;
    frames++;
  }
  return [1000 * frames / (performance.now() - start), busy / frames];
}
"""  # noqa: E501


def rows() -> list[Row]:
    """Theory and overlay, digits, measures, memory, the cloud."""
    return [*_unconstrained(), *_digits(), *_measures(), _memory(), _cloud()]


def _unconstrained() -> list[Row]:
    square = torch.ones(CALIBRATION, CALIBRATION)
    values = itertools.cycle([5e-4 * 1.01**k for k in range(300)])  # no two moves alike

    def slide() -> None:
        shown = imbalance.imbalance(imbalance.Config(depth=3, pull=next(values)))
        buffers: list[bytes] = []
        for picture in next(shown):  # theory comes first
            describe.plain(picture, buffers)

    took = medians(7, product=lambda: square @ square, slide=slide)
    config, trained = unconstrained.Config(depth=3), []
    start = time.perf_counter()
    trained.append(run(config, unconstrained.Unconstrained.steps, progress=False, every=50))
    seconds = time.perf_counter() - start
    beside = f"(product of {CALIBRATION}: {1000 * took['product']:.1f} ms)"
    return [
        at_most(
            f"page 3.4: a slider's move to theory, ready to be sent {beside}", 1000 * took["slide"], 40, "ms"
        ),
        at_most("free features of three layers trained onto it, 400 samples", seconds, 3, "s"),
        at_most("... and how far its loss then is from the minimum", trained[0]["excess"][-1], 0.01, "of it"),
    ]


def _digits() -> list[Row]:
    config = neural_collapse.Config()
    start = time.perf_counter()
    zero = run(config, 400, progress=False, stop=None)
    at = zero.events.get("zero training error", float("nan"))
    to_zero = (time.perf_counter() - start) * at / 400
    found = [at_most(f"page 3.1: zero training error (step {at})", to_zero, 5, "s")]
    four = neural_collapse.Config.preset("all four")
    for what, each, updates in (("page 3.1", config, 2_000), ("page 3.1, preset 'all four'", four, 2_500)):
        start = time.perf_counter()
        whole = run(each, updates, progress=False)
        seconds = time.perf_counter() - start
        found += [
            at_most(f"{what}: {updates} updates, all measures read", seconds, 60, "s"),
            at_most("... tr(Σ_W Σ_B†)/C over its value at zero training error", _last(whole, "fallen"), 0.01),
            at_most("... angle error of class means", _last(whole, "equiangular_means"), 0.05, ""),
            at_most("... nearest class mean disagrees", _last(whole, "nearest_mean"), 0.0, ""),
        ]
    rows_off = _last(whole, "equiangular_weights")
    return [*found, at_most("... angle error of classifier rows", rows_off, 0.05, "")]


def _last(history: History, name: str) -> float:
    """The last reading; measures are not read at every step."""
    values = history[name]
    return float(values[~np.isnan(values)][-1])


def _measures() -> list[Row]:
    data = gaussian_clusters(10, 64, 500, generator=runtime.generator(0))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        wide = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(),
                             nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 10))  # fmt: skip
        convolution = nn.Sequential(
            nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(64, 64, 3, padding=1),
            nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10),
        )  # fmt: skip
    found = []
    for what, net in (("MLP 256, 256, 64", wide), ("three convolutions", convolution)):
        optimiser, meter = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9), CollapseMeter(net)
        batches = list(zip(data.x.split(128), data.answer.split(128), strict=True))

        def epoch(read: bool, net=net, optimiser=optimiser, meter=meter, batches=batches) -> None:
            for x, answer in meter.batches(batches) if read else batches:
                optimiser.zero_grad()
                F.cross_entropy(net(x), answer).backward()
                optimiser.step()
            meter._rows.clear()

        took = medians(5, plain=lambda epoch=epoch: epoch(False), read=lambda epoch=epoch: epoch(True))
        share = took["read"] / took["plain"] - 1
        found.append(
            at_most(
                f"measures of each epoch of 5 000 samples, from training's own features: {what}", share, 0.1
            )
        )
        own = medians(3, own=lambda meter=meter, batches=batches: meter(batches, nearest_mean=False))["own"]
        found.append(
            not_here(
                f"a reading with a pass of its own: {own / took['plain']:.2f} of an epoch, {what}", "no bar"
            )
        )
    return found


def _memory() -> Row:
    g, classes, width = runtime.generator(0), 10, 64

    def peak(count: int) -> int:
        with Peak() as memory:
            moments = ClassMoments(classes, width)
            for _ in range(count // 10_000):
                labels = torch.randint(0, classes, (10_000,), generator=g)
                moments.add(torch.randn(10_000, width, generator=g), labels)
        return memory.most

    return at_most(
        "memory of class moments, 1 000 000 features over 20 000", peak(1_000_000) / peak(20_000), 1.01
    )


def _cloud() -> Row:
    what = f"a cloud of {POINTS} × 3 turned in the browser, frames a second"
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        return not_here(what, "no Chromium here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=browser).new_page()
        page.set_content("<body></body>")
        page.add_script_tag(content=assets.esm() + "\nglobalThis.lk = { ScatterPicture };", type="module")
        page.wait_for_function("globalThis.lk !== undefined")
        rate, busy = page.evaluate(TURN, [POINTS, TURNING])
    return at_least(f"{what} ({busy:.1f} ms each)", rate, 20, "/s")

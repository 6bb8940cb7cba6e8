"""Spectral bias: a step against its products, ensembles against singles, a field against the plain module."""

import time
from collections.abc import Callable, Iterator

import torch
from torch import nn

from labkit.data import images
from labkit.experiments import picture_fields, spectral_bias
from labkit.history import History
from labkit.live.controller import Controller
from labkit.live.describe import plain
from labkit.nn.dense import DenseNets
from labkit.nn.fields import Field
from labkit.optim import OPTIMISERS, SQUARED_ERROR
from labkit.pictures import Line, Lines
from labkit.theory.kernels import empirical_ntk
from labkit.theory.ntk import dense_ntk, linearise
from labkit.train import train
from tests.benchmarks.bench_steps import fast_bfloat16, in_a_row
from tests.benchmarks.row import Row, at_least, at_most, medians, not_here

CPU = torch.device("cpu")
#: Page 1 at its largest: six hidden layers, 330 000 parameters.
PAGE = spectral_bias.Config(depth=6, width=256)


def rows() -> Iterator[Row]:
    """All rows of this file."""
    yield from step()
    yield from together()
    yield from field()
    yield from kernels()
    yield from live()


def products(rows: int, sizes: tuple[int, ...]) -> Callable[[], None]:
    """The matrix products of one step, forth and back, into memory that is there."""
    made = []
    for at, (n, out) in enumerate(zip(sizes, sizes[1:], strict=False)):
        h, w, by = torch.randn(rows, n), torch.randn(out, n), torch.randn(rows, out)
        made.append((h, w, by, torch.empty(rows, out), torch.empty(out, n), torch.empty(rows, n), at))

    def work() -> None:
        for h, w, _, z, *_ in made:
            torch.mm(h, w.T, out=z)
        for h, w, by, _, by_w, below, at in reversed(made):
            torch.mm(by.T, h, out=by_w)
            if at:
                torch.mm(by, w, out=below)

    return work


def step(rounds: int = 15) -> Iterator[Row]:
    """200 points, 6 × 256, Adam."""
    experiment = PAGE.experiment(PAGE, CPU)
    took = in_a_row(rounds, ours=experiment.step, products=products(200, experiment.nets.sizes))
    what = f"step of page 1, 200 points, 6 × 256 ({took['ours'] * 1e3:.1f} ms) / its matrix products"
    yield at_most(what, took["ours"] / took["products"], 1.3)


def together(members: int = 20) -> Iterator[Row]:
    """Twenty seeds as one ensemble, as ``sweep`` cuts them, and one after another."""
    for config, rounds in ((spectral_bias.Config(), 7), (PAGE, 3)):
        configs = [config.replace(seed=seed) for seed in range(members)]
        kind = config.experiment.ensemble(config, CPU)
        size = kind.most(CPU)
        groups = [kind(configs[at : at + size], CPU) for at in range(0, members, size)]
        singles = [one.experiment(one, CPU) for one in configs]
        took = medians(
            rounds,
            ensemble=lambda groups=groups: [each.advance(1) for each in groups],
            singles=lambda singles=singles: [each.step() for each in singles],
        )
        what = f"{members} seeds of {config.depth} × {config.width}: one after another / one ensemble step"
        what = f"{what} ({took['ensemble'] * 1e3:.0f} ms)"
        yield at_least(what, took["singles"] / took["ensemble"], 1.0)


class Sine(nn.Module):
    """sin(30x)."""

    def forward(self, x):
        return torch.sin(30 * x)


def field(size: int = 256, rounds: int = 3) -> Iterator[Row]:
    """One step of SIREN on all pixels."""
    pixels = images.pixels(images.picture("camera", size))
    x, y = pixels.x.float(), pixels.y.float()
    net = Field(2, generator=torch.Generator().manual_seed(0))
    module = plain_module(net.nets, Sine)
    optimiser = torch.optim.Adam(module.parameters(), lr=1e-4)

    def loop() -> None:
        optimiser.zero_grad()
        (module(x) - y).square().mean().backward()
        optimiser.step()

    def ours(products: torch.dtype | None = None) -> Callable[[], None]:
        one = Field(2, generator=torch.Generator().manual_seed(0))
        flat, prepared = one.nets.flat.detach(), one.rows(x, products=products)
        gradient, outputs = torch.empty_like(flat), torch.empty_like(y)
        buffers = OPTIMISERS["adamw"].new_buffers(flat)

        def work() -> None:
            prepared.gradient(y, SQUARED_ERROR.gradient_, gradient[0], outputs)
            OPTIMISERS["adamw"].update(flat, gradient, buffers, lr=1e-4, beta2=0.999)

        return work

    low = {"low": ours(torch.bfloat16)} if fast_bfloat16() else {}
    took = medians(rounds, loop=loop, ours=ours(), products=products(len(x), net.nets.sizes), **low)
    what = f"SIREN step at {size}² ({took['ours'] * 1e3:.0f} ms)"
    yield at_least(
        f"plain module loop ({took['loop'] * 1e3:.0f} ms) / {what}", took["loop"] / took["ours"], 1.7
    )
    beside = f"{what} / its matrix products, beside it"
    yield Row(beside, "", f"{took['ours'] / took['products']:.3g}×", None)
    if low:
        yield Row(f"{what} / the same in bfloat16", "", f"{took['ours'] / took['low']:.3g}×", None)
    else:
        yield not_here("SIREN step in bfloat16", "this CPU has no fast bfloat16")


def plain_module(nets: DenseNets, phi: Callable[[], nn.Module]) -> nn.Sequential:
    """The only member of an ensemble, with its weights, as torch would have it."""
    layers = []
    for w, b in nets.layers():
        layers += [nn.Linear(w.shape[2], w.shape[1]), phi()]
        layers[-2].weight.data, layers[-2].bias.data = w[0].detach().clone(), b[0].detach().clone()
    return nn.Sequential(*layers[:-1])


def kernels() -> Iterator[Row]:
    """The empirical NTK of page 1's network, and the theory slider on it."""
    experiment = PAGE.experiment(PAGE, CPU)
    x, nets = experiment.runs.learnt.x, experiment.nets
    took = medians(5, dense=lambda: dense_ntk(nets, x))
    what = f"empirical NTK, 200 points, {nets.flat.numel()} parameters, from the network's structure"
    yield at_most(what, took["dense"], 2, "s")
    module = plain_module(nets, nn.ReLU)
    general = medians(1, general=lambda: empirical_ntk(module, x))["general"]
    yield at_most("the same by a gradient a point, of a plain module", general, 2, "s")
    kernel = dense_ntk(nets, x)[0]
    y, start = torch.randn(200), torch.zeros(200)
    solved = linearise(kernel, start, y)
    at = iter(range(1, 10**6))

    def slider() -> None:
        time_ = next(at)
        f = solved.predict(time_, 1e-3, "momentum", 0.9).numpy()
        left = solved.decay(time_, 1e-3, "momentum", 0.9).abs().numpy()
        loss = solved.loss(torch.arange(0, 5000, 50), 1e-3, "momentum", 0.9).numpy()
        for values in (f, left, loss):
            plain(Lines("one", "", (Line(values, "", x=values),)), [])

    took = medians(15, slider=slider, decomposition=lambda: linearise(kernel, start, y))
    beside = f"(decomposed once, {took['decomposition'] * 1e3:.0f} ms)"
    yield at_most(f"theory slider to frame, 200 points {beside}", took["slider"] * 1e3, 40, "ms")


def live(steps: int = 30, rounds: int = 3) -> Iterator[Row]:
    """SIREN at 128² beside a browser that acknowledges, against the same loop without pictures."""
    config = picture_fields.Config()

    def headless() -> float:
        history = History(config)
        loop = train(config.experiment(config, CPU))
        history.add(next(loop))
        began = time.perf_counter()
        for record in loop:
            history.add(record)
            if record.step >= steps:
                return time.perf_counter() - began
        raise AssertionError("the run ended early")

    def shown() -> float:
        def receive(frame: dict, buffers: list[bytes]) -> None:
            controller.post({"do": "ack", "seq": frame["seq"]})

        controller = Controller(config, send=receive, device=CPU, rate=12.0)
        controller.start()
        controller.started.wait()
        controller.post({"do": "speed", "value": None})
        controller.post({"do": "hello"})
        controller.settle(10)
        began = time.perf_counter()
        controller.post({"do": "step", "count": steps})
        controller.settle()
        took = time.perf_counter() - began
        controller.stop()
        return took

    pairs = [(headless(), shown()) for _ in range(rounds)]
    slower = sorted(live / alone - 1 for alone, live in pairs)[rounds // 2]
    yield at_most(
        "live picture, gradient and Laplacian of SIREN at 128²: training slower by", 100 * slower, 15, "%"
    )

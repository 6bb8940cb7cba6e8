"""One training step against its matrix products, a straightforward loop, and bfloat16."""

import dataclasses
import statistics
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch.nn import functional as F

from labkit.data.arithmetic import pairs, split
from labkit.experiments import grokking
from labkit.nn.flat import flatten, views
from labkit.nn.mlp import PairMLP
from labkit.nn.shares import on_one_core
from labkit.nn.transformer import PairTransformer
from labkit.optim import LOSSES, OPTIMISERS
from tests.benchmarks.row import Row, at_least, at_most, medians, not_here

FAST_BFLOAT16 = ("amx_bf16", "avx512_bf16")


def in_a_row(rounds: int, steps: int = 4, **candidates: Callable[[], object]) -> dict[str, float]:
    """Median seconds of one step of each; ``steps`` of them follow each other, as they do in training."""

    def repeated(step: Callable[[], object]) -> None:
        for _ in range(steps):
            step()

    took = medians(rounds, **{name: partial(repeated, step) for name, step in candidates.items()})
    return {name: seconds / steps for name, seconds in took.items()}


def training(modulus: int, fraction: float):
    """The rows trained on."""
    table = pairs("a+b", modulus)
    index, _ = split(len(table.a), fraction, generator=torch.Generator().manual_seed(0))
    return table.a[index], table.b[index], table.answer[index]


def our_step(model: torch.nn.Module, rows, loss: str, **values: float) -> Callable[[], None]:
    """Gradient and AdamW as the experiments do them, where ``train`` does them."""
    flat = flatten(model)
    grad = torch.zeros_like(flat)
    out, buffers = views(grad, model), OPTIMISERS["adamw"].new_buffers(flat)

    def step() -> None:
        model.gradient(*rows, LOSSES[loss].gradient_, out)
        OPTIMISERS["adamw"].update(flat, grad, buffers, **values)

    return partial(on_one_core, step, flat.device)


def autograd_step(model: torch.nn.Module, forward, rows, loss, **values: float) -> Callable[[], None]:
    """A straightforward loop: forward, backward, torch's AdamW with its default settings."""
    a, b, answer = rows
    optimiser = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), **values)

    def step() -> None:
        optimiser.zero_grad()
        loss(forward(a, b), answer).backward()
        optimiser.step()

    return step


def mlp(rounds: int = 15) -> Iterator[Row]:
    """p = 97, N = 500, half the table, float32: against its three products and against a plain loop."""
    rows, settings = training(97, 0.5), {"lr": 1e-2, "weight_decay": 2.0}
    make = partial(PairMLP, 97, 500)
    ours, loop, seen = (make(generator=torch.Generator()) for _ in range(3))
    hidden, by_logits = torch.randn(len(rows[0]), 500), torch.randn(len(rows[0]), 97)
    w, logits = torch.randn(97, 500), torch.empty(len(rows[0]), 97)
    by_w, by_hidden = torch.empty_like(w), torch.empty_like(hidden)

    def products() -> None:
        torch.mm(hidden, w.T, out=logits)
        torch.mm(by_logits.T, hidden, out=by_w)
        torch.mm(by_logits, w, out=by_hidden)

    def indexing(a, b):
        return (loop.U[a] + loop.V[b]).square() @ loop.W.T

    def mse(logits, answer):
        return F.mse_loss(logits, F.one_hot(answer, 97).float())

    took = in_a_row(
        rounds,
        products=products,
        ours=our_step(ours, rows, "mse", **settings),
        loop=autograd_step(loop, indexing, rows, mse, **settings),
        logits=lambda: seen.logits(*rows[:2]),
    )
    step = f"MLP step ({took['ours'] * 1e3:.1f} ms)"
    yield at_most(f"{step} / its three matrix products", took["ours"] / took["products"], 1.25)
    yield at_least(f"straightforward loop / {step}", took["loop"] / took["ours"], 3)
    yield at_most(f"logits of the same rows / {step}", took["logits"] / took["ours"], 0.6)


def transformer(rounds: int = 6) -> Iterator[Row]:
    """p = 113, 30 % of the table, d 128, 4 heads, MLP 512: against the plain forward; bfloat16 on top."""
    rows, settings = training(113, 0.3), {"lr": 1e-3, "weight_decay": 1.0}
    make = partial(PairTransformer, 113)
    loop = make(generator=torch.Generator())
    low = make(generator=torch.Generator(), products=torch.bfloat16)
    took = in_a_row(
        rounds,
        ours=our_step(make(generator=torch.Generator()), rows, "cross_entropy", **settings),
        loop=autograd_step(loop, loop.plain, rows, F.cross_entropy, **settings),
        low=our_step(low, rows, "cross_entropy", **settings),
    )
    step = f"transformer step ({took['ours'] * 1e3:.1f} ms)"
    yield at_least(f"plain forward and autograd / {step}", took["loop"] / took["ours"], 4.5)
    if fast_bfloat16():
        gain, offered = took["ours"] / took["low"], products_in_bfloat16()
        what = f"{step} / the same in bfloat16 ({took['low'] * 1e3:.1f} ms); products alone {offered:.2f}×"
        # some CPUs have the instructions, at half the speed of float32's
        yield at_least(what, gain, 1.6) if offered > 1.6 else Row(what, f"{gain:.3g}×", "", None)
        yield grokking_time()
    else:
        yield not_here("transformer step in bfloat16", "this CPU has no fast bfloat16")


def grokking_time() -> Row:
    """Steps until the transformer has solved the test pairs, median over three seeds (p = 67, 60 %).

    One run says little: a sum of floats in another order moves it by a tenth, another seed by half.
    """
    config = dataclasses.replace(grokking.Config.preset("Nanda et al."), modulus=67, train_fraction=0.6)
    steps = {
        precision: statistics.median(
            solved(dataclasses.replace(config, precision=precision, seed=seed)) for seed in range(3)
        )
        for precision in ("float32", "bfloat16")
    }
    what = "transformer: test solved in bfloat16 (step {bfloat16:g}) / in float32 ({float32:g})"
    return at_most(what.format(**steps), steps["bfloat16"] / steps["float32"], 1.15)


def solved(config: grokking.Config, every: int = 20, limit: int = 3_000) -> float:
    """The first multiple of ``every`` steps at which the test pairs are solved."""
    experiment = grokking.Grokking(config, torch.device("cpu"))
    for step in range(1, limit + 1):
        experiment.step()
        if step % every == 0 and experiment.measure()["test_accuracy"] >= grokking.SOLVED:
            return step
    return torch.inf


def products_in_bfloat16(rounds: int = 15) -> float:
    """How much faster this CPU multiplies matrices as large as a piece of rows in bfloat16."""
    x, y = torch.randn(1024, 512), torch.randn(512, 512)
    low_x, low_y = x.bfloat16(), y.bfloat16()
    took = in_a_row(rounds, exact=lambda: x @ y, low=lambda: low_x @ low_y)
    return took["exact"] / took["low"]


def fast_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 matrices in hardware (Linux tells; elsewhere assume not)."""
    try:
        with open("/proc/cpuinfo") as file:
            words = file.read().split()
    except OSError:
        return False
    return any(flag in words for flag in FAST_BFLOAT16)


def rows() -> Iterator[Row]:
    """All rows of this file."""
    yield from mlp()
    yield from transformer()

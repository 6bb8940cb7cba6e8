"""One training step against its matrix products, a straightforward loop, and bfloat16."""

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch.nn import functional as F

from labkit import run
from labkit.data.arithmetic import pairs, split
from labkit.experiments import grokking
from labkit.nn.flat import flatten, views
from labkit.nn.mlp import PairMLP
from labkit.nn.transformer import PairTransformer
from labkit.optim import LOSSES, OPTIMISERS
from tests.benchmarks.row import Row, at_least, at_most, medians, not_here

FAST_BFLOAT16 = ("amx_bf16", "avx512_bf16")


def training(modulus: int, fraction: float):
    """The rows trained on."""
    table = pairs("a+b", modulus)
    index, _ = split(len(table.a), fraction, generator=torch.Generator().manual_seed(0))
    return table.a[index], table.b[index], table.answer[index]


def our_step(model: torch.nn.Module, rows, loss: str, **values: float) -> Callable[[], None]:
    """Gradient and AdamW as the experiments do them."""
    flat = flatten(model)
    grad = torch.zeros_like(flat)
    out, buffers = views(grad, model), OPTIMISERS["adamw"].new_buffers(flat)

    def step() -> None:
        model.gradient(*rows, LOSSES[loss].gradient_, out)
        OPTIMISERS["adamw"].update(flat, grad, buffers, **values)

    return step


def autograd_step(model: torch.nn.Module, forward, rows, loss, **values: float) -> Callable[[], None]:
    """A straightforward loop: forward, backward, torch's AdamW with its default settings."""
    a, b, answer = rows
    optimiser = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), **values)

    def step() -> None:
        optimiser.zero_grad()
        loss(forward(a, b), answer).backward()
        optimiser.step()

    return step


def mlp(rounds: int = 40) -> Iterator[Row]:
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

    took = medians(
        rounds,
        products=products,
        ours=our_step(ours, rows, "mse", **settings),
        loop=autograd_step(loop, indexing, rows, mse, **settings),
        evaluate=lambda: seen.evaluate(*rows, LOSSES["mse"].value),
    )
    step = f"MLP step ({took['ours'] * 1e3:.1f} ms)"
    yield at_most(f"{step} / its three matrix products", took["ours"] / took["products"], 1.25)
    yield at_least(f"straightforward loop / {step}", took["loop"] / took["ours"], 3)
    yield at_most(f"loss and accuracy of the same rows / {step}", took["evaluate"] / took["ours"], 0.6)


def transformer(rounds: int = 12) -> Iterator[Row]:
    """p = 113, 30 % of the table, d 128, 4 heads, MLP 512: against the plain forward; bfloat16 on top."""
    rows, settings = training(113, 0.3), {"lr": 1e-3, "weight_decay": 1.0}
    make = partial(PairTransformer, 113)
    loop = make(generator=torch.Generator())
    low = make(generator=torch.Generator(), products=torch.bfloat16)
    took = medians(
        rounds,
        ours=our_step(make(generator=torch.Generator()), rows, "cross_entropy", **settings),
        loop=autograd_step(loop, loop.plain, rows, F.cross_entropy, **settings),
        low=our_step(low, rows, "cross_entropy", **settings),
    )
    step = f"transformer step ({took['ours'] * 1e3:.1f} ms)"
    yield at_least(f"plain forward and autograd / {step}", took["loop"] / took["ours"], 4.5)
    if fast_bfloat16():
        what = f"{step} / the same in bfloat16 ({took['low'] * 1e3:.1f} ms)"
        yield at_least(what, took["ours"] / took["low"], 1.6)
        yield grokking_time()
    else:
        yield not_here("transformer step in bfloat16", "this CPU has no fast bfloat16")


def grokking_time(seed: int = 0) -> Row:
    """Steps until the transformer has solved the test pairs: bfloat16 against float32, 80 % of the table.

    Rounding takes a run another way, so the steps are not equal; another seed changes them far more.
    """
    config = grokking.Config.preset("Nanda et al.")
    solved = []
    for precision in ("float32", "bfloat16"):
        these = dataclasses.replace(config, train_fraction=0.8, seed=seed, precision=precision)
        solved.append(run(these, steps=400, progress=False).events.get("test solved", torch.inf))
    what = f"transformer: later / earlier test solved, float32 (step {solved[0]}), bfloat16 ({solved[1]})"
    return at_most(what, max(solved) / min(solved), 1.25)


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

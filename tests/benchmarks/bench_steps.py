"""Speed of one training step, as ratios measured in one run: candidates take turns, medians are compared.

``python -m tests.benchmarks.bench_steps`` prints the rows; each is (what, measured, bar, ok).
"""

import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch.nn import functional as F

from labkit.data.arithmetic import pairs, split
from labkit.nn.flat import flatten, views
from labkit.nn.mlp import PairMLP
from labkit.nn.transformer import PairTransformer
from labkit.optim import LOSSES, OPTIMISERS

Row = tuple[str, float, float, bool]
FAST_BFLOAT16 = ("amx_bf16", "avx512_bf16")


def medians(rounds: int, **candidates: Callable[[], object]) -> dict[str, float]:
    """Median seconds of each, the first two rounds left out; interleaved, so that a busy machine hits all alike."""
    times = {name: [] for name in candidates}
    for _ in range(rounds + 2):
        for name, run in candidates.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(each[2:]) for name, each in times.items()}


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


def mlp(rounds: int = 40) -> list[Row]:
    """p = 97, N = 500, half the table, float32: against its three products and against a plain loop."""
    rows, settings = training(97, 0.5), {"lr": 1e-2, "weight_decay": 2.0}
    make = partial(PairMLP, 97, 500)
    ours, loop = make(generator=torch.Generator()), make(generator=torch.Generator())
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
    )
    alone, faster = took["ours"] / took["products"], took["loop"] / took["ours"]
    return [
        (f"MLP step ({took['ours'] * 1e3:.1f} ms) / its three products", alone, 1.25, alone <= 1.25),
        ("MLP: straightforward loop / our step", faster, 3.0, faster >= 3.0),
    ]


def transformer(rounds: int = 10) -> list[Row]:
    """p = 113, 30 % of the table, d 128, 4 heads, MLP 512: against the plain forward; bfloat16 on top."""
    rows, settings = training(113, 0.3), {"lr": 1e-3, "weight_decay": 1.0}
    make = partial(PairTransformer, 113)
    loop = make(generator=torch.Generator())
    candidates = {
        "ours": our_step(make(generator=torch.Generator()), rows, "cross_entropy", **settings),
        "loop": autograd_step(loop, loop.plain, rows, F.cross_entropy, **settings),
    }
    if fast_bfloat16():
        low = make(generator=torch.Generator(), products=torch.bfloat16)
        candidates["low"] = our_step(low, rows, "cross_entropy", **settings)
    took = medians(rounds, **candidates)
    faster = took["loop"] / took["ours"]
    what = f"transformer: plain forward and autograd / our step ({took['ours'] * 1e3:.1f} ms)"
    made = [(what, faster, 4.5, faster >= 4.5)]
    if "low" in took:
        gain = took["ours"] / took["low"]
        made.append((f"transformer: float32 / bfloat16 ({took['low'] * 1e3:.1f} ms)", gain, 1.6, gain >= 1.6))
    return made


def fast_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 matrices in hardware (Linux tells; elsewhere assume not)."""
    try:
        with open("/proc/cpuinfo") as file:
            words = file.read().split()
    except OSError:
        return False
    return any(flag in words for flag in FAST_BFLOAT16)


if __name__ == "__main__":
    for what, measured, bar, ok in mlp() + transformer():
        print(f"{'ok  ' if ok else 'MISS'} {measured:6.2f} (bar {bar:g})  {what}")

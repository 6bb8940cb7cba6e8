"""Rows shared out among threads, each of which takes its rows through a whole computation on one core.

Torch shares out every single operation and waits for all threads after each. A training step here is some
hundred operations of 20 to 500 µs, and a thread that sleeps while it waits (``labkit._openmp`` says why it
must) needs 50 µs to wake up: a third of the step. Sharing out the rows waits once a step; and what is too
little to be shared out (a step of a small network, most measures) is two to six times faster on one core.
So training runs in :func:`one_core`, where nothing is shared but by :func:`side_by_side`.

There, numbers below the normal range (1e-38 in float32) count as 0. Adam's mean of a weight whose gradient is
0, that of a dead unit, sinks into that range and never leaves it: its smallest number times 0.9 is itself.
Processors take a hundred cycles for such a number, and an update of nothing else twenty-five times as long.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import Any, TypeVar

import torch
from torch import Tensor

Share = TypeVar("Share")
Result = TypeVar("Result")

#: Bytes that each operation of a share takes on average, below which it is not worth a thread: threads hand
#: on the interpreter's lock at every operation, and after shorter ones they wait longer than they save.
OPERATION_BYTES = 50_000


def shares(rows: int, row_bytes: int, operations: int, device: torch.device) -> list[slice]:
    """Rows cut into equal shares: one for each of :func:`cores`, one on a GPU or for few rows.

    Args:
        rows: how many.
        row_bytes: memory that one takes in all layers together, with gradients.
        operations: how many, about, a share is taken through.
        device: where they are computed.
    """
    parts = cores() if device.type == "cpu" else 1
    parts = max(1, min(parts, rows, rows * row_bytes // (operations * OPERATION_BYTES)))
    bounds = [rows * share // parts for share in range(parts + 1)]
    return [slice(low, high) for low, high in zip(bounds, bounds[1:], strict=False)]


def side_by_side(
    function: Callable[[Share], Result],
    items: Sequence[Share],
    then: Callable[[list[Result]], Any] = lambda results: results,
    at_most: int | None = None,
) -> Any:
    """``then([function(item) for item in items])``, as many items at a time as there are :func:`cores`.

    ``then`` is run by the thread that is done last, on one core like all the rest: what is little work gets
    slower when torch wakes others for it. With ``at_most`` so many items at a time every item still has one
    core, so that the result is the same to the bit. The grad mode stays with the caller's thread: functions
    must set their own.
    """
    threads = min(len(items), cores())
    if threads == 1 or not _SHARES:
        return then([function(item) for item in items])
    # taking the next number is one step of the interpreter: no two threads get the same
    waiting, done = iter(range(len(items))), count(1)
    results: list = [None] * len(items)
    found: list = []

    def work() -> None:
        for i in waiting:
            results[i] = function(items[i])
            if next(done) == len(items):
                found.append(then(results))

    others = [_SHARES[0].submit(work) for _ in range(min(threads, at_most or threads) - _alone())]
    if _alone():  # this thread is as good as those
        usual, _HERE.cores = _HERE.cores, 1
        try:
            work()
        finally:
            _HERE.cores = usual
    for other in others:
        other.result()
    return found[0]


def cores() -> int:
    """How many this thread may keep busy: torch's threads, in :func:`one_core` what they were outside."""
    return getattr(_HERE, "cores", None) or torch.get_num_threads()


@contextmanager
def one_core() -> Iterator[None]:
    """Torch's operations stay in this thread; :func:`side_by_side` goes on to use all cores."""
    with _flushed():
        if _alone() or not _SHARES:
            yield
            return
        usual = cores()
        _use_one_core()
        _HERE.cores = usual
        try:
            yield
        finally:
            _HERE.cores = None
            torch.set_num_threads(usual)


def on_one_core(function: Callable[[], Result], device: torch.device) -> Result:
    """``function()`` as in :func:`one_core`, in a thread that is kept for it: entered a hundred times faster.

    On a GPU it is simply called.
    """
    if device.type != "cpu" or _alone():
        return function()
    if cores() == 1 or not _SHARES:  # no other thread could do it faster
        with _flushed():
            return function()
    usual = cores()

    def there() -> Result:
        _HERE.cores = usual
        return function()

    return _ALONE[0].submit(there).result()


def total(results: Sequence[Sequence[Tensor]]) -> Sequence[Tensor]:
    """The sums of all first, all second, ... tensors, always in the same order; the first become the sums."""
    with torch.no_grad():
        for parts in results[1:]:
            for mine, other in zip(results[0], parts, strict=True):
                mine += other
    return results[0]


@contextmanager
def _flushed() -> Iterator[None]:
    """Numbers below the normal range count as 0 in this thread."""
    already = (_SMALL * 2).item() == 0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(already)


def _prepare() -> None:
    """What a thread of ours starts with."""
    torch.set_flush_denormal(True)
    _use_one_core()


def _use_one_core() -> None:
    """Make torch use this thread alone for what this thread asks for."""
    # torch keeps the number for each thread, and a new thread starts with the one that was set last: so it
    # is set back, by a thread that ends; one at a time, or a second worker would take 1 for the usual number
    with _SETTING:
        usual = torch.get_num_threads()  # once asked, the number of this thread is settled
        torch.set_num_threads(1)
        last = threading.Thread(target=torch.set_num_threads, args=(usual,))
        last.start()
        last.join()


def _alone() -> bool:
    """Whether this thread is in :func:`one_core` or :func:`on_one_core`."""
    return getattr(_HERE, "cores", None) is not None


_HERE, _SETTING = threading.local(), threading.Lock()
_SMALL = torch.ones((), dtype=torch.int32).view(torch.float32)  # the smallest number above 0
# threads start with the first work, and only as many as have work at the same time; those that share wait for
# none, so that however many wait for them, work goes on
_SHARES = [ThreadPoolExecutor(thread_name_prefix="rows", initializer=_prepare)]
_ALONE = [ThreadPoolExecutor(64, thread_name_prefix="one core", initializer=_prepare)]
if hasattr(os, "register_at_fork"):
    # threads do not survive a fork, and torch hangs when its number of threads is set after one
    os.register_at_fork(after_in_child=_SHARES.clear)

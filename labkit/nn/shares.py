"""Rows shared out among threads, each of which takes its rows through a whole computation on one core.

Torch shares out every single operation and waits for all threads after each. A training step here is some
hundred operations of 20 to 500 µs, and a thread that sleeps while it waits (``labkit._openmp`` says why it
must) needs 50 µs to wake up: a third of the step. Sharing out the rows waits once a step.
"""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any, TypeVar

import torch
from torch import Tensor

Share = TypeVar("Share")
Result = TypeVar("Result")

#: Bytes of all layers together below which a share is not worth a thread (some 100 µs of work).
SHARE_BYTES = 500_000


def shares(rows: int, row_bytes: int, device: torch.device) -> list[slice]:
    """Rows cut into equal shares: one for each of torch's threads, one on a GPU or for few rows.

    Args:
        rows: how many.
        row_bytes: memory that one takes in all layers together.
        device: where they are computed.
    """
    parts = torch.get_num_threads() if device.type == "cpu" else 1
    parts = max(1, min(parts, rows, rows * row_bytes // SHARE_BYTES))
    bounds = [rows * share // parts for share in range(parts + 1)]
    return [slice(low, high) for low, high in zip(bounds, bounds[1:], strict=False)]


def side_by_side(
    function: Callable[[Share], Result],
    items: Sequence[Share],
    then: Callable[[list[Result]], Any] = lambda results: results,
) -> Any:
    """``then([function(item) for item in items])``, as many items at a time as torch may use threads.

    ``then`` is run by the thread that is done last, on one core like all the rest: what is little work gets
    slower when torch wakes others for it. The grad mode stays with the caller's thread: functions must set
    their own.
    """
    threads = min(len(items), torch.get_num_threads())
    if threads == 1 or not _POOL:
        return then([function(item) for item in items])
    # taking the next number is one step of the interpreter: no two threads get the same
    waiting, done = iter(range(len(items))), count(1)
    results: list = [None] * len(items)
    found: list = []

    def work(_: int) -> None:
        for i in waiting:
            results[i] = function(items[i])
            if next(done) == len(items):
                found.append(then(results))

    for _ in _POOL[0].map(work, range(threads)):
        pass
    return found[0]


def on_one_core(function: Callable[[], Result], device: torch.device) -> Result:
    """``function()``, by a thread that wakes no others: for many small operations on the CPU."""
    if device.type != "cpu" or torch.get_num_threads() == 1 or not _POOL:
        return function()
    return _POOL[0].submit(function).result()


def total(results: Sequence[Sequence[Tensor]]) -> Sequence[Tensor]:
    """The sums of all first, all second, ... tensors, always in the same order; the first become the sums."""
    with torch.no_grad():
        for parts in results[1:]:
            for mine, other in zip(results[0], parts, strict=True):
                mine += other
    return results[0]


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


_SETTING = threading.Lock()
# threads start with the first work, and only as many as have work at the same time
_POOL = [ThreadPoolExecutor(thread_name_prefix="rows", initializer=_use_one_core)]
if hasattr(os, "register_at_fork"):
    # threads do not survive a fork, and torch hangs when its number of threads is set after one
    os.register_at_fork(after_in_child=_POOL.clear)

"""``sweep``: many runs, as one tidy frame."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from labkit import _checks, _progress, runtime
from labkit.config import Config
from labkit.ensemble import kind
from labkit.history import History
from labkit.sweep import engine, memory, points
from labkit.sweep.engine import Failure, processes
from labkit.sweep.frame import curves_of, described, table
from labkit.sweep.store import Store
from labkit.sweep.work import Chunk

if TYPE_CHECKING:
    import pandas

__all__ = ["Failure", "compute", "processes", "sweep"]

#: Chunks that each worker gets at least, so that none idles while another has several left.
CHUNKS_A_WORKER = 4


def sweep(
    config: Config,
    *,
    steps: int | None = None,
    until: str | None = None,
    executor: Executor | None = None,
    store: str | os.PathLike | None = None,
    device: str | None = None,
    curves: bool = False,
    progress: bool = True,
    **axes: Iterable,
) -> "pandas.DataFrame":
    """Train a run for every combination of the axes' values; one row each.

    Runs of equal shapes train together where that is faster. A run whose loss stops being finite, or that
    reaches ``until``, ends early by itself. A run that fails is tried again twice, then told in the column
    ``error``; the others go on. Ctrl-C returns what is finished.

    Args:
        config: settings of all that is not an axis.
        steps: updates of each run; by default as many as the experiment needs to show its phenomenon.
        until: an event that ends a run, such as "test solved".
        executor: anything with the interface of :class:`concurrent.futures.Executor`: ``processes(4)``,
            or dask's ``Client(...).get_executor()``. By default this process.
        store: a folder where every finished run is kept. A run that is there is not computed again.
        device: "cpu" (default), "cuda", "mps".
        curves: one row a recorded step instead of one a run.
        progress: show a bar with an estimate of the time left.
        **axes: lists of values by field: ``weight_decay=[0.1, 1, 5], seed=range(8)``.

    Returns:
        A frame with a column for each axis, for the steps done, the last measures, the step of every event
        (NaN if it never came), the experiment's outcomes, and notes and errors in words. In
        ``frame.attrs``: the config, steps and until, from which ``live.phase_diagram`` draws it again.

    Raises:
        ValueError: a bad argument, or a run that does not fit the memory; before anything trains.
    """
    steps, until = asked(config, steps, until)
    configs = points.product(config, axes)
    found: list[History | Failure | None] = [None] * len(configs)
    results = compute(
        configs, steps, until=until, executor=executor, store=store, device=device, progress=progress
    )
    try:
        for position, result in results:
            found[position] = result
    except KeyboardInterrupt:
        results.close()
        if store is not None:  # a point may be written and not yet handed on
            kept = Store(store)
            for position, config in enumerate(configs):
                if found[position] is None:
                    found[position] = kept.find(config, steps, until)
        found = [Failure("interrupted") if result is None else result for result in found]
    make = curves_of if curves else table
    return described(make(list(axes), configs, found), config, list(axes), steps, until)


def compute(
    configs: Sequence[Config],
    steps: int | None = None,
    *,
    until: str | None = None,
    executor: Executor | None = None,
    store: str | os.PathLike | None = None,
    device: str | None = None,
    progress: bool = False,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[int, History | Failure]]:
    """Train any list of configs; yield ``(position, history or failure)`` of each as it ends.

    Arguments as for :func:`sweep`. Bad ones raise at once, before the first result is asked for. Closing
    the iterator cancels what has not begun. ``stopped`` is asked between updates, from the thread that
    iterates: once it says so, the iterator ends; while it takes its time to answer, the runs are held.
    """
    configs = list(configs)
    if not configs:
        return iter(())
    steps, until = asked(configs[0], steps, until)
    target = runtime.device(device)
    kept = None if store is None else Store(store)
    known = {} if kept is None else _known(configs, kept, steps, until)
    chunks = _chunks(configs, known, steps, until, target, executor)
    return _computed(configs, known, chunks, kept, executor, steps, until, progress, stopped)


def _computed(configs, known, chunks, kept, executor, steps, until, progress, stopped) -> Iterator:
    with _progress.bar(len(configs), unit="run", show=progress) as bar:
        done = 0.0

        def tell(updates: float) -> None:
            nonlocal done
            done += updates / max(steps, 1)
            bar.update(round(done, 2) - bar.n)

        yield from known.items()
        tell(len(known) * max(steps, 1))
        finished = len(known)
        if executor is None:
            results = engine.here(chunks, tell, stopped)
        else:
            results = engine.elsewhere(chunks, executor, stopped)
        for position, result in results:
            if kept is not None and isinstance(result, History):
                kept.keep(result, steps, until)
            finished += 1
            tell(max(0.0, (finished - done) * steps) if executor is not None else _rest(result, steps))
            yield position, result


def _rest(result: History | Failure, steps: int) -> int:
    """Updates that a run was spared by ending early."""
    return steps - (result.step if isinstance(result, History) else 0)


def asked(config: Config, steps: int | None, until: str | None) -> tuple[int, str | None]:
    """Steps, by default the experiment's own, and the event that ends a run; checked."""
    if not isinstance(config, Config):
        raise ValueError(f"config: got {config!r}; allowed: a Config, such as grokking.Config()")
    steps = config.experiment.steps if steps is None else _checks.number("steps", steps, kind=int, low=0)
    return steps, points.until_event(config, until)


def _known(configs: list[Config], kept: Store, steps: int, until: str | None) -> dict[int, History]:
    looked = ((position, kept.find(config, steps, until)) for position, config in enumerate(configs))
    return {position: history for position, history in looked if history is not None}


def _chunks(configs, known, steps, until, target, executor) -> list[Chunk]:
    """Runs that can be stacked, cut to what is fastest and fits, in the order asked for."""
    missing = [position for position in range(len(configs)) if position not in known]
    count = engine.workers(executor)
    made = []
    for group in points.groups(configs[position] for position in missing):
        positions = [missing[at] for at in group]
        first = configs[positions[0]]
        size = min(kind(first, target).most(target), memory.fitting(first, target, count))
        if executor is not None:
            size = max(1, min(size, -(-len(missing) // (CHUNKS_A_WORKER * count))))
        for start in range(0, len(positions), size):
            some = tuple(positions[start : start + size])
            threads = None if executor is None else 1
            made.append(Chunk(some, tuple(configs[p] for p in some), steps, until, str(target), threads))
    return sorted(made, key=lambda chunk: chunk.positions[0])

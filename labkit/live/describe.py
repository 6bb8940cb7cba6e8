"""Runs and pictures as plain data, as the browser is told of them."""

import dataclasses
from typing import Any

import numpy as np

from labkit.live.branch import Branch
from labkit.pictures import Picture


def about(branch: Branch) -> dict[str, Any]:
    """A run without its numbers."""
    history, declared = branch.history, branch.config.experiment.events
    return {
        "id": branch.number,
        "label": branch.label,
        "role": branch.role,
        "colour": branch.colour,
        "step": history.step,
        "forked_at": branch.forked_at,
        "config": branch.config.values(),
        "ticks": [list(change) for change in history.interventions],
        # all that are declared, in that order: the delay is from the first to the last of them
        "events": [{"name": name, "step": history.events.get(name)} for name in declared],
        "note": " ".join(history.notes),
        "summary": history.summary(),
        "code": history.code(),
    }


def single(values: np.ndarray) -> np.ndarray:
    """As float32 without gaps in memory; what is too large for it, as in a run that diverges, is infinite."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(values, np.float32)


def plain(picture: Picture, buffers: list[bytes]) -> dict[str, Any]:
    """A picture as JSON; its arrays go to ``buffers`` as float32 and are named by index and shape."""

    def flat(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            buffers.append(single(value).tobytes())
            return {"buffer": len(buffers) - 1, "shape": list(value.shape)}
        if dataclasses.is_dataclass(value):
            return {f.name: flat(getattr(value, f.name)) for f in dataclasses.fields(value)}
        if isinstance(value, tuple | list):
            return [flat(item) for item in value]
        return value

    return {"kind": type(picture).__name__, **flat(picture)}

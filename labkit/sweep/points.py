"""Which runs a sweep consists of."""

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping
from typing import Any

from labkit import _checks
from labkit.archive import FORMAT
from labkit.config import Config


def product(config: Config, axes: Mapping[str, Iterable]) -> list[Config]:
    """Every combination of the axes' values, the last axis fastest.

    Raises:
        ValueError: an axis that is no field, no list, or empty; a combination that the config refuses.
    """
    named = {name: _values(config, name, values) for name, values in axes.items()}
    return [
        config.replace(**dict(zip(named, values, strict=True)))
        for values in itertools.product(*named.values())
    ]


def _values(config: Config, name: str, values: Any) -> list:
    config.knob(name)
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ValueError(f"{name}: got {values!r}; allowed: a list of values")
    plain = [value.item() if hasattr(value, "item") else value for value in values]
    if not plain:
        raise ValueError(f"{name}: got no values; allowed: one or more")
    return plain


def until_event(config: Config, until: str | None) -> str | None:
    """``until`` if the experiment has such an event."""
    return until if until is None else _checks.choice("until", until, config.experiment.events)


def key(config: Config, steps: int, until: str | None) -> str:
    """A name for one point's result: the same for the same settings, whatever sweep it is part of."""
    kind = type(config)
    about = [FORMAT, kind.__module__, kind.__qualname__, config.values(), steps, until]
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:32]


def groups(configs: Iterable[Config]) -> list[list[int]]:
    """Positions of configs whose runs can be stacked.

    These are equal in all but hot fields and what the experiment names as ``stackable`` (fields that change
    no shape: seed, initial scale).
    """
    found: dict[str, list[int]] = {}
    for position, config in enumerate(configs):
        free = getattr(config.experiment, "stackable", frozenset())
        fixed = {
            field.name: getattr(config, field.name)
            for field, about in config.fields()
            if about.acts != "hot" and field.name not in free
        }
        found.setdefault(f"{type(config)} {fixed}", []).append(position)
    return list(found.values())

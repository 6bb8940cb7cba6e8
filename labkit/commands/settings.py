"""Settings from the words of a command line."""

import dataclasses
from collections.abc import Iterable
from typing import Any

from labkit import _checks
from labkit.config import Config
from labkit.experiments import EXPERIMENTS

BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def kind(name: str) -> type[Config]:
    """The config class of the experiment called ``name``."""
    return _checks.lookup(EXPERIMENTS, name, "experiment").Config


def config(kind: type[Config], assignments: Iterable[str], preset: str | None = None) -> Config:
    """The preset, then ``name=value`` over it.

    Raises:
        ValueError: an unknown name, a bad value.
    """
    values = {}
    for each in assignments:
        name, text = _halves("--set", each, "value")
        values[name] = value(kind, name, text)
    if preset is None:
        return kind(**values)
    return kind.preset(_preset_name(kind, preset), **values)


def _preset_name(kind: type[Config], given: str) -> str:
    """The preset that begins so, if there is one; else as given, which may be a whole name or an alias."""
    near = [name for name in kind.presets if name.lower().startswith(given.lower())]
    return near[0] if len(near) == 1 and given not in kind.aliases else given


def value(kind: type[Config], name: str, text: str) -> Any:
    """``text`` as the field's type; what cannot be read is left to the config, whose error says more."""
    kind.knob(name)
    default = _default(kind, name)
    if isinstance(default, str):
        return text
    if isinstance(default, bool):
        return BOOLEANS.get(text.lower(), text)
    try:
        number = float(text)
        return int(number) if isinstance(default, int) and number.is_integer() else number
    except (ValueError, OverflowError):
        return text


def axes(kind: type[Config], given: Iterable[str]) -> dict[str, list]:
    """Lists of values by field, from ``name=0.1,1,5`` and ``name=0:8`` (0 to 7) or ``name=0:8:2``."""
    found = {}
    for each in given:
        name, text = _halves("--over", each, "values")
        if name in found:
            raise ValueError(f"--over {name}: given twice; allowed: one list of values")
        kind.knob(name)
        whole = type(_default(kind, name)) is int
        found[name] = (
            _range(name, text) if whole and ":" in text else [value(kind, name, v) for v in text.split(",")]
        )
    return found


def differences(before: Config, now: Config) -> str:
    """What differs between two configs, in words: ``width: 32, not 64``."""
    if type(before) is not type(now):
        return f"{type(before).__module__}, not {type(now).__module__}"
    old, new = before.values(), now.values()
    return ", ".join(f"{name}: {old[name]!r}, not {new[name]!r}" for name in old if old[name] != new[name])


def _default(kind: type[Config], name: str) -> Any:
    return next(field.default for field in dataclasses.fields(kind) if field.name == name)


def _halves(option: str, text: str, what: str) -> tuple[str, str]:
    name, sign, rest = text.partition("=")
    if not (name and sign and rest):
        raise ValueError(f"{option}: got {text!r}; allowed: name={what}")
    return name, rest


def _range(name: str, text: str) -> list[int]:
    try:
        start, stop, *step = (int(part) for part in text.split(":"))
        return list(range(start, stop, *step))
    except (ValueError, TypeError):
        raise ValueError(
            f"--over {name}: got {text!r}; allowed: start:stop or start:stop:step, whole numbers"
        ) from None

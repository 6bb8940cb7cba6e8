"""The phenomena: one file each, a frozen ``Config`` and the class that trains it."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from types import ModuleType


class _Modules(Mapping[str, ModuleType]):
    """Modules below this package by the last part of their name, each imported when it is asked for."""

    def __init__(self, *names: str) -> None:
        self._paths = {name.rpartition(".")[2]: f"{__name__}.{name}" for name in names}

    def __getitem__(self, name: str) -> ModuleType:
        return import_module(self._paths[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


#: name on the command line and in tests -> module with ``Config``, of every phenomenon that trains
EXPERIMENTS: Mapping[str, ModuleType] = _Modules(
    "grokking",
    "spectral_bias",
    "picture_fields",
    "neural_collapse",
    "unconstrained",
    "edge_of_chaos",
    "activations.race",
    "activations.shapes",
    "activations.museum",
)

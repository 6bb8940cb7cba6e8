"""The file of a history: one zip of ``manifest.json``, ``columns.npz`` and ``state.safetensors``."""

import io
import json
import os
import sys
import uuid
import zipfile
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import safetensors.torch

from labkit.config import Config
from labkit.train import State

#: Raised by one whenever a file written by this version could not be read by the last.
FORMAT = 1
Arrays = Mapping[str, np.ndarray]
Restored = TypeVar("Restored")


def write(path: str | os.PathLike, manifest: Mapping[str, Any], arrays: Arrays, state: State) -> Path:
    """Write everything atomically: a kill leaves the old file or the new one."""
    path, columns = Path(path), io.BytesIO()
    np.savez_compressed(columns, **arrays)
    # Not mkstemp, whose files nobody else may read: a saved run is as open as any other file.
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with open(beside, "xb") as file:
            with zipfile.ZipFile(file, "w") as archive:
                archive.writestr("manifest.json", json.dumps({"format": FORMAT, **manifest}, indent=1))
                archive.writestr("columns.npz", columns.getvalue())
                archive.writestr("state.safetensors", safetensors.torch.save(state))
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    return path


def read(path: str | os.PathLike, restored: Callable[[Mapping, Arrays, State], Restored]) -> Restored:
    """What ``restored`` makes of the manifest, the arrays and the state that :func:`write` wrote.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a folder, a damaged file, not a history, or one that is newer than this code or whose
            experiment or settings this code does not know.
    """
    if Path(path).is_dir():
        raise ValueError(f"path: got {os.fspath(path)!r}, a folder; allowed: a file written by History.save")
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(archive.read("manifest.json"))
            _not_newer(manifest)
            with np.load(io.BytesIO(archive.read("columns.npz"))) as file:
                arrays = {name: file[name] for name in file.files}
            state = safetensors.torch.load(archive.read("state.safetensors"))
            return restored(manifest, arrays, state)
    except (FileNotFoundError, PermissionError):
        raise
    except _Foreign as error:
        raise ValueError(f"path: {os.fspath(path)!r} {error}") from None
    except Exception as error:  # whatever a damaged file provokes, the user needs one sentence
        raise ValueError(
            f"path: got {os.fspath(path)!r}, which is damaged or not a labkit history "
            f"({type(error).__name__}: {error}); allowed: a file written by History.save"
        ) from error


class _Foreign(Exception):
    """A sound file that this code cannot read; the message goes on from the file's name."""


def _not_newer(manifest: Mapping) -> None:
    if manifest["format"] > FORMAT:
        raise _Foreign(
            f"was written in format {manifest['format']} by a newer labkit; "
            f"this one reads formats up to {FORMAT}: update labkit"
        )


def config(module: str, name: str, values: Mapping[str, Any]) -> Config:
    """The settings of class ``module.name`` that a manifest holds."""
    # A file names a class; only this package's modules are imported for it, others must be loaded already.
    try:
        if module.startswith("labkit."):
            import_module(module)
        found = getattr(sys.modules.get(module), name, None)
    except ModuleNotFoundError:
        found = None
    if not (isinstance(found, type) and issubclass(found, Config)):
        way = "update labkit" if module.startswith("labkit.") else f"import {module} first, if it is yours"
        raise _Foreign(f"holds a run of {module}.{name}, which is not known here: {way}")
    try:
        return found(**values)
    except ValueError as error:
        raise _Foreign(
            f"was saved by another or newer labkit, whose {module}.{name} has other settings ({error}): "
            "update labkit"
        ) from None

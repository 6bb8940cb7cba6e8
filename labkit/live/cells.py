"""What a page element needs to know of the notebook around it: which cell, which kernel, who else is open."""

import atexit
import io
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol

#: ipykernel versions in which output from threads is lost (ipython/ipykernel#1450).
BROKEN_IPYKERNEL = ("7.0.0", "7.0.1")

#: Seconds after which a busy cell lets our threads in while something is open. Every tensor operation
#: gives the interpreter away and has to wait this long to get it back: with Python's 5 ms a cell that
#: computes slows a run to a few steps a second. A slider moved meanwhile acts after 0.3 s at 1 ms; a step of
#: the default network takes 34 ms at 0.1 ms, 25 at 0.01 ms, 11 beside an idle cell.
SWITCH_INTERVAL = 0.00001


class Closable(Protocol):
    """A panel or an explorer."""

    def close(self) -> None:
        """Stop its thread and remove it from the page; it then tells :func:`forget`."""


_open: dict[str, Closable] = {}
#: Browser callbacks may open and close on other threads than the cell's.
_guard = threading.Lock()
_interval: tuple[float, float] | None = None  # before anything was open, and as set by us


def _parent() -> dict[str, Any]:
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    kernel = getattr(shell, "kernel", None)
    return kernel.get_parent("shell") if kernel is not None else {}


def refuse_broken_kernels() -> None:
    """Raise ``ValueError`` where threads cannot reach the page."""
    version = getattr(sys.modules.get("ipykernel"), "__version__", None)
    if version in BROKEN_IPYKERNEL:
        raise ValueError(
            f"ipykernel: got {version}, in which pictures from threads are lost; "
            "allowed: 6.31 or later except 7.0.0 and 7.0.1 (pip install -U ipykernel)"
        )


def register(shown: Closable, name: str | None) -> None:
    """Count ``shown`` among what is open, in place of what it replaces: that is closed."""
    global _interval
    for old in [_open[key] for key in replaced(list(_open), name)]:
        old.close()
    with _guard:
        before = sys.getswitchinterval()
        if before > SWITCH_INTERVAL:  # setting what was read would lose a microsecond each time
            sys.setswitchinterval(SWITCH_INTERVAL)
        if not _open:
            _interval = before, sys.getswitchinterval()
        _open[key(name)] = shown


def forget(shown: Closable) -> None:
    """``shown`` is closed; with the last one the interpreter switches threads as it did before the first."""
    with _guard:
        keys = [key for key, known in _open.items() if known is shown]
        for key in keys:
            del _open[key]
        # unless somebody else has chosen an interval since
        if keys and not _open and sys.getswitchinterval() == _interval[1]:
            sys.setswitchinterval(_interval[0])


def stop_all() -> None:
    """Close every open panel and explorer."""
    for shown in list(_open.values()):
        shown.close()


atexit.register(stop_all)


def key(name: str | None) -> str:
    """Under which something open is known: its name, or the execution of the cell that made it."""
    if name is not None:
        return f"name {name}"
    parent = _parent()
    cell = parent.get("metadata", {}).get("cellId", "")
    return f"cell {cell} {parent.get('header', {}).get('msg_id', '')} {_count()}"


def replaced(known: Iterable[str], name: str | None) -> list[str]:
    """What a new one replaces among ``known``: of its name, or of an earlier execution of its cell."""
    if name is not None:
        return [old for old in known if old == f"name {name}"]
    parent = _parent()
    cell, execution = parent.get("metadata", {}).get("cellId"), parent.get("header", {}).get("msg_id")
    if cell is None:  # no notebook: nothing tells one from the next
        return []
    start = f"cell {cell} "
    return [old for old in known if old.startswith(start) and not old.startswith(f"{start}{execution} ")]


_made = 0


def _count() -> int:
    global _made
    _made += 1
    return _made


def bundle(view: Any, figure: Callable[[], Any]) -> Any:
    """The widget, and a printed picture for places without a kernel (GitHub, a stored page)."""
    data = view._repr_mimebundle_()
    data, metadata = data if isinstance(data, tuple) else (data, {})
    target = io.BytesIO()
    figure().savefig(target, format="png", dpi=90)
    data = {"text/plain": "live panel", **(data or {}), "image/png": target.getvalue()}
    return data, metadata

"""What a panel needs to know of the notebook around it: which cell, which kernel, how to show itself."""

import io
import sys
from collections.abc import Callable, Iterable
from typing import Any

#: ipykernel versions in which output from threads is lost (ipython/ipykernel#1450).
BROKEN_IPYKERNEL = ("7.0.0", "7.0.1")


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


def key(name: str | None) -> str:
    """Under which a panel is known: its name, or the execution of the cell that made it."""
    if name is not None:
        return f"name {name}"
    parent = _parent()
    cell = parent.get("metadata", {}).get("cellId", "")
    return f"cell {cell} {parent.get('header', {}).get('msg_id', '')} {_count()}"


def replaced(known: Iterable[str], name: str | None) -> list[str]:
    """Which known panels a new one replaces: of its name, or of an earlier execution of its cell."""
    if name is not None:
        return [old for old in known if old == f"name {name}"]
    parent = _parent()
    cell, execution = parent.get("metadata", {}).get("cellId"), parent.get("header", {}).get("msg_id")
    if cell is None:  # no notebook: nothing tells one panel from the next
        return []
    start = f"cell {cell} "
    return [old for old in known if old.startswith(start) and not old.startswith(f"{start}{execution} ")]


_panels = 0


def _count() -> int:
    global _panels
    _panels += 1
    return _panels


def bundle(view: Any, figure: Callable[[], Any]) -> Any:
    """The widget, and a printed picture for places without a kernel (GitHub, a stored page)."""
    data = view._repr_mimebundle_()
    data, metadata = data if isinstance(data, tuple) else (data, {})
    target = io.BytesIO()
    figure().savefig(target, format="png", dpi=90)
    data = {"text/plain": "live panel", **(data or {}), "image/png": target.getvalue()}
    return data, metadata

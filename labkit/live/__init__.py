"""Pictures that move while a network trains, and while a function is computed."""

from labkit.live.explore import explore
from labkit.live.panel import Panel, panel, stop_all

__all__ = ["Panel", "explore", "panel", "stop_all"]

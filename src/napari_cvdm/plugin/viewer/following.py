"""Listening to the events of one layer, then of another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def follow(now: Any, before: Any, slots: Mapping[str, Callable[..., Any]]) -> Any:
    """Listen to a layer, or to none, and no longer to the one before; return the one that is listened to now.

    ``slots`` are called on its events, by their names. If both layers are the same, nothing changes.
    """
    if now is not before:
        for connect, layer in (("disconnect", before), ("connect", now)):
            if layer is not None:
                for name, slot in slots.items():
                    getattr(layer.events[name], connect)(slot)
    return now

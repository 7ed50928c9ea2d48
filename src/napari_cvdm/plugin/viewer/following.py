"""Listening to the events of one layer, then of another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def follow(now: Any, before: Any, slots: Mapping[str, Callable[..., Any]]) -> Any:
    """Listen to a layer, and no longer to the one before.

    Parameters
    ----------
    now, before : napari.layers.Layer or None
        The layers; if they are the same, nothing changes.
    slots : mapping
        What is called, by the names of the layer's events.

    Returns
    -------
    napari.layers.Layer or None
        The layer that is listened to now.
    """
    if now is not before:
        for connect, layer in (("disconnect", before), ("connect", now)):
            if layer is not None:
                for name, slot in slots.items():
                    getattr(layer.events[name], connect)(slot)
    return now

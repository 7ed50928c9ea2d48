"""Layers that were added out of sight, and come into sight a moment later.

napari takes a while to make a layer's controls, and again to draw it first. So a layer is added hidden, and
shown when the event loop has come round. Who looks at its visibility in between must not take it for a layer
that is to stay hidden.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from napari.layers import Layer

__all__ = ["bring_into_sight", "come_into_sight_later", "keep_out_of_sight"]

_COMING: WeakSet[Layer] = WeakSet()


def come_into_sight_later(layer: Layer) -> None:
    """Note that a hidden layer is to be shown: `bring_into_sight` will do so. For the main thread."""
    _COMING.add(layer)


def keep_out_of_sight(layer: Layer) -> bool:
    """Let a layer stay hidden after all; return whether it was to be shown."""
    coming = layer in _COMING
    _COMING.discard(layer)
    return coming


def bring_into_sight(layer: Layer) -> None:
    """Show a layer for which that was noted, unless it is to stay hidden now."""
    # A layer shown again would lose the tool that was taken up on it.
    if keep_out_of_sight(layer) and not layer.visible:
        layer.visible = True

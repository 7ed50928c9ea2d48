"""Layers that the user has linked, so that what is set of one is set of the others too."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari.layers import Layer


def link_callbacks(layer: Layer, attribute: str) -> list[Callable[..., Any]]:
    """Return what napari calls to set an attribute of the layers linked to this one, told by its names."""
    name = f"set_{attribute}_on_layer_"
    callbacks = layer.events[attribute].callbacks
    return [each for each in callbacks if getattr(each, "__qualname__", "").startswith(name)]

"""Putting layers into the viewer with as little commotion as possible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_cvdm.plugin.results.layers import real
from napari_cvdm.plugin.viewer.garbage import OldObjectsSpared

if TYPE_CHECKING:
    from napari.layers import Layer


class OwnChange:
    """While one of these is entered, a viewer's layers change by the plugin's doing.

    What is selected meanwhile, nobody has chosen. For the main thread.
    """

    _entered = 0

    @classmethod
    def under_way(cls) -> bool:
        """Whether such a change is being made."""
        return cls._entered > 0

    def __enter__(self) -> None:
        OwnChange._entered += 1

    def __exit__(self, *_: object) -> None:
        OwnChange._entered -= 1


def insert_quietly(viewer: Any, layer: Layer, above: Layer | None = None) -> None:
    """Put a layer into the viewer's list without selecting it.

    napari selects each new layer. To select it and then what was selected before lets every widget turn to
    the one layer and back, for a quarter of the time that adding a layer takes and for nothing.

    It comes right above a layer, or on top if that is left out or not there.
    """
    layers = real(viewer).layers
    selected = set(layers.selection)
    position = layers.index(above) + 1 if above is not None and above in layers else len(layers)
    usual, layers._activate_on_insert = getattr(layers, "_activate_on_insert", True), False
    with OwnChange():
        try:
            with OldObjectsSpared():
                layers.insert(position, layer)
        finally:
            layers._activate_on_insert = usual
        if layer in layers.selection:  # by a napari that has no such switch
            layers.selection = selected

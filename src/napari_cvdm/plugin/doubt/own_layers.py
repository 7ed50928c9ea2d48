"""Layers that the panel adds to the viewer: each made when it is first needed, and removed with the panel."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from qtpy.QtCore import QObject
from superqt.utils import qdebounced

from napari_cvdm.plugin.doubt.linked import Result
from napari_cvdm.plugin.doubt.slices import Slice
from napari_cvdm.plugin.results.adding import OwnChange, insert_quietly
from napari_cvdm.plugin.results.into_sight import bring_into_sight, come_into_sight_later
from napari_cvdm.plugin.results.layers import FOR_SHOW, PIXEL_SIZE_KEY
from napari_cvdm.plugin.results.placement import lay
from napari_cvdm.plugin.stored.stated import fine_pixel_nm
from napari_cvdm.plugin.viewer.garbage import OldObjectsSpared

if TYPE_CHECKING:
    from napari.layers import Image, Layer

#: Time for the event loop between two steps, in milliseconds.
_BETWEEN_STEPS = 25


class OwnLayers:
    """The panel's layers, by what they show.

    Adding a layer neither selects it nor hides another; a layer that the user has deleted is made anew.

    The viewer is itself, not a proxy. When ``parent``, something in its window, is destroyed, nothing is
    shown any more.
    """

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        self._viewer = viewer
        # The viewer keeps them. What the user deletes is to give its memory back: a picture, or its source.
        self._layers: weakref.WeakValueDictionary[str, Layer] = weakref.WeakValueDictionary()
        self._sources: dict[str, tuple[weakref.ref[Image], ...]] = {}
        self._to_show: list[weakref.ref[Layer]] = []
        self._show_soon = qdebounced(self._show_added, _BETWEEN_STEPS, parent=parent)

    def get(self, name: str) -> Layer | None:
        """Return the layer of that name, if it is in the viewer."""
        layer = self._layers.get(name)
        return layer if layer is not None and layer in self._viewer.layers else None

    def all(self) -> list[Layer]:
        """All that are in the viewer."""
        return [layer for layer in self._layers.values() if layer in self._viewer.layers]

    def add(self, name: str, layer: Layer, above: Layer | None = None, show: bool = True) -> Layer:
        """Put a layer into the viewer: on top, or right above another one.

        It is added out of sight, and shown (if it is to be) when the event loop has come round.
        """
        layer.visible = False
        layer.metadata.update(FOR_SHOW)
        insert_quietly(self._viewer, layer, above)
        self._layers[name] = layer
        if show:
            come_into_sight_later(layer)
            self._to_show.append(weakref.ref(layer))
            self._show_soon()
        return layer

    def show_plane(
        self,
        key: str,
        plane: NDArray[Any],
        place: Slice,
        result: Result,
        above: Layer | None = None,
        show: bool = True,
        like: Image | None = None,
        **looks: Any,
    ) -> Layer:
        """Show a picture of one plane where the result, or another layer, has that plane.

        Parameters
        ----------
        key : str
            Under which the layer is kept.
        plane : ndarray
            Shape (rows, columns), or (rows, columns, 3 or 4) for colours; it becomes labels where ``looks``
            have a label colour map.
        place, result : Slice, Result
            Where it was taken from, and what it is about.
        above : Layer, optional
            Right above which layer to put it; on top of all if left out.
        show, looks
            Of a new layer: whether it is to become visible, its attributes.
        like : Image, optional
            The layer that the plane was taken from; the reconstruction if left out.
        """
        from napari.layers import Image, Labels
        from napari.utils.colormaps import DirectLabelColormap

        taken_from = result.reconstruction if like is None else like
        data, where = place.spread(plane), place.placement(taken_from)
        sources = tuple(weakref.ref(each) for each in (*result.layers, taken_from, above) if each is not None)
        if self._sources.get(key) != sources:  # it would have another name, lie elsewhere, or be covered
            self.remove(key)
        self._sources[key] = sources
        layer = self.get(key)
        if layer is None:
            kind = Labels if isinstance(looks.get("colormap"), DirectLabelColormap) else Image
            if kind is Image:
                looks = {"rgb": plane.ndim == 3, **looks}
            layer = kind(data, **where, **looks)
            if like is None and (pixel := fine_pixel_nm(result.provenance)):
                layer.metadata[PIXEL_SIZE_KEY] = pixel * place.step  # in a file: it may lie in pixels
            return self.add(key, layer, above, show)
        lay(layer, where)
        layer.data = data
        return layer

    def release(self, name: str) -> None:
        """Leave a layer to the user."""
        self._layers.pop(name, None)

    def remove(self, name: str) -> None:
        """Take a layer out of the viewer."""
        layer = self._layers.pop(name, None)
        self._sources.pop(name, None)
        if layer is not None and layer in self._viewer.layers:
            with OwnChange(), OldObjectsSpared():
                self._viewer.layers.remove(layer)

    def remove_one(self, but: str = "") -> bool:
        """Take a layer other than that one out of the viewer; return whether there are more of them."""
        others = [name for name in self._layers if name != but]
        if others:
            self.remove(others[0])
        return len(others) > 1

    def owns(self, layer: Any) -> bool:
        """Whether a layer is one of these."""
        return any(layer is own for own in self._layers.values())

    def _show_added(self) -> None:
        added, self._to_show = self._to_show, []
        for reference in added:
            layer = reference()
            if layer is not None and layer in self._viewer.layers:
                bring_into_sight(layer)

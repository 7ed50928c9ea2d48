"""Layers that the user deletes give back their memory soon, during a run as well."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

from napari_cvdm.plugin.results.layers import DRAWS_KEY, full_data, is_for_show, real
from napari_cvdm.plugin.viewer.garbage import OldObjectsSpared

if TYPE_CHECKING:
    from napari.layers import Layer

#: Time until a layer is looked for, in milliseconds. By then, others have let go of it, and layers that are
#: deleted in quick succession share one search, for which the viewer stands still.
_INTERVAL = 500
#: Bytes for which layers are looked for, as soon as those that are still there have as many between them:
#: fewer are not worth that the viewer stands still for a third of a second.
_WORTH_A_SEARCH = 2**28


class DeletedLayers:
    """Sees to it that deleted layers are found by the garbage collector.

    A layer and what napari draws it with refer to each other. napari looks for such garbage when a layer is
    removed, which finds those that were removed before, but not while old objects are spared. Small layers
    wait until napari or Python do so. The panels' own pictures come and go: they wait, too.
    """

    def __init__(self, viewer: Any) -> None:
        self._deleted: list[weakref.ref[Layer]] = []
        self._soon = False
        viewer.layers.events.removed.connect(self._on_removed)

    def look_soon(self) -> None:
        """Look once whether any is still there: somebody, such as a run, may have had a use for it."""
        if self._deleted and not self._soon:
            self._soon = True
            QTimer.singleShot(_INTERVAL, self._look)

    def _on_removed(self, event: Any) -> None:
        layer = real(event.value)
        if not is_for_show(layer):
            self._deleted.append(weakref.ref(layer))
            self.look_soon()

    def _look(self) -> None:
        self._soon = False
        if sum(_size_of(layer()) for layer in self._deleted) >= _WORTH_A_SEARCH:
            OldObjectsSpared.collect()
        self._deleted = [layer for layer in self._deleted if layer() is not None]


def _size_of(layer: Layer | None) -> int:
    """Return the bytes of a layer's pixels, and of the draws that are kept with them."""
    if layer is None:
        return 0
    data, draws = full_data(layer), layer.metadata.get(DRAWS_KEY)
    return sum(int(getattr(array, "nbytes", 0)) for array in (data, draws))

"""What lies under a new result and would add its light to it: the input, and earlier results of that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_cvdm.plugin.doubt.originals import was_made_from
from napari_cvdm.plugin.results.into_sight import hide, is_seen_without_view
from napari_cvdm.plugin.results.layers import METADATA_KEY, full_data, is_for_show, is_result, real

if TYPE_CHECKING:
    from napari.layers import Image


class Underneath:
    """Hides what a result takes the place of, where the light of layers adds up.

    Attributes
    ----------
    hidden : list of napari.layers.Image
        What was hidden, to be shown again if nothing comes of the run.
    """

    def __init__(self, viewer: Any, source: Image) -> None:
        self._viewer, self._source = viewer, source
        self.hidden: list[Image] = []

    def is_lit(self) -> bool:
        """Whether light is added to the source's, as napari shows channels; the lowest blends otherwise.

        The source itself may be hidden, as it is after its first run. Maps of the plugin's own do not count.
        """
        layers = list(self._viewer.layers)
        above = layers[layers.index(self._source) + 1 :] if self._source in layers else []
        return any(
            is_seen_without_view(each) and str(each.blending) == "additive" and not is_for_show(each)
            for each in above
        )

    def hide_input(self) -> None:
        """Hide the layer that is restored."""
        if self._source in self._viewer.layers and is_seen_without_view(self._source):
            self._hide(self._source)

    def hide_results(self, new: Image) -> None:
        """Hide both layers of each earlier result of the same input that a new reconstruction covers.

        One of another part of the image stays, and so does what the user has duplicated.
        """
        earlier = [
            layer
            for layer in map(real, self._viewer.layers)
            if is_result(layer)
            and layer is not new
            and layer.source.parent is None
            and is_seen_without_view(layer)
            and was_made_from(layer, self._source)
        ]
        added_up = [layer for layer in earlier if str(layer.blending) == "additive" and _covers(new, layer)]
        runs = {layer.metadata[METADATA_KEY]["run"] for layer in added_up}
        for layer in earlier:
            if layer.metadata[METADATA_KEY]["run"] in runs:
                self._hide(layer)

    def _hide(self, layer: Image) -> None:
        self.hidden.append(layer)
        hide(layer)


def _covers(new: Image, old: Image) -> bool:
    """Whether all of a layer lies within another, give or take a pixel."""
    if new.ndim != old.ndim:
        return False
    shapes = [np.array(full_data(each).shape) for each in (new, old)]
    corners = (np.zeros(old.ndim), shapes[1] - 1)
    places = np.array([new.world_to_data(old.data_to_world(corner)) for corner in corners])
    return bool(np.all((places >= -1) & (places <= shapes[0])))

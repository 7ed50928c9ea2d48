"""Results laid on their original, where napari has read the one in pixels and the other in micrometres.

napari's own reader of TIFF drops the size of pixels, which stored results state. It draws layers whose units
clash as if these were all alike: a picture of 33 µm would be as wide as 33 of the original's pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_cvdm.plugin.doubt.linked import Result, axes_of, is_image_of_user
from napari_cvdm.plugin.doubt.originals import original_of
from napari_cvdm.plugin.results.layers import METADATA_KEY, LayerData, full_data
from napari_cvdm.plugin.results.placement import Placement, lay, placement_of, where_it_lies

if TYPE_CHECKING:
    from napari.layers import Image, Layer


def lay_on_original(result: Result, original: Image, pictures: Iterable[Layer] = ()) -> bool:
    """Lay a result on its original, if lengths are known of one of them alone; return whether that was so.

    Its layers then lie where the original does, in its units: the original is the user's own, with as many
    axes. ``pictures`` show or mark something about the result, and go with it.
    """
    if _tells_lengths(result.reconstruction) == _tells_lengths(original):
        return False
    provenance, shape = result.provenance, full_data(result.reconstruction).shape
    placement = placement_of(provenance, axes_of(provenance, len(shape)), shape)
    there = [(layer, _place_in(result.reconstruction, layer)) for layer in pictures]
    for layer in result.layers:
        lay(layer, placement.within(where_it_lies(original)))
    for layer, place in there:
        if place is not None:
            lay(layer, place.within(where_it_lies(result.reconstruction)))
    return True


def lying_on_originals(read: Sequence[LayerData], present: Sequence[Layer]) -> list[LayerData]:
    """Let results that were read from a file lie on their originals that are in the viewer already.

    They are not laid there once they are in the viewer, which would say that their units clash.
    """
    if not any(map(is_image_of_user, present)):
        return list(read)
    return [(data, attributes | _where(data, attributes, present), kind) for data, attributes, kind in read]


def _where(data: Any, attributes: dict[str, Any], present: Sequence[Layer]) -> dict[str, Any]:
    """Return where what was read is to lie, if elsewhere than it says."""
    from napari.layers import Image

    if METADATA_KEY not in attributes.get("metadata", {}):
        return {}
    # Hidden, or napari would read the plane in view anew with each attribute that is set.
    picture = Image(data, **{**attributes, "visible": False})
    original = original_of(result := Result(picture, picture), present)
    moved = original is not None and lay_on_original(result, original)
    return where_it_lies(picture) if moved else {}


def _place_in(reconstruction: Image, layer: Layer) -> Placement | None:
    """Return where a layer lies in a reconstruction; None for one that lies in another world."""
    if layer.units != reconstruction.units:
        return None
    origin = np.array(reconstruction.world_to_data(layer.data_to_world(np.zeros(layer.ndim))))
    return Placement(origin, np.array(layer.scale) / np.array(reconstruction.scale))


def _tells_lengths(layer: Any) -> bool:
    return all(unit.is_compatible_with("micrometer") for unit in layer.units[-2:])

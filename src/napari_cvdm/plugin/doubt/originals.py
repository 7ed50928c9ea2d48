"""Which image a result was made from: the very layer if it is there, or one that nothing speaks against."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_cvdm.plugin.doubt.linked import Result, axes_of, is_image_of_user
from napari_cvdm.plugin.doubt.recording import indices_taken
from napari_cvdm.plugin.doubt.words import length_unit
from napari_cvdm.plugin.results.layers import METADATA_KEY, full_data, real
from napari_cvdm.plugin.stored.stated import positive, table
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.resampling import Resampling

if TYPE_CHECKING:
    from napari.layers import Image, Layer

#: What the runs of this session were made from: a layer may be renamed, and another get its name.
_RESTORED: dict[str, weakref.ref[Image]] = {}


def note_restored(run: str, layer: Image) -> None:
    """Take down which layer a run restores."""
    _RESTORED[run] = weakref.ref(real(layer))


def was_made_from(picture: Image, layer: Image) -> bool:
    """Whether a result layer comes from a run of this session on that very layer."""
    known = _RESTORED.get(str(picture.metadata[METADATA_KEY].get("run")))
    return known is not None and known() is real(layer)


def is_comparable(result: Result, layer: Layer) -> bool:
    """Whether a layer can be a result's original: an image of the user's that has the pixels it names."""
    return is_image_of_user(layer) and layer.ndim == result.reconstruction.ndim and _has_pixels(result, layer)


def original_of(result: Result, layers: Sequence[Layer]) -> Image | None:
    """Find the layer that a result was made from.

    A run of this session knows it. Otherwise it is the layer that was opened from the file in the provenance,
    or that has the name there or in the result's own; one saved in the result's own file comes before others.
    The shell knows the name of a file and no layer's.

    None if there is none, or if its size, its place or its file is another: `why_none` says so.
    """
    return _find(result, layers)[0]


def why_none(result: Result, layers: Sequence[Layer]) -> str:
    """Say why an image that has the original's name is not taken for it; empty if there is none such."""
    return _find(result, layers)[1]


def _find(result: Result, layers: Sequence[Layer]) -> tuple[Image | None, str]:
    provenance = result.provenance
    images: list[Image] = [layer for layer in map(real, layers) if is_image_of_user(layer)]
    known = _RESTORED.get(str(provenance.get("run")))
    restored = None if known is None else known()
    if any(restored is image for image in images) and is_comparable(result, restored):
        return restored, ""
    path = table(provenance.get("asked")).get("source_path")
    path = path if isinstance(path, str) else None
    opened = [image for image in images if path and image.source.path and _same(path, image.source.path)]
    name = provenance.get("source") or result.reconstruction.name.partition(" CVDM")[0]
    named = [image for image in images if image.name == name]
    named = named or [image for image in images if image.source.path and Path(image.source.path).name == name]
    if len(opened) > 1:  # channels of one file, which only their names tell apart
        opened = [image for image in opened if image in named]
    home = result.reconstruction.source.path
    beside = [image for image in named if home and image.source.path and _same(home, image.source.path)]
    why = ""
    for image in (*opened, *beside, *named):
        against = _speaks_against(result, image, None if image in beside else path)
        if known is not None and image not in (*opened, *beside):
            against = against or "it was added later"
        if not against:
            return image, ""
        why = why or f"'{image.name}' is not the image that was restored: {against}."
    return None, why


def _speaks_against(result: Result, image: Image, path: Any) -> str:
    if path and image.source.path and not _same(path, image.source.path):
        return "it comes from another file"
    if not is_comparable(result, image):
        return "its size is another"
    return "" if _lies_within(result, image) else "it lies elsewhere"


def _same(path: str, other: str) -> bool:
    return Path(path).resolve() == Path(other).resolve()


def _has_pixels(result: Result, layer: Image) -> bool:
    """Whether an image of as many axes is of the size that a result says it was made from."""
    provenance, ndim = result.provenance, layer.ndim
    fine, coarse = full_data(result.reconstruction).shape, full_data(layer).shape[:ndim]
    asked = table(provenance.get("asked")).get("shape")
    if isinstance(asked, list) and len(asked) == ndim:
        return tuple(asked) == coarse
    said = table(provenance.get("resampling"))
    try:
        taken = indices_taken(provenance, coarse)
        resampled = Resampling.from_description(said).plane_shape if said else ()
    except InputError:
        return True
    if len(taken) != ndim:
        return False
    letters, factor = axes_of(provenance, ndim), positive(provenance.get("upscaling"))
    for axis, letter in enumerate(letters):
        if letter in "YX" and resampled:
            fits = coarse[axis] == resampled["YX".index(letter)]
        elif letter in "YX":
            fits = factor is None or len(taken[axis]) * factor == fine[axis]
        else:
            fits = len(taken[axis]) == fine[axis]
        if not fits or (not resampled and max(taken[axis], default=0) >= coarse[axis]):
            return False
    return True


def _lies_within(result: Result, image: Image) -> bool:
    """Whether a result lies in an image; files of lengths and layers of pixels say nothing about that."""
    reconstruction = result.reconstruction
    for axis in (-2, -1):
        if not all(each.units[axis].is_compatible_with("micrometer") for each in (reconstruction, image)):
            return True
        own, theirs = (length_unit(each, axis)[0] for each in (reconstruction, image))
        inner, outer = reconstruction.extent.world[:, axis] * own, image.extent.world[:, axis] * theirs
        slack = 1.5 * float(image.extent.step[axis]) * theirs
        if not np.all((inner >= outer[0] - slack) & (inner <= outer[1] + slack)):
            return False
    return True

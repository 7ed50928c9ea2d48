"""Restorations that the shell has written to OME-TIFF, as layers: each picture is a file of its own."""

from __future__ import annotations

from collections.abc import Collection
from glob import escape
from pathlib import Path
from typing import Any

import numpy as np

from napari_cvdm.files.names import stem_of
from napari_cvdm.plugin.results.contrast import fit_to_each_other
from napari_cvdm.plugin.results.layers import DRAWS_KEY, PICTURES, LayerData
from napari_cvdm.plugin.stored.stored_results import StoredSizes, result_attributes, title_of
from napari_cvdm.plugin.viewer.notices import warning_of_damage
from napari_cvdm.restoration.run_identity import run_of


def read_restored_tiff(path: Path, shown: Collection[tuple[str, str]] = ()) -> list[LayerData]:
    """Read a picture of a restoration as a layer; with a reconstruction, what belongs to it beside it.

    That is the uncertainty, and the draws if they were kept: known by name, and by the same provenance.

    If all that is to be read is ``shown`` already, by run and name of each picture, nothing is; else both
    pictures are, because they tell each other's contrast.

    Raises
    ------
    ImageFileError
        If it cannot be read. Of damage to what belongs to it, the user is warned.
    """
    provenance = _provenance(path)
    content = provenance["content"]
    partner = path.with_name(f"{stem_of(path)}_uncertainty.ome.tif")
    in_pair = content == "reconstruction" and _belongs(partner, provenance, "uncertainty")
    if {(run_of(provenance), each) for each in (PICTURES if in_pair else (content,))} <= set(shown):
        return []
    layers = [_layer(path, provenance)]
    if in_pair:
        with warning_of_damage():
            layers.append(_layer(partner, _provenance(partner)))
            fit_to_each_other(layers)
    if content == "reconstruction":
        with warning_of_damage():
            layers[0][1]["metadata"] |= _draws(path, provenance)
    return layers


def _belongs(path: Path, provenance: dict[str, Any], content: str) -> bool:
    """Whether a file holds that content of the very restoration that another file is of."""
    other: dict[str, Any] = {}
    with warning_of_damage():
        other = _provenance(path) if path.is_file() else {}
    return other.get("content") == content and run_of(other) == run_of(provenance)


def _draws(path: Path, provenance: dict[str, Any]) -> dict[str, Any]:
    """Read the draws beside a reconstruction, as metadata of its layer; none if they are not all there."""
    from napari_cvdm.files.tiff import read_tiff

    count = provenance.get("draws")
    files = sorted(path.parent.glob(f"{escape(stem_of(path))}_draw[0-9]*.ome.tif"))
    if not isinstance(count, int) or not 0 < count == len(files):
        return {}
    contents = [f"draw {number} of {count}" for number in range(1, count + 1)]
    if not all(_belongs(file, provenance, content) for file, content in zip(files, contents, strict=True)):
        return {}
    images = (read_tiff(file) for file in files)
    return {DRAWS_KEY: np.stack([_as_restored(image.data, image.axes, provenance)[0] for image in images])}


def _layer(path: Path, provenance: dict[str, Any]) -> LayerData:
    from napari_cvdm.files.tiff import read_tiff
    from napari_cvdm.restoration.errors import ImageFileError

    image, picture = read_tiff(path), provenance["content"]
    try:
        data, axes = _as_restored(image.data, image.axes, provenance)
    except (LookupError, TypeError, ValueError) as error:
        raise ImageFileError(
            f"What {path} says of its axes does not fit its pixels: it was altered."
        ) from error
    sizes = StoredSizes(image.pixel_size, image.z_spacing, image.time_interval, image.pixel_sides)
    about = {**{key: value for key, value in provenance.items() if key != "content"}, "axes": axes}
    title = title_of(stem_of(path), picture)
    return data, result_attributes(about, picture, title, data, axes, sizes), "image"


def _as_restored(data: Any, stored: str, provenance: dict[str, Any]) -> tuple[Any, str]:
    """Undo what a file does to an array: axes of length one are gone, Y and X last, others renamed."""
    from napari_cvdm.files.ome_tiff import ome_letters
    from napari_cvdm.restoration.axes import Axes

    axes = str(provenance["axes"])
    letters = ome_letters(Axes(axes, tuple(provenance.get("shape") or (1,) * len(axes))))
    lengths = dict(zip(stored, data.shape, strict=True))
    moved = data.reshape([lengths.get(letter, 1) for letter in letters])
    if "S" in axes:  # colours go in front, as channels do: napari shows the last two axes
        return moved, "".join(letter for letter in axes if letter not in "YX") + "YX"
    return np.moveaxis(moved, (-2, -1), (axes.index("Y"), axes.index("X"))), axes


def _provenance(path: Path) -> dict[str, Any]:
    from napari_cvdm.files.ome_tiff import read_provenance

    return read_provenance(path) or {}

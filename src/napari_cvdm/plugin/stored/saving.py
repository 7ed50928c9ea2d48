"""Layers into files that open as the same layers: the writer behind File → Save, and *Save result*."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from napari_cvdm.plugin.image.axis_steps import physical_steps
from napari_cvdm.plugin.image.file_reading import read_file
from napari_cvdm.plugin.image.reading import axes_of
from napari_cvdm.plugin.results.copies import about_copy
from napari_cvdm.plugin.results.layers import (
    DRAWS_KEY,
    METADATA_KEY,
    PICTURES,
    PIXEL_SIZE_KEY,
    channels_of,
)
from napari_cvdm.plugin.stored.asked import asked_of, part_of
from napari_cvdm.plugin.stored.restored import known_of_restored
from napari_cvdm.plugin.stored.stated import fine_pixel_nm, positive, table
from napari_cvdm.plugin.viewer.meanwhile import wait_in_dialog
from napari_cvdm.restoration.errors import InputError

LAYER_KEY = "layer"
"""Under this key what is said of an image holds how its layer lies and looks."""

#: Attributes of a layer that say how it lies and looks; what colours it has needs other words.
_LOOK = (
    *("name", "scale", "translate", "rotate", "shear", "affine", "units", "axis_labels"),
    *("contrast_limits", "gamma", "opacity", "blending", "visible", "rgb"),
)

#: Axes of a file besides Y and X, at most; OME-TIFF has no more.
_MOST_LEADING = 3


def write_layers(path: str, layer_data: list[tuple[Any, dict[str, Any], str]]) -> list[str]:
    """Write image layers to one OME-TIFF or OME-Zarr; napari calls this for File → Save, and waits for it.

    napari has asked whether what is at the path may be replaced.

    Raises
    ------
    InputError, ImageFileError
        If a layer cannot be stored, or the file cannot be written.
    """
    save = partial(save_layers, Path(path), layer_data, overwrite=True)
    return [str(wait_in_dialog("Saving layers …", save, can_be_given_up=False))]


def save_layers(path: Path, layers: Iterable[Any], *, overwrite: bool = False) -> Path:
    """Write image layers to one OME-TIFF or OME-Zarr, whichever the name ends in.

    Layers are as ``layer.as_layer_data_tuple()`` gives them, so that this can run in a worker.
    """
    images = _stored(list(layers))
    if path.name.lower().endswith(".zarr"):
        from napari_cvdm.files.zarr_set import write_zarr_set

        return write_zarr_set(path, images, overwrite=overwrite)
    from napari_cvdm.files.image_set import write_image_set

    return write_image_set(path, images, overwrite=overwrite)


def _stored(layer_data: list[tuple[Any, dict[str, Any], str]]) -> list[Any]:
    from napari_cvdm.files.image_set import StoredImage

    images = []
    results = [_made(attributes) for _, attributes, _ in layer_data]
    for data, attributes, _ in layer_data:
        array = data[0] if attributes.get("multiscale") else data
        made = _made(attributes)
        if METADATA_KEY not in attributes.get("metadata", {}):
            made = known_of_restored(attributes["name"], array.shape, results)
        axes = _axes(attributes, made)
        about = _about(attributes, len(axes))
        if attributes.get("rgb"):
            axes += "S"
        sizes = _sizes(attributes, axes, made)
        name = attributes["name"]
        images.append(StoredImage(name, array, axes, about=about, **sizes))
        draws = attributes.get("metadata", {}).get(DRAWS_KEY)
        of_these = draws is not None and tuple(draws.shape[1:]) == tuple(array.shape)  # not once it was split
        if of_these and len(axes) - 2 < _MOST_LEADING:
            drawn = {"picture": "draws", "run": about.get("run")}
            images.append(StoredImage(f"{name} draws", draws, f"Q{axes}", about=drawn, **sizes))
    return images


def _made(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return how a result was made; nothing of other layers."""
    made = table(attributes.get("metadata", {}).get(METADATA_KEY))
    return made if made.get("picture") in PICTURES else {}


def _axes(attributes: dict[str, Any], made: Mapping[str, Any]) -> str:
    """Return one letter for each axis of a layer but that of colours.

    What its labels do not name has the name that its run knew, which it had from the file or the user: other
    programs would take channels for planes of depth.
    """
    axes, known = axes_of(attributes["axis_labels"]), made.get("axes")
    if not isinstance(known, str) or len(known) != len(axes) or known[-2:] != axes[-2:]:
        return axes
    return "".join(
        run if own == "Q" and run in "TZC" and (axes + known).count(run) == 1 else own
        for own, run in zip(axes, known, strict=True)
    )


def _about(attributes: dict[str, Any], ndim: int) -> dict[str, Any]:
    """Return what is known of a layer of so many axes and how it was made, in values that JSON can hold."""
    metadata = attributes.get("metadata", {})
    layer = {
        **{key: attributes.get(key) for key in _LOOK},
        "channels": channels_of(metadata, ndim),
        "colormap": _colormap(attributes.get("colormap")),
    }
    made = about_copy(metadata.get(METADATA_KEY, {}))
    return {**_plain(made), LAYER_KEY: _plain(layer)}


def _colormap(colormap: Any) -> Any:
    """Return a colour map as its name and its colours, whichever a reader may know."""
    if colormap is None or isinstance(colormap, str):
        return colormap
    entries = colormap if isinstance(colormap, dict) else colormap.dict()
    return {
        "name": str(entries.get("name", "")),
        "colors": np.asarray(entries["colors"]).tolist(),
        "controls": np.asarray(entries.get("controls", [])).tolist(),
    }


def _sizes(attributes: dict[str, Any], axes: str, made: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the sizes that a `StoredImage` has; None stands for what is not known.

    The layer is believed. The side of a pixel that its units do not tell is the one that the run was told, in
    the form or by the file that a reader left it in; likewise the distances of planes and frames.
    """
    units = attributes["units"]
    found = physical_steps(attributes["scale"], attributes["affine"], units, axes)
    sizes = {letter: found.get(letter) for letter in "YXZT"}
    if sizes["Y"] is None or sizes["X"] is None:
        told = positive(attributes.get("metadata", {}).get(PIXEL_SIZE_KEY))
        sizes["Y"] = sizes["X"] = told or fine_pixel_nm(made)
    unknown = [letter for letter in "ZT" if letter in axes and sizes[letter] is None]
    if unknown:
        in_file = _distances_in_file(made)
        sizes |= {letter: in_file.get(letter) for letter in unknown}
    return {
        "pixel_size_nm": sizes["X"],
        "pixel_height_nm": sizes["Y"],
        "z_spacing_nm": sizes["Z"],
        "time_interval_s": sizes["T"],
    }


def _distances_in_file(made: Mapping[str, Any]) -> dict[str, float]:
    """Return the distances of planes (nm) and frames (s) by the file that a run was about."""
    try:
        asked, part = asked_of(made), part_of(made)
    except InputError:
        return {}
    if not asked["file_has_pixels"] or not asked["source_path"]:
        return {}
    file = read_file(Path(asked["source_path"]))
    return {
        letter: distance * (1 if part is None else part[asked["axes"].index(letter)].step)
        for letter, distance in (("Z", file.z_spacing), ("T", file.time_interval))
        if distance is not None and letter in asked["axes"]
    }


def _plain(value: Any) -> Any:
    """Turn a value into one that JSON can hold."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, str | int | float | bool | type(None)) else str(value)

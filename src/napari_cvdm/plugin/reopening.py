"""Saved results as layers again: the reader behind dropping a file on the viewer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_cvdm.plugin.layers import DRAWS_KEY, METADATA_KEY
from napari_cvdm.plugin.saving import LAYER_KEY

__all__ = ["get_reader", "read_result"]

LayerData = tuple[Any, dict[str, Any], str]


def get_reader(path: str | list[str]) -> Callable[[Any], list[LayerData]] | None:
    """Return a reader for what this plugin has saved, and None for any other file; napari calls this."""
    if isinstance(path, list):
        path = path[0]
    if Path(path).is_dir():
        from napari_cvdm.files.zarr_set import is_zarr_set

        return read_result if is_zarr_set(path) else None
    from napari_cvdm.files.image_set import is_image_set

    return read_result if is_image_set(path) else None


def read_result(path: str | list[str]) -> list[LayerData]:
    """Read a saved result as layers that lie and look as they did.

    Raises
    ------
    ImageFileError
        If the file cannot be read.
    """
    source = Path(path[0] if isinstance(path, list) else path)
    if source.is_dir():
        from napari_cvdm.files.zarr_set import read_zarr_set as read
    else:
        from napari_cvdm.files.image_set import read_image_set as read
    images = read(source)
    layers = [_layer(image) for image in images if image.about.get("picture") != "draws"]
    for image in images:
        if image.about.get("picture") == "draws":
            _give_draws(layers, image)
    return layers


def _layer(image: Any) -> LayerData:
    about = dict(image.about)
    look = about.pop(LAYER_KEY, {})
    attributes: dict[str, Any] = {"name": look.get("name", image.name)}
    for key in (
        "scale",
        "translate",
        "rotate",
        "shear",
        "affine",
        "units",
        "axis_labels",
        "contrast_limits",
        "gamma",
        "opacity",
        "blending",
        "visible",
    ):
        if look.get(key) is not None:
            attributes[key] = look[key]
    attributes["rgb"] = bool(look.get("rgb", False))
    if look.get("colormap") is not None and not attributes["rgb"]:
        attributes["colormap"] = _colormap(look["colormap"])
    if about:
        attributes["metadata"] = {METADATA_KEY: about}
    return image.data, attributes, "image"


def _colormap(stored: Any) -> Any:
    """Return napari's colour map of a name, or the stored colours where it has none of that name."""
    from napari.utils.colormaps import AVAILABLE_COLORMAPS, Colormap

    if isinstance(stored, str):
        return stored
    if stored["name"] in AVAILABLE_COLORMAPS:
        return stored["name"]
    return Colormap(stored["colors"], controls=stored["controls"] or None, name=stored["name"] or None)


def _give_draws(layers: list[LayerData], image: Any) -> None:
    """Put draws back where the panel for uncertainty looks for them."""
    for data, attributes, _ in layers:
        about = attributes.get("metadata", {}).get(METADATA_KEY, {})
        of_run = about.get("picture") == "reconstruction" and about.get("run") == image.about.get("run")
        if of_run and data.shape == image.data.shape[1:]:
            attributes["metadata"][DRAWS_KEY] = image.data

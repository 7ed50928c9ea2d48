"""Stored results and OME-Zarr images as layers: the reader behind dropping a file or folder on the viewer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from napari_cvdm.plugin.results.contrast import fit_to_each_other
from napari_cvdm.plugin.results.layer_contrast import follow_channels
from napari_cvdm.plugin.results.layers import DRAWS_KEY, METADATA_KEY, PICTURES, LayerData
from napari_cvdm.plugin.stored.saving import LAYER_KEY
from napari_cvdm.plugin.stored.stored_look import look_attributes
from napari_cvdm.plugin.stored.stored_results import (
    StoredSizes,
    plain_attributes,
    result_attributes,
    title_of,
)
from napari_cvdm.plugin.stored.tiff_layers import is_restored_tiff, read_restored_tiff
from napari_cvdm.plugin.viewer.notices import literal_errors, show_error

__all__ = [
    "get_reader",
    "is_saved_result",
    "open_saved_result",
    "read_result",
    "read_shell_result",
    "read_zarr_layers",
]

Reader = Callable[[Any], list[LayerData]]

#: What a reader returns when all that it has read is in the viewer already; napari then adds nothing.
_NOTHING_NEW: list[Any] = [(None,)]


def get_reader(path: str | list[str]) -> Reader | None:
    """Return a reader for what this plugin has saved and for OME-Zarr images; napari calls this.

    napari asks a plugin about all folders or none. Those that are no images are handed on to its own reader,
    which would have opened them if this plugin were not there. Of files, None is returned for all others.
    """
    readers = [_reader_of(Path(each)) for each in (path if isinstance(path, list) else [path])]
    if None in readers:
        return None
    return readers[0] if len(set(readers)) == 1 else _read_each


def _reader_of(source: Path) -> Reader | None:
    if not source.is_dir():
        if is_restored_tiff(source):
            return read_shell_result
        return read_result if is_saved_result(source) else None
    from napari_cvdm.files.ome_zarr_reading import is_zarr

    if is_saved_result(source):
        return read_result
    return read_zarr_layers if is_zarr(source) else _read_with_napari


def _read_each(paths: list[str]) -> list[LayerData]:
    """Read results and images of several kinds, each in its own way."""
    found = [reader(each) for each in paths if (reader := get_reader(each)) is not None]
    layers = [layer for read in found if read is not _NOTHING_NEW for layer in read]
    return layers or _NOTHING_NEW


def open_saved_result(viewer: Any, path: Path) -> None:
    """Open a saved result in a viewer, whatever it is called; what is wrong with it is shown.

    ``viewer.open`` would refuse this plugin for files that do not end as its manifest says.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer, or napari's proxy of it.
    path : Path
        A file or folder for which `is_saved_result` is true.
    """
    from napari_cvdm.restoration.errors import ImageFileError

    reader = get_reader(str(path))
    try:
        layers = [] if reader is None else reader(str(path))
    except ImageFileError as error:
        show_error(str(error))
        return
    for data, attributes, _ in layers if layers is not _NOTHING_NEW else ():
        viewer.add_image(data, **attributes)


def is_saved_result(path: Path) -> bool:
    """Whether a file or folder is a result that this plugin, one of its scripts or the shell has saved.

    Not so the folders of large images: they are told by `napari_cvdm.files.ome_zarr_reading.is_zarr`.
    """
    if path.is_dir():
        from napari_cvdm.files.zarr_set import is_zarr_set

        return is_zarr_set(path)
    from napari_cvdm.files.image_set import is_image_set

    return is_image_set(path) or is_restored_tiff(path)


@literal_errors()
def read_zarr_layers(path: str | list[str]) -> list[LayerData]:
    """Read OME-Zarr images as layers; one that is there already does not come a second time.

    Raises
    ------
    ImageFileError
        If a folder cannot be read.
    """
    from napari_cvdm.plugin.stored.zarr_layers import read_zarr

    return _read_new(path, read_zarr)


@literal_errors()
def read_shell_result(path: str | list[str]) -> list[LayerData]:
    """Read what the shell has written to OME-TIFF; what is there already does not come a second time.

    Raises
    ------
    ImageFileError
        If a file cannot be read.
    """
    return _read_new(path, read_restored_tiff)


def _read_new(path: str | list[str], read: Callable[[str], list[LayerData]]) -> list[LayerData]:
    """Read pictures that are not in the viewer yet, each of which may come with its partner."""
    layers: list[LayerData] = []
    for each in path if isinstance(path, list) else [path]:
        # Both pictures of a restoration may be dropped together, and the first brings the second.
        layers += [layer for layer in read(each) if not _is_shown(layer) and not _is_among(layer, layers)]
    _go_on_when_added(layers)
    return layers or _NOTHING_NEW


@literal_errors()
def read_result(path: str | list[str]) -> list[LayerData]:
    """Read saved results as layers that lie and look as they did.

    Raises
    ------
    ImageFileError
        If a file cannot be read.
    """
    layers: list[LayerData] = []
    for each in path if isinstance(path, list) else [path]:
        layers += _read_saved(Path(each))
    _go_on_when_added(layers)
    return layers


def _read_saved(source: Path) -> list[LayerData]:
    if source.is_dir():
        from napari_cvdm.files.zarr_set import read_zarr_set as read
    else:
        from napari_cvdm.files.image_set import read_image_set as read
    images = read(source)
    layers = [_layer(image, source) for image in images if image.about.get("picture") != "draws"]
    if not any(LAYER_KEY in image.about for image in images):
        fit_to_each_other(layers)
    for image in images:
        if image.about.get("picture") == "draws":
            _give_draws(layers, image)
    return layers


def _layer(image: Any, path: Path) -> LayerData:
    about = dict(image.about)
    look = about.pop(LAYER_KEY, None)
    if not isinstance(look, dict):
        return _layer_by_story(image, path)
    attributes = look_attributes(look, image.name, image.data, path)
    if about:
        attributes["metadata"] = {**attributes.get("metadata", {}), METADATA_KEY: about}
    return image.data, attributes, "image"


def _layer_by_story(image: Any, path: Path) -> LayerData:
    """Make a layer of an image of which the file does not say how its layer lay and looked."""
    sizes = StoredSizes(image.pixel_size_nm, image.z_spacing_nm, image.time_interval_s)
    # Scripts of earlier versions told the two pictures by their names alone.
    picture = image.about.get("picture", image.name)
    if picture not in PICTURES:
        attributes = plain_attributes(image.name, image.axes, sizes)
        metadata = {"metadata": {METADATA_KEY: image.about}} if image.about else {}
        return image.data, {**attributes, **metadata}, "image"
    title = title_of(path.name.partition(".ome.")[0], picture)
    attributes = result_attributes(image.about, picture, title, image.data, image.axes, sizes)
    if image.name != picture:
        attributes["name"] = image.name
    return image.data, attributes, "image"


def _give_draws(layers: list[LayerData], image: Any) -> None:
    """Put draws back where the panel for uncertainty looks for them."""
    for data, attributes, _ in layers:
        about = attributes.get("metadata", {}).get(METADATA_KEY, {})
        of_run = about.get("picture") == "reconstruction" and about.get("run") == image.about.get("run")
        if of_run and data.shape == image.data.shape[1:]:
            attributes["metadata"][DRAWS_KEY] = image.data


def _read_with_napari(path: str | list[str]) -> list[LayerData]:
    """Read a folder with the reader that comes with napari."""
    from npe2 import read

    paths = path if isinstance(path, list) else [path]
    layers: Any = read(paths, stack=isinstance(path, list), plugin_name="napari")
    return list(layers)


def _about(layer: LayerData) -> dict[str, Any]:
    about: dict[str, Any] = layer[1].get("metadata", {}).get(METADATA_KEY, {})
    return about


def _is_shown(layer: LayerData) -> bool:
    """Whether the viewer at work has this picture of this run."""
    import napari

    viewer, about = napari.current_viewer(), _about(layer)
    if viewer is None or "run" not in about:
        return False
    shown = [each.metadata.get(METADATA_KEY, {}) for each in viewer.layers]
    return any(each.get("run") == about["run"] and each.get("picture") == about["picture"] for each in shown)


def _is_among(layer: LayerData, layers: list[LayerData]) -> bool:
    """Whether a picture of a run has been read already."""
    own = _about(layer)
    pictures = [(about.get("run"), about.get("picture")) for about in map(_about, layers)]
    return "run" in own and (own["run"], own["picture"]) in pictures


def _go_on_when_added(layers: list[LayerData]) -> None:
    """Once napari has added them, let the contrast follow the channels, and open a whole result's panel."""
    runs: dict[Any, set[Any]] = {}
    for about in map(_about, layers):
        runs.setdefault(about.get("run"), set()).add(about.get("picture"))
    whole = [run for run, pictures in runs.items() if {"reconstruction", "uncertainty"} <= pictures]
    import napari

    if layers and napari.current_viewer() is not None:
        from qtpy.QtCore import QTimer

        QTimer.singleShot(0, partial(_go_on, whole[-1:]))


def _go_on(runs: list[Any]) -> None:
    import napari

    if (viewer := napari.current_viewer()) is None:  # closed again
        return
    layers = list(viewer.layers)
    follow_channels(viewer.dims, layers)
    of_run = [layer for layer in layers if layer.metadata.get(METADATA_KEY, {}).get("run") in runs]
    if of_run:  # the file may have been opened in a viewer without a window, or closed again
        from napari_cvdm.plugin.doubt.panel import show_doubt_panel

        show_doubt_panel(viewer, of_run)

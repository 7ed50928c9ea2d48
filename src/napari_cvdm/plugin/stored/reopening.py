"""Stored results and OME-Zarr images as layers: the reader behind dropping a file or folder on the viewer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from napari_cvdm.files.names import TIFF_ENDINGS, ZARR_ENDINGS, stem_of
from napari_cvdm.plugin.results.contrast import fit_to_each_other
from napari_cvdm.plugin.results.layer_contrast import follow_channels
from napari_cvdm.plugin.results.layers import (
    DRAWS_KEY,
    METADATA_KEY,
    PICTURES,
    PIXEL_SIZE_KEY,
    LayerData,
)
from napari_cvdm.plugin.stored.kinds import kind_of
from napari_cvdm.plugin.stored.restored import known_of_restored
from napari_cvdm.plugin.stored.saving import LAYER_KEY
from napari_cvdm.plugin.stored.stated import table
from napari_cvdm.plugin.stored.stored_look import look_attributes
from napari_cvdm.plugin.stored.stored_results import (
    StoredSizes,
    plain_attributes,
    result_attributes,
    title_of,
)
from napari_cvdm.plugin.stored.tiff_layers import read_restored_tiff
from napari_cvdm.plugin.viewer.meanwhile import wait_in_dialog
from napari_cvdm.plugin.viewer.notices import literal_errors

Reader = Callable[[Any], list[LayerData]]

Shown = frozenset[tuple[str, str]]
"""Run and name of each picture of a restoration that is in a viewer."""

#: What a reader returns when all that it has read is in the viewer already; napari then adds nothing.
_NOTHING_NEW: list[Any] = [(None,)]


def get_reader(path: str | list[str]) -> Reader | None:
    """Return a reader for what this plugin has saved and for OME-Zarr images; napari calls this.

    napari asks a plugin about all folders or none. Those that are no images are handed on to its own reader,
    which would have opened them if this plugin were not there. Of files, None is returned for all others, but
    for those that are called as results are: it will be said what is wrong with them.
    """
    paths = [Path(each) for each in (path if isinstance(path, list) else [path])]
    kinds = {kind_of(each) or ("set" if _is_called_a_result(each) else None) for each in paths}
    if None in kinds:
        return None
    return _read_with_napari if kinds == {"folder"} else read_layers


def _is_called_a_result(path: Path) -> bool:
    return path.name.endswith((".cvdm.ome.tif", ".cvdm.ome.tiff")) and path.is_file()


@literal_errors()
def read_layers(path: str | list[str]) -> list[LayerData]:
    """Read saved results and OME-Zarr images as layers, those of results as they lay and looked.

    napari waits for them: of what takes long, a dialog says so, with which the user can give it up. What the
    shell has written, or is an OME-Zarr image, does not come a second time: both pictures of a restoration
    may be dropped together, and the first brings the second.

    Raises
    ------
    ImageFileError
        If something cannot be read.
    """
    import napari

    viewer = napari.current_viewer()
    shown = frozenset() if viewer is None else shown_pictures(viewer.layers)
    # Not as layers that are read while they are viewed: to decode one plane takes a tenth of a second.
    read = partial(_read_each, path if isinstance(path, list) else [path], shown)
    layers = wait_in_dialog("Opening a saved result …", read) or []
    if layers and viewer is not None:
        from qtpy.QtCore import QTimer

        from napari_cvdm.plugin.doubt.in_register import lying_on_originals

        layers = lying_on_originals(layers, viewer.layers)

        # napari adds them first.
        QTimer.singleShot(0, partial(_settle_in_current_viewer, whole_runs(layers)))
    return layers or _NOTHING_NEW


def _read_each(paths: list[str], shown: Shown) -> list[LayerData]:
    layers: list[LayerData] = []
    for path in paths:
        layers += read_saved(Path(path), shown | _pictures(layers))
    return layers


def read_saved(path: Path, shown: Shown = frozenset()) -> list[LayerData]:
    """Read what is at a path, whatever it is called; touches no viewer, so that a worker can do it.

    ``shown`` are the pictures that need not come again.

    Raises
    ------
    ImageFileError
        If it cannot be read.
    """
    match kind_of(path):
        case "picture":
            return _new(read_restored_tiff(path, shown), shown)
        case "zarr image":
            from napari_cvdm.plugin.stored.zarr_layers import read_zarr

            return _new(read_zarr(path), shown)
        case "folder":
            return _read_with_napari(str(path))
    return _read_set(path)  # which says what is wrong, if this is none


def shown_pictures(layers: Iterable[Any]) -> Shown:
    """Return which pictures of which runs are among layers of a viewer."""
    return _keys(table(layer.metadata.get(METADATA_KEY)) for layer in layers)


def _pictures(layers: list[LayerData]) -> Shown:
    return _keys(map(_about, layers))


def _keys(abouts: Iterable[Mapping[str, Any]]) -> Shown:
    stated = ((about.get("run"), about.get("picture")) for about in abouts)
    return frozenset(
        (run, picture) for run, picture in stated if isinstance(run, str) and picture in PICTURES
    )


def _new(layers: list[LayerData], shown: Shown) -> list[LayerData]:
    """Leave out pictures that are shown."""
    return [layer for layer in layers if not _pictures([layer]) & shown]


def _read_set(source: Path) -> list[LayerData]:
    if source.is_dir():
        from napari_cvdm.files.zarr_set import read_zarr_set as read
    else:
        from napari_cvdm.files.image_set import read_image_set as read
    images = read(source)
    shown = [image for image in images if image.about.get("picture") != "draws"]
    layers = [_layer(image, source) for image in shown]
    for image, layer in zip(shown, layers, strict=True):
        _tell_pixel_size(image, layer, [other.about for other in shown])
    if not any(LAYER_KEY in image.about for image in images):
        fit_to_each_other(layers)
    for image in images:
        if image.about.get("picture") == "draws":
            _give_draws(layers, image)
    return layers


def _layer(image: Any, path: Path) -> LayerData:
    about = dict(image.about)
    look = about.pop(LAYER_KEY, None)
    about.pop("written", None)  # where the layer was read from that was saved here
    if not isinstance(look, dict):
        return _layer_by_story(image, path)
    attributes = look_attributes(look, image.name, image.data, path)
    if about:
        attributes["metadata"] = {**attributes.get("metadata", {}), METADATA_KEY: about}
    return image.data, attributes, "image"


def _tell_pixel_size(image: Any, layer: LayerData, abouts: list[dict[str, Any]]) -> None:
    """Note the size of a layer's pixels where the layer lies in pixels, and no result that knows it itself.

    The original of a run is such a layer if the user told the panel the size. It is not given a scale: its
    result has none either, and has to lie on it.
    """
    data, attributes, _ = layer
    metadata = attributes.get("metadata", {})
    if METADATA_KEY in metadata or "pixel" not in map(str, attributes.get("units", ())[-2:]):
        return
    known = known_of_restored(attributes["name"], data.shape, abouts)
    size = image.pixel_size_nm or known.get("pixel_size_nm")
    if size is not None:
        attributes["metadata"] = {**metadata, PIXEL_SIZE_KEY: size}


def _layer_by_story(image: Any, path: Path) -> LayerData:
    """Make a layer of an image of which the file does not say how its layer lay and looked."""
    sizes = StoredSizes(image.pixel_size_nm, image.z_spacing_nm, image.time_interval_s)
    # Scripts of earlier versions told the two pictures by their names alone.
    picture = image.about.get("picture", image.name)
    if picture not in PICTURES:
        attributes = plain_attributes(image.name, image.axes, sizes)
        metadata = {"metadata": {METADATA_KEY: image.about}} if image.about else {}
        return image.data, {**attributes, **metadata}, "image"
    title = title_of(stem_of(path, (*TIFF_ENDINGS, *ZARR_ENDINGS)), picture)
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


def whole_runs(layers: list[LayerData]) -> list[str]:
    """Return the runs of which layers that were read hold both pictures, in the order of the layers."""
    pictures = _pictures(layers)
    runs = dict.fromkeys(str(_about(layer).get("run")) for layer in layers)
    return [run for run in runs if {(run, picture) for picture in PICTURES} <= pictures]


def settle_added(viewer: Any, runs: list[str]) -> None:
    """Let the contrast of layers that were read follow the channels, and open the panel of a whole result.

    The panel shows the last of the ``runs`` that `whole_runs` says of them.
    """
    layers = list(viewer.layers)
    follow_channels(viewer.dims, layers)
    of_run = [layer for layer in layers if layer.metadata.get(METADATA_KEY, {}).get("run") in runs[-1:]]
    if of_run:  # the file may have been opened in a viewer without a window, or closed again
        from napari_cvdm.plugin.doubt.panel import show_doubt_panel

        show_doubt_panel(viewer, of_run)


def _settle_in_current_viewer(runs: list[str]) -> None:
    import napari

    if (viewer := napari.current_viewer()) is not None:  # or it was closed again
        settle_added(viewer, runs)

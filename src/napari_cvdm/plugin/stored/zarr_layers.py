"""OME-Zarr folders as layers: pictures of any size, read as they are looked at, with scale and names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_cvdm.files.names import ZARR_ENDINGS, without_ending
from napari_cvdm.plugin.results.contrast import fit_to_each_other
from napari_cvdm.plugin.results.layers import METADATA_KEY, LayerData, uncertainty_colormap
from napari_cvdm.plugin.stored.stored_results import labels_of, title_of
from napari_cvdm.plugin.viewer.notices import show_warning, warning_of_damage
from napari_cvdm.plugin.viewer.unit_names import unit_or_pixel
from napari_cvdm.restoration.axes import Axes, name_axes
from napari_cvdm.restoration.contrast import limits_of
from napari_cvdm.restoration.run_identity import run_of

if TYPE_CHECKING:
    from napari_cvdm.files.ome_zarr_reading import ZarrPyramid


def read_zarr(path: Path) -> list[LayerData]:
    """Open an OME-Zarr image as a layer; of a restoration, reconstruction and uncertainty both.

    The pixels are Dask arrays: nothing but a few planes of a result's coarsest level is read, and the first
    of an image that does not begin at 0.

    Raises
    ------
    ImageFileError
        If it is no image, or damaged, or packages are missing. Of damage to what belongs to it, the user is
        warned.
    """
    from napari_cvdm.files.ome_zarr_reading import open_pyramid
    from napari_cvdm.files.streaming import CONTENTS, zarr_targets

    image = open_pyramid(path)
    content = image.provenance.get("content")
    if image.images:
        show_warning(
            f"{path.name} holds {len(image.images)} images, and this is the first. To open another, open its "
            f"folder, such as {path / image.images[1]}."
        )
    if content not in CONTENTS:
        attributes: dict[str, Any] = {"name": image.name or _stem(path)}
        # napari looks for limits at 0 along the sliders, and takes 0 and 1 where it finds no plane.
        if any(image.translation[:-2]):
            attributes["contrast_limits"] = _limits_of_first_plane(image.levels[-1], path)
        return [_layer(image, attributes)]
    layers = [_result(image, path)]
    partner = zarr_targets(path)["uncertainty"]
    if content == "reconstruction" and partner.is_dir():
        with warning_of_damage():  # such as a copy that has not come to its end
            other = open_pyramid(partner)
            same = run_of(other.provenance) == run_of(image.provenance)
            if same and other.provenance.get("content") == "uncertainty":
                layers.append(_result(other, partner))
                fit_to_each_other(layers)
    return layers


def restored_level(level: Any, stored: str, axes: Axes) -> Any:
    """Return a level of a result, as Dask array, with the axes of what was restored.

    In the file, whose axes are ``stored``, they have another order, and some of length 1 are left out.
    """
    import dask.array as da

    from napari_cvdm.files.ome_tiff import ome_letters

    letters = ome_letters(axes)
    ordered = da.from_zarr(level).transpose([stored.index(each) for each in letters if each != "Q"])
    whole = ordered[tuple(None if each == "Q" else slice(None) for each in letters)]
    return da.moveaxis(whole, (-2, -1), (axes.y, axes.x))


def _as_restored(image: ZarrPyramid) -> ZarrPyramid:
    """Give a result the axes of what was restored, those of its original; its own where that is not clear."""
    from napari_cvdm.files.ome_tiff import ome_letters

    said = image.provenance
    lengths = dict(zip(image.axes, image.levels[0].shape, strict=True))
    try:
        names = str(said.get("axes"))
        axes = name_axes(tuple(said.get("shape") or (1,) * len(names)), names)
        if "S" in names:  # colours go in front, as channels do: napari shows the last two axes
            axes = name_axes((*axes.leading_shape, *axes.plane_shape), f"{axes.leading}YX")
        letters = ome_letters(axes)
    except (TypeError, ValueError, OverflowError):  # anybody may have written it
        return image
    if sorted(letters.replace("Q", "")) != sorted(lengths):
        return image
    file_letters = iter(letters)
    letter_of = [each if each in "YX" else next(file_letters) for each in axes.names]
    at = [image.axes.find(letter) for letter in letter_of]  # -1 for an axis that the file has not
    return replace(
        image,
        levels=tuple(restored_level(level, image.axes, axes) for level in image.levels),
        axes=axes.names,
        scale=tuple(1.0 if i < 0 else image.scale[i] for i in at),
        translation=tuple(0.0 if i < 0 else image.translation[i] for i in at),
        units=tuple(None if i < 0 else image.units[i] for i in at),
    )


def _result(image: ZarrPyramid, path: Path) -> LayerData:
    """Make a layer of one picture of a restoration, so that the panels know what it is."""
    about = {key: value for key, value in image.provenance.items() if key != "content"}
    picture = image.provenance["content"]
    # Where it lies and what it is follow from the folder, whatever is told in it.
    about |= {"picture": picture, "written": {picture: str(path)}, "run": run_of(about)}
    attributes = {
        "name": _result_name(path, picture),
        "colormap": uncertainty_colormap() if picture == "uncertainty" else "gray",
        "blending": "translucent_no_depth",
        "contrast_limits": _limits(picture, image.levels[-1], path),
        "metadata": {METADATA_KEY: about},
    }
    restored = _as_restored(image)
    about["axes"] = restored.axes
    return _layer(restored, attributes)


def _limits(picture: Any, level: Any, path: Path) -> tuple[float, float]:
    with _readable(path):
        return limits_of(picture, level)


def _limits_of_first_plane(level: Any, path: Path) -> tuple[float, float]:
    """Return the contrast limits that napari gives to a layer that it finds a plane of."""
    from napari.layers.utils.layer_utils import calc_data_range

    with _readable(path):
        low, high = calc_data_range(np.asarray(level[(0,) * (level.ndim - 2)]))
    return low, high


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    from napari_cvdm.restoration.errors import ImageFileError

    try:
        yield
    except Exception as error:  # decoders raise whatever they like
        raise ImageFileError(f"{path} is damaged: its pixels cannot be read.") from error


def _layer(image: ZarrPyramid, attributes: dict[str, Any]) -> LayerData:
    import dask.array as da

    levels = [each if isinstance(each, da.Array) else da.from_zarr(each) for each in image.levels]
    sizes = [size if isfinite(size) and size > 0 else 1.0 for size in image.scale]
    attributes |= {
        "scale": tuple(sizes),
        "translate": tuple(start if isfinite(start) else 0.0 for start in image.translation),
        "axis_labels": labels_of(image.axes),
        "units": tuple(unit_or_pixel(unit) for unit in image.units),
        "rgb": False,
        "multiscale": len(levels) > 1,
    }
    return levels if len(levels) > 1 else levels[0], attributes, "image"


def _result_name(path: Path, picture: str) -> str:
    """Call a picture as it would be called after a run."""
    return f"{title_of(_stem(path), picture)} CVDM{' uncertainty' if picture == 'uncertainty' else ''}"


def _stem(path: Path) -> str:
    return without_ending(path.name, ZARR_ENDINGS)

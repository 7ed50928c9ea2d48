"""Which pixels of an image a result was made from: a plane, a region, perhaps resampled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_cvdm.files.tiff import ImageFile

__all__ = ["plane_of", "restored_part"]

_OTHER = "choose the image that was restored."


def plane_of(
    image: ImageFile, index: Mapping[str, int], chosen: Mapping[str, list[int]] | None = None
) -> NDArray[np.generic]:
    """Take one plane, as (Y, X).

    Parameters
    ----------
    image : ImageFile
        The image.
    index : mapping of str to int
        Position in the result along each of its axes but Y and X; axes that it does not name count as 0.
    chosen : mapping of str to list of int, optional
        Positions in the image of what the result has along an axis, where it does not have everything.

    Raises
    ------
    ValueError
        If the image has no such plane.
    """
    from napari_cvdm.restoration.axes import name_axes
    from napari_cvdm.restoration.validation import Watched, read_pixels

    axes = name_axes(image.data.shape, image.axes)
    places = []
    for letter, length in zip(axes.leading, axes.leading_shape, strict=True):
        # Files call an unnamed axis time: where there is one axis only, it is that one, whatever its name.
        only = next(iter(index.values())) if len(index) == len(axes.leading) == 1 else 0
        place = index.get(letter, only)
        positions = (chosen or {}).get(letter)
        if positions is not None:
            place = positions[place] if place < len(positions) else length
        if place >= length:
            name = Path(image.source).name
            raise ValueError(f"{name} has {length} planes along {letter}, fewer than the result: {_OTHER}")
        places.append(place)
    return read_pixels(axes.plane(Watched(image.data, None), tuple(places)))


def restored_part(
    image: ImageFile, index: Mapping[str, int], provenance: Mapping[str, Any]
) -> tuple[NDArray[np.generic], float | None]:
    """Take what a plane of a result was made from, in the pixels that the model saw.

    Parameters
    ----------
    image : ImageFile
        The whole image.
    index : mapping of str to int
        The plane in the result.
    provenance : mapping
        The result's own; empty if it has none. Its selection and resampling are followed.

    Returns
    -------
    plane : ndarray, (Y, X)
        The pixels.
    pixel_size : float or None
        Theirs, in nm: as the restoration took it, or else as the image states it.

    Raises
    ------
    ValueError
        If the image does not have that part.
    """
    selection, resampling = (_mapping(provenance.get(key)) for key in ("selection", "resampling"))
    chosen = {
        str(letter): places
        for letter, places in _mapping(selection.get("planes")).items()
        if isinstance(places, list) and all(isinstance(each, int) and each >= 0 for each in places)
    }
    plane = plane_of(image, index, chosen)
    if resampling:
        plane = _resampled(image, plane, resampling)
    region = _mapping(selection.get("region"))
    if region:
        plane = _cropped(image, plane, region)
    stated = provenance.get("pixel_size_nm")
    return plane, float(stated) if isinstance(stated, int | float) else image.pixel_size


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _pair(value: object) -> tuple[int, int]:
    match value:
        case [int(first), int(second)] if min(first, second) >= 0:
            return first, second
        case _:
            raise ValueError(f"The result does not say clearly which part was restored ({value!r:.40}).")


def _cropped(image: ImageFile, plane: NDArray[np.generic], region: Mapping[str, Any]) -> NDArray[np.generic]:
    (top, bottom), (left, right) = _pair(region.get("rows")), _pair(region.get("columns"))
    if not (top < bottom <= plane.shape[0] and left < right <= plane.shape[1]):
        raise ValueError(
            f"The result is of rows {top} to {bottom} and columns {left} to {right}, which "
            f"{Path(image.source).name} does not have: {_OTHER}"
        )
    return plane[top:bottom, left:right]


def _resampled(image: ImageFile, plane: NDArray[np.generic], said: Mapping[str, Any]) -> NDArray[np.generic]:
    from napari_cvdm.restoration.resampling import Resampling, resample_plane

    plan = Resampling.from_description(said)
    if plan.plane_shape != plane.shape:
        name, before, (rows, columns) = Path(image.source).name, plan.plane_shape, plane.shape
        raise ValueError(
            f"The result was made from planes of {before[0]} × {before[1]} pixels, and {name} has "
            f"{rows} × {columns}: {_OTHER}"
        )
    typer.echo(
        "The image was resampled before it was restored, and is resampled for the comparison, too: its noise "
        "and light are measured wrongly.",
        err=True,
    )
    return resample_plane(plane, plan)

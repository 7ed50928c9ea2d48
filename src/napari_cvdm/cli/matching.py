"""Which pixels of an image a result was made from: a plane, a region, perhaps resampled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_cvdm.files.image_file import ImageFile
    from napari_cvdm.restoration.axes import Axes
    from napari_cvdm.restoration.described import DescribedPart, Region


_OTHER = "choose the image that was restored."


class PlaneInFile:
    """One plane of an image, of which is read what is asked for.

    Parameters
    ----------
    image : ImageFile
        The image.
    axes : Axes
        Its axes.
    places : tuple of int
        Which plane, one number for each axis but Y and X.
    """

    def __init__(self, image: ImageFile, axes: Axes, places: tuple[int, ...]) -> None:
        self._image, self._axes, self._places = image, axes, places
        self.shape = axes.plane_shape

    def __getitem__(self, wanted: tuple[slice, slice]) -> NDArray[np.generic]:
        """Read rows and columns, as (Y, X)."""
        from napari_cvdm.restoration.axes import of_plane
        from napari_cvdm.restoration.validation import Watched, read_pixels

        selection: list[Any] = list(self._axes.selection(self._places))
        selection[self._axes.y], selection[self._axes.x] = wanted
        plane = Watched(self._image.data)[tuple(selection)]
        return read_pixels(plane if self._axes.y < self._axes.x else plane.T, of_plane(self._places))


def plane_of(image: ImageFile, index: Mapping[str, int]) -> PlaneInFile:
    """Find one plane.

    Parameters
    ----------
    image : ImageFile
        The image.
    index : mapping of str to int
        Position along each of its axes but Y and X.

    Raises
    ------
    ValueError
        If the image has no such plane, or ``index`` leaves open which one it is.
    """
    from napari_cvdm.restoration.axes import name_axes

    axes = name_axes(image.data.shape, image.axes)
    return _plane(image, axes, axes.leading, index, [None] * len(axes.leading))


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
    axes, part, written = _axes_as_restored(image, provenance)
    plane = _plane(image, axes, written, index, part.planes)[:, :]
    resampling = provenance.get("resampling")
    if isinstance(resampling, Mapping) and resampling:
        plane = _resampled(image, plane, resampling)
    if part.region is not None:
        plane = _cropped(image, plane, part.region)
    stated = provenance.get("pixel_size_nm")
    return plane, float(stated) if isinstance(stated, int | float) else image.pixel_size


def _axes_as_restored(image: ImageFile, provenance: Mapping[str, Any]) -> tuple[Axes, DescribedPart, str]:
    """Name an image's axes and part as the run did, and say what its leading axes are in the result's file.

    The run knew the axes by the user's names, which need not be those of the file; and the result's file has
    only letters that OME knows.
    """
    from napari_cvdm.files.ome_tiff import ome_letters
    from napari_cvdm.restoration.axes import Axes, name_axes
    from napari_cvdm.restoration.described import DescribedPart
    from napari_cvdm.restoration.errors import InputError

    said, selection = provenance.get("axes"), provenance.get("selection")
    if isinstance(said, str):
        try:
            axes = name_axes(image.data.shape, said)
            part = DescribedPart.from_description(selection, axes.names)
            along = zip(axes.shape, part.along(axes.names), strict=True)
            restored = tuple(length if chosen is None else len(chosen) for length, chosen in along)
            return axes, part, ome_letters(Axes(axes.names, restored)).removesuffix("YX")
        except InputError:  # of another array than the file has, such as a layer of a part of it
            pass
    axes = name_axes(image.data.shape, image.axes)
    part = DescribedPart.from_description(selection, axes.names)
    return axes, part, axes.leading if "C" in axes.leading else axes.leading.replace("S", "C")


def _plane(
    image: ImageFile,
    axes: Axes,
    written: str,
    index: Mapping[str, int],
    chosen: Sequence[Sequence[int] | None],
) -> PlaneInFile:
    """Find the plane of an image that one of a result, at `index`, belongs to.

    The image's axes are named as the run did, and `written` is what the result calls the leading ones.
    `chosen` are the positions in the image of what the result has along each; None where it has everything.
    """
    positions = [
        range(length) if here is None else here
        for here, length in zip(chosen, axes.leading_shape, strict=True)
    ]
    partners = _partners(axes, written, index, positions)
    places = []
    for letter, length, here, partner in zip(
        axes.leading, axes.leading_shape, positions, partners, strict=True
    ):
        if partner is None and len(here) > 1:
            raise ValueError(
                f"{Path(image.source).name} has {length} planes along {letter}, and the result does not say "
                f"which of them it was made from: {_OTHER}"
            )
        number = 0 if partner is None else index[partner]
        place = here[number] if number < len(here) else length
        if place >= length:
            name = Path(image.source).name
            raise ValueError(f"{name} has {length} planes along {letter}, fewer than the result: {_OTHER}")
        places.append(place)
    return PlaneInFile(image, axes, tuple(places))


def _partners(
    axes: Axes, written: str, index: Mapping[str, int], positions: Sequence[Sequence[int]]
) -> list[str | None]:
    """Find the result's letter for each leading axis; None for those that the result does not have."""
    found = [
        other if other in index else own if own in index and own not in written else None
        for own, other in zip(axes.leading, written, strict=True)
    ]
    open_axes = [i for i, here in enumerate(positions) if found[i] is None and len(here) > 1]
    open_letters = [letter for letter in index if letter not in found]
    # Files call an unnamed axis what they like: the last one left over is the other's last one, and several
    # unnamed ones are in the order that they were written in.
    unnamed = all(axes.leading[i] == "Q" for i in open_axes)
    if len(open_axes) == len(open_letters) and (len(open_axes) == 1 or unnamed):
        for i, letter in zip(open_axes, open_letters, strict=True):
            found[i] = letter
    return found


def _cropped(image: ImageFile, plane: NDArray[np.generic], region: Region) -> NDArray[np.generic]:
    rows, columns = region.rows, region.columns
    if rows.stop > plane.shape[0] or columns.stop > plane.shape[1]:
        raise ValueError(
            f"The result is of rows {rows.start} to {rows.stop} and columns {columns.start} to "
            f"{columns.stop}, which {Path(image.source).name} does not have: {_OTHER}"
        )
    return plane[rows.start : rows.stop, columns.start : columns.stop]


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

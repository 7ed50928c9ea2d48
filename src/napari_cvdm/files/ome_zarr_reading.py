"""OME-Zarr in: an image as zarr arrays, its axes and its sizes. No pixel is read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from napari_cvdm.files.image_file import COPY_AGAIN, ImageFile, check_number
from napari_cvdm.files.ome_tiff import PROVENANCE_KEY
from napari_cvdm.files.physical_scale import believable, in_seconds, length_in_nm, side_or_sides
from napari_cvdm.files.zarr_packages import require_zarr
from napari_cvdm.restoration.axes import AXIS_MEANINGS
from napari_cvdm.restoration.errors import ImageFileError

_MARKS = ("zarr.json", ".zgroup", ".zarray", ".zattrs")


def is_zarr(path: str | Path) -> bool:
    """Whether a path is, or by its name should be, a zarr folder."""
    path = Path(path)
    return path.suffix.lower() == ".zarr" or (
        path.is_dir() and any((path / mark).exists() for mark in _MARKS)
    )


def open_ome_zarr(path: str | Path, number: int = 0) -> ImageFile:
    """Open an OME-Zarr image (versions 0.4 and 0.5), or any zarr array.

    Parameters
    ----------
    path : str or Path
        Folder of the image, or of several (as bioformats2raw writes them).
    number : int
        Which of several, by the numbers that their folders have for names, from 0.

    Returns
    -------
    ImageFile
        With the full resolution as a zarr array. Without OME metadata, all axes but the last two are Q.

    Raises
    ------
    ImageFileError
        If there is no such folder or image, it is no image, or its metadata contradict its pixels.
    """
    found = open_pyramid(path, number, levels=1)
    (array,) = found.levels
    # A unit without a scale is no size: pixels of 1 µm are not what the image says it has.
    steps = zip(found.axes, found.scale, found.units, strict=True) if found.states_scale else ()
    sizes: defaultdict[str, tuple[Any, Any]] = defaultdict(lambda: (None, None))
    sizes |= {letter: (step, unit) for letter, step, unit in steps}
    size, sides = side_or_sides(length_in_nm(*sizes["X"]), length_in_nm(*sizes["Y"]))
    return ImageFile(
        array,
        found.axes,
        str(path),
        size,
        believable(length_in_nm(*sizes["Z"])),
        in_seconds(*sizes["T"]),
        found.channel_names,
        images=len(found.images) or 1,
        number=number,
        pixel_sides=sides,
        scale=found.scale if found.states_scale else (),
        translation=found.translation if found.states_scale else (),
    )


@dataclass(frozen=True)
class ZarrPyramid:
    """An image with all of its levels, as a viewer wants it.

    Attributes
    ----------
    levels : tuple of zarr array
        The finest first.
    axes : str
        One letter per axis.
    scale, translation : tuple of float
        Size of a pixel of the finest level, and where the centre of the first one is; one for each axis.
    units : tuple of str or None
        Of these, one for each axis; None where the image does not say.
    name : str
        Its title; empty if it has none.
    provenance : dict
        How it was made, if this program has made it; else empty.
    images : tuple of str
        Names of the images' folders in this one, if it holds several; else empty.
    channel_names : tuple of str
        One for each channel, or none.
    states_scale : bool
        Whether the image says how large a pixel is; else `scale` is 1.
    """

    levels: tuple[Any, ...]
    axes: str
    scale: tuple[float, ...]
    translation: tuple[float, ...]
    units: tuple[str | None, ...]
    name: str = ""
    provenance: dict[str, Any] = field(default_factory=dict)
    images: tuple[str, ...] = ()
    channel_names: tuple[str, ...] = ()
    states_scale: bool = False


def open_pyramid(path: str | Path, number: int = 0, *, levels: int | None = None) -> ZarrPyramid:
    """Open an OME-Zarr image with its finest levels, by default all of them; a plain array has one.

    Other parameters, and errors, are those of `open_ome_zarr`.
    """
    path = Path(path)
    node = _open(path)
    if not hasattr(node, "groups"):
        check_number(path, number, 1)
        check_numbers(node, path)
        ones = (1.0,) * node.ndim
        return ZarrPyramid((node,), _unnamed(node), ones, (0.0,) * node.ndim, (None,) * node.ndim)
    groups = _image_groups(node, path)
    check_number(path, number, len(groups))
    group = groups[number]
    multiscale = _multiscales(group)[0]
    with _damage(path):
        datasets = multiscale["datasets"][:levels]
        arrays: tuple[Any, ...] = tuple(group[each["path"]] for each in datasets)
        finest = arrays[0]
        scale, translation = _transformation(multiscale, datasets[0], finest.ndim)
        stated = any(_states_a_scale(part, finest.ndim) for part in (multiscale, datasets[0]))
        name = str(multiscale.get("name") or "")
    for array in arrays:
        check_numbers(array, path)
    axes, letters = _axes(multiscale, finest, path)
    units = tuple(str(axis["unit"]) if axis.get("unit") else None for axis in axes)
    provenance = group.attrs.asdict().get(PROVENANCE_KEY)
    return ZarrPyramid(
        arrays,
        letters,
        tuple(scale),
        tuple(translation),
        units or (None,) * finest.ndim,
        name,
        dict(provenance) if isinstance(provenance, Mapping) else {},
        tuple(each.basename for each in groups) if len(groups) > 1 else (),
        _channel_names(group, dict(zip(letters, finest.shape, strict=True)).get("C", 1)),
        stated,
    )


def check_numbers(array: Any, path: Path) -> None:
    """Refuse an array that is not one of numbers, before anything of it is read.

    Objects and texts can be stored as programs, which run when they are read.

    Raises
    ------
    ImageFileError
        If so.
    """
    if getattr(array, "dtype", None) is None or np.dtype(array.dtype).kind not in "biufc":
        kind = getattr(array, "dtype", "none")
        raise ImageFileError(f"{path} holds something else than numbers (type {kind}), as no image does.")


def _open(path: Path) -> Any:
    """Open a zarr array or group."""
    require_zarr()
    import zarr

    if not path.exists():
        raise ImageFileError(f"There is no folder {path}.")
    try:
        # By its full path: a worker of a cluster was started in another folder.
        return zarr.open(zarr.storage.LocalStore(path.absolute(), read_only=True), mode="r")
    except Exception as error:  # zarr raises what its parsers raise: ValueError, KeyError, JSONDecodeError.
        raise ImageFileError(f"{path} is not a zarr folder, or it is damaged. {COPY_AGAIN}") from error


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    try:
        yield
    # zarr 3.1.0 asserts that the path of a level is text; later versions raise a TypeError.
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, AssertionError) as error:
        raise ImageFileError(
            f"{path} has OME metadata that are damaged, or lacks the pixels they name. {COPY_AGAIN}"
        ) from error


def _axes(multiscale: Mapping[str, Any], array: Any, path: Path) -> tuple[list[Mapping[str, Any]], str]:
    """Return the axes as the metadata have them, and their letters."""
    with _damage(path):
        axes = [each if isinstance(each, Mapping) else {"name": each} for each in multiscale.get("axes", ())]
    if axes and len(axes) != array.ndim:
        raise ImageFileError(f"{path} names {len(axes)} axes, but its pixels have {array.ndim}.")
    # Before version 0.3 no axis was named: there were always these five.
    unnamed = "TCZYX" if array.ndim == 5 else _unnamed(array)
    return axes, "".join(_letter(axis) for axis in axes) or unnamed


def _image_groups(group: Any, path: Path) -> list[Any]:
    """Return the image that a group is, or those in it, at least one, by their numbers."""
    if _multiscales(group):
        return [group]
    attributes = _attributes(group)
    if "plate" in attributes or "well" in attributes:
        raise ImageFileError(
            f"{path} is a plate or a well of many images: name one of them, such as {path}/A/1/0."
        )
    with _damage(path):
        # By their names: zarr itself warns of whatever else is there, such as the .DS_Store of macOS.
        names = [child.name for child in path.iterdir() if child.name.isdecimal() and child.is_dir()]
        numbered = {int(name): group[name] for name in names}
    # A disk lists folders in any order.
    if images := [numbered[number] for number in sorted(numbered) if _multiscales(numbered[number])]:
        return images
    raise ImageFileError(f"{path} is a zarr folder without an image: name the folder of one image.")


def _attributes(group: Any) -> Mapping[str, Any]:
    attributes = group.attrs.asdict()
    ome = attributes.get("ome")
    return ome if isinstance(ome, Mapping) else attributes


def _multiscales(group: Any) -> Sequence[Any]:
    found = _attributes(group).get("multiscales")
    return found if isinstance(found, list) else ()


def _transformation(
    multiscale: Mapping[str, Any], dataset: Mapping[str, Any], ndim: int
) -> tuple[list[float], list[float]]:
    """Put the scales and translations of the level and of the whole image together."""
    scale, translation = [1.0] * ndim, [0.0] * ndim
    for part in (dataset, multiscale):
        for each in part.get("coordinateTransformations", ()):
            values = [float(value) for value in each.get(each.get("type"), ())]
            if len(values) != ndim:
                continue
            if each["type"] == "scale":
                scale = [a * b for a, b in zip(scale, values, strict=True)]
                translation = [a * b for a, b in zip(translation, values, strict=True)]
            elif each["type"] == "translation":
                translation = [a + b for a, b in zip(translation, values, strict=True)]
    return scale, translation


def _states_a_scale(part: Mapping[str, Any], ndim: int) -> bool:
    transformations = part.get("coordinateTransformations", ())
    return any(each.get("type") == "scale" and len(each.get("scale", ())) == ndim for each in transformations)


def _letter(axis: Mapping[str, Any]) -> str:
    name = str(axis.get("name", "")).upper()
    if name in AXIS_MEANINGS:
        return name
    return {"time": "T", "channel": "C"}.get(str(axis.get("type")), "Q")


def _unnamed(array: Any) -> str:
    return "Q" * (array.ndim - 2) + "YX" if array.ndim > 1 else "X"


def _channel_names(group: Any, channels: int) -> tuple[str, ...]:
    omero = _attributes(group).get("omero")
    listed = omero.get("channels") if isinstance(omero, Mapping) else None
    names = [each.get("label") for each in listed or () if isinstance(each, Mapping)]
    return tuple(map(str, names)) if len(names) == channels and all(names) else ()

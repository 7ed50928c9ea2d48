"""Several images in one OME-Zarr: a reconstruction with its uncertainty, and how they were made.

The folder is a collection as OME-NGFF 0.5 has it (``bioformats2raw.layout``): images in the groups 0, 1, ...
"""

from __future__ import annotations

import json
import secrets
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cvdm.files.image_set import ARRAY_KEY, StoredImage
from napari_cvdm.files.ome_tiff import PROVENANCE_KEY
from napari_cvdm.files.ome_zarr import (
    coarse_regions,
    coarsen_region,
    create_ome_zarr,
    plan_layout,
    write_region,
)
from napari_cvdm.files.ome_zarr_channels import colour_samples
from napari_cvdm.files.ome_zarr_reading import check_numbers
from napari_cvdm.files.zarr_packages import require_zarr
from napari_cvdm.models.errors import printable
from napari_cvdm.models.replacing import unfinished_name
from napari_cvdm.restoration.axes import Axes, name_axes
from napari_cvdm.restoration.errors import ImageFileError
from napari_cvdm.restoration.validation import check_dtype, reading

_SET_KEY = "napari_cvdm_set"
_REGION = 512


def write_zarr_set(path: str | Path, images: Sequence[StoredImage], *, overwrite: bool = False) -> Path:
    """Write images into one OME-Zarr, pixels as they are; it appears whole or not at all.

    A folder that is replaced is deleted when the new one has its name, and not before.

    Parameters
    ----------
    path : str or Path
        The folder to make.
    images : sequence of StoredImage
        At least one.
    overwrite : bool
        Replace a folder that `write_zarr_set` has made; nothing else is ever replaced.

    Raises
    ------
    ImageFileError
        If zarr is not installed, or something exists under this name, or it cannot be written or replaced.
    InputError, InputTypeError
        If an image has more axes than the format holds, cannot be read, or has pixels that are no real
        numbers.

    Warns
    -----
    UserWarning
        If the images are saved, but the folder they replace could not be deleted.
    """
    require_zarr()
    path = Path(path)
    if path.exists() and not (overwrite and is_zarr_set(path)):
        raise ImageFileError(f"{path} exists already. Choose another name.")
    temporary = unfinished_name(path)
    try:
        temporary.mkdir()
        for number, image in enumerate(images):
            _write(temporary / str(number), image)
        (temporary / "zarr.json").write_text(json.dumps(_collection(len(images))), encoding="utf-8")
        _put_in_place(temporary, path)
    except OSError as error:
        raise ImageFileError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):
            shutil.rmtree(temporary)
    return path


def is_zarr_set(path: str | Path) -> bool:
    """Whether `write_zarr_set` has made a folder."""
    return _number_of_images(Path(path)) > 0


def read_zarr_set(path: str | Path) -> list[StoredImage]:
    """Read what `write_zarr_set` has written, with the axes it was given.

    Raises
    ------
    ImageFileError
        If zarr is not installed, or the folder was not made by `write_zarr_set` or is damaged.
    """
    require_zarr()
    path = Path(path)
    count = _number_of_images(path)
    if not count:
        raise ImageFileError(f"{path} was not saved by napari-cvdm: open it as any other image.")
    try:
        return [_read(path / str(number)) for number in range(count)]
    except ImageFileError:
        raise
    except MemoryError as error:
        raise ImageFileError(
            f"{path} holds an image that does not fit in memory. Open the folders in it one by one, such as "
            f"{path / '0'}: they are read as they are looked at."
        ) from error
    except Exception as error:  # decoders raise whatever they like
        raise ImageFileError(f"{path} is damaged: {printable(str(error), 200)}.") from error


def _put_in_place(new: Path, path: Path) -> None:
    """Give a finished folder its name, and delete the one that has it, if any.

    Folders cannot replace one another at once. The old one steps aside, so that whatever happens in between
    both are there.
    """
    if not path.exists():
        new.rename(path)
        return
    old = path.with_name(f".{path.name}.{secrets.token_hex(4)}.old")
    try:
        path.rename(old)
    except OSError as error:
        raise ImageFileError(
            f"{path} cannot be replaced: {error.strerror or error}. It is as it was. Close what has it open, "
            "or choose another name."
        ) from error
    try:
        new.rename(path)
    except BaseException as error:
        try:
            old.rename(path)
        except OSError:
            raise ImageFileError(
                f"{path} cannot be replaced. What it held is now in {old.name} beside it: give that its name "
                "back, then choose another name for the new one."
            ) from error
        if isinstance(error, OSError):
            raise ImageFileError(
                f"{path} cannot be replaced: {error.strerror or error}. It is as it was. Choose another name."
            ) from error
        raise
    try:
        shutil.rmtree(old)
    except OSError as error:
        warnings.warn(
            f"{path} is saved, but what it replaces could not be deleted: {error.strerror or error}. Delete "
            f"{old.name} beside it.",
            stacklevel=3,
        )


def _collection(count: int) -> dict[str, Any]:
    attributes = {"ome": {"version": "0.5", "bioformats2raw.layout": 3}, _SET_KEY: count}
    return {"zarr_format": 3, "node_type": "group", "attributes": attributes}


def _number_of_images(path: Path) -> int:
    try:
        count = json.loads((path / "zarr.json").read_text(encoding="utf-8"))["attributes"][_SET_KEY]
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    return count if isinstance(count, int) and not isinstance(count, bool) and 0 < count < 100 else 0


def _write(folder: Path, image: StoredImage) -> None:
    # Taken as it is, and made pixels of piece by piece: an array on disk may be larger than memory.
    array: Any = (
        image.data if isinstance(getattr(image.data, "dtype", None), np.dtype) else np.asarray(image.data)
    )
    dtype = _storable(array.dtype)
    named = name_axes(tuple(map(int, array.shape)), image.axes)
    layout = plan_layout(named, (*named.leading_shape, *named.plane_shape), _REGION)
    about = {**image.about, "name": image.name}
    about[ARRAY_KEY] = {"axes": named.names, "shape": list(named.shape), "order": list(layout.order)}
    create_ome_zarr(
        folder,
        layout,
        name=image.name,
        pixel_size_nm=image.pixel_size_nm,
        pixel_height_nm=image.pixel_height_nm,
        # Of an axis without a name, which the format calls Z or T for want of a better, they say nothing.
        z_spacing_nm=image.z_spacing_nm if "Z" in named.names else None,
        time_interval_s=image.time_interval_s if "T" in named.names else None,
        provenance=about,
        dtype=dtype,
    )
    for index, top, left, pixels in _regions(array, named):
        write_region(folder, layout, index, top, left, pixels.astype(dtype, copy=False))
    for level, index, row in coarse_regions(layout):
        coarsen_region(folder, layout, level, index, row)
    samples = dict(zip(named.names, named.shape, strict=True)).get("S", 0)
    if samples in (3, 4) and "C" not in named.names:
        colour_samples(folder, samples, dtype)


def _regions(array: Any, named: Axes) -> Iterator[tuple[tuple[int, ...], int, int, NDArray[Any]]]:
    """Read an array, plane by plane and region by region: the plane, the first row and column, the pixels."""
    for corner, part in _parts(array, named):
        for within in np.ndindex(*part.shape[:-2]):
            index = tuple(start + step for start, step in zip(corner, within, strict=False))
            for top in range(0, part.shape[-2], _REGION):
                for left in range(0, part.shape[-1], _REGION):
                    pixels = part[within][top : top + _REGION, left : left + _REGION]
                    yield index, corner[-2] + top, corner[-1] + left, pixels


def _parts(array: Any, named: Axes) -> Iterator[tuple[tuple[int, ...], NDArray[Any]]]:
    """Read an array part by part, Y and X last, each with the place of its first pixel.

    A part is a region of a plane, or as much more as the array itself decodes or computes at once: else that
    would be done again for each region of it.
    """
    order = (*named.leading_positions, named.y, named.x)
    steps = [1] * len(named.leading) + [_REGION, _REGION]
    if chunks := getattr(array, "chunks", None):
        sides = [int(np.max(chunks[axis])) for axis in order]  # dask lists all lengths along an axis
        steps = [-(-max(side, step) // step) * step for side, step in zip(sides, steps, strict=True)]
    lengths = [named.shape[axis] for axis in order]
    for corner in product(*(range(0, length, step) for length, step in zip(lengths, steps, strict=True))):
        chosen = [slice(None)] * len(order)
        for axis, start, step in zip(order, corner, steps, strict=True):
            chosen[axis] = slice(start, start + step)
        with reading():
            part = np.asarray(array[tuple(chosen)])
        yield corner, np.moveaxis(part, (named.y, named.x), (-2, -1))


def _storable(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type in which pixels are stored: one that the format has, and other programs show."""
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    check_dtype(dtype)
    return np.dtype(np.float64) if dtype.itemsize > 8 else dtype


def _read(folder: Path) -> StoredImage:
    import zarr
    from psutil import virtual_memory

    group = zarr.open_group(zarr.storage.LocalStore(folder), mode="r")
    attributes: Any = group.attrs.asdict()
    about = dict(attributes[PROVENANCE_KEY])
    stored = about.pop(ARRAY_KEY)
    named = name_axes(tuple(stored["shape"]), stored["axes"])
    level: Any = group["0"]
    check_numbers(level, folder)
    if level.nbytes > virtual_memory().total:
        raise MemoryError  # at once: what was never written would fill it with zeros
    ordered = np.transpose(np.asarray(level[...]), np.argsort(stored["order"]))
    moved = ordered.reshape(*named.leading_shape, *named.plane_shape)
    data = np.moveaxis(moved, (-2, -1), (named.y, named.x))
    if data.shape != named.shape:
        raise ValueError(f"the shape {data.shape} is not the {named.shape} that it was written with")
    return StoredImage(str(about.pop("name")), data, named.names, None, about)

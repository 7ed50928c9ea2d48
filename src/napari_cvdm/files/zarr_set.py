"""Several images in one OME-Zarr: a reconstruction with its uncertainty, and how they were made.

The folder is a collection as OME-NGFF 0.5 has it (``bioformats2raw.layout``): images in the groups 0, 1, ...
"""

from __future__ import annotations

import json
import secrets
import shutil
import warnings
from collections.abc import Sequence
from contextlib import suppress
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
    require_zarr,
    write_region,
)
from napari_cvdm.restoration.axes import name_axes
from napari_cvdm.restoration.errors import ImageFileError
from napari_cvdm.restoration.validation import check_dtype

__all__ = ["is_zarr_set", "read_zarr_set", "write_zarr_set"]

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
        If an image has more axes than the format holds, or pixels that are no real numbers.

    Warns
    -----
    UserWarning
        If the images are saved, but the folder they replace could not be deleted.
    """
    require_zarr()
    path = Path(path)
    if path.exists() and not (overwrite and is_zarr_set(path)):
        raise ImageFileError(f"{path} exists already. Choose another name.")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
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
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise ImageFileError(f"{path} is damaged: {error}.") from error


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
    array = _storable(np.asarray(image.data))
    named = name_axes(array.shape, image.axes)
    moved = np.moveaxis(array, (named.y, named.x), (-2, -1))
    layout = plan_layout(named, moved.shape, _REGION)
    about = {**image.about, "name": image.name}
    about[ARRAY_KEY] = {"axes": named.names, "shape": list(array.shape), "order": list(layout.order)}
    create_ome_zarr(
        folder,
        layout,
        name=image.name,
        pixel_size_nm=image.pixel_size_nm,
        # Of an axis without a name, which the format calls Z or T for want of a better, they say nothing.
        z_spacing_nm=image.z_spacing_nm if "Z" in named.names else None,
        time_interval_s=image.time_interval_s if "T" in named.names else None,
        provenance=about,
        dtype=array.dtype,
    )
    for index in np.ndindex(*moved.shape[:-2]):
        plane = moved[index]
        for top in range(0, plane.shape[0], _REGION):
            for left in range(0, plane.shape[1], _REGION):
                block = plane[top : top + _REGION, left : left + _REGION]
                write_region(folder, layout, index, top, left, block)
    for level, index, row in coarse_regions(layout):
        coarsen_region(folder, layout, level, index, row)


def _storable(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array in a type that the format has, and other programs show."""
    if array.dtype == bool:
        return array.astype(np.uint8)
    check_dtype(array.dtype)
    return array.astype(np.float64) if array.dtype.itemsize > 8 else array


def _read(folder: Path) -> StoredImage:
    import zarr

    group = zarr.open_group(zarr.storage.LocalStore(folder), mode="r")
    attributes: Any = group.attrs.asdict()
    about = dict(attributes[PROVENANCE_KEY])
    stored = about.pop(ARRAY_KEY)
    named = name_axes(tuple(stored["shape"]), stored["axes"])
    level: Any = group["0"]
    moved = np.transpose(np.asarray(level[...]), np.argsort(stored["order"]))
    data = np.moveaxis(moved, (-2, -1), (named.y, named.x))
    if data.shape != named.shape:
        raise ValueError(f"the shape {data.shape} is not the {named.shape} that it was written with")
    return StoredImage(str(about.pop("name")), data, named.names, None, about)

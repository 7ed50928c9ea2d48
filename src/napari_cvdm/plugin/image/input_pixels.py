"""The pixels that a run is given: their colours as it takes them, and whether the layer's file has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from napari_cvdm.plugin.image.file_reading import is_tiff
from napari_cvdm.restoration.validation import is_read_in_pieces

Colours = Literal["average", "channels"]
"""What to do with the colours of an RGB image: make one intensity of them, or restore each by itself."""

#: Of a plane, at most so many rows and columns are compared: what changes an image seldom spares them.
_COMPARED = 2048


def given_image(data: Any, *, rgb: bool, colours: Colours) -> Any:
    """Return what is restored of a layer's data at full resolution; channels get an axis in front.

    What is kept in chunks stays there: `napari_cvdm.restore_events` reads it plane by plane.
    """
    if is_read_in_pieces(data):
        if not rgb:
            return data
        import dask.array as da

        image = da.asarray(data)
    else:
        image = np.asarray(data)
    if not rgb:
        return image
    if colours == "channels":
        return np.moveaxis(image[..., :3], -1, 0)
    # The mean, not the eye's luminance: a picture in pure blue is as good as one in green.
    return image[..., :3].mean(axis=-1, dtype=np.float32)


def are_in_file(data: Any, axes: str, path: Path) -> bool:
    """Whether a TIFF or OME-Zarr has a layer's pixels, so that whoever reads it restores the same.

    The layer may show one channel of the file, or what has been made of it since it was opened. ``axes`` are
    those of its data at full resolution but for that of colours. Shape, type, and the first, the middle and
    the last plane are compared.
    """
    from napari_cvdm.files.ome_zarr_reading import is_zarr, open_ome_zarr
    from napari_cvdm.files.tiff import open_tiff_lazily

    if not (is_tiff(path) or is_zarr(path)):  # no need to import zarr for what it cannot read
        return False
    try:
        stored = (open_tiff_lazily if is_tiff(path) else open_ome_zarr)(path).data
        same = tuple(stored.shape) == tuple(data.shape) and (
            np.dtype(stored.dtype).newbyteorder("=") == np.dtype(data.dtype).newbyteorder("=")
        )
        return same and all(
            np.array_equal(_window(stored, axes, share), _window(data, axes, share), equal_nan=True)
            for share in (0.0, 0.5, 1.0)
        )
    except Exception:  # arrays of any library and decoders raise what they like, and no run is to end of it
        return False


def _window(data: Any, axes: str, share: float) -> npt.NDArray[Any]:
    """Return a plane, or the middle of a large one, so far along all other axes."""
    index: list[int | slice] = []
    for letter, length in zip(axes, data.shape[: len(axes)], strict=True):
        first = max(0, (length - _COMPARED) // 2)
        index.append(slice(first, first + _COMPARED) if letter in "YX" else round(share * (length - 1)))
    return np.asarray(data[tuple(index)])

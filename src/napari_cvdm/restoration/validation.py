"""Can an array be restored at all? What cannot is refused here, in one sentence that says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cvdm.restoration.errors import GivenUp, InputError, InputTypeError, NotFiniteError, first_line

SMALLEST_PIXEL_NM, LARGEST_PIXEL_NM = 1.0, 100_000.0
"""Limits of a believable pixel size in micrographs. What is smaller is in micrometres."""

SQUARE_WITHIN = 0.01
"""Pixels whose sides differ by a larger part have no single pixel size."""


def check_image(image: Any) -> NDArray[Any]:
    """Check that an image in memory can be restored, and return it as an array.

    Raises
    ------
    InputTypeError, InputError
        As `as_image`; or if there are non-finite values, the image is constant, or has intensities so large
        or so close together that the arithmetic cannot hold them.
    """
    array = as_image(image)
    check_range(*finite_range(array))
    return array


def as_image(image: Any) -> NDArray[Any]:
    """Return an image in memory as an array, if its type and shape are such that it can be restored.

    Parameters
    ----------
    image : array-like
        Integers or floats of any width and byte order.

    Returns
    -------
    ndarray
        The same data, not copied where the image was an array already.

    Raises
    ------
    InputTypeError
        If the values are not real numbers: complex, boolean, text, objects, records, dates.
    InputError
        If the image is empty, has fewer than two axes, or masked values.
    """
    if hasattr(image, "requires_grad"):  # a tensor of torch that is being trained gives no array as it is
        image = image.detach()
    try:
        array = np.ma.asanyarray(image) if isinstance(image, np.ma.MaskedArray) else np.asarray(image)
    except (ValueError, TypeError) as error:
        raise InputTypeError(
            f"The image is not an array of numbers ({error}). Give a numpy array."
        ) from error
    except MemoryError:
        raise
    except Exception as error:
        raise unreadable(error) from error
    check_dtype(array.dtype)
    check_shape(array.shape)
    if isinstance(array, np.ma.MaskedArray):
        if np.ma.is_masked(array):
            raise InputError(
                "The image has masked pixels, which have no intensity. Fill them first, for example with "
                "the intensity of the background."
            )
        array = np.asarray(array.data)
    return array


def is_read_in_pieces(image: Any) -> bool:
    """Whether an array is kept in chunks, as dask's, zarr's and HDF5's are: better not read as a whole."""
    return not isinstance(image, np.ndarray) and all(
        hasattr(image, name) for name in ("chunks", "shape", "dtype", "__getitem__")
    )


def check_lazy_image(image: Any) -> Any:
    """Check the type and the shape of an array that is read in pieces later, and return it as it is.

    Parameters
    ----------
    image : array-like
        With ``shape``, ``dtype`` and slicing, such as a dask or a zarr array.

    Raises
    ------
    InputTypeError
        If it is no such array, or its values are not real numbers.
    InputError
        If it is empty, has fewer than two axes or masked values, or dask does not know its shape.
    """
    if isinstance(image, np.ma.MaskedArray):
        return as_image(image)
    wanted = f"A lazy restoration needs an array of dask, zarr or numpy, not {type(image).__name__}."
    if not (hasattr(image, "shape") and hasattr(image, "dtype") and hasattr(image, "__getitem__")):
        raise InputTypeError(f"{wanted} Lists are small enough for restore().")
    try:
        dtype = np.dtype(image.dtype)
    except TypeError as error:  # torch, for one, has types of its own
        raise InputTypeError(f"{wanted} Turn it into one first, such as numpy.asarray(image).") from error
    check_dtype(dtype)
    if isinstance(getattr(image, "_meta", None), np.ma.MaskedArray):  # dask's sample of its chunks
        raise InputError(
            "The chunks of this dask array are masked arrays, and masked pixels have no intensity. Fill them "
            "first, for example with the intensity of the background."
        )
    if any(isinstance(n, float) for n in image.shape):  # dask says nan
        raise InputError("The lengths of this dask array are unknown. Call its compute_chunk_sizes() first.")
    check_shape(tuple(image.shape))
    return image


def read_pixels(plane: Any, of: str = "") -> NDArray[Any]:
    """Read a plane of an array that is `Watched` if it is not in memory; ``of`` says which, for messages.

    Raises
    ------
    InputError
        If pixels are not finite: arrays kept in chunks are not looked through beforehand.
    """
    pixels = np.asarray(plane)
    finite_range(pixels, of=of)
    return pixels


def check_measured(bounds: Iterable[tuple[float, float]]) -> None:
    """Raise `InputError` if the intensities of all planes, by the bounds measured, cannot be restored."""
    measured = list(bounds)
    if all(low == high for low, high in measured):
        raise InputError("The image is constant: all pixels are the same. There is no structure to restore.")
    check_range(min(low for low, _ in measured), max(high for _, high in measured))


def check_fits(result_bytes: int) -> None:
    """Raise `InputError` if a result is larger than the memory of this computer: nothing is asked for then.

    What is merely larger than the memory that is free now may still be had; that the system decides.
    """
    check_memory(
        result_bytes,
        "The result would take",
        "Restore a region, or some of the planes, or into an OME-Zarr folder (in a shell -o NAME.ome.zarr, "
        "in Python restore_lazy).",
    )


def check_memory(size: int, needs: str, remedy: str) -> None:
    """Raise `InputError` if so many bytes are more than this computer has, saying who needs them."""
    from psutil import virtual_memory

    memory = virtual_memory().total
    if size > memory:
        raise InputError(
            f"{needs} {size / 2**30:.3g} GB, and this computer has {memory / 2**30:.0f} GB of memory. "
            f"{remedy}"
        )


class Watched:
    """An array whose reading can be cancelled, and be taken note of; so are all parts of it, of any size.

    Parameters
    ----------
    array : array with numpy indexing
        What is read: when it is sliced, or else when a part of it is turned into a numpy array.
    checkpoint : callable, optional
        Called before each access; it may raise.
    note : callable, optional
        Given all pixels that are read, in the order of reading.
    """

    def __init__(
        self,
        array: Any,
        checkpoint: Callable[[], None] = lambda: None,
        note: Callable[[NDArray[Any]], None] = lambda pixels: None,
    ) -> None:
        self._array, self._checkpoint, self._note = array, checkpoint, note

    @property
    def chunks(self) -> Any:
        """Chunks of the array, if it is in any."""
        return getattr(self._array, "chunks", None)

    @property
    def T(self) -> Watched:
        """The array with its axes in reverse order."""
        return Watched(self._array.T, self._checkpoint, self._note)

    def __getitem__(self, wanted: Any) -> Watched:
        """Return a part."""
        self._checkpoint()
        with reading():
            return Watched(self._array[wanted], self._checkpoint, self._note)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the pixels."""
        with reading():
            pixels = np.asarray(self._array)
        self._note(pixels)
        return pixels if dtype is None else pixels.astype(dtype)


@contextmanager
def reading() -> Iterator[None]:
    """Turn whatever goes wrong while pixels are read into an `InputError`.

    Lazy arrays read files and run anybody's code: they may raise anything. `GivenUp` goes through.
    """
    try:
        yield
    except (InputError, InputTypeError, MemoryError, GivenUp):
        raise
    except Exception as error:
        raise unreadable(error) from error


def unreadable(error: Exception) -> InputError:
    """Say that an image could not be read, why, and what to do."""
    return InputError(
        f"The image could not be read ({first_line(error)}). Check that its file is complete and its "
        "disk is there, then open it again."
    )


def check_dtype(dtype: np.dtype[Any]) -> None:
    """Raise `InputTypeError` unless the type holds real numbers; no pixel is read."""
    if dtype.kind in "iuf":
        return
    faults = {
        "b": "is a boolean mask, which has no intensities; give the image that it was made from",
        "c": "is complex; restore its magnitude, or one of its parts",
        "V": "is an array of records; choose one of their fields",
        "O": "holds Python objects; convert them to numbers first",
    }
    fault = faults.get(dtype.kind, "does not hold numbers; give integers or floats")
    raise InputTypeError(f"The image (type {dtype}) {fault}.")


def finite_range(array: NDArray[Any], corner: Any = 0, of: str = "") -> tuple[Any, Any]:
    """Return the least and the greatest value of an array (or of a part, for messages), all of it finite.

    Raises
    ------
    NotFiniteError
        If there are NaN or infinite values; the message counts them, and says where the first is.
    """
    low, high = array.min(), array.max()
    # A NaN anywhere makes the minimum NaN, and an infinity is the minimum or the maximum: no mask of the
    # whole array is needed to find out that all is well.
    if not (np.isfinite(low) and np.isfinite(high)):
        finite = np.isfinite(array)
        bad = array.size - int(np.count_nonzero(finite))
        first = tuple(np.add(np.unravel_index(finite.argmin(), array.shape), corner).tolist())
        raise NotFiniteError(
            f"The image has {bad} {'pixel that is' if bad == 1 else 'pixels that are'} not finite (NaN or "
            f"infinite){', the first' if bad > 1 else ''} at index {first}{of}.",
            "Restore a region that has none (in Python region, in a shell --roi). Or replace "
            f"{'it' if bad == 1 else 'them'} first, for example by the intensity of the background.",
        )
    return low, high


def check_range(low: Any, high: Any) -> None:
    """Raise `InputError` unless float32 can hold intensities from `low` to `high`, once normalised."""
    if low == high:
        raise InputError(f"The image is constant: every pixel is {low}. There is no structure to restore.")
    span, largest = float(high) - float(low), max(abs(float(low)), abs(float(high)))
    if span < 256 * np.spacing(largest):
        raise InputError(
            f"The intensities run from {low} to {high}: beside an offset so large, contrast is lost in "
            "rounding. Subtract the offset first, for example the least intensity."
        )
    if largest > 1e37 or span < 1e-30:
        raise InputError(
            f"The intensities run from {low} to {high}, which single-precision numbers cannot hold. "
            "Scale the image first, for example to a range from 0 to 1."
        )


def check_shape(shape: tuple[int, ...]) -> None:
    """Raise `InputError` unless there are at least two axes and none of them is of length zero."""
    if len(shape) < 2:
        raise InputError(
            f"The image has {len(shape)} axes; at least two are needed, rows and columns (Y and X)."
        )
    if 0 in shape:
        raise InputError(
            f"The image is empty: its shape is {shape}. Give an image with at least one plane of pixels."
        )

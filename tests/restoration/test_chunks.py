"""Chunks that hold several planes: read once for all of them."""

from collections.abc import Callable
from typing import Any

import dask.array as da
import numpy as np
import pytest
from numpy.typing import NDArray

from napari_cvdm.models import PretrainedModel
from napari_cvdm.restoration import chunks
from napari_cvdm.restoration.chunks import ReadByChunks
from napari_cvdm.restoration.lazy import restore_lazy
from napari_cvdm.restoration.restore import restore

Image = NDArray[np.uint16]


@pytest.fixture
def stack() -> Image:
    """Two times, six depths; spots bright and few, so that planes are gone through more than once."""
    pixels = np.random.default_rng(0).poisson(20, (2, 6, 40, 32)).astype(np.uint16)
    pixels[..., ::13, ::31] = 4000
    return pixels


def counted(image: Image, shape: tuple[int, ...]) -> tuple[Any, list[int]]:
    """Return a dask array with chunks of a shape, and what each that is loaded is added to."""
    loaded: list[int] = []

    def load(block: Image) -> Image:
        loaded.append(1)
        return block

    lazy = da.from_array(image, chunks=shape)
    return lazy.map_blocks(load, dtype=image.dtype, meta=np.empty((0,) * image.ndim, image.dtype)), loaded


class Stored:
    """An array in chunks of one shape, as zarr's and HDF5's are, that notes how many it has decoded."""

    def __init__(self, pixels: Image, shape: tuple[int, ...]) -> None:
        self._pixels, self.chunks, self.shape = pixels, shape, pixels.shape
        self.dtype, self.ndim, self.decoded = pixels.dtype, pixels.ndim, 0

    def __getitem__(self, wanted: Any) -> Any:
        touched = 1
        for place, side, length in zip(wanted, self.chunks, self.shape, strict=True):
            span = range(length)[place] if isinstance(place, slice) else [place]
            touched *= len({position // side for position in span})
        self.decoded += touched
        return self._pixels[wanted]


@pytest.mark.parametrize("shape", [(1, 4, 40, 32), (2, 6, 16, 16), (1, 1, 40, 32)])
@pytest.mark.parametrize("make", [counted, lambda image, shape: (Stored(image, shape), None)])
def test_planes_are_the_same(
    stack: Image, shape: tuple[int, ...], make: Callable[..., tuple[Any, Any]]
) -> None:
    array = ReadByChunks(make(stack, shape)[0])
    assert (array.shape, array.dtype) == (stack.shape, stack.dtype)
    for index in np.ndindex(2, 6):
        np.testing.assert_array_equal(np.asarray(array[(*index, slice(None), slice(None))]), stack[index])


def test_each_chunk_is_loaded_once_for_a_restoration(model: PretrainedModel, stack: Image) -> None:
    settings: dict[str, Any] = {"axes": "TZYX", "draws": 1, "steps": 1, "device": "cpu"}
    film, loaded = counted(stack, (1, 3, 40, 32))
    result = restore(film, model, **settings)
    assert len(loaded) == 4
    np.testing.assert_array_equal(result.mean, restore(stack, model, **settings).mean)
    loaded.clear()
    lazy = restore_lazy(film, model, **settings)
    assert len(loaded) == 4
    np.testing.assert_array_equal(restore_lazy(stack, model, **settings).mean, lazy.mean)


def test_of_stored_arrays_too(model: PretrainedModel, stack: Image) -> None:
    settings: dict[str, Any] = {"axes": "TZYX", "preview": True, "device": "cpu"}
    stored = Stored(stack, (1, 3, 20, 32))
    restore(stored, model, planes={"Z": [5, 1]}, **settings)
    assert stored.decoded == 8
    stored.decoded = 0
    restore_lazy(stored, model, **settings)
    assert stored.decoded == 8


def test_no_more_is_kept_than_a_bound(stack: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = (slice(None), slice(None))
    film, loaded = counted(stack, (1, 3, 40, 32))
    one = 3 * stack[0, 0].nbytes
    monkeypatch.setattr(chunks, "MOST_KEPT", 2 * one)
    array = ReadByChunks(film)
    for place in (0, 3, 1):
        array[(0, place, *whole)]
    assert len(loaded) == 2
    array[(1, 0, *whole)]  # in place of the one that was not asked for longest
    array[(0, 2, *whole)]
    assert len(loaded) == 3
    array[(0, 3, *whole)]
    assert len(loaded) == 4
    assert sum(each.nbytes for each in array._kept.values()) <= 2 * one
    monkeypatch.setattr(chunks, "MOST_KEPT", one - 1)
    assert isinstance(ReadByChunks(film)[(0, 3, *whole)], da.Array)
    assert np.shares_memory(ReadByChunks(film, stack)[(0, 3, *whole)], stack)


def test_a_plane_that_shares_its_chunks_with_no_other_is_left_on_the_disk(stack: Image) -> None:
    whole = (slice(None), slice(None))
    film, loaded = counted(stack, (1, 1, 20, 32))
    assert isinstance(ReadByChunks(film)[(1, 5, *whole)], da.Array)
    assert not loaded
    assert np.shares_memory(ReadByChunks(stack[0])[(4, *whole)], stack)  # an array that has no chunks

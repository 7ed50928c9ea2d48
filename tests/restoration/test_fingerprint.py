"""Images told apart by the pixels that are read."""

from typing import Any

import dask.array as da
import numpy as np
import pytest
from numpy.typing import NDArray

from napari_cvdm.restoration.axes import resolve_axes
from napari_cvdm.restoration.fingerprint import measure
from napari_cvdm.restoration.selection import select


def fingerprint(image: Any, axes: str = "TYX", **chosen: Any) -> str:
    return measure(image, select(resolve_axes(image.shape, axes), **chosen))[1]


@pytest.fixture
def stack() -> NDArray[np.uint16]:
    return np.random.default_rng(0).poisson(60, (3, 20, 30)).astype(np.uint16)


def test_is_of_the_pixels_and_not_of_how_they_are_kept(stack: NDArray[np.uint16]) -> None:
    expected = fingerprint(stack)
    assert fingerprint(stack.copy()) == expected
    assert fingerprint(da.from_array(stack, chunks=(2, 7, 11))) == expected
    assert fingerprint(da.from_array(np.asfortranarray(stack), chunks=5)) == expected
    turned = np.ascontiguousarray(np.transpose(stack, (2, 0, 1)))
    assert fingerprint(turned, "XTY") == expected


def test_of_other_pixels_is_another(stack: NDArray[np.uint16]) -> None:
    others = [
        stack[:, ::-1],
        stack[::-1],
        stack.astype(np.int32),
        stack.view(np.int16),
        stack.reshape(3, 30, 20),
    ]
    one_pixel = stack.copy()
    one_pixel[2, 19, 29] += 1
    assert len({fingerprint(each) for each in (stack, *others, one_pixel)}) == 7


def test_is_of_what_is_chosen_alone(stack: NDArray[np.uint16]) -> None:
    changed = stack.copy()
    changed[2] += 1
    assert fingerprint(stack, planes={"T": [0, 1]}) == fingerprint(changed, planes={"T": [0, 1]})


def test_of_images_whose_extremes_are_looked_for(stack: NDArray[np.uint16]) -> None:
    spots = np.full((200, 300), 7.0)
    spots[5, 5] = 1000
    moved = np.roll(spots, 1, axis=0)
    assert fingerprint(spots, "YX") != fingerprint(moved, "YX")

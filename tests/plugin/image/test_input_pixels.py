"""A run gets the layer's pixels, and knows whether the file that the layer was opened from has them too."""

from __future__ import annotations

from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr

from napari_cvdm.plugin.image import input_pixels
from napari_cvdm.plugin.image.input_pixels import are_in_file, given_image

_STACK = np.random.default_rng(0).integers(0, 900, (5, 16, 12), np.uint16)


@pytest.fixture(params=["stack.tif", "stack.ome.zarr"])
def path(request, tmp_path: Path) -> Path:
    path = tmp_path / request.param
    if path.suffix == ".tif":
        tifffile.imwrite(path, _STACK, photometric="minisblack")
    else:
        zarr.save_array(path, _STACK)
    return path


def _with(index: tuple[int, ...]) -> np.ndarray:
    changed = _STACK.copy()
    changed[index] += 1
    return changed


def test_a_layer_as_it_was_opened_has_the_pixels_of_its_file(path):
    assert are_in_file(_STACK, "TYX", path)
    assert are_in_file(_STACK.astype(">u2"), "TYX", path)
    assert are_in_file(da.from_array(_STACK, chunks=(1, 8, 8)), "TYX", path)


@pytest.mark.parametrize(
    "data",
    [
        _with((0, 3, 3)),
        _with((2, 3, 3)),
        _with((4, 15, 11)),
        _STACK.astype(np.float32),
        _STACK[:4],
        _STACK[:, :, :11],
        _STACK[0],
    ],
)
def test_a_layer_that_was_changed_has_not(path, data):
    assert not are_in_file(data, "TYX"[-data.ndim :], path)


def test_of_large_planes_the_middle_is_compared_and_not_every_plane(path, monkeypatch):
    monkeypatch.setattr(input_pixels, "_COMPARED", 8)
    assert are_in_file(_with((0, 0, 0)), "TYX", path)
    assert are_in_file(_with((1, 8, 6)), "TYX", path)
    assert not are_in_file(_with((0, 8, 6)), "TYX", path)


def test_colours_are_compared_as_well(tmp_path):
    picture = np.random.default_rng(0).integers(0, 255, (16, 12, 3), np.uint8)
    path = tmp_path / "picture.tif"
    tifffile.imwrite(path, picture, photometric="rgb")
    assert are_in_file(picture, "YX", path)
    assert not are_in_file(picture[..., ::-1], "YX", path)


@pytest.mark.parametrize("name", ["stack.png", "missing.tif", "broken.tif"])
def test_what_cannot_be_read_has_no_pixels(tmp_path, name):
    if name != "missing.tif":
        (tmp_path / name).write_bytes(b"II*\0neither the one nor the other")
    assert not are_in_file(_STACK, "TYX", tmp_path / name)


class _OfAnotherLibrary:
    """An array with types of its own, as those of torch and tensorstore are."""

    shape, dtype = _STACK.shape, "torch.uint16"


class _Unread:
    """An array of which a plane cannot be read that the run may not need."""

    shape, dtype = _STACK.shape, _STACK.dtype

    def __getitem__(self, index: tuple[int | slice, ...]) -> np.ndarray:
        raise KeyError(index)


@pytest.mark.parametrize("data", [_OfAnotherLibrary(), _Unread()])
def test_no_run_fails_where_nothing_can_be_compared(path, data):
    assert not are_in_file(data, "TYX", path)


@pytest.mark.parametrize("kept_as", [np.asarray, da.from_array])
def test_colours_are_averaged_or_become_channels_without_transparency(kept_as):
    picture = np.random.default_rng(0).integers(0, 255, (2, 16, 12, 4), np.uint8)
    red, green, blue, _ = np.moveaxis(picture.astype(float), -1, 0)
    data = kept_as(picture)
    average = given_image(data, rgb=True, colours="average")
    np.testing.assert_allclose(average, (red + green + blue) / 3, rtol=1e-6)
    channels = given_image(data, rgb=True, colours="channels")
    np.testing.assert_array_equal(channels, [red, green, blue])
    assert type(average) is type(channels) is type(data)  # what is read in pieces stays so
    stored = zarr.array(_STACK)
    for grey in (data, stored):
        assert given_image(grey, rgb=False, colours="channels") is grey

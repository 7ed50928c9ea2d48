"""Saved layers open as the same layers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Thread, current_thread, main_thread

import dask.array as da
import numpy as np
import pytest
import zarr
from napari.components import ViewerModel
from napari.layers import Image
from napari.layers._layer_actions import _project, _split_stack
from tifffile import TiffFile, imwrite

from napari_cvdm.files.image_set import StoredImage, read_image_set
from napari_cvdm.files.tiff import read_tiff
from napari_cvdm.plugin.results.layers import (
    CHANNELS_KEY,
    DRAWS_KEY,
    FOR_SHOW,
    METADATA_KEY,
    PIXEL_SIZE_KEY,
)
from napari_cvdm.plugin.running.worker import Job
from napari_cvdm.plugin.stored import saving
from napari_cvdm.plugin.stored.reopening import read_layers
from napari_cvdm.plugin.stored.saving import save_layers, write_layers
from napari_cvdm.restoration.errors import AxesError


def reopened(path: str | Path) -> list[Image]:
    return [Image(data, **attributes) for data, attributes, kind in read_layers(str(path)) if kind == "image"]


@pytest.mark.parametrize("name", ["cell.cvdm.ome.tif", "cell.cvdm.ome.zarr"])
def test_a_result_comes_back_as_it_was(tmp_path: Path, make_result, name):
    layers = make_result()
    save_layers(tmp_path / name, [layer.as_layer_data_tuple() for layer in layers])
    again = reopened(tmp_path / name)
    assert len(again) == 2
    for before, after in zip(layers, again, strict=True):
        np.testing.assert_array_equal(after.data, before.data)
        assert (after.name, after.blending) == (before.name, before.blending)
        assert after.units == before.units
        assert after.axis_labels == before.axis_labels
        np.testing.assert_allclose(after.contrast_limits, before.contrast_limits)
        for point in ((0, 0, 0), (1, 15, 11), (0, 7, 3)):
            np.testing.assert_allclose(after.data_to_world(point), before.data_to_world(point))
        assert after.colormap.name == before.colormap.name
        np.testing.assert_allclose(after.colormap.colors, before.colormap.colors)
        assert after.metadata[METADATA_KEY] == before.metadata[METADATA_KEY]
    np.testing.assert_array_equal(again[0].metadata[DRAWS_KEY], layers[0].metadata[DRAWS_KEY])


@pytest.mark.parametrize("name", ["cell.cvdm.ome.tif", "cell.cvdm.ome.zarr"])
def test_each_channel_keeps_its_contrast(tmp_path: Path, make_result, name):
    layers = make_result()
    for layer in layers:
        layer.metadata[CHANNELS_KEY] = {"axis": 0, "ndim": 3, "limits": {0: (0.1, 0.7), 1: (0.2, 0.3)}}
    save_layers(tmp_path / name, [layer.as_layer_data_tuple() for layer in layers])
    for before, after in zip(layers, reopened(tmp_path / name), strict=True):
        assert after.metadata[CHANNELS_KEY] == before.metadata[CHANNELS_KEY]
        assert after.metadata[METADATA_KEY] == before.metadata[METADATA_KEY]


@pytest.mark.parametrize("name", ["cell.cvdm.ome.tif", "cell.cvdm.ome.zarr"])
@pytest.mark.parametrize("make", [_split_stack, _project])
def test_what_napari_makes_of_a_stack_is_saved_without_what_is_known_of_other_axes(tmp_path, make, name):
    viewer_model, pixels = ViewerModel(), np.random.default_rng(0).random((3, 2, 9, 8))
    kept = {"axis": 0, "ndim": 4, "limits": dict.fromkeys(range(3), (0.0, 1.0))}
    about = {METADATA_KEY: {"picture": "reconstruction", "run": "a", "axes": "CZYX"}, CHANNELS_KEY: kept}
    metadata = {**about, DRAWS_KEY: np.zeros((4, 3, 2, 9, 8), np.float32)}
    viewer_model.layers.selection.active = viewer_model.add_image(pixels, metadata=metadata)
    make(viewer_model.layers)
    made = viewer_model.layers[-1]
    save_layers(tmp_path / name, [made.as_layer_data_tuple()])
    (again,) = reopened(tmp_path / name)
    np.testing.assert_array_equal(again.data, made.data)
    assert {CHANNELS_KEY, DRAWS_KEY}.isdisjoint(again.metadata)


def test_other_programs_find_the_pixel_size(tmp_path: Path, make_result):
    path = tmp_path / "cell.ome.tif"
    assert write_layers(str(path), [layer.as_layer_data_tuple() for layer in make_result()]) == [str(path)]
    assert read_tiff(path).pixel_size == pytest.approx(32.5)


@pytest.mark.parametrize("by_affine", [False, True])
def test_other_programs_find_the_distances_of_planes_and_frames(tmp_path: Path, by_affine):
    steps, units = (0.5, 0.3, 0.065, 0.065), ("min", "um", "um", "um")
    placed = {"affine": np.diag([*steps, 1.0])} if by_affine else {"scale": steps}
    layer = Image(np.zeros((2, 3, 9, 9), np.float32), units=units, axis_labels=tuple("tzyx"), **placed)
    (image,) = read_image_set(save_layers(tmp_path / "film.ome.tif", [layer.as_layer_data_tuple()]))
    assert (image.pixel_size_nm, image.z_spacing_nm, image.time_interval_s) == pytest.approx((65, 300, 30))
    path = save_layers(tmp_path / "film.ome.zarr", [layer.as_layer_data_tuple()])
    (multiscale,) = zarr.open_group(path / "0", mode="r").attrs["ome"]["multiscales"]
    found = multiscale["datasets"][0]["coordinateTransformations"][0]["scale"]
    assert found == pytest.approx([30, 0.3, 0.065, 0.065])


@pytest.mark.parametrize("name", ["cell.ome.tif", "cell.ome.zarr"])
def test_axes_that_only_the_run_knew_have_their_names_in_the_file(tmp_path: Path, name):
    about = {"picture": "reconstruction", "run": "abc", "axes": "ZCYX"}
    layer = Image(np.arange(5 * 2 * 64, dtype=np.float32).reshape(5, 2, 8, 8), metadata={METADATA_KEY: about})
    layer.metadata[DRAWS_KEY] = np.stack([layer.data] * 3)
    path = save_layers(tmp_path / name, [layer.as_layer_data_tuple()])
    if name.endswith("tif"):
        with TiffFile(path) as file:
            assert [series.axes for series in file.series] == ["ZCYX", "TZCYX"]
    else:
        (multiscale,) = zarr.open_group(path / "0", mode="r").attrs["ome"]["multiscales"]
        assert [axis["name"] for axis in multiscale["axes"]] == ["c", "z", "y", "x"]  # the order of OME-Zarr
    (again,) = reopened(path)
    np.testing.assert_array_equal(again.data, layer.data)
    assert again.axis_labels == layer.axis_labels
    np.testing.assert_array_equal(again.metadata[DRAWS_KEY], layer.metadata[DRAWS_KEY])


@pytest.mark.parametrize(("part", "expected"), [(None, 200), ([[0, 5, 2], [0, 8, 1], [0, 8, 1]], 400)])
def test_the_distance_of_planes_is_the_file_s_where_the_layer_lies_in_pixels(tmp_path: Path, part, expected):
    source = tmp_path / "cell.tif"
    imwrite(source, np.zeros((5, 8, 8), np.uint16), imagej=True, metadata={"spacing": 0.2, "unit": "um"})
    asked = replace(Job("cell", None, "ZYX"), source_path=str(source)).describe()
    about = {
        "picture": "reconstruction",
        "axes": "ZYX",
        "asked": {**asked, "part": part, "file_has_pixels": True},
    }
    layer = Image(np.zeros((3, 16, 16), np.float32), metadata={METADATA_KEY: about})

    def saved() -> float | None:
        path = save_layers(tmp_path / "a.ome.tif", [layer.as_layer_data_tuple()], overwrite=True)
        (image,) = read_image_set(path)
        return image.z_spacing_nm

    assert saved() == pytest.approx(expected)
    about["asked"]["file_has_pixels"] = False  # the layer had other pixels
    assert saved() is None
    about["asked"]["file_has_pixels"] = True
    source.unlink()
    assert saved() is None


@pytest.mark.parametrize("axes", ["CZYX", "ZZYX", "?!YX", "YX", None, "YXZC"])
def test_names_of_axes_that_cannot_be_true_are_not_taken(tmp_path: Path, axes):
    about = {"picture": "reconstruction", "run": "abc", "axes": axes}
    labels = ("z", "-3", "-2", "-1")
    layer = Image(np.zeros((2, 3, 8, 8), np.float32), axis_labels=labels, metadata={METADATA_KEY: about})
    (image,) = read_image_set(save_layers(tmp_path / "a.ome.tif", [layer.as_layer_data_tuple()]))
    assert image.axes == "ZQYX"


def test_draws_keep_the_distance_of_planes(tmp_path: Path, make_result):
    path = save_layers(tmp_path / "cell.ome.tif", [layer.as_layer_data_tuple() for layer in make_result()])
    assert [image.z_spacing_nm for image in read_image_set(path)] == pytest.approx([300] * 3)


def test_pixels_that_are_not_square_keep_both_sides(tmp_path: Path):
    layer = Image(np.zeros((9, 9), np.float32), scale=(0.2, 0.05), units=("um", "um"))
    path = save_layers(tmp_path / "a.ome.tif", [layer.as_layer_data_tuple()])
    with TiffFile(path) as file:
        assert 'PhysicalSizeX="0.05"' in file.ome_metadata
        assert 'PhysicalSizeY="0.2"' in file.ome_metadata
    path = save_layers(tmp_path / "a.ome.zarr", [layer.as_layer_data_tuple()])
    (multiscale,) = zarr.open_group(path / "0", mode="r").attrs["ome"]["multiscales"]
    (scale,) = multiscale["datasets"][0]["coordinateTransformations"][:1]
    assert scale["scale"] == pytest.approx([0.2, 0.05])


@pytest.mark.parametrize(
    ("made", "size"),
    [
        ({"picture": "reconstruction", "pixel_size_nm": 65.0, "upscaling": 2}, 32.5),
        ({"picture": "uncertainty", "pixel_size_nm": 65, "upscaling": 2}, 32.5),
        ({"picture": "reconstruction", "pixel_size_nm": None, "upscaling": 2}, None),
        ({"picture": "reconstruction", "pixel_size_nm": "65", "upscaling": 2}, None),
        ({"picture": "reconstruction", "pixel_size_nm": 10**400, "upscaling": 2}, None),
        ({"pixel_size_nm": 65.0, "upscaling": 2}, None),  # which of its pixels, nobody says
    ],
)
def test_the_pixel_size_of_a_run_is_saved_where_the_layer_has_none(tmp_path: Path, made, size):
    """As after napari's own reader, which leaves the size of a TIFF's pixels in the file."""
    layer = Image(np.zeros((9, 9), np.float32), scale=(0.5, 0.5), metadata={METADATA_KEY: made})
    path = save_layers(tmp_path / "a.ome.tif", [layer.as_layer_data_tuple()])
    assert read_tiff(path).pixel_size == size


@pytest.mark.parametrize("name", ["cell.ome.tif", "cell.ome.zarr"])
def test_what_a_run_knew_of_its_original_is_saved_with_that(tmp_path: Path, name):
    """Who tells the panel axes and pixel size of an image that lies in pixels need not tell them again."""
    asked = {**Job("cell", None, "TYX", pixel_size=65.0).describe(), "shape": [3, 8, 6]}
    about = {"picture": "reconstruction", "source": "cell", "asked": asked, "upscaling": 2}
    original = Image(np.zeros((3, 8, 6), np.uint16), name="cell")
    result = Image(np.zeros((3, 16, 12), np.float32), scale=(1, 0.5, 0.5), metadata={METADATA_KEY: about})
    path = save_layers(tmp_path / name, [layer.as_layer_data_tuple() for layer in (original, result)])
    if name.endswith("tif"):
        stored, _ = read_image_set(path)
        assert (stored.axes, stored.pixel_size_nm) == ("TYX", 65)
    again, _ = reopened(path)
    assert again.metadata == {PIXEL_SIZE_KEY: 65}
    np.testing.assert_array_equal(again.scale, 1)  # its result lies on it in pixels, too


def test_the_layer_s_own_pixel_size_comes_first(tmp_path: Path):
    made = {"picture": "reconstruction", "pixel_size_nm": 65.0, "upscaling": 2}
    layer = Image(np.zeros((9, 9)), scale=(0.04, 0.04), units=("um", "um"), metadata={METADATA_KEY: made})
    path = save_layers(tmp_path / "a.ome.tif", [layer.as_layer_data_tuple()])
    assert read_tiff(path).pixel_size == 40


def test_distances_without_such_units_are_not_told(tmp_path: Path):
    layer = Image(np.zeros((2, 3, 9, 9)), units=("um", "pixel", "um", "um"), axis_labels=tuple("tzyx"))
    (image,) = read_image_set(save_layers(tmp_path / "a.ome.tif", [layer.as_layer_data_tuple()]))
    assert (image.pixel_size_nm, image.z_spacing_nm, image.time_interval_s) == (1000, None, None)


def test_a_pixel_size_that_the_affine_carries_is_saved(tmp_path: Path):
    layer = Image(np.zeros((9, 9)), affine=np.diag([0.065, 0.065, 1.0]), units=("um", "um"))
    path = save_layers(tmp_path / "cell.ome.tif", [layer.as_layer_data_tuple()])
    assert read_tiff(path).pixel_size == pytest.approx(65)


@pytest.mark.parametrize("name", ["all.ome.tif", "all.ome.zarr"])
def test_napari_s_own_layers_can_be_written_as_well(tmp_path: Path, name):
    plain = Image(np.arange(120, dtype=np.uint16).reshape(10, 12), name="plain")
    colour = Image(np.arange(120 * 3).astype(np.uint8).reshape(10, 12, 3), rgb=True, name="snap")
    pyramid = Image([np.ones((32, 32)), np.ones((16, 16))], multiscale=True, name="pyramid")
    path = tmp_path / name
    write_layers(str(path), [layer.as_layer_data_tuple() for layer in (plain, colour, pyramid)])
    again = reopened(path)
    assert [layer.name for layer in again] == ["plain", "snap", "pyramid"]
    assert again[0].data.dtype == np.uint16
    assert again[1].rgb
    np.testing.assert_array_equal(again[1].data, colour.data, strict=True)
    assert again[2].data.shape == (32, 32)
    assert METADATA_KEY not in again[0].metadata  # nobody takes it for a result


def test_napari_waits_for_a_thread_that_writes(viewer, tmp_path: Path, make_result, monkeypatch):
    threads: list[Thread] = []

    def save(*arguments, **more) -> Path:
        threads.append(current_thread())
        return save_layers(*arguments, **more)

    monkeypatch.setattr(saving, "save_layers", save)
    viewer.add_layer(make_result()[0])
    path = str(tmp_path / "a.ome.tif")
    assert viewer.layers.save(path, plugin="napari-cvdm") == [path]
    assert threads[0] is not main_thread()


def test_the_user_decided_to_replace_a_file_when_napari_asked(tmp_path: Path, make_result):
    path = tmp_path / "cell.ome.zarr"
    for _ in range(2):
        write_layers(str(path), [make_result()[0].as_layer_data_tuple()])
    assert len(reopened(path)) == 1


def test_draws_of_many_axes_are_left_out_rather_than_the_result(tmp_path: Path, make_result):
    layer = make_result()[0]
    deep = Image(np.zeros((1, 1, 2, 16, 12), np.float32), metadata=layer.metadata, rgb=False)
    path = save_layers(tmp_path / "deep.ome.tif", [deep.as_layer_data_tuple()])
    assert len(read_image_set(path)) == 1


def test_too_many_axes_are_said(tmp_path: Path):
    with pytest.raises(AxesError, match="three axes"):
        write_layers(str(tmp_path / "x.ome.tif"), [Image(np.zeros((2, 2, 2, 2, 9, 9))).as_layer_data_tuple()])


@pytest.mark.parametrize("name", ["map.ome.tif", "map.ome.zarr"])
def test_a_picture_for_show_comes_back_as_the_user_s_own(tmp_path: Path, name):
    layer = Image(np.ones((9, 9), np.float32), name="map", metadata=FOR_SHOW)
    path = save_layers(tmp_path / name, [layer.as_layer_data_tuple()])
    (again,) = reopened(path)
    np.testing.assert_array_equal(again.data, layer.data)
    assert again.metadata == {}


def test_a_layer_on_disk_is_handed_over_as_it_is(tmp_path: Path, monkeypatch):
    """It may be larger than memory; how it is written is `write_zarr_set`'s concern."""

    held = da.zeros((4, 60, 60), np.uint16)
    layer = Image(held, contrast_limits=(0, 9), metadata={DRAWS_KEY: held[None]})
    handed: list[StoredImage] = []
    monkeypatch.setattr(
        "napari_cvdm.files.zarr_set.write_zarr_set", lambda path, images, **_: handed.extend(images) or path
    )
    save_layers(tmp_path / "a.ome.zarr", [layer.as_layer_data_tuple()])
    write_layers(str(tmp_path / "a.ome.zarr"), [layer.as_layer_data_tuple()])
    assert [image.data.shape for image in handed] == [(4, 60, 60), (1, 4, 60, 60)] * 2
    assert all(isinstance(image.data, da.Array) for image in handed)


@pytest.mark.parametrize("name", ["cell.ome.zarr", "cell.ome.tif"])
def test_a_layer_on_disk_is_saved(tmp_path: Path, name):
    layer = Image(da.arange(4 * 60 * 50, chunks=100).reshape(4, 60, 50), contrast_limits=(0, 9))
    (again,) = reopened(save_layers(tmp_path / name, [layer.as_layer_data_tuple()]))
    np.testing.assert_array_equal(again.data, np.arange(4 * 60 * 50).reshape(4, 60, 50))

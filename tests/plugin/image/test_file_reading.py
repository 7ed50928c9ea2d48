"""A layer's file fills in axes and pixel size, and a bad file does no harm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from napari.layers import Image

from napari_cvdm.plugin.image.file_reading import read_file
from napari_cvdm.plugin.image.reading import FileReading, describe, read_layer, with_file
from napari_cvdm.plugin.stored.saving import save_layers
from tests.files.microscope_files import write_lsm, write_stk


def test_an_ome_tiff(tmp_path: Path):
    path = tmp_path / "stack.ome.tif"
    metadata = {
        "axes": "TZYX",
        "PhysicalSizeX": 0.065,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": 0.065,
        "PhysicalSizeYUnit": "µm",
    }
    tifffile.imwrite(path, np.zeros((2, 3, 16, 12), np.uint16), metadata=metadata)
    reading = read_file(path)
    assert (reading.axes, reading.shape) == ("TZYX", (2, 3, 16, 12))
    assert reading.pixel_size == pytest.approx(65)


def test_a_file_of_zeiss_and_one_of_metamorph(tmp_path: Path):
    zeiss = read_file(write_lsm(tmp_path / "a.lsm", np.zeros((2, 3, 1, 16, 12), np.uint16), TimeIntervall=5))
    assert zeiss == FileReading("TZYX", (2, 3, 16, 12), 65, z_spacing=pytest.approx(300), time_interval=5)
    metamorph = read_file(
        write_stk(tmp_path / "a.stk", np.zeros((3, 16, 12), np.uint16), distances=[(3, 10)] * 3)
    )
    assert metamorph == FileReading("ZYX", (3, 16, 12), 65, z_spacing=pytest.approx(300))


def test_channels_have_names_in_an_ome_tiff(tmp_path: Path):
    path = tmp_path / "cell.ome.tif"
    metadata = {"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP"]}}
    tifffile.imwrite(path, np.zeros((2, 16, 12), np.uint16), metadata=metadata)
    reading = read_file(path)
    assert reading.channel_names == ("DAPI", "GFP")
    layer = read_layer(Image(np.zeros((2, 16, 12), np.uint16)))
    assert with_file(layer, reading).channel_names == ("DAPI", "GFP")


def test_an_ome_zarr_tells_the_same_as_an_ome_tiff(tmp_path: Path):
    path = tmp_path / "cell.ome.zarr"
    group = zarr.open_group(path, mode="w")
    group.create_array("0", shape=(5, 2, 16, 12), dtype="uint16")
    units = {"z": "micrometer", "y": "micrometer", "x": "micrometer"}
    axes = [
        {"name": name, "type": "channel" if name == "c" else "space", "unit": units.get(name)}
        for name in "zcyx"
    ]
    scale = {"type": "scale", "scale": [0.3, 1, 0.065, 0.065]}
    group.attrs["ome"] = {
        "version": "0.5",
        "multiscales": [{"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": [scale]}]}],
        "omero": {"channels": [{"label": "DAPI"}, {"label": "GFP"}]},
    }
    reading = read_file(path)
    assert (reading.axes, reading.shape) == ("ZCYX", (5, 2, 16, 12))
    assert reading.pixel_size == pytest.approx(65)
    assert reading.channel_names == ("DAPI", "GFP")
    assert reading.z_spacing == pytest.approx(300)
    (path / "zarr.json").write_text("{")
    assert read_file(path) == FileReading()


def test_a_folder_of_anything_else_tells_nothing(tmp_path: Path):
    assert read_file(tmp_path) == FileReading()


def test_of_a_set_of_files_the_one_that_was_opened_counts(tmp_path: Path):
    image = (
        '<Image><Pixels DimensionOrder="XYZCT" Type="uint16" SizeX="12" SizeY="16" SizeZ="{z}" SizeC="1" '
        'SizeT="1" PhysicalSizeX="{nm}" PhysicalSizeY="{nm}" PhysicalSizeXUnit="nm" PhysicalSizeYUnit="nm">'
        '<Channel Name="{name}"/><TiffData IFD="0" PlaneCount="{z}"><UUID FileName="{name}.ome.tif">{name}'
        "</UUID></TiffData></Pixels></Image>"
    )
    images = image.format(name="a", z=2, nm=65) + image.format(name="b", z=3, nm=100)
    for name, planes in (("a", 2), ("b", 3)):
        xml = f'<OME xmlns="x" UUID="{name}">{images}</OME>'
        data = np.zeros((planes, 16, 12), np.uint16)
        tifffile.imwrite(
            tmp_path / f"{name}.ome.tif", data, photometric="minisblack", description=xml, metadata=None
        )
    path = tmp_path / "b.ome.tif"
    assert read_file(path) == FileReading("ZYX", (3, 16, 12), 100, ("b",))
    (tmp_path / "a.ome.tif").unlink()
    assert read_file(path) == FileReading("ZYX", (3, 16, 12), 100, ("b",))


def test_a_plain_tiff_says_nothing_about_its_leading_axis(tmp_path: Path):
    path = tmp_path / "stack.TIF"
    tifffile.imwrite(path, np.zeros((5, 16, 12), np.uint16), photometric="minisblack", metadata=None)
    reading = read_file(path)
    assert (reading.axes, reading.pixel_size) == ("QYX", None)


def test_both_sides_are_read_of_pixels_that_are_not_square(tmp_path: Path):
    path = tmp_path / "cell.tif"
    sides = {"resolution": (1 / 0.065, 1 / 0.08), "metadata": {"unit": "um"}}
    tifffile.imwrite(path, np.zeros((16, 12), np.uint16), imagej=True, **sides)
    reading = read_file(path)
    assert (reading.pixel_size, reading.pixel_sides) == (None, pytest.approx((80, 65), rel=1e-4))


def test_the_distances_of_planes_and_frames(tmp_path: Path):
    path = tmp_path / "film.tif"
    metadata = {"axes": "TZYX", "unit": "um", "spacing": 0.2, "finterval": 5.0}
    tifffile.imwrite(path, np.zeros((2, 3, 16, 12), np.uint16), imagej=True, metadata=metadata)
    reading = read_file(path)
    assert (reading.z_spacing, reading.time_interval) == pytest.approx((200, 5))


@pytest.mark.parametrize("name", ["picture.png", "broken.tif", "missing.tif"])
def test_anything_else_is_an_empty_reading(tmp_path: Path, name):
    path = tmp_path / name
    if name != "missing.tif":
        path.write_bytes(b"neither the one nor the other")
    assert read_file(path) == FileReading()


@pytest.mark.parametrize("name", ["two.ome.tif", "two.ome.zarr"])
def test_what_is_saved_of_one_layer_is_not_taken_for_another_s(tmp_path: Path, name):
    layers = [
        Image(np.zeros((9, 9)), name="fine", scale=(0.03, 0.03), units=("um", "um")),
        Image(np.zeros((9, 9)), name="of unknown size"),
    ]
    path = save_layers(tmp_path / name, [layer.as_layer_data_tuple() for layer in layers])
    assert read_file(path, own=True) == FileReading()
    assert read_file(path).pixel_size == pytest.approx(30)  # by a reader that opens the first image only


def test_a_saved_result_that_was_opened_otherwise_is_told(tmp_path: Path, make_result):
    path = save_layers(tmp_path / "cell.ome.tif", [layer.as_layer_data_tuple() for layer in make_result()])
    assert "delete this layer and drop the file on this panel" in read_file(path).note
    assert read_file(path, own=True).note == ""


def test_further_images_of_a_file_are_told(tmp_path: Path):
    path = tmp_path / "positions.ome.tif"
    with tifffile.TiffWriter(path) as tif:
        for _ in range(3):
            tif.write(np.zeros((16, 12), np.uint16), metadata={"axes": "YX"})
    reading = with_file(read_layer(Image(np.zeros((16, 12), np.uint16))), read_file(path))
    assert describe(reading) == (
        "12 × 16 pixels. Its file holds 3 images, of which napari opens the first: restore others in a shell "
        "(--image)."
    )

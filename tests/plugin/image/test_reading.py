"""What is understood from a layer and its file, and how it is said."""

from __future__ import annotations

from pathlib import Path

import dask.array as da
import numpy as np
import pytest
from napari.layers import Image
from napari.layers._source import layer_source

from napari_cvdm.plugin.image.pixel_sizes import NOT_KNOWN
from napari_cvdm.plugin.image.reading import (
    FileReading,
    axes_of,
    describe,
    read_layer,
    with_file,
    with_roles,
)
from napari_cvdm.plugin.results.layers import PIXEL_SIZE_KEY


@pytest.mark.parametrize(
    ("labels", "axes"),
    [
        (("-2", "-1"), "YX"),
        (("x", "y"), "XY"),
        (("-4", "-3", "-2", "-1"), "QQYX"),
        (("t", "y", "x"), "TYX"),
        (("Time", "Z", "C", "Y", "X"), "TZCYX"),
        (("T", "-2", "-1"), "TYX"),
        (("y", "x", "c"), "YXC"),
        (("x", "-2", "-1"), "QYX"),  # an X without a Y is not believed
        (("t", "frame", "y", "x"), "TQYX"),
        ((" Channel ", "row", "col"), "CYX"),
    ],
)
def test_axis_labels_become_letters(labels, axes):
    assert axes_of(labels) == axes


@pytest.mark.parametrize(
    ("shape", "labels", "words"),
    [
        ((480, 512), ("-2", "-1"), "512 × 480 pixels"),
        ((12, 2, 480, 512), ("t", "c", "y", "x"), "12 time points, 2 channels, 512 × 480 pixels"),
        ((1, 40, 40), ("c", "y", "x"), "1 channel, 40 × 40 pixels"),
        ((7, 40, 40), ("z", "y", "x"), "7 planes of depth, 40 × 40 pixels"),
        ((7, 40, 40), ("-3", "-2", "-1"), "7 planes, 40 × 40 pixels"),
        ((4, 3, 40, 50), ("-4", "-3", "-2", "-1"), "4 × 3 planes of 50 × 40 pixels"),
        ((4, 2, 3, 40, 50), ("a", "c", "b", "y", "x"), "2 channels, 4 × 3 planes of 50 × 40 pixels"),
        ((40, 50, 3), ("y", "x", "c"), "3 channels, 50 × 40 pixels"),
    ],
)
def test_an_image_is_described_in_words(shape, labels, words):
    layer = Image(np.zeros(shape, np.uint8), axis_labels=labels, rgb=False)
    assert describe(read_layer(layer)) == words


def test_an_rgb_layer_has_no_colour_axis_among_its_axes():
    reading = read_layer(Image(np.zeros((5, 40, 50, 3), np.uint8), rgb=True))
    assert (reading.axes, reading.shape, reading.rgb) == ("QYX", (5, 40, 50), True)
    assert "in colour (RGB)" in describe(reading)


def test_the_user_names_axes_that_have_no_name():
    reading = read_layer(Image(np.zeros((5, 2, 10, 12))))
    assert with_roles(reading, {0: "T", 1: "C"}).axes == "TCYX"
    assert with_roles(reading, {0: "T", 1: "T"}).axes == "TQYX"
    named = read_layer(Image(np.zeros((5, 10, 12)), axis_labels=("z", "y", "x")))
    assert with_roles(named, {0: "T"}).axes == "ZYX"  # what is known is not asked


def test_a_multiscale_layer_is_read_at_full_resolution():
    levels = [np.zeros((3, 64, 64), np.uint16), np.zeros((3, 32, 32), np.uint16)]
    assert read_layer(Image(levels, multiscale=True)).shape == (3, 64, 64)


def test_reading_a_lazy_layer_computes_nothing():
    def fail(_: np.ndarray) -> np.ndarray:
        raise AssertionError("computed")

    layer = Image(np.zeros((4, 32, 32), np.uint16))
    reading_of_numpy = read_layer(layer)
    lazy = da.zeros((4, 32, 32), dtype=np.uint16, chunks=(1, 32, 32)).map_blocks(fail, dtype=np.uint16)
    layer._data = lazy  # setting it by the property would draw it
    assert read_layer(layer) == reading_of_numpy


@pytest.mark.parametrize(
    ("kwargs", "size", "origin"),
    [
        ({"scale": (0.065, 0.065), "units": ("um", "um")}, 65, "from the layer"),
        ({"scale": (65, 65), "units": ("nm", "nm")}, 65, "from the layer"),
        ({"scale": (-0.065, 0.065), "units": ("um", "um")}, 65, "from the layer"),
        ({"scale": (0.065, 0.065), "units": ("um", "um"), "rotate": 30}, 65, "from the layer"),
        ({"affine": np.diag([0.065, 0.065, 1]), "units": ("um", "um")}, 65, "from the layer"),
        ({"scale": (0.1, 0.1)}, 100, "from the layer's scale, taken as µm"),
        ({}, None, NOT_KNOWN),
        ({"scale": (3, 3)}, None, NOT_KNOWN),
        ({"scale": (0.2, 0.05)}, None, NOT_KNOWN),
        ({"units": ("s", "s"), "scale": (40, 40)}, None, NOT_KNOWN),
        ({"units": ("um", "s"), "scale": (40, 40)}, None, NOT_KNOWN),
        ({"units": ("um", "um"), "scale": (99, 99)}, 99_000, "from the layer"),
    ],
)
def test_the_pixel_size_comes_from_scale_and_units(kwargs, size, origin):
    reading = read_layer(Image(np.zeros((10, 10)), **kwargs))
    assert reading.pixel_size_origin == origin
    assert reading.pixel_size == (None if size is None else pytest.approx(size, rel=1e-4))


@pytest.mark.parametrize(
    ("unit", "words"), [("mm", "1 mm wide"), ("km", "1000 m wide"), ("pm", "0.001 nm wide")]
)
def test_what_no_microscope_has_is_not_taken_for_a_pixel_size_but_said(unit, words):
    reading = read_layer(Image(np.zeros((10, 10)), units=(unit, unit)))
    assert reading.pixel_size is None
    assert words in reading.pixel_size_origin
    assert "Correct them" in reading.pixel_size_origin
    assert "1 mm wide" in with_file(reading, FileReading(pixel_size=1e6)).pixel_size_origin
    completed = with_file(reading, FileReading(pixel_size=65.0))
    assert (completed.pixel_size, completed.pixel_size_origin) == (65, "from the file")


def test_pixels_that_are_not_square_have_no_size_and_their_sides_are_told():
    reading = read_layer(Image(np.zeros((10, 10)), scale=(0.06, 0.08), units=("um", "um")))
    assert reading.pixel_size is None
    assert "80 nm wide and 60 nm high" in reading.pixel_size_origin
    nearly = read_layer(Image(np.zeros((10, 10)), scale=(0.0650, 0.0655), units=("um", "um")))
    assert nearly.pixel_size == pytest.approx(65.25, rel=1e-3)


def test_sides_that_differ_by_the_file_are_told_unless_the_layer_knows_better():
    file = FileReading(pixel_sides=(80.0, 65.0))
    reading = with_file(read_layer(Image(np.zeros((10, 10)))), file)
    assert reading.pixel_size is None
    assert "the file's pixels are 65 nm wide and 80 nm high" in reading.pixel_size_origin
    scaled = read_layer(Image(np.zeros((10, 10)), scale=(0.1, 0.1), units=("um", "um")))
    assert with_file(scaled, file) == scaled


def test_the_pixel_size_is_that_of_the_lateral_axes():
    layer = Image(np.zeros((3, 10, 10)), scale=(2, 0.1, 0.1), units=("s", "um", "um"))
    assert read_layer(layer).pixel_size == pytest.approx(100)


def test_the_file_fills_in_what_the_layer_does_not_say():
    layer = Image(np.zeros((5, 2, 10, 12)))
    reading = with_file(read_layer(layer), FileReading("TZCYX", (5, 1, 2, 10, 12), 108.0))
    assert reading.axes == "TCYX"
    assert reading.pixel_size == 108
    assert reading.pixel_size_origin == "from the file"


def test_the_layer_is_believed_before_the_file():
    layer = Image(
        np.zeros((5, 10, 12)),
        axis_labels=("z", "y", "x"),
        scale=(1, 0.065, 0.065),
        units=("um", "um", "um"),
    )
    reading = with_file(read_layer(layer), FileReading("TYX", (5, 10, 12), 108.0))
    assert reading.axes == "ZYX"
    assert reading.pixel_size == pytest.approx(65)


def test_the_file_is_believed_before_a_guess():
    reading = with_file(read_layer(Image(np.zeros((9, 9)), scale=(0.1, 0.1))), FileReading(pixel_size=70.0))
    assert reading.pixel_size == 70


def test_axes_of_a_file_that_has_another_shape_are_not_used():
    layer = Image(np.zeros((5, 10, 12)))
    assert with_file(read_layer(layer), FileReading("TYX", (6, 10, 12))).axes == "QYX"
    assert with_file(read_layer(layer), FileReading("TZC", (5, 10, 12))).axes == "QYX"


@pytest.mark.parametrize(
    ("file_axes", "file_shape", "shape", "axes"),
    [
        ("TCYX", (5, 3, 10, 12), (5, 10, 12), "TYX"),
        ("CYX", (3, 10, 12), (10, 12), "YX"),
        ("CXY", (3, 10, 12), (10, 12), "XY"),
        ("TCYX", (1, 3, 10, 12), (1, 10, 12), "TYX"),
        ("TCYX", (5, 1, 10, 12), (5, 10, 12), "TYX"),
        # One plane of depth; a channel, or else the channels of one time point: nobody knows.
        ("TZYX", (5, 3, 10, 12), (5, 10, 12), "QYX"),
        ("TCYX", (3, 3, 10, 12), (3, 10, 12), "QYX"),
    ],
)
def test_a_layer_may_be_one_channel_of_its_file(file_axes, file_shape, shape, axes):
    reading = with_file(read_layer(Image(np.zeros(shape))), FileReading(file_axes, file_shape))
    assert reading.axes == axes


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_the_file_or_the_folder_of_an_ome_zarr_is_a_source_while_it_is_there(tmp_path: Path, kind):
    path = tmp_path / "cell.ome.zarr"
    with layer_source(path=str(path)):
        layer = Image(np.zeros((10, 10)))
    assert read_layer(layer).path is None
    path.touch() if kind == "file" else path.mkdir()
    assert read_layer(layer).path == path


@pytest.mark.parametrize(
    ("layer", "size", "origin"),
    [
        ({}, 65, "from the file"),
        ({"scale": (0.1, 0.1)}, 65, "from the file"),  # which the user cannot have meant
        ({"scale": (0.1, 0.1), "units": ("um", "um")}, 100, "from the layer"),
    ],
)
def test_a_saved_layer_that_lies_in_pixels_says_how_large_they_are(layer, size, origin):
    reading = read_layer(Image(np.zeros((9, 9)), metadata={PIXEL_SIZE_KEY: 65.0}, **layer))
    assert (reading.pixel_size, reading.pixel_size_origin) == (pytest.approx(size), origin)


@pytest.mark.parametrize("said", ["65", None, -1, float("nan"), [65]])
def test_a_size_that_cannot_be_is_not_taken(said):
    assert read_layer(Image(np.zeros((9, 9)), metadata={PIXEL_SIZE_KEY: said})).pixel_size is None

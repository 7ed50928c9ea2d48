"""Pixel sizes as programs of microscopes write them, and numbers that must not be believed."""

import numpy as np
import pytest
import tifffile

from napari_cvdm.files.tiff import read_tiff
from napari_cvdm.files.tiff_metadata import read_scale

from .microscope_files import write_fluoview, write_lsm, write_ndtiff, write_sis, write_stk


def scale_in(path):
    with tifffile.TiffFile(path) as tif:
        assert tif.is_lsm or tif.is_stk or tif.is_metaseries or tif.is_fluoview or tif.is_sis or tif.is_ndtiff
        return read_scale(tif, tif.series[0])


ZEISS = np.zeros((1, 3, 1, 16, 12), "u2")


def test_zeiss_metadata(tmp_path):
    scale = scale_in(write_lsm(tmp_path / "a.lsm", ZEISS, TimeIntervall=2.5))
    assert (scale.pixel_size, scale.z_spacing, scale.time_interval) == pytest.approx((65, 300, 2.5))
    assert scale.pixel_sides is None
    oblong = scale_in(write_lsm(tmp_path / "b.lsm", ZEISS, VoxelSizeY=1.3e-7))
    assert (oblong.pixel_size, oblong.pixel_sides) == (None, pytest.approx((130, 65)))
    assert oblong.time_interval is None


@pytest.mark.parametrize("size", [0, -6.5e-8, np.nan, np.inf, 65, 1e-15, 1e300])
def test_absurd_sizes_of_zeiss_count_as_none(tmp_path, size):
    sizes = dict.fromkeys(("VoxelSizeX", "VoxelSizeY", "VoxelSizeZ"), size)
    scale = scale_in(write_lsm(tmp_path / "a.lsm", ZEISS, **sizes))
    assert scale.pixel_size is scale.pixel_sides is scale.z_spacing is None


METAMORPH = np.zeros((4, 16, 12), "u2")


def test_metamorph_metadata(tmp_path):
    stack = scale_in(write_stk(tmp_path / "a.stk", METAMORPH, distances=[(3, 10)] * 4))
    assert (stack.pixel_size, stack.z_spacing) == pytest.approx((65, 300))
    assert stack.time_interval is stack.pixel_sides is None
    film = scale_in(write_stk(tmp_path / "b.stk", METAMORPH, times=[0, 500, 1010, 1500], y=(13, 100)))
    assert (film.pixel_size, film.pixel_sides) == (None, pytest.approx((130, 65)))
    assert (film.time_interval, film.z_spacing) == (pytest.approx(0.5), None)


@pytest.mark.parametrize(
    ("stated", "nm"),
    [
        ({"x": (65, 1), "y": (65, 1), "unit": "nm"}, 65),
        ({"unit": "µm"}, 65),
        ({"unit": "microns"}, 65),
        ({"unit": "pixel"}, None),
        ({"unit": "furlong"}, None),
        ({"unit": ""}, None),
        ({"unit": None}, None),
        ({"calibrated": 0}, None),
        ({"x": (0, 1)}, None),
        ({"x": (2**32 - 1, 1), "y": (2**32 - 1, 1)}, None),
        ({"unit": "n" * 5000}, None),
    ],
)
def test_a_calibration_of_metamorph_counts_if_it_is_on_and_in_a_unit(tmp_path, stated, nm):
    scale = scale_in(write_stk(tmp_path / "a.stk", METAMORPH, **stated))
    assert scale.pixel_size == (nm and pytest.approx(nm))
    assert scale.pixel_sides is None


@pytest.mark.parametrize(
    ("changes", "nm"),
    [
        ({}, 65),
        ({"units": "microns"}, 65),
        ({"state": "off"}, None),
        ({"units": "pixel"}, None),
        ({"x": "0"}, None),
        ({"y": "<"}, None),
    ],
)
def test_metamorph_calibrates_what_it_saves_as_tiff_likewise(tmp_path, changes, nm):
    said = {"state": "on", "x": "0.065", "y": "0.065", "units": "um", **changes}
    words = "".join(f'<prop id="spatial-calibration-{name}" value="{said[name]}"/>' for name in said)
    words = f"<MetaData><PlaneInfo>{words}</PlaneInfo></MetaData>"
    printers = {"resolution": (72, 72), "resolutionunit": "INCH"}
    path, plane = tmp_path / "a.tif", np.zeros((16, 12), "u2")
    tifffile.imwrite(path, plane, description=words, software="MetaSeries", metadata=None, **printers)
    scale = scale_in(path)
    assert scale.pixel_size == (nm and pytest.approx(nm))


@pytest.mark.parametrize(
    "uneven",
    [
        {"distances": [(3, 10), (3, 10), (6, 10), (3, 10)]},
        {"distances": [(2**32 - 1, 1)] * 4},
        {"times": [0, 500, 4000, 4500]},
        {"times": [500, 0, 500, 0]},
    ],
)
def test_steps_of_metamorph_that_are_not_alike_or_absurd_are_none(tmp_path, uneven):
    scale = scale_in(write_stk(tmp_path / "a.stk", METAMORPH, **uneven))
    assert scale.z_spacing is scale.time_interval is None


@pytest.mark.parametrize(("z", "time"), [(0.3, 2.5), (0.0, 0.0)])
def test_fluoview_metadata(tmp_path, z, time):
    axes = [("X", 0.065, "um"), ("Y", 0.065, "um"), ("Z", z, "um"), ("Time", time, "s")]
    scale = scale_in(write_fluoview(tmp_path / "a.tif", np.zeros((2, 3, 16, 12), "u2"), axes))
    assert (scale.pixel_size, scale.pixel_sides) == (65, None)
    assert (scale.z_spacing, scale.time_interval) == ((pytest.approx(300), 2.5) if z else (None, None))


@pytest.mark.parametrize(
    ("x", "y", "power", "size", "sides"),
    [
        (65, 65, -9, 65, None),
        (0.065, 0.065, -6, 65, None),
        (65, 130, -9, None, (130, 65)),
    ],
)
def test_sis_metadata_count_before_the_resolution_tags(tmp_path, x, y, power, size, sides):
    scale = scale_in(write_sis(tmp_path / "a.tif", np.zeros((16, 12), "u2"), x, y, power))
    assert (scale.pixel_size, scale.pixel_sides) == (size, sides)


def test_micromanager_metadata(tmp_path):
    summary = {"z-step_um": -0.3, "Interval_ms": 500.0, "PixelSize_um": 0.1}
    stack = np.arange(3 * 16 * 12, dtype="u2").reshape(3, 16, 12)
    path = write_ndtiff(tmp_path / "a", stack, summary, {"PixelSizeUm": 0.065})
    scale = scale_in(path)
    assert (scale.pixel_size, scale.z_spacing, scale.time_interval) == (65, 300, 0.5)
    np.testing.assert_array_equal(read_tiff(path).data, stack)
    assert scale_in(write_ndtiff(tmp_path / "b", stack, summary)).pixel_size == 100


@pytest.mark.parametrize(
    "summary", [{}, {"z-step_um": 0, "Interval_ms": 0, "PixelSize_um": 0}, {"PixelSize_um": "?"}]
)
def test_an_uncalibrated_micromanager_says_nothing(tmp_path, summary):
    scale = scale_in(write_ndtiff(tmp_path / "a", np.zeros((2, 16, 12), "u2"), summary))
    assert scale.pixel_size is scale.z_spacing is scale.time_interval is None

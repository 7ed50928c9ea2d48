"""Palettes of false colours over intensities are read, those of pictures with few colours refused."""

import numpy as np
import pytest
import tifffile
from matplotlib import colormaps
from PIL import Image

from napari_cvdm.files.tiff import open_tiff_lazily, read_tiff
from napari_cvdm.restoration.errors import ImageFileError

from .microscope_files import write_fluoview, write_stk

PLANE = np.random.default_rng(0).integers(0, 256, (24, 16)).astype("u1")
GREY = np.arange(256)


def palette(colours):
    """Three rows of 16 bits, from 256 colours of 0 to 255."""
    return (np.round(colours).T * 257).astype("u2")


def false_colours(name):
    return palette(255 * colormaps[name](GREY)[:, :3])


ORANGE = np.stack([GREY, GREY / 2, 0 * GREY], axis=1)
MARKED = np.array([[0, 255, 0], *ORANGE[1:-1], [0, 0, 255]])
RANDOM = np.random.default_rng(1).integers(0, 256, (256, 3))


@pytest.mark.parametrize(
    "colours",
    [palette(ORANGE), palette(MARKED), *map(false_colours, ("gray", "viridis", "hot", "CMRmap"))],
    ids=["orange", "marked", "gray", "viridis", "hot", "CMRmap"],
)
def test_false_colours_from_dark_to_bright_are_read_by_their_numbers(tmp_path, colours):
    tifffile.imwrite(tmp_path / "a.tif", PLANE, photometric="palette", colormap=colours)
    np.testing.assert_array_equal(read_tiff(tmp_path / "a.tif").data, PLANE)


@pytest.mark.parametrize("read", [read_tiff, open_tiff_lazily])
@pytest.mark.parametrize(
    "colours",
    [palette(RANDOM), palette(ORANGE[::-1]), false_colours("jet")],
    ids=["random", "from bright to dark", "jet"],
)
def test_other_palettes_are_refused(tmp_path, read, colours):
    tifffile.imwrite(tmp_path / "a.tif", PLANE, photometric="palette", colormap=colours)
    with pytest.raises(ImageFileError, match=r"colours in a palette.* greyscale .*Lookup Tables > Grays"):
        read(tmp_path / "a.tif")


@pytest.mark.parametrize(
    "method", [Image.Quantize.MEDIANCUT, Image.Quantize.MAXCOVERAGE, Image.Quantize.FASTOCTREE]
)
def test_pictures_with_reduced_colours_are_refused(tmp_path, method):
    other = PLANE.T.reshape(24, 16)
    for colours in (np.dstack([0 * PLANE, PLANE, 0 * PLANE]), np.dstack([PLANE, other, PLANE])):
        Image.fromarray(colours).quantize(256, method).save(tmp_path / "a.tif")
        with pytest.raises(ImageFileError, match="colours in a palette"):
            read_tiff(tmp_path / "a.tif")


def test_in_palettes_of_programs_for_microscopes_the_numbers_are_intensities(tmp_path):
    how = {"photometric": "palette", "colormap": palette(RANDOM)}
    tifffile.imwrite(tmp_path / "a.tif", PLANE, description="ImageJ=1.54f\n", metadata=None, **how)
    tifffile.imwrite(tmp_path / "a.ome.tif", PLANE, **how)
    write_stk(tmp_path / "a.stk", PLANE[None], colours=palette(RANDOM).tobytes())
    write_fluoview(tmp_path / "b.tif", PLANE, [("X", 0.065, "um"), ("Y", 0.065, "um")], **how)
    for name in ("a.tif", "a.ome.tif", "a.stk", "b.tif"):
        with tifffile.TiffFile(tmp_path / name) as tif:
            assert tif.pages.first.photometric == tifffile.PHOTOMETRIC.PALETTE
        np.testing.assert_array_equal(read_tiff(tmp_path / name).data, PLANE)


def test_a_palette_that_is_not_there_tells_nothing(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PLANE, photometric="minisblack")
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as tif:
        tif.pages.first.tags["PhotometricInterpretation"].overwrite(3)
    np.testing.assert_array_equal(read_tiff(tmp_path / "a.tif").data, PLANE)


def test_numbers_that_are_low_where_the_image_is_bright_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PLANE, photometric="miniswhite")
    with pytest.raises(ImageFileError, match=r"marked 'white is zero'.*Edit > Invert"):
        read_tiff(tmp_path / "a.tif")
    # Of ImageJ, whose display alone is inverted, they are what was measured.
    tifffile.imwrite(tmp_path / "b.tif", PLANE, imagej=True)
    with tifffile.TiffFile(tmp_path / "b.tif", mode="r+") as tif:
        tif.pages.first.tags["PhotometricInterpretation"].overwrite(0)
    np.testing.assert_array_equal(read_tiff(tmp_path / "b.tif").data, PLANE)

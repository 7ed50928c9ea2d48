"""Several images in one OME-TIFF come back as they were, and open elsewhere as well."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import dask.array as da
import numpy as np
import pytest
import tifffile

from napari_cvdm.files.image_set import StoredImage, is_image_set, read_image_set, write_image_set
from napari_cvdm.files.ome_tiff import write_ome_tiff
from napari_cvdm.files.tiff import read_tiff
from napari_cvdm.restoration.errors import AxesError, ImageFileError, InputError


def _image(axes: str, shape: tuple[int, ...], name: str = "cell") -> StoredImage:
    data = np.random.default_rng(0).random(shape, np.float32)
    return StoredImage(name, data, axes, 32.5, {"picture": name, "draws": 8, "nested": {"a": [1, 2]}})


@pytest.mark.parametrize(
    ("axes", "shape"),
    [
        ("YX", (16, 12)),
        ("TYX", (1, 16, 12)),
        ("YCX", (16, 3, 12)),
        ("TZCYX", (2, 1, 2, 16, 12)),
        ("QYX", (4, 9, 8)),
        ("QTZCYX", (4, 1, 2, 3, 9, 8)),
        ("QQQQQYX", (1,) * 5 + (9, 8)),
    ],
)
def test_images_come_back_with_their_axes_and_what_was_said_of_them(tmp_path: Path, axes, shape):
    images = [_image(axes, shape, "reconstruction"), _image("YX", (16, 12), "uncertainty")]
    path = write_image_set(tmp_path / "cell.ome.tif", images)
    assert is_image_set(path)
    for written, read in zip(images, read_image_set(path), strict=True):
        np.testing.assert_array_equal(read.data, written.data)
        assert (read.name, read.axes, read.about) == (written.name, written.axes, written.about)
    assert [file.name for file in tmp_path.iterdir()] == ["cell.ome.tif"]


def test_other_readers_see_ordinary_ome_images(tmp_path: Path):
    path = write_image_set(tmp_path / "cell.ome.tif", [_image("TYX", (3, 16, 12)), _image("YX", (8, 8))])
    with tifffile.TiffFile(path) as tif:
        assert tif.is_ome
        assert [series.shape for series in tif.series] == [(3, 16, 12), (8, 8)]
    assert read_tiff(path).pixel_size == pytest.approx(32.5)


@pytest.mark.parametrize(
    ("axes", "shape"), [("YXS", (16, 12, 4)), ("YXS", (16, 12, 3)), ("TYXS", (2, 9, 8, 4))]
)
def test_colours_are_colours_in_other_programs_too(tmp_path: Path, axes, shape):
    data = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    path = write_image_set(tmp_path / "overlay.ome.tif", [StoredImage("overlay", data, axes, 32.5)])
    with tifffile.TiffFile(path) as tif:
        page = tif.pages[0]
        assert page.photometric == tifffile.PHOTOMETRIC.RGB
        assert page.tags["SamplesPerPixel"].value == shape[-1]
        np.testing.assert_array_equal(tif.series[0].asarray(), data)
    (again,) = read_image_set(path)
    np.testing.assert_array_equal(again.data, data)
    assert again.pixel_size_nm == pytest.approx(32.5)
    other = read_tiff(path)
    assert (other.axes, other.pixel_size) == (axes, pytest.approx(32.5))


@pytest.mark.parametrize(
    ("axes", "shape", "dtype"),
    [("YXS", (9, 8, 3), "f4"), ("YXS", (9, 8, 2), "u1"), ("ZYX", (2, 8, 3), "u1")],
)
def test_what_is_no_photograph_is_stored_as_channels_or_planes(tmp_path: Path, axes, shape, dtype):
    data = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    path = write_image_set(tmp_path / "a.ome.tif", [StoredImage("a", data, axes)])
    with tifffile.TiffFile(path) as tif:
        assert {page.photometric for page in tif.pages} == {tifffile.PHOTOMETRIC.MINISBLACK}
    (again,) = read_image_set(path)
    np.testing.assert_array_equal(again.data, data)


@pytest.mark.parametrize(
    ("axes", "spacing", "interval"), [("TZYX", 300, 30), ("TQYX", None, 30), ("ZQYX", 300, None)]
)
def test_sizes_come_back_along_the_axes_they_are_of(tmp_path: Path, axes, spacing, interval):
    data = np.ones((2, 3, 9, 9), np.float32)
    image = StoredImage("film", data, axes, 32.5, {}, 300.0, 30.0, pixel_height_nm=65.0)
    path = write_image_set(tmp_path / "film.ome.tif", [image])
    (again,) = read_image_set(path)
    assert (again.z_spacing_nm, again.time_interval_s) == pytest.approx((spacing, interval))
    assert read_tiff(path).pixel_sides == pytest.approx((65, 32.5))


def test_files_of_others_are_told_apart(tmp_path: Path):
    single = write_ome_tiff(tmp_path / "single.ome.tif", np.zeros((9, 9)), provenance={"draws": 8})
    plain = tmp_path / "plain.tif"
    tifffile.imwrite(plain, np.zeros((9, 9)))
    broken = tmp_path / "broken.ome.tif"
    broken.write_bytes(b"II*")
    for path in (single, plain, broken, tmp_path / "missing.ome.tif"):
        assert not is_image_set(path)
    with pytest.raises(ImageFileError, match="not saved by napari-cvdm"):
        read_image_set(single)


def test_nothing_is_replaced_or_left_behind(tmp_path: Path):
    path = write_image_set(tmp_path / "cell.ome.tif", [_image("YX", (9, 9))])
    before = path.read_bytes()
    with pytest.raises(ImageFileError, match="exists already"):
        write_image_set(path, [_image("YX", (8, 8))])
    with pytest.raises(AxesError, match="three axes"):
        write_image_set(tmp_path / "deep.ome.tif", [_image("QTZCYX", (2, 2, 2, 2, 8, 8))])
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["cell.ome.tif"]
    write_image_set(path, [_image("YX", (8, 8))], overwrite=True)
    assert read_image_set(path)[0].data.shape == (8, 8)


def test_what_is_larger_than_memory_is_refused_before_it_is_read(tmp_path: Path, monkeypatch):
    read: list[object] = []
    film = da.zeros((4, 16, 12), chunks=(1, 16, 12)).map_blocks(read.append, dtype=np.float64)
    images = [_image("YX", (16, 12)), StoredImage("film", film, "TYX")]
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(total=film.nbytes))
    read.clear()  # dask tries its function on nothing
    with pytest.raises(InputError, match=r"\.ome\.zarr"):
        write_image_set(tmp_path / "film.ome.tif", images)
    assert not read
    assert not list(tmp_path.iterdir())


def test_a_description_that_does_not_fit_is_refused(tmp_path: Path):
    path = write_image_set(tmp_path / "cell.ome.tif", [_image("YX", (9, 9))])
    path.write_bytes(path.read_bytes().replace(b"[9, 9]", b"[9, 8]"))
    with pytest.raises(ImageFileError, match="altered"):
        read_image_set(path)

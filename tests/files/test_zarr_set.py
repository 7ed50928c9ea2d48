"""Several images in one OME-Zarr come back as they were, and are valid OME-NGFF."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_cvdm.files.image_set import StoredImage
from napari_cvdm.files.zarr_set import is_zarr_set, read_zarr_set, write_zarr_set
from napari_cvdm.restoration.errors import ImageFileError


def _image(axes: str, shape: tuple[int, ...], name: str = "cell") -> StoredImage:
    data = np.random.default_rng(0).random(shape, np.float32)
    return StoredImage(name, data, axes, 32.5, {"picture": name, "draws": 8})


@pytest.mark.parametrize(
    ("axes", "shape"),
    [("YX", (16, 12)), ("TYX", (1, 16, 12)), ("YCX", (16, 3, 12)), ("ZTYX", (2, 3, 16, 12))],
)
def test_images_come_back_with_their_axes_and_what_was_said_of_them(tmp_path: Path, axes, shape):
    images = [_image(axes, shape, "reconstruction"), _image("YX", (16, 12), "uncertainty")]
    path = write_zarr_set(tmp_path / "cell.ome.zarr", images)
    assert is_zarr_set(path)
    for written, read in zip(images, read_zarr_set(path), strict=True):
        np.testing.assert_array_equal(read.data, written.data)
        assert (read.name, read.axes, read.about) == (written.name, written.axes, written.about)
    assert [entry.name for entry in tmp_path.iterdir()] == ["cell.ome.zarr"]


def test_large_planes_get_a_pyramid(tmp_path: Path):
    import zarr

    image = _image("YX", (700, 530))
    path = write_zarr_set(tmp_path / "cell.ome.zarr", [image])
    group = zarr.open_group(path / "0", mode="r")
    assert [group[str(level)].shape for level in range(2)] == [(700, 530), (350, 265)]
    binned = image.data[:2, :2].mean()
    assert group["1"][0, 0] == pytest.approx(binned, rel=1e-5)
    assert group.attrs["ome"]["multiscales"][0]["axes"][0]["unit"] == "micrometer"


def test_what_is_there_is_replaced_only_if_it_is_such_a_set(tmp_path: Path):
    path = write_zarr_set(tmp_path / "cell.ome.zarr", [_image("YX", (9, 9))])
    with pytest.raises(ImageFileError, match="exists already"):
        write_zarr_set(path, [_image("YX", (8, 8))])
    write_zarr_set(path, [_image("YX", (8, 8))], overwrite=True)
    assert read_zarr_set(path)[0].data.shape == (8, 8)
    precious = tmp_path / "thesis.zarr"
    precious.mkdir()
    (precious / "chapter.txt").write_text("1")
    with pytest.raises(ImageFileError, match="exists already"):
        write_zarr_set(precious, [_image("YX", (8, 8))], overwrite=True)
    assert (precious / "chapter.txt").exists()


def test_other_folders_are_told_apart(tmp_path: Path):
    assert not is_zarr_set(tmp_path)
    assert not is_zarr_set(tmp_path / "missing")
    (tmp_path / "zarr.json").write_text('{"attributes": {"napari_cvdm_set": "many"}}')
    assert not is_zarr_set(tmp_path)
    with pytest.raises(ImageFileError, match="not saved by napari-cvdm"):
        read_zarr_set(tmp_path)


def test_damage_is_said(tmp_path: Path):
    import shutil

    path = write_zarr_set(tmp_path / "cell.ome.zarr", [_image("YX", (9, 9))])
    shutil.rmtree(path / "0")
    with pytest.raises(ImageFileError, match="damaged"):
        read_zarr_set(path)

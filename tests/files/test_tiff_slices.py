import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from napari_cvdm.files import tiff_slices
from napari_cvdm.files.tiff import open_tiff_lazily, read_tiff
from napari_cvdm.restoration.errors import ImageFileError

from .conftest import frames, write_ome_set

LAYOUTS: dict[str, dict[str, Any]] = {
    "in one piece": {},
    "in one piece, other byte order": {"byteorder": ">"},
    "ImageJ": {"imagej": True, "metadata": {"axes": "TCYX"}},
    "strips": {"compression": "zlib", "rowsperstrip": 16},
    "tiles": {"compression": "zlib", "tile": (32, 32)},
    "pyramid": {"tile": (32, 32), "compression": "zlib", "subifds": 1},
    "other byte order, compressed": {"byteorder": ">", "compression": "zlib"},
}
SELECTIONS = [
    (1, 0, slice(3, 40), slice(10, 77)),
    (slice(None), 1, slice(0, 50, 7), slice(None)),
    (slice(1, 2), slice(0, 2), slice(49, 50), slice(0, 1)),
    (2, 1, 49, 3),
]


def written(path: Path, layout: str) -> NDArray[np.uint16]:
    data = np.random.default_rng(0).integers(0, 9000, (3, 2, 50, 80)).astype(np.uint16)
    options = dict(LAYOUTS[layout])
    if layout == "pyramid":
        with tifffile.TiffWriter(path, ome=True) as tif:
            tif.write(data, metadata={"axes": "TCYX"}, **options)
            del options["subifds"]
            tif.write(data[..., ::2, ::2], subfiletype=1, **options)
    else:
        tifffile.imwrite(path, data, **({"ome": layout != "ImageJ", "metadata": {"axes": "TCYX"}} | options))
    return data


def without_stores(*_: Any, **__: Any) -> None:
    raise ValueError("zarr 2.18.7 < 3 is not supported")  # in tifffile's words


@pytest.mark.parametrize("zarr_version", ["3.1.6", "2.18.7", None])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_slices_are_those_of_the_whole(
    tmp_path: Path, layout: str, zarr_version: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if zarr_version is None:
        monkeypatch.setitem(sys.modules, "zarr", None)
    elif zarr_version < "3":
        monkeypatch.setattr("zarr.__version__", zarr_version)
        monkeypatch.setattr(tifffile.TiffPageSeries, "aszarr", without_stores)
    data = written(tmp_path / "a.ome.tif" if layout != "ImageJ" else tmp_path / "a.tif", layout)
    image = open_tiff_lazily(next(tmp_path.iterdir()))
    assert (image.data.shape, image.data.dtype, image.axes) == (data.shape, data.dtype, "TCYX")
    for selection in SELECTIONS:
        np.testing.assert_array_equal(image.data[selection], data[selection])
        assert image.data[selection].dtype == image.data.dtype
    np.testing.assert_array_equal(image.data[0], data[0])
    assert image.data.chunks == (1, 1, 50, 80)


def test_says_what_reading_the_whole_says(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((2, 9, 9), np.uint8), imagej=True, resolution=(1 / 0.065, 1 / 0.065),
        metadata={"axes": "ZYX", "unit": "um", "spacing": 0.2},
    )  # fmt: skip
    lazily, whole = open_tiff_lazily(tmp_path / "a.tif"), read_tiff(tmp_path / "a.tif")
    for name in ("axes", "source", "pixel_size", "z_spacing", "time_interval", "channel_names"):
        assert getattr(lazily, name) == getattr(whole, name)
    assert lazily.pixel_size == 65.0


def test_travels_as_a_path(tmp_path: Path) -> None:
    data = written(tmp_path / "a.ome.tif", "tiles")
    packed = pickle.dumps(open_tiff_lazily(tmp_path / "a.ome.tif").data)
    assert len(packed) < 1000
    np.testing.assert_array_equal(pickle.loads(packed)[2, 1], data[2, 1])


def test_only_the_tiles_touched_are_decoded(tmp_path: Path) -> None:
    data = written(tmp_path / "a.ome.tif", "tiles")
    image = open_tiff_lazily(tmp_path / "a.ome.tif")
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tif:
        offset, count = tif.pages[0].dataoffsets[-1], tif.pages[0].databytecounts[-1]
    with (tmp_path / "a.ome.tif").open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * count)  # the last tile of the first plane is no longer a tile
    np.testing.assert_array_equal(image.data[0, 0, :32, :32], data[0, 0, :32, :32])
    with pytest.raises(ImageFileError, match="corrupt"):
        image.data[0, 0]


def test_a_file_that_went_away_is_named(tmp_path: Path) -> None:
    written(tmp_path / "a.ome.tif", "tiles")
    image = open_tiff_lazily(tmp_path / "a.ome.tif")
    (tmp_path / "a.ome.tif").unlink()
    with pytest.raises(ImageFileError, match=r"no file .*a\.ome\.tif"):
        image.data[0]


def counted_openings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    opened: list[str] = []
    begin = tifffile.TiffFile.__init__

    def counting(self: tifffile.TiffFile, file: Any, *args: Any, **options: Any) -> None:
        opened.append(Path(file).name)
        begin(self, file, *args, **options)

    monkeypatch.setattr(tifffile.TiffFile, "__init__", counting)
    return opened


@pytest.mark.parametrize("layout", ["strips", "tiles", "other byte order, compressed"])
def test_planes_are_found_once_and_the_file_is_closed(
    tmp_path: Path, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = written(tmp_path / "a.ome.tif", layout)
    image = open_tiff_lazily(tmp_path / "a.ome.tif")
    opened = counted_openings(monkeypatch)
    for time in range(3):
        np.testing.assert_array_equal(image.data[time, 1], data[time, 1])
        (known,) = (each for key, each in tiff_slices._known.items() if key[1] == image.data.path)
        assert known._tif is not None
        assert known._tif.filehandle.closed  # Windows lets no open file be replaced
    assert opened == ["a.ome.tif"]


def test_a_file_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    data = written(tmp_path / "a.ome.tif", "tiles")
    image = open_tiff_lazily(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(image.data[0], data[0])
    tifffile.imwrite(
        tmp_path / "b.ome.tif", data + 1, ome=True, metadata={"axes": "TCYX"}, compression="zlib"
    )
    (tmp_path / "b.ome.tif").replace(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(image.data[0], data[0] + 1)


def test_an_image_is_read_anew_when_another_file_of_its_set_was_replaced(tmp_path: Path) -> None:
    for folder, first in ((tmp_path, 0), (tmp_path / "later", 1)):
        folder.mkdir(exist_ok=True)
        blocks = [("a.ome.tif", frames(0)[:1]), ("b.ome.tif", frames(first)[1:])]
        write_ome_set(folder, [blocks], options={"b.ome.tif": {"software": "x" * 5000 * first}})
    image = open_tiff_lazily(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(image.data[1], frames(0)[1])
    (tmp_path / "later" / "b.ome.tif").replace(tmp_path / "b.ome.tif")
    np.testing.assert_array_equal(image.data[1], frames(1)[1])


def test_few_files_are_remembered(tmp_path: Path) -> None:
    for number in range(6):
        written(tmp_path / f"{number}.ome.tif", "tiles")
        open_tiff_lazily(tmp_path / f"{number}.ome.tif").data[0]
    assert len(tiff_slices._known) <= 4


def test_threads_read_side_by_side(tmp_path: Path) -> None:
    data = written(tmp_path / "a.ome.tif", "tiles")
    image = open_tiff_lazily(tmp_path / "a.ome.tif").data
    places = [(time, channel) for time in range(3) for channel in range(2)] * 5
    with ThreadPoolExecutor(4) as pool:
        for place, plane in zip(places, pool.map(image.__getitem__, places), strict=True):
            np.testing.assert_array_equal(plane, data[place])

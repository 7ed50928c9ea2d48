"""Several images in one OME-Zarr come back as they were, and are valid OME-NGFF."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader

from napari_cvdm.files.image_set import StoredImage
from napari_cvdm.files.zarr_set import is_zarr_set, read_zarr_set, write_zarr_set
from napari_cvdm.restoration.errors import ImageFileError, InputError, InputTypeError
from tests.hostile.zarr_cases import plant


def _image(axes: str, shape: tuple[int, ...], name: str = "cell") -> StoredImage:
    data = np.random.default_rng(0).random(shape, np.float32)
    return StoredImage(name, data, axes, 32.5, {"picture": name, "draws": 8})


@pytest.mark.parametrize(
    ("axes", "shape"),
    [
        ("YX", (16, 12)),
        ("TYX", (1, 16, 12)),
        ("YCX", (16, 3, 12)),
        ("ZTYX", (2, 3, 16, 12)),
        ("CQTZYX", (3, 2, 1, 4, 9, 8)),
    ],
)
def test_images_come_back_with_their_axes_and_what_was_said_of_them(tmp_path: Path, axes, shape):
    images = [_image(axes, shape, "reconstruction"), _image("YX", (16, 12), "uncertainty")]
    path = write_zarr_set(tmp_path / "cell.ome.zarr", images)
    assert is_zarr_set(path)
    for written, read in zip(images, read_zarr_set(path), strict=True):
        np.testing.assert_array_equal(read.data, written.data)
        assert (read.name, read.axes, read.about) == (written.name, written.axes, written.about)
    assert [entry.name for entry in tmp_path.iterdir()] == ["cell.ome.zarr"]


@pytest.mark.parametrize(("dtype", "bright"), [("u1", 255), ("f4", 1)])
def test_other_programs_see_one_picture_in_colour(tmp_path: Path, dtype: str, bright: float):
    pixels = (np.random.default_rng(0).random((2, 9, 8, 4)) * bright).astype(dtype)
    path = write_zarr_set(tmp_path / "a.ome.zarr", [StoredImage("overlay", pixels, "TYXS")])
    (read,) = read_zarr_set(path)
    np.testing.assert_array_equal(read.data, pixels)
    (node, *_) = list(Reader(parse_url(path / "0"))())
    shown = node.metadata
    assert shown["channel_names"] == ["red", "green", "blue", "opacity"]
    assert shown["visible"] == [True, True, True, False]
    assert shown["contrast_limits"] == [[0, bright]] * 4
    # Added up, as such programs do it, in the colours they are told.
    painted = sum(
        node.data[0][:, number, ..., None].compute() / bright * np.asarray(colour[-1])
        for number, colour in enumerate(shown["colormap"][:3])
    )
    np.testing.assert_allclose(painted, pixels[..., :3] / bright, atol=1e-6)


@pytest.mark.parametrize("dtype", ["u1", ">u2", "u4", "i8", "f2", "f4", "f8", "g"])
def test_pixels_come_back_as_they_were(tmp_path: Path, dtype: str):
    data = np.arange(9 * 7).reshape(9, 7).astype(dtype)
    if dtype == "u4":
        data += 2**24  # from where single-precision floats leave numbers out
    (read,) = read_zarr_set(write_zarr_set(tmp_path / "a.ome.zarr", [StoredImage("a", data, "YX")]))
    np.testing.assert_array_equal(read.data, data)
    assert read.data.dtype == (np.dtype("f8") if dtype == "g" else data.dtype.newbyteorder("="))


def test_masks_become_numbers_and_what_is_no_number_is_refused(tmp_path: Path):
    mask = StoredImage("mask", np.eye(9) > 0, "YX")
    (read,) = read_zarr_set(write_zarr_set(tmp_path / "mask.ome.zarr", [mask]))
    np.testing.assert_array_equal(read.data, np.eye(9, dtype=np.uint8), strict=True)
    with pytest.raises(InputTypeError, match="complex"):
        write_zarr_set(tmp_path / "wave.ome.zarr", [StoredImage("wave", np.ones((9, 9)) * 1j, "YX")])
    assert [entry.name for entry in tmp_path.iterdir()] == ["mask.ome.zarr"]


@pytest.mark.parametrize(
    ("axes", "steps", "units"),
    [
        ("TZYX", [30.0, 0.3, 0.0325, 0.0325], ["second", *["micrometer"] * 3]),
        ("TQYX", [30.0, 1.0, 0.0325, 0.0325], ["second", None, *["micrometer"] * 2]),
    ],
)
def test_other_programs_find_the_distances_of_planes_and_frames(tmp_path: Path, axes, steps, units):
    import zarr

    image = StoredImage("film", np.ones((2, 3, 9, 9), np.float32), axes, 32.5, {}, 300.0, 30.0)
    path = write_zarr_set(tmp_path / "film.ome.zarr", [image])
    (multiscale,) = zarr.open_group(path / "0", mode="r").attrs["ome"]["multiscales"]
    assert multiscale["datasets"][0]["coordinateTransformations"][0]["scale"] == steps
    assert [axis.get("unit") for axis in multiscale["axes"]] == units


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
    path = write_zarr_set(tmp_path / "cell.ome.zarr", [_image("YX", (9, 9))])
    shutil.rmtree(path / "0")
    with pytest.raises(ImageFileError, match="damaged"):
        read_zarr_set(path)


OLD, NEW = _image("YX", (9, 9), "old"), _image("YX", (8, 8), "new")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return write_zarr_set(tmp_path / "cell.ome.zarr", [OLD])


def _fail_at(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, fails: Callable[..., Exception | None]):
    """Let a function fail when ``fails`` says so, by what it is called with."""
    genuine = getattr(owner, name)

    def function(*arguments: Any, **options: Any) -> Any:
        if error := fails(*arguments):
            raise error
        return genuine(*arguments, **options)

    monkeypatch.setattr(owner, name, function)


def _what(path: Path) -> str:
    return read_zarr_set(path)[0].name


def _beside(path: Path) -> list[str]:
    return sorted(entry.suffix for entry in path.parent.iterdir() if entry != path)


def test_the_old_is_deleted_only_when_the_new_is_in_its_place(saved: Path, monkeypatch: pytest.MonkeyPatch):
    found = []

    def look(folder: Path) -> None:
        if folder.suffix == ".part" or "cell" not in folder.name:  # zarr, and what is left of the writing
            return
        found.append((folder.suffix, _what(saved), _what(folder)))

    _fail_at(monkeypatch, shutil, "rmtree", look)
    write_zarr_set(saved, [NEW], overwrite=True)
    assert found == [(".old", "new", "old")]
    assert _beside(saved) == []


@pytest.mark.parametrize("error", [OSError(13, "Permission denied"), KeyboardInterrupt()])
def test_an_old_that_cannot_be_deleted_costs_nothing(saved: Path, monkeypatch: pytest.MonkeyPatch, error):
    def fails(folder: Path) -> Any:
        if folder.suffix != ".old":
            return None
        (folder / "0" / "zarr.json").unlink()  # half of it is gone
        return error

    _fail_at(monkeypatch, shutil, "rmtree", fails)
    if isinstance(error, OSError):
        with pytest.warns(UserWarning, match=r"is saved, but .*Permission denied. Delete .*\.old beside it"):
            assert write_zarr_set(saved, [NEW], overwrite=True) == saved
    else:
        with pytest.raises(KeyboardInterrupt):
            write_zarr_set(saved, [NEW], overwrite=True)
    assert _what(saved) == "new"


def test_a_folder_that_cannot_step_aside_stays(saved: Path, monkeypatch: pytest.MonkeyPatch):
    _fail_at(monkeypatch, Path, "rename", lambda a, b: OSError(13, "in use") if b.suffix == ".old" else None)
    with pytest.raises(ImageFileError, match=r"cannot be replaced: in use. It is as it was. Close"):
        write_zarr_set(saved, [NEW], overwrite=True)
    assert _what(saved) == "old"
    assert _beside(saved) == []


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_the_old_comes_back_if_the_new_cannot_have_its_place(
    saved: Path, monkeypatch: pytest.MonkeyPatch, error
):
    _fail_at(monkeypatch, Path, "rename", lambda a, b: error if a.suffix == ".part" else None)
    said = r"No space left.*as it was\. Choose" if isinstance(error, OSError) else None
    with pytest.raises((ImageFileError, KeyboardInterrupt), match=said):
        write_zarr_set(saved, [NEW], overwrite=True)
    assert _what(saved) == "old"
    assert _beside(saved) == []


def test_if_it_cannot_come_back_it_is_said_where_it_is(saved: Path, monkeypatch: pytest.MonkeyPatch):
    _fail_at(monkeypatch, Path, "rename", lambda a, b: OSError(5, "no") if b.suffix != ".old" else None)
    with pytest.raises(ImageFileError, match=r"is now in \.cell\.ome\.zarr\..*\.old beside it: give"):
        write_zarr_set(saved, [NEW], overwrite=True)
    assert _beside(saved) == [".old"]
    (aside,) = saved.parent.iterdir()
    assert _what(aside) == "old"


def test_nothing_is_left_of_what_could_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    _fail_at(monkeypatch, Path, "rename", lambda a, b: OSError(28, "No space left on device"))
    with pytest.raises(ImageFileError, match=r"cannot be written: No space left"):
        write_zarr_set(tmp_path / "cell.ome.zarr", [NEW])
    assert list(tmp_path.iterdir()) == []


class OnDisk:
    """An array that may be read in parts alone; notes how many pixels were read at once."""

    def __init__(self, data: NDArray[Any], chunks: Any = None) -> None:
        self._data, self.chunks = data, chunks
        self.shape, self.dtype, self.ndim = data.shape, data.dtype, data.ndim
        self.read: list[int] = []

    def __getitem__(self, selection: Any) -> NDArray[Any]:
        part = self._data[selection]
        self.read.append(part.size)
        return part

    def __array__(self, *_: Any, **__: Any) -> NDArray[Any]:
        raise AssertionError("read as a whole")


@pytest.mark.parametrize(
    ("axes", "shape", "chunks", "most", "parts"),
    [
        ("TYX", (2, 700, 530), None, 512 * 512, 8),
        ("YTX", (700, 2, 530), (100, 1, 100), 512 * 512, 8),
        ("XY", (530, 700), (530, 700), 530 * 700, 1),
        ("TYX", (3, 700, 20), ((2, 1), (350, 350), (20,)), 2 * 512 * 20, 4),
    ],
)
def test_an_array_on_disk_is_never_read_as_a_whole_nor_a_chunk_of_it_in_vain(
    tmp_path: Path, axes: str, shape: tuple[int, ...], chunks: Any, most: int, parts: int
):
    data = np.random.default_rng(0).integers(0, 9000, shape).astype(">u2")
    array = OnDisk(data, chunks)
    (read,) = read_zarr_set(write_zarr_set(tmp_path / "a.ome.zarr", [StoredImage("a", array, axes)]))
    np.testing.assert_array_equal(read.data, data)
    assert len(array.read) == parts
    assert max(array.read) == most


def test_an_array_that_cannot_be_read_is_not_taken_for_a_disk_that_cannot_be_written(tmp_path: Path):
    class Gone(OnDisk):
        def __getitem__(self, selection: Any) -> NDArray[Any]:
            raise OSError(2, "No such file or directory")

    with pytest.raises(InputError, match=r"could not be read \(No such file"):
        write_zarr_set(tmp_path / "a.ome.zarr", [StoredImage("a", Gone(np.ones((9, 9))), "YX")])
    assert list(tmp_path.iterdir()) == []


def test_a_program_in_place_of_pixels_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # As before numcodecs refused pickles by itself.
    monkeypatch.setattr("numcodecs.pickles.ALLOW_UNSAFE_PICKLE_DECODE", True, raising=False)
    image = tmp_path / "a.ome.zarr" / "0"
    plant(image / "0", tmp_path / "planted")
    (image / ".zgroup").write_text('{"zarr_format": 2}')
    about = {"name": "a", "array": {"axes": "YX", "shape": [16, 18], "order": [0, 1]}}
    (image / ".zattrs").write_text(json.dumps({"napari_cvdm": about}))
    collection = {"zarr_format": 3, "node_type": "group", "attributes": {"napari_cvdm_set": 1}}
    (tmp_path / "a.ome.zarr" / "zarr.json").write_text(json.dumps(collection))
    with pytest.raises(ImageFileError, match="something else than numbers"):
        read_zarr_set(tmp_path / "a.ome.zarr")
    assert not (tmp_path / "planted").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shape": [2**20, 2**20, 2**10]}, r"does not fit.*such as .*zarr.0: they"),
        ({"codecs": [{"name": "bytes"}]}, "damaged"),
    ],
)
def test_an_array_that_cannot_be_read_is_said(tmp_path: Path, change: dict[str, Any], words: str):
    path = write_zarr_set(tmp_path / "a.ome.zarr", [StoredImage("a", np.ones((2, 9, 8), "f4"), "TYX")])
    file = path / "0" / "0" / "zarr.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(ImageFileError, match=words):
        read_zarr_set(path)

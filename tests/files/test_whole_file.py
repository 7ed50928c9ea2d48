"""A file that is being written has no name of its own until it is whole."""

import os
from pathlib import Path

import pytest

from napari_cvdm.files.whole_file import whole_file, write_whole
from napari_cvdm.restoration.errors import ImageFileError


def test_makes_its_folder_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "new" / "numbers.json"
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_the_name_is_taken_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "image.tif"
    with whole_file(path) as file:
        file.write(b"half")
        assert not path.exists()
        assert [each.suffix for each in tmp_path.iterdir()] == [".part"]
    assert path.read_bytes() == b"half"


@pytest.mark.parametrize("fault", [KeyboardInterrupt, OSError, ValueError])
def test_an_interruption_leaves_the_old_file_alone(tmp_path: Path, fault: type[BaseException]) -> None:
    path = tmp_path / "image.tif"
    path.write_bytes(b"old")

    def write_half() -> None:
        with whole_file(path) as file:
            file.write(b"new")
            raise fault

    with pytest.raises(fault):
        write_half()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_rename_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "image.tif"
    write_whole(path, b"old")

    def interrupt(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_reaches_the_disk_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, order = tmp_path / "image.tif", []
    synchronise, rename = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda number: (order.append("disk"), synchronise(number))[1])
    monkeypatch.setattr(Path, "replace", lambda *paths: (order.append("name"), rename(*paths))[1])
    write_whole(path, b"pixels")
    assert order == ["disk", "name"]


def test_refuses_a_file_that_exists_before_and_after_writing(tmp_path: Path) -> None:
    path = tmp_path / "image.tif"

    def write_while_others_do() -> None:
        with whole_file(path, overwrite=False) as file:
            file.write(b"ours")
            path.write_bytes(b"theirs, made while we wrote")

    with pytest.raises(ImageFileError, match="exists already"):
        write_while_others_do()
    assert path.read_bytes() == b"theirs, made while we wrote"
    with pytest.raises(ImageFileError, match="exists already"), whole_file(path, overwrite=False):
        raise AssertionError("nothing is written")
    assert list(tmp_path.iterdir()) == [path]

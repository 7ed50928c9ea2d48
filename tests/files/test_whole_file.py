"""Files that appear whole, and replace no other unless they may."""

import json
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


def test_text_is_written_whatever_names_are_in_it(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.json", '"β of bild\udce4.tif"')  # as Python reads a name that is not in UTF-8
    written = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert written == r'"β of bild\udce4.tif"'
    assert json.loads(written) == "β of bild\udce4.tif"


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

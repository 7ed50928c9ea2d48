"""A file that is being written has no name of its own until it is whole."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from napari_cvdm.models.replacing import naming_full_disk, replacing


def test_the_name_is_taken_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "image.tif"
    with replacing(path) as file:
        file.write(b"half")
        assert not path.exists()
        assert [each.suffix for each in tmp_path.iterdir()] == [".part"]
    assert path.read_bytes() == b"half"


@pytest.mark.parametrize("fault", [KeyboardInterrupt, OSError, ValueError])
def test_an_interruption_leaves_the_old_file_alone(tmp_path: Path, fault: type[BaseException]) -> None:
    path = tmp_path / "image.tif"
    path.write_bytes(b"old")

    def write_half() -> None:
        with replacing(path) as file:
            file.write(b"new")
            raise fault

    with pytest.raises(fault):
        write_half()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_killed_processes_have_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    path, other = tmp_path / "image[1].tif", tmp_path / ".image.tif.0123abcd.part"
    other.write_bytes(b"of another file")
    code = f"""
import os
from pathlib import Path
from napari_cvdm.models.replacing import replacing
with replacing(Path({str(path)!r})) as file:
    file.write(b"half")
    print("writing", flush=True)
    input()
"""
    writer = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        (left,) = tmp_path.glob(".image[[]1].tif.*.part")
        os.utime(left, (1e9, 1e9))
        with replacing(path) as file:  # while the other process is at work
            file.write(b"ours")
        writer.kill()
    assert left.exists()
    os.utime(left)  # as if its writer had just closed it, to give it its name
    with replacing(path) as file:
        file.write(b"ours")
    assert left.exists()
    os.utime(left, (1e9, 1e9))
    with replacing(path) as file:
        file.write(b"again")
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {
        path.name: b"again",
        other.name: b"of another file",
    }


def test_an_interrupted_rename_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "image.tif"
    path.write_bytes(b"old")

    def interrupt(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt), replacing(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_reaches_the_disk_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, order = tmp_path / "image.tif", list[object]()
    synchronise, rename = os.fsync, Path.replace
    monkeypatch.setattr(
        os, "fsync", lambda number: (order.append(os.fstat(number).st_size), synchronise(number))[1]
    )
    monkeypatch.setattr(Path, "replace", lambda *paths: (order.append("name"), rename(*paths))[1])
    with replacing(path) as file:
        file.write(b"pixels")
    assert order == [len(b"pixels"), "name"]


@pytest.mark.parametrize(
    ("number", "named"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EIO, False)]
)
def test_a_full_disk_is_named_by_what_was_to_be_written(tmp_path: Path, number: int, named: bool) -> None:
    """Only a full one: other errors may be of what is read at the same time."""
    path = tmp_path / "image.tif"
    with pytest.raises(OSError, match="no room") as caught, replacing(path):
        raise OSError(number, "no room")
    assert caught.value.filename == (str(path) if named else None)
    assert not list(tmp_path.iterdir())


def test_a_name_that_an_error_has_is_kept(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no room") as caught, naming_full_disk(tmp_path):
        raise OSError(errno.ENOSPC, "no room", "other")
    assert caught.value.filename == "other"

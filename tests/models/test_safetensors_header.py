from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from napari_cvdm.models import ModelError
from napari_cvdm.models.safetensors_header import HEADER_LIMIT, read_header


def write(path: Path, header: Any, data: bytes = b"", *, length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + data)
    return path


def tensor(shape: Any, dtype: Any = "F32", offsets: tuple[int, int] = (0, 4)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.safetensors"


def test_a_header_is_read(path: Path) -> None:
    header = {
        "__metadata__": {"note": "hello"},
        "a": tensor([2, 3], offsets=(0, 24)),
        "b": tensor([], "F16", (24, 26)),
    }
    found = read_header(write(path, header, bytes(26)))
    assert found.metadata == {"note": "hello"}
    assert found.shapes == {"a": (2, 3), "b": ()}
    assert read_header(write(path, {"a": tensor([1])}, bytes(4))).metadata == {}


def test_a_header_of_a_gigabyte_is_not_read(path: Path) -> None:
    write(path, b"{" + b" " * 100, length=2**30)
    with pytest.raises(ModelError, match="declares a header of 1,073,741,824 bytes"):
        read_header(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"short", b"\x89HDF\r\n\x1a\n" + b"x" * 99, b"PK\x03\x04" + b"x" * 99, bytes(8) + b"{}"],
)
def test_other_files_are_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ModelError, match="is neither a safetensors nor an HDF5 file"):
        read_header(path)


def test_a_file_of_another_length_than_its_header_declares_is_refused(path: Path) -> None:
    whole = write(path, {"a": tensor([8], offsets=(0, 32))}, bytes(32)).read_bytes()
    for content in (*(whole[:length] for length in range(len(whole))), whole + b"x"):
        path.write_bytes(content)
        with pytest.raises(ModelError):
            read_header(path)
    path.write_bytes(whole)
    assert read_header(path).shapes == {"a": (8,)}


@pytest.mark.parametrize(
    "header",
    [
        b"{not json",
        b'{"a":' + b"[" * (HEADER_LIMIT - 100),
        {"a": 5},
        {"a": {"shape": [1]}},
        {"a": tensor([1], 7)},
        {"a": tensor("12")},
        {"a": tensor([-1])},
        {"a": tensor([1.5])},
        {"a": tensor([True])},
        {"a": tensor([2])},
        {"a": tensor([10**12, 10**12])},
        {"__metadata__": ["x"]},
        {"__metadata__": {"x": 1}},
    ],
)
def test_a_header_that_lies_is_refused(path: Path, header: Any) -> None:
    with pytest.raises(ModelError, match="is damaged, cut short or not what it seems"):
        read_header(write(path, header, bytes(4)))


def test_whole_numbers_are_no_weights(path: Path) -> None:
    with pytest.raises(ModelError, match="numbers of the type 'I32'"):
        read_header(write(path, {"a": tensor([1], "I32")}, bytes(4)))


def test_an_unreadable_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_header(tmp_path / "absent.safetensors")

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from napari_cvdm.models import ModelError, load_model
from napari_cvdm.models.hashes import as_sha256, check_sha256, file_sha256, is_sha256

RIGHT = hashlib.sha256(b"weights").hexdigest()


def test_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"weights")
    assert file_sha256(tmp_path / "a") == RIGHT
    with pytest.raises(ModelError, match="cannot be read"):
        file_sha256(tmp_path / "b")


@pytest.mark.parametrize("stated", [None, RIGHT, RIGHT.upper(), f" {RIGHT}\n"])
def test_is_taken_as_people_copy_it(stated: str | None) -> None:
    assert as_sha256(stated) == (None if stated is None else RIGHT)
    check_sha256(Path("a"), RIGHT, stated)


@pytest.mark.parametrize("stated", ["abc", "", RIGHT[:-1], RIGHT + "0", "g" * 64, f"sha256:{RIGHT}"])
def test_what_is_no_hash_is_not_blamed_on_the_file(stated: str) -> None:
    for refuse in (as_sha256, lambda text: check_sha256(Path("a"), RIGHT, text)):
        with pytest.raises(ModelError, match="64 hexadecimal digits: copy it whole"):
            refuse(stated)
    with pytest.raises(ModelError, match="64 hexadecimal digits"):
        load_model(sha256=stated)


def test_another_file_is_told_by_both_hashes() -> None:
    with pytest.raises(ModelError, match=f"a is not the expected file: .* is {RIGHT}, and {'0' * 64} was"):
        check_sha256(Path("a"), RIGHT, "0" * 64)


@pytest.mark.parametrize("value", [RIGHT.upper(), RIGHT[:40], None, 3, f"{RIGHT}\n"])
def test_records_hold_small_letters_alone(value: object) -> None:
    assert not is_sha256(value)
    assert is_sha256(RIGHT)

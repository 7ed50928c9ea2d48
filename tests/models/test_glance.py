from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from napari_cvdm.models import ModelError, add_model, load_model
from napari_cvdm.models.glance import hash_of_model
from napari_cvdm.models.hashes import file_sha256

pytestmark = pytest.mark.usefixtures("cache")


def test_models_pass(weights: Path, tmp_path: Path) -> None:
    assert hash_of_model(weights) == file_sha256(weights)
    (tmp_path / "k.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(10))
    hash_of_model(tmp_path / "k.h5")


@pytest.mark.parametrize("take", [hash_of_model, load_model, add_model])
@pytest.mark.parametrize("start", [b"II*\0", b"\x89HDF\r\n\x1a\n"])
def test_a_huge_image_is_refused_without_being_read(
    take: Callable[[Path], Any], start: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_: Path) -> str:
        pytest.fail("the whole file was read")

    monkeypatch.setattr("napari_cvdm.models.glance.file_sha256", never)
    path = tmp_path / "image.tif"
    path.write_bytes(start)
    os.truncate(path, 5 * 2**30)  # sparse: it takes no room
    with pytest.raises(ModelError, match=r"no model is so large"):
        take(path)
    os.truncate(path, 4)
    if start.startswith(b"II"):
        with pytest.raises(ModelError, match="is neither a safetensors nor an HDF5 file"):
            take(path)


def test_a_file_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no model file"):
        hash_of_model(tmp_path / "absent")

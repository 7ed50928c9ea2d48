"""Files and folders are known by what they hold, and quickly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tifffile import TiffFile, TiffWriter

from napari_cvdm.files.ome_tiff import write_ome_tiff
from napari_cvdm.plugin.stored.kinds import is_saved_result, kind_of
from napari_cvdm.plugin.stored.saving import save_layers


@pytest.mark.parametrize(("name", "kind"), [("any.name", "set"), ("cell.zarr", "zarr set")])
def test_a_saved_result_is_known_under_any_name(tmp_path: Path, make_result, name, kind):
    path = save_layers(tmp_path / name, [layer.as_layer_data_tuple() for layer in make_result()])
    assert kind_of(path) == kind
    assert is_saved_result(path)


def test_a_picture_of_the_shell_is_known(tmp_path: Path):
    path = write_ome_tiff(tmp_path / "out.tif", np.ones((9, 9)), provenance={"content": "uncertainty"})
    assert kind_of(path) == "picture"
    assert is_saved_result(path)


def test_folders_are_told_apart(tmp_path: Path, large_result):
    large, _ = large_result(tmp_path / "large.ome.zarr")
    (tmp_path / "photos").mkdir()
    assert (kind_of(large), kind_of(tmp_path / "photos")) == ("zarr image", "folder")
    assert not is_saved_result(large)


@pytest.mark.parametrize(
    "said", [None, {"content": "something else"}, {"content": ["reconstruction"]}, ["array"]]
)
def test_what_others_have_written_is_left_to_them(tmp_path: Path, said):
    path = write_ome_tiff(tmp_path / "plain.ome.tif", np.zeros((9, 9), np.uint8), "YX", provenance=said)
    assert kind_of(path) is None


def test_what_cannot_be_read_is_nobody_s(tmp_path: Path):
    broken, text, entities = (tmp_path / name for name in ("broken.tif", "a.txt", "entities.ome.tif"))
    broken.write_bytes(b"II*\0rubbish")
    text.write_text("napari_cvdm")
    with TiffWriter(entities, ome=False) as tif:
        xml = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "napari_cvdm">]><OME>&b;</OME>'
        tif.write(np.zeros((9, 9), np.uint8), description=xml, metadata=None)
    for path in (broken, text, entities, tmp_path / "missing.tif"):
        assert kind_of(path) is None


def test_the_pages_of_a_film_are_not_looked_for(tmp_path: Path, monkeypatch, make_result):
    """Those of 10 000 planes take half a second to find, while the viewer waits."""
    path = save_layers(tmp_path / "a.ome.tif", [layer.as_layer_data_tuple() for layer in make_result()])
    monkeypatch.setattr(TiffFile, "series", property(lambda _: pytest.fail("were looked for")))
    assert kind_of(path) == "set"

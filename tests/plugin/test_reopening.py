"""Napari's own ways of saving and opening keep a result whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

from napari_cvdm.plugin.layers import METADATA_KEY
from napari_cvdm.plugin.outcome import prefer_own_reader
from napari_cvdm.plugin.reopening import get_reader


def test_only_saved_results_are_taken(tmp_path: Path):
    other = tmp_path / "other.ome.tif"
    tifffile.imwrite(other, np.zeros((9, 9), np.uint8), metadata={"axes": "YX"})
    assert get_reader(str(other)) is None
    assert get_reader([str(other)]) is None
    assert get_reader(str(tmp_path)) is None
    assert get_reader(str(tmp_path / "missing.cvdm.ome.tif")) is None


def test_file_save_and_dropping_the_file_restore_the_layers(viewer, widget, tmp_path: Path, make_result):
    for layer in make_result():
        viewer.add_layer(layer)
    path = tmp_path / "cell.cvdm.ome.tif"
    assert viewer.layers.save(str(path)) == [str(path)]
    before = {layer.name: layer.metadata[METADATA_KEY] for layer in viewer.layers}
    viewer.layers.clear()
    prefer_own_reader()  # saving a result from the panel has done so
    viewer.open(str(path), plugin=None)  # as dropping does
    assert {layer.name: layer.metadata[METADATA_KEY] for layer in viewer.layers} == before
    assert viewer.layers["cell CVDM"].colormap.name == "green"


def test_the_user_s_choice_of_a_reader_is_kept(viewer):
    from napari.settings import get_settings

    plugins = get_settings().plugins
    usual = dict(plugins.extension2reader)
    prefer_own_reader()
    (pattern,) = set(plugins.extension2reader) - set(usual) or {"*/?*.cvdm.ome.tif"}
    plugins.extension2reader = {**usual, pattern: "another"}
    prefer_own_reader()
    assert plugins.extension2reader[pattern] == "another"
    plugins.extension2reader = usual

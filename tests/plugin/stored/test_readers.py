"""napari asks nothing about results and folders, but the user and other plugins have the last word."""

from __future__ import annotations

import tempfile
from types import SimpleNamespace

import pytest
from napari.plugins.utils import get_preferred_reader
from napari.settings import get_settings

from napari_cvdm.plugin.stored.readers import settle_readers


@pytest.fixture
def readers(viewer):
    plugins = get_settings().plugins
    usual = dict(plugins.extension2reader)
    plugins.extension2reader = {}
    yield plugins
    plugins.extension2reader = usual


def test_results_and_zarr_come_here_and_other_folders_go_to_napari(readers, tmp_path):
    settle_readers()
    for name, reader in {
        "cell.cvdm.ome.zarr": "napari-cvdm",
        "film.ome.zarr": "napari-cvdm",
        "photos": "napari",
    }.items():
        (tmp_path / name).mkdir()
        assert get_preferred_reader(str(tmp_path / name)) == reader
    for name in ("cell.cvdm.ome.tif", "cell.cvdm.ome.tiff"):
        assert get_preferred_reader(str(tmp_path / name)) == "napari-cvdm"
    assert get_preferred_reader(str(tmp_path / "cell.tif")) is None


def test_the_user_s_choice_of_a_reader_is_kept(readers):
    readers.extension2reader = {"*/?*.cvdm.ome.tif": "another", "*/": "third"}
    settle_readers()
    assert readers.extension2reader["*/?*.cvdm.ome.tif"] == "another"
    assert readers.extension2reader["*/"] == "third"


def test_settings_that_cannot_be_written_keep_nothing_from_opening(readers, monkeypatch, caplog):
    class FullDisk:
        def __setattr__(self, name, value):
            vars(self)[name] = value
            raise OSError(28, "No space left on device")

    plugins = FullDisk()
    vars(plugins)["extension2reader"] = {}
    monkeypatch.setattr("napari.settings.get_settings", lambda: SimpleNamespace(plugins=plugins))
    settle_readers()
    assert "No space left" in caplog.text
    assert plugins.extension2reader["*/?*.cvdm.ome.tif"] == "napari-cvdm"


def test_a_plugin_that_opens_folders_is_not_passed_over(readers, npe2pm, tmp_path):
    settle_readers()
    with npe2pm.tmp_plugin(name="folders") as plugin:

        @plugin.contribute.reader(filename_patterns=["*"], accepts_directories=True)
        def read(path):
            return None

        settle_readers()
        assert get_preferred_reader(tempfile.gettempdir()) is None
        (tmp_path / "film.ome.zarr").mkdir()
        assert get_preferred_reader(str(tmp_path / "film.ome.zarr")) is None
        (tmp_path / "cell.cvdm.ome.zarr").mkdir()
        assert get_preferred_reader(str(tmp_path / "cell.cvdm.ome.zarr")) == "napari-cvdm"

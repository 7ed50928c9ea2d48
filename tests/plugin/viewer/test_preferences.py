"""Preferences come from napari's settings; what is missing or makes no sense is left at its default."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from npe2 import PluginManifest

from napari_cvdm.plugin.viewer import preferences
from napari_cvdm.plugin.viewer.preferences import (
    Preferences,
    apply_cache_folder,
    read_preferences,
    remember,
    take_gpu_hint,
)


def test_they_are_the_manifest_s_settings(plugin_settings, npe2pm):
    from napari.settings import get_plugin_settings

    npe2pm.register(PluginManifest.from_distribution("napari-cvdm"))
    assert read_preferences() == Preferences()
    section = get_plugin_settings("napari-cvdm").restoration
    section.draws, section.tile, section.device, section.default_model = 4, 256, "mps", "mine"
    assert read_preferences() == Preferences("mine", "standard", 4, "mps", 256)


def test_without_the_manifest_they_are_the_defaults(plugin_settings):
    assert read_preferences() == Preferences()


@pytest.mark.parametrize(
    "section",
    [
        None,
        SimpleNamespace(),
        SimpleNamespace(draws=0, tile=-3, device="", default_model=""),
        SimpleNamespace(draws="8"),
    ],
)
def test_nonsense_is_left_at_its_default(monkeypatch, section):
    monkeypatch.setattr(preferences, "_section", lambda: section)
    assert read_preferences() == Preferences()


@pytest.fixture
def section(plugin_settings, npe2pm):
    from napari.settings import get_plugin_settings

    npe2pm.register(PluginManifest.from_distribution("napari-cvdm"))
    return get_plugin_settings("napari-cvdm").restoration


def test_what_was_used_is_remembered(section, caplog):
    used = Preferences("mine", "thorough", 24, "cpu", 128)
    remember(used)
    assert read_preferences() == used
    remember(Preferences())
    assert section.tile == 0
    assert read_preferences() == Preferences()
    assert not caplog.records


def test_the_hint_about_gpus_is_given_once(section):
    assert take_gpu_hint()
    assert not take_gpu_hint()
    section.gpu_hint = True  # the user wants it again
    assert take_gpu_hint()


def test_the_store_keeps_models_where_the_preferences_say(section, monkeypatch, tmp_path):
    from napari_cvdm.models import cache_folder

    monkeypatch.setenv("NAPARI_CVDM_CACHE", str(tmp_path / "facility"))
    section.cache_folder = str(tmp_path / "mine")
    apply_cache_folder()
    assert cache_folder() == tmp_path / "facility"  # the environment has the last word


def test_a_folder_for_models_that_was_changed_or_cleared_is_so_at_the_next_opening(
    section, monkeypatch, tmp_path
):
    from napari_cvdm.models import cache_folder

    monkeypatch.setattr(preferences, "_applied", {})
    monkeypatch.setenv("NAPARI_CVDM_CACHE", "")  # so that what is set here goes with the test
    monkeypatch.delenv("NAPARI_CVDM_CACHE")
    usual = cache_folder()
    for folder in ("mine", "another"):
        section.cache_folder = str(tmp_path / folder)
        apply_cache_folder()
        assert cache_folder() == tmp_path / folder
    section.cache_folder = ""
    apply_cache_folder()
    assert cache_folder() == usual
    monkeypatch.setenv("NAPARI_CVDM_CACHE", str(tmp_path / "facility"))
    apply_cache_folder()
    assert cache_folder() == tmp_path / "facility"


class FullDisk(SimpleNamespace):
    """Settings that hold, as napari's do, but cannot be written."""

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        raise OSError(28, "No space left on device")


def test_settings_that_cannot_be_written_hold_until_napari_is_closed(monkeypatch, caplog):
    section = FullDisk(default_model="", preset="", draws=8, device="", tile=0, gpu_hint=True)
    monkeypatch.setattr(preferences, "_section", lambda: section)
    used = Preferences("mine", "thorough", 24, "cpu", 128)
    remember(used)
    assert read_preferences() == used
    (record,) = caplog.records  # one for all of them
    assert (record.levelname, "No space left" in record.getMessage()) == ("WARNING", True)
    assert take_gpu_hint()
    assert not take_gpu_hint()


def test_without_the_manifest_nothing_is_remembered_and_nothing_fails(plugin_settings):
    remember(Preferences(draws=3))
    assert not take_gpu_hint()
    apply_cache_folder()


def test_the_developer_s_own_settings_are_left_alone(viewer):
    from napari.settings import get_settings

    assert get_settings().config_path is None

"""Preferences come from napari's settings; what is missing or makes no sense is left at its default."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from npe2 import PluginManifest

from napari_cvdm.plugin import preferences
from napari_cvdm.plugin.preferences import Preferences, read_preferences


def test_they_are_the_manifest_s_settings(plugin_settings, npe2pm):
    from napari.settings import get_plugin_settings

    npe2pm.register(PluginManifest.from_distribution("napari-cvdm"))
    assert read_preferences() == Preferences()
    section = get_plugin_settings("napari-cvdm").restoration
    section.draws, section.tile, section.device, section.default_model = 4, 256, "mps", "mine"
    assert read_preferences() == Preferences("mine", 4, "mps", 256)


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

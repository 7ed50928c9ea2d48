"""The manifest is valid, and napari's menus show what it promises."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from npe2 import PluginManifest

import napari_cvdm
from napari_cvdm.plugin.viewer.preferences import Preferences

MANIFEST = Path(napari_cvdm.__file__).with_name("napari.yaml")


def test_npe2_validates_it_and_finds_every_function_it_names():
    command = [sys.executable, "-W", "ignore", "-m", "npe2", "validate", "--imports", str(MANIFEST)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_napari_s_top_level_copy_is_this_file():
    top = Path(__file__).parents[2] / "napari.yaml"
    assert top.read_text(encoding="utf-8") == MANIFEST.read_text(encoding="utf-8")


def test_its_defaults_are_those_of_the_code():
    manifest = PluginManifest.from_file(MANIFEST)
    properties = manifest.contributions.configurations["restoration"].properties
    defaults = {name: value.default for name, value in properties.items()}
    usual = Preferences()
    assert defaults == {
        "default_model": usual.default_model,
        "preset": usual.preset,
        "cache_folder": "",
        "gpu_hint": True,
        "draws": usual.draws,
        "device": usual.device,
        "tile": 0,
    }
    assert usual.tile == "auto"  # which the settings spell 0, because they must be of one type


def test_it_has_nothing_that_older_npe2_rejects():
    text = MANIFEST.read_text(encoding="utf-8")
    assert "default_dock_area" not in text
    assert "tabify" not in text


def test_the_widget_is_found_in_both_menus(viewer, qtbot):
    def entries(menu: object) -> dict[str, object]:
        menu.aboutToShow.emit()
        return {action.text().replace("&", ""): action for action in menu.actions()}

    window = viewer.window
    plugins = entries(window.plugins_menu)
    assert any("CVDM super-resolution" in text for text in plugins)
    filters = entries(entries(window.layers_menu)["Filter"].menu())
    (text,) = (text for text in filters if "CVDM super-resolution" in text)
    viewer.open_sample("napari-cvdm", "tubulin")
    filters[text].trigger()
    qtbot.waitUntil(lambda: len(window.dock_widgets) == 1, timeout=10_000)
    (widget,) = window.dock_widgets.values()
    assert widget.form.layer.value is viewer.layers["tubulin"]

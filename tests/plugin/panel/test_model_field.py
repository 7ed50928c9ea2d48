"""Models can be chosen, added and read about."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from qtpy.QtCore import QObject, Qt
from qtpy.QtWidgets import QApplication, QTextBrowser

from napari_cvdm.models import save_model
from napari_cvdm.plugin.panel.model_field import ModelField


@pytest.fixture
def field(qtbot, monkeypatch, tmp_path):
    monkeypatch.setenv("NAPARI_CVDM_CACHE", str(tmp_path / "store"))
    owner = QObject()
    field = ModelField("default", owner)
    qtbot.addWidget(field.row)
    yield field
    owner.deleteLater()


@pytest.fixture
def weights(small_model, tmp_path: Path) -> Path:
    return save_model(tmp_path / "our-lab.safetensors", small_model.network, small_model.card)


def test_the_default_model_is_shown_by_its_name(field):
    assert field.combo.value == "default"
    assert field.combo.current_choice != "default"
    assert field.combo.native.toolTip()


def test_a_file_is_added_and_chosen_and_remembered(qtbot, field, weights):
    with qtbot.waitSignal(field.added, timeout=60_000) as told:
        field.add_file(weights)
    assert field.combo.value in told.args[0]
    assert field.combo.value in field.combo.choices
    assert field.add_button.isEnabled()
    owner = QObject()
    again = ModelField("default", owner)
    qtbot.addWidget(again.row)
    assert field.combo.value in again.combo.choices
    owner.deleteLater()


def test_what_a_model_says_of_itself_is_no_markup(qtbot, field, small_model, tmp_path):
    card = replace(small_model.card, description="<img src='/dev/zero'> sees all")
    with qtbot.waitSignal(field.added, timeout=60_000):
        field.add_file(save_model(tmp_path / "hostile.safetensors", small_model.network, card))
    assert "sees all" in field.combo.native.toolTip()
    assert not Qt.mightBeRichText(field.combo.native.toolTip())


def test_a_file_that_is_no_model_is_refused_in_a_sentence(qtbot, field, tmp_path):
    path = tmp_path / "holiday.safetensors"
    path.write_bytes(b"not weights at all")
    with qtbot.waitSignal(field.failed, timeout=60_000) as told:
        field.add_file(path)
    assert "Traceback" not in told.args[0]
    assert field.combo.value == "default"
    assert field.add_button.isEnabled()


def test_the_card_can_be_read(qtbot, field):
    qtbot.mouseClick(field.info_button, Qt.MouseButton.LeftButton)
    (browser,) = field.row.findChildren(QTextBrowser)
    assert field.combo.current_choice in browser.toPlainText()
    assert "Licence" in browser.toPlainText()
    field._dialog.close()
    QApplication.processEvents()

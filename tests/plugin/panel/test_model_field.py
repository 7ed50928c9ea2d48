"""Models can be chosen, added and read about."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from qtpy.QtCore import QObject, Qt
from qtpy.QtWidgets import QApplication, QFileDialog, QMessageBox, QTextBrowser

from napari_cvdm.models import save_model
from napari_cvdm.plugin.panel.model_field import ModelField


@pytest.fixture
def make(qtbot, monkeypatch, tmp_path):
    """Make the field of a user who prefers a model."""
    monkeypatch.setenv("NAPARI_CVDM_CACHE", str(tmp_path / "store"))
    owner = QObject()

    def make(preferred: str) -> ModelField:
        field = ModelField(preferred, owner)
        qtbot.addWidget(field.row)
        return field

    yield make
    owner.deleteLater()


@pytest.fixture
def field(make) -> ModelField:
    return make("default")


@pytest.fixture
def weights(small_model, tmp_path: Path) -> Path:
    return save_model(tmp_path / "our-lab.safetensors", small_model.network, small_model.card)


def test_the_default_model_is_shown_by_its_name(field):
    assert field.combo.value == "default"
    assert field.combo.current_choice != "default"
    assert field.combo.native.toolTip()


def test_a_file_is_added_and_chosen_and_remembered(qtbot, make, field, weights, monkeypatch):
    pointed_at = ["", str(weights)]
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (pointed_at.pop(0), ""))
    qtbot.mouseClick(field.add_button, Qt.MouseButton.LeftButton)
    assert field.add_button.isEnabled()  # the user has thought better of it
    with qtbot.waitSignal(field.added, timeout=60_000) as told:
        qtbot.mouseClick(field.add_button, Qt.MouseButton.LeftButton)
        assert not field.add_button.isEnabled()
    assert field.combo.value in told.args[0]
    assert field.combo.value in field.combo.choices
    assert field.add_button.isEnabled()
    assert field.combo.value in make("default").combo.choices


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
    assert "From the file" not in browser.toPlainText()
    field._dialog.close()
    QApplication.processEvents()


def test_the_card_of_a_file_says_where_it_is_from(make, weights):
    field = make(str(weights))
    field.show_info()
    (browser,) = field.row.findChildren(QTextBrowser)
    assert f"From the file {weights}" in browser.toPlainText()
    field._dialog.close()
    QApplication.processEvents()


def test_why_there_is_no_card_to_read_is_said(qtbot, make, tmp_path, monkeypatch):
    said: list[str] = []
    monkeypatch.setattr(QMessageBox, "information", lambda *args: said.append(args[2]))
    make("/models/missing.safetensors").show_info()
    assert "not on this computer yet" in said.pop()
    (broken := tmp_path / "broken.safetensors").write_bytes(b"not weights at all")
    field = make(str(broken))
    with qtbot.waitSignal(field.failed, timeout=10_000) as told:
        field.show_info()
    assert "broken.safetensors" in told.args[0]
    assert said == []

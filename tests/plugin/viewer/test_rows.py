"""Rows of a form behave in narrow and low docks."""

from __future__ import annotations

import pytest
from magicgui.widgets import ComboBox, FloatSpinBox, SpinBox
from qtpy.QtCore import QRect, Qt
from qtpy.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from napari_cvdm.plugin.viewer.pages import Page
from napari_cvdm.plugin.viewer.rows import (
    Buttons,
    add_row,
    add_wide,
    new_form,
    note,
    wrap_where_narrow,
)


@pytest.fixture
def page(qtbot):
    page = QWidget()
    qtbot.addWidget(page)
    return page


def test_a_label_takes_the_keyboard_to_its_field(page):
    field = ComboBox(label="Quality", choices=["a"], tooltip="How good.")
    label = add_row(new_form(page), field)
    assert label.buddy() is field.native
    assert label.toolTip() == "How good."
    assert field.native.accessibleName() == "Quality"


@pytest.mark.parametrize("kind", [SpinBox, FloatSpinBox])
def test_a_field_for_numbers_is_as_high_as_its_type_whatever_the_theme_allows(qtbot, page, kind):
    field = kind(label="Draws", tooltip="")
    add_row(new_form(page), field)
    page.show()
    for points in (9, 18):
        page.setStyleSheet(f"QWidget {{font-size: {points}pt}} QAbstractSpinBox {{min-height: 20px}}")
        qtbot.wait(20)
        assert field.native.minimumHeight() >= field.native.fontMetrics().height()
        assert field.native.minimumHeight() == field.native.sizeHint().height()


@pytest.mark.parametrize("points", [9, 16])
def test_notes_that_come_and_go_press_no_field_down(qtbot, page, points):
    main, inner = QWidget(), QWidget()
    form, questions = new_form(main), new_form(inner)
    fields = [ComboBox(label="Image", choices=["a"], tooltip=""), SpinBox(label="Draws", tooltip="")]
    words = note()
    add_row(form, fields[0])
    add_wide(form, words)
    form.addRow(inner)
    add_row(form, fields[1])
    area = Page(main)
    QVBoxLayout(page).addWidget(area)
    page.setStyleSheet(f"QWidget {{font-size: {points}pt}} QAbstractSpinBox {{min-height: 20px}}")
    page.resize(320, 300)
    page.show()
    qtbot.waitExposed(page)
    for text in (
        "",
        "Not known. With it, the program checks that the model suits the image.",
        "from the file",
    ):
        words.setText(text)
        fields.append(ComboBox(label="Axis", choices=["I do not know"], tooltip=""))
        add_row(questions, fields[-1])
        for width in (320, 180, 600):
            page.resize(width, 300)
            wrap_where_narrow(form, width)
            wrap_where_narrow(questions, width)
            qtbot.wait(50)
            assert [field.native.height() for field in fields] == [
                field.native.sizeHint().height() for field in fields
            ]
            assert words.height() == max(0, words.heightForWidth(words.width()))


def test_notes_show_names_as_they_are(page):
    words = note()
    add_wide(new_form(page), words)
    words.setText("<b>cell</b>")
    assert words.textFormat() == Qt.TextFormat.PlainText
    assert note(markup=True).textFormat() == Qt.TextFormat.RichText


def test_lines_are_not_broken_within_a_size(page):
    label = note()
    words = "2 planes of 200 × 160 pixels at 65 nm, 3 min on 1 GPU, 20 %."
    label.setText(words)
    assert label.text() == words
    assert (
        QLabel.text(label) == "2 planes of 200\xa0×\xa0160\xa0pixels at 65\xa0nm, 3\xa0min on 1 GPU, 20\xa0%."
    )


@pytest.mark.parametrize(
    ("words", "pieces"),
    [
        (
            r"Saved D:\2026-11-27\HeLa_AF647.cvdm.ome.tif.",
            ["Saved D:\\2026-", "11-", "27\\", "HeLa_", "AF647.", "cvdm.", "ome.", "tif."],
        ),
        ("Saved /data/a_1/b.zarr.", ["Saved /data/", "a_", "1/", "b.", "zarr."]),
        ("Offset -3, sampled 0.5 times, 1/2 done.", ["Offset -3, sampled 0.5 times, 1/2 done."]),
    ],
)
def test_names_may_be_broken_where_they_have_no_spaces_and_numbers_may_not(qtbot, words, pieces):
    label = note()
    qtbot.addWidget(label)
    label.setText(words)
    assert QLabel.text(label).split("\u200b") == pieces
    assert label.text() == words


def test_no_end_of_a_long_name_is_lost(qtbot):
    label = note()
    qtbot.addWidget(label)
    label.setText("Waiting: 20261127_HeLa_tubulin_AF647_widefield_60x_position03_exposure100ms")
    needed = label.fontMetrics().boundingRect(
        QRect(0, 0, 200, 1000), Qt.TextFlag.TextWordWrap, QLabel.text(label)
    )
    assert needed.width() <= 200
    assert label.heightForWidth(200) > 2 * label.fontMetrics().height()


def test_a_note_is_as_high_as_its_text_whatever_changes(qtbot):
    label = note()
    qtbot.addWidget(label)
    label.resize(200, 10)
    label.show()
    for change in (
        lambda: label.setText("Saved, and " * 10),
        lambda: label.resize(120, label.height()),
        lambda: label.setStyleSheet("font-size: 18pt"),
    ):
        before = label.height()
        change()
        assert before < label.height() == label.heightForWidth(label.width())


def test_notes_wrap(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    layout = QVBoxLayout(widget)
    layout.addWidget(note("a long note " * 30, markup=True))
    assert widget.minimumSizeHint().width() < 100


def test_buttons_stand_below_each_other_where_it_is_narrow(qtbot):
    first, second, hidden = QPushButton("Find in this plane"), QPushButton("In all planes"), QPushButton("x")
    buttons = Buttons(first, second, hidden)
    hidden.hide()
    qtbot.addWidget(buttons)
    wide = first.minimumSizeHint().width() + second.minimumSizeHint().width() + 20
    buttons.resize(wide, 60)
    buttons.show()
    qtbot.waitUntil(lambda: first.y() == second.y() and first.x() < second.x(), timeout=10_000)
    assert buttons.minimumSizeHint().width() < wide - 40
    buttons.resize(wide - 60, 60)
    qtbot.waitUntil(lambda: first.x() == second.x() and first.y() < second.y(), timeout=10_000)
    assert first.width() >= first.minimumSizeHint().width()
    buttons.resize(wide, 60)
    qtbot.waitUntil(lambda: first.y() == second.y(), timeout=10_000)
    second.setText("A longer text than there is room for")
    qtbot.waitUntil(lambda: first.y() < second.y(), timeout=10_000)

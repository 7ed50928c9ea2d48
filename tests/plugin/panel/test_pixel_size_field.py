"""The field shows a size with one decimal, and gives it back with all that matter."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_cvdm.plugin.panel.pixel_size_field import PixelSizeField


@pytest.fixture
def field(qtbot) -> PixelSizeField:
    field = PixelSizeField()
    qtbot.addWidget(field)
    return field


def test_nothing_is_known_at_first(field):
    assert field.nanometres is None
    assert field.text() == "not known"


def test_a_size_that_is_shown_keeps_its_decimals_and_is_no_change(field):
    changes: list[float] = []
    field.valueChanged.connect(changes.append)
    field.show_size(103.1746)
    assert (field.value(), field.nanometres) == (103.2, 103.1746)
    field.show_size(None)
    assert (field.value(), field.nanometres) == (0, None)
    assert changes == []


def test_what_a_conversion_of_units_leaves_is_dropped(field):
    field.show_size(65.00000000000001)
    assert field.nanometres == 65


def test_a_size_that_the_user_sets_is_taken_as_it_is(field):
    heard: list[float | None] = []
    field.valueChanged.connect(lambda _: heard.append(field.nanometres))
    field.show_size(103.1746)
    field.stepUp()
    field.stepDown()
    assert heard == [104.2, 103.2]
    field.setValue(0)
    assert field.nanometres is None


@pytest.mark.parametrize(
    ("typed", "nanometres"),
    [
        ("65", 65),
        ("0.065", 65),
        ("0,1", 100),
        ("103,2", 103.2),
        ("103.2 nm", 103.2),
        ("0.1083 um", 108.3),
        ("1.6 µm", 1600),
        (".5", 500),
        ("0", None),
        ("", None),
    ],
)
def test_micrometres_and_commas_are_understood(field, typed, nanometres):
    field.show_size(650)
    type_in(field, typed)
    assert field.nanometres == nanometres
    assert field.text() == ("not known" if nanometres is None else f"{nanometres:.1f} nm")


def test_letters_that_are_no_unit_cannot_be_typed(field):
    type_in(field, "6x5")
    assert field.nanometres == 65


def type_in(field: PixelSizeField, text: str) -> None:
    line = field.lineEdit()
    assert line is not None
    line.selectAll()
    line.del_()
    for letter in text:  # for µ there is no key on all keyboards
        line.insert(letter)
    QTest.keyClick(line, Qt.Key.Key_Return)

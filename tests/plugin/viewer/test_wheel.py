"""The wheel scrolls a panel, and sets only the field that has the keyboard."""

from __future__ import annotations

from functools import partial

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QDoubleSpinBox,
    QScrollArea,
    QScrollBar,
    QSlider,
    QSpinBox,
    QWidget,
)
from superqt import QLabeledDoubleSlider

from napari_cvdm.plugin.viewer.rows import stack_in
from napari_cvdm.plugin.viewer.wheel import leave_wheel_to_panel


def state(field: QWidget) -> object:
    return field.currentIndex() if isinstance(field, QComboBox) else field.value()


def combo() -> QComboBox:
    combo = QComboBox()
    combo.addItems(["a", "b", "c"])
    return combo


def number(kind: type) -> QWidget:
    field = kind()
    field.setRange(0, 10)
    field.setValue(5)
    return field


@pytest.fixture
def show(qtbot):
    panels = []  # nobody else holds them

    def show(field: QWidget) -> QWidget:
        panel = QScrollArea()
        page = QWidget()
        stack_in(page, field, combo())
        panel.setWidget(page)
        panels.append(panel)
        qtbot.addWidget(panel)
        panel.show()
        field.clearFocus()
        return field

    return show


every_kind = pytest.mark.parametrize(
    "make",
    [
        pytest.param(combo, id="combo box"),
        *(
            pytest.param(partial(number, kind), id=kind.__name__)
            for kind in (QSpinBox, QDoubleSpinBox, QSlider)
        ),
    ],
)


@every_kind
def test_a_field_that_the_mouse_passes_over_stays_as_it_is(show, turn_wheel, make):
    field = show(make())
    before = state(field)
    assert turn_wheel(field)
    assert state(field) != before  # as Qt has it
    before = state(field)
    leave_wheel_to_panel(field)
    assert not turn_wheel(field)
    assert state(field) == before
    QTest.keyClick(field, Qt.Key.Key_Down)
    assert state(field) != before  # nothing but the wheel is kept from it
    assert field.focusPolicy() in (Qt.FocusPolicy.StrongFocus, Qt.FocusPolicy.TabFocus)


@every_kind
def test_a_field_that_has_the_keyboard_turns(show, turn_wheel, make, monkeypatch):
    field = show(make())
    leave_wheel_to_panel(field)
    monkeypatch.setattr(type(field), "hasFocus", lambda _: True)  # there may be no window manager
    before = state(field)
    assert turn_wheel(field)
    assert state(field) != before


def test_all_fields_of_a_part_are_spared_but_not_its_scroll_bars(show, turn_wheel):
    slider = show(number(QLabeledDoubleSlider))
    leave_wheel_to_panel(slider.window())
    for part in (slider, *slider.findChildren(QAbstractSlider), *slider.findChildren(QAbstractSpinBox)):
        assert not turn_wheel(part)
    assert slider.value() == 5
    bar = slider.window().findChild(QScrollBar)
    bar.setRange(0, 100)
    turn_wheel(bar)
    assert bar.value() > 0

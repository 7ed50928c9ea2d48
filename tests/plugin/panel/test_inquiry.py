"""Only what cannot be known is asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QLineEdit, QVBoxLayout, QWidget

from napari_cvdm.plugin.image.answers import Answers
from napari_cvdm.plugin.image.reading import read_layer, with_roles
from napari_cvdm.plugin.panel.inquiry import Inquiry
from napari_cvdm.plugin.viewer.pages import Page


def _reading(shape, labels=None, rgb=False):
    return read_layer(Image(np.zeros(shape, np.uint8), axis_labels=labels, rgb=rgb))


@pytest.fixture
def inquiry(qtbot):
    before = QLineEdit()
    qtbot.addWidget(before)
    inquiry = Inquiry(before)
    qtbot.addWidget(inquiry)
    return inquiry


@pytest.mark.parametrize(("shape", "labels"), [((3, 9, 9), "tyx"), ((1, 9, 9), "cyx"), ((13, 9, 9), "cyx")])
def test_an_image_that_says_everything_is_not_asked_about(inquiry, shape, labels):
    inquiry.ask(_reading(shape, tuple(labels)))
    assert inquiry.isHidden()
    assert inquiry.chosen_channels() is None


def test_unnamed_axes_are_asked_for_and_the_answer_names_them(qtbot, inquiry):
    reading = _reading((12, 3, 9, 9))
    inquiry.ask(reading)
    assert not inquiry.isHidden()
    assert list(inquiry.roles) == [0, 1]
    (label,) = (each for each in inquiry.findChildren(QLabel) if each.buddy() is inquiry.roles[0])
    assert label.text() == "Axis -4 (12 long)"  # as napari's slider has it
    for part in (label, inquiry.roles[0]):
        assert "Choose channels for separate images" in part.toolTip()
    with qtbot.waitSignal(inquiry.changed, timeout=10_000):
        inquiry.roles[0].setCurrentText("Time points")
    inquiry.roles[1].setCurrentText("Channels")
    assert inquiry.answers().roles == {0: "T", 1: "C"}
    assert with_roles(reading, inquiry.answers().roles).axes == "TCYX"


def test_two_axes_cannot_mean_the_same(inquiry):
    inquiry.ask(_reading((12, 3, 9, 9)))
    inquiry.roles[0].setCurrentText("Channels")
    inquiry.roles[1].setCurrentText("Channels")
    assert inquiry.answers().roles == {1: "C"}


def test_answers_given_before_are_shown_again(inquiry):
    inquiry.ask(_reading((12, 9, 9)), Answers({0: "Z"}))
    assert inquiry.answers().roles == {0: "Z"}


def test_channels_can_be_left_out(qtbot, inquiry):
    inquiry.ask(_reading((3, 9, 9), ("c", "y", "x")))
    assert inquiry.chosen_channels() == [0, 1, 2]
    with qtbot.waitSignal(inquiry.changed, timeout=10_000):
        inquiry.channels[1].setChecked(False)
    assert inquiry.chosen_channels() == [0, 2]


def test_asking_again_about_the_same_keeps_the_ticks(inquiry):
    reading = _reading((3, 9, 9), ("c", "y", "x"))
    inquiry.ask(reading)
    inquiry.channels[0].setChecked(False)
    box = inquiry.channels[0]
    inquiry.ask(reading, inquiry.answers())
    assert inquiry.chosen_channels() == [1, 2]
    assert inquiry.channels[0] is box  # with the keyboard's focus


def test_ticks_are_shown_again_where_there_are_as_many_channels(inquiry):
    three = _reading((3, 9, 9), ("c", "y", "x"))
    inquiry.ask(three)
    inquiry.channels[0].setChecked(False)
    said = inquiry.answers()
    inquiry.ask(three)  # another image that looks the same: nothing was said of it
    assert inquiry.chosen_channels() == [0, 1, 2]
    inquiry.ask(three, said)
    assert inquiry.chosen_channels() == [1, 2]
    inquiry.ask(_reading((4, 9, 9), ("c", "y", "x")), said)
    assert inquiry.chosen_channels() == [0, 1, 2, 3]


def test_ticks_stay_with_the_axis_they_were_given_for(inquiry):
    reading = _reading((3, 3, 9, 9))
    inquiry.ask(reading, Answers({0: "C"}, ticks={0: (True, False, True)}))
    assert inquiry.chosen_channels() == [0, 2]
    inquiry.changed.connect(lambda: inquiry.ask(reading, inquiry.answers()))
    inquiry.roles[1].setCurrentText("Channels")
    assert inquiry.answers().roles == {1: "C"}
    assert inquiry.chosen_channels() == [0, 1, 2]


def test_what_is_shown_are_the_answers_that_count(inquiry):
    stack, picture = _reading((5, 9, 9)), _reading((9, 9, 3), rgb=True)
    inquiry.ask(stack)
    inquiry.roles[0].setCurrentText("Time points")
    combo = inquiry.roles[0]
    inquiry.ask(stack, Answers({0: "T"}))
    assert inquiry.roles[0] is combo  # it was answered there, and keeps the keyboard's focus
    inquiry.ask(stack)
    assert inquiry.answers().roles == {}
    inquiry.ask(picture, Answers(colours="channels"))
    inquiry.ask(picture)
    assert inquiry.answered_colours() == "average"


def test_questions_come_back_with_the_image(inquiry):
    reading = _reading((5, 9, 9))
    inquiry.ask(reading)
    inquiry.setVisible(False)  # as there was no image
    inquiry.ask(reading)
    assert not inquiry.isHidden()


def test_a_picture_in_colour_is_explained(qtbot, inquiry):
    inquiry.ask(_reading((9, 9, 3), rgb=True))
    assert inquiry.answered_colours() == "average"
    labels = {label.text(): label.buddy() for label in inquiry.findChildren(QLabel)}
    assert labels["Colours"] is inquiry.colours
    assert any("saved in colour, average" in words for words in labels)
    with qtbot.waitSignal(inquiry.changed, timeout=10_000):
        inquiry.colours.setCurrentText("Restore each as a channel")
    assert inquiry.answered_colours() == "channels"


def test_colours_are_forgotten_with_the_picture(inquiry):
    inquiry.ask(_reading((9, 9, 3), rgb=True), Answers(colours="channels"))
    assert inquiry.answered_colours() == "channels"
    inquiry.ask(_reading((9, 9)))
    assert inquiry.answered_colours() == "average"
    assert inquiry.isHidden()


def test_questions_fit_into_a_narrow_dock(inquiry):
    for reading in (_reading((9, 9, 3), rgb=True), _reading((12, 9, 9))):
        inquiry.ask(reading)
        assert inquiry.minimumSizeHint().width() < 260


def test_long_names_of_channels_do_not_make_the_dock_wide(qtbot):
    inquiry = Inquiry(QLineEdit())
    names = ("Alexa Fluor 488 " * 4, "x" * 60)
    reading = replace(_reading((2, 9, 9), ("c", "y", "x")), channel_names=names)
    inquiry.ask(reading)
    page = Page(inquiry)
    qtbot.addWidget(page)
    page.resize(300, 200)
    page.show()
    assert page.widget().width() <= page.viewport().width()
    assert all("…" in box.shown_text() for box in inquiry.channels)
    assert "x" * 60 in inquiry.channels[1].toolTip()


def _with_tab(first: QWidget, last: QWidget) -> list[QWidget]:
    """Follow the Tab key from one field to another."""
    met, field = [], first.nextInFocusChain()
    while field is not last:
        if field.focusPolicy() & Qt.FocusPolicy.TabFocus and field.isVisibleTo(field.window()):
            met.append(field)
        field = field.nextInFocusChain()
    return met


def test_tab_comes_to_the_questions_where_they_are_seen(qtbot):
    panel, image, part = QWidget(), QLineEdit(), QLineEdit()
    qtbot.addWidget(panel)
    layout, inquiry = QVBoxLayout(panel), Inquiry(image)
    for field in (image, inquiry, part):
        layout.addWidget(field)
    for reading in (_reading((12, 3, 9, 9)), _reading((9, 9, 3), rgb=True), _reading((12, 3, 9, 9))):
        inquiry.ask(reading)
    assert _with_tab(image, part) == [inquiry.roles[0], inquiry.roles[1]]
    inquiry.roles[1].setCurrentText("Channels")
    inquiry.ask(_reading((12, 3, 9, 9)), inquiry.answers())
    assert _with_tab(image, part) == [inquiry.roles[0], inquiry.roles[1], *inquiry.channels]
    inquiry.ask(_reading((9, 9, 3), rgb=True))
    assert _with_tab(image, part) == [inquiry.colours]


def test_an_answer_that_brings_up_questions_keeps_the_keyboard(qtbot):
    panel, image, part = QWidget(), QLineEdit(), QLineEdit()
    qtbot.addWidget(panel)
    layout, inquiry = QVBoxLayout(panel), Inquiry(image)
    for field in (image, inquiry, part):
        layout.addWidget(field)
    reading = _reading((12, 3, 9, 9))
    inquiry.changed.connect(lambda: inquiry.ask(reading, inquiry.answers()))
    inquiry.ask(reading)
    panel.show()
    inquiry.roles[1].setFocus()
    inquiry.roles[1].setCurrentText("Channels")
    assert len(inquiry.channels) == 3
    assert panel.focusWidget() is inquiry.roles[1]
    part.setFocus()
    inquiry.ask(_reading((5, 2, 9, 9)))
    assert panel.focusWidget() is part  # questions about another image do not take it


def test_the_wheel_leaves_questions_alone(inquiry, turn_wheel):
    inquiry.ask(_reading((12, 9, 9)))
    assert not turn_wheel(inquiry.roles[0])
    inquiry.ask(_reading((9, 9, 3), rgb=True))
    assert not turn_wheel(inquiry.colours)


def test_channels_are_called_by_their_names_where_the_file_has_them(inquiry):
    reading = replace(_reading((2, 9, 9), ("c", "y", "x")), channel_names=("DAPI", "R&D 561"))
    inquiry.ask(reading)
    assert [box.text() for box in inquiry.channels] == [
        "Restore channel 0: DAPI",
        "Restore channel 1: R&&D 561",
    ]
    inquiry.ask(replace(reading, channel_names=("one for two",)))
    assert [box.text() for box in inquiry.channels] == ["Restore channel 0", "Restore channel 1"]


def test_questions_are_above_their_fields_where_there_is_no_room_beside_them(qtbot, inquiry):
    inquiry.show()
    for number, (width, above) in enumerate(((240, True), (400, False), (240, True))):
        inquiry.resize(width, 300)
        for reading in (_reading((12 + number, 9, 9)), _reading((5 + number, 9, 9))):  # asked anew, too
            inquiry.ask(reading)
            combo = inquiry.roles[0]
            label = next(each for each in inquiry.findChildren(QLabel) if each.buddy() is combo)
            qtbot.waitUntil(
                lambda label=label, combo=combo, above=above: (
                    (label.geometry().bottom() < combo.y()) == above
                ),
                timeout=10_000,
            )

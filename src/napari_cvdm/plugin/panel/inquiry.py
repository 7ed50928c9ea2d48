"""Questions about an image that nothing but its owner can answer: what its axes and its colours are."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout, QWidget
from superqt.utils import signals_blocked

from napari_cvdm.plugin.image.answers import Answers
from napari_cvdm.plugin.image.reading import with_roles
from napari_cvdm.plugin.viewer.eliding import let_elide
from napari_cvdm.plugin.viewer.eliding_box import ElidingBox
from napari_cvdm.plugin.viewer.rows import add_labelled, new_form, note, stack_in, wrap_where_narrow
from napari_cvdm.plugin.viewer.wheel import leave_wheel_to_panel

if TYPE_CHECKING:
    from napari_cvdm.plugin.image.input_pixels import Colours
    from napari_cvdm.plugin.image.reading import LayerReading

_ROLES = (("I do not know", "Q"), ("Time points", "T"), ("Planes of depth", "Z"), ("Channels", "C"))
_ABOUT_ROLES = (
    "Planes are restored one by one. What the axis means decides whether they share one range of "
    "intensities: time points and depth do, so that they do not flicker; channels do not. "
    "Choose channels for separate images in one stack, too."
)
_COLOURS: tuple[tuple[str, Colours], ...] = (
    ("Average to one intensity", "average"),
    ("Restore each as a channel", "channels"),
)
_ABOUT_COLOURS = (
    "napari shows the last axis as the colours of a photograph. If it holds channels of a microscope, "
    "restore each of them. If it is a grey image that was saved in colour, average."
)
_ABOUT_CHANNELS = "Channels without a tick are skipped; the others keep their place in the stack."
_MOST_CHANNELS = 12
_NOTHING_SAID = Answers()


class Inquiry(QWidget):
    """Asks for the meaning of unnamed axes, for what to do with colours, and which channels to restore.

    It is hidden while there is nothing to ask. ``after`` is the field that the questions come after, on the
    screen and when one goes on with Tab.
    """

    #: An answer was given.
    changed = Signal()

    def __init__(self, after: QWidget) -> None:
        super().__init__()
        self._after = after
        self.roles: dict[int, QComboBox] = {}
        self.colours = QComboBox()
        self.channels: list[QCheckBox] = []
        self._channel_axis = -1
        self._about: object = None
        self._content = QWidget()
        self._form = new_form(self._content)
        self._layout = stack_in(self, self._content)
        self.setVisible(False)

    def ask(self, reading: LayerReading, answers: Answers = _NOTHING_SAID) -> None:
        """Ask what is not known of an image, with those answers as a beginning that fit it.

        Questions that are there already, with these answers, stay as they are, with the keyboard's focus.
        """
        named = with_roles(reading, answers.roles)
        axis = named.axes.find("C")
        channels = 0 if reading.rgb or axis < 0 else reading.shape[axis]
        asked = 1 < channels <= _MOST_CHANNELS
        fitting = Answers(
            {n: named.axes[n] for n in answers.roles if named.axes[n] != reading.axes[n]},
            answers.colours if reading.rgb else "average",
            {axis: answers.ticks_of(axis, channels)} if asked else {},
        )
        about = (reading.axes, reading.shape, reading.rgb, reading.channel_names)
        if (about, fitting) != (self._about, self.answers()):
            self._about = about
            self._ask_anew(reading, fitting)
        self.setVisible(bool(self.roles) or reading.rgb or bool(self.channels))

    def _ask_anew(self, reading: LayerReading, answers: Answers) -> None:
        window = self.window()
        focused = None if window is None else window.focusWidget()
        answering = next((number for number, combo in self.roles.items() if combo is focused), None)
        self.colours = QComboBox()  # what was chosen for another image's colours is forgotten
        content = QWidget()
        self._form = form = new_form(content)
        self.roles = {}
        for number, (letter, length) in enumerate(zip(reading.axes, reading.shape, strict=True)):
            if letter == "Q":
                name = f"Axis {number - len(reading.axes)} ({length} long)"  # as napari's slider has it
                self.roles[number] = self._ask_role(form, name, answers.roles.get(number, "Q"))
        if reading.rgb:
            self._ask_colours(form, answers.colours)
        self._channel_axis, ticks = next(iter(answers.ticks.items()), (-1, ()))
        self.channels = self._ask_channels(form, ticks, reading.channel_names)
        self._replace(content)
        wrap_where_narrow(form, self.width())
        if answering in self.roles:  # the answer has brought up more questions; go on from it
            self.roles[answering].setFocus()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Put labels above their fields where there is no room beside them."""
        super().resizeEvent(event)
        wrap_where_narrow(self._form, self.width())

    def answers(self) -> Answers:
        """Return what was answered."""
        ticks = tuple(box.isChecked() for box in self.channels)
        along = {self._channel_axis: ticks} if ticks else {}
        roles = {n: combo.currentData() for n, combo in self.roles.items() if combo.currentData() != "Q"}
        return Answers(roles, self.answered_colours(), along)

    def answered_colours(self) -> Colours:
        """Return what is to become of colours."""
        chosen: Colours = self.colours.currentData() or "average"
        return chosen

    def chosen_channels(self) -> list[int] | None:
        """Return the numbers of the channels to restore, from 0; None if that was not asked."""
        if not self.channels:
            return None
        return [number for number, box in enumerate(self.channels) if box.isChecked()]

    def _ask_role(self, form: QFormLayout, name: str, chosen: str) -> QComboBox:
        combo = QComboBox()
        for words, letter in _ROLES:
            combo.addItem(words, letter)
        combo.setCurrentIndex(max(0, combo.findData(chosen)))
        combo.setToolTip(_ABOUT_ROLES)
        let_elide(combo)
        combo.currentIndexChanged.connect(self._on_role)
        add_labelled(form, name, combo, _ABOUT_ROLES)
        return combo

    def _ask_colours(self, form: QFormLayout, chosen: Colours) -> None:
        for words, value in _COLOURS:
            self.colours.addItem(words, value)
        self.colours.setCurrentIndex(self.colours.findData(chosen))
        self.colours.setToolTip(_ABOUT_COLOURS)
        let_elide(self.colours)
        self.colours.currentIndexChanged.connect(lambda _: self.changed.emit())
        add_labelled(form, "Colours", self.colours)
        explanation = note()
        explanation.setText(_ABOUT_COLOURS)
        form.addRow(explanation)

    def _ask_channels(
        self, form: QFormLayout, ticks: tuple[bool, ...], names: tuple[str, ...]
    ) -> list[QCheckBox]:
        boxes: list[QCheckBox] = []
        for number, ticked in enumerate(ticks):
            named = len(names) == len(ticks)
            words = f"Restore channel {number}{': ' if named else ''}"
            box = ElidingBox(words, names[number] if named else "", _ABOUT_CHANNELS)
            box.setChecked(ticked)
            box.toggled.connect(lambda _: self.changed.emit())
            form.addRow(box)
            boxes.append(box)
        return boxes

    def _on_role(self) -> None:
        """Let no two axes mean the same, then tell."""
        chosen = self.sender()
        letter = chosen.currentData() if isinstance(chosen, QComboBox) else "Q"
        for combo in self.roles.values():
            if combo is not chosen and letter != "Q" and combo.currentData() == letter:
                with signals_blocked(combo):
                    combo.setCurrentIndex(0)
        self.changed.emit()

    def _replace(self, content: QWidget) -> None:
        self._layout.replaceWidget(self._content, content)
        self._content.hide()
        self._content.deleteLater()
        self._content = content
        leave_wheel_to_panel(content)
        # Tab comes to the questions where they are seen: Qt puts what is made last behind all else.
        asked = [*self.roles.values(), *([self.colours] if self.colours.count() else []), *self.channels]
        for before, field in itertools.pairwise([self._after, *asked]):
            QWidget.setTabOrder(before, field)

"""The form's field for the pixel size: it shows one decimal, and keeps the others of a size it was given."""

from __future__ import annotations

import re

from qtpy.QtCore import QObject, QSignalBlocker, Signal
from qtpy.QtGui import QValidator
from qtpy.QtWidgets import QDoubleSpinBox

from napari_cvdm.plugin.image.pixel_sizes import DECIMALS
from napari_cvdm.restoration.validation import LARGEST_PIXEL_NM, SMALLEST_PIXEL_NM

__all__ = ["PixelSizeField"]

#: Whole part, decimals and a unit of micrometres, also before the field's own, which Qt puts at the end.
_TYPED = re.compile(r"\s*(\d*)[.,]?(\d*)\s*(?:([uµμ])m?)?\s*(?:nm?)?\s*")


class _Nanometres(QDoubleSpinBox):
    """Takes micrometres too, as most programs name them, and a point or a comma in any language.

    By itself Qt drops the digits of 0.065 that it would not show, and reads 103,2 as 1032 in English.
    """

    def validate(self, text: str | None, position: int) -> tuple[QValidator.State, str, int]:
        """Say whether a text may be typed."""
        fits = _TYPED.fullmatch(text or "")
        return QValidator.State.Acceptable if fits else QValidator.State.Invalid, text or "", position

    def valueFromText(self, text: str | None) -> float:
        """Read a text; a number too small for nanometres means micrometres."""
        typed = _TYPED.fullmatch(text or "")
        if typed is None:
            return 0.0
        whole, decimals, micrometres = typed.groups()
        size = float(f"{whole or 0}.{decimals or 0}")
        return size * 1000 if micrometres or size < SMALLEST_PIXEL_NM else size


class PixelSizeField(QObject):
    """A field for nanometres, of which 0 means not known, with the face of the form's other fields.

    Over the width of a large image, what the field does not show adds up to several pixels.

    Attributes
    ----------
    native : QDoubleSpinBox
        The field itself.
    label, tooltip : str
        What stands beside it and what explains it.
    """

    #: The user has set another size, which is told in nanometres.
    changed = Signal(float)

    label = "Pixel size"
    tooltip = (
        "Side of a camera pixel in the sample plane, in nanometres (0.065 is taken for micrometres). It is "
        "checked against the pixel sizes the model was trained for, and recorded with the result. 0 means "
        "not known."
    )

    def __init__(self) -> None:
        native = _Nanometres()
        super().__init__(native)
        self.native = native
        self._given: float | None = None
        self.native.setMaximum(LARGEST_PIXEL_NM)
        self.native.setSuffix(" nm")
        self.native.setDecimals(DECIMALS)
        self.native.setSpecialValueText("not known")
        self.native.setToolTip(self.tooltip)
        self.native.valueChanged.connect(self._take)

    @property
    def value(self) -> float:
        """What the field shows, in nanometres."""
        return self.native.value()

    @value.setter
    def value(self, nanometres: float) -> None:
        self.native.setValue(nanometres)

    @property
    def nanometres(self) -> float | None:
        """The size that was given, while the user has set no other; None if it is not known."""
        return self._given or self.value or None

    def show_size(self, nanometres: float | None) -> None:
        """Show a size, as the program's doing and not the user's.

        Parameters
        ----------
        nanometres : float or None
            One that `napari_cvdm.plugin.image.pixel_sizes.believed` believes.
        """
        blocker = QSignalBlocker(self.native)
        self.value = nanometres or 0
        blocker.unblock()
        # A conversion of units leaves 65.00000000000001; files get these many digits as well.
        self._given = float(f"{nanometres:.9g}") if nanometres else None

    def _take(self, nanometres: float) -> None:
        self._given = None
        self.changed.emit(nanometres)

"""The form's field for the pixel size: it shows one decimal, and keeps the others of a size it was given."""

from __future__ import annotations

import re

from qtpy.QtGui import QValidator
from qtpy.QtWidgets import QDoubleSpinBox
from superqt.utils import signals_blocked

from napari_cvdm.plugin.image.pixel_sizes import DECIMALS
from napari_cvdm.restoration.validation import LARGEST_PIXEL_NM, SMALLEST_PIXEL_NM

#: Whole part, decimals and a unit of micrometres, also before the field's own, which Qt puts at the end.
_TYPED = re.compile(r"\s*(\d*)[.,]?(\d*)\s*(?:([uµμ])m?)?\s*(?:nm?)?\s*")


class PixelSizeField(QDoubleSpinBox):
    """A field for nanometres, of which 0 means not known, with the face of the form's magicgui fields.

    It takes micrometres too, as most programs name them, and a point or a comma in any language: by itself Qt
    drops the digits of 0.065 that it would not show, and reads 103,2 as 1032 in English.
    """

    label = "Pixel size"
    tooltip = (
        "Side of a camera pixel in the sample plane, in nanometres (0.065 is taken for micrometres). It is "
        "checked against the pixel sizes the model was trained for, and recorded with the result. 0 means "
        "not known."
    )

    def __init__(self) -> None:
        super().__init__()
        self._given: float | None = None
        self.setMaximum(LARGEST_PIXEL_NM)
        self.setSuffix(" nm")
        self.setDecimals(DECIMALS)
        self.setSpecialValueText("not known")
        self.setToolTip(self.tooltip)
        self.valueChanged.connect(self._forget_given)

    @property
    def native(self) -> PixelSizeField:
        """The field itself."""
        return self

    @property
    def nanometres(self) -> float | None:
        """The size that was given, while the user has set no other; None if it is not known.

        Over the width of a large image, the decimals that are not shown add up to several pixels.
        """
        return self._given or self.value() or None

    def show_size(self, nanometres: float | None) -> None:
        """Show a size that can be one, as the program's doing and not the user's."""
        with signals_blocked(self):
            self.setValue(nanometres or 0)
        # A conversion of units leaves 65.00000000000001; files get these many digits as well.
        self._given = float(f"{nanometres:.9g}") if nanometres else None

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

    def _forget_given(self) -> None:
        self._given = None

"""The form's field for the pixel size: it shows one decimal, and keeps the others of a size it was given."""

from __future__ import annotations

from magicgui.widgets import FloatSpinBox

from napari_cvdm.plugin.image.pixel_sizes import DECIMALS
from napari_cvdm.restoration.validation import LARGEST_PIXEL_NM

__all__ = ["PixelSizeField"]


class PixelSizeField(FloatSpinBox):
    """A field for nanometres, of which 0 means not known.

    Over the width of a large image, what the field does not show adds up to several pixels.
    """

    def __init__(self) -> None:
        super().__init__(
            label="Pixel size",
            min=0,
            max=LARGEST_PIXEL_NM,
            step=1,
            value=0,
            tooltip="Side of a camera pixel in the sample plane. It is checked against the pixel sizes the "
            "model was trained for, and recorded with the result. 0 means not known.",
        )
        self._given: float | None = None
        self.native.setSuffix(" nm")
        self.native.setDecimals(DECIMALS)
        self.native.setSpecialValueText("not known")
        self.changed.connect(self._forget_given)

    @property
    def nanometres(self) -> float | None:
        """The size that was given, while the user has set no other; None if it is not known."""
        return self._given or float(self.value) or None

    def show_size(self, nanometres: float | None) -> None:
        """Show a size, as the program's doing and not the user's.

        Parameters
        ----------
        nanometres : float or None
            One that `napari_cvdm.plugin.image.pixel_sizes.believed` believes.
        """
        with self.changed.blocked():
            self.value = nanometres or 0
        # A conversion of units leaves 65.00000000000001; files get these many digits as well.
        self._given = float(f"{nanometres:.9g}") if nanometres else None

    def _forget_given(self) -> None:
        self._given = None

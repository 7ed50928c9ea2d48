"""What a restoration gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_cvdm.restoration.intervals import interval_factor


@dataclass(frozen=True, eq=False)
class Restoration:
    """A restored image and how far to trust it.

    Attributes
    ----------
    mean : ndarray
        Estimate of the sharp image: float32, the input's axes with Y and X ``upscaling`` times as long, in
        the input's intensity units. The mean of the draws, shrunk towards the mean network's estimate (see
        `napari_cvdm.restoration.posterior`).
    std : ndarray
        Standard deviation of its error, same shape and units. ``provenance["uncertainty"]`` says whether it
        is calibrated.
    draws : ndarray or None
        float32, shape (draws, ...): the single draws, if they were asked for.
    axes : str
        One letter for each axis of ``mean``.
    pixel_size : float or None
        Lateral pixel size of the input in nanometres, if it was given.
    upscaling : int
        Restored pixels per input pixel along Y and X.
    provenance : dict
        How the result was made, in values that JSON can hold: model, settings, device, versions,
        normalisation, warnings, seconds.
    """

    mean: npt.NDArray[np.float32]
    std: npt.NDArray[np.float32]
    draws: npt.NDArray[np.float32] | None
    axes: str
    pixel_size: float | None
    upscaling: int
    provenance: dict[str, Any] = field(repr=False)

    @property
    def restored_pixel_size(self) -> float | None:
        """Lateral pixel size of the restored image in nanometres."""
        return None if self.pixel_size is None else self.pixel_size / self.upscaling

    def interval(self, probability: float = 0.9) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Lower and upper bound of the interval that holds a pixel's true value with a probability.

        The probability is an average over images like those of the calibration; in a single image the
        interval may hold far fewer of the true values.

        Parameters
        ----------
        probability : float
            Between 0 and 1, both excluded.

        Returns
        -------
        ndarray, ndarray
            float32, of the shape and in the units of ``mean``. The width is that measured when the model was
            calibrated, interpolated between the probabilities measured. Beyond the greatest of these (95 %
            for the bundled model) it widens as a Gaussian's, which is too little, since errors have heavier
            tails. Without measurement it is a Gaussian's.

        Raises
        ------
        InputTypeError, InputError
            If the probability is no number, or lies outside 0 to 1.
        """
        half_width = np.float32(interval_factor(probability, self.provenance)) * self.std
        return self.mean - half_width, self.mean + half_width

"""What an uncertainty map says about one plane: relative to the signal, and above a threshold.

Everything here is arithmetic on two pictures of the same shape, the reconstruction and its standard
deviation, so that the viewer, a script and a test get the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cvdm.restoration.errors import InputError

Measure = Literal["absolute", "relative"]
"""Whether uncertainty is told in the intensity units of the image or as a share of the signal."""

#: Percentile of a plane's intensities, and of their standard deviations, that counts as those of background.
_BACKGROUND = 5.0
#: Percentile that counts as the strongest signal, and the share of it below which nothing counts as signal.
_STRONGEST, _FAINTEST_SHARE = 99.8, 0.05


class PlaneDoubt:
    """Reconstruction and uncertainty of one plane, and what follows from them.

    Parameters
    ----------
    mean, std : array-like
        Reconstruction and its standard deviation, of the same 2-D shape, in the intensity units of the image.

    Attributes
    ----------
    mean, std : ndarray
        float32, non-finite pixels and negative standard deviations set to zero.
    background : float
        The 5th percentile of the reconstruction: what a place without structure shows.
    signal : ndarray
        float32, intensity above the background, never below 0.
    faintest : float
        The least intensity above background that relative uncertainty is referred to: 5 % of the strongest
        (the 99.8th percentile), or the 5th percentile of the standard deviation if that is more, as in a
        blank plane. Where there is less, the ratio would only tell how dark the place is.

    Raises
    ------
    InputError
        If the shapes differ, are not those of a plane, or there are no pixels.
    """

    def __init__(self, mean: ArrayLike, std: ArrayLike) -> None:
        self.mean, self.std = _finite(mean), _finite(std).clip(0)
        if self.mean.shape != self.std.shape or not self.mean.size:
            raise InputError(
                "The reconstruction and its uncertainty do not have the same pixels "
                f"({self.mean.shape} and {self.std.shape}): choose two layers of the same run."
            )
        if self.mean.ndim != 2:
            raise InputError(
                f"The reconstruction has {self.mean.ndim} axes: give one plane of it, and of its uncertainty."
            )
        self.background = float(np.percentile(self.mean, _BACKGROUND))
        self.signal: NDArray[np.float32] = np.maximum(self.mean - np.float32(self.background), 0)
        strongest = float(np.percentile(self.signal, _STRONGEST))
        least = float(np.percentile(self.std, _BACKGROUND))
        self.faintest = max(_FAINTEST_SHARE * strongest, least) or 1.0

    def uncertainty(self, measure: Measure) -> NDArray[np.float32]:
        """Return the standard deviation, or its ratio to the signal (1 means as large as the signal).

        Raises
        ------
        InputError
            If the measure is neither.
        """
        if measure not in get_args(Measure):
            raise InputError(f"The measure must be 'absolute' or 'relative', not {measure!r}.")
        if measure == "absolute":
            return self.std
        ratio = self.std / np.maximum(self.signal, np.float32(self.faintest))
        return ratio.astype(np.float32, copy=False)


@dataclass(frozen=True)
class ThresholdSummary:
    """What lies above an uncertainty threshold.

    Attributes
    ----------
    threshold : float
        In the measure the curve was made with.
    share_of_signal, share_of_pixels : float
        Share, 0 to 1, of the intensity above background and of the pixels.
    error_above, error_below : float or None
        Expected root mean squared error of the pixels on either side, in the curve's measure; None where
        there are no pixels.
    """

    threshold: float
    share_of_signal: float
    share_of_pixels: float
    error_above: float | None
    error_below: float | None


class ThresholdCurve:
    """Answers, for any threshold and at once, how much of a plane is more uncertain than that.

    A calibrated standard deviation is the root mean squared error to be expected of its pixel, so the error
    expected of a group of pixels is the root mean square of theirs.

    Parameters
    ----------
    doubt : PlaneDoubt
        The plane. It is sorted here, which for 4 million pixels takes half a second; `at` then takes none.
    measure : {"absolute", "relative"}
        What thresholds are about.

    Attributes
    ----------
    highest : float
        The 99.9th percentile of the uncertainty: a sensible end for a slider.
    """

    def __init__(self, doubt: PlaneDoubt, measure: Measure) -> None:
        values = doubt.uncertainty(measure).ravel()
        order = np.argsort(values, kind="stable")
        self._values = values[order]
        self._signal = _running_sum(doubt.signal.ravel()[order])
        self._squares = _running_sum(self._values.astype(np.float64) ** 2)
        self.highest = float(np.percentile(self._values, 99.9))

    def at(self, threshold: float) -> ThresholdSummary:
        """Return what lies strictly above a threshold."""
        below = int(np.searchsorted(self._values, np.float32(threshold), side="right"))
        count = len(self._values)
        signal, squares = self._signal[-1], self._squares[-1]
        return ThresholdSummary(
            threshold,
            share_of_signal=float((signal - self._signal[below]) / signal) if signal > 0 else 0.0,
            share_of_pixels=(count - below) / count,
            error_above=_root_mean(squares - self._squares[below], count - below),
            error_below=_root_mean(self._squares[below], below),
        )

    def threshold_for(self, share_of_signal: float) -> float:
        """Return the threshold above which lies the given share, 0 to 1, of the signal."""
        wanted = (1 - share_of_signal) * self._signal[-1]
        position = int(np.searchsorted(self._signal, wanted, side="left")) - 1
        return float(self._values[max(position, 0)])


def _finite(picture: ArrayLike) -> NDArray[np.float32]:
    values = np.array(picture, dtype=np.float32)  # a copy: the run may still be writing to the original
    values[~np.isfinite(values)] = 0
    return values


def _running_sum(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Sums of the first 0, 1, 2 ... values."""
    sums = np.zeros(values.size + 1)
    # If it had to convert as well, or in place, NumPy would hold Python's lock, and a viewer stand still.
    np.cumsum(values.astype(np.float64, copy=False), out=sums[1:])
    return sums


def _root_mean(total: float, count: int) -> float | None:
    return float(np.sqrt(max(total, 0.0) / count)) if count else None

"""The resolution before and after: of the measurement, and of what was made of it.

Two methods that need no second recording. Decorrelation analysis tells how fine the finest detail *is*; it
cannot tell whether that detail is right. Fourier ring correlation tells up to where two estimates *agree*:
two halves of the photons, two draws, or the reconstructions of two halves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from napari_cvdm.assessment.camera_noise import measure_noise
from napari_cvdm.assessment.decorrelation import Decorrelation, decorrelation_analysis
from napari_cvdm.assessment.ring_correlation import RingCorrelation, fourier_ring_correlation
from napari_cvdm.restoration.errors import InputError

FloatArray = NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class ResolutionCheck:
    """Resolution before and after, in units of the pixel size. From `check_resolution`.

    Attributes
    ----------
    before, after : Decorrelation or None
        Of the measurement and of the reconstruction; None where the image is too small.
    halves : RingCorrelation or None
        Between two halves of the measurement's photons.
    draws : RingCorrelation or None
        Between two independent draws from the posterior: how fine the model itself is sure. The measurement's
        noise is the same in both, so that this is an upper limit.
    restored_halves : RingCorrelation or None
        Between the reconstructions of two halves of the photons: how fine the detail is that survives other
        noise.
    unit : str
        "nm", or "camera pixels" where the pixel size is not known.
    """

    before: Decorrelation | None
    after: Decorrelation | None
    halves: RingCorrelation | None
    draws: RingCorrelation | None
    restored_halves: RingCorrelation | None
    unit: str

    @property
    def gain(self) -> float | None:
        """How many times finer the finest detail became, by decorrelation; None if either is unknown."""
        if self.before is None or self.after is None:
            return None
        ratio = self.before.resolution / self.after.resolution
        return float(ratio) if np.isfinite(ratio) else None

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as values that JSON can hold."""
        rings = {"halves": self.halves, "draws": self.draws, "restored_halves": self.restored_halves}
        return {
            "unit": self.unit,
            "decorrelation_before": None if self.before is None else self.before.to_dict(),
            "decorrelation_after": None if self.after is None else self.after.to_dict(),
            "gain": self.gain,
            **{
                f"ring_correlation_{name}": None
                if ring is None or not np.isfinite(ring.resolution)
                else ring.resolution
                for name, ring in rings.items()
            },
        }


def split_photons(image: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Split an image into two that share its signal and not its noise, as from half the exposure each.

    Noise of the very variance that the image has is added to it once and subtracted once. The two sums are
    uncorrelated beyond the signal, and each has twice the variance. The image (Y, X) must be a measurement:
    its noise must be independent from pixel to pixel.

    References
    ----------
    Leiner et al., Data fission, J. Am. Stat. Assoc. 120, 135 (2025). For pure photon noise this is the
    binomial split of Rieger et al., Opt. Express 32, 21767 (2024), in its Gaussian limit, and needs no
    camera offset.
    """
    values = np.asarray(image, np.float64)
    spread = np.sqrt(measure_noise(values).variance(ndimage.gaussian_filter(values, 1.0, mode="reflect")))
    added = spread * np.random.default_rng(0).standard_normal(values.shape)
    return values + added, values - added


def check_resolution(
    image: ArrayLike,
    sharp: ArrayLike,
    *,
    pixel_size: float | None = None,
    draws: Sequence[ArrayLike] | NDArray[Any] | None = None,
    restored_halves: tuple[ArrayLike, ArrayLike] | None = None,
) -> ResolutionCheck:
    """Estimate the resolution before and after a restoration.

    Parameters
    ----------
    image : array-like, (Y, X)
        The measurement.
    sharp : array-like, (s·Y, s·X)
        Its reconstruction.
    pixel_size : float, optional
        Side of a camera pixel in nm; without it, lengths are in camera pixels.
    draws : sequence of array-like, (s·Y, s·X), optional
        Draws from the posterior, in their order: 2k + 1 is the mirror image of 2k, so 0 and 2 are compared.
    restored_halves : tuple of array-like, optional
        The reconstructions of the two images of `split_photons`.
    """
    measured, fine = np.asarray(image), np.asarray(sharp)
    size = pixel_size if pixel_size is not None else 1.0
    fine_size = size * measured.shape[0] / fine.shape[0]
    between = None if draws is None or len(draws) < 3 else (draws[0], draws[2])
    return ResolutionCheck(
        before=_unless_too_small(lambda: decorrelation_analysis(measured, size)),
        after=_unless_too_small(lambda: decorrelation_analysis(fine, fine_size)),
        halves=_unless_too_small(lambda: _agreement(split_photons(measured), size)),
        draws=_unless_too_small(lambda: _agreement(between, fine_size)),
        restored_halves=_unless_too_small(lambda: _agreement(restored_halves, fine_size)),
        unit="camera pixels" if pixel_size is None else "nm",
    )


def _agreement(images: tuple[ArrayLike, ArrayLike] | None, pixel_size: float) -> RingCorrelation | None:
    return None if images is None else fourier_ring_correlation(*images, pixel_size=pixel_size)


def _unless_too_small(estimate: Callable[[], T]) -> T | None:
    try:
        return estimate()
    except InputError:
        return None

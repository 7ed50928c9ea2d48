"""Point-spread functions, as transfer functions on the fine grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_cvdm.simulation.curves import Image

Transfer = NDArray[np.float64]

#: σ of the Gaussian that fits an in-focus wide-field PSF, times its cut-off frequency: FWHM = 0.51 λ/NA,
#: cut-off 2 NA/λ, FWHM = 2.355 σ.
SIGMA_TIMES_CUTOFF = 0.51 * 2 / 2.355


def radial_frequency(size: int) -> Transfer:
    """Spatial frequency of each bin of a real FFT of a square image, cycles per pixel."""
    frequency: Transfer = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])
    return frequency


def gaussian_transfer(size: int, sigma: float) -> Transfer:
    """Transfer function of a Gaussian PSF of standard deviation ``sigma`` pixels."""
    transfer: Transfer = np.exp(-2 * (np.pi * sigma * radial_frequency(size)) ** 2)
    return transfer


def widefield_transfer(size: int, sigma: float) -> Transfer:
    """Transfer function of an aberration-free, in-focus, incoherent wide-field microscope.

    Parameters
    ----------
    size : int
        Side of the square image, pixels.
    sigma : float
        Width of the PSF: standard deviation of the Gaussian that fits its centre, pixels.

    Notes
    -----
    The autocorrelation of a circular pupil, (2/π)(arccos ν − ν√(1 − ν²)) with ν = f / cut-off (Goodman,
    *Introduction to Fourier Optics*, sec. 6.3).
    """
    nu = np.clip(radial_frequency(size) * sigma / SIGMA_TIMES_CUTOFF, 0, 1)
    transfer: Transfer = 2 / np.pi * (np.arccos(nu) - nu * np.sqrt(1 - nu**2))
    return transfer


def blur(image: Image, transfer: Transfer) -> Image:
    """Convolve a square image with the PSF of a transfer function (periodic at the borders)."""
    blurred = np.fft.irfft2(np.fft.rfft2(image) * transfer, s=image.shape)
    return blurred.astype(np.float32)


def remaining_sigma(total: float, already: float) -> float:
    """Gaussian width still to be applied to an image blurred by ``already`` to reach ``total``; 0 if none."""
    return float(np.sqrt(max(total**2 - already**2, 0.0)))

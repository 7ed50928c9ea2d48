"""Point-spread functions, as transfer functions on the fine grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from napari_cvdm.simulation.curves import Image

Transfer = NDArray[np.float64]
ComplexTransfer = NDArray[np.complex128]

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


def disc_transfer(size: int, radius: float) -> Transfer:
    """Transfer function of an even disc of ``radius`` pixels: a point far out of focus, by geometry."""
    argument = np.maximum(2 * np.pi * radius * radial_frequency(size), 1e-9)
    transfer: Transfer = 2 * special.j1(argument) / argument
    return transfer


#: Low aberrations of a pupil: defocus, astigmatism, coma, trefoil and primary spherical, as functions of
#: radius and angle with unit variance over the pupil (Noll 1976, 10.1364/JOSA.66.000207).
ZERNIKE = (
    lambda r, a: np.sqrt(3) * (2 * r**2 - 1),
    lambda r, a: np.sqrt(6) * r**2 * np.cos(2 * a),
    lambda r, a: np.sqrt(6) * r**2 * np.sin(2 * a),
    lambda r, a: np.sqrt(8) * (3 * r**3 - 2 * r) * np.cos(a),
    lambda r, a: np.sqrt(8) * (3 * r**3 - 2 * r) * np.sin(a),
    lambda r, a: np.sqrt(8) * r**3 * np.cos(3 * a),
    lambda r, a: np.sqrt(8) * r**3 * np.sin(3 * a),
    lambda r, a: np.sqrt(5) * (6 * r**4 - 6 * r**2 + 1),
)


def aberrated_transfer(size: int, sigma: float, waves: NDArray[np.float64]) -> ComplexTransfer:
    """Transfer function of a wide-field microscope whose pupil has aberrations.

    Parameters
    ----------
    size : int
        Side of the square image, pixels.
    sigma : float
        Width of the PSF without aberrations, as in `widefield_transfer`, pixels.
    waves : ndarray
        Root-mean-square wavefront error of each of `ZERNIKE`, waves.

    Returns
    -------
    ndarray
        For a real FFT, complex, with the PSF's centre of mass at the origin.

    Notes
    -----
    The PSF is the squared modulus of the pupil's Fourier transform (Goodman, *Introduction to Fourier
    Optics*, sec. 6.4). Centred, because a shift of the image against its target is nobody's to undo.
    """
    frequency = np.fft.fftfreq(size)
    radius = np.hypot(frequency[:, None], frequency[None, :]) * 2 * sigma / SIGMA_TIMES_CUTOFF
    inside = radius <= 1
    rows, columns = np.nonzero(inside)
    angle = np.arctan2(frequency[rows], frequency[columns])
    phase = sum(w * shape(radius[inside], angle) for w, shape in zip(waves, ZERNIKE, strict=True))
    pupil = np.zeros((size, size), complex)
    pupil[inside] = np.exp(2j * np.pi * phase)
    transfer = np.fft.rfft2(np.abs(np.fft.ifft2(pupil)) ** 2)
    transfer = transfer / transfer[0, 0].real
    # The lowest frequencies' phase is the centre of mass.
    across = np.fft.rfftfreq(size)[None, :]
    phases = np.angle(transfer[1, 0]) * frequency[:, None] + np.angle(transfer[0, 1]) * across
    centred: ComplexTransfer = transfer * np.exp(-1j * size * phases)
    return centred


def blur(image: Image, transfer: Transfer | ComplexTransfer) -> Image:
    """Convolve a square image with the PSF of a transfer function (periodic at the borders)."""
    blurred = np.fft.irfft2(np.fft.rfft2(image) * transfer, s=image.shape)
    return blurred.astype(np.float32)


def remaining_sigma(total: float, already: float) -> float:
    """Gaussian width still to be applied to an image blurred by ``already`` to reach ``total``; 0 if none."""
    return float(np.sqrt(max(total**2 - already**2, 0.0)))

"""From a sharp image back to what a camera would record of it: blur, then pixels.

Half a microscope: no noise, no units. Gain and background are fitted by those who compare.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage, signal

from napari_cvdm.restoration.errors import InputError


def bin_pixels(fine: ArrayLike, upscaling: int) -> NDArray[np.float64]:
    """Average `upscaling` × `upscaling` fine pixels into each camera pixel; (s·Y, s·X) to (Y, X)."""
    values = np.asarray(fine, np.float64)
    height, width = values.shape[0] // upscaling, values.shape[1] // upscaling
    blocks = values[: height * upscaling, : width * upscaling]
    return np.asarray(blocks.reshape(height, upscaling, width, upscaling).mean(axis=(1, 3)))


def blur_and_bin(sharp: ArrayLike, upscaling: int, sigma: float) -> NDArray[np.float64]:
    """Blur (s·Y, s·X) with a Gaussian and bin to the camera's pixels, (Y, X).

    The image is mirrored at its borders; `sigma` is the standard deviation in camera pixels.
    """
    values = np.asarray(sharp, np.float64)
    if sigma > 0:
        values = ndimage.gaussian_filter(values, sigma * upscaling, mode="reflect")
    return bin_pixels(values, upscaling)


def convolve_and_bin(sharp: ArrayLike, upscaling: int, psf: ArrayLike) -> NDArray[np.float64]:
    """Convolve (s·Y, s·X) with a measured point-spread function and bin to the camera's pixels, (Y, X).

    The image is mirrored at its borders. `psf` is on the fine grid too, of odd sides, its centre in the
    middle; it is brought to sum 1.

    Raises
    ------
    InputError
        If the point-spread function cannot be one.
    """
    kernel = np.asarray(psf, np.float64)
    if kernel.ndim != 2 or not all(side % 2 for side in kernel.shape):
        raise InputError("A point-spread function is a plane with an odd number of pixels along Y and X.")
    if not np.all(np.isfinite(kernel)) or kernel.sum() <= 0:
        raise InputError("A point-spread function has finite values and a positive sum.")
    values = np.asarray(sharp, np.float64)
    rows, columns = (side // 2 for side in kernel.shape)
    padded = np.pad(values, ((rows, rows), (columns, columns)), mode="symmetric")
    blurred = signal.fftconvolve(padded, kernel / kernel.sum(), mode="valid")
    return bin_pixels(blurred, upscaling)

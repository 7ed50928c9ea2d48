"""What a wide-field microscope makes of a structure: light in focus, and the haze of what is not."""

from __future__ import annotations

import numpy as np

from napari_cvdm.simulation.curves import Image
from napari_cvdm.simulation.optics import (
    ZERNIKE,
    ComplexTransfer,
    Transfer,
    aberrated_transfer,
    blur,
    disc_transfer,
    gaussian_transfer,
    remaining_sigma,
    widefield_transfer,
)
from napari_cvdm.simulation.ranges import AcquisitionRanges, between, log_between

#: Least width of light from out of focus, relative to the wide-field PSF. Light blurred less cannot be told
#: from a wide or dense structure in focus: a network that must guess which it is learns to dim both.
LEAST_DEFOCUS = 2.5

#: Least transfer of an image's own blur that is divided out again: below it, there is little but its noise.
LEAST_NATIVE = 0.2


def draw_focus(
    rng: np.random.Generator, size: int, ranges: AcquisitionRanges, sigma: float, native_sigma: float
) -> Transfer | ComplexTransfer:
    """Draw the transfer function, for a real FFT, of what is in focus.

    Parameters
    ----------
    size : int
        Side of the square field, fine pixels.
    sigma : float
        Width of the PSF, fine pixels.
    native_sigma : float
        Gaussian blur that the structure carries already, fine pixels; divided out.
    """
    focus: Transfer | ComplexTransfer
    if ranges.aberrated_share and rng.random() < ranges.aberrated_share:
        shares = rng.normal(size=len(ZERNIKE))
        waves = between(rng, ranges.aberration) * shares / np.linalg.norm(shares)
        focus = _sharpened(aberrated_transfer(size, sigma, waves), native_sigma)
    elif (native_sigma == 0 or ranges.diffracted_micrographs) and rng.random() < 0.5:
        focus = _sharpened(widefield_transfer(size, sigma), native_sigma)
    else:
        focus = gaussian_transfer(size, remaining_sigma(sigma, native_sigma))
    if ranges.halo_share and rng.random() < ranges.halo_share:
        light, width = between(rng, ranges.halo_light), between(rng, ranges.halo_width)
        halo = gaussian_transfer(size, remaining_sigma(width * sigma, native_sigma))
        focus = (1 - light) * focus + light * halo
    return focus


def _sharpened(transfer: Transfer | ComplexTransfer, native_sigma: float) -> Transfer | ComplexTransfer:
    """Leave out of a transfer function what the structure's own blur does already."""
    return transfer / np.maximum(gaussian_transfer(len(transfer), native_sigma), LEAST_NATIVE)


def draw_widefield(
    rng: np.random.Generator, density: Image, ranges: AcquisitionRanges, sigma: float, native_sigma: float
) -> tuple[Image, Image]:
    """Image a structure, with haze drawn at random.

    Parameters
    ----------
    rng, ranges, sigma, native_sigma
        As for `draw_focus`.
    density : ndarray
        The structure on the fine grid, square.

    Returns
    -------
    focused, light : ndarray
        The light in focus, and all light, of the shape of ``density``.
    """
    size = density.shape[0]
    focus = draw_focus(rng, size, ranges, sigma, native_sigma)
    if ranges.thick_share and rng.random() < ranges.thick_share:
        haze = between(rng, ranges.thick_haze)
    else:
        haze = between(rng, ranges.haze, power=2.0)
    haze_sigma = max(log_between(rng, ranges.haze_sigma), LEAST_DEFOCUS * sigma)
    near_sigma = max(0.4 * haze_sigma, LEAST_DEFOCUS * sigma)
    above = density if rng.random() < 0.5 else np.roll(density, rng.integers(0, size, 2), axis=(0, 1))
    if ranges.disc_share and rng.random() < ranges.disc_share:
        # The light of a disc of radius 2σ spreads as far as that of a Gaussian of σ.
        far, near = disc_transfer(size, 2 * haze_sigma), disc_transfer(size, 2 * near_sigma)
    else:
        far, near = gaussian_transfer(size, haze_sigma), gaussian_transfer(size, near_sigma)
    split = rng.random()
    focused = blur(density, focus)
    return focused, focused + haze * blur(above, split * far + (1 - split) * near)

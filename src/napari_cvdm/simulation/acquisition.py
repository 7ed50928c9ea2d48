"""An acquisition: one structure, imaged sharply (the target) and by a wide-field microscope (the input).

The target is the in-focus structure seen through a PSF about half as wide as the wide-field one, without
haze, background or noise. Haze goes into the wide-field image only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cvdm.simulation.camera import expose, integrate_pixels
from napari_cvdm.simulation.curves import Image, smooth_noise
from napari_cvdm.simulation.optics import blur, gaussian_transfer, remaining_sigma
from napari_cvdm.simulation.ranges import AcquisitionRanges, between, log_between
from napari_cvdm.simulation.widefield import draw_widefield

#: Fine pixels on each side of a field that are simulated and cut off, so that the periodic blur of what is in
#: focus brings nothing in. The wider haze does come round, from the opposite edge: haze of another place.
MARGIN = 24


@dataclass(frozen=True)
class Acquisition:
    """A wide-field image and its sharp target.

    Attributes
    ----------
    widefield : ndarray
        Grey levels of the camera, (H, W) uint16.
    target : ndarray
        In-focus structure on the fine grid, (2H, 2W) float32, in the camera's grey levels above background:
        its mean over 2×2 pixels is what the in-focus light adds to the camera pixel.
    """

    widefield: NDArray[np.uint16]
    target: Image


def acquire(
    rng: np.random.Generator,
    density: Image,
    ranges: AcquisitionRanges,
    native_sigma: float = 0.0,
    photons: float | None = None,
    psf_sigma: float | None = None,
) -> Acquisition:
    """Image a structure with optics and a camera drawn at random.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    density : ndarray
        Fluorophore density on the fine grid, square, with `MARGIN` pixels on each side that will be cut off.
    ranges : AcquisitionRanges
        What to draw from.
    native_sigma : float
        Blur that the density already carries, fine pixels (a real super-resolved image used as structure).
    photons, psf_sigma : float, optional
        Fixed values instead of drawn ones.
    """
    size = density.shape[0]
    sigma = log_between(rng, ranges.psf_sigma) if psf_sigma is None else psf_sigma
    target_sigma = max(ranges.target_sigma_min, ranges.target_ratio * sigma)
    target = blur(density, gaussian_transfer(size, remaining_sigma(target_sigma, native_sigma)))
    focused, light = draw_widefield(rng, density, ranges, sigma, native_sigma)

    inner = slice(MARGIN, size - MARGIN)
    focused, light = (integrate_pixels(each[inner, inner]) for each in (focused, light))
    top = max(float(np.percentile(focused, 99.8)), 1e-6)
    electrons = log_between(rng, ranges.photons) if photons is None else photons
    level = between(rng, ranges.background) * electrons
    light = light * (electrons / top)
    uneven = 1 + 0.3 * rng.random() * smooth_noise(rng, light.shape[0], light.shape[0] / 5)
    if ranges.slope[1]:
        uneven = uneven + between(rng, ranges.slope) * _rise(rng, light.shape[0])
    light = np.maximum(light, 0) + level * np.maximum(uneven, 0)

    read_noise = between(rng, ranges.read_noise)
    gain = min(log_between(rng, (0.5, 8.0)), 50000 / max(float(light.max()), 1.0))
    offset = float(rng.integers(0, 500))
    # A fine pixel holds a quarter of its camera pixel's light: ×4 puts both in the same units.
    scale = 4 * electrons / top * gain
    return Acquisition(
        expose(rng, light, read_noise=read_noise, gain=gain, offset=offset),
        (np.maximum(target[inner, inner], 0) * scale).astype(np.float32),
    )


def _rise(rng: np.random.Generator, size: int) -> Image:
    """A plane that rises in some direction from −1 to 1, (size, size)."""
    direction = rng.uniform(0, 2 * np.pi)
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    rise: Image = np.cos(direction) * axis[:, None] + np.sin(direction) * axis[None, :]
    return rise

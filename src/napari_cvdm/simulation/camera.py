"""What a camera makes of light: pixels, photon noise, read noise, offset, gain, and whole numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_cvdm.simulation.curves import Image


def expose(
    rng: np.random.Generator, electrons: Image, *, read_noise: float, gain: float, offset: float
) -> NDArray[np.uint16]:
    """Record an image with a camera of 16 bits, whose grey levels saturate.

    `electrons` are the photo-electrons expected in each camera pixel, (H, W). The standard deviation of the
    read noise is in electrons; gain is in grey levels per electron, and offset the grey level of darkness.
    """
    detected = rng.poisson(np.maximum(electrons, 0)).astype(np.float64)
    detected += rng.normal(0, read_noise, detected.shape)
    return np.clip(np.rint(detected * gain + offset), 0, 2**16 - 1).astype(np.uint16)


def integrate_pixels(fine: Image) -> Image:
    """Sum 2 × 2 fine pixels into each camera pixel; (2·H, 2·W) to (H, W)."""
    height, width = fine.shape[0] // 2, fine.shape[1] // 2
    sums: Image = fine.reshape(height, 2, width, 2).sum(axis=(1, 3), dtype=np.float32)
    return sums

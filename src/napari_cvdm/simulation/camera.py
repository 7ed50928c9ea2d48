"""What a camera makes of light: pixels, photon noise, read noise, offset, gain, and whole numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_cvdm.simulation.curves import Image


@dataclass(frozen=True)
class Camera:
    """A scientific camera.

    Attributes
    ----------
    read_noise : float
        Standard deviation of the read noise, electrons.
    gain : float
        Grey levels per electron.
    offset : float
        Grey level of darkness.
    bits : int
        Depth of the digitiser; brighter pixels saturate.
    """

    read_noise: float = 1.5
    gain: float = 2.0
    offset: float = 100.0
    bits: int = 16

    def record(self, rng: np.random.Generator, electrons: Image) -> NDArray[np.uint16]:
        """Record an image.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of the noise.
        electrons : ndarray
            Expected number of photo-electrons in each camera pixel, (H, W).

        Returns
        -------
        ndarray
            Grey levels, (H, W) uint16.
        """
        detected = rng.poisson(np.maximum(electrons, 0)).astype(np.float64)
        detected += rng.normal(0, self.read_noise, detected.shape)
        levels = np.rint(detected * self.gain + self.offset)
        return np.clip(levels, 0, 2**self.bits - 1).astype(np.uint16)


def integrate_pixels(fine: Image, factor: int = 2) -> Image:
    """Sum ``factor`` × ``factor`` fine pixels into each camera pixel; (s·H, s·W) to (H, W)."""
    height, width = fine.shape[0] // factor, fine.shape[1] // factor
    blocks = fine[: height * factor, : width * factor].reshape(height, factor, width, factor)
    sums: Image = blocks.sum(axis=(1, 3), dtype=np.float32)
    return sums

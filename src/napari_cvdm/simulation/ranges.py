"""The ranges from which an acquisition's optics and camera are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

#: The ranges that a model card states.
KNOWN = (
    "psf_sigma",
    "target_ratio",
    "target_sigma_min",
    "photons",
    "haze",
    "haze_sigma",
    "background",
    "read_noise",
)


@dataclass(frozen=True)
class AcquisitionRanges:
    """Ranges from which acquisitions are drawn; the model card states those in `KNOWN`.

    Attributes
    ----------
    psf_sigma : tuple of float
        Width of the wide-field PSF, fine pixels (log-uniform).
    target_ratio : float
        Width of the target's PSF over that of the wide-field one.
    target_sigma_min : float
        Least width of the target's PSF, fine pixels: sharper would alias on the fine grid.
    photons : tuple of float
        Electrons per camera pixel at the bright end (99.8 percentile) of the in-focus structure
        (log-uniform).
    haze : tuple of float
        Light from out of focus, as a multiple of the in-focus light (squared-uniform: small values prevail).
    thick_share : float
        Share of the acquisitions that are of thick specimens, with light from out of focus in the range
        `thick_haze` instead. One wide range would make every recording a little hazy, and a network that
        expects this takes light from dense structures in focus.
    thick_haze : tuple of float
        The same multiple, for thick specimens (uniform).
    haze_sigma : tuple of float
        Width of the out-of-focus blur, fine pixels (log-uniform), but at least `LEAST_DEFOCUS` times the
        PSF's.
    aberrated_share : float
        Share of the acquisitions whose in-focus PSF is that of a pupil with aberrations.
    aberration : tuple of float
        Their root-mean-square wavefront error, waves (uniform).
    halo_share : float
        Share of the acquisitions in which some of the in-focus light lies in a wide halo: what real PSFs have
        beyond their core, and Gaussians have not.
    halo_light, halo_width : tuple of float
        Share of the light, and σ of the halo over that of the PSF (uniform).
    disc_share : float
        Share of the acquisitions in which points out of focus are even discs instead of Gaussians.
    diffracted_micrographs : bool
        Whether half of the real images, too, are seen through a diffraction-limited PSF, not a Gaussian.
    slope : tuple of float
        How much the background rises from the middle of the field to one side, as a share of it (uniform).
    background : tuple of float
        Even background, as a share of the bright end.
    read_noise : tuple of float
        Electrons.
    """

    psf_sigma: tuple[float, float] = (1.9, 4.2)
    target_ratio: float = 0.48
    target_sigma_min: float = 1.0
    photons: tuple[float, float] = (15.0, 3000.0)
    haze: tuple[float, float] = (0.0, 3.0)
    thick_share: float = 0.0
    thick_haze: tuple[float, float] = (0.0, 0.0)
    haze_sigma: tuple[float, float] = (5.0, 30.0)
    aberrated_share: float = 0.0
    aberration: tuple[float, float] = (0.0, 0.0)
    halo_share: float = 0.0
    halo_light: tuple[float, float] = (0.0, 0.4)
    halo_width: tuple[float, float] = (1.5, 2.5)
    disc_share: float = 0.0
    diffracted_micrographs: bool = False
    slope: tuple[float, float] = (0.0, 0.0)
    background: tuple[float, float] = (0.0, 0.5)
    read_noise: tuple[float, float] = (0.5, 3.0)

    def known(self) -> dict[str, Any]:
        """What a model trained on them knows, for its card: `haze` spans that of thick specimens too."""
        known = {name: getattr(self, name) for name in KNOWN}
        if self.thick_share:
            known["haze"] = min(self.haze + self.thick_haze), max(self.haze + self.thick_haze)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in known.items()}


def between(rng: np.random.Generator, bounds: tuple[float, float], power: float = 1.0) -> float:
    """Draw evenly from a range; with a `power` above 1, more often near its lower end."""
    share: float = float(rng.random()) ** power
    return bounds[0] + (bounds[1] - bounds[0]) * share


def log_between(rng: np.random.Generator, bounds: tuple[float, float]) -> float:
    """Draw from a range of positive numbers, evenly in their logarithm."""
    return float(np.exp(between(rng, (np.log(bounds[0]), np.log(bounds[1])))))

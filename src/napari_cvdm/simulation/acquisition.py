"""An acquisition: one structure, imaged sharply (the target) and by a wide-field microscope (the input).

The target is the in-focus structure seen through a PSF about half as wide as the wide-field one, without
haze, background or noise. Haze goes into the wide-field image only.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cvdm.simulation.camera import Camera, integrate_pixels
from napari_cvdm.simulation.curves import Image, smooth_noise
from napari_cvdm.simulation.optics import (
    blur,
    gaussian_transfer,
    remaining_sigma,
    widefield_transfer,
)

#: Fine pixels on each side of a field that are simulated and cut off, so that the periodic blur of what is in
#: focus brings nothing in. The wider haze does come round, from the opposite edge: haze of another place.
MARGIN = 24

#: Least width of light from out of focus, relative to the wide-field PSF. Light blurred less cannot be told
#: from a wide or dense structure in focus: a network that must guess which it is learns to dim both.
LEAST_DEFOCUS = 2.5


@dataclass(frozen=True)
class AcquisitionRanges:
    """Ranges from which acquisitions are drawn; the model card states them.

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
    background: tuple[float, float] = (0.0, 0.5)
    read_noise: tuple[float, float] = (0.5, 3.0)

    def to_dict(self) -> dict[str, Any]:
        """The ranges as JSON-able values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    def known(self) -> dict[str, Any]:
        """What a model trained on them knows, for its card: `haze` spans that of thick specimens too."""
        known = self.to_dict()
        if self.thick_share:
            known["haze"] = [f(self.haze + self.thick_haze) for f in (min, max)]
        return {key: value for key, value in known.items() if not key.startswith("thick_")}


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
    parameters : dict
        What was drawn: psf_sigma, target_sigma, photons, haze, haze_sigma, background, read_noise.
    """

    widefield: NDArray[np.uint16]
    target: Image
    parameters: dict[str, float]


def _between(rng: np.random.Generator, bounds: tuple[float, float], power: float = 1.0) -> float:
    share: float = float(rng.random()) ** power
    return bounds[0] + (bounds[1] - bounds[0]) * share


def _log_between(rng: np.random.Generator, bounds: tuple[float, float]) -> float:
    return float(np.exp(_between(rng, (np.log(bounds[0]), np.log(bounds[1])))))


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

    Returns
    -------
    Acquisition
        The pair and the parameters that made it.
    """
    size = density.shape[0]
    sigma = _log_between(rng, ranges.psf_sigma) if psf_sigma is None else psf_sigma
    target_sigma = max(ranges.target_sigma_min, ranges.target_ratio * sigma)
    target = blur(density, gaussian_transfer(size, remaining_sigma(target_sigma, native_sigma)))
    focused, light, haze = _through_widefield(rng, density, ranges, sigma, native_sigma)

    inner = slice(MARGIN, size - MARGIN)
    focused, light = (integrate_pixels(each[inner, inner]) for each in (focused, light))
    top = max(float(np.percentile(focused, 99.8)), 1e-6)
    electrons = _log_between(rng, ranges.photons) if photons is None else photons
    background = _between(rng, ranges.background)
    light = light * (electrons / top)
    level = background * electrons
    uneven = 1 + 0.3 * rng.random() * smooth_noise(rng, light.shape[0], light.shape[0] / 5)
    light = np.maximum(light, 0) + level * np.maximum(uneven, 0)

    read_noise = _between(rng, ranges.read_noise)
    camera = Camera(
        read_noise,
        gain=min(_log_between(rng, (0.5, 8.0)), 50000 / max(float(light.max()), 1.0)),
        offset=float(rng.integers(0, 500)),
    )
    # A fine pixel holds a quarter of its camera pixel's light: ×4 puts both in the same units.
    scale = 4 * electrons / top * camera.gain
    return Acquisition(
        camera.record(rng, light),
        (np.maximum(target[inner, inner], 0) * scale).astype(np.float32),
        {
            "psf_sigma": sigma,
            "target_sigma": max(target_sigma, native_sigma),
            "photons": electrons,
            **haze,
            "background": background,
            "read_noise": read_noise,
        },
    )


def _through_widefield(
    rng: np.random.Generator, density: Image, ranges: AcquisitionRanges, sigma: float, native_sigma: float
) -> tuple[Image, Image, dict[str, float]]:
    """Return the light in focus, all light, and what was drawn of the haze that makes the difference."""
    size = density.shape[0]
    if native_sigma == 0 and rng.random() < 0.5:
        focus = widefield_transfer(size, sigma)
    else:
        focus = gaussian_transfer(size, remaining_sigma(sigma, native_sigma))
    if ranges.thick_share and rng.random() < ranges.thick_share:
        haze = _between(rng, ranges.thick_haze)
    else:
        haze = _between(rng, ranges.haze, power=2.0)
    haze_sigma = max(_log_between(rng, ranges.haze_sigma), LEAST_DEFOCUS * sigma)
    above = density if rng.random() < 0.5 else np.roll(density, rng.integers(0, size, 2), axis=(0, 1))
    far = gaussian_transfer(size, haze_sigma)
    near = gaussian_transfer(size, max(0.4 * haze_sigma, LEAST_DEFOCUS * sigma))
    split = rng.random()
    focused = blur(density, focus)
    light = focused + haze * blur(above, split * far + (1 - split) * near)
    return focused, light, {"haze": haze, "haze_sigma": haze_sigma}

"""Real sharp images, imaged again by a microscope that training never saw.

A model tested on the simulator that made its training data is asked how well it knows that simulator. The
imaging model here is another one on purpose, and shares no code with `napari_cvdm.simulation`: an Airy
pattern instead of a Gaussian or a transfer function, sharp-edged discs of defocus instead of a Gaussian haze,
a background that rises to one side, and noise from Poisson and normal numbers.

The truth is the sharp image as it is, with whatever haze and noise it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image as PillowImage
from scipy import signal, special

from napari_cvdm.assessment.forward import bin_pixels
from napari_cvdm.restoration.errors import InputError

HALF_MAXIMUM = 1.61634
"""Argument v at which the Airy pattern (2 J₁(v) / v)² has fallen to a half."""

STRUCTURES = ("ccp", "er", "f-actin", "microtubules")
"""Folders of the BioSR images: clathrin-coated pits, endoplasmic reticulum, actin and microtubules."""

UPSCALING = 2


@dataclass(frozen=True)
class Microscope:
    """An instrument and an exposure.

    Attributes
    ----------
    fwhm : float
        Full width at half maximum of the in-focus point-spread function, fine pixels. A Gaussian of standard
        deviation σ has 2.355 σ.
    photons : float
        Electrons per camera pixel at the 99.8 percentile of the in-focus light.
    haze : float
        Out-of-focus light as a multiple of the in-focus light.
    defocus : float
        Radius of the disc that a point out of focus makes, fine pixels.
    background : float
        Mean of the uneven background, as a share of `photons`.
    read_noise : float
        Electrons.
    """

    fwhm: float = 6.5
    photons: float = 200.0
    haze: float = 0.5
    defocus: float = 14.0
    background: float = 0.1
    read_noise: float = 1.6


def airy_psf(fwhm: float) -> NDArray[np.float64]:
    """Return the Airy pattern, with sum 1, of a circular pupil (Born & Wolf, Principles of Optics, 8.5.2).

    Its side is odd and reaches out to three times the full width at half maximum `fwhm` (pixels), which holds
    all but a few per cent of the light. Each value is the mean over a pixel, from 5 × 5 points.
    """
    reach, points = int(np.ceil(3 * fwhm)), 5
    axis = (np.arange((2 * reach + 1) * points) - ((2 * reach + 1) * points - 1) / 2) / points
    v = np.maximum(2 * HALF_MAXIMUM / fwhm * np.hypot(axis[:, None], axis[None, :]), 1e-9)
    fine = (2 * special.j1(v) / v) ** 2
    pattern = fine.reshape(2 * reach + 1, points, 2 * reach + 1, points).mean(axis=(1, 3))
    return np.asarray(pattern / pattern.sum())


def disc_psf(radius: float) -> NDArray[np.float64]:
    """Return an even disc with sum 1: the shadow of the pupil that a point far out of focus casts."""
    reach = int(np.ceil(radius))
    axis = np.arange(-reach, reach + 1)
    disc = np.clip(radius + 0.5 - np.hypot(axis[:, None], axis[None, :]), 0, 1)
    return np.asarray(disc / disc.sum())


def reimage(
    sharp: ArrayLike, microscope: Microscope, rng: np.random.Generator, *, side: int = 96
) -> tuple[NDArray[np.uint16], NDArray[np.float64]]:
    """Image a sharp picture again through a wide-field microscope.

    Parameters
    ----------
    sharp : array-like, (Y, X)
        The structure; not negative. What is out of focus is the same structure turned by a quarter, so its
        shorter side counts.
    microscope, rng
        How; and the source of the noise and of the direction in which the background rises.
    side : int
        Side of the recorded field in camera pixels, cut from the middle.

    Returns
    -------
    widefield : ndarray, (side, side) uint16
        Grey levels of the camera.
    truth : ndarray, (2 · side, 2 · side)
        The same field of `sharp`, as it is.

    Raises
    ------
    InputError
        If the picture is smaller than the field.
    """
    image = np.maximum(np.asarray(sharp, np.float64), 0)
    length, wanted = min(image.shape), UPSCALING * side
    if length < wanted:
        raise InputError(f"A field of {side} camera pixels needs {wanted} × {wanted} pixels, not {length}.")
    top, left = ((n - wanted) // 2 for n in image.shape)
    field = np.s_[top : top + wanted, left : left + wanted]
    square = image[:length, :length]
    focused = bin_pixels(_blurred(image, airy_psf(microscope.fwhm))[field], UPSCALING)
    beyond = np.rot90(_blurred(square, disc_psf(microscope.defocus)))
    start = (length - wanted) // 2
    out_of_focus = bin_pixels(beyond[start : start + wanted, start : start + wanted], UPSCALING)
    bright = max(float(np.percentile(focused, 99.8)), 1e-9)
    light = (focused + microscope.haze * out_of_focus) * (microscope.photons / bright)
    direction = rng.uniform(0, 2 * np.pi)
    rows, columns = np.meshgrid(*(np.linspace(-1, 1, side),) * 2, indexing="ij")
    slope = 1 + 0.4 * (np.cos(direction) * rows + np.sin(direction) * columns)
    electrons = light + microscope.background * microscope.photons * slope
    return grey_levels(np.maximum(electrons, 0), microscope.read_noise, rng), image[field]


def grey_levels(
    light: NDArray[np.float64], read_noise: float, rng: np.random.Generator
) -> NDArray[np.uint16]:
    """Record light, in electrons: grey levels of a camera with 2.2 for an electron and 100 in the dark."""
    recorded = rng.poisson(light) + rng.normal(0, read_noise, light.shape)
    return np.clip(np.rint(2.2 * recorded + 100), 0, 2**16 - 1).astype(np.uint16)


def load_sharp(folder: str | Path, structure: str, number: int) -> NDArray[np.float64]:
    """Read `<structure>/<NN>.png` of a folder of sharp images, (Y, X).

    Raises
    ------
    InputError
        If there is no such file.
    """
    path = Path(folder) / structure / f"{number:02d}.png"
    if not path.is_file():
        raise InputError(f"There is no image {path}: give the folder that holds {', '.join(STRUCTURES)}.")
    return np.asarray(PillowImage.open(path).convert("F"), np.float64)


class ReimagedField(NamedTuple):
    """One field: what was imaged, how, and what came out.

    Attributes
    ----------
    structure, number : str, int
        One of `STRUCTURES`, and which sharp image of it.
    microscope : Microscope
        With the photons of this field.
    widefield, truth : ndarray
        The recording, (side, side) uint16, and the sharp image of the field, (2 · side, 2 · side).
    """

    structure: str
    number: int
    microscope: Microscope
    widefield: NDArray[np.uint16]
    truth: NDArray[np.float64]


def reimaged_fields(
    folder: str | Path,
    numbers: Iterable[int],
    photons: Sequence[float],
    *,
    side: int = 96,
    prepare: Callable[[NDArray[np.float64]], NDArray[np.float64]] = lambda sharp: sharp,
    same_microscope: bool = False,
) -> Iterator[ReimagedField]:
    """Image sharp images again, each at every photon level; always the same way.

    Parameters
    ----------
    folder : str or Path
        Holds `<structure>/<NN>.png`.
    numbers : iterable of int
        Which of them.
    photons : sequence of float
        Bright ends in electrons. All else is drawn at random: width of the point-spread function (5 to 8 fine
        pixels), haze (none to 1.5 times the light in focus), background and read noise.
    side : int
        Side of a field in camera pixels.
    prepare : callable
        What is done to a sharp image before it is imaged.
    same_microscope : bool
        Whether the photon levels of an image differ in nothing but photons, so that levels can be compared.
        Unless asked for, each is imaged by a microscope of its own.

    Raises
    ------
    InputError
        If an image is missing or smaller than the field.
    """
    for structure in STRUCTURES:
        for number in numbers:
            sharp = prepare(load_sharp(folder, structure, number))
            for level, electrons in enumerate(photons):
                place = [8, STRUCTURES.index(structure), number]
                rng = np.random.default_rng(place if same_microscope else [*place, level])
                microscope = Microscope(
                    fwhm=float(rng.uniform(5, 8)),
                    photons=float(electrons),
                    haze=float(rng.choice([0.0, 0.5, 1.5])),
                    defocus=float(rng.uniform(8, 20)),
                    background=float(rng.uniform(0, 0.3)),
                    read_noise=float(rng.uniform(1, 2.5)),
                )
                yield ReimagedField(
                    structure, number, microscope, *reimage(sharp, microscope, rng, side=side)
                )


def _blurred(image: NDArray[np.float64], psf: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convolve, with the image continued by reflection."""
    reach = psf.shape[0] // 2
    return np.asarray(signal.fftconvolve(np.pad(image, reach, mode="symmetric"), psf, mode="valid"))

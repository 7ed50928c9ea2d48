"""Fields that no training has seen, with their truth: what benchmarks measure on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.restoration import rolling_ball

from napari_cvdm.assessment.metrics import normalize_truth
from napari_cvdm.assessment.pairs import SCORED_SIDE, centre, find_pairs
from napari_cvdm.assessment.reimaging import reimaged_fields
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.simulation.pairs import KINDS, simulate_pair

FIRST_SEED = 30_000_000
"""First seed of the simulated fields; training and calibration use others."""

NUMBERS = (43, 45)
"""Real images on which benchmarks measure restorations; training uses neither. How right the uncertainty is,
they measure on all images kept from training, each left out of the calibration in turn."""


BALL_RADIUS = 60
"""Radius of the ball rolled under an image to find its background, fine pixels: wider than any structure."""


class HeldOutField(NamedTuple):
    """A recording and its truth.

    Attributes
    ----------
    structure : str
        Kind of structure, or name of the pair.
    photons : float or None
        Electrons at the bright end; None where unknown.
    camera : ndarray, (Y, X)
        The recording.
    truth : ndarray, (2 · Y, 2 · X)
        In units of its own.
    haze : float or None
        Light from out of focus as a multiple of the light in focus; None where unknown.
    number : int or None
        Of the real image that was imaged again; None for a simulated field or a recorded pair.
    """

    structure: str
    photons: float | None
    camera: NDArray[Any]
    truth: NDArray[Any]
    haze: float | None = None
    number: int | None = None


def held_out_fields(
    folder: Path | None,
    photons: Sequence[float],
    *,
    numbers: Sequence[int] = NUMBERS,
    side: int = 96,
    background: bool = True,
) -> Iterator[HeldOutField]:
    """Image real sharp images again, or simulate fields where there are none.

    Parameters
    ----------
    folder : Path or None
        Holds `<structure>/<NN>.png`; None simulates one field of every kind at each photon level.
    photons : sequence of float
        Bright ends in electrons.
    numbers : sequence of int
        Of the real images.
    side : int
        Camera pixels.
    background : bool
        Whether the real images keep their slowly varying background.

    Yields
    ------
    HeldOutField

    Raises
    ------
    InputError
        If an image is missing or smaller than the field.
    """
    if folder is not None:
        prepare = np.asarray if background else without_background
        for field in reimaged_fields(folder, numbers, photons, side=side, prepare=prepare):
            truth = normalize_truth(field.truth)
            microscope = field.microscope
            yield HeldOutField(
                field.structure,
                microscope.photons,
                field.widefield,
                truth,
                haze=microscope.haze,
                number=field.number,
            )
        return
    for kind in KINDS:
        for level, electrons in enumerate(photons):
            camera, target = simulate_pair(kind, FIRST_SEED + level, side, photons=electrons)
            yield HeldOutField(kind, electrons, camera, target)


def without_background(sharp: NDArray[np.float64]) -> NDArray[np.float64]:
    """Subtract the background of a sharp image, (Y, X): what a ball rolled under it touches.

    References
    ----------
    S. R. Sternberg, "Biomedical Image Processing", Computer 16 (1983); scikit-image's `rolling_ball`.
    """
    # The ball must not fall into the gaps between the grains of the noise.
    background = rolling_ball(ndimage.gaussian_filter(sharp, 2.0), radius=BALL_RADIUS)
    return np.maximum(sharp - background, 0)


def real_pairs(folder: Path, *, side: int = SCORED_SIDE) -> Iterator[HeldOutField]:
    """Read the centres of real recordings, `<name>_wf.tif` and `<name>_sim.tif`.

    Parameters
    ----------
    folder : Path
        Where they are.
    side : int
        Side of the region taken, camera pixels; less where the image is smaller.

    Raises
    ------
    InputError
        If there is no pair, or the sizes of one do not fit.
    """
    from napari_cvdm.files.tiff import read_tiff

    for pair in find_pairs(folder)[0]:
        camera, sharp = read_tiff(pair.widefield).data, read_tiff(pair.truth).data
        if sharp.shape != tuple(2 * n for n in camera.shape):
            raise InputError(f"Pair {pair.name}: the sharp image must be twice as large as the other.")
        truth = normalize_truth(sharp)[centre(camera.shape, side, 2)]
        yield HeldOutField(pair.name, None, camera[centre(camera.shape, side, 1)], truth)

"""Images on which a restoration should not be believed, and what is in them in truth.

Each shows one way in which a recording can lie outside what a model was made for. The model card shows what
becomes of them: a user who has seen a failure recognises it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_cvdm.assessment.forward import bin_pixels
from napari_cvdm.assessment.reimaging import Microscope, grey_levels, reimage
from napari_cvdm.simulation.structures import draw_structure

Array = NDArray[Any]
SIDE = 96
"""Camera pixels along a side."""

_FOCUS = 1.2  # blur of the truth, fine pixels: the resolution that is aimed at


class FailureCase(NamedTuple):
    """One recording and what to know about it.

    Attributes
    ----------
    name : str
        Short, for files.
    title : str
        For readers.
    camera : ndarray, (side, side)
        The recording.
    truth : ndarray or None, (2 · side, 2 · side)
        What was there; None for an empty field.
    """

    name: str
    title: str
    camera: Array
    truth: Array | None


def failure_cases(side: int = SIDE) -> Iterator[FailureCase]:
    """Make all cases, always the same ones.

    Parameters
    ----------
    side : int
        Side of the recordings in camera pixels.

    Yields
    ------
    FailureCase
    """
    rng = np.random.default_rng([9, 0])
    yield FailureCase("noise", "Pure noise: an empty field", empty_field(rng, side), None)
    fine = 2 * side + 64
    tubules = _focused(draw_structure(rng, "microtubules", fine))
    ordinary = Microscope(fwhm=6.5, photons=300, haze=0.3)
    for name, title, sharp, microscope in (
        ("beads", "Beads: points and spheres", _beads(rng, fine), ordinary),
        ("nuclei", "Nuclei: large, soft bodies", _nuclei(rng, fine), ordinary),
        (
            "haze",
            "Haze eight times as bright as the focus",
            tubules,
            Microscope(fwhm=6.5, photons=300, haze=8.0),
        ),
        ("undersampled", "Pixels twice too large", tubules, Microscope(fwhm=2.2, photons=300, haze=0.3)),
        (
            "oversampled",
            "Pixels three times too small",
            tubules,
            Microscope(fwhm=20.0, photons=300, haze=0.3),
        ),
    ):
        yield FailureCase(name, title, *reimage(sharp, microscope, rng, side=side))
    camera, truth = reimage(tubules, ordinary, rng, side=side)
    yield FailureCase(
        "saturation", "Saturated: the brightest fifth of the pixels is cut off", _saturated(camera), truth
    )
    sharp_camera = bin_pixels(truth, 2)
    recorded = rng.poisson(300 * sharp_camera / sharp_camera.max() + 10) + 100
    yield FailureCase("sharp", "Already sharp: a deconvolved or confocal image", recorded, truth)


def empty_field(rng: np.random.Generator, side: int, photons: float = 60.0) -> Array:
    """Record an even background: photon noise and read noise, nothing else, (side, side) uint16."""
    return grey_levels(np.full((side, side), photons), 1.6, rng)


def _focused(density: Array) -> Array:
    return np.asarray(ndimage.gaussian_filter(np.asarray(density, np.float64), _FOCUS))


def _beads(rng: np.random.Generator, side: int) -> Array:
    scene = np.zeros((side, side))
    rows, columns = np.indices(scene.shape)
    for _ in range(side // 6):
        scene[tuple(rng.integers(0, side, 2))] += rng.uniform(20, 60)
    for _ in range(side // 24):
        centre, radius = rng.uniform(0, side, 2), rng.uniform(4, 9)
        scene[np.hypot(rows - centre[0], columns - centre[1]) < radius] += rng.uniform(0.5, 1)
    return _focused(scene)


def _nuclei(rng: np.random.Generator, side: int) -> Array:
    scene = np.zeros((side, side))
    rows, columns = np.indices(scene.shape)
    texture = ndimage.gaussian_filter(rng.standard_normal(scene.shape), 4)
    texture = 1 + 0.25 * texture / texture.std()
    for _ in range(4):
        centre, radii = rng.uniform(0.15 * side, 0.85 * side, 2), rng.uniform(0.13 * side, 0.2 * side, 2)
        turn = rng.uniform(0, np.pi)
        y, x = rows - centre[0], columns - centre[1]
        u, v = np.cos(turn) * y + np.sin(turn) * x, np.cos(turn) * x - np.sin(turn) * y
        inside = (u / radii[0]) ** 2 + (v / radii[1]) ** 2 < 1
        scene[inside] = rng.uniform(0.5, 1) * np.maximum(texture, 0.2)[inside]
    return _focused(scene)


def _saturated(camera: Array) -> Array:
    """Cut off the brightest fifth of the pixels."""
    return np.minimum(camera, np.percentile(camera, 80).astype(camera.dtype))

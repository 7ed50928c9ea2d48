"""Pairs of a simulated wide-field image and its sharp truth, by kind and seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_cvdm.simulation.acquisition import MARGIN, acquire
from napari_cvdm.simulation.curves import Image
from napari_cvdm.simulation.ranges import AcquisitionRanges
from napari_cvdm.simulation.structures import MIXED, draw_structure

#: Every kind that can be simulated.
KINDS: tuple[str, ...] = (*MIXED, "mixture", "stress-fibres")


def simulate_pair(
    kind: str,
    seed: int,
    size: int,
    photons: float | None = None,
    psf_sigma: float | None = None,
    ranges: AcquisitionRanges | None = None,
) -> tuple[NDArray[np.uint16], Image]:
    """Simulate one field of view.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    seed : int
        Not negative. Kind, seed and size fix the pixels.
    size : int
        Side of the wide-field image, camera pixels, at least 16.
    photons, psf_sigma : float, optional
        Bright end in electrons, and width of the wide-field PSF in fine pixels; drawn from the ranges if
        None.
    ranges : AcquisitionRanges, optional
        What to draw from.

    Returns
    -------
    widefield : ndarray
        (size, size) uint16.
    truth : ndarray
        (2·size, 2·size) float32.

    Raises
    ------
    ValueError
        If the kind is unknown, the seed negative or the size too small.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown structure {kind!r}; choose from {', '.join(KINDS)}")
    if size < 16:
        raise ValueError(f"the size must be at least 16 camera pixels, got {size}")
    if seed < 0:
        raise ValueError(f"the seed must not be negative, got {seed}")
    rng = np.random.default_rng([KINDS.index(kind), seed, size])
    density = draw_structure(rng, kind, 2 * size + 2 * MARGIN)
    pair = acquire(rng, density, ranges or AcquisitionRanges(), photons=photons, psf_sigma=psf_sigma)
    return pair.widefield, pair.target

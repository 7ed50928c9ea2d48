"""Pairs that are of one field and registered are told from others."""

from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from napari_cvdm.assessment.registration import compare_pair, doubts_about_pair
from napari_cvdm.simulation.pairs import simulate_pair


@pytest.fixture
def sharp() -> NDArray[np.uint16]:
    return simulate_pair("microtubules", 3, 96)[1]


def test_a_registered_pair_raises_no_doubts(sharp: NDArray[np.uint16]) -> None:
    shown = gaussian_filter(sharp.astype(np.float32), 2.0)
    assert compare_pair(sharp, shown).misregistration is None
    assert doubts_about_pair(sharp, shown) == []


@pytest.mark.parametrize("empty", [0, 800])
def test_a_displacement_is_said_in_pixels_of_the_sharp_image(sharp: NDArray[np.uint16], empty: int) -> None:
    sharp = np.pad(sharp, ((0, 0), (empty, empty)))  # of a large image, the middle is looked at
    shown = gaussian_filter(sharp.astype(np.float32), 1.0)
    (sentence,) = doubts_about_pair(np.roll(sharp, (4, -3), (0, 1)), shown)
    assert sentence.startswith("The pair looks ill registered: ")
    found = re.search(r"about ([+-][0-9.]+) rows and ([+-][0-9.]+) columns", sentence)
    assert found is not None
    assert [float(n) for n in found.groups()] == pytest.approx([4, -3], abs=0.5)


def test_images_of_other_structures_are_told(sharp: NDArray[np.uint16]) -> None:
    other = np.random.default_rng(0).random(sharp.shape)
    (sentence,) = doubts_about_pair(sharp, other)
    assert "next to nothing in common" in sentence
    found = compare_pair(sharp, other)
    assert not found.alike
    assert found.correlation == pytest.approx(0, abs=0.05)
    assert found.misregistration is None  # there is nothing to register

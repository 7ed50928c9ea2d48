"""Alignment: restorations are told from images of something else, and displaced ones found."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cvdm.assessment.alignment import Alignment, check_alignment
from napari_cvdm.assessment.consistency import check_consistency
from napari_cvdm.assessment.forward import blur_and_bin
from napari_cvdm.simulation.pairs import simulate_pair
from napari_cvdm.simulation.ranges import AcquisitionRanges

HAZY = AcquisitionRanges(haze=(1.0, 1.5))


@pytest.mark.parametrize("photons", [30.0, 300.0])
@pytest.mark.parametrize("kind", ["microtubules", "tubule-mesh", "mitochondria"])
def test_a_right_result_is_alike_and_in_place_despite_haze_and_noise(kind: str, photons: float) -> None:
    image, truth = simulate_pair(kind, 3, 64, photons=photons, ranges=HAZY)
    found = check_consistency(image, truth).alignment
    assert found.likeness > 0.4
    assert found.distance < 0.5


def test_results_of_something_else_are_not_alike() -> None:
    image, truth = simulate_pair("microtubules", 3, 64, photons=300.0)
    others = [simulate_pair("tubule-mesh", 4, 64)[1], truth[::-1], truth.T]
    for other in others:
        found = check_consistency(image, np.ascontiguousarray(other)).alignment
        assert found.likeness < 0.33


@pytest.mark.parametrize("moved", [(0, 3), (-2, 1), (5, -4)])
def test_a_displacement_is_measured_from_the_result_to_the_image(moved: tuple[int, int]) -> None:
    image, truth = simulate_pair("microtubules", 3, 96, photons=300.0)
    core = blur_and_bin(truth.astype(float), 2, 1.3)
    found = check_alignment(np.roll(image, moved, (0, 1)).astype(float), core, 1.3)
    np.testing.assert_allclose(found.displacement, moved, atol=0.35)
    assert found.likeness_displaced > found.likeness
    assert found.distance == pytest.approx(np.hypot(*moved), abs=0.4)


def test_nothing_is_like_nothing() -> None:
    image = np.random.default_rng(0).poisson(20, (48, 48)).astype(float)
    found = check_alignment(image, np.full((48, 48), 3.0), 1.3)
    assert (found.likeness, found.displacement, found.likeness_displaced) == (0.0, (0.0, 0.0), 0.0)
    assert found == Alignment(0.0, (0.0, 0.0), 0.0)

import numpy as np
import pytest
from scipy import ndimage

from napari_cvdm.assessment.baselines import enlarge
from napari_cvdm.assessment.stability import SHIFTS, TURNS, check_stability
from napari_cvdm.restoration.errors import InputError


def image() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.poisson(50 + 4000 * ndimage.gaussian_filter((rng.random((40, 44)) < 0.03) * 1.0, 1.3))


def test_what_commutes_with_every_move_has_no_spread() -> None:
    found = check_stability(image(), enlarge, std=np.full((80, 88), 10.0))
    assert found.relative < 2e-3  # splines reach far, so that the border counts a little
    assert found.against_stated is not None
    assert found.against_stated < 0.2


def test_a_restoration_that_prefers_a_direction_is_found_out() -> None:
    def leaning(plane: np.ndarray) -> np.ndarray:
        return ndimage.shift(enlarge(plane), (0, 1.0), order=1, mode="nearest")

    found = check_stability(image(), leaning)
    assert found.relative > 0.02
    assert found.worst in ("mirrored in X", "turned by 180°")


def test_a_restoration_that_prefers_even_pixels_is_found_out() -> None:
    def gridded(plane: np.ndarray) -> np.ndarray:
        sharp = enlarge(plane)
        sharp[::4, ::4] += 100.0
        return sharp

    found = check_stability(image(), gridded)
    assert found.relative > 0.02
    assert found.worst.startswith("shifted by")


def test_the_spread_is_over_one_restoration_for_each_move() -> None:
    calls = []

    def once_brighter(plane: np.ndarray) -> np.ndarray:
        calls.append(plane.shape)
        return np.kron(plane, np.ones((2, 2))) + (30.0 if len(calls) == 5 else 0.0)

    found = check_stability(image(), once_brighter, std=np.full((80, 88), 6.0))
    assert len(calls) == 1 + len(TURNS) + len(SHIFTS) == 10
    assert found.worst == list(TURNS)[3]
    # The standard deviation of ten numbers, of which one is 30 above the others.
    assert found.against_stated == pytest.approx(0.3 * 30 / 6)
    range_ = np.ptp(np.percentile(np.kron(image(), np.ones((2, 2))), (1, 99.8)))
    assert found.relative == pytest.approx(0.3 * 30 / range_)


def test_of_an_empty_result_nothing_changes() -> None:
    found = check_stability(image(), lambda plane: 0 * enlarge(plane), std=np.zeros((80, 88)))
    assert (found.relative, found.against_stated) == (0.0, None)


def test_refuses_what_is_too_small() -> None:
    with pytest.raises(InputError, match="16 × 16"):
        check_stability(np.zeros((10, 40)), enlarge)

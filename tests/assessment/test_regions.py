"""The most uncertain places, found where they were put."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cvdm.assessment.regions import uncertain_regions


def spots(*places: tuple[int, int, float], width: float = 6, breadth: int = 160) -> np.ndarray:
    """Gaussian spots of doubt (row, column, height) on an even ground of 1."""
    rows, columns = np.mgrid[:128, :breadth]
    picture = np.ones((128, breadth), np.float32)
    for row, column, height in places:
        picture += height * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * width**2))
    return picture


def test_places_are_ranked_by_their_mean():
    found = uncertain_regions(spots((20, 30, 4), (90, 120, 9), (60, 70, 6)))
    assert len(found) == 3
    for region, place in zip(found, [(90, 120), (60, 70), (20, 30)], strict=True):
        np.testing.assert_allclose(region.centre, place, atol=1.5)
    peaked = spots((30, 40, 14), width=5)
    peaked[80:110, 90:130] += 6  # has the greater mean, though not the greatest value
    first, second = uncertain_regions(peaked)
    np.testing.assert_allclose([first.centre, second.centre], [(94.5, 109.5), (30, 40)], atol=1.5)
    assert first.mean_uncertainty > second.mean_uncertainty


def test_a_region_tells_its_own_area_box_and_mean():
    picture = spots((64, 80, 5))
    (region,) = uncertain_regions(picture)
    top, left, bottom, right = region.box
    assert top <= 64 < bottom
    assert left <= 80 < right
    assert 100 < region.area <= (bottom - top) * (right - left)
    inside = picture[top:bottom, left:right]
    assert inside.min() < region.mean_uncertainty < inside.max()


@pytest.mark.parametrize(
    ("smoothing", "breadth", "apart", "places"),
    [(4, 160, 13, 1), (4, 160, 18, 2), (1, 240, 9, 1), (1, 240, 11, 2)],
)
def test_places_lie_a_twelfth_of_the_shorter_side_apart_and_four_times_the_smoothing(
    smoothing: float, breadth: int, apart: int, places: int
) -> None:
    picture = spots((64, 60, 5), (64, 60 + apart, 5), width=2 if smoothing == 1 else 3, breadth=breadth)
    picture += np.linspace(0, 0.2, breadth, dtype=np.float32)  # else most of the map is even
    found = [region for region in uncertain_regions(picture, smoothing=smoothing) if region.centre[1] < 100]
    assert len(found) == places


def test_single_hot_pixels_do_not_count():
    picture = spots((64, 80, 3))
    picture[10, 10] = 20
    found = uncertain_regions(picture)
    np.testing.assert_allclose(found[0].centre, (64, 80), atol=1.5)


def test_no_more_than_asked_for():
    rng = np.random.default_rng(0)
    picture = spots(
        *((int(r), int(c), 5) for r, c in zip(rng.integers(0, 128, 9), rng.integers(0, 160, 9), strict=True))
    )
    assert len(uncertain_regions(picture, count=2)) == 2


def test_places_narrower_than_three_times_the_smoothing_are_left_out():
    noise = 1 + 0.5 * np.random.default_rng(0).random((64, 64))
    assert uncertain_regions(noise, smoothing=4) == []
    assert min(region.area for region in uncertain_regions(noise, smoothing=2)) >= 36


def test_an_even_map_has_no_place_to_look_at():
    assert uncertain_regions(np.ones((64, 64), np.float32)) == []
    assert uncertain_regions(np.zeros((64, 64), np.float32)) == []
    slope = np.linspace(0, 1, 64 * 64).reshape(64, 64)
    assert uncertain_regions(1 + 5e-4 * slope) == []
    assert len(uncertain_regions(1 + 5e-3 * slope)) == 1

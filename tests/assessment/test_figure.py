from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from napari_cvdm.assessment.figure import (
    Panel,
    choose_detail,
    draw_side_by_side,
    on_fine_grid,
    uncertainty_colours,
)

GAP, TITLE = 12, 34


def ramp(rows: int, columns: int) -> NDArray[np.float32]:
    return np.tile(np.linspace(0, 1000, columns, dtype=np.float32), (rows, 1))


def image_part(picture: Image.Image, left: int, width: int, height: int) -> NDArray[np.uint8]:
    return np.asarray(picture)[TITLE : TITLE + height, left : left + width]


def test_panels_of_different_sampling_show_the_same_field_at_the_same_size() -> None:
    picture = draw_side_by_side([Panel("a", ramp(20, 30)), Panel("b", ramp(40, 60))], height=80)
    one = image_part(picture, GAP, 120, 80).astype(int)
    other = image_part(picture, 2 * GAP + 120, 120, 80).astype(int)
    assert picture.width == 3 * GAP + 2 * 120
    assert abs(one - other).max() < 16  # the same ramp, in steps of different width
    assert (one[..., 0] == one[..., 1]).all()
    assert (one[..., 0] == one[..., 2]).all()


def test_the_pixels_of_the_camera_stay_visible() -> None:
    image = np.array([[0, 100], [200, 300]], dtype=np.uint16)
    part = image_part(draw_side_by_side([Panel("a", image)], height=40), GAP, 40, 40)
    for rows in (slice(0, 20), slice(20, 40)):
        for columns in (slice(0, 20), slice(20, 40)):
            assert len(np.unique(part[rows, columns].reshape(-1, 3), axis=0)) == 1
    assert len(np.unique(part)) == 4


def test_an_uncertainty_is_coloured_from_zero_and_has_a_bar() -> None:
    image = np.full((40, 40), 5.0, dtype=np.float32)
    image[:20] = 10.0
    plain = draw_side_by_side([Panel("a", image)], height=40)
    picture = draw_side_by_side([Panel("a", image, is_uncertainty=True, unit="counts")], height=40)
    part = image_part(picture, GAP, 40, 40)
    top, middle = uncertainty_colours(np.array([1.0, 0.5]))
    np.testing.assert_array_equal(part[5, 5], top)
    np.testing.assert_array_equal(part[35, 5], middle)  # half the largest value, not the darkest one
    assert picture.width > plain.width
    assert picture.height > plain.height
    bar = np.asarray(picture)[TITLE : TITLE + 40, GAP + 40 + 10].astype(int).sum(axis=1)
    assert bar[0] > bar[20] > bar[39]


@pytest.mark.parametrize(("field_width", "length"), [(10_400.0, 2000.0), (900.0, 200.0), (4000.0, 1000.0)])
def test_the_scale_bar_is_as_long_as_it_says(field_width: float, length: float) -> None:
    height = 400
    dark = np.zeros((40, 40), dtype=np.float32)
    picture = draw_side_by_side([Panel("a", dark), Panel("b", dark)], field_width=field_width, height=height)
    part = image_part(picture, GAP, height, height)
    row = part[height - 14 - 3]
    assert (row == 255).all(axis=1).sum() == pytest.approx(height * length / field_width, abs=2)
    second = image_part(picture, 2 * GAP + height, height, height)
    assert not second.any()


def test_there_is_no_scale_bar_without_a_pixel_size() -> None:
    dark = np.zeros((40, 40), dtype=np.float32)
    assert not image_part(draw_side_by_side([Panel("a", dark)], height=100), GAP, 100, 100).any()


def test_colours_grow_lighter_all_the_way() -> None:
    colours = uncertainty_colours(np.linspace(0, 1, 101)).astype(float)
    lightness = colours @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) > 0).all()
    ends = uncertainty_colours(np.array([-1.0, 0.0, 1.0, 2.0]))
    np.testing.assert_array_equal(ends[::3], ends[1:3])


def test_the_detail_is_where_the_structure_is() -> None:
    rng = np.random.default_rng(0)
    image = rng.poisson(100, (120, 200)).astype(np.uint16)
    image[70:110:4, 130:180] += 200
    rows, columns = choose_detail(image, 48)
    assert rows.stop - rows.start == columns.stop - columns.start == 48
    assert rows.start <= 70
    assert rows.stop >= 108
    assert columns.start >= 125
    assert columns.stop <= 185


def test_the_detail_of_a_small_image_is_all_of_it() -> None:
    image = np.random.default_rng(0).random((30, 60))
    rows, columns = choose_detail(image, 40)
    assert (rows.start, rows.stop) == (0, 30)
    assert columns.stop - columns.start == 40
    assert choose_detail(np.ones((8, 8)), 8) == (slice(0, 8), slice(0, 8))


def test_a_detail_has_its_place_in_the_reconstruction() -> None:
    coarse = np.arange(48).reshape(6, 8)
    detail = (slice(1, 4), slice(2, 7))
    fine = np.kron(coarse, np.ones((3, 3), int))
    np.testing.assert_array_equal(fine[on_fine_grid(detail, 3)][::3, ::3], coarse[detail])
    assert fine[on_fine_grid(detail, 3)].shape == (9, 15)


def test_the_words_on_a_short_scale_bar_stay_within_their_panel() -> None:
    narrow = np.zeros((40, 10), dtype=np.float32)
    picture = draw_side_by_side([Panel("a", narrow), Panel("b", narrow)], field_width=10_400.0, height=240)
    pixels = np.asarray(picture)[TITLE : TITLE + 240]
    assert (pixels[:, GAP : GAP + 60] == 255).all(axis=2).any()
    between = pixels[:, GAP + 60 : 2 * GAP + 60]
    assert np.unique(between.reshape(-1, 3), axis=0).shape[0] == 1

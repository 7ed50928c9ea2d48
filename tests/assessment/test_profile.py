"""Profiles: points on a line, values between pixels, the band around them."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from napari_cvdm.assessment.profile import MOST_POINTS, Profile, points_along, sample
from napari_cvdm.restoration.errors import InputError


def test_points_lie_evenly_and_both_ends_are_met():
    points = points_along([(0, 0), (3, 4)])
    assert len(points) == 6
    np.testing.assert_allclose(points[0], (0, 0))
    np.testing.assert_allclose(points[-1], (3, 4))
    np.testing.assert_allclose(np.linalg.norm(np.diff(points, axis=0), axis=1), 1)
    np.testing.assert_allclose(points_along([(0, 1), (0, 3.4)])[:, 1], [1, 1.8, 2.6, 3.4])  # a little less


def test_a_polyline_is_followed_around_its_corners():
    points = points_along([(0, 0), (0, 10), (10, 10)])
    np.testing.assert_allclose(points[10], (0, 10))
    np.testing.assert_allclose(points[14], (4, 10))


def test_a_very_long_line_gets_no_more_points_than_allowed():
    assert len(points_along([(0, 0), (0, 1e6)])) == MOST_POINTS


def test_a_line_without_length_is_explained():
    with pytest.raises(InputError, match="drag"):
        points_along([(5, 5), (5, 5)])


def test_values_between_pixels_are_interpolated_and_none_are_made_up_outside():
    rows, columns = np.mgrid[:8, :9].astype(float)
    plane = 3 * rows + 10 * columns
    points = np.array([(2.5, 3.25), (0, 0), (-0.4, 0), (-0.6, 0), (7.6, 2), (2, 9)])
    np.testing.assert_allclose(sample(plane, points), [40, 0, 0, np.nan, np.nan, np.nan])


@pytest.mark.parametrize("dtype", ["f2", ">u2", "u4", "i1", "?", "f4", "g"])
def test_pictures_of_any_kind_are_sampled_in_double_precision(dtype: str):
    plane = (np.arange(20) % 7).reshape(4, 5).astype(dtype)
    points = np.array([(1.25, 2.5), (3, 4)])
    np.testing.assert_array_equal(sample(plane, points), sample(plane.astype(np.float64), points))


def test_a_large_plane_is_not_copied_for_a_profile():
    plane = np.zeros((2048, 2048), np.float32)
    tracemalloc.start()
    sample(plane, points_along([(3, 3), (40, 50)]))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < plane.nbytes / 4


def test_the_band_holds_ninety_percent_and_the_table_all_columns():
    line = np.arange(3.0)
    profile = Profile(line, 10 * line, np.ones(3), None, "µm")
    low, high = profile.band
    np.testing.assert_allclose(high - low, 2 * 1.6448536)
    assert next(iter(profile.columns())) == "distance (µm)"
    assert "original" not in profile.columns()
    assert "original" in Profile(line, line, line, line, "µm").columns()


def test_the_band_is_as_wide_as_the_calibration_measured_it():
    line = np.arange(3.0)
    low, high = Profile(line, line, np.ones(3), None, "µm", factor=2.0).band
    np.testing.assert_allclose(high - low, 4)

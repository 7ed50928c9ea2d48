"""A result lies where its provenance says that its pixels were recorded."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cvdm.plugin.results.placement import Placement, placement_of


def test_what_is_left_of_a_result_lies_where_it_was():
    placement = Placement(np.array([1.0, 9.75, -0.25]), np.array([2, 0.5, 0.5]))
    rest = placement.starting_at((1, 4, 0))
    np.testing.assert_allclose(rest.origin, (3, 11.75, -0.25))
    np.testing.assert_allclose(rest.spacing, placement.spacing)


@pytest.mark.parametrize(
    ("chosen", "origin", "spacing"),
    [
        ([1, 4, 7], 1, 3),
        ([2], 2, 1),
        ([2, 3, 7], 0, 1),
        ([2, 2], 0, 1),
        ([5, 3, 1], 0, 1),
        ("all", 0, 1),
        ([1], 0, 1),
    ],
)
def test_planes_are_placed_if_they_are_evenly_spaced(chosen, origin, spacing):
    length = 3 if chosen in ("all", [1]) else len(chosen)
    placement = placement_of({"selection": {"planes": {"0Q": chosen}}}, "QYX", (length, 8, 8))
    assert (placement.origin[0], placement.spacing[0]) == (origin, spacing)


@pytest.mark.parametrize(
    "odd",
    [
        {"selection": "x"},
        {"upscaling": "2"},
        {"upscaling": 0},
        {"resampling": {"from_plane_shape": [0]}},
    ],
)
def test_a_story_that_makes_no_sense_is_not_followed(odd):
    placement = placement_of(odd, "YX", (8, 8))
    np.testing.assert_array_equal(placement.spacing, 1)

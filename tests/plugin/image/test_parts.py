"""Parts of a layer are evenly spaced indices, and their results lie where they were cut out."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cvdm.plugin.image.parts import (
    Part,
    current_plane,
    current_view,
    inside,
    whole,
    with_channels,
)
from napari_cvdm.restoration.errors import InputError

AXES, SHAPE = "TCYX", (5, 4, 40, 60)


def test_the_whole_has_no_name_of_its_own():
    part = whole(SHAPE)
    assert (part.shape, part.words) == (SHAPE, "")


def test_the_current_plane_keeps_every_axis():
    part = current_plane(AXES, SHAPE, (3, 1, 7, 7))
    assert part.describe() == [[3, 4, 1], [1, 2, 1], [0, 40, 1], [0, 60, 1]]


def test_the_view_is_what_can_be_seen_of_the_current_plane():
    corners = np.array([[0, 0, 4.6, -3.0], [4, 3, 20.4, 30.2]])
    part = current_view(AXES, SHAPE, (3, 1, 0, 0), corners)
    assert part.ranges == (range(3, 4), range(1, 2), range(5, 21), range(31))


def test_a_rectangle_reaches_through_all_planes():
    part = inside(AXES, SHAPE, np.array([[2, 2, 10.0, 20.0], [2, 2, 19.0, 500.0]]))
    assert part.ranges == (range(5), range(4), range(10, 20), range(20, 60))
    assert part.words == "region"


def test_the_smallest_plane_is_enough():
    part = inside("YX", (40, 60), np.array([[10.0, 20.0], [17.0, 27.0]]))
    assert part.ranges == (range(10, 18), range(20, 28))


@pytest.mark.parametrize("box", [[[10, 10], [16, 30]], [[-50, 0], [-20, 59]], [[100, 100], [200, 200]]])
def test_too_little_is_said_with_what_is_needed(box):
    with pytest.raises(InputError, match="at least 8 × 8"):
        inside("YX", (40, 60), np.array(box, dtype=float))


@pytest.mark.parametrize(
    ("channels", "parts"),
    [
        ([0, 1, 2, 3], {"": range(4)}),
        ([2], {"channel 2": range(2, 3)}),
        ([3, 0], {"channel 0 + 3": range(0, 4, 3)}),
        ([1, 2, 3], {"channel 1 + 2 + 3": range(1, 4)}),
        # no even spacing: each by itself
        ([0, 1, 3], {"channel 0": range(1), "channel 1": range(1, 2), "channel 3": range(3, 4)}),
        ([], {}),
    ],
)
def test_channels_can_be_skipped(channels, parts):
    found = with_channels(whole(SHAPE), AXES, channels)
    assert {part.words: part.ranges for part in found} == {
        words: (range(5), kept, range(40), range(60)) for words, kept in parts.items()
    }


def test_a_plane_of_a_channel_keeps_its_name_if_its_channel_is_wanted():
    plane = current_plane(AXES, SHAPE, (3, 1, 0, 0))
    assert with_channels(plane, AXES, [1, 2]) == [plane]
    assert with_channels(plane, AXES, [0, 2]) == []
    view = inside(AXES, SHAPE, np.array([[0, 0, 10, 20], [0, 0, 19, 39]]))
    assert [part.words for part in with_channels(view, AXES, [2])] == ["region, channel 2"]


def test_without_a_channel_axis_there_is_nothing_to_skip():
    assert with_channels(whole((5, 40, 60)), "TYX", [0]) == [whole((5, 40, 60))]


def test_a_part_is_named_to_the_restoration_by_the_numbers_of_its_axes():
    part = Part((range(5), range(1, 4, 2), range(10, 20), range(60)))
    chosen = part.chosen(AXES, SHAPE, leading=1)
    assert chosen == {"planes": {2: slice(1, 4, 2)}, "region": ((10, 20), (0, 60))}
    assert whole(SHAPE).chosen(AXES, SHAPE) == {"planes": None, "region": None}
    turned = Part((range(3, 9), range(2, 3), range(30)))
    assert turned.chosen("XTY", (12, 5, 30)) == {"planes": {1: slice(2, 3, 1)}, "region": ((0, 30), (3, 9))}

"""Uncertain places in physical lengths, as the layer lies in the world."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from napari.layers import Image

from napari_cvdm.assessment.regions import UncertainRegion
from napari_cvdm.plugin.doubt import places
from napari_cvdm.plugin.doubt.places import COUNT, Place, columns_of, physical, ranked, where_words
from napari_cvdm.plugin.doubt.slices import Slice


def test_areas_in_words():
    assert doctest.testmod(places).failed == 0


def test_area_and_position_are_those_of_a_turned_and_sheared_layer():
    layer = Image(
        np.zeros((20, 20)), scale=(100, 200), units=("nm", "nm"), rotate=30, shear=[0.5], translate=(1000, 0)
    )
    place = Place(UncertainRegion((4, 3), (0, 0, 9, 7), 63, 1.0), Slice((None, None)))
    area, y, x = physical(place, layer)
    np.testing.assert_allclose(area, 63 * 0.1 * 0.2)  # neither turning nor shearing changes an area
    sheared = np.array([0.1 * 4 + 0.5 * 0.2 * 3, 0.2 * 3])
    cos, sin = np.cos(np.pi / 6), np.sin(np.pi / 6)
    expected = np.array([[cos, -sin], [sin, cos]]) @ sheared + (1, 0)
    np.testing.assert_allclose((y, x), expected)


def test_places_of_several_planes_are_ranked_together():
    def place(mean: float) -> Place:
        return Place(UncertainRegion((0, 0), (0, 0, 1, 1), 1, mean), Slice((None, None)))

    found = ranked([place(mean) for mean in (1, 3, *range(20, 5, -1), 2)])
    assert [each.region.mean_uncertainty for each in found] == list(range(20, 20 - COUNT, -1))


@pytest.mark.parametrize("labels", [("t", "row", "column"), ("-3", "-2", "-1")])
def test_the_columns_of_a_table_have_units_and_name_the_plane(labels):
    stack = Image(np.zeros((5, 20, 20)), scale=(1, 0.1, 0.2), units=("s", "um", "um"), axis_labels=labels)
    regions = [UncertainRegion((4, 3), (0, 0, 9, 7), 63, mean) for mean in (0.5, 0.25)]
    found = [Place(region, Slice((t, None, None))) for region, t in zip(regions, (3, 1), strict=True)]
    time, down, right = labels if labels[0] == "t" else ("plane", "y", "x")
    columns = columns_of(found, stack, "relative")
    assert list(columns) == [
        "mean uncertainty (share of the signal)", "area (µm²)", f"{down} (µm)", f"{right} (µm)", time
    ]  # fmt: skip
    expected = [(0.5, 0.25), (1.26, 1.26), (0.4, 0.4), (0.6, 0.6), (3, 1)]
    np.testing.assert_allclose(list(columns.values()), expected)
    plain = Image(np.zeros((20, 20)))
    columns = columns_of([Place(regions[0], Slice((None, None)))], plain, "absolute")
    assert list(columns) == ["mean uncertainty (image units)", "area (px²)", "y (px)", "x (px)"]


def test_a_place_in_words_names_its_plane_where_there_are_several():
    region = UncertainRegion((4, 3), (0, 0, 9, 7), 63, 1.0)
    stack = Image(np.zeros((5, 20, 20)), axis_labels=("t", "y", "x"))
    assert where_words(Place(region, Slice((3, None, None))), stack) == "63 pixels, plane t 3"
    assert where_words(Place(region, Slice((None, None))), Image(np.zeros((20, 20)))) == "63 pixels"

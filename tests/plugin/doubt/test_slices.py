"""The plane in view, for stacks of any kind, and pictures of it put where the layer has it."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_cvdm.assessment.regions import UncertainRegion
from napari_cvdm.plugin.doubt import slices
from napari_cvdm.plugin.doubt.places import corners_of
from napari_cvdm.plugin.doubt.slices import Slice, current_slice, go_to, lying_under


def test_the_plane_of_a_stack_follows_the_sliders():
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros((4, 3, 16, 20)), scale=(1, 0.5, 0.1, 0.1))
    viewer.dims.set_current_step((0, 1), (2, 1))
    assert current_slice(layer, viewer.dims) == Slice((2, 1, None, None))
    viewer.dims.order = (2, 0, 1, 3)  # napari now shows axis 1 against axis 3
    viewer.dims.set_current_step((2, 0), (7, 2))
    assert current_slice(layer, viewer.dims) == Slice((2, None, 7, None))


def test_a_layer_of_fewer_axes_is_looked_at_through_its_own():
    viewer = ViewerModel()
    viewer.add_image(np.zeros((5, 4, 16, 20)))
    layer = viewer.add_image(np.zeros((4, 16, 20)))
    viewer.dims.set_current_step((0, 1), (3, 2))
    assert current_slice(layer, viewer.dims) == Slice((2, None, None))
    viewer.dims.order = (1, 2, 0, 3)
    assert current_slice(layer, viewer.dims) is None


def test_there_is_no_plane_in_3d():
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros((4, 16, 20)))
    viewer.dims.ndisplay = 3
    assert current_slice(layer, viewer.dims) is None


@pytest.mark.parametrize("step", [1, 3])
def test_a_picture_of_a_plane_lies_where_the_layer_has_it(step):
    layer = Image(
        np.zeros((4, 30, 24)),
        scale=(2, 0.5, 0.25),
        translate=(1, 2, 3),
        rotate=np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]),
        shear=[0, 0, 0.2],
        affine=np.array([[1, 0, 0, 5], [0, 2, 0, 6], [0, 0, 1, 7], [0, 0, 0, 1]]),
    )
    place = Slice((3, None, None), step)
    picture = place.take(layer.data)
    assert picture.shape == (30 // step, 24 // step)
    shown = Image(place.spread(picture), **place.placement(layer))
    for row, column in ((0, 0), (5, 7)):
        expected = layer.data_to_world((3, row * step, column * step))
        np.testing.assert_allclose(shown.data_to_world((0, row, column)), expected)


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_picture_has_the_layer_s_values_where_they_are(step):
    layer = Image(np.arange(31 * 24.0).reshape(31, 24), scale=(0.5, 0.25), translate=(1, 2))
    place = Slice((None, None), step)
    shown = Image(place.take(layer.data), **place.placement(layer))
    for pixel in np.ndindex(*shown.data.shape):
        there = np.round(layer.world_to_data(shown.data_to_world(pixel))).astype(int)
        assert shown.data[pixel] == layer.data[tuple(there)]


def test_the_boxes_of_regions_lie_on_the_picture():
    layer = Image(np.zeros((31, 24)), scale=(0.5, 0.25), translate=(1, 2))
    place = Slice((None, None), 3)
    shown = Image(place.take(layer.data), **place.placement(layer))
    corners = corners_of(UncertainRegion((2.5, 4.0), (2, 3, 4, 6), 6, 1.0))
    for own, full in zip(corners, place.points(corners), strict=True):
        np.testing.assert_allclose(shown.data_to_world(own), layer.data_to_world(full))


def test_points_are_indices_in_the_whole_array():
    place = Slice((3, None, 5, None), 2)
    np.testing.assert_array_equal(place.point(4, 6), (3, 8, 5, 12))
    np.testing.assert_array_equal(place.points(np.array([(0, 1)])), [(3, 0, 5, 2)])


def test_colours_stay_the_last_axis():
    assert Slice((3, None, 5, None)).spread(np.zeros((6, 7, 4))).shape == (1, 6, 1, 7, 4)


def test_large_planes_are_thinned_out(monkeypatch):
    monkeypatch.setattr(slices, "LARGEST", 10)
    viewer = ViewerModel()
    layer = viewer.add_image(np.arange(25 * 8.0).reshape(25, 8))
    place = current_slice(layer, viewer.dims)
    assert place.step == 3
    np.testing.assert_array_equal(place.take(layer.data), layer.data[::3, ::3])


def test_beyond_the_layer_it_is_the_nearest_plane_and_says_so():
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros((3, 8, 8)), translate=(2, 0, 0))
    viewer.add_image(np.zeros((2, 9, 8, 8)))  # of more axes
    for step, nearest in ((8, 2), (0, 0)):
        viewer.dims.set_current_step(1, step)
        place = current_slice(layer, viewer.dims)
        assert (place.index[0], place.outside) == (nearest, (0,))
        go_to(layer, place, viewer.dims)
        assert viewer.dims.current_step[1] == nearest + 2
        assert current_slice(layer, viewer.dims).outside == ()


def test_the_plane_is_the_one_shown_beside_a_layer_in_smaller_units():
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros((20, 16, 20)), scale=(0.3, 0.1, 0.1), units=("um",) * 3)
    viewer.add_image(np.zeros((16, 20)), scale=(100, 100), units=("nm",) * 2)
    viewer.dims.set_current_step(0, 5)
    assert current_slice(layer, viewer.dims) == Slice((5, None, None))


def test_what_lies_under_a_part_is_cut_out_and_thinned_out_for_itself(monkeypatch):
    monkeypatch.setattr(slices, "LARGEST", 10)
    viewer = ViewerModel()
    where = {"rotate": 30, "units": ("um",) * 2}
    layer = viewer.add_image(np.arange(40 * 60.0).reshape(40, 60), scale=(0.1, 0.1), **where)
    part = Image(np.zeros((16, 40)), scale=(0.05, 0.05), **where)  # of rows 4 to 12 and columns 30 to 50
    part.translate = layer.data_to_world((3.75, 29.75))
    viewer.layers.append(part)
    place = lying_under(part, layer, viewer.dims)
    assert place == Slice((None, None), 2, borders=((4, 12), (30, 50)))
    picture = place.take(layer.data)
    np.testing.assert_array_equal(picture, layer.data[4:12:2, 30:50:2])
    shown = Image(picture, **place.placement(layer))
    np.testing.assert_allclose(shown.data_to_world((1, 2)), layer.data_to_world((6, 34)))


def test_under_a_picture_that_lies_elsewhere_is_the_whole_plane():
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros((3, 40, 60)))
    part = viewer.add_image(np.zeros((3, 16, 40)), translate=(0, 0, 100))
    assert lying_under(part, layer, viewer.dims).borders == ((0, 40), (0, 60))
    viewer.dims.ndisplay = 3
    assert lying_under(part, layer, viewer.dims) is None

"""The user points with sliders, the view or a rectangle, in a viewer whose units may not be the layer's."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Shapes

from napari_cvdm.plugin.pointing import position_in, rectangle_of, view_of
from napari_cvdm.plugin.world import Sliders, sliders_of
from napari_cvdm.restoration.errors import InputError


@pytest.fixture
def mixed() -> tuple[ViewerModel, Image, Image]:
    """A viewer with a stack in micrometres and a plane in nanometres of the same field."""
    viewer = ViewerModel()
    stack = viewer.add_image(np.zeros((20, 64, 64)), scale=(0.3, 0.1, 0.1), units=("um",) * 3)
    plane = viewer.add_image(np.zeros((64, 64)), scale=(100, 100), units=("nm",) * 2)
    return viewer, stack, plane


def test_the_sliders_say_which_plane_is_meant():
    layer = Image(np.zeros((5, 40, 60)), scale=(2.0, 0.1, 0.1), translate=(10, 0, 0))
    assert position_in(layer, Sliders((14.2, 0, 0)), (5, 40, 60)) == (2, 0, 0)
    assert position_in(layer, Sliders((99.0, 0, 0)), (5, 40, 60))[0] == 4
    assert position_in(layer, Sliders((7.0, 16.0, 0, 0)), (5, 40, 60))[0] == 3  # the viewer has an axis more


def test_a_multiscale_view_is_in_pixels_of_full_resolution():
    layer = Image([np.zeros((512, 512)), np.zeros((256, 256))], multiscale=True)
    layer._data_level = 1
    layer.corner_pixels = np.array([[10, 20], [99, 119]])
    np.testing.assert_array_equal(view_of(layer, "YX", None), [[20, 40], [199, 239]])


def test_a_rectangle_is_found_in_the_image_it_was_drawn_over():
    image = Image(np.zeros((3, 100, 100)), scale=(1, 0.1, 0.1), translate=(0, 2.0, 0))
    shapes = Shapes([np.array([[3.0, 1.0], [3.0, 4.0], [5.0, 4.0], [5.0, 1.0]])])
    np.testing.assert_allclose(rectangle_of(shapes, image, None)[:, 1:], [[10, 10], [30, 40]])


def test_the_selected_shape_is_meant_or_else_the_last():
    image = Image(np.zeros((100, 100)))
    squares = [np.array([[a, a], [a, a + 10], [a + 10, a + 10], [a + 10, a]]) for a in (0.0, 50.0)]
    shapes = Shapes(squares)
    shapes.selected_data = {0}
    np.testing.assert_allclose(rectangle_of(shapes, image, None), [[0, 0], [10, 10]])
    shapes.selected_data = set()
    np.testing.assert_allclose(rectangle_of(shapes, image, None), [[50, 50], [60, 60]])


def test_without_a_shape_the_user_is_told_to_draw_one():
    with pytest.raises(InputError, match="draw a rectangle"):
        rectangle_of(Shapes(name="Region"), Image(np.zeros((9, 9))), None)


def test_the_sliders_of_a_viewer_in_smaller_units_mean_the_plane_that_is_shown(mixed):
    viewer, stack, _ = mixed
    viewer.dims.set_current_step(0, 5)
    assert position_in(stack, sliders_of(viewer.dims), stack.data.shape)[0] == 5
    assert stack._slicing_state.data_slice.point[0] == pytest.approx(5)


@pytest.mark.parametrize(("units", "scale"), [("nm", 100.0), ("um", 0.1)])
def test_a_rectangle_in_other_units_encloses_the_pixels_it_is_drawn_over(mixed, units, scale):
    viewer, stack, plane = mixed
    corners = np.array([[10, 10], [10, 30], [40, 30], [40, 10]], float)
    shapes = viewer.add_shapes([corners], scale=(scale, scale), units=(units,) * 2)
    for layer in (stack, plane):
        box = rectangle_of(shapes, layer, viewer.dims.units)
        np.testing.assert_allclose(box[:, -2:], [[10, 10], [40, 30]])


def test_a_rectangle_is_taken_as_it_is_drawn_where_units_clash(mixed):
    viewer, stack, _ = mixed
    viewer.add_image(np.zeros((64, 64)))  # in pixels: napari converts none of them any more
    shapes = viewer.add_shapes([np.array([[1, 1], [1, 3], [3, 3], [3, 1]], float)], units=("nm",) * 2)
    assert viewer.dims.units is None
    box = rectangle_of(shapes, stack, viewer.dims.units)
    np.testing.assert_allclose(box[:, 1:], [[10, 10], [30, 30]])


def test_a_view_that_napari_does_not_know_is_not_taken(mixed):
    viewer, stack, plane = mixed
    with pytest.raises(InputError, match="smaller units"):
        view_of(stack, "ZYX", viewer.dims.units)
    np.testing.assert_array_equal(view_of(plane, "YX", viewer.dims.units), plane.corner_pixels)
    deep = Image(np.zeros((4, 9, 9)), units=("um", "nm", "nm"))
    np.testing.assert_array_equal(view_of(deep, "ZYX", viewer.dims.units), deep.corner_pixels)

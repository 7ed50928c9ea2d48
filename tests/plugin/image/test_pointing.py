"""The user points with sliders, the view or a rectangle, in a viewer whose units may not be the layer's."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Shapes

from napari_cvdm.plugin.image.pointing import (
    check_plane_shown,
    position_in,
    rectangle_of,
    view_of,
    which_shape,
)
from napari_cvdm.plugin.viewer.world import Sliders, sight_of, sliders_of
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


@pytest.fixture
def looking() -> ViewerModel:
    """A viewer whose canvas shows 5 × 7.5 around (25, 20)."""
    viewer = ViewerModel()
    viewer.add_image(np.zeros((512, 512)), scale=(0.1, 0.1))
    viewer.canvas.size = (200, 300)
    viewer.scene.camera.center, viewer.scene.camera.zoom = (0, 25, 20), 40
    return viewer


def test_the_view_is_what_the_canvas_shows_whatever_napari_has_loaded(looking):
    levels = [np.zeros((512, 512)), np.zeros((256, 256))]
    layer = looking.add_image(levels, multiscale=True, scale=(0.1, 0.1), translate=(5, 0))
    for level, size in enumerate((512, 256)):
        layer._data_level, layer.corner_pixels = level, np.array([[0, 0], [size - 1, size - 1]])
        np.testing.assert_allclose(view_of(layer, sight_of(looking)), [[175, 162.5], [225, 237.5]])


def test_the_view_of_a_rotated_layer_holds_all_that_is_seen_and_no_more(looking):
    layer = looking.add_image(np.zeros((512, 512)), scale=(0.1, 0.1), rotate=30, shear=[0.2])
    first, last = view_of(layer, sight_of(looking))
    rows, columns = np.meshgrid(np.linspace(22.5, 27.5, 9), np.linspace(16.25, 23.75, 9))
    seen = np.array([layer.world_to_data(place) for place in zip(rows.flat, columns.flat, strict=True)])
    np.testing.assert_allclose((first, last), (seen.min(axis=0), seen.max(axis=0)))


def test_a_volume_has_no_view_to_cut(looking):
    looking.dims.ndisplay = 3
    with pytest.raises(InputError, match="2-D"):
        view_of(looking.layers[0], sight_of(looking))


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 0, 3, 2)])
def test_rows_and_columns_are_a_plane_whichever_way_round(order):
    viewer = ViewerModel()
    viewer.add_image(np.zeros((2, 20, 64, 64)))
    viewer.dims.order = order
    for axes in ("TZYX", "ZYX", "YX"):  # further layers, of fewer axes than the viewer
        check_plane_shown(axes, sliders_of(viewer.dims))


def test_depth_and_columns_are_no_plane_unless_rows_are_there_too():
    viewer = ViewerModel()
    viewer.add_image(np.zeros((20, 64, 64)))
    viewer.dims.order = (1, 0, 2)
    for axes in ("ZYX", "YX"):
        with pytest.raises(InputError, match="rows and columns"):
            check_plane_shown(axes, sliders_of(viewer.dims))
    check_plane_shown("YZX", sliders_of(viewer.dims))  # the file's axes lie otherwise
    viewer.dims.ndisplay = 3
    check_plane_shown("ZYX", sliders_of(viewer.dims))


def test_a_rectangle_is_found_in_the_image_it_was_drawn_over():
    image = Image(np.zeros((3, 100, 100)), scale=(1, 0.1, 0.1), translate=(0, 2.0, 0))
    shapes = Shapes([np.array([[3.0, 1.0], [3.0, 4.0], [5.0, 4.0], [5.0, 1.0]])])
    np.testing.assert_allclose(rectangle_of(shapes, image, None)[:, 1:], [[10, 10], [30, 40]])


def test_the_first_selected_shape_is_meant_or_else_the_last():
    image = Image(np.zeros((100, 100)))
    squares = [np.array([[a, a], [a, a + 10], [a + 10, a + 10], [a + 10, a]]) for a in (0.0, 50.0)]
    shapes = Shapes(squares)
    for selected in ({0}, {1, 0}):
        shapes.selected_data = selected
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


def test_the_view_beside_a_layer_in_smaller_units_is_what_is_seen(mixed):
    viewer, stack, plane = mixed
    viewer.canvas.size = (200, 300)
    viewer.scene.camera.center, viewer.scene.camera.zoom = (0, 3000, 2500), 0.1  # 2 × 3 µm, in nm
    viewer.dims.set_current_step(0, 5)
    for layer in (stack, plane):
        box = view_of(layer, sight_of(viewer))
        np.testing.assert_allclose(box[:, -2:], [[20, 10], [40, 40]])


def test_which_of_several_shapes_counts_is_said():
    shapes = Shapes([np.array([[0, 0], [9, 9]])], shape_type="rectangle")
    assert which_shape(shapes) == ""
    shapes.add(np.array([[0, 0], [5, 5]]), shape_type="rectangle")
    shapes.selected_data = set()
    assert which_shape(shapes) == "Of the 2 shapes, the last one counts."
    shapes.selected_data = {0}
    assert which_shape(shapes) == "Of the 2 shapes, the selected one counts."
    shapes.selected_data = {1, 0}
    assert which_shape(shapes) == "Of the 2 shapes, the first selected one counts."

"""Coordinates in the viewer's units, or in another layer's, become a layer's indices and come back."""

from __future__ import annotations

import numpy as np
import pint
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_cvdm.plugin.viewer.world import Sliders, factors, sight_of, sliders_of, to_data, to_world


def units_of(*names: str) -> tuple[pint.Unit, ...]:
    return tuple(pint.get_application_registry().Unit(name) for name in names)


@pytest.fixture
def layer() -> Image:
    return Image(
        np.zeros((4, 9, 9)), scale=(2, 0.1, 0.2), units=("s", "um", "um"), rotate=20, translate=(1, 2, 3)
    )


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        (None, (1, 1, 1)),
        (("s", "um", "um"), (1, 1, 1)),
        (("ms", "nm", "mm"), (1e-3, 1e-3, 1e3)),
        (("um", "pixel", "s", "nm", "nm"), (1, 1e-3, 1e-3)),  # the last axes are shared
        (("nm", "nm"), (1, 1e-3, 1e-3)),
        (("nm", "pixel", "nm"), (1, 1, 1e-3)),  # of another kind: nothing to convert
    ],
)
def test_units_are_converted_where_they_can_be(layer, units, expected):
    units = units if units is None else units_of(*units)
    np.testing.assert_allclose(factors(layer, units), expected)


def test_units_of_another_registry_are_the_same_units(layer):
    foreign = tuple(pint.UnitRegistry().Unit(name) for name in ("s", "nm", "nm"))
    np.testing.assert_allclose(factors(layer, foreign), (1, 1e-3, 1e-3))


def test_there_and_back(layer):
    indices, units = np.array([(0, 0, 0), (3, 4.5, 8)]), units_of("s", "nm", "nm")
    world = to_world(layer, indices, units)
    np.testing.assert_allclose(world[1], np.array(layer.data_to_world(indices[1])) * (1, 1e3, 1e3))
    np.testing.assert_allclose(to_data(layer, world, units), indices, atol=1e-12)
    np.testing.assert_allclose(to_data(layer, world[1], units), indices[1])  # a single one
    np.testing.assert_allclose(to_data(layer, [(7, *place) for place in world], units), indices, atol=1e-12)


def test_axes_that_a_place_lacks_are_zero():
    layer = Image(np.zeros((4, 9, 9)), scale=(2, 0.5, 0.5))
    np.testing.assert_allclose(to_data(layer, (2.0, 3.0), None), (0, 4, 6))


def test_sliders_are_in_the_viewer_s_units():
    viewer = ViewerModel()
    viewer.add_image(np.zeros((4, 9, 9)), units=("um",) * 3)
    viewer.add_image(np.zeros((9, 9)), units=("nm",) * 2)
    assert sliders_of(viewer.dims) == Sliders(viewer.dims.point, units_of("nm", "nm", "nm"), (), (1, 2))


def test_the_corners_of_the_canvas_are_where_the_camera_looks():
    viewer = ViewerModel()
    viewer.add_image(np.zeros((4, 50, 90)))
    viewer.dims.set_current_step(0, 2)
    viewer.canvas.size = (200, 300)
    viewer.scene.camera.center, viewer.scene.camera.zoom = (0, 20, 30), 10
    sight = sight_of(viewer)
    assert (sight.point, sight.units) == sliders_of(viewer.dims)[:2]
    np.testing.assert_allclose(sight.corners, [(2, 10, 15), (2, 10, 45), (2, 30, 45), (2, 30, 15)])
    viewer.dims.order = (1, 2, 0)  # columns down, planes across
    viewer.scene.camera.center, viewer.scene.camera.zoom = (0, 20, 30), 10
    assert sight_of(viewer).corners[1][2::-2] == pytest.approx([20 - 10, 30 + 15])
    assert sight_of(viewer).displayed == (2, 0)
    viewer.dims.ndisplay = 3
    assert not sight_of(viewer).corners


def test_in_a_grid_each_place_has_its_share_of_the_canvas():
    viewer = ViewerModel()
    for _ in range(2):
        viewer.add_image(np.zeros((50, 50)))
    viewer.canvas.size = (200, 300)
    viewer.canvas.grid.shape, viewer.canvas.grid.enabled = (1, 2), True
    viewer.scene.camera.center, viewer.scene.camera.zoom = (0, 25, 25), 10
    np.testing.assert_allclose(sight_of(viewer).corners[::2], [(15, 17.5), (35, 32.5)])

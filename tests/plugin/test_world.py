"""Coordinates in the viewer's units, or in another layer's, become a layer's indices and come back."""

from __future__ import annotations

import numpy as np
import pint
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_cvdm.plugin.world import Sliders, factors, sliders_of, to_data, to_world


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
    assert sliders_of(viewer.dims) == Sliders(viewer.dims.point, units_of("nm", "nm", "nm"))

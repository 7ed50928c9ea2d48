"""Scale and affine both say how far apart pixels lie."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image

from napari_cvdm.plugin.image.axis_steps import axis_steps, distances_of, origin_of, sides_of, steps_of
from napari_cvdm.plugin.image.reading import read_layer

TURN = np.array([[0.0, 0.8, -0.6, 3.0], [0.0, 0.6, 0.8, 2.0]])


@pytest.mark.parametrize(
    ("scale", "affine", "steps"),
    [
        ((0.3, 0.065, 0.065), np.eye(4), (0.3, 0.065, 0.065)),
        ((1, -1, 1), np.diag([0.3, 0.065, 0.07, 1]), (0.3, 0.065, 0.07)),
        ((2, 0.1, 0.1), np.vstack([[3, 0, 0, 1], TURN, [0, 0, 0, 1]]), (6, 0.1, 0.1)),
    ],
)
def test_steps_are_what_scale_and_affine_make_of_them(scale, affine, steps):
    np.testing.assert_allclose(axis_steps(scale, affine), steps)


def test_the_form_shows_the_same():
    layer = Image(np.zeros((9, 9)), scale=(0.5, 0.5), affine=np.diag([0.13, 0.13, 1]), units=("um", "um"))
    steps = axis_steps(layer.scale, layer.affine.affine_matrix)
    assert read_layer(layer).pixel_size == pytest.approx(1000 * steps[0])


def test_distances_that_the_affine_carries_are_told():
    units, affine = ("s", "um", "um", "um"), np.diag([2.0, 1.5, 1, 1, 1])
    layer = Image(np.zeros((2, 3, 9, 9)), scale=(30, 0.2, 0.065, 0.065), affine=affine, units=units)
    assert distances_of(layer, "TZYX") == pytest.approx({"z_spacing": 300, "time_interval": 60})
    assert distances_of(layer, "CZYX") == pytest.approx({"z_spacing": 300})


def test_height_and_width_of_a_pixel_are_told():
    layer = Image(np.zeros((2, 9, 9)), scale=(1, 0.13, 65), units=("pixel", "um", "nm"))
    assert sides_of(layer, "QYX") == pytest.approx((130, 65))
    assert sides_of(layer, "YQX") is None


def test_a_layer_in_pixels_tells_no_distances():
    layer = Image(np.zeros((2, 3, 9, 9)))
    assert (distances_of(layer, "TZYX"), sides_of(layer, "TZYX")) == ({}, None)


def test_steps_are_told_of_axes_that_a_letter_tells_apart():
    layer = Image(np.zeros((2, 2, 2, 9, 9)), scale=(7, 7, 3, -0.5, 0.5), affine=np.diag([1, 1, 2, 1, 1, 1]))
    assert steps_of(layer, "QQZYX") == {"Z": 6, "Y": 0.5, "X": 0.5}


def test_the_first_pixel_s_place_is_told_in_steps():
    affine = np.array([[1.0, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0.5, 0], [0, 0, 0, 1]])
    layer = Image(np.zeros((2, 9, 9)), scale=(1, 0.1, 0.2), translate=(0, 3, 4), affine=affine)
    assert origin_of(layer, "ZYX") == pytest.approx({"Z": 0, "Y": 40, "X": 20})


@pytest.mark.parametrize("lies", [{"rotate": 30}, {"shear": [0.2]}, {"scale": (-1, 1)}])
def test_no_place_is_told_of_a_layer_that_is_not_upright(lies):
    assert origin_of(Image(np.zeros((9, 9)), translate=(3, 4), **lies), "YX") == {}

"""Colour or opacity carries certainty, and brightness intensity."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cvdm.assessment.overlay import certainty_by_colour, certainty_by_opacity

MEAN = np.array([[0, 50, 100, 200]], np.float32)
SURE, UNSURE = np.zeros_like(MEAN), np.full_like(MEAN, 10)


def test_what_is_sure_is_grey_as_bright_as_its_intensity():
    rgba = certainty_by_colour(MEAN, SURE, (50, 150), (0, 10))
    assert rgba.dtype == np.uint8
    np.testing.assert_array_equal(rgba[0, :, 0], [0, 0, 128, 255])
    np.testing.assert_array_equal(rgba[..., 0], rgba[..., 2])
    assert (rgba[..., 3] == 255).all()


def test_doubt_turns_orange_step_by_step():
    doubt = np.linspace(0, 12, 7, dtype=np.float32)[np.newaxis]
    rgba = certainty_by_colour(np.full_like(doubt, 100), doubt, (0, 100), (0, 10)).astype(int)[0]
    assert (rgba[:, 0] == 255).all()
    assert (np.diff(rgba[:6, 1]) < 0).all()
    assert (np.diff(rgba[:6, 2]) < 0).all()
    red, green, blue = rgba[-1, :3]
    assert red > green > blue == 0


def test_doubt_does_not_colour_what_is_black():
    assert certainty_by_colour(MEAN, UNSURE, (0, 100), (0, 10))[0, 0].tolist() == [0, 0, 0, 255]


def test_doubt_fades_but_never_vanishes():
    doubt = np.array([[5, 10, 15, 99]], np.float32)
    rgba = certainty_by_opacity(np.full_like(doubt, 100), doubt, (0, 100), (5, 15))
    alpha = rgba[0, :, 3].astype(int)
    assert alpha[0] == 255
    assert alpha[1] == pytest.approx(255 * 0.53, abs=1)
    assert alpha[2] == alpha[3] == pytest.approx(255 * 0.06, abs=1)
    assert (rgba[..., :3] == 255).all()


@pytest.mark.parametrize("compose", [certainty_by_colour, certainty_by_opacity])
def test_limits_without_a_span_do_not_divide_by_zero(compose):
    assert compose(MEAN, SURE, (5, 5), (0, 0)).shape == (1, 4, 4)

"""Recordings with less light: photon noise of the right size, on the same scene."""

import numpy as np
import pytest
from measures.less_light import with_less_light


@pytest.mark.parametrize("photons", [20.0, 500.0])
@pytest.mark.parametrize("unit", [1.0, 40.0])
def test_noise_is_that_of_the_photons_on_the_scene_as_it_was(photons, unit):
    half = np.full((200, 100), 50.0)
    scene = np.concatenate([half, 3 * half], axis=1) * unit + 1000
    grey = with_less_light(scene, photons, np.random.default_rng(0)).astype(np.float64)
    electrons = (grey - 100) / 2.2
    # The darkest part counts as no light, the brightest as all of it.
    assert electrons[:, 120:].mean() == pytest.approx(photons, rel=0.02)
    assert electrons[:, 120:].var() == pytest.approx(photons + 1.6**2, rel=0.05)
    assert electrons[:, :80].mean() == pytest.approx(0, abs=0.05)


def test_grey_levels_stay_within_those_of_a_camera():
    grey = with_less_light([[0.0, 1.0], [1.0, 1.0]], 1e6, np.random.default_rng(0))
    assert grey.dtype == np.uint16
    assert grey.max() == 65535

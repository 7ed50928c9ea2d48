from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from napari_cvdm.assessment.consistency import check_consistency
from napari_cvdm.assessment.forward import blur_and_bin
from napari_cvdm.assessment.photometry import check_photometry


def sharp() -> np.ndarray:
    """Spots of brightness 0.1 to 1."""
    rng = np.random.default_rng(0)
    image = np.zeros((160, 160))
    image[rng.integers(8, 152, 120), rng.integers(8, 152, 120)] = rng.uniform(0.1, 1, 120)
    image = ndimage.gaussian_filter(image, 1.2)
    return image / image.max()


def measure(full: float = np.inf) -> np.ndarray:
    light = blur_and_bin(sharp(), 2, 1.2)
    electrons = 5000 * light + 1500 * ndimage.gaussian_filter(light, 12) + 30
    return np.minimum(np.random.default_rng(1).poisson(electrons) + 100.0, full)


@pytest.mark.parametrize("power", [0.5, 0.75, 1.0, 1.5, 2.0])
def test_finds_the_power_that_undoes_what_was_done(power: float) -> None:
    image, bent = measure(), 300 * sharp() ** power + 20
    found = check_photometry(image, bent, check_consistency(image, bent))
    assert found.exponent == pytest.approx(1 / power, rel=0.15)
    assert found.is_linear is (power in (0.75, 1.0))


def test_groups_lie_on_a_line_if_brightness_is_proportional() -> None:
    image = measure()
    found = check_photometry(image, sharp(), check_consistency(image, sharp()))
    assert np.all(np.diff(found.predicted) > 0)
    np.testing.assert_allclose(found.measured, found.predicted, rtol=0.3)
    assert found.deviation < 0.1
    assert found.saturated == 0


def test_groups_and_their_deviation_are_of_measured_against_predicted() -> None:
    image = measure()
    structure = np.linspace(0, 2000, image.size).reshape(image.shape)
    background = np.percentile(structure, 1)
    beyond = 0.2 * structure**2 / 2000
    known = replace(check_consistency(image, sharp()), structure=structure, difference=beyond)
    found = check_photometry(image, sharp(), known)
    x, y = found.predicted, found.measured
    np.testing.assert_allclose(y, x + 0.2 * (x + background) ** 2 / 2000, rtol=1e-3)
    assert x.size == 20
    ratios = x[1:] / x[:-1]
    np.testing.assert_allclose(ratios, ratios.mean(), rtol=0.05)  # groups of even width in the logarithm
    slope = np.linalg.lstsq(x[:, None], y, rcond=None)[0]
    assert found.deviation == pytest.approx(np.abs(y - slope * x).max() / y.max())
    assert found.to_dict() == {
        "exponent": found.exponent, "deviation": found.deviation, "saturated_share": 0
    }  # fmt: skip


def test_tells_of_saturation() -> None:
    image = measure(full=500.0)
    found = check_photometry(image, sharp(), check_consistency(image, sharp()))
    assert found.saturated == pytest.approx(np.mean(image == 500))


def test_where_nothing_stands_out_it_says_nothing() -> None:
    rng = np.random.default_rng(0)
    image = rng.normal(100, 10, (64, 64))
    blank = rng.normal(0, 1, (128, 128))
    found = check_photometry(image, blank, check_consistency(image, blank))
    assert found.is_linear is None
    assert found.to_dict() == {"exponent": None, "deviation": None, "saturated_share": 0}


def test_of_a_few_points_no_power_can_be_told() -> None:
    points = np.zeros((160, 160))
    points[78:83, 78:83] = 1
    image = np.random.default_rng(1).poisson(3e4 * blur_and_bin(points, 2, 1.2) + 30) + 100.0
    found = check_photometry(image, points, check_consistency(image, points))
    assert found.predicted.size > 0
    assert found.is_linear is None

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
    assert found.to_dict()["exponent"] is None

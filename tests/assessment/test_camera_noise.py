import numpy as np
import pytest
from scipy import ndimage

from napari_cvdm.assessment.camera_noise import CameraNoise, measure_noise
from napari_cvdm.restoration.errors import InputError


def scene(side: int = 128) -> np.ndarray:
    """Smooth blobs from 0 to 1, as optics pass them."""
    blobs = ndimage.gaussian_filter(np.random.default_rng(3).random((side, side)) ** 8, 4, mode="wrap")
    return (blobs - blobs.min()) / np.ptp(blobs)


def record(electrons: np.ndarray, gain: float, offset: float, read_noise: float) -> np.ndarray:
    rng = np.random.default_rng(4)
    noisy = rng.poisson(electrons) + rng.normal(0, read_noise, electrons.shape)
    return np.rint(noisy * gain + offset)


@pytest.mark.parametrize(("gain", "read_noise", "bright"), [(0.5, 1.5, 200.0), (4.0, 3.0, 2000.0)])
def test_tells_photon_noise_from_read_noise(gain: float, read_noise: float, bright: float) -> None:
    electrons = 10 + bright * scene()
    noise = measure_noise(record(electrons, gain, 300.0, read_noise))
    assert noise.gain == pytest.approx(gain, rel=0.35)
    ratio = noise.variance(electrons * gain + 300) / (gain**2 * (electrons + read_noise**2))
    assert np.percentile(ratio, (5, 50, 95)) == pytest.approx([1, 1, 1], abs=0.4)
    assert noise.electrons(bright * gain) == pytest.approx(bright, rel=0.35)


def test_noise_without_photons_has_no_gain() -> None:
    image = 1000 * scene() + np.random.default_rng(0).normal(0, 5, (128, 128))
    noise = measure_noise(image)
    assert noise.gain * 1000 < 10  # of a variance of 25
    np.testing.assert_allclose(noise.variance(500.0), 25, rtol=0.25)


def test_an_image_without_noise_has_next_to_none() -> None:
    point = np.zeros((64, 64))
    point[30, 30] = 1
    for image in (scene(), np.zeros((64, 64)), point, np.mgrid[:64, :64][0] / 64.0):
        assert 0 < float(measure_noise(image).variance(0.5)) < 1e-6


def test_where_no_photon_noise_is_seen_light_is_not_counted() -> None:
    assert CameraNoise(0.0, 25.0, 25.0, 0.0).electrons(1000) is None


def test_saturation_is_seen_and_an_ordinary_maximum_is_not() -> None:
    image = record(10 + 2000 * scene(), 1.0, 100.0, 1.0)
    assert measure_noise(image).saturated == 0
    full = np.minimum(image, 900)
    assert measure_noise(full).saturated == pytest.approx(np.mean(image >= 900))


def test_refuses_what_is_too_small() -> None:
    with pytest.raises(InputError, match="12 × 12"):
        measure_noise(np.zeros((8, 50)))

import json

import numpy as np
import pytest

from napari_cvdm.assessment.resolution import check_resolution, split_photons
from napari_cvdm.assessment.ring_correlation import fourier_ring_correlation
from napari_cvdm.files.samples import read_sample

SIGMA, SIDE = 1.5, 256


def gaussian_spectrum(noise: float) -> np.ndarray:
    """Random detail blurred by a Gaussian of `SIGMA` pixels, and white noise."""
    rng = np.random.default_rng(0)
    radius = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.fftfreq(SIDE)[None, :])
    spectrum = np.fft.fft2(rng.standard_normal((SIDE, SIDE))) * np.exp(-2 * (np.pi * SIGMA * radius) ** 2)
    return np.fft.ifft2(spectrum).real + noise * rng.standard_normal((SIDE, SIDE))


@pytest.mark.parametrize("noise", [0.003, 0.02, 0.1])
def test_ring_correlation_of_halves_ends_where_theory_says(noise: float) -> None:
    # Each half has twice the variance. Signal over signal and noise is 1/7 where the signal is noise/6.
    power = 2 * noise**2 / 6
    frequency = np.sqrt(-np.log(power)) / (2 * np.pi * SIGMA)
    found = fourier_ring_correlation(*split_photons(gaussian_spectrum(noise)), pixel_size=65.0)
    assert found.resolution == pytest.approx(65 / frequency, rel=0.06)


def test_halves_share_the_signal_and_not_the_noise() -> None:
    rng = np.random.default_rng(5)
    signal = np.full((200, 200), 40.0)
    image = signal + rng.normal(0, 3, signal.shape)
    first, second = split_photons(image)
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] == pytest.approx(0, abs=0.02)
    assert np.var(first) == pytest.approx(18, rel=0.05)
    np.testing.assert_allclose((first + second) / 2, image)


def test_agrees_with_another_implementation_on_a_real_image() -> None:
    # The halves of this image's upper square, in NanoPyx 2.1 (FIRECalculator): 3.92 pixels.
    found = fourier_ring_correlation(*split_photons(read_sample("tubulin_widefield").data[:240, :240]))
    assert found.resolution == pytest.approx(3.92, rel=0.08)


def test_before_and_after_in_nanometres() -> None:
    image, sharp = (
        read_sample("tubulin_widefield").data[:200, :200],
        read_sample("tubulin_sim").data[:400, :400],
    )
    check = check_resolution(image, sharp, pixel_size=65.0)
    assert check.unit == "nm"
    assert check.before is not None
    assert check.after is not None
    assert 200 < check.before.resolution < 330
    assert check.gain == pytest.approx(check.before.resolution / check.after.resolution)
    assert check.gain > 1.5
    assert check.draws is None
    numbers = json.loads(json.dumps(check.to_dict(), allow_nan=False))
    assert check.halves is not None
    assert numbers["ring_correlation_halves"] == pytest.approx(check.halves.resolution)
    without = check_resolution(image, sharp)
    assert without.unit == "camera pixels"
    assert without.after is not None
    assert without.after.resolution == pytest.approx(check.after.resolution / 65)


def test_draws_are_compared_with_those_of_other_noise() -> None:
    rng = np.random.default_rng(5)
    common = gaussian_spectrum(0.0)
    noise = 0.05 * rng.standard_normal((2, SIDE, SIDE))
    draws = np.stack([common + noise[0], common - noise[0], common + noise[1], common - noise[1]])
    halves = draws[1], draws[3]
    check = check_resolution(common[::2, ::2], common, draws=draws, restored_halves=halves)
    frequency = np.sqrt(-np.log(0.05**2 / 6)) / (2 * np.pi * SIGMA)
    assert check.draws is not None
    assert check.draws.resolution == pytest.approx(0.5 / frequency, rel=0.06)
    assert check.restored_halves is not None
    assert check.restored_halves.resolution == pytest.approx(0.5 / frequency, rel=0.06)
    one_pair = check_resolution(common[::2, ::2], common, draws=draws[:2])
    assert one_pair.draws is one_pair.restored_halves is None


@pytest.mark.parametrize("image", [np.ones((64, 64)), np.eye(24)])
def test_what_has_no_resolution_has_no_answer_but_no_error(image: np.ndarray) -> None:
    check = check_resolution(image, np.random.default_rng(0).random([2 * n for n in image.shape]))
    assert check.after is not None
    assert check.gain is None
    json.dumps(check.to_dict(), allow_nan=False)

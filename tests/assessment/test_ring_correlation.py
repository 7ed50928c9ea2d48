"""Ring correlation: on spectra that were made, the crossing is known."""

import numpy as np
import pytest
from scipy.ndimage import uniform_filter1d

from napari_cvdm.assessment.ring_correlation import fourier_ring_correlation
from napari_cvdm.restoration.errors import InputError

RNG = np.random.default_rng(0)


def radius(shape):
    return np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None, :])


def keep(image, passed):
    """The part of an image whose spatial frequencies a mask lets through."""
    return np.fft.ifft2(np.fft.fft2(image) * passed).real


def common_up_to(cutoff, shape=(192, 192)):
    """Two images with everything in common up to a frequency, and nothing beyond."""
    below = radius(shape) <= cutoff
    shared = keep(RNG.standard_normal(shape), below)
    return [shared + keep(RNG.standard_normal(shape), ~below) for _ in range(2)]


@pytest.mark.parametrize("shape", [(192, 192), (128, 256), (161, 135)])
@pytest.mark.parametrize("cutoff", [0.1, 0.22, 0.35])
def test_resolution_is_where_the_common_detail_ends(cutoff, shape):
    result = fourier_ring_correlation(*common_up_to(cutoff, shape))
    # The curve falls within about two rings, and smoothing moves its crossing by another.
    assert 1 / result.resolution == pytest.approx(cutoff, abs=2.5 / min(shape))
    assert (result.correlation[result.frequency < cutoff - 0.03] > 0.9).all()
    assert np.abs(result.correlation[result.frequency > cutoff + 0.03]).mean() < 0.15


def test_white_noise_on_a_common_image_gives_the_ratio_of_powers():
    shared = RNG.standard_normal((256, 256))
    images = [shared + 0.5 * RNG.standard_normal(shared.shape) for _ in range(2)]
    result = fourier_ring_correlation(*images)
    np.testing.assert_allclose(result.correlation[20:], 1 / 1.25, atol=0.1)
    assert result.correlation[20:].mean() == pytest.approx(0.8, abs=0.01)


def test_pixel_size_only_changes_the_unit():
    images = common_up_to(0.2)
    plain, scaled = (fourier_ring_correlation(*images, pixel_size=size) for size in (1.0, 32.5))
    assert scaled.resolution == pytest.approx(32.5 * plain.resolution)
    np.testing.assert_allclose(scaled.frequency * 32.5, plain.frequency)
    assert plain.frequency[-1] == pytest.approx(0.5)


def test_gain_and_offset_do_not_matter():
    a, b = common_up_to(0.2)
    assert fourier_ring_correlation(3 * a - 100, b).resolution == pytest.approx(
        fourier_ring_correlation(a, b).resolution
    )


def test_equal_images_are_resolved_to_the_sampling_limit():
    image = RNG.standard_normal((64, 64))
    result = fourier_ring_correlation(image, image, pixel_size=10)
    np.testing.assert_allclose(result.correlation, 1)
    assert result.resolution == pytest.approx(20)


def test_images_with_nothing_in_common_have_no_resolution():
    a = RNG.standard_normal((64, 64))
    assert np.isnan(fourier_ring_correlation(a, -a).resolution)
    assert np.isnan(fourier_ring_correlation(a, np.ones((64, 64))).resolution)


def test_a_common_border_is_not_detail():
    ramp = 50 * np.linspace(0, 1, 128)[:, None]
    a, b = (ramp + RNG.standard_normal((128, 128)) for _ in range(2))
    high = slice(30, None)
    assert np.abs(fourier_ring_correlation(a, b).correlation[high]).mean() < 0.15


def test_resolution_is_where_the_curve_over_three_rings_first_meets_the_threshold():
    shape = (256, 256)
    fall = 1 / (1 + (radius(shape) / 0.15) ** 4)
    shared = keep(RNG.standard_normal(shape), fall)
    a, b = (shared + 0.3 * RNG.standard_normal(shape) for _ in range(2))
    coarse, fine = (fourier_ring_correlation(a, b, threshold=t) for t in (0.5, 1 / 7))
    assert coarse.resolution > fine.resolution > 2
    curve = uniform_filter1d(fine.correlation, 3, mode="nearest")
    for found, threshold in ((coarse, 0.5), (fine, 1 / 7)):
        end = 1 / found.resolution
        assert np.interp(end, found.frequency, curve) == pytest.approx(threshold)
        assert (curve[found.frequency < end] > threshold).all()


@pytest.mark.parametrize("shape", [(48, 48), (48, 55), (37, 64)])
def test_rows_and_columns_count_alike(shape):
    a, b = RNG.standard_normal((2, *shape))
    np.testing.assert_allclose(
        fourier_ring_correlation(a.T, b.T).correlation, fourier_ring_correlation(a, b).correlation
    )


@pytest.mark.parametrize(
    ("first", "second", "options", "message"),
    [
        (np.ones((32, 32)), np.ones((32, 31)), {}, "one shape"),
        (np.ones((2, 32, 32)), np.ones((2, 32, 32)), {}, "planes"),
        (np.ones((32, 8)), np.ones((32, 8)), {}, "at least 16 × 16"),
        (np.where(np.eye(32), np.nan, 1), np.ones((32, 32)), {}, "finite"),
        (np.ones((32, 32)), np.where(np.eye(32), np.inf, 1), {}, "finite"),
        (np.ones((32, 32)), np.ones((32, 32)), {"pixel_size": 0}, "positive"),
    ],
)
def test_faults_are_named(first, second, options, message):
    with pytest.raises(InputError, match=message):
        fourier_ring_correlation(first, second, **options)

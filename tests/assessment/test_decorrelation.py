import numpy as np
import pytest
from scipy import ndimage

from napari_cvdm.assessment.decorrelation import decorrelation_analysis
from napari_cvdm.files.samples import read_sample
from napari_cvdm.restoration.errors import InputError


def band_limited(cutoff: float, noise: float, shape: tuple[int, int] = (192, 200)) -> np.ndarray:
    """Random detail up to a share of the Nyquist frequency, of standard deviation 1, and noise."""
    rng = np.random.default_rng(0)
    radius = 2 * np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None, :])
    image = np.fft.ifft2(np.fft.fft2(rng.standard_normal(shape)) * (radius < cutoff)).real
    return image / image.std() + noise * rng.standard_normal(shape)


@pytest.mark.parametrize("cutoff", [0.25, 0.4, 0.6, 0.8])
@pytest.mark.parametrize("noise", [0.03, 0.3])
def test_finds_the_cut_off_of_a_band_limited_image(cutoff: float, noise: float) -> None:
    found = decorrelation_analysis(band_limited(cutoff, noise), pixel_size=50.0)
    assert found.cutoff == pytest.approx(cutoff, abs=0.03)
    assert found.resolution == pytest.approx(100 / cutoff, rel=0.08)


def test_finer_blur_is_finer_resolution() -> None:
    rng = np.random.default_rng(1)
    points = 20_000.0 * (rng.random((160, 160)) < 0.02)
    found = [
        decorrelation_analysis(rng.poisson(ndimage.gaussian_filter(points, s) + 10)).resolution
        for s in (1.2, 2.0, 3.0)
    ]
    assert found[0] < 0.75 * found[1] < 0.75 * 0.8 * found[2]


def test_signal_to_noise_falls_with_noise() -> None:
    heights = [decorrelation_analysis(band_limited(0.5, noise)).signal_to_noise for noise in (0.1, 1, 5)]
    assert heights[0] > heights[1] > heights[2] >= 0


@pytest.mark.parametrize(("sample", "outside"), [("tubulin_widefield", 4.13), ("tubulin_sim", 4.73)])
def test_agrees_with_another_implementation_on_real_images(sample: str, outside: float) -> None:
    # NanoPyx 2.1 (Saraiva et al. 2025), nanopyx.core.analysis.decorr.DecorrAnalysis, in pixels.
    found = decorrelation_analysis(read_sample(sample).data)
    assert found.resolution == pytest.approx(outside, rel=0.08)
    # And more closely than the fifty radii of the first round lie.
    assert np.abs(found.radius - found.cutoff).min() > 0.05 * found.radius[1]


def test_gain_and_offset_do_not_matter() -> None:
    image = band_limited(0.5, 0.2)
    assert decorrelation_analysis(300 * image + 7000).resolution == decorrelation_analysis(image).resolution


def test_rows_and_columns_count_alike() -> None:
    image = band_limited(0.5, 0.2)
    np.testing.assert_allclose(decorrelation_analysis(image.T).curve, decorrelation_analysis(image).curve)


def test_noise_alone_has_no_finest_detail_but_the_pixel() -> None:
    noise = np.random.default_rng(2).standard_normal((128, 128))
    found = decorrelation_analysis(noise)
    assert found.cutoff > 0.95 or np.isnan(found.resolution)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.ones((20, 90)), "32 × 32"),
        (np.ones((3, 64, 64)), "plane"),
        (np.where(np.eye(64), np.inf, 1), "finite"),
    ],
)
def test_refuses_what_has_no_answer(image: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        decorrelation_analysis(image)


def test_a_constant_image_has_no_resolution() -> None:
    found = decorrelation_analysis(np.full((64, 64), 5.0))
    assert np.isnan(found.resolution)
    assert found.to_dict()["resolution"] is None

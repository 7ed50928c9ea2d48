import numpy as np
import pytest
from scipy import ndimage

from napari_cvdm.assessment.baselines import gaussian_psf
from napari_cvdm.assessment.consistency import SIGNIFICANT, Consistency, check_consistency, scale_between
from napari_cvdm.assessment.forward import blur_and_bin
from napari_cvdm.restoration.errors import InputError

SIDE = 96
SIGMA = 1.3  # camera pixels, from the sharp image to the measurement


@pytest.fixture(scope="module")
def sharp() -> np.ndarray:
    """Some lines on the fine grid, brightness 1."""
    rows, columns = np.mgrid[: 2 * SIDE, : 2 * SIDE]
    rng = np.random.default_rng(1)
    image = np.zeros((2 * SIDE, 2 * SIDE))
    for _ in range(9):
        angle, place = rng.uniform(0, np.pi), rng.uniform(0.15, 0.85, 2) * 2 * SIDE
        distance = (rows - place[0]) * np.cos(angle) - (columns - place[1]) * np.sin(angle)
        image = np.maximum(image, np.exp(-(distance**2) / (2 * 1.2**2)))
    return image


def measure(sharp: np.ndarray, *, haze: float = 0.0, electrons: float = 2000.0) -> np.ndarray:
    light = blur_and_bin(sharp, 2, SIGMA)
    light = light + haze * ndimage.gaussian_filter(light, 12)
    return np.random.default_rng(2).poisson(electrons * light + 50) * 1.5 + 100


def spot() -> np.ndarray:
    """A disc on the fine grid, away from the lines; several times as wide as the blur."""
    rows, columns = np.mgrid[: 2 * SIDE, : 2 * SIDE]
    return ((rows - 40) ** 2 + (columns - 150) ** 2 < 12**2).astype(float)


def in_and_around(result: Consistency, where: np.ndarray) -> tuple[float, float]:
    """Median of the map in a place, and the 99.5 percentile of it far away."""
    coarse = where.reshape(SIDE, 2, SIDE, 2).mean((1, 3)) > 0.5
    far = ~ndimage.binary_dilation(coarse, iterations=8)
    return float(np.median(result.map[coarse])), float(np.percentile(result.map[far], 99.5))


def test_a_right_reconstruction_leaves_the_map_dark(sharp: np.ndarray) -> None:
    result = check_consistency(measure(sharp), 40 * sharp + 7)
    assert result.flagged < 1e-3
    assert result.rsp > 0.99
    assert result.sigma == pytest.approx(SIGMA, rel=0.1)
    assert result.gain == pytest.approx(2000 * 1.5 / 40, rel=0.02)
    assert result.offset == pytest.approx(100 + 50 * 1.5 - 7 * result.gain, abs=10)


def test_without_structure_in_it_the_difference_is_noise_of_the_stated_size(sharp: np.ndarray) -> None:
    result = check_consistency(measure(sharp, electrons=100.0), sharp)
    # A little more than 1: of a spot and the lines through it, the most significant counts.
    assert np.std(result.map * np.sign(result.difference)) == pytest.approx(1.1, abs=0.2)


def test_lights_up_where_a_structure_was_painted_in(sharp: np.ndarray) -> None:
    result = check_consistency(measure(sharp), sharp + 0.5 * spot())
    inside, elsewhere = in_and_around(result, spot())
    assert inside > 3 * SIGNIFICANT
    assert elsewhere < SIGNIFICANT
    assert np.mean(result.difference[result.map > 3 * SIGNIFICANT]) < 0  # it was not measured
    assert result.flagged == np.mean(result.map > SIGNIFICANT)
    assert result.invented > 0.9 * result.flagged


def test_lights_up_where_a_structure_was_left_out(sharp: np.ndarray) -> None:
    result = check_consistency(measure(sharp + 0.5 * spot()), sharp)
    inside, elsewhere = in_and_around(result, spot())
    assert inside > 3 * SIGNIFICANT
    assert elsewhere < SIGNIFICANT
    assert np.mean(result.difference[result.map > 3 * SIGNIFICANT]) > 0
    assert result.invented < 0.1 * result.flagged


def test_haze_that_was_taken_away_is_no_disagreement(sharp: np.ndarray) -> None:
    result = check_consistency(measure(sharp, haze=3.0), sharp)
    assert result.flagged < 2e-3
    in_focus = 2000 * 1.5 * blur_and_bin(sharp, 2, SIGMA)
    np.testing.assert_allclose(result.structure, in_focus, atol=0.03 * in_focus.max())
    painted = check_consistency(measure(sharp, haze=3.0), sharp + spot())
    assert in_and_around(painted, spot())[0] > 2 * SIGNIFICANT


def test_error_and_correlation_are_those_of_the_best_gain_and_offset(sharp: np.ndarray) -> None:
    image = measure(sharp)
    result = check_consistency(image, sharp, psf=gaussian_psf(2 * SIGMA))
    assert np.isnan(result.sigma)
    blurred = blur_and_bin(sharp, 2, SIGMA).ravel()
    slope, start = np.polyfit(blurred, image.ravel(), 1)
    rest = image.ravel() - slope * blurred - start
    assert result.rse == pytest.approx(np.sqrt(np.mean(rest**2)), rel=1e-3)
    assert result.rsp == pytest.approx(np.corrcoef(blurred, image.ravel())[0, 1], abs=1e-4)
    assert result.relative_rse == pytest.approx(result.rse / np.ptp(np.percentile(image, (1, 99.8))))
    estimated = check_consistency(image, sharp).map  # with the same Gaussian, found
    assert np.corrcoef(result.map.ravel(), estimated.ravel())[0, 1] > 0.98


def test_of_a_few_spots_on_nothing_the_error_is_told_too() -> None:
    image = np.full((SIDE, SIDE), 100.0)
    image[30:33, 30:33] = [[500, 900, 500], [900, 2000, 900], [500, 900, 500]]
    result = check_consistency(image, np.kron(image, np.ones((2, 2))))
    assert result.relative_rse == pytest.approx(result.rse / 1900)


def test_a_wrong_psf_shows_as_misfit(sharp: np.ndarray) -> None:
    right, wrong = (check_consistency(measure(sharp), sharp, psf=gaussian_psf(2 * s)) for s in (SIGMA, 1.8))
    assert right.misfit < 0.05
    assert wrong.misfit > 0.2
    assert wrong.rse > 1.5 * right.rse


def test_numbers_can_be_written_as_json(sharp: np.ndarray) -> None:
    import json

    image = measure(sharp)
    for result in (check_consistency(image, sharp), check_consistency(image, sharp, psf=gaussian_psf(2.6))):
        numbers = json.loads(json.dumps(result.to_dict(), allow_nan=False))
        assert set(numbers) >= {"rse", "rsp", "misfit", "flagged_share"}
        assert (numbers["sigma_camera_pixels"] or np.nan) == pytest.approx(result.sigma, nan_ok=True)


@pytest.mark.parametrize("shape", [(24, 36), (36, 24), (4, 100)])
def test_images_need_not_be_square(shape: tuple[int, int]) -> None:
    assert scale_between(shape, shape) == 1
    assert scale_between(shape, (3 * shape[0], 3 * shape[1])) == 3


@pytest.mark.parametrize(
    ("image", "result", "words"),
    [
        (np.eye(20), np.eye(50), "cannot belong"),
        (np.eye(20), np.ones((40, 40)), "result is constant"),
        (np.eye(20), np.where(np.eye(40), np.nan, 1), "result has pixels that are not finite"),
        (np.where(np.eye(20), np.inf, 1), np.eye(40), "input has pixels that are not finite"),
        (np.zeros((3, 20, 20)), np.eye(40), "plane by plane"),
    ],
)
def test_refuses_what_cannot_be_compared(image: np.ndarray, result: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_consistency(image, result)

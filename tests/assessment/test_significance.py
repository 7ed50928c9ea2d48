import numpy as np
import pytest
from scipy import ndimage

from napari_cvdm.assessment.significance import Difference, _full_square, _line, along_lines, in_spots

SIDE, WIDTH = 96, 1.3


def differences(
    line: float = 0.0, angle: float = 0.3, seed: int = 0, width: float = WIDTH
) -> tuple[Difference, np.ndarray]:
    """White noise of standard deviation 2, and a blurred line of so many standard deviations."""
    rows, columns = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    along, across = (
        np.cos(angle) * columns + np.sin(angle) * rows, np.cos(angle) * rows - np.sin(angle) * columns,
    )  # fmt: skip
    profile = np.exp(-(across**2) / (2 * width**2)) * (np.abs(along) < 14 * width)
    noise = np.random.default_rng(seed).normal(0, 2, (SIDE, SIDE))
    zeros = np.zeros((SIDE, SIDE))
    return Difference(noise - 2 * line * profile, zeros, zeros + 4.0), profile > 0.6


def significance(found: Difference, width: float = WIDTH) -> np.ndarray:
    return along_lines(found, width, in_spots(found, width)[0])


def test_noise_is_of_its_own_size_in_spots_and_hardly_more_along_lines() -> None:
    for width in (WIDTH, 3 * WIDTH):
        spots, misfit = in_spots(differences()[0], width)
        assert misfit == 0
        assert np.std(spots) == pytest.approx(1, abs=0.08)
    # By chance one pixel in 3.5 million is beyond 5; along lines, at most twice what the spot itself shows.
    several = np.concatenate([significance(differences(seed=n)[0]) for n in range(6)])
    assert np.mean(np.abs(several) > 5) < 1e-4


@pytest.mark.parametrize(
    ("angle", "line", "width"),
    [*((angle, 2.35, WIDTH) for angle in np.linspace(0, np.pi, 7)[:-1]), (0.3, 1.0, 3.0)],
)
def test_a_faint_line_of_any_direction_shows_that_does_not_in_spots(
    angle: float, line: float, width: float
) -> None:
    found, there = differences(line=line, angle=angle, width=width)
    spots, lines = in_spots(found, width)[0], significance(found, width)
    assert np.median(-spots[there]) < 5
    assert np.median(-lines[there]) > 5
    beyond = ~ndimage.binary_dilation(there, iterations=round(3 * width))
    assert np.mean(np.abs(lines[beyond]) > 5) < 2e-3


def test_a_bright_line_lights_nothing_up_beside_it_or_beyond_its_ends() -> None:
    found, there = differences(line=12.0)
    beyond = ~ndimage.binary_dilation(there, iterations=5)
    assert np.mean(np.abs(significance(found)[beyond]) > 5) < 2e-3


def test_lines_make_nothing_less_significant_and_keep_its_sign() -> None:
    found, _ = differences(line=3.0)
    spots = in_spots(found, WIDTH)[0]
    lines = along_lines(found, WIDTH, spots)
    assert np.all(np.abs(lines) >= np.abs(spots))
    assert np.all(np.sign(lines) == np.sign(spots))


def test_the_usual_misfit_is_a_share_of_the_brightness() -> None:
    found, _ = differences()
    rng = np.random.default_rng(1)
    structure = 400 * ndimage.gaussian_filter(rng.random((SIDE, SIDE)) > 0.98, 2.0, output=float) + 60
    off = 0.1 * structure * np.sign(ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE)), 6))
    off[:6] = -structure[:6]  # predicted, and not measured: no misfit
    found = found._replace(difference=found.difference + off, structure=structure)
    spots, misfit = in_spots(found, WIDTH)
    assert 0.03 < misfit < 0.12
    assert np.quantile(np.abs(spots[12:]), 0.9) == pytest.approx(1.64, abs=0.1)
    assert np.median(spots[:4]) < -50
    # Whatever intensities are counted in.
    unit = 0.03
    again = in_spots(Difference(unit * found.difference, unit * structure, unit**2 * found.variance), WIDTH)
    assert again[1] == pytest.approx(misfit)
    np.testing.assert_allclose(again[0], spots)


@pytest.mark.parametrize("shape", [(12, 16), (15, 9)])
def test_the_noise_that_a_filter_leaves_is_the_sum_of_its_squares(shape: tuple[int, int]) -> None:
    transfer = _line(shape, 0.4, 0.2, 0.0)
    filtered_point = np.fft.irfft2(transfer, s=shape)
    assert np.mean(_full_square(transfer, shape)) == pytest.approx(np.sum(filtered_point**2))


def test_the_edge_of_a_haze_is_no_line() -> None:
    found, _ = differences()
    rows = np.mgrid[:SIDE, :SIDE][0] - SIDE / 2
    edge = found._replace(difference=found.difference + 3.0 / (1 + np.exp(-rows / (3 * WIDTH))))
    spots = in_spots(edge, WIDTH)[0]
    lines = along_lines(edge, WIDTH, spots)
    assert np.mean(np.abs(lines) > 5) < np.mean(np.abs(spots) > 5) + 1e-3
    assert np.mean(np.abs(lines) - np.abs(spots)) < 0.15

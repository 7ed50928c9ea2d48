"""Calibration: on errors whose distribution is known, the numbers are known too."""

import numpy as np
import pytest

from napari_cvdm.assessment.calibration import (
    apply_calibration,
    coverage,
    error_correlation,
    fit_calibration,
    reliability,
)
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.posterior import Calibration

RNG = np.random.default_rng(0)
STD = RNG.gamma(4.0, 0.25, (200, 250)).astype("f4")
ERROR = STD * RNG.standard_normal(STD.shape)


def test_a_perfect_gaussian_uncertainty_covers_what_it_says():
    for level, fraction in coverage(STD, ERROR).items():
        assert fraction == pytest.approx(level, abs=0.01)


def test_an_uncertainty_of_half_the_size_covers_less():
    # P(|x| < 1.645 / 2) of a Gaussian.
    assert coverage(STD / 2, ERROR, [0.9])[0.9] == pytest.approx(0.589, abs=0.01)


def test_the_correlation_is_that_with_the_absolute_error():
    expected = np.corrcoef(STD.ravel(), np.abs(ERROR).ravel())[0, 1]
    assert error_correlation(STD, ERROR) == pytest.approx(expected)
    assert error_correlation(STD, -ERROR) == pytest.approx(expected)
    assert abs(error_correlation(STD, RNG.permutation(ERROR.ravel()).reshape(STD.shape))) < 0.02


def test_reliability_is_a_diagonal_if_the_uncertainty_is_right():
    result = reliability(STD, ERROR)
    assert result.slope == pytest.approx(1, abs=0.03)
    np.testing.assert_allclose(result.actual, result.predicted, rtol=0.05)
    assert (np.diff(result.predicted) > 0).all()
    assert reliability(2 * STD, ERROR).slope == pytest.approx(0.5, abs=0.02)
    assert reliability(np.arange(10), np.arange(10)).slope == pytest.approx(1)


def test_reliability_is_flat_if_the_uncertainty_tells_nothing():
    assert abs(reliability(STD, 0.3 * RNG.standard_normal(STD.shape)).slope) < 0.02
    assert reliability(np.ones(100), np.arange(100.0)).slope == 0
    # Groups of an even map, too, differ by rounding.
    error = np.linspace(1, 2, 192 * 192)
    for std in (np.full(error.size, 0.1), 0.3 + 1e-8 * (np.arange(error.size) % 2)):
        assert reliability(std, error).slope == 0


def test_faults_are_named():
    with pytest.raises(InputError, match="one shape"):
        coverage(STD, ERROR[:-1])
    with pytest.raises(InputError, match="between 0 and 1"):
        coverage(STD, ERROR, [90])
    with pytest.raises(InputError, match="as many pixels"):
        reliability(np.ones(3), np.ones(3))


def test_a_curve_mends_what_no_line_can():
    # The model overstates the spread where it is large: std saturates in truth.
    actual = 0.8 * np.tanh(STD / 0.6)
    error = actual * RNG.standard_normal(STD.shape)
    before = reliability(STD, error)
    fitted = fit_calibration(STD, error)
    after = reliability(apply_calibration(fitted, STD), error)
    assert before.slope < 0.5
    assert after.slope == pytest.approx(1, abs=0.12)
    known = fitted.stated[-1] > STD
    np.testing.assert_allclose(apply_calibration(fitted, STD)[known], actual[known], rtol=0.15, atol=0.05)
    assert (
        apply_calibration(fitted, STD)[~known] >= fitted.actual[-1]
    ).all()  # beyond what was seen it is cautious


def test_a_curve_never_falls_and_is_fitted_without_gaps():
    error = RNG.standard_normal(STD.shape) * np.where(STD > 1, 0.2, 1.0)  # falls where std rises
    fitted = fit_calibration(STD, error)
    assert (np.diff(fitted.stated) > 0).all()
    assert (np.diff(fitted.actual) >= 0).all()
    values = apply_calibration(fitted, np.linspace(0, 20, 500))
    assert values[0] == 0
    assert (np.diff(values) >= -1e-12).all()  # a sum of ramps, rounded


@pytest.mark.parametrize("floor", [0.02, 0.0])
def test_knots_that_a_card_cannot_tell_apart_are_one(floor):
    # Many pixels at the floor of the standard deviation, as in images that are mostly dark.
    std = np.maximum(STD - 0.9, floor * (1 + 5e-6 * STD))
    fitted = fit_calibration(std, std * RNG.standard_normal(STD.shape))
    assert Calibration.from_card(fitted.to_card()) is not None


@pytest.mark.parametrize("reverse", [False, True])
def test_groups_that_a_card_cannot_tell_apart_are_fitted_together(reverse):
    # Two fields, both mostly dark, of which one errs much more in the dark: whichever comes first.
    dark, size = np.tile(np.arange(20_000) % 10 < 7, (2, 1)), np.array([[0.005], [0.03]])
    std = np.where(dark, 0.02, 0.02 + RNG.random(dark.shape))
    error = np.where(dark, size, std) * RNG.standard_normal(std.shape)
    fitted = fit_calibration(std[::-1] if reverse else std, error[::-1] if reverse else error, level=None)
    expected = np.sqrt(np.mean(error[dark] ** 2))
    assert apply_calibration(fitted, np.array([0.02]))[0] == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("unit", [1e-4, 1e4])
def test_a_curve_does_not_depend_on_units(unit):
    one, other = fit_calibration(STD, ERROR), fit_calibration(unit * STD, unit * ERROR)
    np.testing.assert_allclose(np.array(other.actual) / unit, one.actual, rtol=1e-3)
    assert other.factors == pytest.approx(one.factors, rel=1e-3)


def test_factors_make_intervals_of_heavy_tailed_errors_right():
    error, other = STD * RNG.standard_t(3, STD.shape), STD * RNG.standard_t(3, STD.shape)
    fitted = fit_calibration(STD, error)
    for level, share in coverage(apply_calibration(fitted, STD), other, factors=fitted.factors).items():
        assert share == pytest.approx(level, abs=0.01), level
    assert coverage(apply_calibration(fitted, STD), other, [0.5])[0.5] > 0.6  # a Gaussian's would be too wide
    # The size stays near the root mean square, whatever an interval would prefer.
    plain = fit_calibration(STD, error, level=None)
    assert plain.actual[4] / fitted.actual[4] == pytest.approx(1.07, abs=0.001)


def test_a_pixel_counts_as_its_gain_says():
    gain = np.where(np.arange(STD.size).reshape(STD.shape) % 2, 1.0, 0.2)
    error = ERROR * np.where(gain == 1, 1.0, 3.0)
    fitted = fit_calibration(STD, error, level=None, gain=gain)
    middle = np.array([0.5, 1.0, 1.5])
    expected = np.sqrt((1 + 9 * 0.04) / 1.04) * middle
    np.testing.assert_allclose(apply_calibration(fitted, middle), expected, rtol=0.06)
    # All pixels are as many as others, whatever they count: intervals hold shares of pixels.
    for level, share in coverage(apply_calibration(fitted, STD), error, factors=fitted.factors).items():
        assert share == pytest.approx(level, abs=0.001)
    with pytest.raises(InputError, match="positive gain in each"):
        fit_calibration(STD, error, gain=np.where(np.median(STD) < STD, 1.0, 0.0))


def test_a_curve_is_applied_as_the_card_says():
    fitted = fit_calibration(STD, 0.3 * ERROR)
    on_card = Calibration.from_card(fitted.to_card())
    assert on_card is not None
    values = np.linspace(0, 6, 100, dtype=np.float32)
    np.testing.assert_allclose(
        apply_calibration(on_card, values), apply_calibration(fitted, values), rtol=1e-3
    )
    assert apply_calibration(fitted, values).dtype == np.float32
    assert apply_calibration(fitted, [1, 2]).tolist() == apply_calibration(fitted, [1.0, 2.0]).tolist()


def test_faults_of_a_curve_are_named():
    with pytest.raises(InputError, match="at least 70 pixels"):
        fit_calibration(np.ones(49), np.ones(49))
    with pytest.raises(InputError, match="not all zero"):
        fit_calibration(STD, 0 * ERROR)

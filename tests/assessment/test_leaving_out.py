"""Leaving images out: a curve is judged where it was not fitted, and fields count as their truths do."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cvdm.assessment.calibration import apply_calibration
from napari_cvdm.assessment.leaving_out import JudgedField, fit, fit_without_each, judge
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.posterior import Calibration

RNG = np.random.default_rng(5)


def field(image: int, size: float = 1.0, gain: float = 1.0) -> JudgedField:
    """Errors `size` times as large as stated."""
    std = RNG.gamma(4.0, 0.05, 20_000)
    return JudgedField(image, std, size * std * RNG.standard_normal(std.size), gain)


def test_the_image_judged_has_no_part_in_its_calibration() -> None:
    # Every image but the third is stated rightly; the third's errors are three times as large.
    fields = [field(41), field(42), field(43, 3.0)]
    curves = fit_without_each(fields)
    assert set(curves) == {41, 42, 43}
    std = fields[2].std
    np.testing.assert_allclose(apply_calibration(curves[43], std).mean(), std.mean(), rtol=0.05)
    left_out = judge(fields[2:], curves)["coverage"][0.9]
    own = judge(fields[2:], {43: fit(fields[2:])})["coverage"][0.9]
    assert left_out == pytest.approx(0.417, abs=0.03)  # of a Gaussian three times as wide
    assert own == pytest.approx(0.9, abs=0.01)
    assert apply_calibration(curves[41], std).mean() > 1.8 * std.mean()


def test_fields_of_one_image_are_left_out_together() -> None:
    curves = fit_without_each([field(41), field(41, 3.0), field(42)])
    std = np.full(4, 0.2)
    np.testing.assert_allclose(apply_calibration(curves[41], std), std, rtol=0.1)


def test_errors_count_in_the_units_of_the_truth() -> None:
    # A field whose recording is ten times too bright for its truth: its errors count a hundredth.
    right, overstated = field(41), field(42, 3.0, gain=0.1)
    curve = fit([right, overstated])
    std = np.linspace(0.1, 0.4, 5)
    np.testing.assert_allclose(apply_calibration(curve, std), np.sqrt((1 + 9 * 0.01) / 1.01) * std, rtol=0.12)
    alike = fit([right, overstated._replace(gain=1.0)])
    np.testing.assert_allclose(apply_calibration(alike, std), np.sqrt(5) * std, rtol=0.12)


def test_judging_uses_units_of_the_truth_and_pools_pixels() -> None:
    fields = [field(41), field(42, 1.0, gain=4.0)]
    stated = judge(fields)
    assert stated["std_over_rmse"] == pytest.approx(1, abs=0.03)
    assert stated["slope"] == pytest.approx(1, abs=0.04)
    assert stated["coverage"][0.8] == pytest.approx(0.8, abs=0.01)
    narrow = Calibration((1.0,), (1.0,), {0.9: 0.6744898})  # a Gaussian's 0.5
    judged = judge(fields, dict.fromkeys((41, 42), narrow))
    assert judged["coverage"][0.9] == pytest.approx(stated["coverage"][0.5])
    few = field(43, 3.0)
    few = few._replace(std=few.std[:5_000], error=few.error[:5_000])
    # Of a Gaussian three times as wide, 0.417 lies within; and its pixels are a ninth of all.
    assert judge([*fields, few])["coverage"][0.9] == pytest.approx((8 * 0.9 + 0.417) / 9, abs=0.01)
    # Fields differ by their gains, which the standard deviation knows: a higher correlation than within one.
    assert stated["correlation"] > judge(fields[:1])["correlation"] + 0.1


def test_what_cannot_be_fitted_is_said() -> None:
    with pytest.raises(InputError, match="at least two"):
        fit_without_each([field(41), field(41)])
    with pytest.raises(InputError, match="at least one field"):
        fit([])

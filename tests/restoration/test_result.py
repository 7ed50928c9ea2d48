"""What a restoration gives back."""

from typing import Any

import numpy as np
import pytest

from napari_cvdm.restoration.errors import InputError, InputTypeError
from napari_cvdm.restoration.result import Restoration


@pytest.mark.parametrize(("pixel_size", "restored"), [(65.0, 32.5), (None, None)])
def test_restored_pixels_are_smaller(pixel_size: float | None, restored: float | None) -> None:
    picture = np.zeros((2, 2), np.float32)
    result = Restoration(picture, picture, None, "YX", pixel_size, 2, {})
    assert result.restored_pixel_size == restored


def test_results_are_compared_by_identity() -> None:
    # Comparing the arrays would raise, in the middle of some innocent `in` or `==`.
    picture = np.zeros((2, 2), np.float32)
    first, second = (Restoration(picture, picture, None, "YX", None, 2, {}) for _ in range(2))
    assert first != second
    assert first in [second, first]


class TestInterval:
    """The interval is as wide as was measured, or as a Gaussian's."""

    def result(self, provenance: dict[str, Any]) -> Restoration:
        mean = np.arange(12, dtype=np.float32).reshape(3, 4)
        return Restoration(mean, np.full_like(mean, 2.0), None, "YX", None, 2, provenance)

    def test_is_a_gaussians_without_measurement(self) -> None:
        for provenance in ({}, {"calibration": None}, {"calibration": {"gain": 1.0, "offset": 0.0}}):
            low, high = self.result(provenance).interval(0.95)
            np.testing.assert_allclose(high - low, 2 * 1.959964 * 2, rtol=1e-6)
            np.testing.assert_allclose((high + low) / 2, self.result({}).mean, atol=1e-5)
            assert low.dtype == high.dtype == np.float32

    def test_is_the_measured_one_where_there_is_one(self) -> None:
        result = self.result({"calibration": {"factors": {"0.9": 1.5}}})
        low, high = result.interval(0.9)
        np.testing.assert_allclose(high - low, 6)

    def test_of_a_greater_probability_holds_that_of_a_smaller_one(self) -> None:
        factors = {"0.95": 2.2, "0.5": 0.44, "0.8": 1.13, "0.9": 1.65}  # in any order
        result = self.result({"calibration": {"factors": factors}})
        widths = [np.diff(result.interval(each), axis=0).max() for each in np.linspace(0.01, 0.99, 99)]
        assert (np.diff(widths) > 0).all()
        for level, factor in factors.items():
            low, high = result.interval(float(level))
            np.testing.assert_allclose(high - low, 4 * factor, rtol=1e-6)
        low, high = result.interval(0.99)
        np.testing.assert_allclose(high - low, 4 * 2.2 * 2.575829 / 1.959964, rtol=1e-6)

    @pytest.mark.parametrize("probability", [0, 1, 90, -0.1, float("nan")])
    def test_refuses_what_is_no_probability(self, probability: float) -> None:
        with pytest.raises(InputError, match="between 0 and 1"):
            self.result({}).interval(probability)

    @pytest.mark.parametrize("probability", ["a", None, [0.5, 0.9], np.array([0.5, 0.9])])
    def test_refuses_what_is_no_number(self, probability: Any) -> None:
        with pytest.raises(InputTypeError, match="must be a number between 0 and 1, not"):
            self.result({}).interval(probability)

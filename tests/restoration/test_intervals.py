"""The width of an interval: as measured, between measurements, and where a file is not what it should be."""

from typing import Any

import numpy as np
import pytest

from napari_cvdm.restoration.errors import InputError, InputTypeError
from napari_cvdm.restoration.intervals import gaussian_factor, interval_factor, measured_factors

GAUSSIAN = 1.6448536269514722


@pytest.mark.parametrize(
    "provenance",
    [
        {},
        {"calibration": None},
        {"calibration": "odd"},
        {"calibration": {"gain": 1.0, "offset": 0.0}},
        {"calibration": {"factors": [1.9]}},
        {"calibration": {"factors": {}}},
        {"calibration": {"factors": {"ninety": 1.9, "0": 0.1, "1": 3.0, "90": 1.9, "nan": 1.0}}},
        {"calibration": {"factors": {"0.9": None, "0.8": True, "0.5": -1, "0.95": float("inf")}}},
        {"calibration": {"factors": {"0.9": 10**400, "0.8": "wide", "0.5": [1.0]}}},
    ],
)
def test_what_is_no_measurement_leaves_a_gaussian_s(provenance: dict[str, Any]) -> None:
    assert measured_factors(provenance) == {}
    assert interval_factor(0.9, provenance) == pytest.approx(GAUSSIAN)


def test_good_measurements_count_beside_bad_ones() -> None:
    provenance = {"calibration": {"factors": {"0.9": 1.9, "odd": 4, "0.5": 0.6}}}
    assert list(measured_factors(provenance).items()) == [(0.5, 0.6), (0.9, 1.9)]
    assert interval_factor(0.9, provenance) == pytest.approx(1.9)


def test_between_measurements_it_lies_between_them_and_beyond_them_it_goes_on() -> None:
    measured = {"calibration": {"factors": {"0.5": 0.6, "0.9": 1.9}}}
    halfway = interval_factor(0.8, measured)
    assert halfway == pytest.approx(0.6 + 1.3 * (1.2815516 - 0.6744898) / (GAUSSIAN - 0.6744898))
    assert interval_factor(0.95, measured) == pytest.approx(1.9 * 1.9599640 / GAUSSIAN)


def test_it_never_falls_even_if_the_measurements_do() -> None:
    falling = {"calibration": {"factors": {"0.5": 1.2, "0.8": 0.9, "0.9": 1.3}}}
    widths = [interval_factor(each, falling) for each in np.linspace(0.01, 0.99, 99)]
    assert (np.diff(widths) >= 0).all()


@pytest.mark.parametrize("probability", [0, 1, 90, -0.1, float("nan")])
def test_what_is_no_probability_is_refused(probability: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        interval_factor(probability, {})


def test_a_probability_in_words_is_of_the_wrong_type() -> None:
    with pytest.raises(InputTypeError, match="must be a number between 0 and 1"):
        gaussian_factor("0.9")  # type: ignore[arg-type]


def test_ninety_percent_of_a_gaussian_lie_within_the_interval():
    assert np.mean(
        np.abs(np.random.default_rng(0).standard_normal(200_000)) < gaussian_factor(0.9)
    ) == pytest.approx(0.9, abs=0.003)

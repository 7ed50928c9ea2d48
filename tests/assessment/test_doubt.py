"""Thresholds and relative uncertainty, on pictures small enough to count by hand."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from napari_cvdm.assessment.doubt import PlaneDoubt, ThresholdCurve, _running_sum
from napari_cvdm.assessment.doubt_figures import histogram_of
from napari_cvdm.restoration.errors import InputError


def striped() -> PlaneDoubt:
    """100 rows: 50 of background 10, 40 of signal 100 with σ 5, 10 of signal 200 with σ 40."""
    mean, std = np.full((100, 20), 10.0), np.full((100, 20), 1.0)
    mean[50:90], std[50:90] = 110, 5
    mean[90:], std[90:] = 210, 40
    return PlaneDoubt(mean, std)


def test_signal_is_what_stands_above_the_background():
    doubt = striped()
    assert doubt.background == 10
    assert np.unique(doubt.signal).tolist() == [0, 100, 200]
    assert doubt.faintest == pytest.approx(10)  # 5 % of 200


def test_relative_uncertainty_is_referred_to_the_signal_and_stays_small_in_the_dark():
    relative = striped().uncertainty("relative")
    np.testing.assert_allclose(relative[[0, 60, 95], 0], [1 / 10, 5 / 100, 40 / 200])


def test_a_threshold_divides_signal_pixels_and_errors():
    summary = ThresholdCurve(striped(), "absolute").at(10)
    assert summary.share_of_signal == pytest.approx(10 * 200 / (10 * 200 + 40 * 100))
    assert summary.share_of_pixels == pytest.approx(0.1)
    assert summary.error_above == pytest.approx(40)
    assert summary.error_below == pytest.approx(np.sqrt((50 * 1 + 40 * 25) / 90))


def test_a_threshold_in_relative_terms_marks_other_pixels():
    summary = ThresholdCurve(striped(), "relative").at(0.15)
    assert summary.share_of_pixels == pytest.approx(0.1)
    assert summary.error_above == pytest.approx(0.2)
    assert ThresholdCurve(striped(), "relative").at(0.06).share_of_pixels == pytest.approx(0.6)


def test_nothing_lies_above_the_maximum_and_all_above_less_than_the_least():
    curve = ThresholdCurve(striped(), "absolute")
    top, bottom = curve.at(40), curve.at(0)
    assert (top.share_of_signal, top.share_of_pixels, top.error_above) == (0, 0, None)
    assert (bottom.share_of_signal, bottom.share_of_pixels, bottom.error_below) == (1, 1, None)


def test_the_threshold_for_a_share_of_the_signal_gives_that_share_back():
    curve = ThresholdCurve(striped(), "absolute")
    # A third of the signal has σ 40.
    assert [curve.threshold_for(share) for share in (0.0, 0.333, 0.334, 1.0)] == [40, 40, 5, 1]
    rng = np.random.default_rng(0)
    doubt = PlaneDoubt(rng.gamma(2, 50, (64, 64)), rng.gamma(2, 5, (64, 64)))
    curve = ThresholdCurve(doubt, "absolute")
    for share in (0.05, 0.3, 0.9):
        assert curve.at(curve.threshold_for(share)).share_of_signal == pytest.approx(share, abs=0.01)


def test_the_mask_of_a_threshold_has_the_pixels_that_the_summary_counts():
    doubt = PlaneDoubt(*np.random.default_rng(1).random((2, 40, 40)))
    for measure in ("absolute", "relative"):
        values = doubt.uncertainty(measure)
        threshold = float(values[3, 4])  # a value that occurs: strictly above
        assert ThresholdCurve(doubt, measure).at(threshold).share_of_pixels == np.mean(values > threshold)


def test_a_flat_dark_plane_has_no_signal_and_no_division_by_zero():
    doubt = PlaneDoubt(np.zeros((8, 8)), np.zeros((8, 8)))
    summary = ThresholdCurve(doubt, "relative").at(0.5)
    assert (summary.share_of_signal, summary.error_above, summary.error_below) == (0, None, 0)


def test_a_blank_plane_of_a_stack_is_about_as_uncertain_as_its_noise_and_not_a_hundred_times_more():
    rng = np.random.default_rng(2)
    blank = PlaneDoubt(rng.normal(300, 0.1, (64, 64)), rng.normal(40, 0.1, (64, 64)))
    np.testing.assert_allclose(blank.uncertainty("relative"), 1, atol=0.02)


def test_pixels_that_are_no_numbers_count_as_zero_and_the_input_is_left_alone():
    mean = np.ones((4, 4), np.float32)
    mean[0, 0] = np.nan
    assert PlaneDoubt(mean, np.ones((4, 4))).mean[0, 0] == 0
    assert np.isnan(mean[0, 0])


def test_negative_standard_deviations_count_as_zero():
    doubt = PlaneDoubt(np.ones((4, 4)), np.full((4, 4), -2.0))
    assert not doubt.uncertainty("absolute").any()
    assert histogram_of(doubt.uncertainty("relative")).pixels.sum() == 16


def test_pictures_of_different_size_are_refused():
    with pytest.raises(InputError, match="layers of the same run"):
        PlaneDoubt(np.ones((4, 4)), np.ones((4, 5)))


def test_stacks_and_unknown_measures_are_refused():
    with pytest.raises(InputError, match="3 axes: give one plane"):
        PlaneDoubt(np.ones((2, 4, 4)), np.ones((2, 4, 4)))
    with pytest.raises(InputError, match="'absolute' or 'relative', not 'Absolute'"):
        ThresholdCurve(PlaneDoubt(np.ones((4, 4)), np.ones((4, 4))), "Absolute")


def longest_wait_of_others(values: np.ndarray) -> float:
    """Sum up, and return the share of that time for which another thread could not go on at a stretch."""
    rounds, ended = [], threading.Event()

    def go_on() -> None:
        while not ended.is_set():
            rounds.append(time.perf_counter())
            time.sleep(0.0005)

    other = threading.Thread(target=go_on)
    other.start()
    start = time.perf_counter()
    _running_sum(values)
    end = time.perf_counter()
    ended.set()
    other.join()
    return float(
        np.diff([start, *(each for each in rounds if start < each < end), end]).max() / (end - start)
    )


def test_a_large_plane_is_summed_up_without_keeping_other_threads_from_work():
    values = np.ones(2**24, np.float32)
    # The least of some: other programs may keep a thread from its turn, too.
    assert min(longest_wait_of_others(values) for _ in range(5)) < 0.3


def test_running_sums_begin_at_none_and_are_as_exact_as_double_precision():
    np.testing.assert_array_equal(
        _running_sum(np.array([2**24, 1, 1], np.float32)), np.cumsum([0, 2**24, 1, 1])
    )

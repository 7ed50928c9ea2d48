"""Scores: matched before compared, averaged number by number, and told in text and JSON."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from napari_cvdm.assessment.scores import (
    METHODS,
    Evaluation,
    PairScores,
    Scores,
    UncertaintyScores,
    score,
    score_uncertainty,
)

RNG = np.random.default_rng(0)
TRUTH = RNG.uniform(0, 1, (64, 48))


def pair(name, more=0.0):
    """The numbers of a pair; all but the width of the point-spread function may be greater."""
    return PairScores(
        name,
        {
            method: Scores(20 + i + 40 * more, 0.5 + 0.01 * i + more, 0.6 + more)
            for i, method in enumerate(METHODS)
        },
        UncertaintyScores(0.45 + more, {0.5: 0.52, 0.9: 0.831 + more}, 0.9 + more),
        {"sigma": 2.9, "iterations": 20 + 100 * more},
        1.5 + more,
    )


EVALUATION = Evaluation((pair("actin"), pair("mitochondria of a very long name", 0.1)), ("odd_wf.tif",))


def test_intensities_are_matched_before_comparing():
    prediction = TRUTH + RNG.normal(0, 0.1, TRUTH.shape)
    plain, scaled = score(prediction, TRUTH), score(500 + 100 * prediction, TRUTH)
    assert scaled.psnr == pytest.approx(plain.psnr)
    assert scaled.ssim == pytest.approx(plain.ssim)
    assert scaled.correlation == pytest.approx(plain.correlation)
    assert 18 < plain.psnr < 23


def test_a_negative_of_the_truth_is_not_like_it():
    scores = score(-TRUTH, TRUTH)
    assert scores.correlation == pytest.approx(-1)
    constant = score(np.ones_like(TRUTH), TRUTH)
    assert (scores.psnr, scores.ssim) == pytest.approx((constant.psnr, constant.ssim))


def test_the_uncertainty_scales_with_the_gain():
    std = RNG.uniform(0.02, 0.1, TRUTH.shape)
    mean = TRUTH + std * RNG.standard_normal(TRUTH.shape)
    scores = score_uncertainty(500 + 100 * mean, 100 * std, TRUTH)
    assert scores.coverage[0.9] == pytest.approx(0.9, abs=0.03)
    assert scores.slope == pytest.approx(1, abs=0.15)
    assert scores.error_correlation > 0.3
    measured = score_uncertainty(500 + 100 * mean, 100 * std, TRUTH, {0.9: 0.6744898})
    assert measured.coverage[0.9] == pytest.approx(scores.coverage[0.5])


def test_averages_are_means_over_the_pairs():
    average, expected = EVALUATION.average(), pair("average", 0.05)
    for method in METHODS:
        assert asdict(average.methods[method]) == pytest.approx(asdict(expected.methods[method])), method
    assert average.uncertainty.error_correlation == pytest.approx(0.5)
    assert average.uncertainty.coverage == pytest.approx(expected.uncertainty.coverage)
    assert average.uncertainty.slope == pytest.approx(0.95)
    assert average.richardson_lucy == pytest.approx({"sigma": 2.9, "iterations": 25})
    assert average.seconds == pytest.approx(1.55)
    assert EVALUATION.gain("bicubic") == 4
    assert EVALUATION.gain("averaged_mean_network") == 1


def test_the_table_holds_every_pair_and_the_average():
    table = EVALUATION.table()
    lines = table.splitlines()
    assert any(line.startswith("actin") and "20.00 0.500 0.600" in line for line in lines)
    assert any(line.startswith("average") and "22.00" in line for line in lines)
    assert "88.1 %" in table
    assert "over best Richardson-Lucy: +3.00 dB" in table
    assert "odd_wf.tif" in table
    rows = [line for line in lines if line.startswith(("actin", "average", "mitochondria"))]
    assert len({len(line) for line in rows[:3]}) == 1
    assert max(len(line) for line in lines) <= 32 + 5 * 22  # the longest name and five methods


def test_json_holds_every_number():
    values = json.loads(json.dumps(EVALUATION.to_dict()))
    assert values["pairs"][0]["methods"]["richardson_lucy"]["psnr"] == 21
    assert values["pairs"][1]["richardson_lucy"] == {"sigma": 2.9, "iterations": 30}
    assert values["average"]["uncertainty"]["coverage"]["0.9"] == pytest.approx(0.881)
    assert values["gain_db"] == {
        "bicubic": 4,
        "richardson_lucy": 3,
        "mean_network": 2,
        "averaged_mean_network": 1,
    }
    assert values["unpaired"] == ["odd_wf.tif"]

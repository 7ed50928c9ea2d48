"""What a fine-tuned model says of itself, and what a user is told in the end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from napari_cvdm.assessment.pairs import find_pairs
from napari_cvdm.models.pretrained import PretrainedModel
from napari_cvdm.training.config import DataConfig, OptimiserConfig, TrainingConfig
from napari_cvdm.training.finetuned import calibrated, conclusion, finetuned_card, training_record
from napari_cvdm.training.held_out_pairs import HeldOutScores, judged_parts
from napari_cvdm.training.recorded import read_pair

CONFIG = TrainingConfig("new", 7, data=DataConfig(patch=40), optimiser=OptimiserConfig(cycles=(12,), batch=4))
SCORES = HeldOutScores(24.0, 0.7, 0.9, 0.5, 0.9)


class TestCard:
    def test_says_what_it_was_fine_tuned_from_and_on(self, start: PretrainedModel) -> None:
        card = finetuned_card(start, "new", training_record(start, CONFIG, 2, 6, 1, 7200.0), [])
        assert card.name == "new"
        assert card.training["finetuned_from"] == {"name": "tiny-start", "sha256": start.sha256}
        for key, value in {
            "pairs": 2, "planes": 6, "held_out_pairs": 1, "steps": 12, "hours": 2.0, "seed": 7, "batch": 4,
            "patch": 40, "calibration": "on the held-out pairs",
        }.items():  # fmt: skip
            assert card.training[key] == value
        assert "tiny-start" in card.description
        own, earlier = card.training["data"]
        assert own == (
            "2 recorded pairs of the user's own (6 planes), whose licence is for their owner to state"
        )
        assert earlier == "before, as tiny-start: images of others (CC BY 4.0)"

    @pytest.mark.parametrize(
        ("training", "earlier"), [({"data": "one set"}, ["before, as tiny-start: one set"]), ({}, [])]
    )
    def test_credits_earlier_data_in_whatever_form_they_are(
        self, start: PretrainedModel, training: dict[str, Any], earlier: list[str]
    ) -> None:
        model = replace(start, card=replace(start.card, training=training))
        assert training_record(model, CONFIG, 1, 1, 0, 1.0)["data"][1:] == earlier

    def test_inherits_what_the_weights_bring_along(self, start: PretrainedModel) -> None:
        card = finetuned_card(start, "new", training_record(start, CONFIG, 1, 1, 0, 1.0), [])
        for key in (
            "architecture", "upscaling", "default_steps", "ranges", "calibration", "preview_calibration",
            "posterior_shrinkage", "posterior_scale_weight", "pixel_size_nm", "licence", "citations",
        ):  # fmt: skip
            assert getattr(card, key) == getattr(start.card, key)
        assert card.metrics == {}  # measured of other weights
        assert card.training["calibration"] == "that of tiny-start, not measured on the pairs"

    @pytest.mark.parametrize(
        ("known", "sizes", "expected"),
        [
            ((60.0, 100.0), [65.0, 70.0], (60.0, 100.0)),
            ((60.0, 100.0), [40.0, 110.0], (40.0, 110.0)),
            ((60.0, 100.0), [120.0], (60.0, 120.0)),
            (None, [65.0], None),
        ],
    )
    def test_the_pixel_sizes_of_the_pairs_widen_the_range(
        self, start: PretrainedModel, known: tuple[float, float] | None, sizes: list[float], expected: object
    ) -> None:
        model = replace(start, card=replace(start.card, pixel_size_nm=known))
        record = training_record(model, CONFIG, 1, 1, 0, 1.0)
        assert finetuned_card(model, "new", record, sizes).pixel_size_nm == expected


@pytest.mark.parametrize("count", [1, 2])
def test_calibrates_on_the_held_out_pairs(recorded: Path, start: PretrainedModel, count: int) -> None:
    pairs = judged_parts([read_pair(pair, 2) for pair in find_pairs(recorded)[0][:count]], start, print)
    lines: list[str] = []
    model, after = calibrated(replace(start, name="new"), pairs, SCORES, lines.append)
    card = model.card
    assert card.calibration is not None
    assert card.calibration["kind"] == "monotone"
    assert card.metrics["calibration"]["data"] == "held-out recorded pairs"
    assert card.metrics["calibration"]["draws"] == 8
    assert card.preview_calibration not in (None, card.calibration)
    figures = card.metrics["held_out_pairs"]
    assert (figures["pairs"], figures["planes"]) == (count, count)
    assert figures["before"] == SCORES.to_dict()
    assert figures["after"] == after.to_dict()
    if count == 1:  # fitted to these very pixels
        assert after.coverage90 == pytest.approx(0.9, abs=0.02)
    else:  # of calibrations that left out each
        left_out = card.metrics["calibration"]["coverage_left_out"]["0.9"]
        assert after.coverage90 == pytest.approx(left_out, abs=0.02)
    assert any(line.startswith("shrinkage") for line in lines)


class TestConclusion:
    def test_better(self) -> None:
        lines = conclusion("old", "new", SCORES, replace(SCORES, psnr=24.5), 1)
        assert lines[0] == "On 1 held-out pair:"
        assert lines[2].startswith("before, old")
        assert lines[3].startswith("after, new")
        assert "proves nothing" in lines[4]
        assert lines[-1] == "new is better than old on what was held out: +0.50 dB PSNR."

    @pytest.mark.parametrize("psnr", [24.0, 23.7])
    def test_not_better(self, psnr: float) -> None:
        lines = conclusion("old", "new", SCORES, replace(SCORES, psnr=psnr), 2)
        assert lines[0] == "On 2 held-out pairs:"
        assert "left out the pair judged" in lines[-2]
        assert lines[-1].startswith("new is NOT better than old on what was held out")
        assert "The weights are written all the same" in lines[-1]

    def test_not_measured(self) -> None:
        (line,) = conclusion("old", "new", None, None, 0)
        assert "nothing was measured" in line
        assert "The calibration of the uncertainty is that of old" in line

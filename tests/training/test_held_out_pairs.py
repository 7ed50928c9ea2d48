"""Held-out pairs are looked at before they judge, and scored as `napari-cvdm evaluate` scores them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_cvdm.assessment.pairs import evaluate_pair, find_pairs
from napari_cvdm.models.pretrained import PretrainedModel
from napari_cvdm.restoration.restore import restore
from napari_cvdm.training import held_out_pairs
from napari_cvdm.training.held_out_pairs import HeldOutScores, draw_pairs, judged_parts, score_pairs, table
from napari_cvdm.training.recorded import RecordedPair, read_pair


@pytest.fixture
def pairs(recorded: Path) -> list[RecordedPair]:
    return [read_pair(pair, 2) for pair in find_pairs(recorded)[0]]


def test_scores_are_those_of_evaluate(pairs: list[RecordedPair], start: PretrainedModel) -> None:
    found = score_pairs(draw_pairs(judged_parts(pairs[:2], start, print), start), start.card)
    known = [
        evaluate_pair(p.name, p.planes[0].camera, p.planes[0].sharp, start, device="cpu") for p in pairs[:2]
    ]
    means = [each.methods["averaged_mean_network"] for each in known]
    for name in ("psnr", "ssim", "correlation"):
        assert getattr(found, name) == pytest.approx(np.mean([getattr(m, name) for m in means]), abs=1e-3)
    assert found.error_correlation == pytest.approx(
        np.mean([each.uncertainty.error_correlation for each in known]), abs=2e-3
    )
    assert found.coverage90 == pytest.approx(
        np.mean([each.uncertainty.coverage[0.9] for each in known]), abs=2e-3
    )


def test_the_calibration_counts(pairs: list[RecordedPair], start: PretrainedModel) -> None:
    drawn = draw_pairs(judged_parts(pairs[:2], start, print), start)
    wide, plain, narrow = (
        replace(start.card, calibration={"kind": "monotone", "stated": [1.0], "actual": [gain]})
        for gain in (1e3, 1.0, 0.0)
    )
    assert score_pairs(drawn, wide).coverage90 == 1
    assert score_pairs(drawn, narrow).coverage90 < 0.05
    factors = {"kind": "monotone", "stated": [1.0], "actual": [1.0], "levels": [0.9], "factors": [1e4]}
    assert score_pairs(drawn, replace(start.card, calibration=factors)).coverage90 == 1
    uncalibrated = score_pairs(drawn, replace(start.card, calibration=None))
    assert uncalibrated.coverage90 == pytest.approx(score_pairs(drawn, plain).coverage90, abs=1e-3)
    left_out = score_pairs(drawn, narrow, left_out=True)
    assert 0.5 < left_out.coverage90 < 1
    # The picture is the same.
    assert left_out.psnr == score_pairs(drawn, narrow).psnr


class TestJudgedParts:
    @pytest.fixture
    def lines(self) -> list[str]:
        return []

    @staticmethod
    def stack(pair: RecordedPair, *sharp: NDArray[Any]) -> RecordedPair:
        """The pair's plane again and again, with sharp images of its own."""
        planes = (
            pair.planes[0]._replace(pair="s", label=f"s, plane {n}", sharp=each)
            for n, each in enumerate(sharp, start=1)
        )
        return RecordedPair("s", tuple(planes), None)

    def test_of_a_stack_a_few_planes_are_taken_evenly(
        self, pairs: list[RecordedPair], start: PretrainedModel, lines: list[str]
    ) -> None:
        stack = self.stack(pairs[0], *[pairs[0].planes[0].sharp] * 10)
        parts = judged_parts([stack, pairs[1]], start, lines.append)
        assert [p.label for p in parts[0].planes] == [f"s, plane {n}" for n in (1, 4, 7, 10)]
        drawn = draw_pairs(parts, start)
        assert drawn.pairs == ("s",) * 4 + ("1",)
        assert len(drawn.fields) == 5
        assert lines == []

    def test_planes_of_stacks_that_are_empty_or_unlike_are_left_out(
        self, pairs: list[RecordedPair], start: PretrainedModel, lines: list[str]
    ) -> None:
        sharp = pairs[0].planes[0].sharp
        other, spot = np.random.default_rng(0).random(sharp.shape), np.zeros(sharp.shape)
        spot[0, 0] = 1
        (part,) = judged_parts([self.stack(pairs[0], other, sharp, spot, sharp)], start, lines.append)
        assert [plane.label for plane in part.planes] == ["s, plane 2", "s, plane 4"]
        assert any(line.startswith("left out s, plane 1: correlation 0.0") for line in lines)
        assert any(line.startswith("left out s, plane 3: The sharp image is nearly c") for line in lines)
        assert len(lines) == 2

    def test_a_displaced_pair_is_told(
        self, pairs: list[RecordedPair], start: PretrainedModel, lines: list[str]
    ) -> None:
        shown = restore(pairs[0].planes[0].camera, start, preview=True, device="cpu").mean
        moved = self.stack(pairs[0], np.roll(shown, (4, -3), (0, 1)))
        assert len(judged_parts([moved], start, lines.append)[0].planes) == 1
        (line,) = lines
        assert line.startswith("warning: pair s, plane 1 looks ill registered")

    def test_the_middle_of_large_images_is_taken(
        self, pairs: list[RecordedPair], start: PretrainedModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(held_out_pairs, "SCORED_SIDE", 16)
        parts = judged_parts(pairs[:1], start, print)
        (field,) = draw_pairs(parts, start).fields
        assert field.recording.shape == (16, 16)
        assert field.truth.shape == field.centre.shape == (32, 32)
        middle = pairs[0].planes[0].sharp[24:56, 24:56]
        assert np.corrcoef(field.truth.ravel(), middle.ravel())[0, 1] > 0.99

    def test_an_empty_middle_is_named(
        self,
        pairs: list[RecordedPair],
        start: PretrainedModel,
        lines: list[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(held_out_pairs, "SCORED_SIDE", 16)
        hollow, spot = pairs[0].planes[0].sharp.copy(), np.zeros((80, 80))
        hollow[20:60, 20:60], spot[0, 0] = 0.5, 1
        for sharp, words in ((hollow, "The middle of an image"), (spot, "The sharp image is nearly")):
            with pytest.raises(ValueError, match=f"Pair s: {words} .*constant.* Hold out another"):
                judged_parts([self.stack(pairs[0], sharp)], start, lines.append)
        (plane,) = pairs[0].planes
        dark = plane.camera.copy()
        dark[10:30, 10:30] = 7
        with pytest.raises(ValueError, match=r"Pair 0: The middle of an image is constant\. Hold out"):
            judged_parts([pairs[0]._replace(planes=(plane._replace(camera=dark),))], start, lines.append)
        assert lines == []  # the message is enough


def test_table() -> None:
    row = HeldOutScores(24.123, 0.7123, 0.9, 0.51, 0.876)
    assert table({"before": row, "after, long": row}) == [
        "             PSNR (dB)    SSIM   corr.  corr. with error  90 % covers",
        "before           24.12   0.712   0.900             0.510       87.6 %",
        "after, long      24.12   0.712   0.900             0.510       87.6 %",
    ]
    assert row.to_dict()["psnr"] == 24.12

"""Held-out pairs are scored as `napari-cvdm evaluate` scores them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_cvdm.assessment.pairs import evaluate_pair, find_pairs
from napari_cvdm.models.pretrained import PretrainedModel
from napari_cvdm.training import held_out_pairs
from napari_cvdm.training.held_out_pairs import HeldOutScores, draw_pairs, score_pairs, table
from napari_cvdm.training.recorded import RecordedPair, RecordedPlane, read_pair


@pytest.fixture
def pairs(recorded: Path) -> list[RecordedPair]:
    return [read_pair(pair, 2) for pair in find_pairs(recorded)[0]]


def test_scores_are_those_of_evaluate(pairs: list[RecordedPair], start: PretrainedModel) -> None:
    found = score_pairs(draw_pairs(pairs[:2], start), start.card)
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
    drawn = draw_pairs(pairs[:2], start)
    wide, narrow = (
        replace(start.card, calibration={"kind": "affine", "gain": gain, "offset": 0.0})
        for gain in (1e3, 0.0)
    )
    assert score_pairs(drawn, wide).coverage90 == 1
    assert score_pairs(drawn, narrow).coverage90 < 0.05
    left_out = score_pairs(drawn, narrow, left_out=True)
    assert 0.5 < left_out.coverage90 < 1
    # The picture is the same.
    assert left_out.psnr == score_pairs(drawn, narrow).psnr


def test_of_a_stack_a_few_planes_are_taken_evenly(
    pairs: list[RecordedPair], start: PretrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane = pairs[0].planes[0]
    stack = RecordedPair("s", tuple(plane._replace(camera=plane.camera + n) for n in range(10)), None)
    taken: list[int] = []

    def draw(camera: np.ndarray, *_: object, **__: object) -> None:
        taken.append(int(camera.min()) - int(plane.camera.min()))

    monkeypatch.setattr(held_out_pairs, "draw_field", draw)
    drawn = draw_pairs([stack, pairs[1]], start)
    assert taken[:4] == [0, 3, 6, 9]
    assert drawn.pairs == ("s",) * 4 + ("1",)


def test_the_middle_of_large_images_is_taken(start: PretrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_out_pairs, "SCORED_SIDE", 16)
    rng = np.random.default_rng(0)
    plane = RecordedPlane("p", "p", rng.integers(0, 99, (20, 40)), rng.random((40, 80)))
    (field,) = draw_pairs([RecordedPair("p", (plane,), None)], start).fields
    assert field.recording.shape == (16, 16)
    assert field.truth.shape == field.centre.shape == (32, 32)
    middle = plane.sharp[4:36, 24:56]
    assert np.corrcoef(field.truth.ravel(), middle.ravel())[0, 1] > 0.999


def test_an_empty_middle_is_named(start: PretrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_out_pairs, "SCORED_SIDE", 16)
    camera, sharp = np.random.default_rng(0).random((2, 40, 40))
    sharp = sharp.repeat(2, 0).repeat(2, 1)
    sharp[20:60, 20:60] = 0.5
    plane = RecordedPlane("p", "p, plane 2", camera, sharp)
    with pytest.raises(ValueError, match="Pair p, plane 2: the middle of an image is constant"):
        draw_pairs([RecordedPair("p", (plane,), None)], start)
    spots = np.zeros((80, 80))
    spots[0, 0] = 1
    with pytest.raises(ValueError, match="Pair p, plane 2: The sharp image is nearly constant"):
        draw_pairs([RecordedPair("p", (plane._replace(sharp=spots),), None)], start)


def test_table() -> None:
    row = HeldOutScores(24.123, 0.7123, 0.9, 0.51, 0.876)
    assert table({"before": row, "after, long": row}) == [
        "             PSNR (dB)    SSIM   corr.  corr. with error  90 % covers",
        "before           24.12   0.712   0.900             0.510       87.6 %",
        "after, long      24.12   0.712   0.900             0.510       87.6 %",
    ]
    assert row.to_dict()["psnr"] == 24.12

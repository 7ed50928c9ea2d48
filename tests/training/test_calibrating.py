"""The calibration stage measures on its own fields and says what it found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from napari_cvdm.assessment.drawn import DrawnField, draw_field
from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.models.card import ModelCard
from napari_cvdm.models.pretrained import PretrainedModel
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.posterior import PosteriorSettings
from napari_cvdm.simulation.pairs import KINDS
from napari_cvdm.simulation.ranges import AcquisitionRanges
from napari_cvdm.training import calibrating
from napari_cvdm.training.calibrating import CALIBRATION_IMAGES, calibrate, calibrate_on


@pytest.fixture(scope="module")
def model() -> PretrainedModel:
    torch.manual_seed(3)
    config = CVDMConfig(
        mean_widths=(4, 4), mean_blocks=(1, 1), noise_widths=(4, 4), noise_blocks=(1, 1), rate_width=4
    )
    network = CVDM(config).eval()
    card = ModelCard("toy", "A toy.", config.to_dict(), upscaling=2, default_steps=2)
    return PretrainedModel("toy", network, card, sha256="0" * 64)


def test_the_curve_and_the_weights_are_those_measured(model: PretrainedModel) -> None:
    lines: list[str] = []
    card = calibrate(model, AcquisitionRanges(), per_kind=1, size=32, draws=2, log=lines.append)
    measured = card.metrics["calibration"]
    assert measured["fields"] == len(KINDS)
    assert measured["data"] == "simulated fields"
    # This untrained network's errors have such heavy tails that the curve stops short of the interval.
    assert 0.88 < measured["coverage_after"]["0.9"] < 0.98
    assert abs(measured["coverage_after"]["0.9"] - 0.9) < abs(measured["coverage_before"]["0.9"] - 0.9)
    assert card.calibration is not None
    assert card.calibration["kind"] == "monotone"
    factors = dict(zip(card.calibration["levels"], card.calibration["factors"], strict=True))
    assert factors[0.5] < factors[0.8] < factors[0.9] < factors[0.95]
    errors = {float(w): value for w, value in measured["squared_error_by_shrinkage"].items()}
    assert errors[card.posterior_shrinkage] <= 1.041 * min(errors.values())
    assert all(errors[w] > 1.039 * min(errors.values()) for w in errors if w > card.posterior_shrinkage)
    correlations = {float(w): value for w, value in measured["correlation_by_scale_weight"].items()}
    enough = max(correlations.values()) - 0.005
    assert correlations[card.posterior_scale_weight] > enough - 1e-4
    assert all(correlations[w] < enough + 1e-4 for w in correlations if w < card.posterior_scale_weight)
    assert "coverage_left_out" not in measured  # one field of each kind: there is nothing to leave out
    assert len(lines) == 3
    preview = card.metrics["preview_calibration"]
    assert card.preview_calibration is not None
    assert card.preview_calibration != card.calibration
    assert abs(preview["coverage_after"]["0.9"] - 0.9) < abs(preview["coverage_before"]["0.9"] - 0.9)
    # Fitted to what the network states, whatever the card says.
    again = replace(model, card=card)
    refitted = calibrate(again, AcquisitionRanges(), per_kind=1, size=32, draws=2, log=lines.append)
    assert refitted.preview_calibration == card.preview_calibration


@pytest.mark.parametrize(
    ("error", "network_error", "shrinkage"), [(0.004, 0.08, 0.0), (0.08, 0.08, 0.5), (0.08, 0.004, 0.9)]
)
def test_draws_give_way_to_the_mean_network_as_far_as_it_errs_less(
    model: PretrainedModel, error: float, network_error: float, shrinkage: float
) -> None:
    rng = np.random.default_rng(0)
    fields = []
    for _ in range(2):
        truth, wrong, network, grain, size = rng.random((5, 64, 64), np.float32)
        centre = truth + np.float32(network_error * np.sqrt(12)) * (network - 0.5)
        mean = truth + np.float32(error * np.sqrt(12)) * (wrong - 0.5)
        spread = 0.2 * size * (grain - 0.5)
        draws = np.stack([mean + spread, mean - spread])
        fields.append(DrawnField(truth, centre, 0.1 * size, draws, 300 * truth + 70))
    card = calibrate_on(model.card, (0, 1), fields, data="made up", log=lambda _: None)
    assert card.posterior_shrinkage == shrinkage
    # As shares of the truth's range, from the 0.1 to the 99.8 percentile; both errors are independent.
    for weight, found in card.metrics["calibration"]["squared_error_by_shrinkage"].items():
        left = ((1 - float(weight)) * error) ** 2 + (float(weight) * network_error) ** 2
        assert found == pytest.approx(left / 0.997**2, rel=0.15)


def test_it_is_measured_in_as_many_orientations_as_the_card_says(
    model: PretrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[int] = set()

    def draw(*arguments: Any, settings: PosteriorSettings, **keywords: Any) -> DrawnField:
        seen.add(settings.orientations)
        return draw_field(*arguments, settings=settings, **keywords)

    monkeypatch.setattr(calibrating, "draw_field", draw)
    turning = replace(model, card=replace(model.card, posterior_orientations=2))
    card = calibrate(turning, AcquisitionRanges(), per_kind=1, size=16, draws=2, log=lambda _: None)
    assert seen == {2}
    assert card.posterior_orientations == 2


def test_real_images_are_preferred_and_only_those_kept_for_it(
    model: PretrainedModel, micrographs: Path, tmp_path: Path
) -> None:
    for structure in micrographs.iterdir():
        (tmp_path / structure.name).mkdir()
        for number in CALIBRATION_IMAGES:
            name = f"{number:02d}.png"
            (tmp_path / structure.name / name).write_bytes((structure / name).read_bytes())
    card = calibrate(
        model, AcquisitionRanges(), folder=tmp_path, per_kind=1, size=16, draws=2, log=lambda _: None
    )
    measured = card.metrics["calibration"]
    assert measured["fields"] == 4 * 5 * 4
    assert measured["data"] == "real images 41, 42, 43, 44, 45 of each structure, imaged again"
    # Judged on images that had no part in the fit, it cannot be as good as on those that had.
    after, left_out = (measured[f"coverage_{stage}"]["0.9"] for stage in ("after", "left_out"))
    assert after == pytest.approx(0.9, abs=0.03)
    assert 0.5 < left_out < 1
    assert left_out != after
    with pytest.raises(InputError, match="There is no image"):
        calibrate(model, AcquisitionRanges(), folder=tmp_path / "none", size=16, draws=2)

"""The calibration stage measures on its own fields and says what it found."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.models.card import ModelCard
from napari_cvdm.models.pretrained import PretrainedModel
from napari_cvdm.restoration.posterior import PosteriorSettings
from napari_cvdm.simulation.acquisition import AcquisitionRanges
from napari_cvdm.simulation.pairs import KINDS
from napari_cvdm.training.calibrating import CalibrationField, calibrate, calibration_fields


@pytest.fixture(scope="module")
def model() -> PretrainedModel:
    torch.manual_seed(3)
    config = CVDMConfig(
        mean_widths=(4, 4), mean_blocks=(1, 1), noise_widths=(4, 4), noise_blocks=(1, 1), rate_width=4
    )
    network = CVDM(config).eval()
    card = ModelCard("toy", "A toy.", config.to_dict(), upscaling=2, default_steps=2)
    return PretrainedModel("toy", network, card, sha256="0" * 64)


def test_the_calibrated_interval_holds_what_it_says(model: PretrainedModel) -> None:
    lines: list[str] = []
    card = calibrate(model, AcquisitionRanges(), per_kind=1, size=32, draws=2, log=lines.append)
    measured = card.metrics["calibration"]
    assert measured["fields"] == len(KINDS)
    assert measured["coverage_after"]["0.9"] == pytest.approx(0.9, abs=0.01)
    assert measured["coverage_before"]["0.9"] != pytest.approx(0.9, abs=0.01)
    assert card.calibration is not None
    assert card.calibration["kind"] == "affine"
    errors = {float(w): value for w, value in measured["squared_error_by_shrinkage"].items()}
    assert errors[card.posterior_shrinkage] <= 1.006 * min(errors.values())
    assert all(errors[w] > 1.004 * min(errors.values()) for w in errors if w < card.posterior_shrinkage)
    assert len(lines) == 2


def test_fields_are_in_the_networks_units_and_repeatable(model: PretrainedModel) -> None:
    def first() -> CalibrationField:
        return next(calibration_fields(model, AcquisitionRanges(), per_kind=1, size=32, draws=2))

    field, again = first(), first()
    assert field.draws.shape == (2, 64, 64)
    assert field.truth.shape == field.centre.shape == field.scale.shape == (64, 64)
    np.testing.assert_array_equal(field.draws, again.draws)
    assert float(field.truth.min()) >= 0
    assert float(field.truth.max()) < 50
    assert float(field.scale.min()) >= model.network.config.scale_floor * 0.99


def test_full_shrinkage_is_the_mean_network() -> None:
    rng = np.random.default_rng(0)
    centre, scale, truth = rng.random((3, 4, 4), np.float32)
    draws = rng.random((4, 4, 4), np.float32)
    field = CalibrationField(centre, scale, draws, truth)
    mean, _ = field.posterior(PosteriorSettings(shrinkage=1.0))
    np.testing.assert_allclose(mean, centre, rtol=1e-6)
    mean, _ = field.posterior(PosteriorSettings(shrinkage=0.0))
    np.testing.assert_allclose(mean, draws.mean(0), rtol=1e-5)

"""Drawn fields: in the networks' units, repeatable, and put together as a restoration would."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_cvdm.assessment.drawn import DrawnField, draw_field, preview_field
from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.models.card import ModelCard
from napari_cvdm.models.pretrained import PretrainedModel
from napari_cvdm.restoration.posterior import Calibration, PosteriorSettings
from napari_cvdm.restoration.restore import restore
from napari_cvdm.simulation.pairs import simulate_pair


@pytest.fixture(scope="module")
def model() -> PretrainedModel:
    torch.manual_seed(3)
    config = CVDMConfig(
        mean_widths=(4, 4), mean_blocks=(1, 1), noise_widths=(4, 4), noise_blocks=(1, 1), rate_width=4
    )
    curve = {"kind": "monotone", "stated": [0.1, 1.0], "actual": [0.2, 0.8], "levels": [], "factors": []}
    card = ModelCard("toy", "A toy.", config.to_dict(), upscaling=2, default_steps=2, calibration=curve)
    return PretrainedModel("toy", CVDM(config).eval(), card, sha256="0" * 64)


def test_puts_draws_together_as_a_restoration_does(model: PretrainedModel) -> None:
    widefield, truth = simulate_pair("rings", 1, 32)
    field = draw_field(widefield, truth, model, draws=4)
    assert field.draws.shape == (4, 64, 64)
    assert field.truth.shape == field.centre.shape == field.scale.shape == (64, 64)
    low, high = np.percentile(widefield, (1, 99.8))
    result = restore(widefield, model, draws=4, device="cpu")
    calibration = Calibration.from_card(model.card.calibration)
    mean, std = field.posterior(PosteriorSettings(), calibration=calibration)
    np.testing.assert_allclose(mean, (result.mean - low) / (high - low), atol=1e-4)
    np.testing.assert_allclose(std, result.std / (high - low), atol=1e-4)
    mean, std = field.posterior(PosteriorSettings(), draws=0)
    first = preview_field(widefield, truth, model)
    for found, expected in ((mean, first.centre), (std, first.scale)):
        np.testing.assert_allclose(found, expected, atol=1e-6)
    two = field.posterior(PosteriorSettings(), draws=2)[0]
    np.testing.assert_allclose(two, field.draws[:2].mean(0), atol=1e-6)


def test_a_preview_is_as_restored_but_for_the_calibration(model: PretrainedModel) -> None:
    widefield, truth = simulate_pair("rings", 1, 32)
    low, high = np.percentile(widefield, (1, 99.8))
    plain = restore(widefield, model, preview=True, device="cpu")
    of_previews = replace(model, card=replace(model.card, preview_calibration=model.card.calibration))
    for each in (model, of_previews):
        field = preview_field(widefield, truth, each)
        np.testing.assert_allclose(field.centre, (plain.mean - low) / (high - low), atol=1e-4)
        np.testing.assert_allclose(field.scale, plain.std / (high - low), atol=1e-4)
        assert field.truth.shape == field.centre.shape
        assert len(field.draws) == 0


def test_the_scale_is_as_the_mean_network_states_it(model: PretrainedModel) -> None:
    widefield, truth = simulate_pair("rings", 1, 32)
    of_previews = replace(model, card=replace(model.card, preview_calibration=model.card.calibration))
    plain, field = (draw_field(widefield, truth, each, draws=2) for each in (model, of_previews))
    np.testing.assert_array_equal(field.scale, plain.scale)


def test_is_drawn_about_the_picture_of_all_orientations(model: PretrainedModel) -> None:
    widefield, truth = simulate_pair("rings", 1, 32)
    settings = PosteriorSettings(orientations=4, shrinkage=0.5)
    plain, turned = (
        draw_field(widefield, truth, model, draws=2, settings=each)
        for each in (PosteriorSettings(), settings)
    )
    assert not np.allclose(turned.centre, plain.centre, atol=1e-3)
    low, high = np.percentile(widefield, (1, 99.8))
    result = restore(widefield, model, draws=2, settings=settings, device="cpu")
    mean, std = turned.posterior(settings, calibration=Calibration.from_card(model.card.calibration))
    np.testing.assert_allclose(mean, (result.mean - low) / (high - low), atol=1e-4)
    np.testing.assert_allclose(std, result.std / (high - low), atol=1e-4)


def test_errors_are_those_after_matching_intensities() -> None:
    rng = np.random.default_rng(0)
    mean = rng.random((16, 16), np.float32)
    error = 0.1 * rng.standard_normal((16, 16)).astype(np.float32)
    error -= error.mean() + mean * np.cov(error.ravel(), mean.ravel())[0, 1] / mean.var(ddof=1)
    for gain in (0.001, 1.0, 5000.0):
        field = DrawnField(mean, mean, mean, mean[None], gain * (mean - error + 7))
        found = field.error(mean)
        np.testing.assert_allclose(found - found.mean(), error - error.mean(), atol=0.01)


def test_the_gain_leads_to_the_range_of_the_truth() -> None:
    rng = np.random.default_rng(0)
    mean = rng.random((64, 64), np.float32)
    for unit in (0.001, 5000.0):
        field = DrawnField(mean, mean, mean, mean[None], unit * (2 * mean + 7))
        low, high = np.percentile(field.truth, (0.1, 99.8))
        assert field.gain(mean) == pytest.approx(2 * unit / (high - low), rel=1e-4)
        assert field.gain(10 * mean) == pytest.approx(0.2 * unit / (high - low), rel=1e-4)
    # Of a few bright spots, the percentiles of the truth see nothing.
    spots = np.zeros_like(mean)
    spots[30, 30:33] = 5
    sparse = DrawnField(mean, mean, mean, mean[None], spots)
    assert 0 < sparse.gain(spots / 5) <= 2
    empty = DrawnField(mean, mean, mean, mean[None], np.full_like(mean, 50))
    assert empty.gain(mean) == field.gain(np.ones_like(mean)) == 1.0
    # Against structures that have nothing in common it keeps that of a faint likeness.
    unrelated = DrawnField(mean, mean, mean, mean[None], rng.random((64, 64), np.float32))
    assert 0.2 < unrelated.gain(mean) < 0.4


def test_errors_stay_finite_without_a_common_structure() -> None:
    rng = np.random.default_rng(0)
    mean = rng.random((16, 16), np.float32)
    unrelated = DrawnField(mean, mean, mean, mean[None], 900 * rng.random((16, 16), np.float32))
    assert np.abs(unrelated.error(mean)).max() < 4 * mean.std() / 0.3
    empty = DrawnField(mean, mean, mean, mean[None], np.full_like(mean, 50))
    np.testing.assert_allclose(empty.error(mean), mean - mean.mean(), atol=1e-6)
    flat = DrawnField(mean, mean, mean, mean[None], mean)
    np.testing.assert_allclose(flat.error(np.ones_like(mean)), (mean.mean() - mean) / mean.std(), rtol=1e-4)


def test_full_shrinkage_is_the_mean_network() -> None:
    rng = np.random.default_rng(0)
    centre, scale, truth = rng.random((3, 4, 4), np.float32)
    draws = rng.random((4, 4, 4), np.float32)
    field = DrawnField(centre, centre, scale, draws, truth)
    mean, _ = field.posterior(PosteriorSettings(shrinkage=1.0))
    np.testing.assert_allclose(mean, centre, rtol=1e-6)
    mean, _ = field.posterior(PosteriorSettings(shrinkage=0.0))
    np.testing.assert_allclose(mean, draws.mean(0), rtol=1e-5)

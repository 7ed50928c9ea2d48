"""Validation: the numbers have known answers where the truth is known, and the picture shows the fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage
from torch import Tensor

from napari_cvdm.cvdm.model import CVDM, CVDMConfig, Estimate
from napari_cvdm.simulation.acquisition import Acquisition, acquire
from napari_cvdm.simulation.micrographs import BIOSR
from napari_cvdm.simulation.ranges import AcquisitionRanges
from napari_cvdm.simulation.structures import STRUCTURES
from napari_cvdm.training.config import DataConfig
from napari_cvdm.training.dataset import TrainingFields
from napari_cvdm.training.validation import (
    PHOTON_LEVELS,
    SIDE,
    ValidationField,
    peak_signal_to_noise,
    restore_field,
    validate,
    validation_fields,
)

TINY = CVDMConfig(
    mean_widths=(4, 8),
    mean_blocks=(1, 1),
    noise_widths=(4, 8),
    noise_blocks=(1, 1),
    scale_width=4,
    rate_width=4,
    clock_units=4,
)


class Oracle(CVDM):
    """A model that was told the mean, and knows that residuals are Gaussian of the stated size."""

    def __init__(self, mean: np.ndarray, scale: float) -> None:
        super().__init__(TINY)
        self.told = self.fold(torch.from_numpy(mean)[None, None])
        self.size = scale
        self.eval()

    def estimate(self, x: Tensor) -> Estimate:
        return Estimate(self.told, torch.full_like(self.told, self.size), torch.full_like(self.told, 8.0))

    def predict_noise(self, z: Tensor, x: Tensor, mean: Tensor, scale: Tensor, gamma: Tensor) -> Tensor:
        # E[ε | z] for residuals of unit variance.
        return (1 - gamma).sqrt() * z


def field(seed: int = 0, side: int = 32) -> ValidationField:
    rng = np.random.default_rng(seed)
    y = rng.random((2 * side, 2 * side), np.float32) ** 3
    x = y.reshape(side, 2, side, 2).mean(axis=(1, 3)) + rng.normal(0, 0.05, (side, side)).astype(np.float32)
    return ValidationField("noise", x.astype(np.float32), y)


class TestPeakSignalToNoise:
    def test_known_answer(self) -> None:
        rng = np.random.default_rng(0)
        truth = rng.random((64, 64))
        error = rng.normal(size=(64, 64))
        error -= error.mean()
        centred = truth - truth.mean()
        error -= centred * (error * centred).sum() / (centred**2).sum()
        error *= 0.05 / error.std()
        # Least squares trades gain for noise: var(t)·var(e) / (var(t) + var(e)) is left.
        left = truth.var() * 0.05**2 / (truth.var() + 0.05**2)
        found = peak_signal_to_noise(truth.astype(np.float32), (truth + error).astype(np.float32))
        assert found == pytest.approx(10 * np.log10(np.ptp(truth) ** 2 / left), abs=0.01)

    def test_gain_and_offset_do_not_matter(self) -> None:
        rng = np.random.default_rng(1)
        truth = rng.random((32, 32), np.float32)
        image = truth + rng.normal(0, 0.1, (32, 32)).astype(np.float32)
        assert peak_signal_to_noise(truth, 7 * image - 3) == pytest.approx(
            peak_signal_to_noise(truth, image), abs=1e-3
        )

    def test_the_peak_is_the_range_of_the_truth(self) -> None:
        rng = np.random.default_rng(2)
        truth = rng.random((32, 32), np.float32)
        image = truth + rng.normal(0, 0.1, (32, 32)).astype(np.float32)
        assert peak_signal_to_noise(10 * truth + 50, image) == pytest.approx(
            peak_signal_to_noise(truth, image), abs=1e-2
        )

    def test_a_perfect_image_stays_finite(self) -> None:
        truth = np.random.default_rng(3).random((16, 16)).astype(np.float32)
        assert 100 < peak_signal_to_noise(truth, 2 * truth + 1) < np.inf


class TestValidationFields:
    def test_simulated_ones_show_every_structure(self) -> None:
        fields = validation_fields(None, AcquisitionRanges())
        assert [each.name for each in fields] == list(STRUCTURES)
        for each in fields:
            assert each.x.shape == (SIDE, SIDE)
            assert each.y.shape == (2 * SIDE, 2 * SIDE)
            assert each.x.dtype == each.y.dtype == np.float32
            assert np.percentile(each.x, 99.8) == pytest.approx(1, abs=1e-4)

    def test_are_the_same_every_time(self) -> None:
        first, second = (validation_fields(None, AcquisitionRanges()) for _ in range(2))
        for a, b in zip(first, second, strict=True):
            assert np.array_equal(a.x, b.x)
            assert np.array_equal(a.y, b.y)

    def test_real_ones_are_the_images_held_out(self, micrographs: Path) -> None:
        fields = validation_fields(micrographs, AcquisitionRanges())
        held_out = {f"{s}/{n}" for s in BIOSR for n in range(41, 46)}
        assert {each.name for each in fields} == held_out
        trained_on = TrainingFields(DataConfig(), AcquisitionRanges(), 0, micrographs, 1).micrographs
        assert held_out.isdisjoint(m.name for m in trained_on)

    def test_photon_levels_are_fixed_and_cycle(
        self, micrographs: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        levels: list[float] = []

        def record(*arguments: Any, photons: float, **others: Any) -> Acquisition:
            levels.append(photons)
            return acquire(*arguments, photons=photons, **others)

        monkeypatch.setattr("napari_cvdm.training.validation.acquire", record)
        validation_fields(micrographs, AcquisitionRanges())
        assert len(levels) == 20
        assert levels == [*PHOTON_LEVELS] * 5
        levels.clear()
        validation_fields(None, AcquisitionRanges())
        assert len(levels) == len(STRUCTURES)
        assert levels == ([*PHOTON_LEVELS] * len(STRUCTURES))[: len(STRUCTURES)]

    def test_some_are_noisy_and_some_are_not(self) -> None:
        clear = AcquisitionRanges(haze=(0, 0), background=(0, 0), psf_sigma=(4.2, 4.2))

        def grain(each: ValidationField) -> float:
            d = each.x[1:, 1:] - each.x[1:, :-1] - each.x[:-1, 1:] + each.x[:-1, :-1]
            return float(np.median(np.abs(d)))

        grains = [grain(each) for each in validation_fields(None, clear)]
        assert grains[0] > 2 * grains[3]
        assert grains[4] > 2 * grains[3]


class TestRestoreField:
    def test_shapes_and_seed(self) -> None:
        torch.manual_seed(0)
        model = CVDM(TINY).eval()
        with torch.no_grad():
            model.noise_network.head.weight.normal_(0, 0.1)
        x = field().x
        restored = restore_field(model, x, steps=3, draws=4, seed=1)
        for part in restored:
            assert part.shape == (64, 64)
            assert np.isfinite(part).all()
        again, other = (restore_field(model, x, steps=3, draws=4, seed=s) for s in (1, 2))
        assert np.array_equal(restored.std, again.std)
        assert not np.array_equal(restored.std, other.std)
        assert np.array_equal(restored.mean_network, other.mean_network)
        with torch.autocast("cpu", dtype=torch.bfloat16):  # what is validated is what restorations give
            assert np.array_equal(restore_field(model, x, steps=3, draws=4, seed=1).std, restored.std)

    def test_antithetic_draws_leave_the_mean_where_it_is(self) -> None:
        truth = field().y
        restored = restore_field(Oracle(truth, 0.3), field().x, steps=5, draws=2)
        np.testing.assert_allclose(restored.mean_network, truth, atol=1e-6)
        np.testing.assert_allclose(restored.mean, truth, atol=1e-4)

    def test_every_draw_adds_its_residual_to_the_mean(self, monkeypatch: pytest.MonkeyPatch) -> None:
        model, asked = Oracle(field().y, 0.3), []

        def predict_noise(z: Tensor, x: Tensor, mean: Tensor, scale: Tensor, gamma: Tensor) -> Tensor:
            asked.append(gamma)
            return (z - 0.5 * gamma.sqrt()) / (1 - gamma).sqrt()  # all residuals are 0.5

        monkeypatch.setattr(model, "predict_noise", predict_noise)
        restored = restore_field(model, field().x, steps=5, draws=4)
        assert len(asked) == 5 * 4
        np.testing.assert_allclose(restored.mean, field().y + 0.3 * 0.5, atol=0.01)

    @pytest.mark.parametrize("steps", [3, 12])
    def test_draws_spread_as_the_residual_does(self, steps: int) -> None:
        restored = restore_field(Oracle(field().y, 0.3), field().x, steps=steps, draws=24)
        # A white residual: straight steps in the angle lose nothing of it, however few they are.
        assert restored.std.mean() == pytest.approx(0.3, rel=0.03)

    @pytest.mark.parametrize("draws", [2, 4])
    def test_few_draws_spread_no_more_than_many(self, draws: int) -> None:
        # Antithetic ones: their plain standard deviation would be too large by the root of n / (n - 1).
        restored = restore_field(Oracle(field().y, 0.3), field().x, steps=3, draws=draws)
        assert np.sqrt(np.mean(restored.std**2)) == pytest.approx(0.3, rel=0.03)


class TestValidate:
    def test_a_perfect_model_scores_high(self) -> None:
        scores = validate(Oracle(field().y, 1e-3), [field()], steps=4, draws=2)
        assert scores["psnr_mean_network"] > 90
        assert scores["psnr_posterior_mean"] > 70
        assert scores["psnr_bicubic"] < 25

    def test_an_honest_model_covers_nine_tenths(self) -> None:
        # The mean is wrong by as much as the model says.
        wrong = np.random.default_rng(9).normal(0, 0.1, (64, 64)).astype(np.float32)
        honest = validate(Oracle(field().y + wrong, 0.1), [field()], steps=6, draws=96)
        assert honest["coverage90"] == pytest.approx(0.9, abs=0.03)
        boastful = validate(Oracle(field().y + wrong, 0.03), [field()], steps=15, draws=24)
        assert boastful["coverage90"] < 0.5

    def test_correlation_tells_where_the_model_errs(self) -> None:
        rng = np.random.default_rng(4)
        size = np.where(np.arange(64)[:, None] < 32, 0.02, 0.2) * np.ones((64, 64))
        model = Oracle(field().y + rng.normal(0, size).astype(np.float32), 0.1)
        told = model.fold(torch.from_numpy(size.astype(np.float32))[None, None])
        knowing = model.estimate(torch.empty(0))._replace(scale=told)
        model.estimate = lambda x: knowing  # type: ignore[method-assign]
        assert validate(model, [field()], steps=8, draws=8)["correlation"] > 0.5
        blind = Oracle(field().y + rng.normal(0, size).astype(np.float32), 0.1)
        assert abs(validate(blind, [field()], steps=8, draws=8)["correlation"]) < 0.15

    def test_scores_are_averages_over_the_fields(self) -> None:
        one, two = field(0), field(1)
        model = Oracle(one.y, 0.05)  # right for the first field, wrong for the second
        single = [validate(model, [each], steps=2, draws=2) for each in (one, two)]
        both = validate(model, [one, two], steps=2, draws=2)
        assert both.keys() == {
            "psnr_bicubic",
            "psnr_mean_network",
            "psnr_posterior_mean",
            "correlation",
            "coverage90",
        }
        for name, value in both.items():
            assert value == pytest.approx((single[0][name] + single[1][name]) / 2)
        assert single[0]["psnr_mean_network"] > single[1]["psnr_mean_network"] + 20

    def test_writes_a_picture_with_a_row_for_each_field(self, tmp_path: Path) -> None:
        path = tmp_path / "validation" / "0000010.png"
        fields = [field(0), field(1)]
        model = Oracle(fields[0].y, 0.05)
        validate(model, fields, steps=2, draws=2, picture=path)
        pixels = np.asarray(PillowImage.open(path)).astype(float)
        assert pixels.shape == (2 * 64, 5 * 64)
        truths = pixels[:, 4 * 64 :]
        expected = np.vstack([np.clip(f.y / np.percentile(f.y, 99.8), 0, 1) ** 0.7 for f in fields])
        np.testing.assert_allclose(truths, 255 * expected, atol=1.01)
        # The mean network's picture, second from the left, is the truth of the first field.
        np.testing.assert_allclose(pixels[:64, 64:128], truths[:64], atol=1.01)
        np.testing.assert_allclose(
            pixels[:64, 128:192], truths[:64], atol=1.01
        )  # and so are its draws, on average
        std = restore_field(model, fields[0].x, steps=2, draws=2).std
        shown = np.clip(4 * std / np.percentile(fields[0].y, 99.8), 0, 1) ** 0.7
        np.testing.assert_allclose(pixels[:64, 192:256], 255 * shown, atol=1.01)

    def test_without_a_path_writes_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        validate(Oracle(field().y, 0.05), [field()], steps=2, draws=2)
        assert list(tmp_path.iterdir()) == []

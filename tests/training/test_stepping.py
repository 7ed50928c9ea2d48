"""Learning rate, averaged weights, times and noise: functions of the step, and the right ones."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from napari_cvdm.restoration import device
from napari_cvdm.restoration.errors import DeviceError
from napari_cvdm.training.config import OptimiserConfig
from napari_cvdm.training.stepping import (
    draw_times_and_noise,
    learning_rate,
    rounds,
    training_device,
    update_average,
)


class TestTrainingDevice:
    @pytest.mark.parametrize(("cards", "expected"), [(True, "cuda"), (False, "cpu")])
    def test_auto_is_a_card_where_there_is_one(
        self, monkeypatch: pytest.MonkeyPatch, cards: bool, expected: str
    ) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cards)
        # Apple's processor is not taken unless it is asked for: no training was ever tried there.
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
        monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
        threads: list[int] = []
        monkeypatch.setattr(torch, "set_num_threads", threads.append)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
        monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
        monkeypatch.setattr(device, "_computes", lambda _: True)
        assert training_device().type == expected
        assert threads == ([1] if cards else [])
        assert torch.backends.cudnn.benchmark is cards
        assert training_device("cpu").type == "cpu"

    def test_a_card_that_does_not_work_is_told_of(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
        monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
        monkeypatch.setattr(device, "_computes", lambda _: False)
        with pytest.raises(DeviceError, match="choose 'cpu'"):
            training_device()

    def test_a_missing_device_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        with pytest.raises(DeviceError):
            training_device("cuda")


class TestRounds:
    @pytest.mark.parametrize("fast", [True, False])
    def test_bfloat16_only_where_it_is_no_slower(self, monkeypatch: pytest.MonkeyPatch, fast: bool) -> None:
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512" if fast else "AVX2")
        # Emulation would answer yes on every card.
        monkeypatch.setattr(
            torch.cuda, "is_bf16_supported", lambda including_emulation=True: fast or including_emulation
        )
        for kind in ("cpu", "cuda"):
            assert rounds("bfloat16", torch.device(kind)) is fast
            assert not rounds("float32", torch.device(kind))


class TestLearningRate:
    SETTINGS = OptimiserConfig(cycles=(110,), warmup=10, learning_rate=1e-3, final_learning_rate=1e-5)

    def test_rises_in_a_straight_line(self) -> None:
        rates = [learning_rate(step, self.SETTINGS) for step in range(10)]
        assert rates == pytest.approx([1e-3 * (step + 1) / 10 for step in range(10)])

    def test_falls_along_half_a_cosine(self) -> None:
        assert learning_rate(10, self.SETTINGS) == pytest.approx(1e-3)
        assert learning_rate(60, self.SETTINGS) == pytest.approx((1e-3 + 1e-5) / 2)
        assert learning_rate(109, self.SETTINGS) == pytest.approx(1e-5, rel=0.03)
        rates = [learning_rate(step, self.SETTINGS) for step in range(10, 110)]
        assert rates == sorted(rates, reverse=True)
        assert learning_rate(35, self.SETTINGS) > 0.8e-3

    def test_each_cycle_starts_anew_from_a_lower_peak(self) -> None:
        settings = replace(self.SETTINGS, cycles=(110, 60), cycle_decay=0.5)
        assert [learning_rate(s, settings) for s in range(110)] == [
            learning_rate(s, self.SETTINGS) for s in range(110)
        ]
        assert learning_rate(110, settings) == pytest.approx(0.5e-3 / 10)
        assert learning_rate(120, settings) == pytest.approx(0.5e-3)
        assert learning_rate(145, settings) == pytest.approx((0.5e-3 + 1e-5) / 2)
        assert learning_rate(169, settings) < 0.02e-3

    def test_no_warmup(self) -> None:
        settings = replace(self.SETTINGS, warmup=0)
        assert learning_rate(0, settings) == pytest.approx(1e-3)

    def test_a_warmup_longer_than_its_cycle_goes_on_rising(self) -> None:
        settings = replace(self.SETTINGS, cycles=(4,), warmup=8)
        assert [learning_rate(step, settings) for step in range(4)] == pytest.approx(
            [1e-3 * (step + 1) / 8 for step in range(4)]
        )


class TestUpdateAverage:
    def test_moves_by_the_decay(self) -> None:
        average, model = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
        nn.init.constant_(average.weight, 1.0)
        nn.init.constant_(model.weight, 3.0)
        update_average(average, model, 0.9, step=100_000)
        assert average.weight.item() == pytest.approx(0.9 * 1 + 0.1 * 3)
        assert model.weight.item() == 3.0

    def test_is_young_at_first(self) -> None:
        average, model = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
        nn.init.constant_(average.weight, 0.0)
        nn.init.constant_(model.weight, 1.0)
        update_average(average, model, 0.999, step=0)
        assert average.weight.item() == pytest.approx(0.9)


class TestDrawTimesAndNoise:
    def test_seed_and_step_decide(self) -> None:
        like = torch.empty(4, 4, 8, 8)
        times, noise = draw_times_and_noise(1, 7, like)
        torch.rand(3)  # the global state of randomness does not matter
        again = draw_times_and_noise(1, 7, like)
        assert torch.equal(times, again[0])
        assert torch.equal(noise, again[1])
        for other in (draw_times_and_noise(1, 8, like), draw_times_and_noise(2, 7, like)):
            assert not torch.equal(times, other[0])
            assert not torch.equal(noise, other[1])

    def test_times_cover_the_whole_evenly(self) -> None:
        like = torch.empty(8, 1, 1, 1)
        pooled = []
        for step in range(100):
            times, _ = draw_times_and_noise(0, step, like)
            assert times.shape == (8,)
            assert float(times.min()) >= 0
            assert float(times.max()) < 1
            # One in each eighth: that is what lowers the variance.
            assert sorted((times * 8).int().tolist()) == list(range(8))
            pooled.append(times)
        assert float(torch.cat(pooled).mean()) == pytest.approx(0.5, abs=0.01)

    def test_noise_is_standard_and_independent(self) -> None:
        _, noise = draw_times_and_noise(0, 0, torch.empty(8, 4, 32, 32))
        assert noise.shape == (8, 4, 32, 32)
        assert float(noise.mean()) == pytest.approx(0, abs=0.02)
        assert float(noise.std()) == pytest.approx(1, abs=0.02)
        assert float((noise[0] * noise[1]).mean()) == pytest.approx(0, abs=0.06)

"""What training exports: weights that load, and a card that says what they were made for."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from napari_cvdm.cvdm.model import CVDM
from napari_cvdm.models import ModelCard, PretrainedModel, load_model
from napari_cvdm.models.weights import read_model, save_model
from napari_cvdm.simulation.ranges import AcquisitionRanges
from napari_cvdm.training.config import ConfigError, TrainingConfig
from napari_cvdm.training.export import check_place, export_model, model_card, pixel_sizes, rounded

MakeConfig = Callable[..., TrainingConfig]


def network(config: TrainingConfig) -> CVDM:
    torch.manual_seed(0)
    model = CVDM(config.architecture)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    return model.eval()


class TestPixelSizes:
    def test_wider_ranges_of_the_psf_allow_more_pixel_sizes(self) -> None:
        low, high = pixel_sizes(AcquisitionRanges())
        assert low < 65 < high
        wider_low, wider_high = pixel_sizes(AcquisitionRanges(psf_sigma=(1.0, 8.0)))
        assert wider_low < low
        assert wider_high > high

    def test_a_pixel_at_the_limit_samples_the_psf_as_trained(self) -> None:
        ranges = AcquisitionRanges()
        low, high = pixel_sizes(ranges)
        # 525 nm at NA 1.49: fine pixels are half a camera pixel.
        sharp = 0.51 * 525 / 1.49 / 2.355
        assert sharp / (low / 2) == pytest.approx(ranges.psf_sigma[1], rel=0.03)
        # 600 nm at NA 1.2
        assert 0.51 * 600 / 1.2 / 2.355 / (high / 2) == pytest.approx(ranges.psf_sigma[0], rel=0.03)


class TestModelCard:
    def test_states_what_the_model_was_trained_on(self, make_config: MakeConfig) -> None:
        config = make_config(
            description="words", acquisition={"photons": [5.0, 50.0]}, schedule={"sampling_steps": 7}
        )
        card = model_card(config, 123, 5400.0, {"psnr_mean_network": 25.5})
        assert (card.name, card.description) == ("tiny", "words")
        assert card.architecture == config.architecture.to_dict()
        assert (card.upscaling, card.default_steps, card.posterior_orientations) == (2, 7, 4)
        assert card.training["steps"] == 123
        assert card.training["hours"] == 1.5
        assert card.training["seed"] == 3
        assert card.ranges == config.acquisition.known()
        assert card.ranges["photons"] == [5.0, 50.0]
        assert card.ranges["psf_sigma"] == [1.9, 4.2]
        assert card.metrics == {"validation": {"psnr_mean_network": 25.5}}
        assert card.pixel_size_nm == pixel_sizes(config.acquisition)
        assert any("2312.02246" in text for text in card.citations)
        assert json.loads(card.to_json())["name"] == "tiny"

    def test_credits_the_images_it_used_and_no_others(self, make_config: MakeConfig) -> None:
        (simulated,) = model_card(make_config(), 1, 1.0, {}).training["data"]
        assert simulated == "simulated rings, vesicles"
        config = make_config(data={"micrographs": "folder", "micrograph_share": 0.35, "empty_share": 0.1})
        _, empty, real = model_card(config, 1, 1.0, {}).training["data"]
        assert empty == "10 % of the fields: background and noise alone"
        unused = {"micrographs": "folder", "micrograph_share": 0.0, "kinds": {"rings": 2, "actin": 0}}
        assert model_card(make_config(data=unused), 1, 1.0, {}).training["data"] == ["simulated rings"]
        for words in ("35 %", "01 to 40", "BioSR", "Qiao & Li", "CC BY 4.0", "Untrained-PINN-for-SIM (MIT)"):
            assert words in real


class TestExportModel:
    def test_the_file_holds_weights_and_card(self, make_config: MakeConfig, tmp_path: Path) -> None:
        config = make_config()
        model = network(config)
        path = export_model(model, config, tmp_path, 9, 60.0, {"correlation": 0.5}, fields_per_kind=0)
        assert path == tmp_path / "tiny.safetensors"
        loaded = load_model(path)
        for name, tensor in model.state_dict().items():
            # Half precision: eleven bits.
            torch.testing.assert_close(loaded.network.state_dict()[name], tensor, rtol=5e-4, atol=1e-6)
        assert loaded.card.ranges == config.acquisition.known()
        assert loaded.card.training["steps"] == 9
        assert loaded.card.metrics["validation"] == {"correlation": 0.5}
        assert loaded.card.calibration is None
        x = torch.rand(1, 1, 16, 16)
        with torch.inference_mode():
            torch.testing.assert_close(
                loaded.network.estimate(x).mean, model.estimate(x).mean, rtol=0.01, atol=2e-3
            )

    def test_calibrates_what_it_wrote(
        self, make_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config = make_config()
        seen: list[PretrainedModel] = []

        def calibrate(model: PretrainedModel, *_: object, per_kind: int, **__: object) -> ModelCard:
            assert per_kind == 3
            seen.append(model)
            return replace(model.card, calibration={"kind": "monotone", "stated": [1.0], "actual": [1.5]})

        monkeypatch.setattr("napari_cvdm.training.export.calibrate", calibrate)
        path = export_model(network(config), config, tmp_path, 9, 60.0, {}, fields_per_kind=3)
        loaded = load_model(path)
        assert loaded.card.calibration == {"kind": "monotone", "stated": [1.0], "actual": [1.5]}
        # The calibration was measured on the very weights that are in the file.
        for name, tensor in seen[0].network.state_dict().items():
            assert torch.equal(loaded.network.state_dict()[name], tensor)

    @pytest.mark.parametrize("earlier", [None, b"of an earlier run"])
    def test_an_interrupted_calibration_leaves_nothing_that_looks_finished(
        self, make_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, earlier: bytes | None
    ) -> None:
        def interrupt(*_: object, **__: object) -> ModelCard:
            raise KeyboardInterrupt

        monkeypatch.setattr("napari_cvdm.training.export.calibrate", interrupt)
        config = make_config()
        if earlier is not None:
            (tmp_path / "tiny.safetensors").write_bytes(earlier)
        with pytest.raises(KeyboardInterrupt):
            export_model(network(config), config, tmp_path, 9, 60.0, {}, fields_per_kind=3)
        left = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        assert left == ({} if earlier is None else {"tiny.safetensors": earlier})


def test_a_rounded_model_is_what_its_file_holds(start: PretrainedModel, tmp_path: Path) -> None:
    network = deepcopy(start.network)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1e-3)
    model = rounded(network, start.card)
    read = read_model(save_model(tmp_path / "a.safetensors", network, start.card, half=True))
    for name, tensor in read.network.state_dict().items():
        assert torch.equal(model.network.state_dict()[name], tensor)
        assert not torch.equal(start.network.state_dict()[name], tensor)


class TestCheckPlace:
    def test_weights_are_replaced_by_their_own_run_or_when_started_fresh(self, tmp_path: Path) -> None:
        target, checkpoint = tmp_path / "a.safetensors", tmp_path / "checkpoint.pt"
        check_place(target, checkpoint, None, False)
        target.touch()
        with pytest.raises(ConfigError, match=r"a\.safetensors exists: choose another"):
            check_place(target, checkpoint, None, False)
        check_place(target, checkpoint, None, True)
        checkpoint.touch()
        check_place(target, checkpoint, tmp_path / "absent.safetensors", False)

    @pytest.mark.parametrize("fresh", [False, True])
    def test_a_stage_needs_the_one_before_when_it_begins(self, tmp_path: Path, fresh: bool) -> None:
        target, checkpoint = tmp_path / "a.safetensors", tmp_path / "checkpoint.pt"
        if fresh:
            checkpoint.touch()
        with pytest.raises(
            ConfigError, match=r"no file .*second\.safetensors.*: train the model 'second' before this"
        ):
            check_place(target, checkpoint, tmp_path / "second.safetensors", fresh)

    def test_the_model_to_start_from_never_is(self, tmp_path: Path) -> None:
        target, start = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
        target.touch()
        os.link(target, start)
        (tmp_path / "checkpoint.pt").touch()
        with pytest.raises(ConfigError, match="is the model to start from"):
            check_place(target, tmp_path / "checkpoint.pt", start, True)

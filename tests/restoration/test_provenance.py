"""What a result tells about how it was made."""

import json
import platform
from collections.abc import Callable
from importlib import metadata
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from napari_cvdm.models import PretrainedModel
from napari_cvdm.restoration.axes import resolve_axes
from napari_cvdm.restoration.device import ChosenDevice
from napari_cvdm.restoration.normalization import fit_normalizations
from napari_cvdm.restoration.posterior import PosteriorSettings
from napari_cvdm.restoration.provenance import describe_device, describe_normalizations, versions
from napari_cvdm.restoration.restore import restore
from napari_cvdm.restoration.selection import select

MakeModel = Callable[..., PretrainedModel]
QUICK: dict[str, Any] = {"draws": 2, "steps": 2, "device": "cpu"}


class TestDescribe:
    def test_tells_everything_needed_to_repeat_it(
        self, make_model: MakeModel, image: NDArray[np.uint16]
    ) -> None:
        model = make_model(
            calibration={"kind": "monotone", "stated": [1.0], "actual": [1.5]},
            posterior_shrinkage=0.25,
            posterior_scale_weight=2.0,
            posterior_orientations=2,
            default_steps=2,
        )
        told = restore(image, model, pixel_size=65, seed=11, tile=32, **QUICK).provenance
        seconds = told.pop("seconds")
        assert 0 < seconds < 120
        (normalisation,) = told.pop("normalisation")
        assert normalisation["low"] == pytest.approx(np.percentile(image, 1))
        assert normalisation["high"] == pytest.approx(np.percentile(image, 99.8))
        assert told == {
            "model": {"name": "tiny", "sha256": "ab" * 32},
            "uncertainty": "calibrated",
            "calibration": {"stated": [1.0], "actual": [1.5], "factors": {}},
            "standard_deviation": "spread of the draws and residual scale predicted by the mean network",
            "draws": 2,
            "steps": 2,
            "seed": 11,
            "sampling": {
                "antithetic": True,
                "shrinkage": 0.25,
                "scale_weight": 2.0,
                "orientations": 2,
                "sampler": "angular",
            },
            "device": "cpu",
            "tile": {"requested": 32, "mean": 32, "noise": 32},
            "upscaling": 2,
            "axes": "YX",
            "pixel_size_nm": 65.0,
            "selection": None,
            "resampling": None,
            "normalize": "stack",
            "warnings": [],
            "versions": versions(),
            "precision": "float32",
            "threads": torch.get_num_threads(),
        }

    def test_names_the_sampler_that_was_asked_for(
        self, model: PretrainedModel, image: NDArray[np.uint16]
    ) -> None:
        told = restore(image, model, settings=PosteriorSettings(sampler="ancestral"), **QUICK).provenance
        assert told["sampling"]["sampler"] == "ancestral"
        assert told["standard_deviation"] == "spread of the draws"

    def test_survives_json(self, model: PretrainedModel, image: NDArray[np.uint16]) -> None:
        stack = np.stack([image, image * 2])
        told = restore(
            stack, model, axes="CYX", pixel_size=np.float32(65), seed=np.int64(3), **QUICK
        ).provenance
        assert json.loads(json.dumps(told, allow_nan=False)) == told
        assert len(told["normalisation"]) == 2

    def test_default_steps_are_the_cards(self, make_model: MakeModel, image: NDArray[np.uint16]) -> None:
        told = restore(image, make_model(default_steps=5), draws=1, device="cpu").provenance
        assert told["steps"] == 5


def test_each_normalisation_is_described_once():
    film = np.random.default_rng(1).uniform(0, 1, (3, 2, 40, 30))
    described = describe_normalizations(fit_normalizations(film, select(resolve_axes(film.shape, "TCYX"))))
    assert [(entry["first_plane"], entry["planes"]) for entry in described] == [([0, 0], 3), ([0, 1], 3)]
    assert json.loads(json.dumps(described)) == described


class TestWarnings:
    @pytest.mark.parametrize(
        ("pixel_size", "warned"), [(39.9, 1), (40, 0), (65, 0), (110, 0), (160, 1), (None, 0)]
    )
    def test_tell_of_a_pixel_size_the_model_never_saw(
        self, make_model: MakeModel, image: NDArray[np.uint16], pixel_size: float | None, warned: int
    ) -> None:
        model = make_model(pixel_size_nm=(40.0, 110.0))
        found = restore(image, model, pixel_size=pixel_size, **QUICK).provenance["warnings"]
        assert len(found) == warned
        assert all("40 to 110 nm" in each and "resampled" in each for each in found)
        assert not any("=" in each for each in found)  # Python's words would be shown in the panel

    @pytest.mark.parametrize(("steps", "warned"), [(None, 0), (3, 0), (2, 1), (4, 1)])
    def test_tell_of_a_calibration_for_other_steps(
        self, make_model: MakeModel, image: NDArray[np.uint16], steps: int | None, warned: int
    ) -> None:
        calibration = {"kind": "monotone", "stated": [1.0], "actual": [1.5]}

        def found(draws: int, **card: Any) -> list[str]:
            result = restore(
                image, make_model(default_steps=3, **card), draws=draws, steps=steps, device="cpu"
            )
            return list(result.provenance["warnings"])

        told = found(2, calibration=calibration)
        assert len(told) == warned
        assert all(f"calibrated with 3 denoising steps, not {steps}:" in each for each in told)
        # Where no calibration is applied, there is nothing to say.
        assert found(1, calibration=calibration) == found(2) == []

    def test_tell_of_a_calibration_for_other_settings(
        self, make_model: MakeModel, image: NDArray[np.uint16]
    ) -> None:
        card = {
            "calibration": {"kind": "monotone", "stated": [1.0], "actual": [1.5]},
            "posterior_shrinkage": 0.5,
        }
        own = PosteriorSettings(shrinkage=0.5)

        def found(draws: int, settings: PosteriorSettings | None) -> list[str]:
            result = restore(image, make_model(**card), draws=draws, steps=3, settings=settings, device="cpu")
            return list(result.provenance["warnings"])

        assert found(2, None) == found(2, own) == []
        (told,) = found(2, PosteriorSettings(shrinkage=0.5, sampler="ancestral"))
        assert "not with these settings" in told
        assert found(1, PosteriorSettings()) == []  # nothing is calibrated

    def test_tell_of_an_offset_too_large_for_single_precision(
        self, model: PretrainedModel, image: NDArray[np.uint16]
    ) -> None:
        (found,) = restore(image + 4e7, model, **QUICK).provenance["warnings"]
        assert "subtract the offset" in found

    def test_tell_of_spots_far_above_all_else(self, model: PretrainedModel) -> None:
        y, x = np.mgrid[:128, :128]
        image = np.random.default_rng(0).poisson(500 * (1 + np.sin(x / 4) * np.sin(y / 5)))
        assert restore(image, model, **QUICK).provenance["warnings"] == []
        image[30:33, 40:43] = 40_000
        told = restore(image, model, **QUICK).provenance
        (found,) = told["warnings"]
        assert "exaggerates" in found
        assert f"{told['normalisation'][0]['brightest']:.0f} times" in found

    def test_tell_of_saturated_pixels(self, model: PretrainedModel, image: NDArray[np.uint16]) -> None:
        def told(image: NDArray[np.uint16]) -> list[str]:
            warnings = restore(image, model, **QUICK).provenance["warnings"]
            return [each for each in warnings if "saturated" in each]

        assert told(image) == []
        (found,) = told(np.minimum(image, np.percentile(image, 95)).astype(image.dtype))
        assert found.startswith("5.1 % of the pixels are saturated")

    def test_count_saturated_pixels_over_all_planes(
        self, model: PretrainedModel, image: NDArray[np.uint16]
    ) -> None:
        cut = np.minimum(image, np.percentile(image, 95)).astype(image.dtype)
        stack = np.stack([cut, image])
        warnings = restore(stack, model, axes="ZYX", normalize="plane", **QUICK).provenance["warnings"]
        (found,) = [each for each in warnings if "saturated" in each]
        assert found.startswith("2.5 % of the pixels are saturated")

    def test_tell_what_the_choice_of_device_had_to_say(
        self, model: PretrainedModel, image: NDArray[np.uint16], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            "napari_cvdm.restoration.request.choose_device",
            lambda _: ChosenDevice(torch.device("cpu"), "The CPU is used instead."),
        )
        assert restore(image, model, **QUICK).provenance["warnings"] == ["The CPU is used instead."]


class TestVersions:
    def test_are_those_at_work(self) -> None:
        assert versions() == {
            "napari-cvdm": metadata.version("napari-cvdm"),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        }


def test_devices_are_named_so_that_the_hardware_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA Example")
    assert describe_device(torch.device("cuda", 1)) == "cuda:1 (NVIDIA Example)"
    assert describe_device(torch.device("cpu")) == "cpu"

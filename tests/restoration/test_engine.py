"""The same restore() for our networks and for those that the authors published."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from napari_cvdm.models import ModelCard, PretrainedModel
from napari_cvdm.models.pretrained import PERCENTILES
from napari_cvdm.reference.config import ReferenceConfig
from napari_cvdm.reference.model import ReferenceCVDM
from napari_cvdm.restoration import execution
from napari_cvdm.restoration.blended import BlendedRestorer
from napari_cvdm.restoration.engine import check_model, percentiles_for, plane_engine, settings_for
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.events import Estimate, Event
from napari_cvdm.restoration.execution import threads_given_back
from napari_cvdm.restoration.lazy import restore_lazy
from napari_cvdm.restoration.plane import PlaneRestorer
from napari_cvdm.restoration.posterior import PosteriorSettings
from napari_cvdm.restoration.restore import restore, restore_events
from napari_cvdm.restoration.schedule_map import schedule_map
from napari_cvdm.restoration.timing import forecast, measure_speed

MakeTheirs = Callable[..., PretrainedModel]


@pytest.fixture
def make_theirs() -> MakeTheirs:
    """Make a small model of the authors' kind."""

    def make(**changes: Any) -> PretrainedModel:
        torch.manual_seed(0)
        values: dict[str, Any] = {
            "noise_kind": "unet",
            "in_channels": 1,
            "out_channels": 1,
            "noise_widths": (2,),
            "schedule_width": 2,
            "time_units": 16,
            "training_size": 32,
        }
        network = ReferenceCVDM(ReferenceConfig(**{**values, **changes})).eval().requires_grad_(False)
        config = network.config
        card = ModelCard("theirs", "A test.", config.to_dict(), upscaling=config.upscaling, default_steps=3)
        return PretrainedModel("theirs", network, card, sha256="cd" * 32)

    return make


@pytest.fixture
def image() -> NDArray[np.uint16]:
    return np.random.default_rng(0).integers(100, 1000, (2, 20, 40)).astype(np.uint16)


def test_the_network_decides_on_the_engine(model: PretrainedModel, make_theirs: MakeTheirs) -> None:
    settings, cpu = PosteriorSettings(), torch.device("cpu")
    assert isinstance(plane_engine(model.network, cpu, "auto", settings), PlaneRestorer)
    theirs = plane_engine(make_theirs().network, cpu, 48, settings)
    assert isinstance(theirs, BlendedRestorer)
    assert theirs.noise_tile.side == 48


@pytest.mark.parametrize("theirs", [False, True])
def test_both_keep_to_the_cores_there_are(
    model: PretrainedModel, make_theirs: MakeTheirs, theirs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "available_cores", lambda: 1)
    network = make_theirs().network if theirs else model.network
    with threads_given_back():
        torch.set_num_threads(3)
        plane_engine(network, torch.device("cpu"), "auto", PosteriorSettings())
        assert torch.get_num_threads() == 1


def test_their_draws_are_independent_and_sampled_as_published(
    model: PretrainedModel, make_theirs: MakeTheirs
) -> None:
    asked = PosteriorSettings(shrinkage=0.5, scale_weight=2.0)
    assert settings_for(model, asked) == asked
    settings = settings_for(make_theirs(), asked)
    assert settings == PosteriorSettings(antithetic=False, sampler="published")
    with pytest.raises(InputError, match="'published' is for the authors' networks"):
        settings_for(model, PosteriorSettings(sampler="published"))


def test_what_their_networks_cannot_do_is_refused(
    image: NDArray[np.uint16], model: PretrainedModel, make_theirs: MakeTheirs
) -> None:
    check_model(model, 1)
    check_model(make_theirs(), 0)
    with pytest.raises(InputError, match="needs at least 2 denoising steps, not 1"):
        restore(image, make_theirs(), axes="ZYX", steps=1)
    with pytest.raises(InputError, match=r"several channels together \(3 in, 1 out\)"):
        restore(image, make_theirs(in_channels=3, adds_input=False), axes="ZYX")


def test_their_range_of_intensities_is_their_own(model: PretrainedModel, make_theirs: MakeTheirs) -> None:
    assert percentiles_for(model) == PERCENTILES
    assert percentiles_for(make_theirs()) == (0.0, 100.0)
    assert percentiles_for(make_theirs(percentiles=(1.0, 99.0))) == (1.0, 99.0)


def test_a_region_is_said_to_be_restored_by_itself(
    image: NDArray[np.uint16], make_theirs: MakeTheirs
) -> None:
    def found(region: tuple[tuple[int, int], tuple[int, int]] | None) -> list[str]:
        result = restore(image[0], make_theirs(), region=region, preview=True)
        return [words for words in result.provenance["warnings"] if "restored by itself" in words]

    assert len(found(((0, 16), (8, 40)))) == 1
    assert not found(None)
    lazy = restore_lazy(image[0], make_theirs(), region=((0, 16), (8, 40)), draws=2)
    assert not [words for words in lazy.provenance["warnings"] if "restored by itself" in words]


def test_another_tile_than_that_of_training_is_named(
    image: NDArray[np.uint16], model: PretrainedModel, make_theirs: MakeTheirs
) -> None:
    def found(model: PretrainedModel, tile: int | str) -> list[str]:
        told = restore(image[0], model, tile=tile, preview=True).provenance["warnings"]
        return [words for words in told if "asked for, and used" in words]

    assert found(make_theirs(), 16) == ["Tiles of 16 camera pixels were asked for, and used."]
    assert not found(make_theirs(), "auto")
    assert not found(model, 16)


def test_their_speed_is_that_of_a_step_that_calls_the_network_for_each_tile(
    make_theirs: MakeTheirs, image: NDArray[np.uint16], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their sampler's last step calls none, and their tiles overlap."""
    model, calls = make_theirs(), []
    predict = model.network.predict_noise

    def counted(*arguments: Any) -> Any:
        calls.append(1)
        return predict(*arguments)

    monkeypatch.setattr(model.network, "predict_noise", counted)
    speed = measure_speed(model, device="cpu", clock=lambda: float(len(calls)))
    assert (speed.tile, speed.halo) == (32, None)
    for shape in ((96, 48), (32, 64)):
        expected = forecast(speed, shape, planes=3, draws=2, steps=1)
        calls.clear()
        film = np.resize(image, (3, *shape))
        restore(film, model, axes="TYX", draws=2, steps=2)
        assert expected.seconds == pytest.approx(len(calls))
        assert expected.tiles * 6 == len(calls)


@pytest.mark.parametrize("upscaling", [1, 2])
def test_a_stack_is_restored_with_uncertainty_events_and_provenance(
    image: NDArray[np.uint16], make_theirs: MakeTheirs, upscaling: int
) -> None:
    model, events = make_theirs(upscaling=upscaling), list[Event]()
    result = restore(
        image, model, axes="ZYX", pixel_size=65.0, draws=3, seed=4, keep_draws=True, progress=events.append
    )
    assert result.mean.shape == result.std.shape == (2, 20 * upscaling, 40 * upscaling)
    assert result.restored_pixel_size == 65.0 / upscaling
    assert result.draws is not None
    np.testing.assert_allclose(result.draws.mean(axis=0), result.mean, rtol=0, atol=0.1)
    np.testing.assert_allclose(result.draws.std(axis=0, ddof=1), result.std, rtol=0, atol=0.1)
    assert image.min() <= result.mean.min() <= result.mean.max() <= image.max()
    stages = [event.stage for event in events if event.stage != "tile"]
    assert stages == ["mean"] * 2 + (["denoise"] * 3 + ["draw"]) * 6 + ["done"]
    assert events[-1].fraction == pytest.approx(1)
    made = result.provenance
    assert made["sampling"]["sampler"] == "published"
    assert made["tile"]["noise"] == 32 // upscaling
    assert made["normalisation"][0]["percentiles"] == [0.0, 100.0]
    assert any("normalise over all they are given" in warning for warning in made["warnings"])
    again = restore(image, model, axes="ZYX", draws=3, seed=4)
    np.testing.assert_array_equal(again.mean, result.mean)


def test_before_the_second_draw_the_spread_is_that_of_the_noise(
    image: NDArray[np.uint16], make_theirs: MakeTheirs
) -> None:
    result = restore(image[0], make_theirs(), draws=1, steps=2)
    span = float(image[0].max()) - float(image[0].min())
    np.testing.assert_allclose(result.std, span / 2, rtol=1e-6)
    assert "two draws" in result.provenance["standard_deviation"]
    preview = restore(image[0], make_theirs(), preview=True)
    np.testing.assert_allclose(preview.mean, image[0], rtol=0, atol=0.01)


def test_a_run_can_be_cancelled_between_tiles(image: NDArray[np.uint16], make_theirs: MakeTheirs) -> None:
    passes: list[int] = []

    def checkpoint() -> None:
        passes.append(0)
        if len(passes) == 9:
            raise KeyboardInterrupt

    seen: list[Event] = []
    with pytest.raises(KeyboardInterrupt):
        seen.extend(restore_events(image, make_theirs(), axes="ZYX", checkpoint=checkpoint))
    assert len(passes) == 9
    assert sum(isinstance(event, Estimate) for event in seen) == 2


def test_restored_lazily_it_is_the_same(image: NDArray[np.uint16], make_theirs: MakeTheirs) -> None:
    model = make_theirs(mean_width=2, upscaling=2)
    wanted: dict[str, Any] = {"axes": "ZYX", "draws": 2, "steps": 2, "seed": 1}
    whole = restore(image, model, **wanted)
    lazy = restore_lazy(image, model, **wanted).compute(scheduler="sync")
    np.testing.assert_array_equal(lazy.mean, whole.mean)
    np.testing.assert_array_equal(lazy.std, whole.std)
    # As they look at all of a plane, a region is cut out of what was restored of all of it.
    region = restore_lazy(image, model, region=((2, 16), (8, 40)), **wanted).compute(scheduler="sync")
    np.testing.assert_array_equal(region.mean, whole.mean[:, 4:32, 16:80])


def test_the_rate_of_their_schedule_can_be_shown(image: NDArray[np.uint16], make_theirs: MakeTheirs) -> None:
    model = make_theirs(upscaling=2)
    rate = schedule_map(image[0] / 1000, model)
    assert rate.shape == (40, 80)
    assert rate.dtype == np.float32
    assert rate.min() > 0
    assert rate.std() > 0

"""The whole path: what goes in, what comes out, and what is reported on the way."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.models import PretrainedModel
from napari_cvdm.restoration import banded
from napari_cvdm.restoration.errors import AxesError, DeviceError, InputError, InputTypeError
from napari_cvdm.restoration.events import Estimate, Event, Finished
from napari_cvdm.restoration.plane import PlaneRestorer
from napari_cvdm.restoration.posterior import PosteriorSettings
from napari_cvdm.restoration.restore import restore, restore_events

MakeModel = Callable[..., PretrainedModel]
Image = NDArray[Any]

#: Few draws and steps, for speed.
QUICK: dict[str, Any] = {"draws": 3, "steps": 3, "device": "cpu"}


def span(array: Image) -> float:
    return float(array.max() - array.min())


class TestSchedules:
    @pytest.mark.parametrize("schedule", ["linear", "cosine", "sigmoid", "learned"])
    def test_all_restore_on_a_cpu(self, make_model: MakeModel, image: Image, schedule: str) -> None:
        torch.manual_seed(0)
        config = CVDMConfig(
            mean_widths=(4, 4),
            mean_blocks=(1, 1),
            noise_widths=(4, 4),
            noise_blocks=(1, 1),
            schedule=schedule,
        )
        result = restore(image, make_model(CVDM(config)), **QUICK)
        assert np.isfinite(result.mean).all()
        assert (result.std > 0).all()


class TestTiles:
    @pytest.mark.parametrize("tile", [16, 24])
    @pytest.mark.parametrize(
        ("steps", "sampler"), [(1, "angular"), (5, "angular"), (5, "multistep"), (5, "ancestral")]
    )
    def test_tiled_equals_whole_at_every_pixel(
        self, model: PretrainedModel, image: Image, tile: int, steps: int, sampler: Any
    ) -> None:
        settings = PosteriorSettings(sampler=sampler)
        wanted = QUICK | {"steps": steps, "draws": 4, "keep_draws": True, "settings": settings}
        whole = restore(image, model, **wanted)
        tiled = restore(image, model, tile=tile, **wanted)
        tolerance = 1e-4 * span(whole.mean)
        assert whole.draws is not None
        assert tiled.draws is not None
        for a, b in ((whole.mean, tiled.mean), (whole.std, tiled.std), (whole.draws, tiled.draws)):
            np.testing.assert_allclose(b, a, rtol=0, atol=tolerance)
        # That would be easy if there were nothing to see.
        assert float(whole.std.mean()) > 100 * tolerance

    def test_the_networks_really_look_across_tile_borders(self, model: PretrainedModel, image: Image) -> None:
        whole = restore(image, model, **QUICK)
        part = restore(image[:, :24], model, **QUICK)
        assert np.abs(part.mean - whole.mean[:, :48])[:, -8:].max() > 1e-3 * span(whole.mean)

    def test_a_tile_larger_than_the_image_is_the_whole(self, model: PretrainedModel, image: Image) -> None:
        whole = restore(image, model, **QUICK)
        assert np.array_equal(restore(image, model, tile=10_000, **QUICK).mean, whole.mean)


class TestSeed:
    @pytest.mark.parametrize("settings", [None, PosteriorSettings(sampler="ancestral")])
    def test_the_same_seed_gives_the_same_pixels(
        self, model: PretrainedModel, image: Image, settings: PosteriorSettings | None
    ) -> None:
        first, second = (restore(image, model, seed=5, settings=settings, **QUICK) for _ in range(2))
        assert np.array_equal(first.mean, second.mean)
        assert np.array_equal(first.std, second.std)

    def test_another_seed_gives_others(self, model: PretrainedModel, image: Image) -> None:
        first, second = (restore(image, model, seed=seed, **QUICK) for seed in (5, 6))
        assert not np.allclose(first.std, second.std, rtol=0.01)

    @pytest.mark.parametrize("settings", [None, PosteriorSettings(sampler="ancestral")])
    def test_more_draws_go_on_from_the_first(
        self, model: PretrainedModel, image: Image, settings: PosteriorSettings | None
    ) -> None:
        wanted = QUICK | {"keep_draws": True, "settings": settings}
        few = restore(image, model, **wanted)
        more = restore(image, model, **(wanted | {"draws": 4}))
        assert few.draws is not None
        assert more.draws is not None
        assert np.array_equal(few.draws, more.draws[:3])


class TestStacks:
    def test_planes_are_restored_as_if_alone_but_for_their_noise(
        self, simple_model: PretrainedModel, image: Image
    ) -> None:
        # All frames alike, so that they are normalised (nearly) alike: only the noise differs.
        result = restore(np.stack([image] * 3), simple_model, axes="TYX", keep_draws=True, **QUICK)
        alone = restore(image, simple_model, keep_draws=True, **QUICK)
        assert result.draws is not None
        assert alone.draws is not None
        np.testing.assert_allclose(result.draws[:, 0], alone.draws, rtol=0, atol=0.01 * span(alone.mean))
        noise = (result.draws[0] - result.draws.mean(0)).reshape(3, -1)
        correlation = np.corrcoef(noise)
        assert np.abs(correlation[~np.eye(3, dtype=bool)]).max() < 0.1

    def test_a_film_of_one_channel_keeps_its_brightness(
        self, simple_model: PretrainedModel, image: Image
    ) -> None:
        film = np.stack([image, 3 * image])
        result = restore(film, simple_model, axes="TYX", **(QUICK | {"draws": 2}))
        np.testing.assert_allclose(result.mean[:, ::2, ::2], film, rtol=1e-4)
        # The same normalised spread is the same spread in counts for both frames, but not for two channels.
        assert result.std[1].mean() == pytest.approx(result.std[0].mean(), rel=0.1)
        channels = restore(film, simple_model, axes="CYX", **(QUICK | {"draws": 2}))
        assert channels.std[1].mean() == pytest.approx(3 * channels.std[0].mean(), rel=0.1)


class TestPixels:
    @pytest.mark.parametrize("shape", [(17, 23), (8, 9), (64, 40), (31, 8)])
    def test_lie_where_the_sample_is(self, simple_model: PretrainedModel, shape: tuple[int, int]) -> None:
        # This model's best estimate repeats each camera pixel, and its pairs of draws cancel exactly.
        image = np.random.default_rng(1).uniform(50, 60, shape)
        result = restore(image, simple_model, **(QUICK | {"draws": 2}))
        assert result.mean.shape == (2 * shape[0], 2 * shape[1])
        np.testing.assert_allclose(result.mean, image.repeat(2, 0).repeat(2, 1), atol=1e-3)

    def test_have_the_units_of_the_image(self, model: PretrainedModel, image: Image) -> None:
        plain = restore(image, model, **QUICK)
        scaled = restore(image * 7.0 - 1000, model, **QUICK)
        np.testing.assert_allclose(scaled.mean, plain.mean * 7 - 1000, rtol=0, atol=1e-3 * span(scaled.mean))
        np.testing.assert_allclose(scaled.std, plain.std * 7, rtol=1e-2)

    @pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", "<i4", ">i8", "u8", ">f4", "f2", "f8"])
    def test_do_not_depend_on_how_numbers_are_stored(
        self, model: PretrainedModel, image: Image, dtype: str
    ) -> None:
        small = image // 4
        assert small.max() < 256
        expected = restore(small.astype("f4"), model, preview=True, device="cpu")
        result = restore(small.astype(dtype), model, preview=True, device="cpu")
        assert np.array_equal(result.mean, expected.mean)
        assert np.array_equal(result.std, expected.std)

    def test_of_the_input_are_never_changed(self, model: PretrainedModel, image: Image) -> None:
        before = image.copy()
        image.setflags(write=False)
        result = restore(image, model, keep_draws=True, **QUICK)
        assert np.array_equal(image, before)
        assert result.mean.dtype == result.std.dtype == np.float32

    def test_of_reversed_and_strided_views_are_read_in_their_order(
        self, simple_model: PretrainedModel, image: Image
    ) -> None:
        view = image[::-1, ::2]
        result = restore(view, simple_model, **(QUICK | {"draws": 2}))
        np.testing.assert_allclose(result.mean[::2, ::2], view, rtol=1e-4)


class TestUncertainty:
    def test_is_the_spread_of_the_posterior(self, simple_model: PretrainedModel) -> None:
        image = np.random.default_rng(1).uniform(0, 200, (40, 40))
        result = restore(image, simple_model, draws=16, steps=20, device="cpu")
        low, high = np.percentile(image, (1, 99.8))
        expected = 0.1 * (high - low)  # SimpleCVDM.residual
        # The last of 20 steps, to the prediction itself, leaves out a fraction of a percent.
        assert float(np.sqrt(np.mean(result.std**2))) == pytest.approx(expected, rel=0.015)

    def test_is_calibrated_as_the_card_says(self, make_model: MakeModel, image: Image) -> None:
        plain = restore(image, make_model(), **QUICK)
        calibrated = restore(
            image, make_model(calibration={"kind": "monotone", "stated": [1.0], "actual": [1.5]}), **QUICK
        )
        np.testing.assert_allclose(calibrated.std, 1.5 * plain.std, rtol=1e-4)
        assert np.array_equal(calibrated.mean, plain.mean)
        assert plain.provenance["uncertainty"] == "uncalibrated"
        assert calibrated.provenance["uncertainty"] == "calibrated"

    def test_of_one_draw_is_the_mean_networks_and_says_so(self, make_model: MakeModel, image: Image) -> None:
        model = make_model(calibration={"kind": "monotone", "stated": [1.0], "actual": [1.5]})
        single = restore(image, model, **(QUICK | {"draws": 1}))
        preview = restore(image, model, preview=True, device="cpu")
        np.testing.assert_allclose(single.std, preview.std, rtol=1e-6)
        for result in (single, preview):
            assert result.provenance["uncertainty"] == "uncalibrated"
            assert "mean network" in result.provenance["standard_deviation"]

    def test_of_a_preview_has_a_calibration_of_its_own(self, make_model: MakeModel, image: Image) -> None:
        card = {
            "calibration": {"kind": "monotone", "stated": [1.0], "actual": [3.0]},
            "preview_calibration": {
                "kind": "monotone", "stated": [1.0], "actual": [1.5], "levels": [0.9], "factors": [1.9]
            },
        }  # fmt: skip
        plain, model = restore(image, make_model(), preview=True, device="cpu"), make_model(**card)
        preview = restore(image, model, preview=True, device="cpu", settings=PosteriorSettings())
        np.testing.assert_allclose(preview.std, 1.5 * plain.std, rtol=1e-4)
        assert np.array_equal(preview.mean, plain.mean)
        low, high = preview.interval(0.9)
        np.testing.assert_allclose(high - low, 2 * 1.9 * preview.std, rtol=1e-3)
        assert preview.provenance["uncertainty"] == "calibrated"
        assert preview.provenance["warnings"] == []  # neither steps nor settings make a difference

    def test_before_two_draws_is_calibrated_as_a_previews(self, make_model: MakeModel, image: Image) -> None:
        card = {
            "calibration": {"kind": "monotone", "stated": [1.0], "actual": [3.0]},
            "preview_calibration": {"kind": "monotone", "stated": [1.0], "actual": [1.5]},
        }
        plain, model = restore(image, make_model(), preview=True, device="cpu"), make_model(**card)
        events = restore_events(image, model, **(QUICK | {"draws": 3}))
        stds = [event.std for event in events if isinstance(event, Estimate)]
        uncalibrated = restore_events(image, make_model(), **(QUICK | {"draws": 3}))
        raw = [event.std for event in uncalibrated if isinstance(event, Estimate)]
        np.testing.assert_allclose(stds[0], 1.5 * plain.std, rtol=1e-4)
        for std, stated, gain in zip(stds, raw, (1.5, 1.5, 3.0, 3.0), strict=True):
            np.testing.assert_allclose(std, gain * stated, rtol=1e-4)
        single = restore(image, model, **(QUICK | {"draws": 1}))
        np.testing.assert_allclose(single.std, stds[1], rtol=1e-6)
        assert single.provenance["calibration"] == {"stated": [1.0], "actual": [1.5], "factors": {}}
        assert single.provenance["warnings"] == []

    def test_of_a_single_independent_draw_is_not_calibrated(
        self, make_model: MakeModel, image: Image
    ) -> None:
        model = make_model(preview_calibration={"kind": "monotone", "stated": [1.0], "actual": [1.5]})
        settings = PosteriorSettings(antithetic=False)
        single = restore(image, model, settings=settings, **(QUICK | {"draws": 1}))
        preview = restore(image, make_model(), preview=True, device="cpu")
        np.testing.assert_allclose(single.std, preview.std, rtol=1e-6)
        assert single.provenance["uncertainty"] == "uncalibrated"

    def test_draws_cost_no_fidelity(self, simple_model: PretrainedModel, image: Image) -> None:
        best = image.repeat(2, 0).repeat(2, 1)
        for draws in (1, 2, 3, 8):
            result = restore(image, simple_model, **(QUICK | {"draws": draws}))
            np.testing.assert_allclose(result.mean, best, atol=1e-3 * span(image), rtol=0)

    def test_kept_draws_are_those_the_result_is_made_of(self, model: PretrainedModel, image: Image) -> None:
        result = restore(image, model, keep_draws=True, **(QUICK | {"draws": 4}))
        assert result.draws is not None
        assert result.draws.shape == (4, *result.mean.shape)
        np.testing.assert_allclose(result.draws.mean(0), result.mean, rtol=1e-4)
        independent = restore(
            image,
            model,
            keep_draws=True,
            settings=PosteriorSettings(antithetic=False),
            **(QUICK | {"draws": 4}),
        )
        assert independent.draws is not None
        np.testing.assert_allclose(independent.draws.std(0, ddof=1), independent.std, rtol=1e-2)

    def test_draws_are_not_kept_unless_asked(self, model: PretrainedModel, image: Image) -> None:
        assert restore(image, model, **QUICK).draws is None

    def test_preview_is_the_mean_networks_picture(self, model: PretrainedModel, image: Image) -> None:
        preview = restore(image, model, preview=True, device="cpu")
        first = next(restore_events(image, model, **QUICK))
        assert isinstance(first, Estimate)
        assert np.array_equal(preview.mean, first.mean)
        assert np.array_equal(preview.std, first.std)
        assert preview.provenance["draws"] == preview.provenance["steps"] == 0


class TestEvents:
    def test_come_in_the_promised_order(self, model: PretrainedModel, image: Image) -> None:
        stack = np.stack([image, image + 10])
        events = list(restore_events(stack, model, axes="ZYX", draws=2, steps=2, device="cpu"))
        told = [(e.stage, e.plane, e.draw, e.step) for e in events]
        one_draw = [("denoise", 1), ("denoise", 2), ("draw", 2)]
        planes = [
            [(stage, plane, draw, step) for draw in (0, 1) for stage, step in one_draw] for plane in (0, 1)
        ]
        assert told == [("mean", 0, 0, 0), ("mean", 1, 0, 0), *planes[0], *planes[1], ("done", 1, 1, 2)]
        assert {(e.planes, e.draws, e.steps) for e in events} == {(2, 2, 2)}
        fractions = [e.fraction for e in events]
        assert fractions == sorted(fractions)
        assert fractions[0] > 0
        assert fractions[-1] == 1

    def test_further_orientations_come_before_the_draws(self, make_model: MakeModel, image: Image) -> None:
        model = make_model(posterior_orientations=4)
        events = list(restore_events(image, model, draws=2, steps=2, device="cpu"))
        told = [(event.stage, event.step, event.steps) for event in events[:6]]
        assert told == [
            ("mean", 0, 2), ("refine", 2, 4), ("refine", 3, 4), ("refine", 4, 4), ("refine", 4, 4),
            ("denoise", 1, 2),
        ]  # fmt: skip
        first, refined = events[0], events[4]
        assert isinstance(first, Estimate)
        assert isinstance(refined, Estimate)
        assert not np.allclose(first.mean, refined.mean)
        fractions = [event.fraction for event in events]
        assert fractions == sorted(fractions)
        assert fractions[-2:] == pytest.approx([1, 1])

    def test_the_refined_picture_is_what_draws_are_shrunk_towards(
        self, make_model: MakeModel, image: Image
    ) -> None:
        model = make_model(posterior_orientations=2, posterior_shrinkage=1.0)
        *_, before, last = (e for e in restore_events(image, model, **QUICK) if isinstance(e, Estimate))
        events = list(restore_events(image, model, **QUICK))
        refined = next(e for e in events if isinstance(e, Estimate) and e.stage == "refine")
        assert last.stage == before.stage == "draw"
        np.testing.assert_array_equal(last.mean, refined.mean)

    def test_a_preview_sees_it_one_way_round(self, make_model: MakeModel, image: Image) -> None:
        plain, turned = make_model(), make_model(posterior_orientations=4)
        expected = restore(image, plain, preview=True, device="cpu")
        found: list[Event] = []
        result = restore(image, turned, preview=True, device="cpu", progress=found.append)
        assert np.array_equal(result.mean, expected.mean)
        assert [event.stage for event in found] == ["mean", "done"]
        assert {(event.draw, event.fraction) for event in found} == {(0, 1)}

    def test_can_be_stopped_between_orientations(self, make_model: MakeModel, image: Image) -> None:
        model, told = make_model(posterior_orientations=4), list[Event]()
        events = restore_events(
            image, model, draws=2, steps=2, device="cpu", stop=lambda: told[-1].stage == "refine"
        )
        told.extend([next(events)])
        for event in events:
            told.append(event)
        assert [event.stage for event in told] == ["mean", "refine", "done"]
        last, first = told[-1], told[0]
        assert isinstance(last, Finished)
        assert isinstance(first, Estimate)
        np.testing.assert_array_equal(last.result.mean, first.mean)

    def test_estimates_carry_their_plane(self, model: PretrainedModel, image: Image) -> None:
        stack = np.stack([np.stack([image, image + 10]), np.stack([image * 2, image + 5])])
        last: dict[tuple[int, ...], Estimate] = {}
        for event in restore_events(stack, model, axes="CZYX", draws=2, steps=2, device="cpu"):
            assert isinstance(event, Estimate) == (event.stage in ("mean", "draw"))
            if isinstance(event, Estimate):
                last[event.index] = event
            if isinstance(event, Finished):
                result = event.result
        assert set(last) == {(0, 0), (0, 1), (1, 0), (1, 1)}
        for index, estimate in last.items():
            assert np.array_equal(estimate.mean, result.mean[index])
            assert np.array_equal(estimate.std, result.std[index])

    def test_estimates_do_not_change_once_given(self, model: PretrainedModel, image: Image) -> None:
        given = [
            (e, e.mean.copy(), e.std.copy())
            for e in restore_events(image, model, **QUICK)
            if isinstance(e, Estimate)
        ]
        for event, mean, std in given:
            assert np.array_equal(event.mean, mean)
            assert np.array_equal(event.std, std)

    def test_go_to_progress(self, model: PretrainedModel, image: Image) -> None:
        seen: list[Event] = []
        result = restore(image, model, progress=seen.append, **QUICK)
        assert [e.stage for e in seen] == [e.stage for e in restore_events(image, model, **QUICK)]
        assert isinstance(seen[-1], Finished)
        assert seen[-1].result is result

    def test_tell_of_every_tile_if_a_pass_needs_several(self, model: PretrainedModel, image: Image) -> None:
        seen: list[Event] = []
        tiled = QUICK | {"tile": 16}
        restore(image, model, progress=seen.append, **tiled)
        passes = [e for e in seen if e.stage != "tile"]
        assert [e.stage for e in passes] == [e.stage for e in restore_events(image, model, **QUICK)]
        first = list(itertools.takewhile(lambda e: e.stage == "tile", seen))
        assert [e.tile for e in first] == list(range(1, first[0].tiles + 1))
        assert len(first) > 4
        assert {e.under_way for e in first} == {"mean"}
        steps = [(e.draw, e.step) for e in seen if e.under_way == "denoise" and e.tile == 1]
        assert steps == [(e.draw, e.step) for e in seen if e.stage == "denoise"]
        fractions = [e.fraction for e in seen]
        assert fractions == sorted(fractions)
        assert len(set(fractions)) > len(passes)

    def test_leave_the_callers_torch_alone(self, model: PretrainedModel, image: Image) -> None:
        for _ in restore_events(image, model, **QUICK):
            assert torch.is_grad_enabled()
            assert not torch.is_inference_mode_enabled()

    def test_leave_the_model_alone(self, model: PretrainedModel, image: Image) -> None:
        model.network.train()
        before = {name: value.clone() for name, value in model.network.state_dict().items()}
        restore(image, model, **QUICK)
        assert model.network.training
        assert all(p.requires_grad for p in model.network.parameters())
        assert all(torch.equal(value, before[name]) for name, value in model.network.state_dict().items())


class Cancelled(Exception):
    """What a caller raises to stop."""


class TestCancel:
    def test_checkpoint_stops_before_the_next_pass(self, image: Image, model: PretrainedModel) -> None:
        for allowed in (0, 1, 6, 20):
            passes: list[int] = []

            def checkpoint(passes: list[int] = passes, allowed: int = allowed) -> None:
                if len(passes) == allowed:
                    raise Cancelled
                passes.append(1)

            events = restore_events(image, model, tile=24, checkpoint=checkpoint, **QUICK)
            with pytest.raises(Cancelled):
                list(events)
            assert len(passes) == allowed
            assert list(events) == []

    def test_checkpoint_is_called_within_one_denoising_step(
        self, image: Image, model: PretrainedModel
    ) -> None:
        counts: list[int] = []
        events = restore_events(image, model, tile=24, checkpoint=lambda: counts.append(1), **QUICK)
        next(events)
        counts.clear()
        assert next(events).stage == "denoise"
        assert len(counts) > 4

    def test_checkpoint_is_called_while_a_large_plane_is_measured_and_first_seen(
        self, model: PretrainedModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(banded, "BAND_BYTES", 1)
        image = np.random.default_rng(0).poisson(20, (1100, 16)).astype(np.uint16)
        image[::100, ::8] = 4000
        called = [0]

        def checkpoint() -> None:
            called[0] += 1

        events = restore_events(image, model, checkpoint=checkpoint, preview=True, device="cpu")
        with monkeypatch.context() as without_network:
            without_network.setattr(PlaneRestorer, "estimate", lambda *_, **__: 1 // 0)
            with pytest.raises(ZeroDivisionError):
                next(events)
        assert called[0] >= 1 + 3  # the plane, and its strips
        called[0] = 0
        next(restore_events(image, model, checkpoint=checkpoint, preview=True, device="cpu"))
        assert called[0] > 4 + 1100 // banded.LEAST_ROWS

    def test_who_cancels_while_intensities_are_measured_hears_of_no_fault(
        self, model: PretrainedModel
    ) -> None:
        image = np.random.default_rng(0).poisson(20, (1100, 16)).astype(np.uint16)
        image[::100, ::8] = 4000
        for allowed in range(4):
            called = [0]

            def checkpoint(called: list[int] = called, allowed: int = allowed) -> None:
                called[0] += 1
                if called[0] > allowed:
                    raise Cancelled

            with pytest.raises(Cancelled):
                next(restore_events(image, model, checkpoint=checkpoint, preview=True, device="cpu"))

    def test_progress_stops_by_raising(self, image: Image, model: PretrainedModel) -> None:
        def progress(event: Event) -> None:
            if event.stage == "denoise":
                raise Cancelled

        with pytest.raises(Cancelled):
            restore(image, model, progress=progress, **QUICK)

    def test_a_stopped_run_can_be_closed_and_repeated(self, image: Image, model: PretrainedModel) -> None:
        expected = restore(image, model, **QUICK).mean
        events = restore_events(image, model, **QUICK)
        next(events)
        next(events)
        events.close()  # type: ignore[attr-defined]
        assert np.array_equal(restore(image, model, **QUICK).mean, expected)
        assert not torch.is_inference_mode_enabled()


class TestBadInput:
    @pytest.mark.parametrize(
        ("image", "error", "fault"),
        [
            (np.zeros((0, 16)), InputError, "empty"),
            (np.arange(64.0), InputError, "two"),
            (np.ones((16, 16)), InputError, "constant"),
            (np.full((16, 16), np.nan), InputError, "finite"),
            (np.eye(16, dtype=bool), InputTypeError, "boolean"),
            (np.eye(16, dtype=complex), InputTypeError, "complex"),
            (np.eye(16).astype(object), InputTypeError, "objects"),
            (np.eye(4), InputError, "pixels"),
            (np.random.default_rng(0).random((4, 16, 16)), AxesError, "axes"),
        ],
    )
    def test_images(self, model: PretrainedModel, image: Image, error: type[Exception], fault: str) -> None:
        # At once, before the first event is asked for.
        with pytest.raises(error, match=fault):
            restore_events(image, model)

    @pytest.mark.parametrize(
        ("setting", "error", "fault"),
        [
            ({"axes": "TYX"}, AxesError, "3 axes"),
            ({"axes": "YW"}, AxesError, "Unknown axes"),
            ({"draws": 0}, InputError, "at least 1.*preview"),
            ({"draws": 2.0}, InputTypeError, "draws"),
            ({"draws": 10**6}, InputError, "at most"),
            ({"steps": 0}, InputError, "steps"),
            ({"steps": True}, InputTypeError, "steps"),
            ({"seed": 0.5}, InputTypeError, "seed"),
            ({"seed": np.True_}, InputTypeError, "seed"),
            ({"pixel_size": 0}, InputError, "positive"),
            ({"pixel_size": -65.0}, InputError, "positive"),
            ({"pixel_size": float("nan")}, InputError, "positive"),
            ({"pixel_size": float("inf")}, InputError, "positive"),
            ({"pixel_size": True}, InputTypeError, "nanometres, not bool"),
            ({"pixel_size": "65 nm"}, InputTypeError, "nanometres"),
            ({"device": "gpu"}, DeviceError, "choose auto"),
            ({"tile": 0}, InputError, "tile"),
            ({"tile": "big"}, InputTypeError, "tile"),
        ],
    )
    def test_settings(
        self,
        model: PretrainedModel,
        image: Image,
        setting: dict[str, Any],
        error: type[Exception],
        fault: str,
    ) -> None:
        with pytest.raises(error, match=fault):
            restore_events(image, model, **setting)

    @pytest.mark.parametrize("model", ["default", None])
    def test_models(self, image: Image, model: object) -> None:
        with pytest.raises(InputTypeError, match="load_model"):
            restore(image, model)  # type: ignore[arg-type]


class TestOutOfMemory:
    class Hungry(CVDM):
        """A network that fits in memory only on small tiles."""

        largest = 0

        def predict_noise(self, z: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
            if max(z.shape[-2:]) > self.largest:
                raise torch.OutOfMemoryError("out of memory")
            return super().predict_noise(z, *others)

    @pytest.fixture
    def hungry(self, make_model: MakeModel, model: PretrainedModel) -> PretrainedModel:
        network = self.Hungry(model.network.config)
        network.load_state_dict(model.network.state_dict())
        return make_model(network)

    def test_an_automatic_tile_is_halved_and_the_result_is_the_same(
        self, hungry: PretrainedModel, model: PretrainedModel
    ) -> None:
        image = np.random.default_rng(0).random((40, 150))
        halo = model.network.noise_network.receptive_field
        self.Hungry.largest = 91 + 2 * halo
        result = restore(image, hungry, **QUICK)
        np.testing.assert_allclose(result.mean, restore(image, model, **QUICK).mean, rtol=0, atol=1e-4)
        (warning,) = result.provenance["warnings"]
        assert "Memory ran out" in warning
        assert result.provenance["tile"]["noise"] <= 92
        assert str(result.provenance["tile"]["noise"]) in warning

    def test_progress_does_not_fall_when_a_pass_begins_again_with_smaller_tiles(
        self, hungry: PretrainedModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("napari_cvdm.restoration.plane.automatic_tile", lambda *_: 64)
        image = np.random.default_rng(0).random((40, 150))
        # The first tile, at the border, has a halo on one side alone; the next does not fit.
        self.Hungry.largest = 64 + 2 * hungry.network.noise_network.receptive_field - 1
        seen: list[Event] = []
        restore(image, hungry, progress=seen.append, **QUICK)
        tiles = [e.tiles for e in seen if e.under_way == "denoise" and (e.draw, e.step) == (0, 1)]
        assert tiles[0] < tiles[1] == tiles[-1]
        fractions = [e.fraction for e in seen]
        assert fractions == sorted(fractions)

    def test_a_chosen_tile_is_an_error_that_is_no_runtime_error(self, hungry: PretrainedModel) -> None:
        # A RuntimeError raised inside a napari worker would vanish without a word.
        self.Hungry.largest = 0
        image = np.random.default_rng(0).random((40, 150))
        with pytest.raises(DeviceError, match="smaller tile"):
            restore(image, hungry, tile=64, **QUICK)
        assert not issubclass(DeviceError, RuntimeError)

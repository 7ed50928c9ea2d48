"""What is kept between the preview and the draws, and how running out of memory is told."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from napari_cvdm.models import PretrainedModel
from napari_cvdm.restoration import run as run_module
from napari_cvdm.restoration.errors import DeviceError
from napari_cvdm.restoration.events import Estimate, Event, Part
from napari_cvdm.restoration.plane import PlaneRestorer
from napari_cvdm.restoration.restore import restore, restore_events

QUICK: dict[str, Any] = {"axes": "TYX", "draws": 2, "steps": 2, "device": "cpu"}


@pytest.fixture
def film(image: NDArray[np.uint16]) -> NDArray[np.uint16]:
    return np.stack([image, image + 10, image // 2])


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for every first pass that is made."""
    made: list[int] = []
    estimate = PlaneRestorer.estimate

    def counted(self: PlaneRestorer, plane: NDArray[np.float32], *rest: Any, **named: Any) -> Any:
        made.append(plane.size)
        return estimate(self, plane, *rest, **named)

    monkeypatch.setattr(PlaneRestorer, "estimate", counted)
    return made


class TestOutOfMemory:
    def test_outside_the_networks_is_an_error_of_our_own(
        self, model: PretrainedModel, film: NDArray[np.uint16], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def starved(*_: object) -> None:
            raise torch.OutOfMemoryError("CUDA out of memory.")

        monkeypatch.setattr(run_module.RunningPosterior, "add", starved)
        with pytest.raises(DeviceError, match="Restore fewer planes"):
            restore(film, model, **QUICK)

    def test_is_foreseen_where_the_result_is_larger_than_the_computer(
        self, model: PretrainedModel, film: NDArray[np.uint16], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[int] = []
        monkeypatch.setattr(run_module, "check_fits", asked.append)
        for keep in (False, True):
            made = restore(film, model, keep_draws=keep, region=((4, 20), (8, 30)), **QUICK)
            kept = made.draws.nbytes if made.draws is not None else 0
            assert asked.pop() == made.mean.nbytes + made.std.nbytes + kept

    def test_other_errors_pass_through(
        self, model: PretrainedModel, film: NDArray[np.uint16], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: object) -> None:
            raise RuntimeError("a real fault")

        monkeypatch.setattr(run_module.RunningPosterior, "add", broken)
        with pytest.raises(RuntimeError, match="a real fault"):
            restore(film, model, **QUICK)


class TestFirstPasses:
    def test_are_made_once_for_each_plane(
        self, model: PretrainedModel, film: NDArray[np.uint16], passes: list[int]
    ) -> None:
        restore(film, model, **QUICK)
        assert len(passes) == 3

    def test_that_find_no_room_are_made_again_with_the_same_result(
        self,
        model: PretrainedModel,
        film: NDArray[np.uint16],
        passes: list[int],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        expected = restore(film, model, **QUICK)
        passes.clear()
        one = (33 + 35) * (50 + 34) * 13 * 4
        monkeypatch.setattr(run_module, "KEPT_ESTIMATES", one)
        result = restore(film, model, **QUICK)
        assert len(passes) == 3 + 2
        assert np.array_equal(result.mean, expected.mean)
        assert np.array_equal(result.std, expected.std)

    def test_of_a_preview_are_not_kept(
        self, model: PretrainedModel, film: NDArray[np.uint16], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kept: list[int] = []
        finished = run_module.Run._finished
        monkeypatch.setattr(
            run_module.Run,
            "_finished",
            lambda self, *rest: kept.append(len(self._kept)) or finished(self, *rest),
        )
        restore(film, model, preview=True, axes="TYX", device="cpu")
        restore(film, model, **QUICK)
        assert kept == [0, 0]


class TestParts:
    @pytest.mark.parametrize(
        ("axes", "choice"),
        [("TYX", {}), ("TXY", {}), ("TYX", {"region": ((5, 60), (11, 48)), "normalize": "whole"})],
    )
    def test_of_every_tile_make_up_the_first_picture(
        self, model: PretrainedModel, axes: str, choice: dict[str, Any]
    ) -> None:
        film = np.random.default_rng(0).gamma(2.0, 100, (2, 70, 54)).astype(np.float32)
        told: list[Part | Event] = []
        events = restore_events(
            film,
            model,
            axes=axes,
            draws=1,
            steps=2,
            tile=16,
            device="cpu",
            on_part=told.append,
            **choice,
        )
        while (event := next(events, None)) is not None:
            told.append(event)
        firsts = [event for event in told if isinstance(event, Estimate) and event.stage == "mean"]
        assert len(firsts) == 2
        for first in firsts:
            before = told[: told.index(first)]
            assert not any(isinstance(event, Part) for event in told[told.index(firsts[-1]) :])
            parts = [part for part in before if isinstance(part, Part) and part.index == first.index]
            mean, std = np.full_like(first.mean, np.nan), np.full_like(first.std, np.nan)
            for part in parts:
                assert part.plane_shape == first.mean.shape
                place = np.s_[part.rows.start : part.rows.stop, part.columns.start : part.columns.stop]
                assert np.isnan(mean[place]).all()  # no pixel comes twice
                mean[place], std[place] = part.mean, part.std
            assert len(parts) > 4
            np.testing.assert_array_equal(mean, first.mean)
            np.testing.assert_array_equal(std, first.std)

    @pytest.mark.parametrize("choice", [{}, {"region": ((5, 60), (11, 48))}])
    def test_begin_at_a_place(self, model: PretrainedModel, choice: dict[str, Any]) -> None:
        image = np.random.default_rng(0).gamma(2.0, 100, (70, 54)).astype(np.float32)
        told: list[Part] = []
        settings: dict[str, Any] = {"preview": True, "tile": 16, "device": "cpu", **choice}
        list(restore_events(image, model, on_part=told.append, first_place=(0.9, 0.6), **settings))
        height, width = told[0].plane_shape
        assert abs(np.mean(told[0].rows) / height - 0.9) < 0.2
        assert abs(np.mean(told[0].columns) / width - 0.6) < 0.2
        assert told[-1].rows.start == told[-1].columns.start == 0

    def test_there_are_none_of_a_plane_in_one_tile(self, model: PretrainedModel) -> None:
        told: list[Part] = []
        image = np.random.default_rng(0).gamma(2.0, 100, (40, 40)).astype(np.float32)
        list(restore_events(image, model, preview=True, device="cpu", on_part=told.append))
        assert not told

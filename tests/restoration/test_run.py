"""What is kept between the preview and the draws, and how running out of memory is told."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from napari_cvdm.models import PretrainedModel
from napari_cvdm.restoration import run as run_module
from napari_cvdm.restoration.errors import DeviceError
from napari_cvdm.restoration.plane import PlaneRestorer
from napari_cvdm.restoration.restore import restore

QUICK: dict[str, Any] = {"axes": "TYX", "draws": 2, "steps": 2, "device": "cpu"}


@pytest.fixture
def film(image: NDArray[np.uint16]) -> NDArray[np.uint16]:
    return np.stack([image, image + 10, image // 2])


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for every first pass that is made."""
    made: list[int] = []
    estimate = PlaneRestorer.estimate

    def counted(self: PlaneRestorer, plane: NDArray[np.float32]) -> Any:
        made.append(plane.size)
        return estimate(self, plane)

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

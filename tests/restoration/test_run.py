"""What is kept between the preview and the draws."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_cvdm.models import PretrainedModel
from napari_cvdm.restoration import run as run_module
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

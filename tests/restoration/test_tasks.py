"""Windows put together from the chunks of dask arrays; who is told how far a block is."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch

from napari_cvdm.models import PretrainedModel
from napari_cvdm.restoration import resident, tasks
from napari_cvdm.restoration.errors import DeviceError, InputError
from napari_cvdm.restoration.lazy import LazyRestoration, restore_lazy
from napari_cvdm.restoration.tasks import plan_pieces, watching


@pytest.mark.parametrize("rows", [range(3), range(2, 17), range(5, 6), range(20)])
@pytest.mark.parametrize("columns", [range(1), range(7, 13)])
def test_pieces_make_up_the_window(rows: range, columns: range) -> None:
    chunks = ((2, 1), (5, 3, 12), (7, 6))
    array = np.random.default_rng(0).random((3, 20, 13))
    edges = [np.cumsum((0, *lengths)) for lengths in chunks]
    for plane in range(3):
        pieces, numbers = plan_pieces(chunks, (plane,), rows, columns)
        window = np.full((len(rows), len(columns)), np.nan)
        for number, (taken, down, across) in zip(numbers, pieces, strict=True):
            chunk = array[tuple(slice(e[n], e[n + 1]) for e, n in zip(edges, number, strict=True))]
            window[down, across] = chunk[taken]
        np.testing.assert_array_equal(
            window, array[plane, rows.start : rows.stop, columns.start : columns.stop]
        )


def test_only_chunks_that_are_needed_are_asked_for() -> None:
    _, numbers = plan_pieces(((4,), (10, 10), (10, 10, 10)), (3,), range(2, 8), range(9, 20))
    assert numbers == [(0, 0, 0), (0, 0, 1)]


def test_a_part_that_cannot_be_read_is_told_in_a_sentence(model: PretrainedModel) -> None:
    class Torn:
        shape, dtype, ndim, torn = (40, 40), np.dtype("u2"), 2, False

        def __getitem__(self, selection: Any) -> Any:
            if self.torn:
                raise OSError(5, "Input/output error")
            return np.random.default_rng(0).integers(0, 9, self.shape, self.dtype)[selection]

    image = Torn()
    lazy = restore_lazy(image, model, draws=1, steps=1, device="cpu")
    image.torn = True
    with pytest.raises(InputError, match="could not be read"):
        lazy.compute(scheduler="synchronous")


def test_memory_that_runs_out_outside_a_pass_is_told_in_a_sentence(
    model: PretrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def starved(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    image = np.random.default_rng(0).integers(0, 9, (40, 40), np.dtype("u2"))
    lazy = restore_lazy(image, model, draws=1, steps=1, device="cpu")
    monkeypatch.setattr(resident, "plane_engine", starved)
    with pytest.raises(DeviceError, match="Memory ran out for a block"):
        lazy.compute(scheduler="synchronous")


class TestWatching:
    """Two restorations of one block at once, each in a thread of its own."""

    STEPS = 3

    @pytest.fixture(autouse=True)
    def _quickly(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No pass is taken for a long one, however busy this machine."""
        monkeypatch.setattr(tasks, "REPEATED_AFTER", 600.0)

    @pytest.fixture
    def lazy(self, model: PretrainedModel) -> LazyRestoration:
        image = np.random.default_rng(0).integers(0, 99, (40, 40), np.uint16)
        return restore_lazy(image, model, draws=1, steps=self.STEPS, device="cpu")

    def test_each_hears_of_the_block_of_its_own_thread(self, lazy: LazyRestoration) -> None:
        both = threading.Barrier(2, timeout=60)

        def heard(_: str) -> list[float]:
            shares: list[float] = []
            with watching(shares.append):
                both.wait()
                lazy.compute(scheduler="synchronous")
                both.wait()
            lazy.compute(scheduler="synchronous")  # which nobody watches any more
            return shares

        with ThreadPoolExecutor(2) as pool:
            shares = list(pool.map(heard, "ab"))
        assert shares == [[pytest.approx(step / self.STEPS) for step in (1, 2, 3)]] * 2

    def test_they_are_told_again_while_a_pass_lasts_and_can_end_it(
        self, lazy: LazyRestoration, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tasks, "REPEATED_AFTER", -1.0)
        shares: list[float] = []

        def stop(share: float) -> None:
            shares.append(share)
            if len(shares) == 3:
                raise KeyError("given up")

        with watching(stop), pytest.raises(KeyError):
            lazy.compute(scheduler="synchronous")
        assert shares == [0.0] * 3  # before the first pass had ended
        shares.clear()
        with watching(shares.append):
            lazy.compute(scheduler="synchronous")
        assert shares == sorted(shares)
        assert sorted(set(shares)) == [pytest.approx(step / self.STEPS) for step in range(4)]

    def test_what_one_raises_ends_its_own_run_alone(self, lazy: LazyRestoration) -> None:
        both = threading.Barrier(2, timeout=60)

        def give_up(_: float) -> None:
            raise KeyError("given up")

        def end(report: Any) -> BaseException | None:
            with watching(report):
                both.wait()
                try:
                    lazy.compute(scheduler="synchronous")
                except KeyError as error:
                    return error
                finally:
                    both.wait()
            return None

        with ThreadPoolExecutor(2) as pool:
            ends = list(pool.map(end, (give_up, lambda _: None)))
        assert [type(each) for each in ends] == [KeyError, type(None)]

    def test_the_innermost_of_a_thread_hears_it(self, lazy: LazyRestoration) -> None:
        outer: list[float] = []
        inner: list[float] = []
        with watching(outer.append):
            with watching(inner.append):
                lazy.compute(scheduler="synchronous")
            assert (len(outer), len(inner)) == (0, self.STEPS)
            lazy.compute(scheduler="synchronous")
        assert (len(outer), len(inner)) == (self.STEPS, self.STEPS)

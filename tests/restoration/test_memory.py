"""Running out of memory, on machines that are faked."""

from collections.abc import Callable
from functools import partial

import pytest
import torch

from napari_cvdm.restoration.errors import DeviceError
from napari_cvdm.restoration.memory import (
    SMALLEST_TILE,
    TileSize,
    explained_shortage,
    is_out_of_memory,
    within_memory,
)

CPU = torch.device("cpu")


class TestExplainedShortage:
    @pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory."), MemoryError()], ids=str)
    def test_is_an_error_of_our_own(self, error: BaseException) -> None:
        with (
            pytest.raises(DeviceError, match=r"Memory ran out for a block\. Take less\."),
            explained_shortage("a block", "Take less."),
        ):
            raise error

    def test_other_errors_pass_through(self) -> None:
        with pytest.raises(RuntimeError, match="a real fault"), explained_shortage("a block", "Take less."):
            raise RuntimeError("a real fault")


AMBIGUOUS = [
    "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
    "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED",
    "GET was unable to find an engine to execute this computation",
    "Unable to find a valid cuDNN algorithm to run convolution",
]


class TestWithinMemory:
    @staticmethod
    def job(fits: int, error: BaseException | None = None) -> tuple[list[int], Callable[[int], str]]:
        tried: list[int] = []

        def run(side: int) -> str:
            tried.append(side)
            if side > fits:
                raise error or torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
            return f"done with {side}"

        return tried, run

    def test_halves_an_automatic_tile_until_it_fits_and_remembers(self) -> None:
        tile = TileSize("auto", 1024)
        tried, run = self.job(fits=300)
        assert within_memory(run, tile, 2000, CPU) == "done with 256"
        assert tried == [1024, 512, 256]
        assert (tile.side, tile.halvings) == (256, 2)
        assert within_memory(run, tile, 2000, CPU) == "done with 256"
        assert tile.halvings == 2

    def test_starts_from_the_plane_when_the_tile_is_larger(self) -> None:
        tile = TileSize("auto", 4096)
        tried, run = self.job(fits=300)
        within_memory(run, tile, 544, CPU)
        assert tried == [4096, 272]

    def test_a_chosen_tile_is_never_changed(self) -> None:
        tile = TileSize(512, 1024)
        tried, run = self.job(fits=300)
        with pytest.raises(DeviceError, match=r"tiles of 512 pixels.*smaller tile, or tile='auto'"):
            within_memory(run, tile, 2000, CPU)
        assert tried == [512]

    @pytest.mark.parametrize(("kind", "place"), [("cpu", "the computer"), ("mps", "the device mps")])
    def test_gives_up_at_the_smallest_tile(
        self, monkeypatch: pytest.MonkeyPatch, kind: str, place: str
    ) -> None:
        monkeypatch.setattr(torch.mps, "empty_cache", lambda: None)
        tile = TileSize("auto", 100)
        tried, run = self.job(fits=0)
        with pytest.raises(DeviceError, match=rf"on {place} with .* Close other programs"):
            within_memory(run, tile, 2000, torch.device(kind))
        assert min(tried) >= SMALLEST_TILE

    @pytest.mark.parametrize("kind", ["cuda", "mps"])
    def test_a_gpu_has_done_a_pass_when_it_returns(self, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
        ran: list[int] = []

        def wait(*device: torch.device) -> None:
            ran.append(tried[-1])  # which memory may turn out to be too little for only now
            if tried[-1] > 300:
                raise torch.OutOfMemoryError("out of memory")

        monkeypatch.setattr(getattr(torch, kind), "synchronize", wait)
        freed: list[str] = []
        for other in ("cuda", "mps"):
            monkeypatch.setattr(getattr(torch, other), "empty_cache", partial(freed.append, other))
        tried, run = self.job(fits=700)
        assert within_memory(run, TileSize("auto", 1024), 2000, torch.device(kind)) == "done with 256"
        assert (tried, ran) == ([1024, 512, 256], [512, 256])
        assert freed == [kind] * 2  # what torch keeps of a pass that failed is room for the next

    def test_other_errors_pass_through(self) -> None:
        tried, run = self.job(fits=0, error=RuntimeError("a real fault"))
        with pytest.raises(RuntimeError, match="a real fault"):
            within_memory(run, TileSize("auto", 512), 2000, CPU)
        assert tried == [512]

    @pytest.mark.parametrize(
        "error",
        [
            torch.OutOfMemoryError("CUDA out of memory."),
            RuntimeError("MPS backend out of memory (MPS allocated: 18 GB)"),
            RuntimeError("[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: can't allocate memory"),
            RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."),
            RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
            RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
            RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
            RuntimeError("Invalid buffer size: 9.59 GiB"),
            MemoryError(),
        ],
        ids=str,
    )
    def test_knows_the_ways_to_say_that_memory_ran_out(self, error: BaseException) -> None:
        assert is_out_of_memory(error)
        assert is_out_of_memory(error, beyond_doubt=True)
        assert not is_out_of_memory(ValueError(str(error)))

    @pytest.mark.parametrize("words", AMBIGUOUS)
    def test_knows_which_of_them_may_mean_something_else(self, words: str) -> None:
        assert is_out_of_memory(RuntimeError(words))
        assert not is_out_of_memory(RuntimeError(words), beyond_doubt=True)

    @pytest.mark.parametrize("words", AMBIGUOUS)
    def test_where_the_card_is_full_smaller_tiles_are_tried(self, words: str) -> None:
        tried, run = self.job(fits=300, error=RuntimeError(words))
        assert within_memory(run, TileSize("auto", 512), 2000, CPU) == "done with 256"
        assert tried == [512, 256]

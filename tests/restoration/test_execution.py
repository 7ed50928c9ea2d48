"""How networks run, on machines that are faked."""

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_cvdm.cvdm.model import CVDM
from napari_cvdm.models import PretrainedModel, load_model
from napari_cvdm.restoration import execution, plane
from napari_cvdm.restoration.banded import BandedUNet
from napari_cvdm.restoration.execution import (
    Precision,
    available_cores,
    fit_threads,
    in_inference_mode,
    plain_inference,
    precision_elsewhere,
    prepared_copy,
)
from napari_cvdm.restoration.restore import restore
from napari_cvdm.restoration.result import Restoration

CPU = torch.device("cpu")
GPU = torch.device("cuda", 0)
MICROGRAPH = Path(__file__).parents[1] / "data" / "tubulin_wf.tif"


class TestPreparedCopy:
    def test_leaves_the_network_as_it_was(self, simple_network: CVDM) -> None:
        network = simple_network.double().train()
        prepared = prepared_copy(network, CPU)
        assert not prepared.training
        assert all(p.dtype == torch.float32 and not p.requires_grad for p in prepared.parameters())
        kernel = prepared.noise_network.stem.weight
        assert kernel.is_contiguous(memory_format=torch.channels_last)
        assert not network.noise_network.stem.weight.is_contiguous(memory_format=torch.channels_last)
        assert network.training
        assert all(p.dtype == torch.float64 and p.requires_grad for p in network.parameters())
        assert isinstance(prepared.noise_network, BandedUNet)

    def test_has_no_bands_elsewhere(self, simple_network: CVDM) -> None:
        # The device of shapes without values stands in for a GPU.
        prepared = prepared_copy(simple_network, torch.device("meta"))
        assert not isinstance(prepared.noise_network, BandedUNet)


class TestPrecision:
    @pytest.mark.parametrize(("capability", "half"), [((6, 1), False), ((7, 0), True), ((9, 0), True)])
    def test_is_half_where_there_are_tensor_cores(
        self, monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], half: bool
    ) -> None:
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
        assert Precision(GPU).half == half
        assert ("float16" in Precision(GPU).name) == half

    @pytest.mark.parametrize("kind", ["cpu", "mps"])
    def test_is_single_elsewhere(self, kind: str) -> None:
        precision = Precision(torch.device(kind))
        assert not precision.half
        assert precision.name == "float32"

    def test_reaches_the_convolutions_and_gives_up_for_the_draw_on_overflow(self) -> None:
        precision = Precision(CPU)
        precision.half = True
        layer = torch.nn.Conv2d(1, 1, 1, bias=False).requires_grad_(False)
        torch.nn.init.ones_(layer.weight)
        seen: list[torch.dtype] = []

        def network(x: Tensor) -> Tensor:
            out = layer(x)
            seen.append(out.dtype)
            return out.float()

        small, large = torch.ones(1, 1, 2, 2), torch.full((1, 1, 2, 2), 1e6)
        run = precision.for_draw()
        assert torch.equal(run(network, small), small)
        assert precision.name == execution.HALF
        assert torch.equal(run(network, large), large)
        assert precision.name == execution.HALF_BUT_OUTGROWN
        assert torch.equal(run(network, small), small)
        assert seen == [torch.float16, torch.float16, torch.float32, torch.float32]
        # The pixels of another draw, perhaps of another image, are those it has when it comes first.
        precision.for_draw()(network, small)
        assert seen[-1] == torch.float16

    @pytest.mark.parametrize(
        ("device", "half"), [("auto", True), ("cuda:1", True), ("cpu", False), ("mps", False)]
    )
    def test_of_workers_is_told_as_far_as_it_is_known(self, device: str, half: bool) -> None:
        assert ("float16" in precision_elsewhere(device)) == half

    def test_half_changes_some_ten_thousandths_of_the_range(self, monkeypatch: pytest.MonkeyPatch) -> None:
        image, model = tifffile.imread(MICROGRAPH)[20:52, 20:52], load_model()
        # Without bands, as on the GPU that this CPU stands in for.
        monkeypatch.setattr(execution, "run_in_bands", lambda *_: None)
        single = restore(image, model, draws=2, device="cpu")
        assert single.provenance["precision"] == "float32"

        class Half(Precision):
            def __init__(self, device: torch.device) -> None:
                super().__init__(device)
                self.half = True

        monkeypatch.setattr(plane, "Precision", Half)
        half = restore(image, model, draws=2, device="cpu")
        assert half.provenance["precision"].startswith("float16")
        tolerance = 5e-4 * float(np.ptp(single.mean))
        np.testing.assert_allclose(half.mean, single.mean, rtol=0, atol=tolerance)
        np.testing.assert_allclose(half.std, single.std, rtol=0, atol=tolerance)
        assert not np.array_equal(half.mean, single.mean)


class TestThreads:
    @pytest.fixture(autouse=True)
    def machine(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
        """Eight cores, and no limit unless a test writes one."""
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
        for name in ("CGROUP_LIMIT", "CGROUP_QUOTA", "CGROUP_PERIOD"):
            monkeypatch.setattr(execution, name, tmp_path / name)
        return tmp_path

    def test_cores_are_those_of_the_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert available_cores() == 8
        monkeypatch.delattr(os, "sched_getaffinity")
        monkeypatch.setattr(os, "cpu_count", lambda: 6)
        assert available_cores() == 6

    @pytest.mark.parametrize(
        ("limit", "cores"),
        [("max 100000", 8), ("150000 100000", 2), ("50000 100000", 1), ("9900000 100000", 8), ("odd", 8)],
    )
    def test_cores_are_at_most_the_share_of_a_container(self, machine: Path, limit: str, cores: int) -> None:
        (machine / "CGROUP_LIMIT").write_text(limit + "\n")
        assert available_cores() == cores

    @pytest.mark.parametrize(("quota", "cores"), [("-1", 8), ("300000", 3)])
    def test_cores_are_at_most_the_share_in_an_older_container(
        self, machine: Path, quota: str, cores: int
    ) -> None:
        (machine / "CGROUP_QUOTA").write_text(quota + "\n")
        (machine / "CGROUP_PERIOD").write_text("100000\n")
        assert available_cores() == cores

    @pytest.mark.parametrize(("threads", "fitted"), [(64, 8), (8, 8), (3, 3)])
    def test_are_made_fewer_and_never_more(
        self, monkeypatch: pytest.MonkeyPatch, threads: int, fitted: int
    ) -> None:
        now = [threads]
        monkeypatch.setattr(torch, "get_num_threads", lambda: now[0])
        monkeypatch.setattr(torch, "set_num_threads", lambda number: now.__setitem__(0, number))
        assert fit_threads() == fitted


class TestInferenceMode:
    def test_each_step_runs_in_it_and_the_caller_does_not(self) -> None:
        inside: list[bool] = []

        def steps() -> Iterator[int]:
            for number in range(3):
                inside.append(torch.is_inference_mode_enabled())
                yield number

        def walk() -> Iterator[None]:
            last.append((yield from in_inference_mode(steps())))

        last: list[int] = []
        assert [torch.is_inference_mode_enabled() for _ in walk()] == [False] * 3
        assert inside == [True] * 3
        assert last == [2]

    def test_a_fault_comes_through_and_ends_the_mode(self) -> None:
        def steps() -> Iterator[int]:
            yield 1
            raise MemoryError("full")

        taken = in_inference_mode(steps())
        next(taken)
        with pytest.raises(MemoryError, match="full"):
            next(taken)
        assert not torch.is_inference_mode_enabled()


class TestTheCallersSettings:
    """What a program has set for its own work changes no pixel, and is as it was afterwards."""

    SETTINGS: ClassVar[dict[str, Any]] = {"draws": 2, "steps": 2, "device": "cpu", "tile": 16}

    @pytest.fixture
    def expected(self, model: PretrainedModel, image: NDArray[np.uint16]) -> Restoration:
        return restore(image, model, **self.SETTINGS)

    def test_autocast(self, model: PretrainedModel, image: NDArray[np.uint16], expected: Restoration) -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = restore(image, model, **self.SETTINGS)
            assert torch.is_autocast_enabled("cpu")
        np.testing.assert_array_equal(found.mean, expected.mean)
        np.testing.assert_array_equal(found.std, expected.std)

    def test_default_device_and_type(
        self, model: PretrainedModel, image: NDArray[np.uint16], expected: Restoration
    ) -> None:
        try:
            torch.set_default_device("meta")
            torch.set_default_dtype(torch.float64)
            found = restore(image, model, **self.SETTINGS)
        finally:
            torch.set_default_device(None)
            torch.set_default_dtype(torch.float32)
        np.testing.assert_array_equal(found.mean, expected.mean)
        np.testing.assert_array_equal(found.std, expected.std)

    def test_tf32_is_off_inside_and_left_as_it_was(self) -> None:
        cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
        before = cudnn.allow_tf32, matmul.allow_tf32
        entered, leave = threading.Event(), threading.Event()

        def another_run() -> None:
            with plain_inference():
                entered.set()
                leave.wait(60)

        thread = threading.Thread(target=another_run)
        try:
            for wanted in (True, False):
                cudnn.allow_tf32 = matmul.allow_tf32 = wanted
                with plain_inference(), plain_inference():
                    assert (cudnn.allow_tf32, matmul.allow_tf32) == (False, False)
                    assert cudnn.enabled
                assert (cudnn.allow_tf32, matmul.allow_tf32) == (wanted, wanted)
            # Two runs side by side: the one that ends first leaves it to the other.
            cudnn.allow_tf32 = True
            with plain_inference():
                thread.start()
                assert entered.wait(60)
            assert not cudnn.allow_tf32
            leave.set()
            thread.join(60)
            assert cudnn.allow_tf32
        finally:
            leave.set()
            cudnn.allow_tf32, matmul.allow_tf32 = before

    @pytest.mark.skipif(not hasattr(torch.backends.cudnn, "conv"), reason="switches of torch 2.9 and later")
    @pytest.mark.parametrize("of_all", [False, True])
    def test_tf32_that_was_asked_for_by_the_newer_switches_is_off_too(self, of_all: bool) -> None:
        def settings() -> list[str]:
            cudnn = torch.backends.cudnn
            return [each.fp32_precision for each in (torch.backends, cudnn, cudnn.conv, cudnn.rnn)]

        before = settings()
        try:
            if of_all:
                torch.backends.fp32_precision = "tf32"
            else:
                torch.backends.cudnn.rnn.fp32_precision = "ieee"
            asked = settings()
            with plain_inference():
                assert torch.backends.cudnn.conv.fp32_precision == "ieee"
            assert settings() == asked
        finally:
            torch.backends.fp32_precision = before[0]
            torch.backends.cudnn.allow_tf32 = True
        assert settings() == before

    @pytest.mark.parametrize("interrupted", [False, True])
    def test_threads(
        self,
        model: PretrainedModel,
        image: NDArray[np.uint16],
        monkeypatch: pytest.MonkeyPatch,
        interrupted: bool,
    ) -> None:
        monkeypatch.setattr(execution, "available_cores", lambda: 1)
        seen: list[int] = []

        def look(_: object) -> None:
            seen.append(torch.get_num_threads())
            if interrupted:
                raise KeyboardInterrupt

        before = torch.get_num_threads()
        torch.set_num_threads(3)
        try:
            with suppress(KeyboardInterrupt):
                restore(image, model, progress=look, **self.SETTINGS)
            gc.collect()
            after = torch.get_num_threads()
        finally:
            torch.set_num_threads(before)
        assert (set(seen), after) == ({1}, 3)

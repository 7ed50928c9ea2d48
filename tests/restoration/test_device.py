"""The choice of processor and tile, on machines that are faked."""

import platform
import shutil
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from napari_cvdm.models import load_model
from napari_cvdm.restoration.device import (
    LIVE_FEATURE_MAPS,
    LIVE_FEATURE_MAPS_IN_BANDS,
    OTHER_CHANNELS_IN_BANDS,
    automatic_tile,
    check_tile,
    choose_device,
    gpu_hint,
    stand_in,
)
from napari_cvdm.restoration.errors import DeviceError, InputError, InputTypeError
from napari_cvdm.restoration.memory import SMALLEST_TILE
from napari_cvdm.restoration.tiling import plan_padding, tile_spans

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without accelerators, whatever the tests run on."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(shutil, "which", lambda _: None)


def stay(tensor: Tensor, device: torch.device, *, memory_format: torch.memory_format) -> Tensor:
    return tensor.contiguous(memory_format=memory_format)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of them, the second in use, where tensors said to be on either are really on the CPU."""
    monkeypatch.setattr(Tensor, "to", stay)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)


FAULTS = ["raises", "computes nonsense", "mixes channels up", "mixes rows and columns up"]


def break_convolution(monkeypatch: pytest.MonkeyPatch, fault: str, message: str) -> None:
    """Let convolutions raise an error of this message, or compute what they should not."""
    convolve = torch.nn.functional.conv2d

    def conv2d(image: Tensor, kernel: Tensor) -> Tensor:
        if fault == "raises":
            raise RuntimeError(message)
        if fault == "computes nonsense":
            return 0 * convolve(image, kernel)
        return convolve(image, kernel.flip(0) if fault == "mixes channels up" else kernel.transpose(2, 3))

    monkeypatch.setattr(torch.nn.functional, "conv2d", conv2d)


def fill_gpu(monkeypatch: pytest.MonkeyPatch, free: int, reserved: int = 0, allocated: int = 0) -> None:
    """Let the driver have so many bytes left, and torch hold so many, of which tensors use so many."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free, 2**42))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: reserved)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: allocated)


@pytest.fixture
def apple(monkeypatch: pytest.MonkeyPatch) -> None:
    """An Apple machine, where tensors said to be on MPS are really on the CPU."""
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(Tensor, "to", stay)


class TestChooseDevice:
    def test_automatic_is_the_cpu_on_a_bare_machine(self) -> None:
        chosen = choose_device()
        assert (chosen.device, chosen.notice) == (CPU, None)

    def test_the_cpu_can_be_asked_for(self, two_gpus: None) -> None:
        assert choose_device("cpu").device == CPU

    @pytest.mark.parametrize(
        ("name", "number"), [("auto", 1), ("cuda", 1), ("cuda:0", 0), ("CUDA:1 ", 1), ("cuda:1", 1)]
    )
    def test_cuda(self, two_gpus: None, name: str, number: int) -> None:
        assert choose_device(name).device == torch.device("cuda", number)

    def test_a_torch_device_is_a_name_too(self, two_gpus: None) -> None:
        assert choose_device(torch.device("cuda:0")).device == torch.device("cuda:0")  # type: ignore[arg-type]

    def test_cuda_that_is_not_there(self) -> None:
        with pytest.raises(DeviceError, match=r"no CUDA device.*'auto' or 'cpu'"):
            choose_device("cuda")

    def test_a_number_too_high(self, two_gpus: None) -> None:
        with pytest.raises(DeviceError, match=r"no device cuda:2.*cuda:0 to cuda:1"):
            choose_device("cuda:2")

    @pytest.mark.parametrize("name", ["gpu", "", "cuda:x", "cuda:-1", "cpu:3", "mps:1", "xpu"])
    def test_unknown_names(self, name: str) -> None:
        with pytest.raises(DeviceError, match="choose auto, cpu, cuda"):
            choose_device(name)

    @pytest.mark.parametrize("name", [None, 0, True])
    def test_not_even_text(self, name: object) -> None:
        with pytest.raises(InputTypeError, match="'auto' or 'cpu'"):
            choose_device(name)  # type: ignore[arg-type]

    def test_mps_that_is_not_there(self) -> None:
        with pytest.raises(DeviceError, match="'auto' or 'cpu'"):
            choose_device("mps")

    @pytest.mark.parametrize("name", ["auto", "mps"])
    def test_mps_that_works(self, apple: None, name: str) -> None:
        chosen = choose_device(name)
        assert (chosen.device.type, chosen.notice) == ("mps", None)

    @pytest.mark.parametrize("fault", FAULTS)
    def test_mps_that_fails_its_test_is_replaced_with_a_notice(
        self, apple: None, monkeypatch: pytest.MonkeyPatch, fault: str
    ) -> None:
        break_convolution(monkeypatch, fault, "MPS backend failed")
        chosen = choose_device("auto")
        assert chosen.device == CPU
        assert chosen.notice is not None
        assert "CPU is used instead" in chosen.notice

    @pytest.mark.parametrize("fault", FAULTS)
    def test_a_gpu_that_torch_has_no_kernels_for(
        self, two_gpus: None, monkeypatch: pytest.MonkeyPatch, fault: str
    ) -> None:
        message = "CUDA error: no kernel image is available for execution on the device"
        break_convolution(monkeypatch, fault, message)
        chosen = choose_device("auto")
        assert chosen.device == CPU
        assert chosen.notice is not None
        assert "CPU is used instead" in chosen.notice
        assert "pytorch.org" in chosen.notice
        for name, number in (("cuda", 1), ("cuda:0", 0)):
            with pytest.raises(DeviceError, match=rf"cuda:{number} failed.*pytorch\.org.*'cpu'"):
                choose_device(name)

    def test_a_gpu_whose_memory_is_full_works(self, two_gpus: None, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: Tensor) -> Tensor:
            raise torch.OutOfMemoryError("CUDA out of memory.")

        monkeypatch.setattr(torch.nn.functional, "conv2d", full)
        assert choose_device("auto").device == torch.device("cuda", 1)

    @pytest.mark.parametrize(
        "message",
        [
            "GET was unable to find an engine to execute this computation",
            "Unable to find a valid cuDNN algorithm to run convolution",
            "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED",
        ],
    )
    def test_a_gpu_on_which_cudnn_does_not_work_does_not(
        self, two_gpus: None, monkeypatch: pytest.MonkeyPatch, message: str
    ) -> None:
        break_convolution(monkeypatch, "raises", message)
        assert choose_device("auto").device == CPU

    def test_what_stands_in_for_a_device_elsewhere(self) -> None:
        names = ["auto", "cpu", "cuda", "cuda:3", "mps"]
        assert [stand_in(name) for name in names] == ["auto", "cpu", "cpu", "cpu", "cpu"]
        with pytest.raises(DeviceError, match="choose auto"):
            stand_in("gpu")


class TestGpuHint:
    """Whoever has no GPU at work is told how to get one to work, on their very system."""

    @pytest.fixture
    def machine(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
        def machine(system: str, cuda: str | None = None, processor: str = "x86_64") -> None:
            monkeypatch.setattr(platform, "system", lambda: system)
            monkeypatch.setattr(platform, "machine", lambda: processor)
            monkeypatch.setattr(torch, "version", SimpleNamespace(cuda=cuda, hip=None))

        return machine

    def test_nothing_is_said_where_there_is_one(self, two_gpus: None) -> None:
        assert gpu_hint() is None

    @pytest.mark.parametrize("system", ["Linux", "Windows"])
    def test_a_build_for_cpus_is_to_be_replaced(
        self, machine: Callable[..., None], monkeypatch: pytest.MonkeyPatch, system: str
    ) -> None:
        machine(system)
        hint = gpu_hint()
        assert hint is not None
        for words in ("pytorch.org/get-started", system, "--force-reinstall"):
            assert words in hint
        with pytest.raises(DeviceError, match=r"pytorch\.org"):
            choose_device("cuda")
        assert choose_device("auto").notice is None  # most likely there is no GPU
        monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
        assert choose_device("auto").notice == hint

    def test_a_build_for_gpus_lacks_a_driver(
        self, machine: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        machine("Linux", cuda="12.6")
        assert "nvidia-smi" in str(gpu_hint())
        monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
        assert choose_device("auto").notice is None  # as on the login node of a cluster

    def test_macs_are_told_what_they_can_do(
        self, machine: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        machine("Darwin", processor="arm64")
        assert "macOS" in str(gpu_hint())
        machine("Darwin")
        assert "Intel" in str(gpu_hint())
        with pytest.raises(DeviceError, match="Intel"):
            choose_device("cuda")
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
        with pytest.raises(DeviceError, match=r"choose 'auto' or 'cpu'\.$"):
            choose_device("cuda")


class TestCheckTile:
    @pytest.mark.parametrize("tile", [1, 512])
    def test_numbers_and_auto_pass(self, tile: int) -> None:
        assert check_tile(tile) == tile
        assert check_tile("auto") == "auto"

    @pytest.mark.parametrize("tile", [0, -64])
    def test_no_tile_is_refused(self, tile: int) -> None:
        with pytest.raises(InputError, match="at least one"):
            check_tile(tile)

    @pytest.mark.parametrize("tile", ["64", 64.0, None, True])
    def test_other_types_are_refused(self, tile: object) -> None:
        with pytest.raises(InputTypeError, match="'auto' or a whole number"):
            check_tile(tile)  # type: ignore[arg-type]


class TestAutomaticTile:
    def test_a_plane_of_640_needs_no_tiles_on_a_cpu(self) -> None:
        assert automatic_tile(CPU, widest_map=48, halo=68) >= 640

    @pytest.mark.parametrize("network", ["mean", "noise"])
    def test_makes_work_per_pixel_of_the_shipped_model_even_on_a_cpu(self, network: str) -> None:
        cvdm = load_model().network
        config = cvdm.config
        width, halo = {
            "mean": (config.mean_widths[0], cvdm.receptive_field),
            "noise": (config.noise_widths[0], cvdm.noise_network.receptive_field),
        }[network]
        tile = automatic_tile(CPU, width, halo)

        def work(side: int) -> float:
            """Pixels that pass through the network, with margin and halos, for each pixel of the image."""
            length = len(plan_padding(side, side, cvdm.granularity).rows)
            spans = tile_spans(length, tile, cvdm.granularity)
            along = sum(min(length, s.stop + halo) - max(0, s.start - halo) for s in spans)
            return (along / side) ** 2

        works = {side: work(side) / work(512) for side in (512, 1024, 2048, 4096)}
        assert max(works.values()) < 1.1, works

    def test_wider_networks_get_smaller_tiles(self) -> None:
        assert automatic_tile(CPU, 96, 68) < automatic_tile(CPU, 48, 68) < automatic_tile(CPU, 24, 68)

    def test_leaves_room_for_the_halo_on_both_sides(self) -> None:
        assert automatic_tile(CPU, 48, 0) - automatic_tile(CPU, 48, 68) == 2 * 68

    @pytest.mark.parametrize(("free", "expected"), [(2**20, SMALLEST_TILE), (2**42, 4096)])
    def test_follows_a_gpus_free_memory_within_bounds(
        self, monkeypatch: pytest.MonkeyPatch, free: int, expected: int
    ) -> None:
        fill_gpu(monkeypatch, free)
        assert automatic_tile(torch.device("cuda", 0), 48, 68) == expected

    def test_leaves_more_than_half_of_a_gpus_free_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fill_gpu(monkeypatch, 2**32)
        side = automatic_tile(torch.device("cuda", 0), 48, 68) + 2 * 68
        assert 0.35 * 2**32 < 4 * 48 * LIVE_FEATURE_MAPS * side**2 < 0.45 * 2**32

    @pytest.mark.parametrize(
        ("device", "channels"),
        [("cpu", 48 * LIVE_FEATURE_MAPS_IN_BANDS + OTHER_CHANNELS_IN_BANDS), ("mps", 48 * LIVE_FEATURE_MAPS)],
    )
    def test_fits_beside_other_programs_where_memory_is_shared(self, device: str, channels: int) -> None:
        """About 1.3 GB, as docs/large_images.md has measured it: most of a computer of 4 GB is left."""
        side = automatic_tile(torch.device(device), 48, 68) + 2 * 68
        assert 1.1 * 2**30 < 4 * channels * side**2 < 1.4 * 2**30

    def test_what_torch_keeps_of_a_run_is_free_for_the_next(self, monkeypatch: pytest.MonkeyPatch) -> None:
        gpu = torch.device("cuda", 1)
        fill_gpu(monkeypatch, 2**32)
        first = automatic_tile(gpu, 48, 68)
        fill_gpu(monkeypatch, 2**32 - 2**31, reserved=2**31)
        assert automatic_tile(gpu, 48, 68) == first
        # What tensors hold is in use, however much of it torch has reserved.
        fill_gpu(monkeypatch, 2**32 - 2**31, reserved=2**31, allocated=2**31)
        full = automatic_tile(gpu, 48, 68)
        fill_gpu(monkeypatch, 2**32 - 2**31)
        assert full == automatic_tile(gpu, 48, 68) < first

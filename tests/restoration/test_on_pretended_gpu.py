"""Restorations on a GPU that is pretended, where real ones are wanting: tensors must be on the right side.

A pretended tensor says that it is on the GPU, while the CPU holds its numbers and computes with them. What
mixes the two sides fails, as it would on a real card, and so does double precision on Apple's MPS.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from napari_cvdm.models import ModelCard, PretrainedModel
from napari_cvdm.reference.recognition import read_keras
from napari_cvdm.restoration import request as requests
from napari_cvdm.restoration.device import ChosenDevice
from napari_cvdm.restoration.posterior import PosteriorSettings, Sampler
from napari_cvdm.restoration.restore import restore

NETWORK = Path(__file__).parents[1] / "data" / "reference" / "small_sr3_zmd.h5"
CPU = torch.device("cpu")
MOVES = (torch.ops.aten.to, torch.ops.aten._to_copy, torch.ops.aten.copy_)


class OnGPU(Tensor):
    """A tensor that says it is on the GPU; to torch it is one of the device of shapes without values."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held: Tensor, device: torch.device) -> OnGPU:
        made: OnGPU = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, held.size(), held.stride(), held.storage_offset(), dtype=held.dtype, device="meta"
        )
        return made

    def __init__(self, held: Tensor, device: torch.device) -> None:
        self.held, self.place = held, device

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return self.place

    def __bool__(self) -> bool:
        return bool(self.held)

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise RuntimeError(f"{func} outlasts the pretence")


class PretendedGPU(TorchDispatchMode):
    """While this is entered, tensors that are made on the device or moved there are `OnGPU`."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.device = device

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = dict(kwargs or {})
        tensors = [each for each in tree_leaves((args, named)) if isinstance(each, Tensor)]
        there = {id(each.held): each for each in tensors if isinstance(each, OnGPU)}
        # A single number may come from the CPU.
        elsewhere = [each for each in tensors if not isinstance(each, OnGPU) and each.ndim]
        if there and elsewhere and func.overloadpacket not in MOVES:
            raise RuntimeError(f"{func} has tensors on {self.device} and on the CPU")
        to_gpu = isinstance(args[0], OnGPU) if func.overloadpacket is torch.ops.aten.copy_ else bool(there)
        if (asked := named.get("device")) is not None:
            to_gpu = torch.device(asked).type in (self.device.type, "meta")
            named["device"] = CPU
        args, named = tree_map(lambda each: each.held if isinstance(each, OnGPU) else each, (args, named))

        def told(found: Any) -> Any:
            if not (to_gpu and isinstance(found, Tensor)):
                return found
            if self.device.type == "mps" and found.dtype == torch.float64:
                raise TypeError(f"{func}: MPS has no float64")
            # What was computed in place is the tensor that was given.
            return there[id(found)] if id(found) in there else OnGPU(found, self.device)

        return tree_map(told, func(*args, **named))


@pytest.fixture(params=["cuda", "mps"])
def gpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> PretendedGPU:
    from_numbers = torch.tensor

    def tensor(values: Any, *, device: Any = CPU, **options: Any) -> Tensor:
        return from_numbers(values, device=CPU, **options).to(device)

    monkeypatch.setattr(torch, "tensor", tensor)
    monkeypatch.setattr(torch, "inference_mode", torch.no_grad)  # which such tensors cannot be made in
    monkeypatch.setattr(torch.cuda, "_lazy_init", lambda: None)
    for name, found in (("memory_reserved", 0), ("memory_allocated", 0), ("mem_get_info", (2**32, 2**33))):
        monkeypatch.setattr(torch.cuda, name, lambda _, found=found: found)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (6, 1))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "pretended")
    monkeypatch.setattr(torch.cuda, "synchronize", lambda _: None)
    monkeypatch.setattr(torch.mps, "synchronize", lambda: None)
    pretended = PretendedGPU(torch.device(request.param, 0))
    monkeypatch.setattr(
        requests, "choose_device", lambda name: ChosenDevice(CPU if name == "cpu" else pretended.device)
    )
    return pretended


def assert_same(gpu: PretendedGPU, image: NDArray[Any], model: PretrainedModel, **wanted: Any) -> None:
    """Restore on both sides."""
    on_cpu = restore(image, model, device="cpu", **wanted)
    with gpu:
        found = restore(image, model, device="auto", **wanted)
    assert found.provenance["device"].startswith(str(gpu.device))
    tolerance = 1e-4 * float(np.ptp(on_cpu.mean))
    np.testing.assert_allclose(found.mean, on_cpu.mean, rtol=0, atol=tolerance)
    np.testing.assert_allclose(found.std, on_cpu.std, rtol=0, atol=tolerance)


def test_sides_are_told_apart(gpu: PretendedGPU) -> None:
    with gpu:
        ones = torch.ones(3, device=gpu.device)
        assert ones.device == (2 * ones).device == ones.sum().device == gpu.device
        assert ones.cpu().device == CPU
        assert ones.cpu().tolist() == [1, 1, 1]
        with pytest.raises(RuntimeError, match="and on the CPU"):
            ones + torch.ones(3)
        if gpu.device.type == "mps":
            with pytest.raises(TypeError, match="no float64"):
                ones.double()


@pytest.mark.parametrize(
    "sampler", ["multistep", "ancestral"]
)  # the others compute nothing that these do not
def test_our_own_networks(
    gpu: PretendedGPU, image: NDArray[np.uint16], model: PretrainedModel, sampler: Sampler
) -> None:
    settings = PosteriorSettings(shrinkage=0.2, scale_weight=1.0, orientations=2, sampler=sampler)
    wanted: dict[str, Any] = {"draws": 3, "steps": 2, "tile": 32, "keep_draws": True}
    assert_same(gpu, image[:20, :24], model, settings=settings, **wanted)


def test_networks_of_the_authors(gpu: PretendedGPU, image: NDArray[np.uint16]) -> None:
    network = read_keras(NETWORK)
    card = ModelCard("authors", "", {}, network.upscaling, default_steps=3)
    model = PretrainedModel("authors", network, card, "")
    assert_same(gpu, image[:16, :24], model, draws=2, steps=2, tile=16)

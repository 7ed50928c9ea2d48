"""Recordings of the authors' implementation, and Keras files of networks made up here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_cvdm.reference.config import ReferenceConfig
from napari_cvdm.reference.layers import DoublingConv, GroupNorm, InstanceNorm, SameConv
from napari_cvdm.reference.model import ReferenceCVDM
from napari_cvdm.reference.recognition import read_keras

FOLDER = Path(__file__).parents[1] / "data" / "reference"
NAMES = ("small_sr3_zmd", "small_unet_3to1")


class Recording(NamedTuple):
    """A network of the authors' code, and what it computed there."""

    network: ReferenceCVDM
    arrays: dict[str, NDArray[Any]]

    def image(self, name: str) -> Tensor:
        """An array of images in torch's order of axes."""
        return torch.from_numpy(np.moveaxis(self.arrays[name], -1, -3).copy())

    def images(self, name: str) -> Tensor | None:
        return self.image(name) if name in self.arrays else None


def distance(ours: Tensor, theirs: Tensor) -> float:
    """Largest difference, as a share of the standard deviation of what was recorded."""
    assert ours.shape == theirs.shape
    return float((ours.double() - theirs.double()).abs().max() / theirs.double().std())


@pytest.fixture
def far() -> Callable[[Tensor, Tensor], float]:
    return distance


@pytest.fixture(params=NAMES)
def recording(request: pytest.FixtureRequest) -> Recording:
    name = request.param
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return Recording(read_keras(FOLDER / f"{name}.h5"), dict(arrays))


@pytest.fixture
def recorded_file() -> Callable[[str], Path]:
    return lambda name: FOLDER / f"{name}.h5"


SR3 = ReferenceConfig(
    noise_kind="sr3",
    in_channels=1,
    out_channels=1,
    noise_widths=(32, 64),
    stem=32,
    noise_blocks=1,
    attention_level=1,
    schedule_width=2,
)
UNET = ReferenceConfig(
    noise_kind="unet", in_channels=1, out_channels=1, noise_widths=(2,), schedule_width=2, mean_width=2
)


@pytest.fixture
def make_network() -> Callable[..., ReferenceCVDM]:
    """Make a small network with random weights: of the configuration of "sr3" or "unet", with changes."""

    def make(kind: str = "unet", **changes: Any) -> ReferenceCVDM:
        from dataclasses import replace

        torch.manual_seed(0)
        network = ReferenceCVDM(replace(SR3 if kind == "sr3" else UNET, **changes))
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.05 * torch.randn_like(parameter))
        return network.eval()

    return make


LAYER_TYPES = {
    SameConv: ("conv2d", "kernel", "bias"),
    DoublingConv: ("conv2d_transpose", "kernel", "bias"),
    InstanceNorm: ("instance_normalization", "gamma", "beta"),
    GroupNorm: ("group_normalization", "gamma", "beta"),
    nn.Linear: ("attention_vector_layer", "attention_w", "attention_b"),
}


def keras_arrays(module: nn.Module, counts: dict[str, int]) -> Iterator[tuple[str, str, NDArray[Any]]]:
    """The layer, weight and values of every array of a network, layers numbered on from `counts`."""
    for child in module.modules():
        if type(child) not in LAYER_TYPES:
            continue
        layer_type, *names = LAYER_TYPES[type(child)]
        number = counts.get(layer_type, 0)
        counts[layer_type] = number + 1
        for name, tensor in zip(names, (child.weight, child.bias), strict=True):
            values = tensor.detach().numpy()
            if values.ndim == 4:
                values = values.transpose(2, 3, 1, 0)
            elif values.ndim == 2:
                values = values.T
            yield f"{layer_type}_{number}" if number else layer_type, f"{name}:0", values


def write_group(group: h5py.Group, module: nn.Module, counts: dict[str, int]) -> None:
    for layer, weight, values in keras_arrays(module, counts):
        group.create_dataset(f"{layer}/{weight}", data=values)


@pytest.fixture
def write_keras() -> Callable[..., Path]:
    """Write a network as the authors' code does; `first` is the number of its first layer of each type."""

    def write(path: Path, network: ReferenceCVDM, *, first: int = 0, with_mean: bool = True) -> Path:
        counts = dict.fromkeys((names[0] for names in LAYER_TYPES.values()), first)
        with h5py.File(path, "w") as file:
            file.attrs["backend"] = "tensorflow"
            write_group(file.create_group("model_2"), network.schedule, counts)
            write_group(file.create_group("model_4"), network.noise_network, counts)
            if with_mean and network.mean_network is not None:
                write_group(file.create_group("model_1"), network.mean_network, counts)
            file.create_group("input_1")  # most layers hold no weights
        return path

    return write


@pytest.fixture
def write_mean() -> Callable[[Path, ReferenceCVDM], Path]:
    """Write a mean network alone: every layer is a group of its own."""

    def write(path: Path, network: ReferenceCVDM) -> Path:
        assert network.mean_network is not None
        with h5py.File(path, "w") as file:
            for layer, weight, values in keras_arrays(network.mean_network, {"conv2d": 100}):
                file.create_dataset(f"{layer}/{layer}/{weight}", data=values)
        return path

    return write

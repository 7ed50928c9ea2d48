"""Every variant is recognised from the file alone, and every array finds its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from napari_cvdm.reference.keras_file import WeightsFileError
from napari_cvdm.reference.model import ReferenceCVDM
from napari_cvdm.reference.recognition import read_keras

MakeNetwork = Callable[..., ReferenceCVDM]
WriteKeras = Callable[..., Path]

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("unet", {}),
    ("unet", {"mean_width": 0}),
    ("unet", {"noise_widths": (6,), "schedule_width": 3, "mean_width": 4}),
    ("unet", {"in_channels": 3, "adds_input": False}),
    ("unet", {"in_channels": 3, "out_channels": 3, "mean_width": 0}),
    ("unet", {"in_channels": 2, "out_channels": 3, "adds_input": False}),
    ("sr3", {"training_size": 16}),
    ("sr3", {"training_size": 16, "mean_width": 2, "in_channels": 2, "adds_input": False}),
    ("sr3", {"attention_level": None}),
    ("sr3", {"attention_level": 0}),
    ("sr3", {"noise_blocks": 2, "noise_widths": (64, 32, 96), "attention_level": 2, "training_size": 32}),
    ("sr3", {"noise_widths": (32, 32, 32), "attention_level": 1, "training_size": 16, "stem": 64}),
    ("sr3", {"noise_widths": (32, 32, 32), "attention_level": 2, "training_size": 32}),
]


@pytest.mark.parametrize(("kind", "changes"), VARIANTS)
@pytest.mark.parametrize("first", [0, 97])
def test_a_variant_is_recognised_by_its_arrays(
    tmp_path: Path,
    make_network: MakeNetwork,
    write_keras: WriteKeras,
    kind: str,
    changes: dict[str, Any],
    first: int,
) -> None:
    network = make_network(kind, **changes)
    found = read_keras(write_keras(tmp_path / "theirs.h5", network, first=first))
    assert found.config == network.config
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(found.state_dict()[name], tensor, rtol=0, atol=0)
    assert not found.training
    assert not any(parameter.requires_grad for parameter in found.parameters())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("small_sr3_zmd", {"noise_kind": "sr3", "attention_level": 3, "training_size": 64, "mean_width": 2}),
        ("small_unet_3to1", {"noise_kind": "unet", "in_channels": 3, "mean_width": 0, "adds_input": False}),
    ],
)
def test_the_authors_files_are_recognised(
    recorded_file: Callable[[str], Path], name: str, expected: dict[str, Any]
) -> None:
    config = read_keras(recorded_file(name)).config
    assert {key: getattr(config, key) for key in expected} == expected


def test_what_the_arrays_cannot_tell_is_told(
    tmp_path: Path, make_network: MakeNetwork, write_keras: WriteKeras
) -> None:
    path = write_keras(tmp_path / "theirs.h5", make_network())
    config = read_keras(
        path, training_size=128, adds_input=False, upscaling=2, percentiles=(1.0, 99.8)
    ).config
    assert (config.training_size, config.adds_input, config.upscaling) == (128, False, 2)
    assert config.percentiles == (1.0, 99.8)
    with pytest.raises(WeightsFileError, match="'upscaling' must be"):
        read_keras(path, upscaling=0)


def test_the_mean_network_may_come_in_a_file_of_its_own(
    tmp_path: Path,
    make_network: MakeNetwork,
    write_keras: WriteKeras,
    write_mean: Callable[[Path, ReferenceCVDM], Path],
) -> None:
    network = make_network()
    joint = write_keras(tmp_path / "joint.h5", network, with_mean=False)
    mean = write_mean(tmp_path / "mu_model.h5", network)
    with pytest.raises(WeightsFileError, match="trained with a mean network, which it does not hold"):
        read_keras(joint)
    found = read_keras(joint, mean_path=mean)
    x = torch.rand(1, 1, 16, 16)
    with torch.inference_mode():
        torch.testing.assert_close(found.mean(x), network.mean(x), rtol=0, atol=0)
    with pytest.raises(WeightsFileError, match="not the file of a mean network alone"):
        read_keras(joint, mean_path=joint)
    with pytest.raises(WeightsFileError, match="lacks the schedule and the noise network"):
        read_keras(mean)
    without = write_keras(tmp_path / "without.h5", make_network(mean_width=0))
    with pytest.raises(WeightsFileError, match="but the noise network was trained without"):
        read_keras(without, mean_path=mean)


@pytest.fixture
def theirs(tmp_path: Path, make_network: MakeNetwork, write_keras: WriteKeras) -> Path:
    return write_keras(tmp_path / "theirs.h5", make_network("sr3"))


def spoil(path: Path, name: str, values: Any = None) -> None:
    """Replace an array, or drop it."""
    with h5py.File(path, "r+") as file:
        del file[name]
        if values is not None:
            file.create_dataset(name, data=values)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("model_4", None, "lacks the noise network"),
        ("model_2", None, "lacks the schedule network"),
        ("model_2/conv2d_9", None, "holds 30 layers of the type conv2d in its schedule, where 31"),
        ("model_2/conv2d_9/bias:0", None, "has the arrays kernel in 'conv2d_9' of its schedule"),
        ("model_2/conv2d_9/bias:0", np.zeros(7), r"shape \(7,\) in 'conv2d_9' of its schedule"),
        ("model_2/conv2d_9/kernel:0", np.zeros(7), r"shape \(7,\) in 'conv2d_9'"),
        ("model_2/conv2d_6/kernel:0", np.zeros(7), "lacks a convolution in its schedule"),
        ("model_4/conv2d_35", None, "convolutions in another order"),
        ("model_4/group_normalization_3", None, "normalisations or its attention in other places"),
        ("model_4/attention_vector_layer_3", None, "of the type attention_vector_layer"),
        ("model_4/attention_vector_layer/attention_w:0", np.zeros((3, 3)), r"shape \(3, 3\)"),
    ],
)
def test_what_is_missing_or_of_another_shape_is_named(
    theirs: Path, name: str, values: Any, message: str
) -> None:
    spoil(theirs, name, values)
    with pytest.raises(WeightsFileError, match=message) as caught:
        read_keras(theirs)
    assert "\n" not in str(caught.value)
    assert str(theirs) in str(caught.value)


def test_widths_that_the_published_normalisation_cannot_part_are_refused(
    tmp_path: Path, make_network: MakeNetwork, write_keras: WriteKeras, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as changed:
        changed.setattr("napari_cvdm.reference.layers.NORM_GROUPS", 16)
        network = make_network("sr3", noise_widths=(32, 48))
    path = write_keras(tmp_path / "changed.h5", network)
    with pytest.raises(WeightsFileError, match="48 channels cannot be put into 32 equal groups"):
        read_keras(path)


def test_two_networks_of_one_role_are_refused(theirs: Path) -> None:
    with h5py.File(theirs, "r+") as file:
        file.copy("model_4", "model_9")
    with pytest.raises(WeightsFileError, match="two noise networks"):
        read_keras(theirs)


def test_networks_that_do_not_fit_together_are_refused(
    tmp_path: Path, theirs: Path, make_network: MakeNetwork, write_keras: WriteKeras
) -> None:
    other = write_keras(tmp_path / "other.h5", make_network("sr3", in_channels=4, adds_input=False))
    with h5py.File(theirs, "r+") as file, h5py.File(other) as source:
        del file["model_4"]
        source.copy("model_4", file)
    with pytest.raises(WeightsFileError, match="its schedule takes 1 and makes 1, but its noise"):
        read_keras(theirs)

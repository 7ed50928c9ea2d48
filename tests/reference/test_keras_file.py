"""Keras files, honest and hostile."""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from napari_cvdm.reference import keras_file
from napari_cvdm.reference.keras_file import WeightsFileError, is_hdf5, read_layers
from napari_cvdm.reference.model import ReferenceCVDM

WriteKeras = Callable[..., Path]


@pytest.fixture
def weights(tmp_path: Path, write_keras: WriteKeras, make_network: Callable[..., ReferenceCVDM]) -> Path:
    return write_keras(tmp_path / "theirs.h5", make_network())


def refusal(path: Path) -> str:
    """The one line with which a file is refused."""
    with pytest.raises(WeightsFileError) as caught:
        read_layers(path)
    message = str(caught.value)
    assert message.count(str(path)) == 1
    assert "\n" not in message
    assert len(message) < 600
    return message


def first_array(file: h5py.File) -> h5py.Dataset:
    return file["model_2/conv2d/kernel:0"]


def test_layers_are_sorted_by_type_and_number(weights: Path) -> None:
    networks = read_layers(weights)
    assert [len(layers) for layers in networks] == [47, 54, 48]
    numbers = [layer.number for layer in networks[1] if layer.type == "conv2d"]
    assert numbers == sorted(numbers)
    assert numbers[0] == 0 or numbers[0] > 20  # file order would put conv2d_10 before conv2d_9
    assert set(networks[0][0].arrays) == {"kernel", "bias"}


def test_a_whole_saved_model_is_read_without_its_description(tmp_path: Path, weights: Path) -> None:
    """Keras' `save` puts the weights one level down, beside a description that may hold code."""
    path = tmp_path / "whole.h5"
    with h5py.File(weights) as old, h5py.File(path, "w") as new:
        old.copy(old["/"], new, "model_weights")
        new.attrs["model_config"] = '{"class_name": "Lambda", "config": {"function": ["4wEAAAA..."]}}'
        new.create_group("optimizer_weights").create_dataset("step:0", data=np.int64(7))
    assert [len(layers) for layers in read_layers(path)] == [47, 54, 48]


def test_the_signature_tells_an_hdf5_file(weights: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    other.write_bytes(b"PK\x03\x04 a new Keras file")
    assert is_hdf5(weights)
    assert not is_hdf5(other)
    assert not is_hdf5(tmp_path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    assert "There is no weights file" in refusal(path)
    path.write_bytes(b"cvdm" * 100)
    assert "is not an HDF5 file" in refusal(path)
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    assert "is damaged" in refusal(path)
    with h5py.File(path, "w") as file:
        file.create_group("layers")
    assert "holds no weights" in refusal(path)


def test_a_file_cut_short_is_refused(weights: Path) -> None:
    data = weights.read_bytes()
    for share in (0.3, 0.9):
        weights.write_bytes(data[: int(share * len(data))])
        assert "is damaged" in refusal(weights)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(weights: Path, value: float) -> None:
    with h5py.File(weights, "r+") as file:
        first_array(file)[0, 0, 0, 0] = value
    assert "not finite numbers (NaN or infinity), in 'conv2d'" in refusal(weights)


def test_layers_of_other_networks_are_refused(weights: Path) -> None:
    with h5py.File(weights, "r+") as file:
        file.create_dataset("model_2/dense_3/kernel:0", data=np.zeros((2, 2), np.float32))
    assert "'dense_3' that the published networks do not have" in refusal(weights)
    with h5py.File(weights, "w") as file:
        file["kernel:0"] = np.zeros(3, np.float32)
    assert "'kernel' that the published networks do not have" in refusal(weights)


def test_other_types_than_floating_point_are_refused(weights: Path) -> None:
    with h5py.File(weights, "r+") as file:
        file.create_dataset("model_2/conv2d_99/kernel:0", data=np.zeros(3, np.int32))
    assert "something else than floating-point numbers, at 'model_2/conv2d_99/kernel:0'" in refusal(weights)
    with h5py.File(weights, "r+") as file:
        del file["model_2/conv2d_99"]
        file.create_dataset("model_2/conv2d_99/kernel:0", data="import os", dtype=h5py.string_dtype())
    assert "something else than floating-point numbers" in refusal(weights)


def test_an_absurd_size_is_refused_without_memory_for_it(weights: Path) -> None:
    with h5py.File(weights, "r+") as file:
        file.create_dataset("model_2/conv2d_99/kernel:0", shape=(10**7, 10**7), dtype="f4", chunks=(64, 64))
    assert "but does not hold them" in refusal(weights)
    with h5py.File(weights, "r+") as file:
        del file["model_2/conv2d_99"]
        zeros = np.zeros((1000, 1000), np.float32)
        file.create_dataset("model_2/conv2d_99/kernel:0", data=zeros, compression="gzip")
    assert "declares 4,000,000 bytes at" in refusal(weights)


def test_more_weights_than_any_model_has_are_refused(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras_file, "MOST_NUMBERS", 100_000)
    assert "declares more weights than a model of this kind can have" in refusal(weights)


def test_more_arrays_than_any_model_has_are_refused(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras_file, "MOST_ARRAYS", 100)
    assert "declares more weights than a model of this kind can have" in refusal(weights)
    with h5py.File(weights, "w") as file:
        for number in range(102):
            file.create_group(f"input_{number}")
    assert "more entries than a model of this kind can have" in refusal(weights)


def test_groups_within_groups_without_end_are_refused(weights: Path) -> None:
    with h5py.File(weights, "w") as file:
        file["a/b/c/d/e/f/g/kernel:0"] = np.zeros(1, np.float32)
    assert "groups within groups beyond what Keras writes" in refusal(weights)


def test_an_array_under_two_numbers_is_refused(weights: Path) -> None:
    with h5py.File(weights, "r+") as file:
        file["model_2/conv2d/kernel:1"] = first_array(file)[()]
    assert "holds 'conv2d/kernel' twice" in refusal(weights)


def test_compressed_weights_are_read(weights: Path) -> None:
    with h5py.File(weights, "r+") as file:
        layer = file["model_2/conv2d_1"]
        # An offset that was not learnt takes hardly any room.
        arrays = {"kernel": layer["kernel:0"][()], "bias": np.zeros(layer["bias:0"].shape, np.float32)}
        for name, values in arrays.items():
            del layer[f"{name}:0"]
            layer.create_dataset(f"{name}:0", data=values, compression="gzip")
    (found,) = (each for each in read_layers(weights)[1] if (each.type, each.number) == ("conv2d", 1))
    for name, values in arrays.items():
        np.testing.assert_array_equal(found.arrays[name], values)


def test_numbers_beyond_single_precision_are_not_finite(weights: Path) -> None:
    with h5py.File(weights, "r+") as file:
        del file["model_2/conv2d/bias:0"]
        file.create_dataset("model_2/conv2d/bias:0", data=np.array([1e300]))
    assert "not finite numbers" in refusal(weights)


def test_a_file_that_points_elsewhere_is_refused(tmp_path: Path, weights: Path) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(np.arange(8, dtype=np.float32).tobytes())
    original = weights.read_bytes()

    def spoilt(spoil: Callable[[h5py.File], Any]) -> str:
        weights.write_bytes(original)
        with h5py.File(weights, "r+") as file:
            spoil(file)
        return refusal(weights)

    def outside(file: h5py.File) -> None:
        file["model_2/conv2d_99/kernel:0"] = h5py.ExternalLink("secret.h5", "/weights")

    def beside(file: h5py.File) -> None:
        file["model_2/conv2d_99/kernel:0"] = h5py.SoftLink("/model_2/conv2d/kernel:0")

    def stored_outside(file: h5py.File) -> None:
        file.create_dataset(
            "model_2/conv2d_99/kernel:0", shape=(8,), dtype="f4", external=[(os.fspath(secret), 0, 32)]
        )

    def virtual(file: h5py.File) -> None:
        layout = h5py.VirtualLayout(shape=(8,), dtype="f4")
        layout[:] = h5py.VirtualSource("secret.h5", "weights", shape=(8,))
        file.create_virtual_dataset("model_2/conv2d_99/kernel:0", layout)

    for spoil in (outside, beside, stored_outside, virtual):
        assert "points to something outside of itself" in spoilt(spoil)


def test_a_file_that_contains_itself_is_refused(weights: Path) -> None:
    with h5py.File(weights, "r+") as file:
        file["model_2/again"] = file["model_2"]
    assert "two names for one array or group" in refusal(weights)


def test_a_small_file_with_endless_paths_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "paths.h5"
    with h5py.File(path, "w") as file:
        below = file.create_group("bottom")
        for level in range(6):
            above = file.create_group(f"level{level}")
            for link in range(30):
                above[f"link{link}"] = below
            below = above
    assert "two names for one array or group" in refusal(path)


def test_one_array_under_many_names_is_refused(weights: Path) -> None:
    with h5py.File(weights, "r+") as file:
        file["model_2/conv2d_99/kernel:0"] = first_array(file)
    assert "two names for one array or group" in refusal(weights)


def test_an_array_in_pieces_larger_than_itself_is_refused(weights: Path) -> None:
    with h5py.File(weights, "r+") as file:
        file.create_dataset(
            "model_2/conv2d_99/kernel:0", (16,), "f4", maxshape=(None,), chunks=(2**22,), compression="gzip"
        )
    assert "pieces larger than itself" in refusal(weights)


def test_a_whole_saved_model_whose_weights_are_an_array_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "flat.h5"
    with h5py.File(path, "w") as file:
        file["model_weights"] = np.zeros(4, np.float32)
    assert "holds no weights" in refusal(path)


def test_without_h5py_it_says_how_to_get_it(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def fake(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "h5py":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", fake)
    with pytest.raises(WeightsFileError, match=r'pip install "napari-cvdm\[h5\]"'):
        read_layers(weights)

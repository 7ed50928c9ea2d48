"""The arrays of a Keras weights file (.h5), read without trusting it.

An .h5 file can point to other files, contain itself, declare arrays of any size and, when a whole model was
saved, carry a description of the model with code in it. Here links and outside storage are refused, sizes are
added up before anything is read, and of all that a file holds, arrays of floating-point numbers are the only
thing looked at: nothing is rebuilt from a description, unpickled or executed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

LAYER_TYPES = (
    "conv2d_transpose",
    "conv2d",
    "instance_normalization",
    "group_normalization",
    "attention_vector_layer",
)
"""Types of the layers that hold weights in the published networks."""

#: The largest published model has 187 million weights.
MOST_NUMBERS = 10**9
#: The largest published model has 640 arrays.
MOST_ARRAYS = 5000
#: By how much arrays of more than a mebibyte may have been compressed.
MOST_COMPRESSED = 10
#: Groups within groups: Keras needs three, four in a whole saved model.
DEEPEST = 6

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_LAYER_NAME = re.compile(rf"({'|'.join(LAYER_TYPES)})(?:_(\d{{1,9}}))?")


class WeightsFileError(ValueError):
    """A Keras weights file cannot be read or is of no known variant; the message names fault and remedy."""


@dataclass(frozen=True)
class KerasLayer:
    """One layer's weights, by names such as "kernel" and "bias", float32.

    Its type is one of `LAYER_TYPES`; layers of one type are numbered in the order of their creation.
    """

    type: str
    number: int
    arrays: dict[str, npt.NDArray[np.float32]]


def is_hdf5(path: Path) -> bool:
    """Whether a file begins as an HDF5 file does; False if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(_SIGNATURE)) == _SIGNATURE
    except OSError:
        return False


def read_layers(path: Path) -> list[list[KerasLayer]]:
    """Read the layers of every network that holds weights, in the file's order, sorted by type and number.

    The file was written by ``save_weights("*.h5")`` or ``save("*.h5")``, of a joint model or one network.

    Raises
    ------
    WeightsFileError
        If h5py is not installed, or the file is no HDF5 file, damaged, hostile or not written by Keras.
    """
    h5py = _h5py()
    if not path.is_file():
        raise WeightsFileError(f"There is no weights file {path}.")
    if not is_hdf5(path):
        raise WeightsFileError(
            f"{path} is not an HDF5 file: give the .h5 file that the training wrote with save_weights()."
        )
    try:
        with h5py.File(path, "r") as file:
            return _read_networks(h5py, file, path)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        if isinstance(error, WeightsFileError):
            raise
        reason = " ".join(str(error).split())[:200]
        raise WeightsFileError(f"{path} is damaged: copy it again. (HDF5 says: {reason})") from error


def _h5py() -> ModuleType:
    try:
        import h5py
    except ImportError as error:
        raise WeightsFileError(
            'Reading Keras .h5 files needs h5py: install it with pip install "napari-cvdm[h5]".'
        ) from error
    module: ModuleType = h5py
    return module


def _read_networks(h5py: ModuleType, file: Any, path: Path) -> list[list[KerasLayer]]:
    root = file
    if isinstance(file.get("model_weights", getlink=True), h5py.HardLink):  # a whole saved model
        root = file["model_weights"]
        if not isinstance(root, h5py.Group):
            raise WeightsFileError(f"{path} holds no weights: give the .h5 file that save_weights() wrote.")
    found: dict[str, list[tuple[str, str, Any]]] = {}
    numbers = 0
    for arrays, (names, dataset) in enumerate(_datasets(h5py, root, path, set())):
        _check_dataset(dataset, "/".join(names), path)
        numbers += math.prod(dataset.shape)
        if numbers > MOST_NUMBERS or arrays > MOST_ARRAYS:
            raise WeightsFileError(
                f"{path} declares more weights than a model of this kind can have "
                f"(at most {MOST_NUMBERS:,} numbers in {MOST_ARRAYS:,} arrays)."
            )
        # Each network of a joint model is a group; a single network's layers are groups themselves.
        network = "" if _LAYER_NAME.fullmatch(names[0]) else names[0]
        layer, weight = ("", *names)[-2:]
        found.setdefault(network, []).append((layer, weight.partition(":")[0], dataset))
    if not found:
        raise WeightsFileError(f"{path} holds no weights: give the .h5 file that save_weights() wrote.")
    return [_layers(members, path) for members in found.values()]


def _datasets(
    h5py: ModuleType, group: Any, path: Path, seen: set[int], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every array below a group with the names that lead to it; `seen` holds addresses met before."""
    if len(above) > DEEPEST:
        raise WeightsFileError(
            f"{path} has groups within groups beyond what Keras writes: it cannot be used."
        )
    for count, name in enumerate(group):
        if count > MOST_ARRAYS:
            raise WeightsFileError(f"{path} has more entries than a model of this kind can have.")
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise WeightsFileError(
                f"{path} points to something outside of itself, at '{_shown(name)}': it cannot be used."
            )
        item = group[name]
        # A small file can have endless paths to one array: each object may have one name only.
        address = h5py.h5o.get_info(item.id).addr
        if address in seen:
            raise WeightsFileError(f"{path} has two names for one array or group: it cannot be used.")
        seen.add(address)
        if isinstance(item, h5py.Group):
            yield from _datasets(h5py, item, path, seen, (*above, name))
        elif isinstance(item, h5py.Dataset):
            yield (*above, name), item


def _check_dataset(dataset: Any, name: str, path: Path) -> None:
    """Refuse an array that is not plain numbers within the file; nothing of it is read."""
    if dataset.shape is None or dataset.dtype.kind != "f" or dataset.dtype.itemsize > 8:
        raise WeightsFileError(
            f"{path} holds something else than floating-point numbers, at '{_shown(name)}': it is not a file "
            "that save_weights() wrote."
        )
    if dataset.external or dataset.is_virtual:
        raise WeightsFileError(
            f"{path} points to something outside of itself, at '{_shown(name)}': it cannot be used."
        )
    # Compressed arrays are unpacked a chunk at a time, whatever their own size.
    if dataset.chunks is not None and math.prod(dataset.chunks) > max(math.prod(dataset.shape), 2**20):
        raise WeightsFileError(
            f"{path} keeps the array '{_shown(name)}' in pieces larger than itself: it is not a file that "
            "save_weights() wrote."
        )
    declared = math.prod(dataset.shape) * dataset.dtype.itemsize
    # An array that was never written takes no room in the file, but all of it in memory; one of zeros, hardly
    # any when compressed. Trained weights do not compress.
    needed = declared if dataset.compression is None else declared // MOST_COMPRESSED
    if dataset.id.get_storage_size() < needed and (dataset.compression is None or declared > 2**20):
        raise WeightsFileError(
            f"{path} declares {declared:,} bytes at '{_shown(name)}' but does not hold them: it is damaged "
            "or not what it seems."
        )


def _layers(members: list[tuple[str, str, Any]], path: Path) -> list[KerasLayer]:
    """Read the arrays of one network."""
    layers: dict[tuple[str, int], dict[str, npt.NDArray[np.float32]]] = {}
    for layer, weight, dataset in members:
        if (match := _LAYER_NAME.fullmatch(layer)) is None:
            raise WeightsFileError(
                f"{path} has a layer '{_shown(layer or weight)}' that the published networks do not have: "
                "only weights trained with the published CVDM code can be used."
            )
        arrays = layers.setdefault((match[1], int(match[2] or 0)), {})
        if weight in arrays:
            raise WeightsFileError(
                f"{path} holds '{_shown(layer)}/{_shown(weight)}' twice: it cannot be used."
            )
        with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is refused below
            values = np.asarray(dataset[()], dtype=np.float32)
        if not np.isfinite(values).all():
            raise WeightsFileError(
                f"{path} has weights that are not finite numbers (NaN or infinity), in '{_shown(layer)}': "
                "the training did not converge; use an earlier checkpoint."
            )
        arrays[weight] = values
    return [KerasLayer(*key, layers[key]) for key in sorted(layers)]


def _shown(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name)[:80]

"""The header of a safetensors file, read without trusting it.

A safetensors file is eight bytes with the header's length, the header in JSON, and the numbers. Reading
the header first, within limits, tells what a file claims to hold before any memory is set aside for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from napari_cvdm.models.errors import ModelError, printable, unreadable

HEADER_LIMIT = 2**20
"""Largest header read, in bytes; a network of a thousand tensors needs about a tenth of it."""

_FLOATS = ("F16", "BF16", "F32", "F64")


class FileHeader(NamedTuple):
    """What a safetensors file claims to hold: the free texts of its header, and the shape of each tensor."""

    metadata: dict[str, str]
    shapes: dict[str, tuple[int, ...]]


def read_header(path: Path) -> FileHeader:
    """Read and check the header of a safetensors file.

    Raises
    ------
    ModelError
        If the file is not a whole safetensors file of floating-point tensors, or its header is
        larger than `HEADER_LIMIT`.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with path.open("rb") as file:
            length, start = int.from_bytes(file.read(8), "little"), file.read(1)
    except OSError as error:
        raise unreadable(path, error) from error
    if length < 1 or start != b"{":
        raise ModelError(
            f"{path} is neither a safetensors nor an HDF5 file, or is damaged: a napari-cvdm model is a file "
            "that 'napari-cvdm train' wrote, or a Keras .h5 file of the authors' code."
        )
    if length > HEADER_LIMIT:
        raise ModelError(
            f"{path} declares a header of {length:,} bytes; a model's has at most {HEADER_LIMIT:,}."
        )
    try:
        with safe_open(path, framework="numpy") as opened:
            metadata = opened.metadata() or {}
            tensors = {name: opened.get_slice(name) for name in opened.keys()}  # noqa: SIM118, no mapping
            types = {tensor.get_dtype() for tensor in tensors.values()}
            shapes = {name: tuple(tensor.get_shape()) for name, tensor in tensors.items()}
    except (SafetensorError, OSError) as error:
        reason = str(error).rpartition("header: ")[2]
        raise ModelError(
            f"{path} is damaged, cut short or not what it seems ({printable(reason, 100)}): copy or download "
            "it again."
        ) from error
    if others := sorted(types.difference(_FLOATS)):
        raise ModelError(
            f"{path} holds numbers of the type {others[0]!r}; a model's weights are floating-point."
        )
    return FileHeader(metadata, shapes)

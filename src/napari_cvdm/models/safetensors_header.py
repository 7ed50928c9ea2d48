"""The header of a safetensors file, read without trusting it.

A safetensors file is eight bytes with the header's length, the header in JSON, and the numbers. Reading
the header first, within limits, tells what a file claims to hold before any memory is set aside for it.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from napari_cvdm.models.errors import ModelError, unreadable

__all__ = ["HEADER_LIMIT", "FileHeader", "read_header"]

HEADER_LIMIT = 2**20
"""Largest header read, in bytes; a network of a thousand tensors needs about a tenth of it."""

_FLOAT_BYTES = {"F16": 2, "BF16": 2, "F32": 4, "F64": 8}


@dataclass(frozen=True)
class FileHeader:
    """What a safetensors file claims to hold.

    Parameters
    ----------
    metadata : dict of str to str
        The free texts of the header.
    shapes : dict of str to tuple of int
        The shape of each tensor.
    """

    metadata: dict[str, str]
    shapes: dict[str, tuple[int, ...]]


def read_header(path: Path) -> FileHeader:
    """Read and check the header of a safetensors file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    FileHeader

    Raises
    ------
    ModelError
        If the file is not a whole safetensors file of floating-point tensors, or its header is
        larger than `HEADER_LIMIT`.
    """
    not_safetensors = (
        f"{path} is neither a safetensors nor an HDF5 file, or is damaged: a napari-cvdm model is a file "
        "that 'napari-cvdm train' wrote, or a Keras .h5 file of the authors' code."
    )
    try:
        file_size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            start = file.read(1)
            if length < 1 or start != b"{":
                raise ModelError(not_safetensors)
            if length > HEADER_LIMIT:
                raise ModelError(
                    f"{path} declares a header of {length:,} bytes; a model's has at most {HEADER_LIMIT:,}."
                )
            text = start + file.read(length - 1)
    except OSError as error:
        raise unreadable(path, error) from error
    try:
        entries = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"{path} is damaged: its header is not valid JSON. Copy or download it again."
        ) from error
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ModelError(f"{path} is damaged: its header's metadata are not texts.")
    shapes = {name: _checked_shape(path, entry) for name, entry in entries.items()}
    stored = sum(math.prod(shapes[n]) * _FLOAT_BYTES[e["dtype"]] for n, e in entries.items())
    if file_size < 8 + length + stored:
        raise ModelError(f"{path} is cut short: copy or download it again.")
    if file_size > 8 + length + stored:
        raise ModelError(
            f"{path} holds more bytes than its header declares: it is damaged or not what it seems."
        )
    return FileHeader(metadata, shapes)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _checked_shape(path: Path, entry: object) -> tuple[int, ...]:
    """Return the shape that one entry of the header declares, if the entry is as it must be."""
    if not isinstance(entry, dict) or not isinstance(entry.get("dtype"), str):
        raise ModelError(f"{path} is damaged: its header describes a tensor wrongly.")
    if entry["dtype"] not in _FLOAT_BYTES:
        raise ModelError(
            f"{path} holds numbers of the type {entry['dtype'][:20]!r}; a model's weights are floating-point."
        )
    shape = entry.get("shape")
    if not isinstance(shape, list) or len(shape) > 8 or not all(type(n) is int and n >= 0 for n in shape):
        raise ModelError(f"{path} is damaged: its header describes a tensor wrongly.")
    return tuple(shape)

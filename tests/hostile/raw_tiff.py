"""TIFF files written tag by tag, so that they can be what no library would write."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tests.hostile.case import scene

_FORMS = {1: "B", 2: "s", 3: "H", 4: "I", 5: "II", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q"}
_LONGS = (256, 257, 273, 279, 324, 325, 330, 513, 514)


def raw_tiff(
    folder: Path,
    tags: Mapping[int, Any] | None = None,
    pixels: bytes | None = None,
    name: str = "raw.tif",
    *,
    following: int = 0,
    types: Mapping[int, int] | None = None,
) -> Path:
    """Write one page of 16 × 18 pixels of uint16 without compression, then change what it says of itself.

    Parameters
    ----------
    folder : Path
        Where to.
    tags : mapping
        Codes and values, in place of or beside the usual ones; None leaves a tag out. The word "pixels"
        stands for the offset of the pixels.
    pixels : bytes, optional
        In place of a good image's.
    name : str
        Of the file.
    following : int
        Offset of the next page; 8 is the page itself.
    types : mapping
        TIFF types of tags that are none of the usual ones.
    """
    plane = scene(16, 18)
    pixels = plane.tobytes() if pixels is None else pixels
    usual: dict[int, Any] = {
        256: 18,
        257: 16,
        258: 16,
        259: 1,
        262: 1,
        273: "pixels",
        277: 1,
        278: 16,
        279: len(pixels),
    }
    stated = {code: value for code, value in (usual | dict(tags or {})).items() if value is not None}
    entries, extra = [], b""
    end = 8 + 2 + 12 * len(stated) + 4
    for code in sorted(stated):
        kind = (types or {}).get(code, 4 if code in _LONGS else 3)
        value = end if stated[code] == "pixels" else stated[code]
        data, count = _packed(kind, value)
        if len(data) > 4:
            place = end + len(pixels) + len(extra)
            extra += data + b"\0" * (len(data) % 2)
            data = struct.pack("<I", place)
        entries.append(struct.pack("<HHI", code, kind, count) + data.ljust(4, b"\0"))
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + struct.pack("<I", following)
    path = folder / name
    path.write_bytes(b"II*\0" + struct.pack("<I", 8) + directory + pixels + extra)
    return path


def _packed(kind: int, value: Any) -> tuple[bytes, int]:
    if isinstance(value, bytes):
        return value, len(value)
    values = list(value) if isinstance(value, list | tuple) else [value]
    if kind == 5:
        return b"".join(struct.pack("<II", *pair) for pair in [tuple(values)]), 1
    return b"".join(struct.pack("<" + _FORMS[kind], v) for v in values), len(values)


def packed_bits(image: np.ndarray, bits: int) -> bytes:
    """Pack numbers of so many bits each, every row beginning with a new byte, the highest bit first."""
    rows = []
    for row in image.astype(np.uint32):
        digits = (row[:, None] >> np.arange(bits - 1, -1, -1)) & 1
        rows.append(np.packbits(digits.astype(np.uint8).ravel()))
    return np.concatenate(rows).tobytes()

"""Small files as Zeiss LSM and MetaMorph write them, true to the parts that tifffile reads."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray


def write_lsm(path: Path, data: NDArray[np.uint16], thumbnails: bool = True, **stated: Any) -> Path:
    """Write TZCYX of one or three channels: after each plane lies its thumbnail, in a page of its own.

    `stated` are fields of the description (CZ_LSMINFO), beside the lengths of the axes. The pixels measure
    65 nm, the planes are 300 nm apart.
    """
    layout = [(name or "reserved", kind) for name, kind in tifffile.TIFF.CZ_LSMINFO]
    info = np.zeros((), np.dtype(layout).newbyteorder("<"))
    names = ("DimensionTime", "DimensionZ", "DimensionChannels", "DimensionY", "DimensionX")
    known = {"MagicNumber": 67127628, "StructureSize": info.nbytes, "ScanType": 6, "VoxelSizeZ": 3e-7}
    sides = {"VoxelSizeX": 6.5e-8, "VoxelSizeY": 6.5e-8}
    for name, value in {**known, **sides, **dict(zip(names, data.shape, strict=True)), **stated}.items():
        info[name] = value
    tags: list[Any] = [(34412, 1, info.nbytes, info.tobytes(), True)]
    colours = {"photometric": "rgb", "planarconfig": "separate"}
    how: dict[str, Any] = colours if data.shape[2] > 1 else {"photometric": "minisblack"}
    with tifffile.TiffWriter(path, byteorder="<") as tif:
        for plane in data.reshape(-1, *data.shape[2:]).squeeze(1 if data.shape[2] == 1 else ()):
            tif.write(plane, metadata=None, contiguous=False, extratags=tags, **how)
            if thumbnails:
                small = plane[..., ::4, ::4]
                tif.write(small, subfiletype=1, metadata=None, contiguous=False, **how)
            tags = []
    return path


def write_stk(
    path: Path,
    data: NDArray[np.uint16],
    *,
    x: tuple[int, int] = (65, 1000),
    y: tuple[int, int] = (65, 1000),
    unit: str | None = "um",
    calibrated: int = 1,
    distances: list[tuple[int, int]] | None = None,
    times: list[int] | None = None,
    colours: bytes = b"",
) -> Path:
    """Write planes one after the other, of which there is one page: the private tags say how many.

    The distances of planes are fractions of a micrometre, the times milliseconds of one day; the sides of a
    pixel are fractions of the `unit`, which is left out if it is None.
    """
    count, height, width = data.shape
    distances, times = distances or [(0, 1)] * count, times or [0] * count
    planes = [number for d, t in zip(distances, times, strict=True) for number in (*d, 2_459_000, t, 0, 0)]
    words = (unit or "").encode("latin-1") + b"\0"
    start = 8 + 2 + 12 * (12 if colours else 11) + 4
    blocks = [
        struct.pack("<2I", *x),
        struct.pack("<2I", *y),
        struct.pack("<I", len(words)) + words.ljust(-4 * (-len(words) // 4), b"\0"),
        struct.pack(f"<{len(planes)}I", *planes),
        colours,
    ]
    places = [start + sum(map(len, blocks[:number])) for number in range(len(blocks) + 1)]
    said = [(3, calibrated), (4, places[0]), (5, places[1]), (6, places[2])][: 4 if unit is not None else 3]
    uic1 = struct.pack(f"<{2 * len(said)}I", *(number for pair in said for number in pair))
    pixels = places[-1] + len(uic1)
    tags = [
        *((256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 16 if data.itemsize == 2 else 8)),
        *((259, 3, 1, 1), (262, 3, 1, 3 if colours else 1), (273, 4, 1, pixels), (277, 3, 1, 1)),
        *((278, 4, 1, height), (279, 4, 1, data[0].nbytes)),
        *([(320, 3, len(colours) // 2, places[4])] if colours else []),
        *((33628, 4, len(said), places[-1]), (33629, 5, count, places[3])),
    ]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    path.write_bytes(b"II*\0" + struct.pack("<I", 8) + directory + b"".join(blocks) + uic1 + data.tobytes())
    return path

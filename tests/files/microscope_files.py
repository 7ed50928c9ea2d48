"""Small files as programs of microscopes write them, true to the parts that tifffile reads."""

from __future__ import annotations

import json
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


def write_fluoview(path: Path, data: NDArray[Any], axes: list[tuple[str, float, str]], **how: Any) -> Path:
    """Write planes as Olympus FluoView: name, step and unit of each axis, the fastest first."""
    header = np.zeros((), np.dtype(tifffile.TIFF.MM_HEADER).newbyteorder("<"))
    header["Dimensions"]["Size"] = 1
    for place, size, (name, step, unit) in zip(header["Dimensions"], data.shape[::-1], axes, strict=False):
        for field, value in {"Name": name, "Size": size, "Resolution": step, "Unit": unit}.items():
            place[field] = value
    tags: list[Any] = [(34361, 1, header.nbytes, header.tobytes(), True), (34362, 12, 8, (0.0,) * 8, True)]
    with tifffile.TiffWriter(path, byteorder="<") as tif:
        for plane in data.reshape(-1, *data.shape[-2:]):
            tif.write(
                plane, metadata=None, contiguous=False, extratags=tags, **{"photometric": "minisblack", **how}
            )
            tags = []
    return path


def write_sis(
    path: Path, data: NDArray[np.uint16], x: float = 65.0, y: float = 65.0, power: int = -9
) -> Path:
    """Write a picture as cellSens: a pixel's sides in powers of ten of a metre, and wrong resolution tags."""
    start = struct.pack("<4s6x5h6x32sH", b"SIS0", 30, 12, 1, 0, 120, b"cells", 1) + struct.pack(
        "<2hI", 1, 1, 0
    )
    sizes = struct.pack("<10xh2d8xd2x34s32s", power, x, y, 100.0, b"camera", b"")
    tags = [(33560, 1, len(start + sizes), start + sizes, True)]
    tifffile.imwrite(
        path, data, byteorder="<", metadata=None, extratags=tags, resolution=(1e5, 1e5), resolutionunit=3
    )
    content = bytearray(path.read_bytes())
    place = content.index(b"SIS0")
    struct.pack_into("<I", content, place + len(start) - 4, place + len(start))
    path.write_bytes(content)
    return path


def write_ndtiff(
    folder: Path, data: NDArray[np.uint16], summary: dict[str, Any], of_planes: dict[str, Any] | None = None
) -> Path:
    """Write a stack (z, y, x) as Micro-Manager: planes with words of their own, and an index beside them."""
    folder.mkdir()
    path, words = folder / "a_NDTiffStack.tif", json.dumps(summary).encode()
    content = b"II*\0" + struct.pack("<6I", 28 + len(words), 483729, 3, 3, 2355492, len(words)) + words
    said, index = json.dumps(of_planes or {}).encode() + b"\0", b""
    _, height, width = data.shape
    for number, plane in enumerate(data):
        pixels = len(content) + 2 + 10 * 12 + 4
        following = pixels + plane.nbytes + len(said)
        tags = [
            *((256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 16), (259, 3, 1, 1), (262, 3, 1, 1)),
            *((273, 4, 1, pixels), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, plane.nbytes)),
            (51123, 2, len(said), pixels + plane.nbytes),
        ]
        content += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
        content += struct.pack("<I", following if number + 1 < len(data) else 0) + plane.tobytes() + said
        place = json.dumps({"z": number}).encode()
        index += (
            struct.pack("<I", len(place)) + place + struct.pack("<I", len(path.name)) + path.name.encode()
        )
        index += struct.pack("<8I", pixels, width, height, 1, 0, pixels + plane.nbytes, len(said), 0)
    path.write_bytes(content)
    (folder / "NDTiff.index").write_bytes(index)
    return path

"""Hostile files, for ``napari-cvdm restore``."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from tests.hostile.case import Case, Outcome, scene

PIXEL = 65.0  # nm, as `good` states it


def file_cases() -> list[Case]:
    """Every hostile file."""
    parts = (_kinds(), _broken(), _lying(), _pixel_sizes(), _no_images(), _names())
    return [case for part in parts for case in part]


def good(folder: Path, name: str = "good.tif", shape: tuple[int, ...] = (16, 18), **options: Any) -> Path:
    """Write a file with nothing wrong in it."""
    path = folder / name
    options.setdefault("metadata", {"axes": "TZCYX"[-len(shape) :]})
    tifffile.imwrite(path, scene(*shape), **options)
    return path


def _kinds() -> Iterator[Case]:
    written: dict[str, dict[str, Any]] = {
        "big-endian": {"byteorder": ">"},
        "BigTIFF": {"bigtiff": True},
        "big-endian BigTIFF": {"bigtiff": True, "byteorder": ">"},
        "tiled": {"tile": (16, 16)},
        "one row per strip": {"rowsperstrip": 1},
        "deflate": {"compression": "zlib", "predictor": True},
        "LZW": {"compression": "lzw"},
        "Zstandard": {"compression": "zstd"},
        "LERC": {"compression": "lerc"},
        "PackBits": {"compression": "packbits"},
        "ImageJ stack": {"imagej": True, "shape": (3, 12, 14), "metadata": {"axes": "TYX"}},
        "ImageJ hyperstack": {"imagej": True, "shape": (2, 2, 12, 14), "metadata": {"axes": "TCYX"}},
        "OME stack": {"ome": True, "shape": (2, 3, 12, 14), "metadata": {"axes": "TZYX"}},
    }
    for name, options in written.items():
        yield Case(f"TIFF {name}", partial(good, **options))
    for dtype in ("u1", "i1", "i2", "u4", "i4", "f2", "f4", "f8", "u8"):
        yield Case(f"TIFF of {dtype}", partial(_of_type, dtype))
    yield Case("TIFF of complex numbers", partial(_of_type, "c8"), "refused", words="complex")
    yield Case("TIFF of one bit", _bits, "refused", words="boolean")
    inside_out = partial(good, photometric="miniswhite")
    yield Case("TIFF of white is zero", inside_out, "refused", words="white is zero")
    yield Case("TIFF in colour", partial(good, shape=(16, 18, 3), photometric="rgb", metadata=None))
    yield Case("TIFF of two images", _two_images)
    yield Case(
        "TIFF of unnamed pages", partial(good, shape=(3, 12, 14), photometric="minisblack", metadata=None)
    )
    yield Case("TIFF with NaN", _with_nan, "refused", words="not finite")
    yield Case("TIFF of 4 × 4 pixels", partial(good, shape=(4, 4)), "refused", words="at least 8")
    yield Case("TIFF of one value", _constant, "refused", words="constant")


def _of_type(dtype: str, folder: Path) -> Path:
    path = folder / "image.tif"
    image = np.random.default_rng(0).integers(0, 100, (12, 14)).astype(dtype)
    tifffile.imwrite(path, image, photometric="minisblack")
    return path


def _bits(folder: Path) -> Path:
    path = folder / "bits.tif"
    tifffile.imwrite(path, scene(16, 16) > 100)
    return path


def _two_images(folder: Path) -> Path:
    path = folder / "two.tif"
    with tifffile.TiffWriter(path) as tif:
        tif.write(scene(16, 18))
        tif.write(scene(9, 11, dtype=np.uint8))
    return path


def _with_nan(folder: Path) -> Path:
    image = scene(16, 18, dtype=np.float32)
    image[3, 3] = np.nan
    tifffile.imwrite(folder / "nan.tif", image)
    return folder / "nan.tif"


def _constant(folder: Path) -> Path:
    tifffile.imwrite(folder / "flat.tif", np.full((16, 16), 7, np.uint8))
    return folder / "flat.tif"


def _broken() -> Iterator[Case]:
    for length in (0, 1, 4, 7, 8, 9, 50, 150, 300):
        yield Case(f"truncated after {length} bytes", partial(_truncated, length), "refused")
    yield Case("truncated in its last row", partial(_truncated, -20), "refused")
    yield Case("truncated BigTIFF", partial(_truncated, 60, bigtiff=True), "refused")
    yield Case("truncated deflate", partial(_truncated, -30, compression="zlib"), "refused")
    yield Case("compressed pixels overwritten", partial(_overwritten, "zlib"), "refused")
    yield Case("LZW pixels overwritten", partial(_overwritten, "lzw"), "refused")
    yield Case("magic number and nothing else", partial(_bytes, b"II*\0"), "refused")
    yield Case("a directory beyond the end", partial(_bytes, b"II*\0\xff\xff\xff\x7f" + bytes(40)), "refused")
    yield Case("a directory that points to itself", _loop, "refused")
    yield Case(
        "a directory of 65535 tags", partial(_bytes, b"II*\0\x08\0\0\0\xff\xff" + bytes(90)), "refused"
    )
    yield Case("random bytes after a good start", _noise_after_header, "refused")


def _truncated(length: int, folder: Path, **options: Any) -> Path:
    path = good(folder, "cut.tif", **options)
    data = path.read_bytes()
    path.write_bytes(data[:length])
    return path


def _overwritten(compression: str, folder: Path) -> Path:
    path = good(folder, "scratched.tif", shape=(64, 64), compression=compression)
    with tifffile.TiffFile(path) as tif:
        start, count = tif.pages.first.dataoffsets[0], tif.pages.first.databytecounts[0]
    data = bytearray(path.read_bytes())
    data[start + 2 : start + count // 2] = b"\xa5" * (count // 2 - 2)
    path.write_bytes(bytes(data))
    return path


def _bytes(data: bytes, folder: Path) -> Path:
    path = folder / "bytes.tif"
    path.write_bytes(data)
    return path


def _noise_after_header(folder: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 256, 4000, np.uint8).tobytes()
    return _bytes(b"II*\0\x08\0\0\0" + noise, folder)


def _loop(folder: Path) -> Path:
    entries = b"".join(
        struct.pack("<HHII", tag, 4, 1, value)
        for tag, value in (
            (256, 16),
            (257, 16),
            (258, 8),
            (259, 1),
            (262, 1),
            (273, 8),
            (278, 16),
            (279, 256),
        )
    )
    directory = struct.pack("<H", 8) + entries + struct.pack("<I", 8)  # the next directory is this one
    return _bytes(b"II*\0\x08\0\0\0" + directory + bytes(300), folder)


def _lying() -> Iterator[Case]:
    lies: dict[str, dict[int, int]] = {
        "a width of 4 billion": {256: 2**32 - 1},
        "a plane of 10 terabytes": {256: 2**21, 257: 2**21},
        "no width": {256: 0},
        "no height": {257: 0},
        "an unknown compression": {259: 31337},
        "a compression that it is not": {259: 5},
        "strips beyond the end": {273: 2**31},
        "colours that are not there": {277: 3},
        "more rows than it has": {257: 4000},
    }
    for name, tags in lies.items():
        yield Case(f"TIFF that lies: {name}", partial(_with_tags, tags), "refused")
    # Pixels that are not compressed lie where they lie, whatever the number of their bytes is said to be.
    yield Case("TIFF that lies: strips of no bytes", partial(_with_tags, {279: 0}))
    yield Case("TIFF of 3 bits per pixel", partial(_with_tags, {258: 3}))
    texts = {
        "a description of another shape": '{"shape": [7, 900, 900]}',
        "a description that is no JSON": '{"shape": [16, ',
        "ImageJ planes that are not there": "ImageJ=1.54f\nimages=900\nframes=900\n",
        "OME-XML cut short": '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Sch',
        "OME-XML with an entity bomb": '<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY a "aa">]><OME>&a;</OME>',
    }
    # From 2026.11 on, tifffile passes over a description that is no JSON.
    outcomes: dict[str, Outcome] = {
        "a description that is no JSON": "either",
        "ImageJ planes that are not there": "refused",
        "OME-XML with an entity bomb": "refused",
    }
    for name, text in texts.items():
        yield Case(f"TIFF with {name}", partial(_described, text), outcomes.get(name, "restored"))


def _with_tags(tags: dict[int, int], folder: Path) -> Path:
    path = good(folder, "lies.tif", metadata=None, photometric="minisblack")
    with tifffile.TiffFile(path) as tif:
        places = {tag.code: (tag.valueoffset, tag.dtype) for tag in tif.pages.first.tags}
    data = bytearray(path.read_bytes())
    for code, value in tags.items():
        offset, kind = places[code]
        form = "<H" if kind == 3 else "<I"
        struct.pack_into(form, data, offset, min(value, 2**16 - 1 if kind == 3 else 2**32 - 1))
    path.write_bytes(bytes(data))
    return path


def _described(text: str, folder: Path) -> Path:
    path = folder / "described.tif"
    tifffile.imwrite(path, scene(16, 18), description=text, metadata=None)
    return path


def _pixel_sizes() -> Iterator[Case]:
    """Files whose pixel size is right, odd or absurd; `settings["nm"]` is what must come of it."""
    stated: list[tuple[str, str, float | None]] = [
        ("0", "nm", None), ("1e9", "µm", None), ("NaN", "µm", None), ("INF", "µm", None), ("-65", "nm", None),
        ("abc", "nm", None), ("", "nm", None), ("1e-9", "nm", None), ("0,065", "µm", PIXEL),
        ("65", "parsec", None), ("65", "nm", PIXEL), ("0.065", "µm", PIXEL), ("0.065", "μm", PIXEL),
        ("0.065", "Âµm", PIXEL), ("0.065", "um", PIXEL), ("650", "Å", PIXEL), ("6.5e-5", "mm", PIXEL),
        ("0.065", "&#181;m", PIXEL),
    ]  # fmt: skip
    for size, unit, expected in stated:
        make = partial(_ome_sized, size, unit)
        yield Case(f"OME pixel size {size!r} {unit}", make, settings={"nm": expected})
    yield Case("OME pixels of 65 × 130 nm", partial(_ome_sized, "65", "nm", "130"), settings={"nm": None})
    for unit, expected in (
        ("micron", PIXEL), ("\\u00B5m", PIXEL), ("um", PIXEL), ("µm", PIXEL), ("pixel", None), ("", None),
        ("inch", None),
    ):  # fmt: skip
        make = partial(_imagej_sized, unit)
        yield Case(f"ImageJ unit {unit!r}", make, settings={"nm": expected})
    for resolution in ((0, 1), (1, 0), (0, 0), (72, 1), (2**32 - 1, 1)):
        make = partial(_resolved, resolution)
        yield Case(
            f"resolution of {resolution[0]}/{resolution[1]} dots per inch", make, settings={"nm": None}
        )


def _ome_sized(size: str, unit: str, height: str | None, folder: Path | None = None) -> Path:
    if folder is None:  # without a height of its own, the pixel is square
        height, folder = size, Path(str(height))
    xml = (
        '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" '
        'Type="uint16" SizeX="18" SizeY="16" '
        f'SizeC="1" SizeZ="1" SizeT="1" PhysicalSizeX="{size}" PhysicalSizeXUnit="{unit}" '
        f'PhysicalSizeY="{height}" PhysicalSizeYUnit="{unit}"><TiffData/></Pixels></Image></OME>'
    )
    path = folder / "sized.ome.tif"
    tifffile.imwrite(path, scene(16, 18), description=xml.encode(), metadata=None)
    return path


def _imagej_sized(unit: str, folder: Path) -> Path:
    path = folder / "sized.tif"
    text = f"ImageJ=1.54f\nunit={unit}\n".encode("latin-1", "replace")
    per_unit = 1000 / PIXEL
    tifffile.imwrite(
        path,
        scene(16, 18),
        description=text,
        metadata=None,
        resolution=(per_unit, per_unit),
        resolutionunit=1,
    )
    return path


def _resolved(resolution: tuple[int, int], folder: Path) -> Path:
    path = good(folder, resolution=(72, 72), resolutionunit=2, metadata=None)
    with tifffile.TiffFile(path) as tif:
        places = [tif.pages.first.tags[name].valueoffset for name in ("XResolution", "YResolution")]
    data = bytearray(path.read_bytes())
    for place in places:
        struct.pack_into("<II", data, place, *resolution)
    path.write_bytes(bytes(data))
    return path


def _no_images() -> Iterator[Case]:
    png = b"\x89PNG\r\n\x1a\n" + bytes(60)
    things: dict[str, Callable[[Path], Path]] = {
        "no file": lambda folder: folder / "missing.tif",
        "a folder": _folder,
        "an empty file": partial(_bytes, b""),
        "a text": partial(_bytes, b"sample,size\n1,2\n"),
        "a PNG called .tif": partial(_bytes, png),
        "a ZIP called .tif": partial(_bytes, b"PK\x03\x04" + bytes(60)),
        "a link to nowhere": _dangling,
        "a link to itself": _circular,
        "a device": lambda folder: Path("/dev/null"),
    }
    for name, make in things.items():
        yield Case(f"no image: {name}", make, "refused")


def _folder(folder: Path) -> Path:
    (folder / "folder.tif").mkdir()
    return folder / "folder.tif"


def _dangling(folder: Path) -> Path:
    (folder / "link.tif").symlink_to(folder / "gone.tif")
    return folder / "link.tif"


def _circular(folder: Path) -> Path:
    (folder / "circle.tif").symlink_to(folder / "circle.tif")
    return folder / "circle.tif"


def _names() -> Iterator[Case]:
    for name in (
        "with space.tif",
        "ünï 微管.tif",
        "-dash.tif",
        "[bold].tif",
        "a;b&c$d.tif",
        "UPPER.TIFF",
        "n\nl.tif",
    ):
        yield Case(f"named {name!r}", partial(good, name=name))

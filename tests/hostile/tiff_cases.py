"""TIFF files of odd layouts, lying directories and huge promises, for ``napari-cvdm restore``."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from tests.hostile.case import Case, scene
from tests.hostile.raw_tiff import packed_bits, raw_tiff


def tiff_cases() -> list[Case]:
    """Every odd TIFF file."""
    return [case for part in (_layouts(), _types(), _directories(), _bombs(), _tags()) for case in part]


def _written(folder: Path, image: np.ndarray, **options: Any) -> Path:
    path = folder / "image.tif"
    tifffile.imwrite(path, image, **options)
    return path


def _layouts() -> Iterator[Case]:
    colour = scene(16, 18, 3, dtype=np.uint8)
    made: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
        "planes of colour one after the other": (
            np.moveaxis(colour, -1, 0),
            {"photometric": "rgb", "planarconfig": "separate"},
        ),
        "colour and transparency": (
            scene(16, 18, 4, dtype=np.uint8),
            {"photometric": "rgb", "extrasamples": ["unassalpha"]},
        ),
        "four inks": (scene(16, 18, 4, dtype=np.uint8), {"photometric": "separated"}),
        "JPEG 2000": (scene(64, 64, dtype=np.uint8), {"compression": "jpeg2000"}),
        "JPEG": (scene(64, 64, dtype=np.uint8), {"compression": "jpeg"}),
        "JPEG XL": (scene(64, 64, dtype=np.uint8), {"compression": "jpegxl"}),
        "WebP": (scene(64, 64, 3, dtype=np.uint8), {"compression": "webp", "photometric": "rgb"}),
        "LZW with a predictor": (scene(16, 18), {"compression": "lzw", "predictor": 2}),
        "floating-point predictor": (
            scene(16, 18, dtype=np.float32),
            {"compression": "zstd", "predictor": 3},
        ),
        "LZMA": (scene(16, 18), {"compression": "lzma"}),
        "tiles larger than the image": (scene(16, 18), {"tile": (256, 256)}),
        "a volume in one page": (
            scene(4, 16, 32),
            {"volumetric": True, "tile": (4, 16, 16), "photometric": "minisblack"},
        ),
        "sub-directories of smaller images": (scene(16, 18), {"subifds": 1}),
    }
    for name, (image, options) in made.items():
        make = partial(_with_subifd, image) if "subifds" in options else partial(_made, image, options)
        yield Case(f"TIFF of {name}", make)
    floats = partial(_made, scene(16, 18, dtype=np.float32), {"photometric": "miniswhite"})
    yield Case("TIFF of white is zero, of floats", floats, "refused", words="white is zero")
    palette = partial(_made, scene(16, 18, dtype=np.uint8), _palette())
    yield Case("TIFF of a palette", palette, "refused", words="palette")


def _palette() -> dict[str, Any]:
    colours = np.random.default_rng(0).integers(0, 65536, (3, 256)).astype(np.uint16)
    return {"photometric": "palette", "colormap": colours}


def _made(image: np.ndarray, options: dict[str, Any], folder: Path) -> Path:
    return _written(folder, image, **options)


def _with_subifd(image: np.ndarray, folder: Path) -> Path:
    path = folder / "pyramid.tif"
    with tifffile.TiffWriter(path) as tif:
        tif.write(image, subifds=1)
        tif.write(image[::2, ::2], subfiletype=1)
    return path


def _types() -> Iterator[Case]:
    whole = np.random.default_rng(0).integers(0, 1000, (16, 18))
    top = (np.uint64(2**64 - 1) - whole.astype(np.uint64)).astype(np.uint64)
    for name, image, outcome in (
        ("uint64 up to 2^64", top, "refused"),  # 1000 grey levels on 2^64 are lost in any arithmetic
        ("uint64 over its whole range", whole.astype(np.uint64) * np.uint64(2**54), "restored"),
        ("int64 below zero", whole.astype(np.int64) - 2**40, "restored"),
        ("float16 up to its end", (whole * 65).astype(np.float16), "restored"),
        ("infinities of float16", np.where(whole > 500, np.inf, 1.0).astype(np.float16), "refused"),
        ("complex numbers of 128 bits", whole.astype(np.complex128), "refused"),
    ):
        yield Case(f"TIFF of {name}", partial(_made, image, {"photometric": "minisblack"}), outcome)  # type: ignore[arg-type]
    for bits in (2, 4, 10, 12, 14):
        packed = packed_bits(whole % 2**bits, bits)
        yield Case(f"TIFF of {bits} bits packed", partial(raw_tiff, tags={258: bits}, pixels=packed))
    yield Case(
        "TIFF of 24-bit floats", partial(raw_tiff, tags={258: 24, 339: 3}, pixels=bytes(range(216)) * 4)
    )
    yield Case("TIFF of a sample format that there is not", partial(raw_tiff, tags={339: 9}), "refused")
    yield Case("TIFF of 0 bits", partial(raw_tiff, tags={258: 0}), "refused")
    yield Case("TIFF of 999 bits", partial(raw_tiff, tags={258: 999}), "refused")


def _directories() -> Iterator[Case]:
    cut = struct.pack("<H", 500) + bytes(20)
    made: dict[str, Callable[..., Path]] = {
        "the next page in the header": partial(raw_tiff, following=2),
        "the next page beyond the end": partial(raw_tiff, following=2**31),
        "no pixels at all": partial(raw_tiff, tags={273: None, 279: None}),
        "pixels at offset 0, of 0 bytes": partial(raw_tiff, tags={273: 0, 279: 0, 259: 8}),
        "no height": partial(raw_tiff, tags={257: None}),
        "tiles without a size": partial(
            raw_tiff, tags={273: None, 279: None, 322: 0, 323: 0, 324: "pixels", 325: 576}
        ),
        "tiles of no bytes": partial(
            raw_tiff, tags={273: None, 279: None, 322: 16, 323: 16, 324: "pixels", 325: 0, 259: 8}
        ),
        "one tile of the four it needs": partial(
            raw_tiff,
            tags={256: 32, 257: 32, 273: None, 279: None, 322: 16, 323: 16, 324: "pixels", 325: 512},
        ),
        "65535 samples per pixel": partial(raw_tiff, tags={277: 65535}),
        "a width in text": partial(raw_tiff, tags={256: b"wide\0"}, types={256: 2}),
        "a width that is a fraction": partial(raw_tiff, tags={256: (18, 0)}, types={256: 5}),
        "an old-style JPEG that is none": partial(raw_tiff, tags={259: 6, 513: "pixels", 514: 576}),
    }
    for name, make in made.items():
        yield Case(f"TIFF with {name}", make, "refused")
    yield Case("TIFF whose page is its own follower", partial(raw_tiff, following=8), "refused")
    yield Case("TIFF whose page is its own child", partial(raw_tiff, tags={330: 8}))
    yield Case("TIFF with pages that lead in a circle", _circle, "refused")
    yield Case("TIFF with rows per strip of 0", partial(raw_tiff, tags={278: 0}), "refused")
    yield Case("TIFF with no samples per pixel", partial(raw_tiff, tags={277: 0}))
    yield Case("TIFF with a page among the pixels", partial(raw_tiff, following=150, pixels=cut * 30))
    yield Case(
        "TIFF with rows per strip of 4 billion", partial(raw_tiff, tags={278: 2**32 - 1}, types={278: 4})
    )
    yield Case("TIFF with a fill order of the wrong way round", partial(raw_tiff, tags={266: 2}))
    yield Case("TIFF that is turned by its orientation", partial(raw_tiff, tags={274: 6}))


def _circle(folder: Path) -> Path:
    """Two pages, the second of which names the first as the next."""
    path = folder / "circle.tif"
    with tifffile.TiffWriter(path) as tif:
        tif.write(scene(16, 18), metadata=None)
        tif.write(scene(16, 18), metadata=None)
    with tifffile.TiffFile(path) as tif:
        first, second = (page.offset for page in tif.pages)
        count = len(tif.pages[1].tags)
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, second + 2 + 12 * count, first)
    path.write_bytes(bytes(data))
    return path


def _bombs() -> Iterator[Case]:
    """Small files that promise more than a memory holds; `settings["bomb"]` has the test watch the memory."""
    wide = {256: 2**17, 257: 2**17, 278: 2**17}
    zeros = zlib.compress(bytes(10**6))
    ome = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        '<Image ID="Image:0">{}</Image></OME>'
    )
    pixels = (
        '<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="18" SizeY="16" SizeC="1" '
        'SizeZ="1" SizeT="{}"><TiffData{}/></Pixels>'
    )
    texts: dict[str, str] = {
        "a billion frames in OME-XML": ome.format(pixels.format(10**9, "")),
        "a billion frames in OME-XML, counted": ome.format(
            pixels.format(10**9, ' IFD="0" PlaneCount="1000000000"')
        ),
        "a quintillion frames in OME-XML": ome.format(pixels.format(10**18, "")),
        "two billion ImageJ planes": "ImageJ=1.54f\nimages=2147483647\nframes=2147483647\n",
        "a shape of 10^12 planes": '{"shape": [1000000000000, 16, 18]}',
        "a shape of 10^30 planes": f'{{"shape": [{10**30}, 16, 18]}}',
        "entities that double 30 times": _laughs(30),
    }
    for name, text in texts.items():
        yield Case(f"TIFF with {name}", partial(_described, text), "refused", {"bomb": True})
    yield Case(
        "TIFF of 34 GB in a kilobyte", partial(raw_tiff, tags=wide, types={278: 4}), "refused", {"bomb": True}
    )
    yield Case(
        "TIFF of 34 GB of compressed zeros",
        partial(raw_tiff, tags={**wide, 259: 8, 279: len(zeros)}, types={278: 4}, pixels=zeros),
        "refused",
        {"bomb": True},
    )
    tiled = {256: 2**20, 257: 2**20, 273: None, 279: None, 322: 2**15, 323: 2**15, 324: "pixels", 325: 576}
    yield Case("TIFF of a tile of 2 GB", partial(raw_tiff, tags=tiled), "refused", {"bomb": True})


def _laughs(depth: int) -> str:
    entities = "".join(f'<!ENTITY e{n} "&e{n - 1};&e{n - 1};">' for n in range(1, depth))
    return (
        f'<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY e0 "ha">{entities}]>'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        f"&e{depth - 1};</OME>"
    )


def _described(text: str, folder: Path) -> Path:
    path = folder / "described.tif"
    tifffile.imwrite(path, scene(16, 18), description=text.encode(), metadata=None)
    return path


def _tags() -> Iterator[Case]:
    """Descriptions and small tags that must not lead astray; the pixels are good."""
    made: dict[str, dict[int, Any]] = {
        "a description of zeros": {270: bytes(400)},
        "a description in no encoding": {270: bytes(range(128, 256)) * 3},
        "a description without an end": {270: b"ImageJ=1.54f\nimages=1\nunit=nm"},
        "an ImageJ unit of a megabyte": {270: b"ImageJ=1.54f\nunit=" + b"n" * 2**20 + b"\0"},
        "an ImageJ spacing of NaN": {270: b"ImageJ=1.54f\nunit=nm\nspacing=NaN\nfinterval=-inf\n\0"},
        "ImageJ numbers that are words": {270: b"ImageJ=1.54f\nmin=low\nloop=perhaps\n\0"},
        "an artist of 100 kB": {315: b"a" * 100_000 + b"\0"},
        "a date of nonsense": {306: b"yesterday, at 25:61\0"},
        "private tags": {65000: b"\xff" * 300, 65001: b"x"},
    }
    for name, tags in made.items():
        types = dict.fromkeys((270, 306, 315, 65000, 65001), 2)
        outcome = "restored"
        yield Case(f"TIFF with {name}", partial(raw_tiff, tags=tags, types=types), outcome)  # type: ignore[arg-type]
    ratios = {282: 5, 283: 5}
    for across, down, unit in (
        ((2**32 - 1, 1), (1, 1), 3),
        ((1, 2**32 - 1), (1, 2**32 - 1), 2),
        ((1, 1), (1, 1), 77),
    ):
        yield Case(
            f"TIFF with a resolution of {across} × {down}, unit {unit}",
            partial(raw_tiff, tags={282: across, 283: down, 296: unit}, types=ratios),
            settings={"nm": None},
        )

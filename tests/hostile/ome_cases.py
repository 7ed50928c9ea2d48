"""OME-TIFF files whose XML is odd, lying or malicious, for ``napari-cvdm restore``."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import tifffile

from tests.hostile.case import Case, scene

_OME = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"{}>{}</OME>'
_SIZES = {"SizeX": 18, "SizeY": 16, "SizeC": 1, "SizeZ": 1, "SizeT": 1, "Type": "uint16"}
SECRET = "secret.tif"
"""A file outside the folder of the image, which no description may reach."""


def ome_cases() -> list[Case]:
    """Every odd description."""
    return [case for part in (_other_files(), _numbers(), _texts(), _sizes()) for case in part]


def _pixels(inside: str = "<TiffData/>", **stated: Any) -> str:
    told = " ".join(
        f'{name}="{value}"'
        for name, value in ({"ID": "Pixels:0", "DimensionOrder": "XYCZT"} | _SIZES | stated).items()
        if value is not None
    )
    return f'<Image ID="Image:0"><Pixels {told}>{inside}</Pixels></Image>'


def _file(inside: str, folder: Path, *, prolog: str = "", attributes: str = "", planes: int = 1) -> Path:
    path = folder / "odd.ome.tif"
    xml = '<?xml version="1.0" encoding="UTF-8"?>' + prolog + _OME.format(attributes, inside)
    with tifffile.TiffWriter(path) as tif:
        for number in range(planes):
            tif.write(
                scene(16, 18),
                description=xml.encode() if number == 0 else None,
                metadata=None,
                contiguous=False,
            )
    tifffile.imwrite(folder.parent / SECRET, scene(16, 18)) if "secret" in inside else None
    return path


def _named(name: str) -> str:
    return f'<TiffData IFD="0" PlaneCount="1"><UUID FileName="{name}">urn:uuid:1-2</UUID></TiffData>'


def _other_files() -> Iterator[Case]:
    for name in (
        f"../{SECRET}",
        f"..\\{SECRET}",
        "/etc/hostname",
        "C:\\secret.tif",
        "sub/secret.tif",
        "//host/secret",
    ):
        make = partial(_file, _pixels(_named(name)))
        yield Case(f"OME pixels in {name!r}", make, "refused", words="outside its own folder")
    # The only plane there is: the file itself, under the name it had before somebody gave it another.
    yield Case("OME pixels in a file of another name", partial(_file, _pixels(_named("gone.tif"))))
    yield Case("OME pixels in a file without a name", partial(_file, _pixels(_named(""))))
    yield Case(
        "OME pixels in the file itself, of another UUID", partial(_file, _pixels(_named("odd.ome.tif")))
    )
    own = partial(_file, _pixels(_named("odd.ome.tif")), attributes=' UUID="urn:uuid:9-9"')
    yield Case("OME file of two UUIDs", own)
    entity = '<!DOCTYPE OME [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    make = partial(_file, _pixels() + "&x;", prolog=entity)
    yield Case("OME-XML with an entity from another file", make, "refused", words="entities")
    remote = '<!DOCTYPE OME SYSTEM "http://127.0.0.1:9/ome.dtd">'
    yield Case("OME-XML with rules from elsewhere", partial(_file, _pixels(), prolog=remote))


def _numbers() -> Iterator[Case]:
    made: dict[str, tuple[str, int, str]] = {
        "three frames of which one is there": (_pixels(SizeT=3), 1, "refused"),
        "one frame of three": (_pixels(SizeT=1), 3, "restored"),
        "no frames": (_pixels(SizeT=0), 1, "restored"),
        "minus one frame": (_pixels(SizeT=-1), 1, "restored"),
        "a wider plane than it has": (_pixels(SizeX=1800), 1, "restored"),
        "no width": (_pixels(SizeX=None), 1, "refused"),
        "a width in words": (_pixels(SizeX="wide"), 1, "refused"),
        "a type that it is not": (_pixels(Type="float"), 1, "restored"),
        "a type that there is not": (_pixels(Type="quaternion"), 1, "restored"),
        "an order of dimensions that there is not": (_pixels(DimensionOrder="XYWVU"), 1, "refused"),
        "a directory that it has not": (_pixels('<TiffData IFD="77" PlaneCount="1"/>'), 1, "restored"),
        "a directory below zero": (_pixels('<TiffData IFD="-1" PlaneCount="1"/>'), 1, "restored"),
        "a plane beyond the last": (_pixels('<TiffData FirstT="9" IFD="0" PlaneCount="1"/>'), 1, "restored"),
        "a million planes": (_pixels('<TiffData IFD="0" PlaneCount="1000000"/>'), 1, "restored"),
        "twice the same plane": (_pixels('<TiffData IFD="0"/><TiffData IFD="0"/>', SizeT=2), 1, "refused"),
        "no data": (_pixels(""), 1, "restored"),
        "ten thousand channels' names": (
            _pixels(
                "".join(f'<Channel ID="Channel:0:{n}" Name="n{n}"/>' for n in range(10_000)) + "<TiffData/>"
            ),
            1,
            "restored",
        ),
    }
    for name, (inside, planes, outcome) in made.items():
        yield Case(f"OME-XML of {name}", partial(_file, inside, planes=planes), outcome)  # type: ignore[arg-type]


def _texts() -> Iterator[Case]:
    made = {
        "no image": "",
        "an image without pixels": '<Image ID="Image:0"/>',
        "text in place of an image": "image",
        "a plate": '<Plate ID="Plate:0"/>' + _pixels(),
        "only a reference": '<BinaryOnly MetadataFile="../secret.companion.ome" UUID="urn:uuid:1"/>',
        "a megabyte of beginnings of references": "<BinaryOnly " * 100_000,
        "ten thousand levels": "<a>" * 10_000 + "</a>" * 10_000 + _pixels(),
        "names in every script": _pixels(
            '<Channel ID="Channel:0:0" Name="&lt;b&gt;微管 🔬 &#10; é"/><TiffData/>'
        ),
        "a name of 100 kB": _pixels(f'<Channel ID="Channel:0:0" Name="{"n" * 100_000}"/><TiffData/>'),
    }
    for name, inside in made.items():
        yield Case(f"OME-XML with {name}", partial(_file, inside), "restored")


def _sizes() -> Iterator[Case]:
    """`settings["nm"]` is the pixel size that must come of it."""
    for size, unit, expected in (
        ("65", "nanometre", 65.0),
        ("0.065", "micrometer", 65.0),
        ("65", "pixel", None),
        ("65", "reference frame", None),
        ("6,5e1", "nm", 65.0),
        ("0x41", "nm", None),
        ("65 nm", "nm", None),
        ("٦٥", "nm", 65.0),
        ("1e400", "nm", None),
        ("9" * 5000, "nm", None),
        ("650", "Å", 65.0),
        ("65", " nm ", 65.0),
        ("65", "n" * 5000 + "m", None),
        ("+65", "nm", 65.0),
        ("6_5", "nm", None),
    ):
        told = {
            "PhysicalSizeX": size,
            "PhysicalSizeXUnit": unit,
            "PhysicalSizeY": size,
            "PhysicalSizeYUnit": unit,
        }
        name = f"OME size {size[:8]!r} {unit[:16]}"
        yield Case(name, partial(_file, _pixels(**told)), settings={"nm": expected})

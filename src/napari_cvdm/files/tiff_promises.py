"""What a TIFF file promises in its description, checked before anything is made or opened for it.

A text of a hundred bytes can announce a billion planes, or name files anywhere on the disk. The library that
reads TIFF believes both.
"""

from __future__ import annotations

from math import prod
from pathlib import Path, PurePosixPath, PureWindowsPath
from xml.etree import ElementTree

import tifffile

from napari_cvdm.files.ome_images import ome_root
from napari_cvdm.restoration.errors import ImageFileError

__all__ = ["MOST_PLANES", "check_promises"]

MOST_PLANES = 1_000_000
"""More planes than any recording has: 11 hours at 25 frames a second."""


def check_promises(path: str | Path, tif: tifffile.TiffFile) -> None:
    """Refuse a file whose OME-XML defines entities, announces absurdly many planes, or leaves its folder.

    Parameters
    ----------
    path : str or Path
        What to call the file.
    tif : tifffile.TiffFile
        Open; its series not yet asked for.

    Raises
    ------
    ImageFileError
        If so. Broken XML is no fault: the file is then read as any other TIFF.
    """
    xml = tif.ome_metadata
    if not xml:
        return
    if "<!ENTITY" in xml:
        # A dozen of them can grow to gigabytes, and can stand for files. OME-XML has none.
        raise ImageFileError(
            f"{path} has a description that defines XML entities, as no microscope writes them: save the "
            "image again with a program you trust."
        )
    root = ome_root(xml)
    if root is None:
        return
    for element in root.iter():
        kind = element.tag.rpartition("}")[2]
        if kind == "Pixels":
            _check_planes(path, element)
        elif kind == "TiffData":
            _check_count(path, element.get("PlaneCount"), element.get("NumPlanes"), element.get("IFD"))
        elif kind == "UUID":
            _check_name(path, element.get("FileName", ""))


def _check_planes(path: str | Path, pixels: ElementTree.Element) -> None:
    lengths = [pixels.get(f"Size{axis}", "1") for axis in "CZT"]
    _check_count(path, *lengths)
    planes = prod(int(n) for n in lengths if n.isdecimal())
    if planes > MOST_PLANES:
        raise ImageFileError(f"{path} is corrupt: its description announces {planes} planes.")


def _check_count(path: str | Path, *counts: str | None) -> None:
    for count in counts:
        # Thousands of digits would take long to turn into a number.
        if count is not None and (len(count) > 18 or (count.isdecimal() and int(count) > MOST_PLANES)):
            raise ImageFileError(f"{path} is corrupt: its description counts planes up to {count[:20]}.")


def _check_name(path: str | Path, name: str) -> None:
    if any(kind(name).name != name for kind in (PurePosixPath, PureWindowsPath)) and name:
        raise ImageFileError(
            f"{path} takes pixels from {name[:100]!r}, outside its own folder. Put all files of the set into "
            "one folder, and let their descriptions name them without folders."
        )

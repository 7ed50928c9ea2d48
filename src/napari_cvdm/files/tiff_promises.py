"""What a TIFF file promises in its description, checked before anything is made or opened for it.

A text of a hundred bytes can announce a billion planes, or name files anywhere on the disk. The library that
reads TIFF believes both, and makes room for the planes.
"""

from __future__ import annotations

from math import prod
from pathlib import Path, PurePosixPath, PureWindowsPath
from xml.etree import ElementTree

import numpy as np
import tifffile

from napari_cvdm.files.ome_images import kind_of, ome_root
from napari_cvdm.restoration.errors import ImageFileError

MOST_PLANES = 1_000_000
"""More planes than any recording has: 11 hours at 25 frames a second."""

MOST_TOGETHER = 2**25
"""More planes than a set of recordings has, each of whose files describes those of all."""

_MOST_BLOCKS = 16  # of an image's planes, whose pages are looked at


def check_promises(path: str | Path, tif: tifffile.TiffFile) -> None:
    """Refuse a file whose description defines entities, announces absurdly many planes, or leaves its folder.

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
    if tif.is_mmstack:
        _check_index(path, tif)
    xml = tif.ome_metadata
    if not xml:
        return
    refuse_entities(path, xml)
    root = ome_root(xml)
    if root is None:
        return
    together, own = 0, _identifier(tif, root)
    for element in root.iter():
        kind = kind_of(element)
        if kind == "Pixels":
            together += _check_planes(path, tif, element, own)
            _check_together(path, together)
        elif kind == "TiffData":
            _check_count(path, element.get("PlaneCount"), element.get("NumPlanes"), element.get("IFD"))
        elif kind == "UUID":
            _check_name(path, element.get("FileName", ""))
        elif kind[:-1] == "ModuloAlong":
            _check_steps(path, element)


def refuse_entities(path: str | Path, xml: str) -> None:
    """Raise an `ImageFileError` if a description defines entities; to be asked before it is parsed.

    A dozen of them can grow to gigabytes, and can stand for files. OME-XML has none.
    """
    if "<!ENTITY" in xml:
        raise ImageFileError(
            f"{path} has a description that defines XML entities, as no microscope writes them: save the "
            "image again with a program you trust."
        )


def _check_planes(
    path: str | Path, tif: tifffile.TiffFile, pixels: ElementTree.Element, own: str | None
) -> int:
    """Return how many planes an image announces, if there can be as many."""
    lengths = [pixels.get(f"Size{axis}", "1") for axis in "CZT"]
    _check_count(path, *lengths)
    planes = prod(number for number in map(_whole, lengths) if number is not None)
    if planes > MOST_PLANES:
        raise ImageFileError(f"{path} is corrupt: its description announces {planes} planes.")
    sides = [pixels.get(f"Size{axis}", "1") for axis in "YX"]
    if any(len(side) > 18 for side in sides):
        raise ImageFileError(f"{path} is corrupt: its description announces a plane {sides[1][:20]} wide.")
    # One list entry is made for every page that planes of this size would take.
    size = prod(number for number in map(_whole, sides) if number is not None)
    smallest = min(_sizes_of_pages(tif, pixels, own), default=size)
    if planes * size > MOST_PLANES * max(smallest, 1):
        raise ImageFileError(
            f"{path} is corrupt: its description announces planes of {size} pixels, but they have {smallest}."
        )
    return planes


def _sizes_of_pages(tif: tifffile.TiffFile, pixels: ElementTree.Element, own: str | None) -> list[int]:
    """Return how many numbers the pages hold with which the first blocks of an image begin, in this file."""
    blocks = [child for child in pixels if kind_of(child) == "TiffData" and _is_in(tif, child, own)]
    numbers = {_whole(block.get("IFD", "0")) for block in blocks[:_MOST_BLOCKS]}
    held = len(tif.pages)
    return [tif.pages[number].size for number in numbers if number is not None and 0 <= number < held]


def _identifier(tif: tifffile.TiffFile, root: ElementTree.Element) -> str | None:
    """Return what the description calls this file, or else what it calls the first of this file's name."""
    named = (each.text for each in root.iter() if kind_of(each) == "UUID" and _has_name_of(tif, each))
    return root.get("UUID") or next(named, None)


def _is_in(tif: tifffile.TiffFile, block: ElementTree.Element, own: str | None) -> bool:
    """Whether a block lies in this file; one that was renamed is known by its identifier, as to tifffile."""
    identifier = next((child for child in block if kind_of(child) == "UUID"), None)
    return identifier is None or identifier.text == own or _has_name_of(tif, identifier)


def _has_name_of(tif: tifffile.TiffFile, identifier: ElementTree.Element) -> bool:
    return identifier.get("FileName", "").lower() == tif.filename.lower()


def _check_index(path: str | Path, tif: tifffile.TiffFile) -> None:
    """Refuse a Micro-Manager file whose index has absurd positions: a list is made that holds them all."""
    index = (tif.micromanager_metadata or {})["IndexMap"]
    if index.size:
        _check_together(path, prod(int(last) + 1 for last in np.max(index[:, :4], axis=0)))


def _check_together(path: str | Path, planes: int) -> None:
    if planes > MOST_TOGETHER:
        raise ImageFileError(f"{path} is corrupt: its description announces {planes} planes.")


def _check_steps(path: str | Path, along: ElementTree.Element) -> None:
    """Refuse a part of an axis (lifetimes, angles) of absurdly many steps."""
    try:
        first, last, step = (float(along.get(key, "1")) for key in ("Start", "End", "Step"))
        steps = abs((last - first) / step)
    except (ValueError, ArithmeticError):
        return  # whoever reads it will say so
    if steps > MOST_PLANES:
        raise ImageFileError(f"{path} is corrupt: its description announces {steps:.3g} steps of an axis.")


def _check_count(path: str | Path, *counts: str | None) -> None:
    for count in counts:
        # Thousands of digits would take long to turn into a number.
        if count is not None and (len(count) > 18 or (_whole(count) or 0) > MOST_PLANES):
            raise ImageFileError(f"{path} is corrupt: its description counts planes up to {count[:20]}.")


def _whole(text: str) -> int | None:
    """Return a number as tifffile reads it, with spaces, signs and underscores; None if it is none."""
    try:
        return int(text)
    except ValueError:
        return None


def _check_name(path: str | Path, name: str) -> None:
    if any(kind(name).name != name for kind in (PurePosixPath, PureWindowsPath)) and name:
        raise ImageFileError(
            f"{path} takes pixels from {name[:100]!r}, outside its own folder. Put all files of the set into "
            "one folder, and let their descriptions name them without folders."
        )

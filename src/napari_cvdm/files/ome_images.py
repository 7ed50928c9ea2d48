"""The images that an OME-XML describes, and in which of them a file has planes.

In a set of files (the positions of a Micro-Manager or Bio-Formats recording) each file describes the images
of all. The number of an image in the XML therefore says nothing about what lies in a file.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree


def ome_root(xml: str) -> ElementTree.Element | None:
    """Return the root element of an OME-XML, or None if it is broken."""
    try:
        # Without its declaration: the text is decoded already, and must not be so again.
        return ElementTree.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", xml))
    except ElementTree.ParseError:
        return None


def kind_of(element: ElementTree.Element) -> str:
    """Return what an element of an OME-XML is, such as "Pixels". Some files state no namespace."""
    return element.tag.rpartition("}")[2]


def ome_images(root: ElementTree.Element) -> list[ElementTree.Element]:
    """Return the images of an OME-XML, in its order."""
    return _children(root, "Image")


def images_here(root: ElementTree.Element, filename: str, page: int | None = None) -> list[int]:
    """Find the images of which a file holds planes.

    Parameters
    ----------
    root : Element
        Of the OME-XML in the file.
    filename : str
        Name of the file, without its folder. It counts only where the XML does not know the file by its UUID:
        a file may have been renamed.
    page : int, optional
        Count only the images of which this page of the file is a plane.

    Returns
    -------
    list of int
        Their numbers in the XML. An image that names no file and no page counts: it is believed to be here.
    """
    uuids = [element for element in root.iter() if kind_of(element) == "UUID"]
    mine = {root.get("UUID")} & {element.text for element in uuids} - {None}
    if not mine:
        mine = {each.text for each in uuids if each.get("FileName", "").lower() == filename.lower()}
    return [number for number, image in enumerate(ome_images(root)) if _is_here(image, mine, page)]


def _is_here(image: ElementTree.Element, mine: set[str | None], page: int | None) -> bool:
    blocks = [block for pixels in _children(image, "Pixels") for block in _children(pixels, "TiffData")]
    return not blocks or any(
        (not (uuids := _children(block, "UUID")) or uuids[0].text in mine) and _holds(block, page)
        for block in blocks
    )


def _holds(block: ElementTree.Element, page: int | None) -> bool:
    """Whether a page of a file is a plane of a block."""
    if page is None:
        return True
    first = _whole(block.get("IFD"), 0)
    # As OME has it: a block that states its first page but no number is one plane, others reach to the end.
    count = _whole(block.get("PlaneCount") or block.get("NumPlanes"), 1 if "IFD" in block.attrib else 0)
    return first <= page < first + count if count else first <= page


def _whole(text: str | None, otherwise: int) -> int:
    # Thousands of digits would take long to turn into a number; no file has that many pages.
    return int(text) if text is not None and text.isdecimal() and len(text) <= 18 else otherwise


def _children(element: ElementTree.Element, kind: str) -> list[ElementTree.Element]:
    return [child for child in element if kind_of(child) == kind]

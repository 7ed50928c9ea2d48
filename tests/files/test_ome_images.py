"""In which images of an OME-XML a file has planes."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from napari_cvdm.files.ome_images import images_here, ome_images, ome_root

MINE, OTHER = '<UUID FileName="a.tif">urn:a</UUID>', '<UUID FileName="b.tif">urn:b</UUID>'


def _root(*images: str, uuid: str = "") -> ElementTree.Element:
    inside = "".join(f"<Image><Pixels>{blocks}</Pixels></Image>" for blocks in images)
    root = ome_root(f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="x"{uuid}><Plate/>{inside}</OME>')
    assert root is not None
    return root


def _block(file: str = "", attributes: str = 'IFD="0"') -> str:
    return f"<TiffData {attributes}>{file}</TiffData>"


def test_broken_xml_has_no_root():
    assert ome_root("<OME><Image>") is None


def test_only_images_are_images():
    assert len(ome_images(_root("", ""))) == 2


@pytest.mark.parametrize("uuid", ["", ' UUID="urn:a"', ' UUID="urn:unknown"'])
def test_a_file_is_known_by_its_uuid_or_else_by_its_name(uuid):
    root = _root(_block(OTHER), _block(MINE), _block(OTHER) + _block(MINE), uuid=uuid)
    assert images_here(root, "A.TIF") == [1, 2]
    assert images_here(root, "renamed.tif") == ([1, 2] if "urn:a" in uuid else [])
    # The name of another file does not count against the UUID.
    assert images_here(root, "b.tif") == ([1, 2] if "urn:a" in uuid else [0, 2])


def test_an_image_that_names_no_file_is_believed_to_be_here():
    assert images_here(_root("", _block(), _block(OTHER)), "a.tif") == [0, 1]


@pytest.mark.parametrize(
    ("attributes", "pages"),
    [
        ('IFD="2"', {2}),
        ('IFD="2" PlaneCount="2"', {2, 3}),
        ('IFD="2" NumPlanes="2"', {2, 3}),
        ('PlaneCount="2"', {0, 1}),
        ("", {0, 1, 2, 3, 4}),
        ('IFD="none" PlaneCount="-7"', {0}),
        (f'IFD="{"9" * 5000}"', {0}),
    ],
)
def test_a_block_holds_the_pages_that_it_counts(attributes, pages):
    root = _root(_block(MINE, attributes))
    assert {page for page in range(5) if images_here(root, "a.tif", page)} == pages

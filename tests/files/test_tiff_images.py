"""Of a set of OME-TIFF files, the one that is opened is read, whichever the description names first."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_cvdm.files.image_file import ImageFile
from napari_cvdm.files.tiff import open_tiff_lazily, read_tiff
from napari_cvdm.files.tiff_images import image_of, ome_number_of, start_of_pixels
from napari_cvdm.restoration.errors import ImageFileError

from ..hostile.raw_tiff import raw_tiff
from .conftest import frames, write_ome_set

A, B, C = "a.ome.tif", "b.ome.tif", "c.ome.tif"

OPTIONS: dict[str, dict[str, dict[str, Any]]] = {
    "compressed": {name: {"compression": "zlib", "contiguous": False} for name in (A, B)},
    # A header of another length: what begins at one place in one file begins at another in the other.
    "in one piece": {A: {"software": "x" * 5000}},
    "byte orders": {A: {"software": "x" * 5000}, B: {"byteorder": ">"}},
}


def _without_zarr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zarr", None)


@pytest.fixture(params=["at once", "lazily", "lazily without zarr"])
def read(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ImageFile]:
    if request.param == "lazily without zarr":
        _without_zarr(monkeypatch)
    return read_tiff if request.param == "at once" else open_tiff_lazily


@pytest.mark.parametrize("with_uuids", [True, False])
@pytest.mark.parametrize("options", OPTIONS)
def test_each_file_of_a_set_is_read_for_itself(tmp_path: Path, read, options, with_uuids):
    stacks = {A: frames(0), B: frames(1, 2)}
    write_ome_set(
        tmp_path, [[each] for each in stacks.items()], with_uuids=with_uuids, options=OPTIONS[options]
    )
    for number, (name, stack) in enumerate(stacks.items()):
        image = read(tmp_path / name)
        assert (image.axes, image.data.shape) == ("TYX", stack.shape)
        np.testing.assert_array_equal(image.data[:], stack)
        np.testing.assert_array_equal(image.data[1, 2:5], stack[1, 2:5])
        assert image.pixel_size == pytest.approx(100 * (number + 1))
        assert image.channel_names == (f"channel {number}",)
        with pytest.raises(ImageFileError, match="holds 1 image, number 0;"):
            read(tmp_path / name, 1)


@pytest.mark.parametrize("with_uuids", [True, False])
def test_a_file_without_the_others_of_its_set_keeps_its_own_scale(tmp_path: Path, read, with_uuids):
    write_ome_set(tmp_path, [[(A, frames(0))], [(B, frames(1))]], with_uuids=with_uuids)
    (tmp_path / A).unlink()
    image = read(tmp_path / B)
    np.testing.assert_array_equal(image.data[:], frames(1))
    assert (image.pixel_size, image.channel_names) == (200, ("channel 1",))


def test_what_is_opened_lazily_stays_the_same_when_other_files_of_the_set_go(tmp_path: Path):
    write_ome_set(tmp_path, [[(A, frames(0))], [(B, frames(1))]])
    image = open_tiff_lazily(tmp_path / B)
    (tmp_path / A).unlink()
    np.testing.assert_array_equal(image.data[:], frames(1))


def test_a_renamed_file_is_known_by_its_uuid(tmp_path: Path, read):
    write_ome_set(tmp_path, [[(A, frames(0))], [(B, frames(1))]])
    # Under the name of another file, even: that name is not believed.
    (tmp_path / "elsewhere").mkdir()
    for name in ("cell.tif", A):
        shutil.copy(tmp_path / B, tmp_path / "elsewhere" / name)
        image = read(tmp_path / "elsewhere" / name)
        np.testing.assert_array_equal(image.data[:], frames(1))
        assert image.pixel_size == 200


def test_several_images_in_one_file_of_a_set_are_counted_from_its_first(tmp_path: Path, read):
    write_ome_set(tmp_path, [[(A, frames(0))], [(B, frames(1))], [(B, frames(2, 4))]])
    for number in (0, 1):
        image = read(tmp_path / B, number)
        np.testing.assert_array_equal(image.data[:], frames(number + 1, 3 + number))
        assert image.pixel_size == 100 * (number + 2)


@pytest.mark.parametrize("opened", [A, B])
def test_an_image_in_several_files_is_read_from_all(tmp_path: Path, read, opened):
    # Its two planes follow one another, each in its own file: no offset makes one piece of them.
    both, other = frames(0, 2), frames(1, 1)
    blocks = [(A, both[:1]), (B, both[1:])]
    write_ome_set(tmp_path, [[(B, other)], blocks], options={A: {"align": 4096}, B: {"align": 4096}})
    with tifffile.TiffFile(tmp_path / A) as tif, tifffile.TiffFile(tmp_path / B) as second:
        page = tif.pages[0]
        assert page.dataoffsets[0] + page.nbytes == second.pages[1].dataoffsets[0]
    image = read(tmp_path / opened, 1 if opened == B else 0)
    np.testing.assert_array_equal(image.data[:], both)
    np.testing.assert_array_equal(image.data[1], both[1])
    assert image.pixel_size == 200
    assert image.file_set is not None
    assert image.file_set.files == (str(tmp_path / A), str(tmp_path / B))
    assert image.file_set == read(tmp_path / (A if opened == B else B), 0 if opened == B else 1).file_set


def test_an_image_in_one_file_of_a_set_has_no_set(tmp_path: Path, read):
    write_ome_set(tmp_path, [[(A, frames(0))], [(B, frames(1))]])
    assert read(tmp_path / A).file_set is read(tmp_path / B).file_set is None


def test_an_image_that_lacks_a_file_is_refused_with_the_remedy(tmp_path: Path, read):
    write_ome_set(tmp_path, [[(C, frames(1))], [(A, frames(0)[:1]), (B, frames(0)[1:])]])
    (tmp_path / B).unlink()
    with pytest.raises(ImageFileError, match=r"lacks 2 of its 3 planes.*into one folder"):
        read(tmp_path / A)


def test_missing_files_whose_planes_are_not_counted_are_named_as_the_fault(tmp_path: Path, read):
    write_ome_set(tmp_path, [[(A, frames(0))], [(B, frames(1))]], tiff_data='FirstT="{first}"')
    np.testing.assert_array_equal(read(tmp_path / B).data[:], frames(1))
    (tmp_path / A).unlink()
    with pytest.raises(ImageFileError, match=r"set of files .* missing. Put them all into one folder"):
        read(tmp_path / B)


def test_a_file_that_describes_only_others_is_refused_not_exchanged_for_them(tmp_path: Path, read):
    write_ome_set(tmp_path, [[(A, frames(0))]], with_uuids=False)
    shutil.copy(tmp_path / A, tmp_path / "copy.ome.tif")
    with pytest.raises(ImageFileError, match=r"copy.* in other files \(a\.ome\.tif\): open those.*renamed"):
        read(tmp_path / "copy.ome.tif")
    (tmp_path / A).unlink()  # alone, there is no doubt whose pixels are meant
    image = read(tmp_path / "copy.ome.tif")
    np.testing.assert_array_equal(image.data[:], frames(0))
    assert image.pixel_size == 100


def test_a_file_known_by_its_name_but_under_another_uuid_is_read(tmp_path: Path):
    write_ome_set(tmp_path, [[(A, frames(0))], [(B, frames(1))]])
    xml = tifffile.tiffcomment(tmp_path / B).replace('UUID="urn:uuid:b', 'UUID="urn:uuid:x')
    tifffile.tiffcomment(tmp_path / B, xml)
    for read in (read_tiff, open_tiff_lazily):
        image = read(tmp_path / B)
        np.testing.assert_array_equal(image.data[:], frames(1))
        assert image.pixel_size == 200


def test_an_image_that_tifffile_leaves_out_does_not_shift_the_others(tmp_path: Path):
    write_ome_set(tmp_path, [[(A, frames(0))], [(A, frames(1))]])
    xml = tifffile.tiffcomment(tmp_path / A)
    tifffile.tiffcomment(tmp_path / A, xml.replace('SizeX="14"', 'SizeX="15"', 1))  # does not fit its planes
    image = read_tiff(tmp_path / A)
    np.testing.assert_array_equal(image.data, frames(1))
    assert image.pixel_size == 200


def test_planes_that_two_images_claim_have_the_scale_of_neither(tmp_path: Path):
    write_ome_set(tmp_path, [[(A, frames(0))], [(A, frames(1))]])
    xml = tifffile.tiffcomment(tmp_path / A).replace('IFD="3"', 'IFD="0"')
    tifffile.tiffcomment(tmp_path / A, xml)
    with tifffile.TiffFile(tmp_path / A) as tif:
        assert [ome_number_of(tif, series) for series in tif.series] == [0, 1]
    tifffile.tiffcomment(tmp_path / A, xml.replace('SizeX="14"', 'SizeX="15"', 1))
    with tifffile.TiffFile(tmp_path / A) as tif:
        assert [ome_number_of(tif, series) for series in tif.series] == [None]
    assert read_tiff(tmp_path / A).pixel_size is None


def test_images_that_tifffile_reads_without_the_xml_have_what_it_says_of_this_file(tmp_path: Path):
    write_ome_set(tmp_path, [[(B, frames(0))], [(A, frames(1))]])
    for name in (A, B):  # what fits no plane makes tifffile read the file as any other TIFF
        xml = tifffile.tiffcomment(tmp_path / name).replace('SizeX="14"', 'SizeX="15"')
        tifffile.tiffcomment(tmp_path / name, xml)
    image = read_tiff(tmp_path / A)
    np.testing.assert_array_equal(image.data, frames(1))
    assert (image.axes, image.pixel_size) == ("QYX", 200)


def test_only_pixels_in_the_open_file_have_a_start(tmp_path: Path):
    write_ome_set(tmp_path, [[(A, frames(0))], [(B, frames(1))]], options=OPTIONS["in one piece"])
    with tifffile.TiffFile(tmp_path / B) as tif:
        own = image_of(tmp_path / B, tif)
        assert [start_of_pixels(tif, series) for series in tif.series] == [None, own.dataoffset]
        content = (tmp_path / B).read_bytes()[own.dataoffset : own.dataoffset + own.nbytes]
    np.testing.assert_array_equal(np.frombuffer(content, "<u2").reshape(own.shape), frames(1))


@pytest.mark.parametrize("opened", [A, B])
def test_a_set_that_declares_more_than_its_files_can_hold_is_refused(tmp_path: Path, read, opened) -> None:
    blocks = "".join(
        f'<TiffData FirstT="{i}" IFD="0" PlaneCount="1"><UUID FileName="{name}">urn:{name}</UUID></TiffData>'
        for i, name in enumerate((A, B))
    )
    side = 20_000
    for name in (A, B):
        xml = (
            f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:{name}"><Image ID="0">'
            f'<Pixels ID="0" DimensionOrder="XYZCT" Type="uint16" SizeX="{side}" SizeY="{side}" SizeZ="1" '
            f'SizeC="1" SizeT="2">{blocks}</Pixels></Image></OME>'
        )
        tags = {256: side, 257: side, 278: side, 270: xml.encode() + b"\0"}
        raw_tiff(tmp_path, tags, name=name, types={270: 2})
    with pytest.raises(ImageFileError, match=r"declares 1 GB of pixels in 2 files of \d+ bytes"):
        read(tmp_path / opened)


@pytest.mark.parametrize("opened", [0, 1])
def test_a_set_that_a_file_beside_it_describes_is_one_image(tmp_path: Path, read, opened) -> None:
    film = frames(0, count=2)
    write_ome_set(tmp_path, [[(A, film[:1]), (B, film[1:])]], with_uuids=False)
    with tifffile.TiffFile(tmp_path / A) as tif:
        described = str(tif.ome_metadata)
    pointer = re.sub("<Image.*</Image>", '<BinaryOnly UUID="u" MetadataFile="c.companion.ome"/>', described)
    for name, frame in zip((A, B), film, strict=True):
        tifffile.imwrite(tmp_path / name, frame, description=pointer, metadata=None)
    alone = read(tmp_path / (A, B)[opened])
    assert (alone.axes, alone.pixel_size) == ("YX", None)
    (tmp_path / "c.companion.ome").write_text(described, encoding="utf-8")
    image = read(tmp_path / (A, B)[opened])
    assert (image.axes, image.pixel_size, len(image.file_set.files)) == ("TYX", 100.0, 2)
    np.testing.assert_array_equal(image.data[:], film)

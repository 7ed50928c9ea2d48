from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cvdm.files.tiff import read_tiff
from napari_cvdm.files.tiff_promises import MOST_PLANES, MOST_TOGETHER
from napari_cvdm.restoration.errors import ImageFileError

from .conftest import write_micromanager

_OME = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">{}</Image></OME>'
_PIXELS = (
    '<Pixels ID="P:0" DimensionOrder="XYCZT" Type="uint8" SizeX="9" SizeY="8" SizeC="1" SizeZ="1" SizeT="{}">'
    "{}</Pixels>"
)
_NAMED = '<TiffData IFD="0" PlaneCount="1"><UUID FileName="a.ome.tif">urn:uuid:1</UUID></TiffData>'
_STEPS = (
    '<StructuredAnnotations><XMLAnnotation ID="A:0" Namespace="openmicroscopy.org/omero/dimension/modulo">'
    '<Value><Modulo><ModuloAlongZ Type="lifetime" Start="1000000" End="{}" Step="0.5"/></Modulo></Value>'
    "</XMLAnnotation></StructuredAnnotations>"
)


def write(
    path: Path,
    frames: object,
    inside: str = "<TiffData/>",
    prolog: str = "",
    *,
    width: int = 9,
    before: str = "",
) -> Path:
    xml = prolog + _OME.format(_PIXELS.format(frames, inside)).replace('SizeX="9"', f'SizeX="{width}"', 1)
    xml = xml.replace("<Image ", f"{before}<Image ", 1)
    tifffile.imwrite(path, np.arange(72, dtype=np.uint8).reshape(8, 9), description=xml, metadata=None)
    return path


def test_an_honest_file_is_read(tmp_path: Path) -> None:
    assert read_tiff(write(tmp_path / "a.ome.tif", 1)).data.shape == (8, 9)


_MANY = (MOST_PLANES + 1, 10**9, 10**30, "9" * 10_000, " 2000000 ", "+2000000", "2_000_000")


@pytest.mark.parametrize("frames", _MANY)
def test_more_planes_than_any_recording_has_are_refused(tmp_path: Path, frames: object) -> None:
    with pytest.raises(ImageFileError, match=r"announces|counts planes"):
        read_tiff(write(tmp_path / "a.ome.tif", frames))


@pytest.mark.parametrize("count", ["99999999", " 99999999"])
def test_so_is_a_count_of_them(tmp_path: Path, count: str) -> None:
    with pytest.raises(ImageFileError, match="counts planes"):
        read_tiff(write(tmp_path / "a.ome.tif", 1, f'<TiffData IFD="0" PlaneCount="{count}"/>'))


def test_so_are_images_that_together_have_more(tmp_path: Path) -> None:
    images = MOST_TOGETHER // MOST_PLANES + 1
    image = f"<Image>{_PIXELS.format(MOST_PLANES, '<TiffData/>')}</Image>"
    inside = f"<TiffData/></Pixels></Image>{images * image}<Image><Pixels>"  # between a first and a last one
    with pytest.raises(ImageFileError, match=f"announces {images * MOST_PLANES + 1} planes"):
        read_tiff(write(tmp_path / "a.ome.tif", 1, inside))


@pytest.mark.parametrize("block", ["<TiffData/>", _NAMED])
def test_so_are_planes_that_would_take_as_many_pages(tmp_path: Path, block: str) -> None:
    path = write(tmp_path / "a.ome.tif", 1, block, width=9 * (MOST_PLANES + 1))
    with pytest.raises(ImageFileError, match="but they have 72"):
        read_tiff(path)


def test_so_is_a_plane_whose_width_is_no_number_to_count_with(tmp_path: Path) -> None:
    with pytest.raises(ImageFileError, match=r"announces a plane 10{19} wide"):
        read_tiff(write(tmp_path / "a.ome.tif", 1, width=10**30))


def test_so_are_those_of_a_file_that_was_renamed(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    write(path, 1, _NAMED.replace("a.ome", "before"), width=9 * (MOST_PLANES + 1))
    xml = tifffile.tiffcomment(path).replace("<OME ", '<OME UUID="urn:uuid:1" ', 1)
    tifffile.imwrite(path, np.zeros((8, 9), np.uint8), description=xml, metadata=None)
    with pytest.raises(ImageFileError, match="but they have 72"):
        read_tiff(path)


def test_so_are_those_of_an_image_that_gives_the_file_another_name(tmp_path: Path) -> None:
    image = _PIXELS.format(1, _NAMED.replace("a.ome", "b")).replace('"9"', f'"{9 * (MOST_PLANES + 1)}"')
    inside = f"{_NAMED}</Pixels></Image><Image>{image}</Image><Image><Pixels>"
    with pytest.raises(ImageFileError, match="but they have 72"):
        read_tiff(write(tmp_path / "a.ome.tif", 1, inside))


def test_planes_that_are_somewhat_too_large_are_read_as_they_are(tmp_path: Path) -> None:
    assert read_tiff(write(tmp_path / "a.ome.tif", 1, width=900)).data.shape == (8, 9)


def test_so_are_steps_of_an_axis(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ome.tif", 1, before=_STEPS.format(1_600_000))
    with pytest.raises(ImageFileError, match="steps of an axis"):
        read_tiff(path)
    assert read_tiff(write(path, 1, before=_STEPS.format(1_000_000))).data.shape == (8, 9)


@pytest.mark.parametrize("frames", [2, MOST_TOGETHER + 1])
def test_so_is_an_index_of_micro_manager_s(tmp_path: Path, frames: int) -> None:
    path = write_micromanager(tmp_path / "a_MMStack_1.tif", last_frame=frames - 1)
    if frames > MOST_TOGETHER:
        with pytest.raises(ImageFileError, match=f"announces {frames} planes"):
            read_tiff(path)
    else:
        assert read_tiff(path).data.shape == (2, 8, 9)


@pytest.mark.parametrize("name", ["../b.ome.tif", "..\\b.ome.tif", "/tmp/b.ome.tif", "C:\\b.tif", "x/b.tif"])
def test_pixels_outside_the_folder_are_never_opened(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    write(tmp_path / "b.ome.tif", 1)
    inside = f'<TiffData IFD="0"><UUID FileName="{name}">urn:uuid:1</UUID></TiffData>'
    with pytest.raises(ImageFileError, match="outside its own folder"):
        read_tiff(write(folder / "a.ome.tif", 1, inside))


def test_pixels_of_a_set_in_one_folder_are_read(tmp_path: Path) -> None:
    inside = "".join(
        f'<TiffData FirstT="{t}" IFD="0" PlaneCount="1"><UUID FileName="{n}.ome.tif">urn:uuid:{n}</UUID>'
        "</TiffData>"
        for t, n in enumerate("ab")
    )
    for name in "ab":
        write(tmp_path / f"{name}.ome.tif", 2, inside)
    assert read_tiff(tmp_path / "a.ome.tif").data.shape == (2, 8, 9)


def test_a_description_that_is_no_xml_is_no_fault(tmp_path: Path) -> None:
    assert read_tiff(write(tmp_path / "a.ome.tif", 1, before="<Broken>")).data.shape == (8, 9)


def test_entities_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageFileError, match="entities"):
        read_tiff(write(tmp_path / "a.ome.tif", 1, prolog='<!DOCTYPE OME [<!ENTITY a "b">]>'))

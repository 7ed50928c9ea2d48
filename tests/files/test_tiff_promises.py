from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cvdm.files.tiff import read_tiff
from napari_cvdm.files.tiff_promises import MOST_PLANES
from napari_cvdm.restoration.errors import ImageFileError

_OME = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">{}</Image></OME>'
_PIXELS = (
    '<Pixels ID="P:0" DimensionOrder="XYCZT" Type="uint8" SizeX="9" SizeY="8" SizeC="1" SizeZ="1" SizeT="{}">'
    "{}</Pixels>"
)


def write(path: Path, frames: object, inside: str = "<TiffData/>", prolog: str = "") -> Path:
    xml = prolog + _OME.format(_PIXELS.format(frames, inside))
    tifffile.imwrite(path, np.arange(72, dtype=np.uint8).reshape(8, 9), description=xml, metadata=None)
    return path


def test_an_honest_file_is_read(tmp_path: Path) -> None:
    assert read_tiff(write(tmp_path / "a.ome.tif", 1)).data.shape == (8, 9)


@pytest.mark.parametrize("frames", [MOST_PLANES + 1, 10**9, 10**30, "9" * 10_000])
def test_more_planes_than_any_recording_has_are_refused(tmp_path: Path, frames: object) -> None:
    with pytest.raises(ImageFileError, match="planes"):
        read_tiff(write(tmp_path / "a.ome.tif", frames))


def test_so_is_a_count_of_them(tmp_path: Path) -> None:
    with pytest.raises(ImageFileError, match="counts planes"):
        read_tiff(write(tmp_path / "a.ome.tif", 1, '<TiffData IFD="0" PlaneCount="99999999"/>'))


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


def test_entities_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageFileError, match="entities"):
        read_tiff(write(tmp_path / "a.ome.tif", 1, prolog='<!DOCTYPE OME [<!ENTITY a "b">]>'))

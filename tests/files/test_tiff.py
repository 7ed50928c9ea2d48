"""Reading TIFF: what is in the file comes out as it is, and a bad file ends in one sentence."""

import contextlib
import os
import re
import struct
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile

from napari_cvdm.files.tiff import explained_faults, open_tiff_lazily, read_tiff
from napari_cvdm.restoration.errors import ImageFileError

from .conftest import write_micromanager
from .microscope_files import write_lsm, write_stk

RNG = np.random.default_rng(0)
STACK = RNG.integers(0, 60_000, (5, 24, 16)).astype("u2")


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", "<i4", ">f4", "f8"])
def test_pixels_keep_their_type_and_value(tmp_path, dtype):
    data = (STACK[0] % 200).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", data, byteorder=">" if ">" in dtype else "<")
    image = read_tiff(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.data, data)
    assert image.data.dtype.newbyteorder("=") == np.dtype(dtype).newbyteorder("=")
    assert image.axes == "YX"
    assert image.pixel_size is None
    assert image.source == str(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("shape", "axes", "arguments"),
    [
        ((5, 24, 16), "TYX", {"imagej": True}),
        ((2, 5, 3, 24, 16), "TZCYX", {"imagej": True}),
        ((5, 24, 16), "ZYX", {"ome": True}),
        ((2, 3, 24, 16), "TCYX", {"ome": True}),
    ],
)
def test_axes_are_those_the_file_tells(tmp_path, shape, axes, arguments):
    data = RNG.integers(0, 255, shape).astype("u2")
    tifffile.imwrite(tmp_path / "a.tif", data, metadata={"axes": axes}, photometric="minisblack", **arguments)
    image = read_tiff(tmp_path / "a.tif")
    assert image.axes == axes
    np.testing.assert_array_equal(image.data, data)


@pytest.mark.parametrize("read", [read_tiff, open_tiff_lazily])
@pytest.mark.parametrize(
    ("shape", "axes"),
    [((1, 1, 1), "YX"), ((1, 4, 1), "ZYX"), ((3, 1, 1), "TYX"), ((1, 4, 3), "ZCYX"), ((2, 4, 3), "TZCYX")],
)
def test_of_zeiss_the_planes_are_read_and_not_their_thumbnails(tmp_path, read, shape, axes):
    data = RNG.integers(0, 60_000, (*shape, 24, 16)).astype("u2")
    image = read(write_lsm(tmp_path / "a.lsm", data))
    assert (image.axes, image.images, image.pixel_size) == (axes, 1, pytest.approx(65))
    np.testing.assert_array_equal(image.data[:], data.squeeze())


@pytest.mark.parametrize(
    "stated", [{"DimensionZ": 1000}, {"DimensionZ": 2}, {"DimensionX": 0}, {"DimensionP": 7}]
)
def test_a_recording_of_zeiss_has_the_planes_that_it_announces(tmp_path, stated):
    path = write_lsm(tmp_path / "a.lsm", STACK[None, :4, None], **stated)
    with pytest.raises(
        ImageFileError, match=r"announces \d+ planes, and holds 4\. If .* stopped early, save"
    ):
        read_tiff(path)
    # Without thumbnails, tifffile takes every other plane for one.
    path = write_lsm(tmp_path / "b.lsm", STACK[None, :4, None], thumbnails=False)
    with pytest.raises(ImageFileError, match="announces 4 planes, and holds 2"):
        read_tiff(path)


@pytest.mark.parametrize("stated", [{"ScanType": 99}, {"MagicNumber": 5}, {"StructureSize": 20}])
def test_a_description_by_zeiss_that_is_none_is_refused(tmp_path, stated):
    with pytest.raises(ImageFileError, match="is corrupt: what it says"):
        read_tiff(write_lsm(tmp_path / "a.lsm", STACK[None, :4, None], **stated))


@pytest.mark.parametrize("read", [read_tiff, open_tiff_lazily])
@pytest.mark.parametrize(
    ("stated", "axes"),
    [({"distances": [(3, 10)] * 5}, "ZYX"), ({"times": [0, 500, 1000, 1500, 2000]}, "TYX"), ({}, "QYX")],
)
def test_all_planes_of_metamorph_are_read_along_the_axis_that_it_tells(tmp_path, read, stated, axes):
    image = read(write_stk(tmp_path / "a.stk", STACK, **stated))
    assert (image.axes, image.images, image.pixel_size) == (axes, 1, pytest.approx(65))
    np.testing.assert_array_equal(image.data[:], STACK)


@pytest.mark.parametrize("distance", [(3, 0), (0, 0)])
def test_a_distance_of_metamorph_that_is_no_number_is_passed_over_without_a_word(tmp_path, distance):
    image = read_tiff(write_stk(tmp_path / "a.stk", STACK, distances=[distance] * 5))
    assert (image.pixel_size, image.z_spacing) == (pytest.approx(65), None)


@pytest.mark.parametrize("share", [0.02, 0.05, 0.1, 0.5, 0.9])
def test_no_part_of_a_file_of_a_microscope_passes_for_the_whole(tmp_path, share):
    made = write_lsm(tmp_path / "a.lsm", STACK[None, :4, None]), write_stk(tmp_path / "a.stk", STACK)
    for path in made:
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(ImageFileError, match=r"(corrupt|truncated).* Copy it again"):
            read_tiff(path)


def test_axes_the_file_does_not_tell_are_unnamed(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", STACK.reshape(5, 1, 24, 16), photometric="minisblack")
    assert read_tiff(tmp_path / "a.tif").axes == "QQYX"
    with tifffile.TiffWriter(tmp_path / "pages.tif") as writer:
        for plane in STACK:
            writer.write(plane, metadata=None)
    image = read_tiff(tmp_path / "pages.tif")
    assert image.axes == "QYX"
    np.testing.assert_array_equal(image.data, STACK)


def test_images_are_counted_without_what_lies_beside_them(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as writer:
        for number in range(3):
            writer.write(STACK + number, metadata={"axes": "TYX", "Name": f"position {number}"})
        writer.write(STACK[0], metadata={"axes": "YX", "Name": "label image"})
    for read in (read_tiff, open_tiff_lazily):
        assert read(tmp_path / "a.ome.tif").images == 3
        assert read(tmp_path / "a.ome.tif", 2).number == 2
        with pytest.raises(ImageFileError, match="holds 3 images"):
            read(tmp_path / "a.ome.tif", 3)
        assert read(tmp_path / "a.ome.tif", series=2).images == 3
    with tifffile.TiffWriter(tmp_path / "pyramid.ome.tif", ome=True) as writer:
        writer.write(STACK, subifds=1, metadata={"axes": "TYX"})
        writer.write(STACK[:, ::2, ::2], subfiletype=1)
    assert read_tiff(tmp_path / "pyramid.ome.tif").images == 1
    with tifffile.TiffWriter(tmp_path / "thumbnail.tif") as writer:
        writer.write(STACK[0], metadata=None)
        writer.write(STACK[0, ::3, ::3], subfiletype=1, metadata=None)
    assert read_tiff(tmp_path / "thumbnail.tif").images == 1


def test_imagej_words_beside_a_description_in_ome_are_not_taken_for_a_truncation(tmp_path):
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, ome=True, metadata={"axes": "TYX"})
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tif:
        xml = tif.ome_metadata
    words = "ImageJ=1.51n\nimages=5\nframes=5\nhyperstack=true\n"
    # A second description, as Micro-Manager writes it; tifffile would not, but writes any other tag.
    second = (271, 2, len(words) + 1, words, False)
    with tifffile.TiffWriter(tmp_path / "a.ome.tif") as writer:
        for number, plane in enumerate(STACK):
            first = {"description": xml, "extratags": [second]} if number == 0 else {}
            writer.write(plane, photometric="minisblack", contiguous=False, metadata=None, **first)
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tif:
        at = tif.pages.first.tags[271].offset
    with (tmp_path / "a.ome.tif").open("r+b") as file:
        file.seek(at)
        file.write(struct.pack("<H", 270))
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tif:
        assert tif.is_ome
        assert (tif.imagej_metadata or {})["images"] == 5
    image = read_tiff(tmp_path / "a.ome.tif")
    assert image.axes == "TYX"
    np.testing.assert_array_equal(image.data, STACK)


def test_colour_is_declared_as_samples(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", STACK[:3].transpose(1, 2, 0), photometric="rgb")
    image = read_tiff(tmp_path / "a.tif")
    assert image.axes == "YXS"
    assert image.data.shape == (24, 16, 3)


@pytest.mark.parametrize(("samples", "opacity"), [((), False), (("unassalpha",), True), ((0,), False)])
def test_a_last_sample_that_is_opacity_is_told_from_light(tmp_path, samples, opacity):
    pixels = STACK[: 3 + len(samples)].transpose(1, 2, 0)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extrasamples=samples)
    image = read_tiff(tmp_path / "a.tif")
    assert (image.axes, image.data.shape[-1], image.opacity) == ("YXS", 3 + len(samples), opacity)
    # Planes one after the other may be time or depth, whatever they are called.
    tifffile.imwrite(tmp_path / "b.tif", STACK[:4], photometric="rgb", planarconfig="separate")
    assert not read_tiff(tmp_path / "b.tif").opacity


def test_the_physical_scale_comes_along(tmp_path):
    metadata = {
        "axes": "CYX",
        "PhysicalSizeX": 0.065,
        "PhysicalSizeY": 0.065,
        "Channel": {"Name": list("abcde")},
    }
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, metadata=metadata)
    image = read_tiff(tmp_path / "a.ome.tif")
    assert image.pixel_size == pytest.approx(65)
    assert image.channel_names == tuple("abcde")


def test_a_description_in_ome_may_lack_its_namespace(tmp_path):
    about = {"axes": "CYX", "PhysicalSizeX": 0.065, "PhysicalSizeY": 0.065}
    names = {"Channel": {"Name": list("abcde")}}
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, metadata=about | names)
    xml = tifffile.tiffcomment(tmp_path / "a.ome.tif")
    bare = re.sub(r"<OME [^>]*>", "<OME>", xml)
    assert bare != xml
    tifffile.tiffcomment(tmp_path / "a.ome.tif", bare.encode())
    image = read_tiff(tmp_path / "a.ome.tif")
    assert (image.axes, image.pixel_size, image.channel_names) == ("CYX", 65, tuple("abcde"))


def test_one_of_several_images_can_be_chosen(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(STACK[0])
        writer.write(STACK[1, :12])
    np.testing.assert_array_equal(read_tiff(tmp_path / "a.tif").data, STACK[0])
    np.testing.assert_array_equal(read_tiff(tmp_path / "a.tif", series=1).data, STACK[1, :12])
    with pytest.raises(ImageFileError, match="holds 2 images, numbers 0 to 1; there is no number 2"):
        read_tiff(tmp_path / "a.tif", series=2)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes among its files")
@pytest.mark.timeout(30)
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.tif")
    with pytest.raises(ImageFileError, match="is a pipe or a device, no file: save the image"):
        read_tiff(tmp_path / "a.tif")


@pytest.mark.parametrize("read", [read_tiff, open_tiff_lazily])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "There is no file"),
        (b"", "is empty"),
        (b"\x89PNG\r\n", "is not a TIFF file: save the image as TIFF first"),
        (b"II", "is not a TIFF file"),
        (b"II*\0", "corrupt or truncated"),
        (b"II*\0\x08\0\0\0", "without an image"),
    ],
)
def test_what_is_no_tiff_is_named(tmp_path, read, content, message):
    path = tmp_path / "a.tif"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ImageFileError, match=message) as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ImageFileError, match="is a folder, not a TIFF file: name the TIFF files in it"):
        read_tiff(tmp_path)


KINDS = [
    {"metadata": None},
    {"compression": "zlib"},
    {"compression": "zlib", "tile": (16, 16)},
    {"imagej": True},
    {"ome": True},
    {"ome": True, "compression": "zlib"},
    {"bigtiff": True, "metadata": None},
]


@pytest.mark.parametrize("share", [0.005, 0.03, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("arguments", KINDS, ids=str)
def test_no_part_of_a_file_passes_for_the_whole(tmp_path, arguments, share, capfd):
    whole, part = tmp_path / "whole.tif", tmp_path / "part.tif"
    tifffile.imwrite(whole, STACK, photometric="minisblack", **arguments)
    content = whole.read_bytes()
    part.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ImageFileError, match=r"(truncated|without an image|lacks).* Copy it again") as caught:
        read_tiff(part)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("arguments", KINDS, ids=str)
def test_a_lost_tail_is_noticed_unless_nothing_of_the_image_is_lost(tmp_path, arguments):
    whole, part = tmp_path / "whole.tif", tmp_path / "part.tif"
    tifffile.imwrite(whole, STACK, photometric="minisblack", **arguments)
    content = whole.read_bytes()
    for lost in (1, 4, 9, 13, 18, 40):
        part.write_bytes(content[:-lost])
        with contextlib.suppress(ImageFileError):
            image = read_tiff(part)
            np.testing.assert_array_equal(image.data, STACK)
            assert image.axes == read_tiff(whole).axes


def test_the_first_image_of_a_stack_of_imagej_does_not_pass_for_all(tmp_path):
    words = "ImageJ=1.53t\nimages=5\nslices=5\n"
    tifffile.imwrite(tmp_path / "a.tif", STACK[0], description=words, metadata=None)
    with pytest.raises(ImageFileError, match="truncated: it should hold 5 images"):
        read_tiff(tmp_path / "a.tif")


@pytest.mark.parametrize("read", [read_tiff, open_tiff_lazily])
@pytest.mark.parametrize("how", [{"compression": "zlib"}, {"contiguous": True}, {"contiguous": False}])
@pytest.mark.parametrize("announced", ["images=4\nchannels=2\nslices=2\n", "images=6\nslices=6\n"])
def test_a_stack_of_imagej_has_the_planes_that_it_announces(tmp_path, read, how, announced):
    words = f"ImageJ=1.53t\n{announced}hyperstack=true\n"
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for number, plane in enumerate(STACK):
            writer.write(plane, description=None if number else words, metadata=None, **how)
    with pytest.raises(ImageFileError, match=r"announces [46] planes, and holds 5\. If|should hold 6 images"):
        read(tmp_path / "a.tif")


def test_a_plane_that_was_cut_off_a_stack_of_micro_manager_is_not_black(tmp_path):
    assert read_tiff(write_micromanager(tmp_path / "a_MMStack.tif")).data.shape == (2, 8, 9)
    with pytest.raises(ImageFileError, match=r"lacks 1 of its 2 planes.*stopped early, save the planes"):
        read_tiff(write_micromanager(tmp_path / "b_MMStack.tif", beyond=1000))


def test_a_set_of_files_must_be_complete(tmp_path):
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, metadata={"axes": "TYX"}, photometric="minisblack")
    xml = tifffile.tiffcomment(tmp_path / "a.ome.tif").replace('SizeT="5"', 'SizeT="9"')
    tifffile.tiffcomment(tmp_path / "a.ome.tif", xml.encode())
    with pytest.raises(ImageFileError, match="lacks 4 of its 9 planes"):
        read_tiff(tmp_path / "a.ome.tif")


def test_a_header_that_lies_about_the_size_does_not_fill_the_memory(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK[0], compression="zlib", metadata=None)
    with tifffile.TiffFile(path, mode="r+") as tif:
        for name in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            tag = tif.pages[0].tags[name]
            tag.overwrite(1_000_000, dtype="I")
    with pytest.raises(ImageFileError, match="GB of pixels"):
        read_tiff(path)


def test_what_is_larger_than_the_memory_is_refused_at_once(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", STACK)
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(total=STACK.nbytes - 1))
    with pytest.raises(ImageFileError, match=r"does not fit in memory\. Restore a part"):
        read_tiff(tmp_path / "a.tif")
    np.testing.assert_array_equal(open_tiff_lazily(tmp_path / "a.tif").data[2], STACK[2])


def test_damaged_pixels_are_reported(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK, compression="zlib", metadata=None, photometric="minisblack")
    with tifffile.TiffFile(path) as tif:
        offset = tif.pages[2].dataoffsets[0]
    content = bytearray(path.read_bytes())
    content[offset : offset + 64] = struct.pack("64B", *range(64))
    path.write_bytes(bytes(content))
    with pytest.raises(ImageFileError, match="corrupt"):
        read_tiff(path)


def test_a_plane_that_lacks_tiles_is_refused_not_filled_with_zeros(tmp_path):
    path = tmp_path / "tiles.tif"
    tifffile.imwrite(path, np.ones((32, 48), np.uint8), tile=(16, 16), metadata=None)
    with tifffile.TiffFile(path, mode="r+b") as tif:
        tag = tif.pages.first.tags["TileOffsets"]
        tag.overwrite(tag.value[:4])
    with pytest.raises(ImageFileError, match="of 6 strips or tiles of a plane it has 4"):
        read_tiff(path)


def test_what_a_decoder_quotes_from_a_file_is_cut_and_printable(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", STACK[0])
    with pytest.raises(ImageFileError) as refused, explained_faults(tmp_path / "a.tif"):
        raise ValueError("\x1b]0;title\a" + "9" * 5000)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < len(str(tmp_path)) + 300

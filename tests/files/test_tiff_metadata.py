"""Pixel sizes in OME-XML, as ImageJ writes them, in resolution tags, and where they must not be believed."""

import numpy as np
import pytest
import tifffile

from napari_cvdm.files.tiff_metadata import find_ome_image, read_scale, scale_from_ome


def scale_of(path, **arguments):
    tifffile.imwrite(path, np.zeros(arguments.pop("shape", (16, 12)), "u2"), **arguments)
    with tifffile.TiffFile(path) as tif:
        return read_scale(tif, tif.series[0])


def test_ome_metadata(tmp_path):
    scale = scale_of(
        tmp_path / "a.ome.tif",
        shape=(2, 3, 2, 16, 12),
        metadata={
            "axes": "TZCYX",
            "PhysicalSizeX": 0.065,
            "PhysicalSizeXUnit": "µm",
            "PhysicalSizeY": 65,
            "PhysicalSizeYUnit": "nm",
            "PhysicalSizeZ": 0.3,
            "TimeIncrement": 250,
            "TimeIncrementUnit": "ms",
            "Channel": {"Name": ["actin", "tubulin"]},
        },
    )
    assert scale.pixel_size == pytest.approx(65)
    assert scale.z_spacing == pytest.approx(300)
    assert scale.time_interval == pytest.approx(0.25)
    assert scale.channel_names == ("actin", "tubulin")


def test_imagej_metadata(tmp_path):
    scale = scale_of(
        tmp_path / "a.tif",
        shape=(5, 16, 12),
        imagej=True,
        resolution=(1 / 0.065, 1 / 0.065),
        metadata={"axes": "ZYX", "unit": "micron", "spacing": 0.3, "finterval": 2.5},
    )
    assert scale.pixel_size == pytest.approx(65, rel=1e-5)
    assert scale.z_spacing == pytest.approx(300)
    assert scale.time_interval == 2.5


@pytest.mark.parametrize(
    ("unit", "seconds"),
    [
        ("sec", 1),
        ("s", 1),
        ("seconds", 1),
        ("ms", 1e-3),
        ("msec", 1e-3),
        ("min", 60),
        (" Minutes", 60),
        ("h", 3600),
        ("hours", 3600),
        ("d", 86400),
        ("days", 86400),
        ("frames", None),
    ],
)
def test_imagej_intervals_are_in_the_unit_that_is_stated(tmp_path, unit, seconds):
    scale = scale_of(
        tmp_path / "a.tif",
        shape=(5, 16, 12),
        imagej=True,
        metadata={"axes": "TYX", "finterval": 5, "tunit": unit},
    )
    assert scale.time_interval == (None if seconds is None else pytest.approx(5 * seconds))


def test_imagej_spacings_are_in_the_unit_that_is_stated(tmp_path):
    scale = scale_of(
        tmp_path / "a.tif",
        shape=(5, 16, 12),
        imagej=True,
        resolution=(1 / 0.065, 1 / 0.065),
        metadata={"axes": "ZYX", "unit": "micron", "spacing": 300, "zunit": "nm"},
    )
    assert scale.pixel_size == pytest.approx(65, rel=1e-5)
    assert scale.z_spacing == pytest.approx(300)


@pytest.mark.parametrize(
    ("stated", "nm"),
    [
        ({"unit": "micron"}, 1000),
        ({"unit": "micron", "spacing": -0.3}, 300),
        ({"unit": "pixel"}, None),
        ({}, None),
        ({"unit": "mm"}, None),
    ],
)
def test_a_spacing_that_imagej_leaves_out_is_one_unit_and_one_of_it_has_no_sign(tmp_path, stated, nm):
    scale = scale_of(tmp_path / "a.tif", shape=(5, 16, 12), imagej=True, metadata={"axes": "ZYX", **stated})
    assert scale.z_spacing == (nm and pytest.approx(nm))


def test_who_writes_like_imagej_need_not_leave_a_spacing_out(tmp_path):
    words = "SCIFIO=0.41\nimages=1\nunit=micron\n"
    scale = scale_of(tmp_path / "a.tif", description=words, metadata=None)
    assert scale.z_spacing is None


@pytest.mark.parametrize(("unit", "per_nm"), [("CENTIMETER", 1e-7), ("INCH", 1 / 2.54e7)])
def test_resolution_tags(tmp_path, unit, per_nm):
    density = 1 / (65 * per_nm)
    scale = scale_of(tmp_path / "a.tif", resolution=(density, density), resolutionunit=unit, metadata=None)
    assert scale.pixel_size == pytest.approx(65, rel=1e-4)


@pytest.mark.parametrize("density", [72, 300, 600])
def test_the_resolution_of_printers_is_not_that_of_a_microscope(tmp_path, density):
    assert (
        scale_of(tmp_path / "a.tif", resolution=(density, density), resolutionunit="INCH").pixel_size is None
    )
    imagej = scale_of(
        tmp_path / "b.tif", imagej=True, resolution=(density, density), metadata={"unit": "inch"}
    )
    assert imagej.pixel_size is None


def test_a_file_that_tells_nothing_has_no_pixel_size(tmp_path):
    scale = scale_of(tmp_path / "a.tif")
    assert scale.pixel_size is scale.z_spacing is scale.time_interval is None
    assert scale.channel_names == ()


@pytest.mark.parametrize("size", ["0", "-1", "NaN", "INF", "1e9", "0.0001", "wide"])
def test_absurd_sizes_count_as_none(size):
    xml = f'<OME xmlns="x"><Image><Pixels PhysicalSizeX="{size}" PhysicalSizeY="{size}"/></Image></OME>'
    assert scale_from_ome(xml).pixel_size is None


def test_pixels_that_are_not_square_have_no_single_size():
    xml = '<OME xmlns="x"><Image><Pixels PhysicalSizeX="0.1" PhysicalSizeY="{}"/></Image></OME>'
    assert scale_from_ome(xml.format(0.2)).pixel_size is None
    assert scale_from_ome(xml.format(0.2)).pixel_sides == (200, 100)
    assert scale_from_ome(xml.format(0.1001)).pixel_size == pytest.approx(100)
    assert scale_from_ome(xml.format(0.1001)).pixel_sides is scale_from_ome(xml.format(0)).pixel_sides is None


@pytest.mark.parametrize("imagej", [True, False])
def test_both_sides_of_pixels_that_are_not_square_are_known(tmp_path, imagej):
    words = (
        {"imagej": True, "metadata": {"unit": "nm"}} if imagej else {"resolutionunit": 3, "metadata": None}
    )
    per = 1 if imagej else 1e7
    scale = scale_of(tmp_path / "a.tif", resolution=(per / 65, per / 130), **words)
    assert scale.pixel_size is None
    assert scale.pixel_sides == pytest.approx((130, 65), rel=1e-4)


def test_what_ome_says_of_pixels_counts_before_the_resolution_tags(tmp_path):
    sides = {"axes": "YX", "PhysicalSizeX": 0.065, "PhysicalSizeY": 0.13}
    scale = scale_of(tmp_path / "a.ome.tif", metadata=sides, resolution=(1e5, 1e5), resolutionunit=3)
    assert (scale.pixel_size, scale.pixel_sides) == (None, (130, 65))


def test_broken_xml_has_no_scale_and_no_elements():
    assert scale_from_ome("<OME><Image>").pixel_size is None
    assert find_ome_image('<OME xmlns="x"/>', 0, "Pixels") is None


def test_channels_have_names_where_one_has():
    xml = '<OME xmlns="x"><Image><Pixels><Channel/><Channel{}/></Pixels></Image></OME>'
    assert scale_from_ome(xml.format("")).channel_names == ()
    assert scale_from_ome(xml.format(' Name="actin"')).channel_names == ("channel 0", "actin")


def test_each_image_of_a_file_has_its_own_scale():
    image = '<Image><Pixels PhysicalSizeX="{0}" PhysicalSizeY="{0}"/></Image>'
    xml = f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="x">{image.format(0.1)}{image.format(0.2)}</OME>'
    assert scale_from_ome(xml, 1).pixel_size == pytest.approx(200)


@pytest.mark.parametrize("imagej", [True, False])
@pytest.mark.parametrize(
    ("lacking", "size"), [("ResolutionUnit", 100), ("XResolution", None), ("YResolution", None)]
)
def test_a_resolution_without_a_unit_is_in_inches_and_one_without_a_side_is_none(
    tmp_path, lacking, size, imagej
) -> None:
    path = tmp_path / "a.tif"
    density, words = (0.01, {"unit": "nm"}) if imagej else (254_000, None)
    tifffile.imwrite(
        path, np.zeros((4, 4), "u1"), imagej=imagej, resolution=(density, density), resolutionunit=2,
        metadata=words,
    )  # fmt: skip
    with tifffile.TiffFile(path) as tif:
        place = tif.pages.first.tags[lacking].offset
        order = "little" if tif.byteorder == "<" else "big"
    content = bytearray(path.read_bytes())
    content[place : place + 2] = (65_000).to_bytes(2, order)  # the number of another tag
    path.write_bytes(content)
    with tifffile.TiffFile(path) as tif:
        assert lacking not in tif.pages.first.tags
        scale = read_scale(tif, tif.series[0])
    assert scale.pixel_size == (size and pytest.approx(size))
    assert scale.pixel_sides is None

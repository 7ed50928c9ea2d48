import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from napari_cvdm.files.ome_zarr import create_ome_zarr, plan_layout
from napari_cvdm.files.ome_zarr_reading import is_zarr, open_ome_zarr, open_pyramid
from napari_cvdm.restoration.axes import name_axes
from napari_cvdm.restoration.errors import ImageFileError
from tests.hostile.zarr_cases import plant

DATA = np.random.default_rng(0).integers(0, 9000, (2, 3, 30, 40)).astype(np.uint16)


def multiscale(**change: Any) -> dict[str, Any]:
    scale = [{"type": "scale", "scale": [500.0, 1.0, 0.065, 0.065]}]
    return {
        "axes": [
            {"name": "t", "type": "time", "unit": "millisecond"},
            {"name": "c", "type": "channel"},
            {"name": "y", "type": "space", "unit": "micrometer"},
            {"name": "x", "type": "space", "unit": "micrometer"},
        ],
        "datasets": [{"path": "0", "coordinateTransformations": scale}, {"path": "1"}],
        **change,
    }


def write(folder: Path, version: str = "0.5", **change: Any) -> Path:
    group = zarr.open_group(folder, mode="w", zarr_format=2 if version == "0.4" else 3)
    group.create_array("0", data=DATA, chunks=(1, 1, 16, 16))
    group.create_array("1", data=DATA[..., ::2, ::2])
    ome = {"multiscales": [multiscale(**change)], "omero": {"channels": [{"label": n} for n in "abc"]}}
    if version == "0.4":
        group.attrs.update(ome)
    else:
        group.attrs["ome"] = ome | {"version": version}
    return folder


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_reads_pixels_axes_and_sizes(tmp_path: Path, version: str) -> None:
    image = open_ome_zarr(write(tmp_path / "a.zarr", version))
    assert isinstance(image.data, zarr.Array)
    np.testing.assert_array_equal(image.data[:], DATA)
    assert image.axes == "TCYX"
    assert image.pixel_size == 65.0
    assert image.time_interval == pytest.approx(0.5)
    assert image.channel_names == ("a", "b", "c")


def test_reads_axes_that_are_names_alone_as_before_version_0_4(tmp_path: Path) -> None:
    assert open_ome_zarr(write(tmp_path / "a.zarr", "0.4", axes=["t", "c", "y", "x"])).axes == "TCYX"


def test_reads_the_five_axes_that_had_no_names_before_version_0_3(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zarr", "0.4", axes=[])
    assert open_ome_zarr(path).axes == "QQYX"  # which no version allowed
    group = zarr.open_group(path)
    group.create_array("five", data=DATA[:, :, None])
    group.attrs["multiscales"] = [{"version": "0.2", "datasets": [{"path": "five"}]}]
    image = open_ome_zarr(path)
    assert (image.axes, image.channel_names, image.pixel_size) == ("TCZYX", ("a", "b", "c"), None)


def test_reads_what_this_package_writes(tmp_path: Path) -> None:
    axes = name_axes((2, 30, 40), "ZYX")
    create_ome_zarr(
        tmp_path / "a", plan_layout(axes, axes.shape, 32), name="a", pixel_size_nm=32.5, z_spacing_nm=200.0
    )
    image = open_ome_zarr(tmp_path / "a")
    assert (image.axes, image.pixel_size, image.z_spacing, image.channel_names) == ("ZYX", 32.5, 200.0, ())


def test_pixels_that_are_not_square_have_two_sides_and_no_size(tmp_path: Path) -> None:
    scale = [{"type": "scale", "scale": [500.0, 1.0, 0.1, 0.2]}]
    image = open_ome_zarr(
        write(tmp_path / "a.zarr", datasets=[{"path": "0", "coordinateTransformations": scale}])
    )
    assert image.pixel_size is None
    assert image.pixel_sides == pytest.approx((100, 200))


def test_the_scale_of_the_image_multiplies_that_of_the_level(tmp_path: Path) -> None:
    whole = [{"type": "scale", "scale": [1.0, 1.0, 2.0, 2.0]}]
    image = open_ome_zarr(write(tmp_path / "a.zarr", coordinateTransformations=whole))
    assert image.pixel_size == 130.0


@pytest.mark.parametrize("unit", [None, "parsec", "second"])
def test_a_size_without_a_length_is_no_size(tmp_path: Path, unit: str | None) -> None:
    axes = multiscale()["axes"]
    axes[2] = axes[3] = {"name": "y", "type": "space"} | ({"unit": unit} if unit else {})
    axes[3] = axes[3] | {"name": "x"}
    assert open_ome_zarr(write(tmp_path / "a.zarr", axes=axes)).pixel_size is None


def test_an_endless_time_between_frames_is_none(tmp_path: Path) -> None:
    scale = [{"type": "scale", "scale": [12345.0, 1.0, 0.065, 0.065]}]
    path = write(tmp_path / "a.zarr", datasets=[{"path": "0", "coordinateTransformations": scale}])
    description = path / "zarr.json"
    description.write_text(description.read_text("utf-8").replace("12345.0", "Infinity"), "utf-8")
    assert open_ome_zarr(path).time_interval is None


def test_names_for_another_number_of_channels_are_no_names(tmp_path: Path) -> None:
    axes = [{"name": "c", "type": "channel"}, {"name": "t", "type": "time"}, *multiscale()["axes"][2:]]
    assert open_ome_zarr(write(tmp_path / "a.zarr", axes=axes)).channel_names == ()


def test_where_one_channel_has_no_name_none_has(tmp_path: Path) -> None:
    group = zarr.open_group(write(tmp_path / "a.zarr"), mode="r+")
    group.attrs["ome"] = {**group.attrs["ome"], "omero": {"channels": [{"label": "a"}, {}, {"label": "c"}]}}
    assert open_ome_zarr(tmp_path / "a.zarr").channel_names == ()


@pytest.mark.parametrize("images", [("0", "1"), ("1", "0"), ("10", "9"), ("9", "10")])
def test_tells_several_images_by_their_numbers(tmp_path: Path, images: tuple[str, str]) -> None:
    """In whatever order they were written and the disk lists them."""
    zarr.open_group(tmp_path / "a.zarr", mode="w").attrs["bioformats2raw.layout"] = 3
    for name in images:
        write(tmp_path / "a.zarr" / name, name=f"image {name}")
    zarr.open_group(tmp_path / "a.zarr" / "OME", mode="w")
    (tmp_path / "a.zarr" / ".DS_Store").write_bytes(b"of macOS, where one has looked into the folder")
    for number, name in enumerate(sorted(images, key=int)):
        image = open_ome_zarr(tmp_path / "a.zarr", number)
        assert (image.axes, image.images, image.number) == ("TCYX", 2, number)
        assert image.data.path == f"{name}/0"
        pyramid = open_pyramid(tmp_path / "a.zarr", number)
        assert (pyramid.name, pyramid.images) == (f"image {name}", tuple(sorted(images, key=int)))
    assert open_pyramid(tmp_path / "a.zarr" / images[0]).images == ()
    for open_it in (open_ome_zarr, open_pyramid):
        with pytest.raises(ImageFileError, match=r"holds 2 images, numbers 0 to 1; there is no number 2\."):
            open_it(tmp_path / "a.zarr", 2)


def test_takes_a_plain_array(tmp_path: Path) -> None:
    zarr.save_array(tmp_path / "a.zarr", DATA)
    image = open_ome_zarr(tmp_path / "a.zarr")
    assert (image.axes, image.pixel_size, image.images) == ("QQYX", None, 1)
    for open_it in (open_ome_zarr, open_pyramid):
        with pytest.raises(ImageFileError, match="holds 1 image, number 0; there is no number 1"):
            open_it(tmp_path / "a.zarr", 1)


class TestRefusal:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"axes": multiscale()["axes"][1:]}, "3 axes, but its pixels have 4"),
            ({"datasets": [{"path": "9"}]}, r"lacks the pixels .* Copy it again"),
            ({"datasets": []}, r"lacks the pixels .* Copy it again"),
            ({"datasets": None}, r"lacks the pixels .* Copy it again"),
        ],
    )
    def test_of_metadata_that_contradict_the_pixels(
        self, tmp_path: Path, change: dict[str, Any], words: str
    ) -> None:
        with pytest.raises(ImageFileError, match=words):
            open_ome_zarr(write(tmp_path / "a.zarr", **change))

    def test_of_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(ImageFileError, match="no folder"):
            open_ome_zarr(tmp_path / "a.zarr")

    def test_of_something_else(self, tmp_path: Path) -> None:
        (tmp_path / "a.zarr").mkdir()
        (tmp_path / "a.zarr" / "zarr.json").write_text("{")
        with pytest.raises(ImageFileError, match=r"damaged\. Copy it again"):
            open_ome_zarr(tmp_path / "a.zarr")

    def test_of_a_plate(self, tmp_path: Path) -> None:
        zarr.open_group(tmp_path / "a.zarr", mode="w").attrs["ome"] = {"plate": {}}
        with pytest.raises(ImageFileError, match="plate"):
            open_ome_zarr(tmp_path / "a.zarr")

    def test_of_a_group_without_an_image(self, tmp_path: Path) -> None:
        zarr.open_group(tmp_path / "a.zarr", mode="w")
        with pytest.raises(ImageFileError, match="without an image"):
            open_ome_zarr(tmp_path / "a.zarr")


def test_is_known_by_its_name_or_by_what_it_holds(tmp_path: Path) -> None:
    write(tmp_path / "a")
    assert is_zarr(tmp_path / "a")
    assert is_zarr(tmp_path / "not there.ome.ZARR")
    assert not is_zarr(tmp_path)
    assert not is_zarr(tmp_path / "a.tif")


def test_a_pyramid_has_all_levels_with_scale_and_place(tmp_path: Path) -> None:
    level = [
        {"type": "scale", "scale": [500.0, 1.0, 0.065, 0.065]},
        {"type": "translation", "translation": [0.0, 0.0, 1.0, 2.0]},
    ]
    whole = [{"type": "scale", "scale": [2.0, 1.0, 1.0, 10.0]}]
    datasets = [{"path": "0", "coordinateTransformations": level}, {"path": "1"}]
    path = write(tmp_path / "a.zarr", datasets=datasets, coordinateTransformations=whole, name="cell")
    pyramid = open_pyramid(path)
    assert [each.shape for each in pyramid.levels] == [(2, 3, 30, 40), (2, 3, 15, 20)]
    assert pyramid.axes == "TCYX"
    np.testing.assert_allclose(pyramid.scale, (1000, 1, 0.065, 0.65))
    np.testing.assert_allclose(pyramid.translation, (0, 0, 1, 20))
    assert pyramid.units == ("millisecond", None, "micrometer", "micrometer")
    assert (pyramid.name, pyramid.provenance) == ("cell", {})


def test_a_plain_array_is_a_pyramid_of_one_level(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "plain.zarr", data=DATA)
    pyramid = open_pyramid(tmp_path / "plain.zarr")
    assert (pyramid.axes, pyramid.scale, pyramid.units) == ("QQYX", (1.0,) * 4, (None,) * 4)
    np.testing.assert_array_equal(pyramid.levels[0][:], DATA)


@pytest.mark.parametrize("transformations", [[], [{"type": "scale", "scale": [0.065, 0.065]}]])
def test_a_unit_without_a_scale_for_every_axis_is_no_size(tmp_path: Path, transformations: Any) -> None:
    datasets = [{"path": "0", "coordinateTransformations": transformations}]
    image = open_ome_zarr(write(tmp_path / "a.zarr", datasets=datasets))
    assert (image.pixel_size, image.time_interval) == (None, None)


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("open_it", [open_ome_zarr, open_pyramid])
def test_what_is_no_number_is_refused_before_it_is_read(tmp_path: Path, open_it: Any, plain: bool) -> None:
    plant(tmp_path / "a.zarr" / "0", tmp_path / "planted")
    (tmp_path / "a.zarr" / ".zgroup").write_text('{"zarr_format": 2}')
    about = {"multiscales": [{"datasets": [{"path": "0"}]}]}
    (tmp_path / "a.zarr" / ".zattrs").write_text(json.dumps(about))
    with pytest.raises(ImageFileError, match="something else than numbers"):
        open_it(tmp_path / "a.zarr" / ("0" if plain else ""))
    assert not (tmp_path / "planted").exists()


def test_a_damaged_image_among_several_is_said(tmp_path: Path) -> None:
    zarr.open_group(tmp_path / "a.zarr", mode="w")
    (tmp_path / "a.zarr" / "0").mkdir()
    (tmp_path / "a.zarr" / "0" / "zarr.json").write_text('{"zarr_format": 3, "node_type": "plate"}')
    with pytest.raises(ImageFileError, match="damaged"):
        open_ome_zarr(tmp_path / "a.zarr")

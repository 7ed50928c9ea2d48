"""OME-Zarr images open with their scale, and the pictures of a large restoration as what they are."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree, rmtree

import numpy as np
import pytest
import zarr
from napari.layers import Image

from napari_cvdm.files.streaming import write_restoration
from napari_cvdm.plugin.doubt.linked import find_results
from napari_cvdm.plugin.image.reading import read_layer
from napari_cvdm.plugin.results.contrast import limits_of_result
from napari_cvdm.plugin.results.layers import full_data
from napari_cvdm.plugin.stored import zarr_layers
from napari_cvdm.plugin.stored.zarr_layers import read_zarr
from napari_cvdm.plugin.viewer import notices
from napari_cvdm.restoration.errors import ImageFileError
from napari_cvdm.restoration.lazy import restore_lazy
from tests.hostile.zarr_cases import plant


def opened(path: Path) -> list[Image]:
    return [Image(data, **attributes) for data, attributes, _ in read_zarr(path)]


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """An image as other programs write it: a level beside the finest, nanometres, an offset."""
    group = zarr.open_group(tmp_path / "their cell.zarr", mode="w", zarr_format=2)
    data = np.arange(2 * 3 * 30 * 40, dtype=np.uint16).reshape(2, 3, 30, 40)
    group.create_array("full", data=data)
    group.create_array("half", data=data[..., ::2, ::2])
    transformations = [
        {"type": "scale", "scale": [1, 1, 65.0, 65.0]},
        {"type": "translation", "translation": [0, 0, 650.0, 1300.0]},
    ]
    space = [{"name": name, "type": "space", "unit": "nanometer"} for name in "yx"]
    axes = [{"name": "t", "type": "time", "unit": "a moment"}, {"name": "c", "type": "channel"}, *space]
    datasets = [{"path": name, "coordinateTransformations": transformations} for name in ("full", "half")]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    return tmp_path / "their cell.zarr"


def test_an_image_keeps_axes_scale_place_and_levels(foreign: Path):
    (layer,) = opened(foreign)
    assert layer.name == "their cell"
    assert [level.shape for level in layer.data] == [(2, 3, 30, 40), (2, 3, 15, 20)]
    assert not isinstance(layer.data[0], np.ndarray)  # nothing is read that is not looked at
    np.testing.assert_allclose(layer.data_to_world((0, 0, 10, 10)), (0, 0, 1300, 1950))
    reading = read_layer(layer)
    assert (reading.axes, reading.pixel_size) == ("TCYX", pytest.approx(65))


def test_an_image_that_does_not_begin_at_0_is_not_overexposed(foreign: Path):
    group = zarr.open_group(foreign, mode="r+")
    (multiscale,) = group.attrs["multiscales"]
    multiscale["coordinateTransformations"] = [{"type": "translation", "translation": [600, 0, 0, 0]}]
    group.attrs["multiscales"] = [multiscale]
    (layer,) = opened(foreign)
    assert layer.contrast_limits == [0, layer.data[-1][0, 0].max().compute()]


@pytest.mark.parametrize("step", [0, -65.0, float("inf")])
def test_a_size_that_no_pixel_has_is_not_taken(foreign: Path, step: float):
    group = zarr.open_group(foreign, mode="r+")
    (multiscale,) = group.attrs["multiscales"]
    multiscale["datasets"][0]["coordinateTransformations"] = [{"type": "scale", "scale": [1, 1, step, 65.0]}]
    group.attrs["multiscales"] = [multiscale]
    (layer,) = opened(foreign)
    np.testing.assert_array_equal(layer.scale, (1, 1, 1, 65))


def test_an_array_without_names_of_axes_has_none(tmp_path: Path):
    zarr.create_array(tmp_path / "plain.zarr", data=np.zeros((2, 30, 40), np.uint8))
    (layer,) = opened(tmp_path / "plain.zarr")
    assert layer.axis_labels == ("axis 0", "y", "x")


def test_of_several_images_the_first_opens_and_that_is_said(foreign: Path, monkeypatch):
    several, said = foreign.with_name("plate.zarr"), []
    monkeypatch.setattr(zarr_layers, "show_warning", said.append)
    zarr.open_group(several, mode="w", zarr_format=2)
    for name in ("0", "3"):
        copytree(foreign, several / name)
    (layer,) = opened(several)
    assert "plate.zarr holds 2 images, and this is the first" in said[0]
    (other,) = opened(several / "3")  # as it is told to
    assert f"such as {several / '3'}." in said[0]
    assert len(said) == 1
    np.testing.assert_array_equal(layer.data[0], other.data[0])


@pytest.mark.parametrize(("planes", "expected"), [([3], [6.0]), ([1, 3], [2.0, 6.0]), (None, [0.0, 2.0])])
def test_chosen_planes_lie_where_they_are_in_the_film(tmp_path: Path, small_model, planes, expected):
    film = np.random.default_rng(0).gamma(2.0, 50, (5, 40, 48)).astype(np.float32)
    lazy = restore_lazy(
        film,
        small_model,
        axes="TYX",
        pixel_size=65.0,
        planes=None if planes is None else {"T": planes},
        region=((8, 32), (0, 48)),
        preview=True,
        device="cpu",
    )
    written = write_restoration(lazy, tmp_path / "part.ome.zarr", time_interval_s=2.0)
    for layer in opened(written["reconstruction"]):
        for plane, seconds in enumerate(expected):
            where = layer.data_to_world((plane, 0.5, 0.5))
            np.testing.assert_allclose(where, (seconds, 8 * 0.065, 0), atol=1e-9)


@pytest.mark.parametrize(
    ("axes", "shape", "as_restored", "labels"),
    [
        ("ZCYX", (3, 2, 40, 48), "ZCYX", ("z", "c", "y", "x")),  # as ImageJ stores it
        ("CXTY", (2, 48, 3, 40), "CXTY", ("c", "x", "t", "y")),
        ("ZQTCYX", (3, 1, 1, 2, 40, 48), "ZQTCYX", ("z", "axis 1", "t", "c", "y", "x")),
        ("YXS", (40, 600, 3), "SYX", ("s", "y", "x")),
    ],
)
def test_its_axes_are_those_of_the_image(tmp_path: Path, small_model, axes, shape, as_restored, labels):
    image = np.random.default_rng(0).gamma(2.0, 50, shape).astype(np.float32)
    settings = {"axes": axes, "pixel_size": 65.0, "preview": True, "device": "cpu"}
    lazy = restore_lazy(image, small_model, **settings)
    written = write_restoration(lazy, tmp_path / "a.ome.zarr", z_spacing_nm=300.0, origin={"Y": 4.0})
    (result,) = find_results(opened(written["reconstruction"]))
    layer = result.reconstruction
    expected = np.asarray(lazy.mean)
    expected = np.moveaxis(expected, -1, 0) if "S" in axes else expected
    np.testing.assert_allclose(np.asarray(full_data(layer)), expected, rtol=1e-5, atol=1e-3)
    assert (layer.axis_labels, result.provenance["axes"]) == (labels, as_restored)
    steps = {"Z": 0.3, "Y": 0.0325, "X": 0.0325}
    np.testing.assert_allclose(layer.scale, [steps.get(letter, 1) for letter in as_restored])
    assert layer.translate[as_restored.index("Y")] == pytest.approx(3.75 * 0.065)
    units = ["micrometer" if letter in steps else "pixel" for letter in as_restored]
    assert [str(unit) for unit in layer.units] == units


@pytest.mark.parametrize(
    "said", [{"axes": "TTYX"}, {"axes": 7}, {"axes": "ZYX"}, {"shape": [2, 80, float("inf")]}]
)
def test_axes_that_cannot_be_true_are_those_of_the_file(tmp_path: Path, large_result, said):
    reconstruction, _ = large_result(tmp_path / "film.ome.zarr")
    group = zarr.open_group(reconstruction, mode="r+")
    group.attrs["napari_cvdm"] = {**group.attrs["napari_cvdm"], **said}
    layer = opened(reconstruction)[0]
    assert (layer.axis_labels, layer.metadata["napari_cvdm"]["axes"]) == (("t", "y", "x"), "TYX")


def test_a_restoration_opens_as_a_result_with_both_pictures(tmp_path: Path, large_result):
    reconstruction, uncertainty = large_result(tmp_path / "film.cvdm.ome.zarr")
    layers = opened(reconstruction)
    (result,) = find_results(layers)
    assert [layer.name for layer in layers] == ["film CVDM", "film CVDM uncertainty"]
    assert result.provenance["model"]["name"] == "small"
    assert [level.shape for level in result.reconstruction.data] == [(2, 80, 600), (2, 40, 300)]
    np.testing.assert_allclose(result.reconstruction.scale, (2.0, 0.0325, 0.0325))
    # The first camera pixel covers the first two fine ones.
    np.testing.assert_allclose(result.reconstruction.data_to_world((1, 0.5, 0.5)), (2, 0, 0), atol=1e-9)
    coarsest = (np.asarray(layer.data[-1]) for layer in result.layers)
    assert tuple(result.uncertainty.contrast_limits) == limits_of_result(*coarsest)["uncertainty"]
    assert [layer.colormap.name for layer in layers] == ["gray", "CVDM uncertainty"]
    (alone,) = opened(uncertainty)
    assert alone.metadata == result.uncertainty.metadata
    assert alone.contrast_limits[0] == 0  # what is doubtful enough to be painted, the reconstruction tells


def test_a_result_lies_where_it_is_whatever_is_told_in_it(tmp_path: Path, large_result):
    reconstruction, _ = large_result(tmp_path / "film.ome.zarr")
    group = zarr.open_group(reconstruction, mode="r+")
    group.attrs["napari_cvdm"] = {**group.attrs["napari_cvdm"], "written": "elsewhere", "picture": "draw"}
    about = opened(reconstruction)[0].metadata["napari_cvdm"]
    assert about["written"] == {"reconstruction": str(reconstruction)}
    assert about["picture"] == "reconstruction"


def test_another_run_s_uncertainty_beside_it_is_left_alone(tmp_path: Path, large_result):
    reconstruction, uncertainty = large_result(tmp_path / "film.ome.zarr")
    group = zarr.open_group(uncertainty, mode="r+")
    about = group.attrs["napari_cvdm"]
    group.attrs["napari_cvdm"] = {**about, "seed": 7}
    assert [layer.name for layer in opened(reconstruction)] == ["film CVDM"]


def test_a_damaged_uncertainty_keeps_no_reconstruction_from_being_opened(
    tmp_path: Path, large_result, monkeypatch
):
    reconstruction, uncertainty = large_result(tmp_path / "film.ome.zarr")
    rmtree(uncertainty)
    uncertainty.mkdir()
    said = []
    monkeypatch.setattr(notices, "show_warning", said.append)
    assert [layer.name for layer in opened(reconstruction)] == ["film CVDM"]
    assert [str(uncertainty) in words for words in said] == [True]


def test_damage_is_named(foreign: Path):
    zarr.open_group(foreign, mode="r+").attrs["multiscales"] = [{"axes": [], "datasets": []}]
    with pytest.raises(ImageFileError, match="damaged"):
        read_zarr(foreign)


def test_a_program_in_place_of_a_result_s_pixels_does_not_run(tmp_path: Path, monkeypatch):
    # As before numcodecs refused pickles by itself.
    monkeypatch.setattr("numcodecs.pickles.ALLOW_UNSAFE_PICKLE_DECODE", True, raising=False)
    path = tmp_path / "a.ome.zarr"
    plant(path / "0", tmp_path / "planted")
    (path / ".zgroup").write_text('{"zarr_format": 2}')
    about = {"multiscales": [{"datasets": [{"path": "0"}]}], "napari_cvdm": {"content": "reconstruction"}}
    (path / ".zattrs").write_text(json.dumps(about))
    with pytest.raises(ImageFileError, match="something else than numbers"):
        read_zarr(path)
    assert not (tmp_path / "planted").exists()


def test_a_result_whose_pixels_cannot_be_read_is_said(tmp_path: Path, large_result):
    path, _ = large_result(tmp_path / "out.ome.zarr")
    for file in path.glob("*/zarr.json"):
        about = json.loads(file.read_text())
        about["codecs"] = [{"name": "bytes", "configuration": {"endian": "little"}}]
        file.write_text(json.dumps(about))
    with pytest.raises(ImageFileError, match="pixels cannot be read"):
        read_zarr(path)

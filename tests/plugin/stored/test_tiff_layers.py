"""What the shell has written opens as the result that it is, where the sample is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from napari.layers import Image

from napari_cvdm.cli import main
from napari_cvdm.files.ome_tiff import read_provenance, write_ome_tiff
from napari_cvdm.files.tiff import read_tiff
from napari_cvdm.models import save_model
from napari_cvdm.plugin.doubt.linked import find_results
from napari_cvdm.plugin.doubt.originals import original_of
from napari_cvdm.plugin.doubt.recording import recording_of
from napari_cvdm.plugin.doubt.slices import Slice
from napari_cvdm.plugin.results.contrast import limits_of_result
from napari_cvdm.plugin.results.layers import CHANNELS_KEY, DRAWS_KEY, METADATA_KEY
from napari_cvdm.plugin.stored.tiff_layers import read_restored_tiff
from napari_cvdm.plugin.viewer import notices
from napari_cvdm.restoration.errors import ImageFileError


@pytest.fixture
def restored(small_model, tmp_path: Path):
    """Restore a stack as a user of the shell does."""
    weights = save_model(tmp_path / "small.safetensors", small_model.network, small_model.card)
    data = np.random.default_rng(0).poisson(80, (3, 1, 20, 24)).astype(np.uint16)
    source = write_ome_tiff(tmp_path / "in.ome.tif", data, "ZCYX", 65.0, z_spacing_nm=300.0)

    def restore(*options: str, axes: str = "ZYX", image: Path = source) -> Path:
        output = tmp_path / "out.ome.tif"
        words = ["restore", str(image), "-o", str(output), "--model", str(weights), "--axes", axes, *options]
        assert main([*words, "--device", "cpu", "--overwrite"]) == 0
        return output

    return restore


def opened(path: Path) -> list[Image]:
    return [Image(data, **attributes) for data, attributes, _ in read_restored_tiff(path)]


def test_a_part_of_a_stack_opens_as_a_result_in_its_place(restored):
    path = restored("--preview", "--plane", "Z=1:3", "--roi", "4:16,6:22")
    layers = opened(path)
    assert [layer.name for layer in layers] == ["out CVDM", "out CVDM uncertainty"]
    pictures = (layer.data for layer in layers)
    assert tuple(layers[1].contrast_limits) == limits_of_result(*pictures)["uncertainty"]
    (result,) = find_results(layers)
    original = Image(
        np.zeros((3, 20, 24)),
        name="in",
        scale=(0.3, 0.065, 0.065),
        units=("um",) * 3,
        axis_labels=("z", "y", "x"),
    )
    for layer in layers:
        # The first fine pixel's centre lies a quarter of a camera pixel before that of the camera pixel.
        np.testing.assert_allclose(layer.data_to_world((0, 0, 0)), original.data_to_world((1, 3.75, 5.75)))
        np.testing.assert_allclose(
            layer.data_to_world((1, 23, 31)), original.data_to_world((2, 15.25, 21.25))
        )
        assert layer.units == original.units
    recording = recording_of(result, original, Slice((1, None, None)))
    assert recording.ranges == (range(2, 3), range(4, 16), range(6, 22))
    np.testing.assert_array_equal(result.reconstruction.data, read_tiff(path).data)


def test_the_layer_that_was_opened_from_the_input_is_its_original(restored):
    (result,) = find_results(opened(restored("--preview")))
    other = Image(np.zeros((3, 20, 24)), name="other")
    original = Image(np.zeros((3, 20, 24)), name="in.ome")  # napari takes one ending off
    original._source = original.source.__class__(path=str(Path("/elsewhere") / "in.ome.tif"))
    assert original_of(result, [other, original]) is original
    assert original_of(result, [other]) is None


def test_an_axis_of_length_one_is_there_again(restored):
    layers = opened(restored("--preview", "--plane", "Z=1"))
    assert [layer.data.shape for layer in layers] == [(1, 40, 48)] * 2
    np.testing.assert_allclose(layers[0].translate[0], 0.3)


def test_axes_that_a_file_has_no_room_for_are_there_again(restored, tmp_path: Path):
    data = np.random.default_rng(0).poisson(80, (2, 1, 3, 2, 20, 24)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "many.tif", data, photometric="minisblack")
    path = restored("--preview", axes="QTZCYX", image=tmp_path / "many.tif")
    layers = opened(path)
    assert [layer.data.shape for layer in layers] == [(2, 1, 3, 2, 40, 48)] * 2
    np.testing.assert_array_equal(layers[0].data[:, 0], read_tiff(path).data)


def test_rows_and_columns_lie_where_the_image_has_them(restored, tmp_path: Path):
    data = np.random.default_rng(0).poisson(80, (20, 24, 2)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "turned.tif", data, photometric="minisblack")
    path = restored("--preview", axes="YXZ", image=tmp_path / "turned.tif")
    layers = opened(path)
    assert [layer.data.shape for layer in layers] == [(40, 48, 2)] * 2
    np.testing.assert_array_equal(layers[0].data, np.moveaxis(read_tiff(path).data, 0, -1))


def test_pixels_that_are_not_square_keep_both_sides(restored, tmp_path: Path):
    data = np.random.default_rng(0).poisson(80, (20, 24)).astype(np.uint16)
    source = write_ome_tiff(tmp_path / "oblong.ome.tif", data, "YX", 65.0, pixel_height_nm=130.0)
    for layer in opened(restored("--preview", axes="YX", image=source)):
        np.testing.assert_allclose(layer.scale, (0.065, 0.0325))
        np.testing.assert_allclose(layer.translate, (-0.0325, -0.01625))
        assert [str(unit) for unit in layer.units] == ["micrometer"] * 2


def test_draws_that_were_kept_come_along(restored):
    path = restored("--draws", "2", "--steps", "1", "--keep-draws")
    path.with_name("out_drawing.ome.tif").touch()  # the user's
    (result,) = find_results(opened(path))
    assert result.draws is not None
    expected = [read_tiff(path.with_name(f"out_draw0{number}.ome.tif")).data for number in (1, 2)]
    np.testing.assert_array_equal(result.draws, expected)
    last = path.with_name("out_draw02.ome.tif")
    of_another_run = last.read_bytes()
    restored("--draws", "2", "--steps", "1", "--keep-draws", "--seed", "1")
    last.write_bytes(of_another_run)
    (result,) = find_results(opened(path))
    assert result.draws is None
    last.unlink()
    (result,) = find_results(opened(path))
    assert result.draws is None


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda whole: b"", id="begun"),
        pytest.param(lambda whole: whole[:1000], id="cut off"),  # the description is at the end
        pytest.param(lambda whole: whole[:1000] + bytes(4000) + whole[5000:], id="with a fault"),
    ],
)
@pytest.mark.parametrize("damaged", ["out_uncertainty.ome.tif", "out_draw02.ome.tif"])
def test_what_is_damaged_beside_it_keeps_no_reconstruction_from_being_opened(
    restored, monkeypatch, damaged, damage
):
    path = restored("--draws", "2", "--steps", "1", "--keep-draws")
    file = path.with_name(damaged)
    file.write_bytes(damage(file.read_bytes()))
    said: list[str] = []
    monkeypatch.setattr(notices, "show_warning", said.append)
    layers = opened(path)
    both = ["out CVDM", "out CVDM uncertainty"]
    assert [layer.name for layer in layers] == (both[:1] if "uncertainty" in damaged else both)
    assert (DRAWS_KEY in layers[0].metadata) is ("uncertainty" in damaged)
    assert [damaged in words for words in said] == [True]


def test_the_uncertainty_of_another_run_is_not_taken_for_this_one_s(restored):
    uncertainty = restored("--preview").with_name("out_uncertainty.ome.tif")
    kept = uncertainty.read_bytes()
    path = restored("--preview", "--normalize", "plane")
    uncertainty.write_bytes(kept)
    assert [layer.name for layer in opened(path)] == ["out CVDM"]
    assert [layer.name for layer in opened(uncertainty)] == ["out CVDM uncertainty"]


def test_pictures_belong_together_if_what_tells_them_apart_is_all_that_differs(restored):
    # Such as how their layers looked; the shell and OME-Zarr go by the same rule.
    path = restored("--preview")
    for file, colormap in ((path, "gray"), (path.with_name("out_uncertainty.ome.tif"), "inferno")):
        provenance = {**read_provenance(file), "layer": {"colormap": colormap}}
        write_ome_tiff(file, read_tiff(file).data, "ZYX", provenance=provenance, overwrite=True)
    assert [layer.name for layer in opened(path)] == ["out CVDM", "out CVDM uncertainty"]


def test_colours_are_shown_as_channels(restored, tmp_path: Path):
    image = np.random.default_rng(0).integers(0, 255, (20, 24, 3), np.uint8)
    tifffile.imwrite(tmp_path / "snap.tif", image, photometric="rgb")
    layers = opened(restored("--preview", axes="YXS", image=tmp_path / "snap.tif"))
    assert layers[0].data.shape == (3, 40, 48)
    assert not layers[0].rgb
    assert len(find_results(layers)) == 1
    for layer in layers:  # each has its own contrast, as after a run and in OME-Zarr
        assert layer.metadata[CHANNELS_KEY]["axis"] == 0
        assert list(layer.metadata[CHANNELS_KEY]["limits"]) == [0, 1, 2]


def test_nothing_is_read_if_all_of_it_is_shown(restored, monkeypatch):
    path = restored("--preview")
    uncertainty = path.with_name("out_uncertainty.ome.tif")
    about = [layer.metadata[METADATA_KEY] for layer in opened(path)]
    keys = [(each["run"], each["picture"]) for each in about]
    assert len(read_restored_tiff(path, keys[:1])) == 2  # they tell each other's contrast
    monkeypatch.setattr("napari_cvdm.files.tiff.read_tiff", lambda *_: pytest.fail("was read"))
    assert read_restored_tiff(path, keys) == []
    assert read_restored_tiff(uncertainty, keys[1:]) == []


def test_axes_that_were_altered_are_said(restored):
    path = restored("--preview")
    provenance = {**read_provenance(path), "axes": "YX"}
    write_ome_tiff(path, read_tiff(path).data, "ZYX", provenance=provenance, overwrite=True)
    with pytest.raises(ImageFileError, match="altered"):
        read_restored_tiff(path)

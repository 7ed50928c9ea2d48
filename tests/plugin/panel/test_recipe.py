"""A copied script repeats the run, pixel by pixel."""

from __future__ import annotations

import ast
import contextlib
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr
from napari.layers import Image

from napari_cvdm.cli import main
from napari_cvdm.files.image_set import read_image_set
from napari_cvdm.files.ome_tiff import write_ome_tiff
from napari_cvdm.files.ome_zarr_reading import open_ome_zarr
from napari_cvdm.files.tiff import read_tiff
from napari_cvdm.models import load_model, save_model
from napari_cvdm.plugin.doubt.linked import find_results
from napari_cvdm.plugin.doubt.originals import original_of
from napari_cvdm.plugin.doubt.recording import recording_of
from napari_cvdm.plugin.doubt.slices import Slice
from napari_cvdm.plugin.image.input_pixels import given_image
from napari_cvdm.plugin.image.parts import Part
from napari_cvdm.plugin.panel import shell_words
from napari_cvdm.plugin.panel.recipe import python_script, shell_line
from napari_cvdm.plugin.results.layers import METADATA_KEY
from napari_cvdm.plugin.running.disk_job import DiskJob
from napari_cvdm.plugin.running.messages import Pictures, Written
from napari_cvdm.plugin.running.worker import Job
from napari_cvdm.plugin.stored.reopening import get_reader
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.restore import restore

pytestmark = pytest.mark.usefixtures("nobody_waits")


@pytest.fixture
def weights(small_model, tmp_path: Path) -> str:
    return str(save_model(tmp_path / "small.safetensors", small_model.network, small_model.card))


@pytest.fixture
def source(tmp_path: Path) -> str:
    data = np.random.default_rng(0).poisson(80, (3, 20, 24)).astype(np.uint16)
    return str(write_ome_tiff(tmp_path / "it's my cell.ome.tif", data, "TYX", 65.0))


def _about(job: Job, **provenance: object) -> dict:
    return {"source": job.name, "asked": job.describe(), "model": {"name": "small"}, **provenance}


#: A line of its own in a script, unless it is kept within a comment or a literal.
_CODE = "0\nimport os; os.abort() #'); import os #\r\x0cimport os\u2028import os\x1b[201~"


def _run(script: str, folder: Path) -> None:
    """Run it as a program, without the seconds that a new process takes to load torch."""
    with contextlib.chdir(folder):
        exec(compile(script, "script.py", "exec"), {"__name__": "__main__"})


def test_the_script_repeats_a_run_on_a_part(tmp_path, weights, source):
    part = Part((range(1, 3), range(2, 18), range(24)), "region")
    job = Job(
        "it's my cell",
        None,
        "TYX",
        part=part,
        model=weights,
        pixel_size=65.0,
        draws=2,
        seed=3,
        source_path=source,
    )
    command = [sys.executable, "-W", "ignore", "-c", python_script(_about(job, steps=2))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result, uncertainty = read_image_set(tmp_path / "it_s my cell_cvdm.ome.tif")
    expected = restore(
        read_tiff(source).data, load_model(weights), axes="TYX", pixel_size=65.0, draws=2, steps=2, seed=3,
        planes={"T": slice(1, 3)}, region=((2, 18), (0, 24)), normalize="whole",
    )  # fmt: skip
    np.testing.assert_array_equal(result.data, expected.mean)
    np.testing.assert_array_equal(uncertainty.data, expected.std)


def test_a_layer_without_a_file_is_kept_in_one_first(tmp_path, weights):
    image = np.random.default_rng(0).integers(0, 255, (16, 12, 3), np.uint8)
    np.save(tmp_path / "snap.npy", image)
    job = Job("snap", None, "YX", rgb=True, colours="channels", model=weights, preview=True)
    script = python_script(_about(job))
    assert "numpy.save('snap.npy'" in script
    _run(script, tmp_path)
    channels = np.moveaxis(image, -1, 0)
    expected = restore(channels, load_model(weights), axes="CYX", preview=True)
    np.testing.assert_array_equal(read_image_set(tmp_path / "snap_cvdm.ome.tif")[0].data, expected.mean)


@pytest.mark.parametrize("file", ["all channels", "the layer before it was changed", "no TIFF"])
def test_a_file_that_has_other_pixels_than_the_layer_is_not_read_again(tmp_path, weights, file):
    stack = np.random.default_rng(0).poisson(80, (2, 3, 16, 12)).astype(np.uint16)
    data = stack[:, 1]
    path = tmp_path / ("picture.png" if file == "no TIFF" else "movie.ome.tif")
    if file == "all channels":
        write_ome_tiff(path, stack, "TCYX", 65.0)
    elif file == "no TIFF":
        path.write_bytes(b"")
    else:
        write_ome_tiff(path, data // 2, "TYX", 65.0)
    job = Job("movie.ome", data, "TYX", model=weights, preview=True, source_path=str(path))
    (pictures,) = [message for message in list(job.messages()) if isinstance(message, Pictures)]
    np.save(tmp_path / "movie.npy", data)
    _run(python_script(_about(job)), tmp_path)
    repeated = read_image_set(tmp_path / "movie_cvdm.ome.tif")[0].data
    np.testing.assert_array_equal(repeated, pictures.reconstruction)
    assert "# Save the image first" in (line := shell_line(_about(job)))
    # The plugin's own writer knows pyramids, napari's does not. The movie itself must not be replaced.
    assert "as movie_layer.ome.tif" in line
    assert "restore movie_layer.ome.tif" in line


def test_a_run_to_disk_is_repeated_to_disk(tmp_path, weights, source, monkeypatch):
    data = read_tiff(source).data
    job = DiskJob("cell", data, "TYX", model=weights, preview=True, source_path=source, output=tmp_path / "x")
    about = _about(job)
    _run(python_script(about), tmp_path)
    _, *arguments = shlex.split(shell_line(about))
    (tmp_path / "shell").mkdir()
    monkeypatch.chdir(tmp_path / "shell")
    assert main(arguments) == 0
    expected = restore(data, load_model(weights), axes="TYX", preview=True).mean
    for written in (tmp_path / "cell_cvdm.ome.zarr", tmp_path / "shell" / "it_s my cell_cvdm.ome.zarr"):
        np.testing.assert_allclose(open_ome_zarr(written).data[...], expected, rtol=1e-4)


@pytest.mark.parametrize("to_disk", [False, True])
def test_an_ome_zarr_that_has_the_layer_s_pixels_is_read_again(
    tmp_path, weights, source, monkeypatch, to_disk
):
    data = read_tiff(source).data
    folder = tmp_path / "cell.ome.zarr"
    zarr.save_array(folder, data)
    lines, scripts = [], []
    for pixels in (data, data // 2):
        job = Job("cell", pixels, "TYX", model=weights, preview=True, source_path=str(folder))
        list(job.messages())
        lines.append(shell_line(_about(job)))
        about = _about(job)
        about["asked"]["output"] = "out" if to_disk else None
        scripts.append(python_script(about))
    assert "# Save the image first" in lines[1]
    assert "numpy.save(" in scripts[1]
    (tmp_path / "script").mkdir()
    _run(scripts[0], tmp_path / "script")
    _, *arguments = shlex.split(lines[0])
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 0
    written = tmp_path / "script" / f"cell_cvdm.ome.{'zarr' if to_disk else 'tif'}"
    repeated = open_ome_zarr(written).data[...] if to_disk else read_image_set(written)[0].data
    expected = restore(data, load_model(weights), axes="TYX", preview=True).mean
    for pixels in (read_tiff(tmp_path / "cell_cvdm.ome.tif").data, repeated):
        np.testing.assert_allclose(pixels, expected, rtol=1e-4)


def opened(path: Path) -> list[Image]:
    """Open what a script has written, as napari does."""
    reader = get_reader(str(path))
    return [Image(data, **attributes) for data, attributes, _ in reader(str(path))]


def test_what_the_script_writes_opens_as_the_result_in_its_place(tmp_path, weights):
    data = np.random.default_rng(0).poisson(80, (3, 20, 24)).astype(np.uint16)
    path = write_ome_tiff(tmp_path / "cell.ome.tif", data, "ZYX", 65.0, z_spacing_nm=300.0)
    part = Part((range(1, 3), range(2, 18), range(4, 24)), "region")
    job = Job("cell", None, "ZYX", part=part, model=weights, pixel_size=65.0, draws=2, source_path=str(path))
    job.keep_draws = True
    _run(python_script(_about(job, steps=1)), tmp_path)
    layers = opened(tmp_path / "cell_cvdm.ome.tif")
    assert [layer.name for layer in layers] == ["cell CVDM", "cell CVDM uncertainty"]
    (result,) = find_results(layers)
    assert result.draws.shape == (2, 2, 32, 40)
    um = {"units": ("um",) * 3, "axis_labels": ("z", "y", "x")}
    original = Image(data, name="cell", scale=(0.3, 0.065, 0.065), **um)
    assert original_of(result, [original]) is original
    for layer in layers:
        assert layer.units == original.units
        np.testing.assert_allclose(layer.data_to_world((0, 0, 0)), original.data_to_world((1, 1.75, 3.75)))
        np.testing.assert_allclose(
            layer.data_to_world((1, 31, 39)), original.data_to_world((2, 17.25, 23.25))
        )
    recording = recording_of(result, original, Slice((1, None, None)))
    assert recording.ranges == (range(2, 3), range(2, 18), range(4, 24))


def test_the_layer_s_own_distance_of_planes_goes_before_the_file_s(tmp_path, weights, source):
    job = Job("cell", None, "TYX", model=weights, preview=True, source_path=source)
    _run(python_script(_about(job), time_interval=2.5, z_spacing=300.0), tmp_path)
    layers = opened(tmp_path / "cell_cvdm.ome.tif")
    assert [layer.scale[0] for layer in layers] == [2.5, 2.5]
    assert str(layers[0].units[0]) == "second"


def test_two_runs_of_a_script_are_two_results(tmp_path, weights, source):
    job = Job("cell", None, "TYX", model=weights, preview=True, source_path=source)
    layers = []
    for _ in range(2):
        _run(python_script(_about(job)), tmp_path)
        layers += opened((tmp_path / "cell_cvdm.ome.tif").rename(tmp_path / "kept.ome.tif"))
    assert len({layer.metadata[METADATA_KEY]["run"] for layer in layers}) == 2


def test_what_the_script_writes_to_disk_lies_where_the_run_s_result_does(tmp_path, weights):
    data = np.random.default_rng(0).poisson(80, (3, 20, 24)).astype(np.uint16)
    path = str(write_ome_tiff(tmp_path / "cell.ome.tif", data, "TYX", 65.0))
    part = Part((range(3), range(2, 18), range(4, 24)), "region")
    job = DiskJob(
        "cell", data, "TYX", part=part, model=weights, pixel_size=65.0, preview=True, source_path=path,
        output=tmp_path / "napari.ome.zarr", time_interval=2.5,
    )  # fmt: skip
    about = _about(job)
    _run(python_script(about, time_interval=2.5), tmp_path)
    assert [type(message) for message in job.messages()][-1] is Written
    ours, theirs = opened(tmp_path / "cell_cvdm.ome.zarr"), opened(tmp_path / "napari.ome.zarr")
    assert [layer.name for layer in ours] == ["cell CVDM", "cell CVDM uncertainty"]
    for own, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(own.translate, other.translate)
        np.testing.assert_allclose(own.scale, other.scale)
        assert own.units == other.units
        assert own.metadata[METADATA_KEY]["source"] == other.metadata[METADATA_KEY]["source"] == "cell"
    np.testing.assert_allclose(ours[0].translate, (0, 1.75 * 0.065, 3.75 * 0.065))
    assert ours[0].scale[0] == 2.5


@pytest.mark.parametrize("colours", ["average", "channels"])
def test_the_script_makes_of_colours_what_the_run_did(colours):
    script = python_script(_about(Job("snap", None, "YX", rgb=True, colours=colours, preview=True)))
    (line,) = (each for each in script.splitlines() if each.startswith("image = ") and "image[" in each)
    picture = np.random.default_rng(0).integers(0, 255, (16, 12, 4), np.uint8)
    names = {"np": np, "image": picture}
    exec(line, names)
    np.testing.assert_array_equal(names["image"], given_image(picture, rgb=True, colours=colours))


@pytest.mark.parametrize("colours", ["average", "channels"])
def test_the_shell_line_of_a_picture_in_colour_is_a_comment_that_says_why(colours):
    line = shell_line(_about(Job("snap", None, "YX", rgb=True, colours=colours, preview=True)))
    assert all(each.startswith("#") for each in line.splitlines())
    assert "colours" in line
    assert "Python script" in line


def test_the_shell_line_repeats_a_run(tmp_path, weights, source, monkeypatch):
    job = Job("cell", None, "TYX", model=weights, pixel_size=165.0, draws=2, steps=1, source_path=source)
    job.resample, job.seed = True, 5
    line = shell_line(_about(job)).strip()
    program, *arguments = shlex.split(line)
    assert program == "napari-cvdm"
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 0
    written = read_tiff(tmp_path / "it_s my cell_cvdm.ome.tif")
    image = read_tiff(source).data
    expected = restore(
        image, load_model(weights), axes="TYX", pixel_size=165.0, draws=2, steps=1, seed=5, resample=True
    )
    np.testing.assert_array_equal(written.data, expected.mean)


def test_the_shell_line_takes_the_same_part(tmp_path, weights, source, monkeypatch):
    data = read_tiff(source).data
    part = Part((range(1, 3), range(2, 18), range(24)), "region")
    job = Job("cell", data, "TYX", part=part, model=weights, preview=True, source_path=source)
    program, *arguments = shlex.split(shell_line(_about(job)))
    assert program == "napari-cvdm"
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 0
    written = read_tiff(tmp_path / "it_s my cell_cvdm.ome.tif")
    whole = restore(data, load_model(weights), axes="TYX", preview=True)
    np.testing.assert_allclose(written.data, whole.mean[1:, 4:36], rtol=1e-4)


def test_the_channels_that_were_chosen_are_chosen_again():
    part = Part((range(0, 3, 2), range(16), range(12)), "channel 0 + 2")
    data = np.zeros((4, 16, 12), np.uint16)
    about = _about(Job("cell", data, "CYX", part=part, preview=True, source_path="/cell.tif"))
    assert shell_line(about).endswith(" --preview --channels 0,2 --normalize whole\n")
    assert "    planes={0: slice(0, 3, 2)},\n    normalize='whole',\n" in python_script(about)


@pytest.mark.parametrize(
    ("axes", "preview", "written"), [("TZYX", False, True), ("TZYX", True, False), ("TZCYX", False, False)]
)
def test_draws_are_written_if_there_are_any_and_the_file_can_hold_their_axis(axes, preview, written):
    script = python_script(_about(Job("cell", None, axes, keep_draws=True, preview=preview)))
    assert ("result.draws" in script) == written


def test_a_layer_s_name_is_no_option_of_the_shell():
    line = shell_line(_about(Job("-o cell", None, "YX", preview=True)))
    assert "restore 'o cell_layer.ome.tif' -o 'o cell_layer_cvdm.ome.tif'" in line


def test_the_shell_line_says_what_it_cannot_do():
    part = Part((range(1, 2), range(3), range(8), range(8)))
    line = shell_line(_about(Job("cell", None, "QQYX", part=part, preview=True)))
    assert "takes the whole file" in line
    assert "Save the image first" in line
    assert "--preview" in line
    assert "--draws" not in line


@pytest.mark.parametrize(
    "stated",
    [
        {"source": _CODE},
        {"model": {"name": _CODE, "sha256": _CODE}},
        {"versions": {"napari-cvdm": _CODE}},
        {"steps": _CODE},
    ],
)
@pytest.mark.parametrize("path", [None, f"/{_CODE}.tif"])
@pytest.mark.parametrize("output", [None, "x.ome.zarr"])
def test_nothing_that_a_file_states_slips_code_in(stated, path, output):
    about = _about(Job("cell", None, "YX", source_path=path, model=_CODE, device=_CODE))
    about["asked"]["output"] = output
    script = python_script(about | stated)
    names = {node.names[0].name for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Import)}
    assert names <= {"uuid", "numpy", "napari_cvdm"}
    assert all(not line.lstrip().startswith("import os") for line in script.split("\n"))
    line = shell_line(about | stated)
    assert all(c.isprintable() or c == "\n" for c in line)
    assert shlex.split(line, comments=True)[:2] == ["napari-cvdm", "restore"]


@pytest.mark.parametrize("stated", [{"model": "x"}, {"versions": 3}, {"model": None, "versions": []}])
def test_tables_that_are_none_are_left_out(stated):
    compile(python_script(_about(Job("cell", None, "YX")) | stated), "script", "exec")


@pytest.mark.parametrize("write", [python_script, shell_line])
def test_a_run_that_is_not_stated_clearly_is_not_repeated(write):
    about = _about(Job("cell", None, "YX"))
    about["asked"]["axes"] = "YX', draws=1, x='"
    with pytest.raises(InputError, match="axes"):
        write(about)


def test_of_names_that_a_shell_would_misread_there_is_only_a_comment(monkeypatch):
    monkeypatch.setattr(shell_words, "_ON_WINDOWS", True)
    about = _about(Job("cell", None, "YX", preview=True, source_path="C:\\$(calc).tif"))
    line = shell_line(about)
    assert all(each.startswith("#") for each in line.splitlines())
    assert "calc" not in line
    about["asked"]["source_path"] = "C:\\R&D.tif"
    assert shell_line(about).startswith('napari-cvdm restore "C:\\R&D.tif" -o ')

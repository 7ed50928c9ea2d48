"""What a file of results cannot hold is said before the work; what it can is what the input had."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cvdm.cli import main
from napari_cvdm.cli.writing import channel_names_of
from napari_cvdm.files.image_file import ImageFile
from napari_cvdm.files.ome_zarr_reading import open_ome_zarr
from napari_cvdm.files.tiff import read_tiff

ENDINGS = pytest.mark.parametrize("ending", [".ome.tif", ".ome.zarr"])


def restored(source: Path, output: Path, weights: Path, *options: str) -> ImageFile:
    arguments = ["-o", str(output), "--model", str(weights), "--preview", "--device", "cpu", *options]
    assert main(["restore", str(source), *arguments]) == 0
    return read_tiff(output) if output.suffix == ".tif" else open_ome_zarr(output)


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Four axes beside Y and X."""
    data = np.random.default_rng(0).poisson(50, (2, 2, 3, 2, 16, 20)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "many.tif", data, photometric="minisblack")
    return tmp_path / "many.tif"


@ENDINGS
def test_too_many_axes_are_refused_before_the_work(
    many: Path, ending: str, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / f"out{ending}"
    assert main(["restore", str(many), "-o", str(output), "--model", str(weights), "--preview"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"napari-cvdm: {many}: OME-TIFF and OME-Zarr hold three axes besides Y and X")
    assert error.count("\n") == 1
    assert "--plane 0=0" in error


@ENDINGS
def test_a_position_of_an_unnamed_axis_can_be_taken(
    many: Path, ending: str, weights: Path, tmp_path: Path
) -> None:
    part = restored(many, tmp_path / f"part{ending}", weights, "--plane", "0=1")
    assert sorted(part.data.shape) == [2, 2, 3, 32, 40]
    one = ["--axes", "QTZCYX", "--plane", "Q=1,T=1,Z=2,C=0", "--normalize", "whole"]
    other = restored(many, tmp_path / f"one{ending}", weights, *one)
    assert np.squeeze(other.data[:]).shape == (32, 40)


@ENDINGS
def test_one_name_for_three_colours_is_no_name_of_a_channel(
    ending: str, weights: Path, tmp_path: Path
) -> None:
    colours = np.random.default_rng(0).integers(0, 255, (16, 20, 3)).astype(np.uint8)
    described = {"axes": "YXS", "Channel": {"Name": ["RGB"]}}
    tifffile.imwrite(tmp_path / "in.ome.tif", colours, photometric="rgb", metadata=described)
    assert read_tiff(tmp_path / "in.ome.tif").channel_names == ("RGB",)
    written = restored(tmp_path / "in.ome.tif", tmp_path / f"out{ending}", weights)
    assert written.data.shape == (3, 32, 40)
    assert written.channel_names == ()


def test_a_file_may_name_fewer_channels_than_it_has() -> None:
    data = np.zeros((3, 16, 16), np.float32)
    # As OME-TIFF has it for colour: one name for three samples.
    told = ImageFile(data, "CYX", "colour.tif", channel_names=("colour",))
    assert channel_names_of(told, [0, 2], 2) == ()
    assert channel_names_of(told, [0], 1) == ("colour",)
    assert channel_names_of(replace(told, channel_names=("a", "b", "c")), [2, 0], 2) == ("c", "a")

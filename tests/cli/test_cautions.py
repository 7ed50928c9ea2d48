"""What a shell says of a result names the shell's own options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_cvdm.cli import main
from napari_cvdm.cli.cautions import say_cautions
from napari_cvdm.cli.opening import open_image
from napari_cvdm.files.image_file import ImageFile
from napari_cvdm.files.ome_tiff import write_ome_tiff
from napari_cvdm.models import load_model

FAST = ["--draws", "2", "--steps", "1", "--device", "cpu"]


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """An image without a pixel size."""
    return write_ome_tiff(tmp_path / "bare.tif", np.random.default_rng(0).poisson(50, (24, 32)).astype("u2"))


@pytest.mark.parametrize("ending", [".ome.tif", ".ome.zarr"])
def test_a_pixel_size_that_is_not_known_is_told(
    bare: Path, ending: str, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["restore", str(bare), "-o", str(tmp_path / f"out{ending}"), "--model", str(weights), *FAST]
    assert main(arguments) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")]
    (line,) = told
    assert line.startswith("warning: bare.tif: The pixel size is not known")
    assert line.endswith("Name it with --pixel-size.")
    assert main([*arguments, "--pixel-size", "65", "--overwrite"]) == 0
    assert "warning: " not in capsys.readouterr().err


@pytest.mark.parametrize("ending", [".ome.tif", ".ome.zarr"])
def test_pixels_that_are_not_square_are_told_and_keep_their_sides(
    ending: str, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = np.random.default_rng(0).poisson(50, (2, 24, 32)).astype("u2")
    sides = {"pixel_size_nm": 65.0, "pixel_height_nm": 130.0, "z_spacing_nm": 200.0}
    source = write_ome_tiff(tmp_path / "oblong.ome.tif", data, "ZYX", **sides)
    output = tmp_path / f"out{ending}"
    arguments = ["restore", str(source), "-o", str(output), "--model", str(weights), *FAST]
    assert main(arguments) == 0
    (told,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")]
    assert told == (
        "warning: oblong.ome.tif: Pixels of 65 × 130 nm are not square; the model knows square ones only."
    )
    written = open_image(output)
    assert (written.pixel_size, written.pixel_sides, written.z_spacing) == (None, (65, 32.5), 200)
    # What the user says counts.
    assert main([*arguments, "--pixel-size", "80", "--overwrite"]) == 0
    assert "square" not in capsys.readouterr().err
    assert open_image(output).pixel_size == 40


def test_resampling_without_a_pixel_size_is_refused(
    bare: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.ome.tif"
    assert main(["restore", str(bare), "-o", str(output), "--model", str(weights), "--resample", *FAST]) == 2
    error = capsys.readouterr().err
    assert "bare.tif: " in error
    assert "--pixel-size" in error
    assert not output.exists()


def test_a_pixel_size_in_micrometres_is_refused_before_the_work(
    bare: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.ome.tif"
    arguments = ["restore", str(bare), "-o", str(output), "--model", str(weights), "--pixel-size", "0.065"]
    assert main(arguments) == 2
    assert "nanometres, 65 where" in capsys.readouterr().err


@pytest.mark.parametrize("can_resample", [True, False])
def test_a_size_the_model_does_not_know_is_told_with_the_option_that_helps(
    can_resample: bool, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from napari_cvdm.restoration.restore import restore

    model = load_model(weights)
    image = np.random.default_rng(0).poisson(50, (24, 32))
    made: dict[str, Any] = restore(image, model, pixel_size=200.0, preview=True, device="cpu").provenance
    say_cautions(ImageFile(image, "YX", "in/a.tif"), made, model.card, can_resample=can_resample)
    error = capsys.readouterr().err
    assert error.startswith("warning: a.tif: The pixel size of 200 nm lies outside")
    assert ("add --resample, or doubt" in error) == can_resample
    assert ("have the image resampled first" in error) != can_resample


@pytest.mark.parametrize("planes", [3, 4])
def test_planes_that_a_plain_tiff_calls_colours_are_told(
    planes: int, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = np.random.default_rng(0).poisson(50, (planes, 24, 32)).astype("u2")
    tifffile.imwrite(tmp_path / "film.tif", film, photometric="rgb", planarconfig="separate")
    arguments = [
        "restore",
        str(tmp_path / "film.tif"),
        "-o",
        str(tmp_path / "out.tif"),
        "--model",
        str(weights),
    ]
    assert main([*arguments, "--preview", "--pixel-size", "65"]) == 0
    (told,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")]
    assert told.startswith(f"warning: film.tif: Its {planes} planes are taken for colours")
    assert told.endswith("say so: --axes TYX, or ZYX.")
    assert main([*arguments, "--preview", "--pixel-size", "65", "--axes", "TYX", "--overwrite"]) == 0
    assert "colours" not in capsys.readouterr().err
    # Whom the file does not tell of colours, but the user does, knows.
    tifffile.imwrite(tmp_path / "film.tif", film, photometric="minisblack")
    assert main([*arguments, "--preview", "--pixel-size", "65", "--axes", "SYX", "--overwrite"]) == 0
    assert "taken for" not in capsys.readouterr().err
    # Colours that lie side by side in each pixel are colours.
    tifffile.imwrite(tmp_path / "film.tif", np.moveaxis(film, 0, -1)[..., :3], photometric="rgb")
    assert main([*arguments, "--preview", "--pixel-size", "65", "--overwrite"]) == 0
    assert "taken for" not in capsys.readouterr().err

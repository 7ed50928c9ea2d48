from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_cvdm.assessment import figure
from napari_cvdm.cli import main
from napari_cvdm.files.ome_tiff import read_provenance, write_ome_tiff
from napari_cvdm.files.samples import read_sample
from napari_cvdm.files.tiff import read_tiff

FILES = ["reconstruction.ome.tif", "side_by_side.png", "uncertainty.ome.tif", "widefield.ome.tif"]


def test_the_demo_restores_a_real_image_and_shows_it(
    tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    draw, widths = figure.draw_side_by_side, list[float]()

    def record(panels: Sequence[figure.Panel], *, field_width: float) -> Image.Image:
        widths.append(field_width)
        return draw(panels, field_width=field_width)

    monkeypatch.setattr(figure, "draw_side_by_side", record)
    arguments = ["demo", "--model", str(weights), "--draws", "2", "--device", "cpu"]
    assert main(arguments) == 0
    output = tmp_path / "napari-cvdm-demo"
    assert sorted(path.name for path in output.iterdir()) == FILES
    sample = read_sample("tubulin_widefield")
    assert sample.pixel_size is not None
    reconstruction = read_tiff(output / "reconstruction.ome.tif")
    uncertainty = read_tiff(output / "uncertainty.ome.tif")
    assert reconstruction.data.shape == tuple(2 * n for n in sample.data.shape)
    assert reconstruction.pixel_size == pytest.approx(sample.pixel_size / 2)
    assert (uncertainty.data >= 0).all()
    assert uncertainty.data.std() > 0
    np.testing.assert_array_equal(read_tiff(output / "widefield.ome.tif").data, sample.data)
    provenance = read_provenance(output / "reconstruction.ome.tif")
    assert provenance is not None
    assert (provenance["model"]["name"], provenance["draws"]) == ("tiny", 2)
    with Image.open(output / "side_by_side.png") as picture:
        colours = np.asarray(picture).astype(int)
        assert picture.width > 3 * picture.height
    assert (abs(colours[..., 0] - colours[..., 2]) > 60).any()  # the uncertainty is in colour
    assert widths == [pytest.approx(160 * sample.pixel_size)]
    said = capsys.readouterr().out
    assert "The model: tiny." in said
    assert all(str(Path("napari-cvdm-demo") / name) in said for name in FILES)
    assert "PSNR" in said
    assert "napari-cvdm restore" in said
    assert main([*arguments, "-o", str(output)]) == 0  # again: its own files are replaced
    assert main([*arguments, "-o", str(output), "--device", "abacus"]) == 2


@pytest.mark.parametrize("name", FILES)
def test_files_of_the_user_are_not_replaced_unless_allowed(
    tmp_path: Path, weights: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / name
    if name == "widefield.ome.tif":
        write_ome_tiff(mine, read_sample("tubulin_widefield").data + 1)
    elif name == "uncertainty.ome.tif":
        write_ome_tiff(mine, np.ones((8, 8), np.float32), "YX", 65.0, {"source": "cells.tif"})
    else:
        mine.write_bytes(b"precious")
    before = mine.read_bytes()
    arguments = ["demo", "-o", str(tmp_path), "--draws", "2", "--device", "cpu"]
    assert main([*arguments, "--model", "no-such-model"]) == 2
    error = capsys.readouterr().err
    assert f"{mine} exists" in error
    assert "add --overwrite" in error
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == {mine: before}
    if name == FILES[0]:
        assert main([*arguments, "--model", str(weights), "--overwrite"]) == 0
        assert mine.read_bytes() != before


def test_a_demo_that_cannot_be_written_is_refused_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("precious")
    assert main(["demo", "-o", str(tmp_path / "file"), "--model", "no-such-model"]) == 2
    assert "is not a folder" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "precious"

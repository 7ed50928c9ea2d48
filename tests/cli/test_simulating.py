from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_cvdm import __version__
from napari_cvdm.cli import main
from napari_cvdm.files.ome_tiff import read_provenance
from napari_cvdm.files.tiff import read_tiff
from napari_cvdm.simulation.pairs import KINDS, simulate_pair


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_pairs_are_written_as_evaluate_reads_them(tmp_path: Path) -> None:
    output = tmp_path / "pairs"
    arguments = [
        "simulate",
        "-o",
        str(output),
        "--kind",
        KINDS[0],
        "--count",
        "2",
        "--size",
        "32",
        "--seed",
        "7",
    ]
    assert main(arguments) == 0
    kind = KINDS[0]
    assert names(output) == [f"{kind}_000{n}_{what}.tif" for n in (7, 8) for what in ("sim", "wf")]
    widefield, truth = simulate_pair(kind, 8, 32)
    wf = read_tiff(output / f"{kind}_0008_wf.tif")
    sim = read_tiff(output / f"{kind}_0008_sim.tif")
    np.testing.assert_array_equal(wf.data, widefield)
    np.testing.assert_array_equal(sim.data, truth)
    assert (wf.data.dtype, wf.pixel_size) == (np.uint16, pytest.approx(65.0))
    assert sim.pixel_size == pytest.approx(32.5)
    provenance = read_provenance(output / f"{kind}_0008_wf.tif")
    assert provenance == {"simulated": {"kind": kind, "seed": 8, "size": 32, "version": __version__}}


def test_all_goes_through_the_kinds(tmp_path: Path) -> None:
    assert main(["simulate", "-o", str(tmp_path), "--count", "3", "--size", "32"]) == 0
    found = {path.name.rpartition("_")[0] for path in tmp_path.iterdir()}
    assert found == {f"{kind}_{number:04d}" for number, kind in enumerate(KINDS[:3])}


@pytest.mark.parametrize(("option", "value"), [("--kind", "cheese"), ("--size", "4")])
def test_what_cannot_be_simulated_is_said(
    tmp_path: Path, option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", "-o", str(tmp_path / "new"), "--count", "1", option, value]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_repeated_it_goes_on_and_loses_no_other_pairs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["simulate", "-o", str(tmp_path), "--kind", KINDS[0], "--count", "2", "--size", "32"]
    assert main(arguments) == 0
    assert capsys.readouterr().out.startswith(f"2 pairs are in {tmp_path}.")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    cut_short = tmp_path / f"{KINDS[0]}_0001_sim.tif"
    cut_short.unlink()  # as if interrupted between the two of a pair
    assert main(arguments) == 0
    assert "left as they are: 1 of 2 pairs." in capsys.readouterr().err
    assert names(tmp_path) == sorted(before)
    np.testing.assert_array_equal(read_tiff(cut_short).data, simulate_pair(KINDS[0], 1, 32)[1])
    others = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    arguments[-1] = "48"
    assert main(arguments) == 2
    assert "exists" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == others
    assert main([*arguments, "--overwrite"]) == 0
    assert read_tiff(cut_short).data.shape == (96, 96)

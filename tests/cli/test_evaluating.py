from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from napari_cvdm.assessment.pairs import evaluate_folder
from napari_cvdm.cli import main
from napari_cvdm.files.ome_tiff import write_ome_tiff
from napari_cvdm.files.tiff import read_tiff
from napari_cvdm.models import load_model
from napari_cvdm.simulation.pairs import KINDS

pytestmark = pytest.mark.usefixtures("short_search")

FAST = ["--draws", "2", "--steps", "1", "--device", "cpu"]


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    folder = tmp_path / "pairs"
    arguments = ["simulate", "-o", str(folder), "--kind", KINDS[0], "--count", "2", "--size", "64"]
    assert main(arguments) == 0
    return folder


def test_the_table_goes_to_stdout_and_the_numbers_to_a_file(
    tmp_path: Path, pairs: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = tmp_path / "new" / "scores.json"
    arguments = ["evaluate", str(pairs), "--json", str(numbers), "--model", str(weights), "--seed", "3"]
    capsys.readouterr()
    assert main([*arguments, *FAST]) == 0
    captured = capsys.readouterr()
    expected = evaluate_folder(pairs, load_model(weights), draws=2, steps=1, seed=3, device="cpu")
    found = json.loads(numbers.read_text())
    for mine, theirs in zip(found["pairs"], expected.to_dict()["pairs"], strict=True):
        assert mine["methods"] == theirs["methods"]
    assert found["average"]["methods"] == expected.to_dict()["average"]["methods"]
    assert f"{KINDS[0]}_0000" in captured.out
    assert "average" in captured.out
    assert f"{KINDS[0]}_0001 (2 of 2): " in captured.err
    assert "50 %" in captured.err  # of both pairs together


def test_other_suffixes_can_be_given(pairs: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in list(pairs.iterdir()):
        path.rename(path.with_name(path.name.replace("_wf", "-raw").replace("_sim", "-sharp")))
    arguments = ["evaluate", str(pairs), "--model", str(weights), *FAST]
    assert main(arguments) == 2
    assert "no pair" in capsys.readouterr().err
    assert main([*arguments, "--wf-suffix", "-raw", "--sim-suffix", "-sharp"]) == 0


def test_a_place_for_the_numbers_that_cannot_be_is_said_before_the_work(
    tmp_path: Path, pairs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in (tmp_path, next(pairs.iterdir()) / "scores.json"):
        assert main(["evaluate", str(pairs), "--json", str(place), "--model", "no-such-model"]) == 2
        error = capsys.readouterr().err
        assert "folder" in error
        assert "no-such-model" not in error


def test_no_file_is_lost_for_the_numbers(
    pairs: Path, tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pairs / "alone_wf.tif").write_bytes(b"an image")
    before = {path: path.read_bytes() for path in pairs.iterdir()}
    arguments = ["evaluate", str(pairs), "--model", "no-such-model", "--json"]
    for image in before:
        assert main([*arguments, str(image), "--overwrite"]) == 2
        assert "never written to" in capsys.readouterr().err
    numbers = tmp_path / "scores.json"
    numbers.write_text("precious")
    assert main([*arguments, str(numbers)]) == 2
    error = capsys.readouterr().err
    assert "add --overwrite" in error
    assert "no-such-model" not in error
    assert numbers.read_text() == "precious"
    assert {path: path.read_bytes() for path in pairs.iterdir()} == before
    allowed = ["evaluate", str(pairs), "--model", str(weights), "--json", str(numbers), "--overwrite", *FAST]
    assert main(allowed) == 0
    assert len(json.loads(numbers.read_text())["pairs"]) == 2


def test_what_makes_numbers_worth_little_is_said_once_and_kept(
    pairs: Path, tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, size in ((0, 500.0), (1, 500.0)):
        for suffix in ("_wf", "_sim"):
            path = pairs / f"{KINDS[0]}_000{number}{suffix}.tif"
            write_ome_tiff(path, read_tiff(path).data, "YX", size, overwrite=True)
    moved = pairs / f"{KINDS[0]}_0001_sim.tif"
    noise = np.random.default_rng(0).random((128, 128)).astype("f4")
    write_ome_tiff(moved, noise, "YX", 32.5, overwrite=True)
    numbers = tmp_path / "scores.json"
    arguments = ["evaluate", str(pairs), "--model", str(weights), "--json", str(numbers), *FAST]
    capsys.readouterr()
    assert main(arguments) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")]
    assert sum("500 nm lies outside" in line for line in said) == 1
    assert any(line.startswith("warning: all pairs: The pixel size of 500 nm") for line in said)
    (unlike,) = (line for line in said if line.startswith(f"warning: {KINDS[0]}_0001: The sharp image"))
    assert "next to nothing in common" in unlike
    kept = json.loads(numbers.read_text())["pairs"]
    assert any("500 nm" in words for words in kept[0]["warnings"])
    assert any("nothing in common" in words for words in kept[1]["warnings"])


def test_pairs_that_cannot_be_compared_do_not_keep_the_others_from_it(
    pairs: Path, tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, numbers = f"{KINDS[0]}_0001", tmp_path / "scores.json"
    wide = pairs / f"{KINDS[0]}_0000_wf.tif"
    (pairs / f"{KINDS[0]}_0000_sim.tif").write_bytes(wide.read_bytes())
    for suffix in ("_wf", "_sim"):
        (pairs / f"a{suffix}.tif").write_bytes(b"no image")
    capsys.readouterr()
    command = ["evaluate", str(pairs), "--json", str(numbers), "--model", str(weights), *FAST]
    assert main(command) == 2
    captured = capsys.readouterr()
    assert good in captured.out
    assert KINDS[0] + "_0000" not in captured.out
    assert [pair["name"] for pair in json.loads(numbers.read_text())["pairs"]] == [good]
    lines = captured.err.splitlines()
    # What is wrong with a pair is said before the first is restored, and again in the end.
    assert lines[0].startswith(f"error: {pairs / 'a_wf.tif'} is not a TIFF file")
    assert lines[1].startswith(f"error: {wide}: Pair {KINDS[0]}_0000: the sharp image has 64 × 64 pixels")
    assert lines[-3:-1] == [line.replace("error", "not evaluated", 1) for line in lines[:2]]
    assert lines[-1] == "napari-cvdm: 2 of 3 pairs could not be evaluated."
    for suffix in ("_wf", "_sim"):
        (pairs / f"{good}{suffix}.tif").write_bytes(b"no image")
    assert main([*command, "--overwrite"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1] == f"napari-cvdm: None of the 3 pairs in {pairs} could be evaluated."


def test_what_is_wrong_with_a_single_pair_is_one_line(
    pairs: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in pairs.glob("*_0001_*"):
        path.unlink()
    wide = pairs / f"{KINDS[0]}_0000_wf.tif"
    (pairs / f"{KINDS[0]}_0000_sim.tif").write_bytes(wide.read_bytes())
    capsys.readouterr()
    assert main(["evaluate", str(pairs), "--model", str(weights), *FAST]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert f"{KINDS[0]}_0000" in captured.err

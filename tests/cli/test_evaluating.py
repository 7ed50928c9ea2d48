from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_cvdm.assessment.pairs import evaluate_folder
from napari_cvdm.cli import main
from napari_cvdm.models import load_model
from napari_cvdm.simulation.pairs import KINDS

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


def test_a_pair_that_does_not_fit_is_named(
    pairs: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wide = pairs / f"{KINDS[0]}_0000_wf.tif"
    (pairs / f"{KINDS[0]}_0000_sim.tif").write_bytes(wide.read_bytes())
    capsys.readouterr()
    assert main(["evaluate", str(pairs), "--model", str(weights), *FAST]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert f"{KINDS[0]}_0000" in captured.err

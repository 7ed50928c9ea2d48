"""Tables that spreadsheets read."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from napari_cvdm.files.csv_table import write_csv


def test_columns_come_back(tmp_path: Path):
    path = tmp_path / "table.csv"
    write_csv(
        path, {"distance (µm)": np.array([0, 0.5]), "a, b": np.array([1.23456789, np.nan]), "n": np.arange(2)}
    )
    with path.open(encoding="ascii", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["distance (um)", "a, b", "n"], ["0", "1.23456789", "0"], ["0.5", "", "1"]]


def test_columns_of_different_length_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="shorter"):
        write_csv(tmp_path / "table.csv", {"a": np.arange(3), "b": np.arange(2)})


def test_a_full_disk_leaves_the_earlier_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "table.csv"
    path.write_text("the earlier one")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_csv(path, {"a": np.arange(3)})
    assert path.read_text() == "the earlier one"
    assert list(tmp_path.iterdir()) == [path]

"""Nothing is replaced that the user was not asked about, and the chosen kind of file counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from napari_cvdm.plugin.viewer.file_asking import ask_for_file, proposed_path, remember_folder, with_ending

KINDS = {
    "OME-TIFF (*.ome.tif)": (".cvdm.ome.tif", ".ome.tif"),
    "OME-Zarr (*.ome.zarr)": (".cvdm.ome.zarr", ".zarr"),
}
TIFF, ZARR = KINDS


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("cells", TIFF, "cells.cvdm.ome.tif"),
        ("cells", "", "cells.cvdm.ome.tif"),
        ("cells", ZARR, "cells.cvdm.ome.zarr"),
        ("cell_65.5nm", TIFF, "cell_65.5nm.cvdm.ome.tif"),  # a point is no ending
        ("cells.OME.TIF", TIFF, "cells.OME.TIF"),
        ("cells.zarr", TIFF, "cells.zarr"),  # typed by hand
        ("cells.cvdm.ome.tif", ZARR, "cells.cvdm.ome.zarr"),  # the proposed name, another kind chosen
        ("cells.OME.tif", ZARR, "cells.cvdm.ome.zarr"),
    ],
)
def test_a_name_has_the_ending_of_the_kind_that_is_meant(name, kind, expected):
    assert with_ending(name, KINDS, kind) == expected


def test_a_name_for_files_has_nothing_that_folders_are_made_of():
    assert Path(proposed_path("../../etc/my cell: 1")).name == "_.._etc_my cell_ 1"
    assert Path(proposed_path("...")).name == "result"


def test_a_proposed_name_is_that_of_a_file_in_no_other_folder(qtbot, monkeypatch):
    proposed = []
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (proposed.append(args[2]), ("", ""))[1])
    parent = QWidget()
    qtbot.addWidget(parent)
    ask_for_file(parent, "Save", "exp 3/cell 1: GFP profile.cvdm.ome.tif", KINDS)
    assert [Path(path).name for path in proposed] == ["exp 3_cell 1_ GFP profile.cvdm.ome.tif"]


def test_dialogs_begin_where_was_saved_to_last(dialogs, tmp_path: Path):
    dialogs("cells")
    assert proposed_path("more.tif") == str(tmp_path / "more.tif")
    remember_folder(tmp_path / "gone" / "x.tif")  # a disk that was taken away, say
    assert proposed_path("more.tif") == str(tmp_path / "more.tif")


@pytest.fixture
def dialogs(qtbot, monkeypatch, tmp_path: Path):
    """What the user answers in the dialogs, and what the second has asked."""
    asked: list[str] = []

    def dialogs(name: str, kind: str = TIFF, replace: bool = False) -> Path | None:
        typed = str(tmp_path / name) if name else ""
        button = QMessageBox.StandardButton.Yes if replace else QMessageBox.StandardButton.No
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (typed, kind))
        monkeypatch.setattr(QMessageBox, "question", lambda *args: (asked.append(args[2]), button)[1])
        parent = QWidget()
        qtbot.addWidget(parent)
        return ask_for_file(parent, "Save", "x", KINDS, lambda path: [path.with_suffix(".json")])

    dialogs.asked = asked
    return dialogs


def test_a_name_that_nothing_has_is_not_asked_about(dialogs, tmp_path):
    assert dialogs("cells") == tmp_path / "cells.cvdm.ome.tif"
    assert dialogs("") is None
    assert dialogs.asked == []


def test_a_name_that_the_dialog_has_asked_about_is_not_asked_about_again(dialogs, tmp_path):
    (tmp_path / "cells.ome.tif").touch()
    assert dialogs("cells.ome.tif") == tmp_path / "cells.ome.tif"
    assert dialogs.asked == []


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize(
    ("there", "name"),
    [("cells.cvdm.ome.tif", "cells"), ("cells.cvdm.ome.json", "cells.cvdm.ome.tif")],
)
def test_what_the_dialog_could_not_know_of_is_asked_about(dialogs, tmp_path, there, name, replace):
    (tmp_path / there).touch()
    assert dialogs(name, replace=replace) == (tmp_path / "cells.cvdm.ome.tif" if replace else None)
    (words,) = dialogs.asked
    assert f"'{there}' exists already" in words


def test_a_folder_is_asked_about_and_all_names_in_one_question(dialogs, tmp_path):
    (tmp_path / "cells.zarr").mkdir()
    (tmp_path / "cells.json").touch()
    assert dialogs("cells.zarr", ZARR) is None
    (words,) = dialogs.asked
    assert "'cells.zarr' and 'cells.json' exist already" in words


def test_names_are_no_markup(dialogs, tmp_path):
    (tmp_path / "<b>cells.zarr").mkdir()
    dialogs("<b>cells.zarr", ZARR)
    assert not Qt.mightBeRichText(dialogs.asked[0])

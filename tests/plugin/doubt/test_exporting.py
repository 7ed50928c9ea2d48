"""What the panel writes in the background is written, or the user learns why not."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from napari_cvdm.files.csv_table import write_csv
from napari_cvdm.plugin.doubt.exporting import write_in_background


def test_the_user_is_told_where_it_is_or_why_it_is_not(qtbot, monkeypatch, tmp_path, wait_for_workers):
    told = []
    monkeypatch.setattr("napari.utils.notifications.show_info", told.append)
    monkeypatch.setattr("napari.utils.notifications.show_error", told.append)
    path = tmp_path / "a.txt"
    write_in_background(Path.touch, path)
    qtbot.waitUntil(lambda: len(told) == 1, timeout=30_000)
    assert path.exists()
    beyond = tmp_path / "missing" / "b.csv"
    write_in_background(partial(write_csv, columns={}), beyond)
    qtbot.waitUntil(lambda: len(told) == 2, timeout=30_000)
    wait_for_workers()
    assert told[0] == f"Saved a.txt in {tmp_path}."
    # Not the name that the file has while it is written.
    assert told[1].startswith(f"Not saved: {beyond} cannot be written: ")
    assert told[1].endswith(". Choose another folder or name.")

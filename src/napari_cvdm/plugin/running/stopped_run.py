"""Asking what is to become of a run to disk that was stopped, where another is to be written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_cvdm.plugin.stored.stated import table

if TYPE_CHECKING:
    from napari_cvdm.plugin.running.worker import Job

Answer = Literal["go on", "throw away", "elsewhere"]


def ask_about_stopped(
    parent: QWidget | None, title: str, folders: Sequence[Path], differing: Sequence[str] = ()
) -> Answer:
    """Ask whether to go on with what was stopped in some folders, to begin anew, or to write elsewhere.

    If something is known to be different this time, the user cannot go on. "elsewhere" is also the answer of
    a user who thinks better of it.
    """
    names = " and ".join(f"'{folder.name}'" for folder in folders)
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(title)
    box.setTextFormat(Qt.TextFormat.PlainText)  # names of folders are not markup
    box.setText(f"A run to {names} was stopped before its end, and what it has written is kept.")
    only = "Only the same image with the same settings can go on from there."
    box.setInformativeText(f"{only} Different are: {', '.join(differing)}." if differing else only)
    roles = QMessageBox.ButtonRole
    go_on = box.addButton("Go on", roles.AcceptRole)
    throw_away = box.addButton("Throw away", roles.DestructiveRole)
    elsewhere = box.addButton("Another folder…", roles.RejectRole)
    if go_on is not None:
        go_on.setEnabled(not differing)
    box.setDefaultButton(elsewhere if differing else go_on)
    box.exec()
    clicked = box.clickedButton()
    box.deleteLater()
    if clicked is go_on:
        return "go on"
    return "throw away" if clicked is throw_away else "elsewhere"


def differences(job: Job, stopped: Mapping[str, Any]) -> list[str]:
    """Return in what a run differs from one that was stopped, as far as this is known before it begins.

    Of each difference the name and both values, given what `napari_cvdm.files.unfinished.left_behind` says.
    """
    made, nothing = table(stopped.get("restoration")), object()
    settings: dict[str, tuple[Any, Any]] = {
        "image": (table(stopped.get("source")).get("name", nothing), job.name),
        "pixel size": (_nanometres(made.get("pixel_size_nm", nothing)), _nanometres(job.pixel_size)),
        "draws": (made.get("draws", nothing), 0 if job.preview else job.draws),
        "seed": (made.get("seed", nothing), job.seed),
    }
    if job.steps is not None and not job.preview:
        settings["steps per draw"] = made.get("steps", nothing), job.steps
    return [
        f"{name} ({before}, now {now})"
        for name, (before, now) in settings.items()
        if before is not nothing and before != now
    ]


def _nanometres(size: Any) -> Any:
    return "not known" if size is None else f"{size:g} nm" if isinstance(size, int | float) else size

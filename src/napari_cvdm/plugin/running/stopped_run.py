"""Asking what is to become of a run to disk that was stopped, where another is to be written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QMessageBox, QWidget

__all__ = ["Answer", "ask_about_stopped"]

Answer = Literal["go on", "throw away", "elsewhere"]


def ask_about_stopped(parent: QWidget | None, title: str, folders: Sequence[Path]) -> Answer:
    """Ask whether to go on with what was stopped, to begin anew, or to write to another folder.

    Parameters
    ----------
    parent : QWidget or None
        Over which the question appears.
    title : str
        What is to be written.
    folders : sequence of Path
        The folders that a run to them has not come to make.

    Returns
    -------
    {"go on", "throw away", "elsewhere"}
        "elsewhere" if the user thinks better of it.
    """
    names = " and ".join(f"'{folder.name}'" for folder in folders)
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(title)
    box.setTextFormat(Qt.TextFormat.PlainText)  # names of folders are not markup
    box.setText(f"A run to {names} was stopped before its end, and what it has written is kept.")
    box.setInformativeText("Only the same image with the same settings can go on from there.")
    roles = QMessageBox.ButtonRole
    go_on = box.addButton("Go on", roles.AcceptRole)
    throw_away = box.addButton("Throw away", roles.DestructiveRole)
    elsewhere = box.addButton("Another folder…", roles.RejectRole)
    box.setDefaultButton(go_on)
    box.setEscapeButton(elsewhere)
    box.exec()
    clicked = box.clickedButton()
    box.deleteLater()
    if clicked is go_on:
        return "go on"
    return "throw away" if clicked is throw_away else "elsewhere"

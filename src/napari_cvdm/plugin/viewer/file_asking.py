"""Asking for a file to write, such that nothing is replaced that the user was not asked about.

Dialogs begin in the folder that was saved to last, as napari's own do.

A file dialog asks about the very name that was typed. An ending that is added afterwards makes another name
of it, a folder is never asked about, and neither is what is written beside the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from napari_cvdm.plugin.viewer.notices import literally

Kinds = Mapping[str, Sequence[str]]
"""The dialog's filters, and which endings belong to each: first that which a name without one is given."""


def ask_for_file(
    parent: QWidget,
    title: str,
    proposed: str,
    kinds: Kinds,
    beside: Callable[[Path], Sequence[Path]] = lambda _: (),
) -> Path | None:
    """Ask for a file that may be written, and replaced if there is one.

    The name to begin with may come from a layer, and hold anything. ``beside`` returns what else will be
    written, given the file. None is returned if the user thinks better of it.
    """
    typed, kind = QFileDialog.getSaveFileName(parent, title, proposed_path(proposed), ";;".join(kinds))
    if not typed:
        return None
    asked_about = Path(typed)
    path = asked_about.with_name(with_ending(asked_about.name, kinds, kind))
    unasked = [
        each
        for each in (path, *beside(path))
        if each.exists() and (each != asked_about or each.is_dir())  # no dialog asks about folders
    ]
    if unasked and not _may_replace(parent, title, unasked):
        return None
    remember_folder(path)
    return path


def proposed_path(name: str) -> str:
    """Return where a file dialog begins: the folder that was saved to last, and a name in it."""
    from napari.utils.history import get_save_history

    return str(Path(get_save_history()[0]) / safe_name(name))


def remember_folder(path: Path) -> None:
    """Let the next file dialog, napari's included, begin in the folder of a file."""
    from napari.utils.history import update_save_history

    update_save_history(str(path))


def safe_name(name: str) -> str:
    """Make a name for files from one that may hold anything; a shell takes "-x" for an option."""
    return "".join(c if c.isalnum() or c in "-_. ()," else "_" for c in name).strip(" .-") or "result"


def with_ending(name: str, kinds: Kinds, kind: str = "") -> str:
    """Give a name the ending of a kind, unless it has one.

    Whoever has chosen a kind other than the first means it, whatever the proposed name ends in. The first is
    there without being chosen, so that with it the ending of another, typed by hand, counts.
    """
    usual = next(iter(kinds))
    kind = kind if kind in kinds else usual
    if _ending_of(name, kinds[kind]):
        return name
    other = _ending_of(name, [ending for endings in kinds.values() for ending in endings])
    if other and kind == usual:
        return name
    return name.removesuffix(other) + kinds[kind][0]


def _ending_of(name: str, endings: Sequence[str]) -> str:
    """Return the longest of the endings that a name has, as it is written there; "" if it has none."""
    length = max((len(ending) for ending in endings if name.lower().endswith(ending)), default=0)
    return name[len(name) - length :]


def _may_replace(parent: QWidget, title: str, paths: Sequence[Path]) -> bool:
    names = " and ".join(f"'{path.name}'" for path in paths)
    exist, them = ("exists", "it") if len(paths) == 1 else ("exist", "them")
    buttons = QMessageBox.StandardButton
    answer = QMessageBox.question(
        parent,
        title,
        literally(f"{names} {exist} already in {paths[0].parent}. Replace {them}?"),
        buttons.Yes | buttons.No,
        buttons.No,
    )
    return bool(answer == buttons.Yes)

"""Files that the panel writes in the background; the user is told how it went, be the panel closed or not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from napari_cvdm.plugin.viewer.background import in_words
from napari_cvdm.plugin.viewer.file_asking import Kinds
from napari_cvdm.plugin.viewer.notices import show_error, show_info
from napari_cvdm.plugin.viewer.quiet_worker import QuietWorker

TABLES: Kinds = {"Comma-separated values (*.csv)": (".csv",)}
"""What a file dialog offers for numbers."""


def write_in_background(write: Callable[[Path], object], path: Path) -> None:
    """Write a file that the user has been asked about; ``write`` is called with its path in a worker."""
    # Not a `Background`, which drops what is not wanted any more: the panel may be closed meanwhile.
    worker = QuietWorker(_write, write, path)
    worker.returned.connect(_tell_saved)
    worker.errored.connect(_tell_failed)
    worker.start()


def _write(write: Callable[[Path], object], path: Path) -> Path:
    try:
        write(path)
    except OSError as error:  # which names the file that is written before it takes its name
        reason = (error.strerror or str(error)).rstrip(".")
        raise OSError(f"{path} cannot be written: {reason}.") from error
    return path


def _tell_saved(path: Path) -> None:
    show_info(f"Saved {path.name} in {path.parent}.")


def _tell_failed(error: Exception) -> None:
    show_error(f"Not saved: {in_words(error)} Choose another folder or name.")

"""Words that the viewer shows as they are, whoever wrote them.

Qt guesses of labels and tool tips whether they are markup, and napari's notifications leave it at that. Names
of layers, descriptions of models and what errors quote come from files that anybody wrote: as markup they
could have the viewer read a picture from any place, which may never end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from napari_cvdm.restoration.errors import ImageFileError


def literally(words: str) -> str:
    """Return words in which Qt sees no markup: after each "<" comes an invisible space, as in no tag."""
    return words.replace("<", "<\u200b")


@contextmanager
def literal_errors() -> Iterator[None]:
    """Raise what is wrong with a file in words for napari, which shows what its readers raise."""
    try:
        yield
    except ImageFileError as error:
        raise ImageFileError(literally(str(error))) from error


@contextmanager
def warning_of_damage() -> Iterator[None]:
    """Warn of a file that cannot be read, and go on: for what may be left out."""
    try:
        yield
    except ImageFileError as error:
        show_warning(str(error))


def show_info(words: str) -> None:
    """Show a notification of napari's."""
    _notify("info", words)


def show_warning(words: str) -> None:
    """Show a warning of napari's."""
    _notify("warning", words)


def show_error(words: str) -> None:
    """Show an error in napari, without a traceback."""
    _notify("error", words)


def _notify(kind: str, words: str) -> None:
    from napari.utils import notifications

    getattr(notifications, f"show_{kind}")(literally(words))

"""Files that appear under their name whole, or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from napari_cvdm.restoration.errors import ImageFileError


@contextmanager
def whole_file(path: Path, *, overwrite: bool = True) -> Iterator[BinaryIO]:
    """Open a file for writing that takes its name only when all of it is written.

    It has a temporary name in the same folder until then: a rename happens at once or not at all. After an
    error or an interruption there is no file, or still the old one.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.
    overwrite : bool
        Whether it may replace a file. If not, this is looked at before the writing and after it.

    Yields
    ------
    BinaryIO
        Open for writing; may be read and positioned as well.

    Raises
    ------
    ImageFileError
        If the file exists and may not be replaced.
    OSError
        If it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    refuse_existing(path, overwrite)
    try:
        with temporary.open("x+b") as file:
            yield file
            file.flush()
            # Without this a crash of the machine could leave the new name on an empty file.
            os.fsync(file.fileno())
        refuse_existing(path, overwrite)
        temporary.replace(path)
    finally:
        with suppress(OSError):  # Where the folder is none, or went away.
            temporary.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that is whole when it appears, replacing one of the same name.

    Parameters
    ----------
    path : Path
        The file; its folder is made when it does not exist.
    data : bytes
        What to write.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.write(data)


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raise `ImageFileError` if a file exists that may not be replaced."""
    if path.exists() and not overwrite:
        raise ImageFileError(f"{path} exists already. Choose another name, or allow it to be overwritten.")

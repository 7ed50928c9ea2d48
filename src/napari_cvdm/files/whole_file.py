"""Files that appear under their name whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from napari_cvdm.models.replacing import replacing
from napari_cvdm.restoration.errors import ExistsAlreadyError


@contextmanager
def whole_file(path: Path, *, overwrite: bool = True) -> Iterator[BinaryIO]:
    """Open a file for writing that takes its name only when all of it is written.

    As `napari_cvdm.models.replacing.replacing`, but it can refuse to replace a file.

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
    ExistsAlreadyError
        If the file exists and may not be replaced.
    OSError
        If it cannot be written.
    """
    refuse_existing(path, overwrite)
    with replacing(path) as file:
        yield file
        refuse_existing(path, overwrite)


def write_whole(path: Path, data: bytes | str, *, overwrite: bool = True) -> None:
    """Write a file that is whole when it appears.

    Parameters
    ----------
    path : Path
        The file; its folder is made when it does not exist.
    data : bytes or str
        What to write; text in UTF-8, with escapes for what it cannot hold: names in other codes.
    overwrite : bool
        As for `whole_file`.

    Raises
    ------
    ExistsAlreadyError
        If the file exists and may not be replaced.
    OSError
        If it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    content = data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data
    with whole_file(path, overwrite=overwrite) as file:
        file.write(content)


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raise `ExistsAlreadyError` if a file exists that may not be replaced."""
    if path.exists() and not overwrite:
        raise ExistsAlreadyError(
            f"{path} exists already.", "Choose another name, or add --overwrite (in Python: overwrite=True)."
        )

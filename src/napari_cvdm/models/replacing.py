"""Writing a file such that it appears under its name whole, or not at all: models, and all else that is kept.

Here because the parts of the house that write files all stand above this one; nothing here is about models.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

__all__ = ["replacing"]


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that takes its name, and the place of an older one, when all of it is written.

    It has a temporary name in the same folder until then: a rename happens at once or not at all. After an
    error or an interruption there is no file, or still the old one.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.

    Yields
    ------
    BinaryIO
        Open for writing; may be read and positioned as well.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with temporary.open("x+b") as file:
            yield file
            file.flush()
            # Without this a crash of the machine could leave the new name on an empty file.
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with suppress(OSError):  # Where the folder is none, or went away.
            temporary.unlink(missing_ok=True)

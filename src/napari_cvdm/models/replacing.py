"""Writing a file such that it appears under its name whole, or not at all: models, and all else that is kept.

Here because the parts of the house that write files all stand above this one; nothing here is about models.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that takes its name, and the place of an older one, when all of it is written.

    It has a temporary name in the same folder, which must exist, until then: a rename happens at once or not
    at all. After an error or an interruption there is no file, or still the old one. It may be read and
    positioned as well.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with naming_full_disk(path), temporary.open("x+b") as file:
            yield file
            file.flush()
            # Without this a crash of the machine could leave the new name on an empty file.
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with suppress(OSError):  # Where the folder is none, or went away.
            temporary.unlink(missing_ok=True)


@contextmanager
def naming_full_disk(path: Path) -> Iterator[None]:
    """Let the error of a full disk or quota name what was to be written: the system itself does not."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL and error.filename is None:
            error.filename = str(path)
        raise

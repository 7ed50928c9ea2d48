"""Writing a file such that it appears under its name whole, or not at all: models, and all else that is kept.

Here because the parts of the house that write files all stand above this one; nothing here is about models.
"""

from __future__ import annotations

import errno
import glob
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

if sys.platform != "win32":
    import fcntl

_MOMENT = 10.0  # seconds: before it is locked, and before it gets its name, a file is nobody's
_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that takes its name, and the place of an older one, when all of it is written.

    It has a temporary name in the same folder, which must exist, until then: a rename happens at once or not
    at all. After an error or an interruption there is no file, or still the old one. What processes that were
    killed have left of this file is removed. It may be read and positioned as well.
    """
    _remove_abandoned(path)
    temporary = unfinished_name(path)
    try:
        with naming_full_disk(path), temporary.open("x+b") as file:
            with suppress(OSError):  # of a disk without locks, where nobody else can have one either
                _claim(file)
            yield file
            file.flush()
            # Without this a crash of the machine could leave the new name on an empty file.
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with suppress(OSError):  # Where the folder is none, or went away.
            temporary.unlink(missing_ok=True)


def unfinished_name(path: Path) -> Path:
    """Return a name for a file while it is being written, another one each time."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")


def _remove_abandoned(path: Path) -> None:
    """Remove what was being written for a file by processes that were killed: nobody holds it any more."""
    for part in path.parent.glob(f".{glob.escape(path.name)}.????????.part"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime < _MOMENT:
                continue
            if sys.platform == "win32":  # which removes no file that is open
                part.unlink()
                continue
            with part.open("r+b") as file:
                _claim(file)
                part.unlink()


def _claim(file: BinaryIO) -> None:
    """Lock an open file for as long as it is open; `OSError` if another process has locked it."""
    if sys.platform != "win32":
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def naming_full_disk(path: Path) -> Iterator[None]:
    """Let the error of a full disk or quota name what was to be written: the system itself does not."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL and error.filename is None:
            error.filename = str(path)
        raise

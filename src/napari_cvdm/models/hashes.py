"""SHA-256 hashes: of files, and as people and records state them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from napari_cvdm.models.errors import ModelError, unreadable

_SHA256 = re.compile(r"[0-9a-f]{64}")


def is_sha256(value: object) -> bool:
    """Whether a value from outside is a hash as we write it down: 64 hexadecimal digits in small letters."""
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def as_sha256(stated: str | None) -> str | None:
    """Return a hash that a user states as we write it down; None if none is stated.

    Raises
    ------
    ModelError
        If it is no hash, perhaps a part of one.
    """
    if stated is None:
        return None
    if not is_sha256(plain := str(stated).strip().lower()):
        raise ModelError("A sha256 has 64 hexadecimal digits: copy it whole.")
    return plain


def check_sha256(path: Path, found: str, stated: str | None) -> None:
    """Raise `ModelError` if a hash is stated that is none, or is not the one that was found."""
    expected = as_sha256(stated)
    if expected not in (None, found):
        raise ModelError(
            f"{path} is not the expected file: its sha256 is {found}, and {expected} was expected."
        )


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal.

    Raises
    ------
    ModelError
        If the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error

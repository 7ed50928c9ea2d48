"""Addresses of model files: which kinds are used, and how they are shown."""

from __future__ import annotations

import ipaddress
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit
from urllib.request import url2pathname

from napari_cvdm.models.errors import printable

MODEL_ENDINGS = (".safetensors", ".h5", ".hdf5", ".keras")
"""How the names of model files end."""

_HAS_SHARES = os.name == "nt"
_ENDINGS = "|".join(ending.removeprefix(".") for ending in MODEL_ENDINGS)
_DOI = re.compile(
    r"(?:doi:(?://)?|https?://(?:dx\.)?doi\.org/)?"  # the usual ways to write one
    r"(?P<doi>10\.[0-9]{4,9}/[^\s/?#]+(?:/[^\s/?#]+)*?)"
    rf"(?:/(?P<file>[^\s/\\?#]+\.(?:{_ENDINGS})))?/?",
    re.IGNORECASE,
)


class DOI(NamedTuple):
    """A digital object identifier, and the file meant among those of its record.

    Attributes
    ----------
    doi : str
        Such as ``10.5281/zenodo.1234``.
    file : str or None
        Name of the file; None for the record's only model.
    """

    doi: str
    file: str | None

    def __str__(self) -> str:
        """Return it in the one form that sources are remembered in."""
        return f"doi:{self.doi}" + (f"/{self.file}" if self.file else "")


def parse_doi(text: str) -> DOI | None:
    """Take a DOI apart; None if it is none.

    It may be bare, or have ``doi:`` or ``https://doi.org/`` before it; ``/NAME.safetensors`` may follow it.
    """
    found = _DOI.fullmatch(text)
    return DOI(found["doi"].lower(), found["file"]) if found else None  # DOIs do not tell cases apart


def is_address(text: str) -> bool:
    """Tell addresses and DOIs from names and paths; a path may look like a bare DOI."""
    return "://" in text or parse_doi(text) is not None


def as_path(text: str | Path) -> Path:
    """Return a path with ``~`` replaced by the home folder, where there is one."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # of a user who does not exist
        return Path(text)


def is_file(path: Path) -> bool:
    """Tell whether there is a file, also of paths that no file system can have, too long ones for example."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def may_be_used(url: str, *, chosen: bool = False) -> bool:
    """Tell whether an address is of a kind that is used: https, and file and http on this very machine.

    If whoever runs this computer has `chosen` it, other machines may be reached by http, too, and on Windows
    by file (a shared folder).
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port  # each may turn out to be none
    except ValueError:
        return False
    if parts.scheme == "file":
        return not host or host == "localhost" or (chosen and _HAS_SHARES)
    if not host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and (chosen or is_loopback(host)))


def local_path(url: str) -> Path:
    """Return the path that a file:// address means, be it in a shared folder of another machine."""
    parts = urlsplit(url)
    share = f"//{parts.netloc}" if parts.netloc not in ("", "localhost") else ""
    return Path(url2pathname(share + parts.path))


def is_loopback(host: str | None) -> bool:
    """Tell whether a host is this machine itself."""
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host or "").is_loopback
    return False


def shown(url: str) -> str:
    """Return an address as it may be printed: without passwords, tokens and control characters."""
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.netloc:
            url = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    return printable(url, 300)

"""Fetching a model file into the cache folder, through pooch.

The file is written under a temporary name in the cache folder and gets its real name only when its hash
is right, so an interrupted or altered download never leaves anything that looks like a model.
"""

from __future__ import annotations

import ipaddress
import logging
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import urlsplit
from urllib.request import url2pathname

from napari_cvdm.models.errors import ModelError
from napari_cvdm.models.registry import RegistryEntry

__all__ = ["DownloadProgress", "download"]

CHUNK_BYTES = 2**18
"""Bytes between two reports of progress; pooch's own default of 1 KB makes a download slow."""

TIMEOUT_SECONDS = 30
"""How long a server may stay silent."""


class DownloadProgress(Protocol):
    """What a progress display must offer; the protocol is pooch's. Raising from `update` cancels."""

    total: int

    def update(self, amount: int) -> object:
        """Report that `amount` more bytes have arrived."""

    def reset(self) -> object:
        """Start again from zero."""

    def close(self) -> object:
        """Note that the download is over."""


def download(
    entry: RegistryEntry, folder: Path, urls: Sequence[str], progress: DownloadProgress | None = None
) -> Path:
    """Fetch a model file, from the first of several places that has it.

    Parameters
    ----------
    entry : RegistryEntry
        The model.
    folder : Path
        The cache folder; made when it does not exist.
    urls : sequence of str
        Where to look, in this order. Only https, file and, on this machine's own loopback, http.
    progress : DownloadProgress, optional
        Told how far the download is.

    Returns
    -------
    Path
        The file, complete and with the right hash.

    Raises
    ------
    ModelError
        If no place has the right file, or the folder cannot be written to. The message says what each
        place answered. The cache folder is then as it was before.
    """
    import pooch  # type: ignore[import-untyped]

    if not urls:
        raise ModelError(
            f"The model '{entry.name}' is neither in {folder} nor in the package, and the registry has no "
            f"address for it: put {entry.file} there by hand."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(_unwritable(folder, error)) from error
    failures: list[str] = []
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.ERROR)  # pooch announces every download on stderr
    try:
        for url in urls:
            guard = _SizeGuard(entry, progress)
            try:
                fetched = pooch.retrieve(
                    url,
                    known_hash=f"sha256:{entry.sha256}",
                    fname=entry.file,
                    path=folder,
                    downloader=_choose_downloader(url, guard),
                )
                path = Path(fetched)
                path.chmod(0o644)  # temporary files are for their owner alone; a cache may be shared
                return path
            except Exception as error:
                reason = _explain(error, folder)
                if reason is None:  # not a failed download: a cancelled one, or a bug
                    raise
                failures.append(f"{url}: {reason}")
    finally:
        logger.setLevel(level)
    raise ModelError(f"The model '{entry.name}' could not be fetched. {'; '.join(failures)}.")


class _SizeGuard:
    """Pass progress on, and stop a server that sends more bytes than the file has."""

    def __init__(self, entry: RegistryEntry, progress: DownloadProgress | None) -> None:
        self.entry = entry
        self.progress = progress
        self.received = 0
        self._total = 0

    @property
    def total(self) -> int:
        return self._total

    @total.setter
    def total(self, announced: int) -> None:
        self._total = announced
        if announced > self.entry.size:
            raise _WrongSizeError(f"the server announces {announced:,} bytes instead of {self.entry.size:,}")
        if self.progress is not None:
            self.progress.total = self.entry.size

    def update(self, amount: int) -> None:
        self.received += amount
        if (
            self.received > self.entry.size + CHUNK_BYTES
        ):  # pooch counts the last, partial chunk as a whole one
            raise _WrongSizeError(f"the server sends more than the file's {self.entry.size:,} bytes")
        if self.progress is not None:
            self.progress.update(amount)

    def reset(self) -> None:
        self.received = 0
        if self.progress is not None:
            self.progress.reset()

    def close(self) -> None:
        if self.progress is not None:
            self.progress.close()


class _WrongSizeError(ValueError):
    """The file behind an address cannot be the model."""


class _RefusedAddressError(ValueError):
    """An address of a kind that is not used."""


def _choose_downloader(url: str, guard: _SizeGuard) -> Any:
    import pooch

    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname)):
        return pooch.HTTPDownloader(progressbar=guard, chunk_size=CHUNK_BYTES, timeout=TIMEOUT_SECONDS)
    if parts.scheme == "file":
        return _copy
    raise _RefusedAddressError(
        "only https:// and file:// addresses are used (and http:// on this machine itself)"
    )


def _copy(url: str, output_file: str | IO[bytes], _pooch: object) -> None:
    """Copy a file:// address, in the form of a pooch downloader."""
    source = Path(url2pathname(urlsplit(url).path))
    if isinstance(output_file, str):
        shutil.copyfile(source, output_file)
    else:
        with source.open("rb") as file:
            shutil.copyfileobj(file, output_file)


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host or "").is_loopback
    return False


def _explain(error: Exception, folder: Path) -> str | None:
    """Say in words why a download failed; None if the error is none of a download's."""
    import requests
    from requests import exceptions

    if isinstance(error, _WrongSizeError | _RefusedAddressError):
        return str(error)
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    reasons: list[tuple[type[Exception], str]] = [  # the more special first
        (exceptions.ProxyError, "the proxy did not answer (see the variable HTTPS_PROXY)"),
        (
            exceptions.SSLError,
            "the server's certificate is not trusted (see the variable REQUESTS_CA_BUNDLE)",
        ),
        (requests.Timeout, f"the server was silent for {TIMEOUT_SECONDS} seconds"),
        (exceptions.ChunkedEncodingError, "the connection broke in the middle of the file"),
        (requests.ConnectionError, "no connection to the server (offline, or a proxy: see HTTPS_PROXY)"),
        (requests.RequestException, f"the download failed ({type(error).__name__})"),
        (FileNotFoundError, "there is no such file"),
        (OSError, _unwritable(folder, error)),
    ]
    if isinstance(error, ValueError) and "hash" in str(error):  # how pooch says that the file is another
        return "the file there is truncated, altered or another version (its sha256 is not the registry's)"
    return next((reason for kind, reason in reasons if isinstance(error, kind)), None)


def _unwritable(folder: Path, error: Exception) -> str:
    reason = getattr(error, "strerror", None) or str(error)
    return f"cannot write to the cache folder {folder} ({reason}); NAPARI_CVDM_CACHE can name another one"

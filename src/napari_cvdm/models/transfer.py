"""One attempt to bring the bytes behind one address to this machine, in the form of a pooch downloader.

Certificates are always verified; a redirect may not lead to an address of a kind that is not used; a server
that sends too much, too little or too slowly is left. Proxies and certificates of the machine are those that
requests finds: HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol
from urllib.parse import urljoin, urlsplit

from napari_cvdm.models.addresses import is_loopback, local_path, may_be_used, shown
from napari_cvdm.models.answering import answer_in_time

if TYPE_CHECKING:
    import requests

CHUNK_BYTES = 2**18
"""Most bytes between two reports of progress."""

TIMEOUT_SECONDS = 15.0
"""How long a server may stay silent."""

SLOWEST_BYTES_PER_SECOND = 1024
"""A server that has been slower than this on average for `TIMEOUT_SECONDS` is given up."""

LARGEST_FILE = 4 * 2**30
"""No file of weights is larger, in bytes; a limit where the size is not known."""

_MOST_REDIRECTS = 5
_MOST_WAITS = 4  # for an answer to begin, of `TIMEOUT_SECONDS` each


class DownloadProgress(Protocol):
    """What a progress display must offer; the protocol is pooch's. Raising from `update` cancels."""

    total: int

    def update(self, amount: int) -> object:
        """Report that `amount` more bytes have arrived."""

    def reset(self) -> object:
        """Start again from zero."""

    def close(self) -> object:
        """Note that the download is over."""


class TransferError(Exception):
    """An attempt has failed; the message says why, in words that can follow an address and a colon.

    If it is `passing`, another attempt may succeed.
    """

    def __init__(self, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.passing = passing


class Transfer:
    """A downloader for `pooch.retrieve`.

    Parameters
    ----------
    size : int or None
        Bytes that the file must have; None if that is not known.
    chosen : bool, optional
        Whether whoever runs this computer chose the address: then plain http will do, since the hash tells
        whether the file is the right one.
    """

    def __init__(
        self, size: int | None, progress: DownloadProgress | None = None, *, chosen: bool = False
    ) -> None:
        self.size = size
        self.progress = progress
        self.chosen = chosen

    def __call__(self, url: str, output_file: str, _pooch: object = None) -> None:
        """Write what is behind an address to a file.

        Raises
        ------
        TransferError
            If the address is of a kind that is not used, or its bytes do not arrive.
        OSError
            If the bytes cannot be written.
        """
        if not may_be_used(url, chosen=self.chosen):
            raise TransferError(
                "only https:// and file:// addresses are used (and http:// on this machine itself)"
            )
        if self.progress is not None:
            self.progress.reset()
        with Path(output_file).open("wb") as file:
            if urlsplit(url).scheme == "file":
                self._copy(local_path(url), file)
            else:
                self._download(url, file)

    def _copy(self, source: Path, file: IO[bytes]) -> None:
        try:
            if not source.exists():
                raise TransferError("there is no such file")
            opened = source.open("rb")
        except OSError as error:
            raise TransferError(f"it cannot be read ({error.strerror or error})") from error
        with opened:
            self._receive(source.stat().st_size, lambda: _read_from(opened), file)

    def _download(self, url: str, file: IO[bytes]) -> None:
        import requests
        import urllib3

        with requests.Session() as session:
            session.max_redirects = _MOST_REDIRECTS
            try:
                try:
                    response = self._answer(session, url)
                except OSError as error:  # nothing is written yet, so it is not about the disk
                    raise explain(error) from error
                with response:
                    response.raise_for_status()
                    raw = response.raw
                    self._receive(_announced(response), lambda: raw.read1(CHUNK_BYTES), file)
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                raise explain(error) from error

    def _answer(self, session: requests.Session, url: str) -> requests.Response:
        """Wait for an answer to begin."""

        def ask() -> requests.Response:
            return session.get(
                url,
                stream=True,
                timeout=TIMEOUT_SECONDS,
                # The bytes as they are: a compressed answer could unfold to any size.
                headers={"Accept-Encoding": "identity"},
                hooks={"response": guard_redirects},
            )

        overdue = TransferError("the server does not come to the file", passing=True)
        return answer_in_time(ask, _MOST_WAITS * TIMEOUT_SECONDS, overdue, self._chance_to_cancel)

    def _chance_to_cancel(self) -> None:
        if self.progress is not None:
            self.progress.update(0)

    def _receive(self, announced: int | None, read: Any, file: IO[bytes]) -> None:
        """Write chunks until there are no more; `announced` is how many bytes the source says it has."""
        most = LARGEST_FILE if self.size is None else self.size
        if announced is not None and (announced > most or announced != (self.size or announced)):
            raise TransferError(
                f"the file there is truncated, altered or another version: it has {announced:,} bytes "
                "instead " + (f"of {most:,}" if self.size else f"of at most {most:,}")
            )
        if self.progress is not None:
            self.progress.total = self.size or announced or 0
        received, started = 0, time.monotonic()
        while chunk := read():
            received += len(chunk)
            if received > most:
                raise TransferError(f"the server sends more than the file's {most:,} bytes")
            file.write(chunk)
            if self.progress is not None:
                self.progress.update(len(chunk))
            elapsed = time.monotonic() - started
            if elapsed > TIMEOUT_SECONDS and received < SLOWEST_BYTES_PER_SECOND * elapsed:
                raise TransferError(
                    f"the server is too slow ({received:,} bytes in {elapsed:.0f} seconds)", passing=True
                )
        expected = self.size or announced
        if expected is not None and received < expected:
            raise TransferError(
                f"the file there is truncated: {received:,} of {expected:,} bytes arrived", passing=True
            )
        if self.progress is not None:
            self.progress.close()


def guard_redirects(response: requests.Response, *_: object, **__: object) -> None:
    """Refuse to follow a redirect to an address of a kind that is not used: a hook for requests.

    Raises
    ------
    TransferError
        If the response redirects to one, or from https to http.
    """
    if not response.is_redirect:
        return
    response.raw.close()  # requests would read what comes with it to the end, and there may be none
    try:
        # Its bytes are UTF-8 to requests.
        location = response.headers["location"].encode("latin-1").decode()
        source, target = response.url, urljoin(response.url, location)
    except ValueError as error:
        raise TransferError("the server redirects to what is no address") from error
    # Where plain http was accepted it may lead on to plain http; nothing leads from https to less.
    was_plain = urlsplit(source).scheme == "http" and not is_loopback(urlsplit(source).hostname)
    kinds = {"https"} if urlsplit(source).scheme == "https" else {"https", "http"}
    if urlsplit(target).scheme not in kinds or not may_be_used(target, chosen=was_plain):
        raise TransferError(f"the server redirects to {shown(target)}, which is not secure")


def explain(error: Exception) -> TransferError:
    """Say in words why requests or urllib3 failed, and whether another attempt may succeed."""
    import requests
    import urllib3
    from requests import exceptions

    if isinstance(error, requests.HTTPError) and error.response is not None:
        code = error.response.status_code
        reason = "".join(c for c in str(error.response.reason) if c.isprintable())[:60]
        return TransferError(f"the server answered {code} {reason}".strip(), passing=code in _PASSING_CODES)
    if isinstance(error, exceptions.InvalidSchema) and "SOCKS" in str(error):
        return TransferError("the proxy in HTTPS_PROXY or ALL_PROXY is a SOCKS proxy, which needs PySocks")
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
        # What requests lets through of its own: the bundle of certificates is not where it should be.
        return TransferError(
            "the certificates to check servers by cannot be read (see the variables REQUESTS_CA_BUNDLE and "
            "CURL_CA_BUNDLE)"
        )
    silent = f"the server was silent for {TIMEOUT_SECONDS:g} seconds"
    broken = "the connection broke in the middle of the file"
    offline = "no connection to the server (offline, or a proxy: see HTTPS_PROXY)"
    # The more special first.
    reasons: list[tuple[type[Exception] | tuple[type[Exception], ...], str, bool]] = [
        (exceptions.ProxyError, "the proxy did not answer as it should (see the variable HTTPS_PROXY)", True),
        (
            (exceptions.SSLError, urllib3.exceptions.SSLError),
            "the server's certificate is not trusted (see the variable REQUESTS_CA_BUNDLE)",
            False,
        ),
        ((requests.Timeout, urllib3.exceptions.TimeoutError), silent, True),
        (requests.TooManyRedirects, "the server redirects in a circle", False),
        ((exceptions.ChunkedEncodingError, urllib3.exceptions.ProtocolError), broken, True),
        (requests.ConnectionError, offline, True),
    ]
    for kind, reason, passing in reasons:
        if isinstance(error, kind):
            return TransferError(reason, passing=passing)
    return TransferError(f"the download failed ({type(error).__name__})")


_PASSING_CODES = {408, 425, 429, 500, 502, 503, 504}


def _read_from(file: IO[bytes]) -> bytes:
    try:
        return file.read(CHUNK_BYTES)
    except OSError as error:
        raise TransferError(f"it cannot be read ({error.strerror or error})", passing=True) from error


def _announced(response: requests.Response) -> int | None:
    with suppress(ValueError):
        return int(response.headers.get("Content-Length", ""))
    return None

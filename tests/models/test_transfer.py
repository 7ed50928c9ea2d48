"""What one attempt does, and certificates and redirects with a server that speaks TLS."""

from __future__ import annotations

import socket
import ssl
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import trustme
import urllib3
from pytest_httpserver import HTTPServer

from napari_cvdm.models import transfer
from napari_cvdm.models.transfer import Transfer, TransferError, explain
from tests.models.conftest import Cancelled, CancellingDisplay, RawServer

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure_server(authority: trustme.CA) -> Iterator[HTTPServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with HTTPServer(host="localhost", port=0, ssl_context=context) as server:
        yield server


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the authority one that this machine trusts, as a facility does with its own."""
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "authority.pem"))


def fetch(url: str, size: int | None = None) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fetched"
        Transfer(size)(url, str(path))
        return path.read_bytes()


class TestCertificates:
    def test_that_are_trusted_let_the_file_through(self, secure_server: HTTPServer, trusted: None) -> None:
        secure_server.expect_request("/x").respond_with_data(b"weights")
        assert fetch(secure_server.url_for("/x"), 7) == b"weights"

    def test_that_are_not_trusted_are_refused(self, secure_server: HTTPServer) -> None:
        secure_server.expect_request("/x").respond_with_data(b"weights")
        with pytest.raises(TransferError, match="certificate is not trusted") as caught:
            fetch(secure_server.url_for("/x"))
        assert not caught.value.passing
        assert not secure_server.log

    def test_of_another_host_are_refused(self, secure_server: HTTPServer, trusted: None) -> None:
        url = secure_server.url_for("/x").replace("localhost", "127.0.0.1")
        with pytest.raises(TransferError, match="certificate is not trusted"):
            fetch(url)


class TestRedirects:
    def test_from_https_to_http_are_refused_even_to_this_machine(
        self, secure_server: HTTPServer, httpserver: HTTPServer, trusted: None
    ) -> None:
        httpserver.expect_request("/x").respond_with_data(b"weights")
        target = {"Location": httpserver.url_for("/x")}
        secure_server.expect_request("/x").respond_with_data("", status=302, headers=target)
        with pytest.raises(TransferError, match="not secure"):
            fetch(secure_server.url_for("/x"))
        assert not httpserver.log

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_from_http_on_this_machine_to_https_are_followed(
        self, status: int, secure_server: HTTPServer, httpserver: HTTPServer, trusted: None
    ) -> None:
        secure_server.expect_request("/x").respond_with_data(b"weights")
        target = {"Location": secure_server.url_for("/x")}
        httpserver.expect_request("/x").respond_with_data("", status=status, headers=target)
        assert fetch(httpserver.url_for("/x")) == b"weights"

    @pytest.mark.parametrize("place", ["http://[", "http://127.0.0.1:99999/x", "\xff\xfe"])
    def test_to_what_is_no_address_are_said(self, place: str, raw_server: RawServer) -> None:
        answer = f"HTTP/1.1 302 Found\r\nLocation: {place}\r\n\r\n".encode("latin-1")
        with pytest.raises(TransferError, match="the server redirects to"):
            fetch(raw_server(lambda connection, _: connection.sendall(answer)))

    def test_are_followed_without_reading_what_comes_with_them(self, raw_server: RawServer) -> None:
        sent = []

        def answer(connection: socket.socket, number: int) -> None:
            if number:
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nweights")
                return
            connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n")
            for _ in range(100):
                connection.sendall(bytes(2**20))
                sent.append(2**20)

        assert fetch(raw_server(answer)) == b"weights"
        assert sum(sent) < 50 * 2**20


class TestAnswersThatDoNotBegin:
    """Servers that send the first lines byte by byte, and are never silent."""

    @pytest.fixture
    def slow_server(self, raw_server: RawServer) -> str:
        def answer(connection: socket.socket, _: int) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            for line in range(40):
                connection.sendall(b"X: %d\r\n" % line)
                time.sleep(0.05)

        return raw_server(answer)

    def test_are_left(self, slow_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(transfer, "_MOST_WAITS", 0.4 / transfer.TIMEOUT_SECONDS)
        with pytest.raises(TransferError, match="does not come to the file"):
            fetch(slow_server)

    def test_can_be_cancelled(self, slow_server: str, tmp_path: Path) -> None:
        with pytest.raises(Cancelled):
            Transfer(None, CancellingDisplay())(slow_server, str(tmp_path / "x"))


class TestFiles:
    def test_are_copied(self, tmp_path: Path) -> None:
        source = tmp_path / "with space"
        source.write_bytes(b"weights")
        assert fetch(source.as_uri(), 7) == b"weights"

    def test_of_another_size_are_not(self, tmp_path: Path) -> None:
        source = tmp_path / "x"
        source.write_bytes(b"weights")
        with pytest.raises(TransferError, match="7 bytes instead of 8"):
            fetch(source.as_uri(), 8)

    def test_that_are_not_there_are_said(self, tmp_path: Path) -> None:
        with pytest.raises(TransferError, match="no such file"):
            fetch((tmp_path / "x").as_uri())

    def test_of_another_machine_are_not_looked_for(self) -> None:
        with pytest.raises(TransferError, match="only https"):
            fetch("file://server/share/x")


def test_a_file_of_unknown_size_has_a_limit(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_cvdm.models.transfer.LARGEST_FILE", 100)
    httpserver.expect_request("/x").respond_with_data(b"x" * 101)
    with pytest.raises(TransferError, match="101 bytes instead of at most 100"):
        fetch(httpserver.url_for("/x"))
    httpserver.expect_request("/y").respond_with_data(b"x" * 100)
    assert len(fetch(httpserver.url_for("/y"))) == 100


@pytest.mark.parametrize(
    ("error", "words", "passing"),
    [
        (requests.exceptions.ProxyError(), "proxy", True),
        (requests.exceptions.SSLError(), "certificate", False),
        (requests.exceptions.ConnectTimeout(), "silent", True),
        (requests.exceptions.TooManyRedirects(), "circle", False),
        (requests.exceptions.ChunkedEncodingError(), "broke", True),
        (requests.exceptions.ConnectionError(), "no connection", True),
        (requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support."), "PySocks", False),
        (OSError("invalid path: /nowhere"), "REQUESTS_CA_BUNDLE", False),
        (requests.exceptions.InvalidURL(), r"failed \(InvalidURL\)", False),
        (urllib3.exceptions.ProtocolError(), "broke", True),
        (urllib3.exceptions.ReadTimeoutError(None, "", ""), "silent", True),  # type: ignore[arg-type]
    ],
)
def test_each_failure_has_its_words(error: Exception, words: str, passing: bool) -> None:
    with pytest.raises(TransferError, match=words) as caught:
        raise explain(error)
    assert caught.value.passing is passing


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem", "REQUESTS_CA_BUNDLE"),
        ("HTTPS_PROXY", "socks5://127.0.0.1:9", "SOCKS"),
    ],
)
def test_a_wrong_variable_is_named_and_not_the_disk(
    variable: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    for other in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(variable, value)
    # Without PySocks, as most installations are.
    monkeypatch.setattr("requests.adapters.SOCKSProxyManager", _no_socks)
    with pytest.raises(TransferError, match=words):
        fetch("https://127.0.0.1:9/x")


def _no_socks(*_: object, **__: object) -> None:
    raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")


@pytest.mark.parametrize(("status", "passing"), [(404, False), (403, False), (429, True), (500, True)])
def test_only_answers_that_may_change_are_passing(status: int, passing: bool, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/x").respond_with_data("", status=status)
    with pytest.raises(TransferError, match=f"answered {status}") as caught:
        fetch(httpserver.url_for("/x"))
    assert caught.value.passing is passing


def test_what_the_display_raises_stops_the_transfer(
    httpserver: HTTPServer, weights: Path, tmp_path: Path
) -> None:
    httpserver.expect_request("/x").respond_with_data(weights.read_bytes())
    with pytest.raises(Cancelled):
        Transfer(None, CancellingDisplay())(httpserver.url_for("/x"), str(tmp_path / "x"))

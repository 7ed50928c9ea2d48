"""Every fault of a download, provoked on a real server on this machine."""

from __future__ import annotations

import errno
import itertools
import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pooch
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from napari_cvdm.models import ModelError, list_models, load_model
from napari_cvdm.models.download import Wanted, download
from napari_cvdm.models.registry import RegistryEntry
from tests.models.conftest import Cancelled, CancellingDisplay, RawServer

FILE = "tiny.safetensors"

Publish = Callable[..., RegistryEntry]

pytestmark = pytest.mark.usefixtures("cache", "no_waiting")


class Display:
    """A progress display that remembers."""

    def __init__(self, cancel_after: int | None = None) -> None:
        self.total = 0
        self.received = 0
        self.resets = 0
        self.closed = False
        self.cancel_after = cancel_after

    def update(self, amount: int) -> None:
        self.received += amount
        if self.cancel_after is not None and self.received > self.cancel_after:
            raise KeyboardInterrupt

    def reset(self) -> None:
        self.received = 0
        self.resets += 1

    def close(self) -> None:
        self.closed = True


def refusal(cache: Path) -> str:
    """The one line with which a download fails; the cache must be as empty as before."""
    with pytest.raises(ModelError, match="'tiny'") as caught:
        load_model("tiny")
    assert not cache.exists() or not any(cache.iterdir())
    assert "\n" not in str(caught.value)
    return str(caught.value)


def head(length: int, *more: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", f"Content-Length: {length}", *more, "", ""]).encode()


def count(httpserver: HTTPServer) -> int:
    return len(httpserver.log)


class TestAGoodServer:
    def test_gives_a_model_once(
        self, httpserver: HTTPServer, weights: Path, cache: Path, publish: Publish
    ) -> None:
        httpserver.expect_request(f"/{FILE}").respond_with_data(weights.read_bytes())
        publish(httpserver.url_for(f"/{FILE}"))
        display = Display()
        model = load_model("tiny", progress=display)
        assert model.path == cache / FILE
        assert [path.name for path in cache.iterdir()] == [FILE]
        assert (cache / FILE).read_bytes() == weights.read_bytes()
        assert (cache / FILE).stat().st_mode & 0o444 == 0o444  # a cache may be shared
        assert display.total == display.received == weights.stat().st_size
        assert display.closed
        assert list_models()[0].location == "cached"
        load_model("tiny")
        assert count(httpserver) == 1

    def test_is_asked_without_a_word_of_pooch_s(
        self,
        httpserver: HTTPServer,
        weights: Path,
        publish: Publish,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        httpserver.expect_request(f"/{FILE}").respond_with_data(weights.read_bytes())
        publish(httpserver.url_for(f"/{FILE}"))
        logger = pooch.get_logger()
        monkeypatch.setattr(logger, "handlers", [caplog.handler])
        level = logger.level
        load_model("tiny")
        assert "pooch" not in {record.name for record in caplog.records}
        assert logger.level == level  # others in this process may want to hear it

    def test_may_redirect(self, httpserver: HTTPServer, weights: Path, cache: Path, publish: Publish) -> None:
        target = {"Location": "/real"}
        httpserver.expect_request("/link").respond_with_data("", status=302, headers=target)
        httpserver.expect_request("/real").respond_with_data(weights.read_bytes())
        publish(httpserver.url_for("/link"))
        assert load_model("tiny").path == cache / FILE

    def test_may_not_say_how_long_the_file_is(
        self, weights: Path, cache: Path, publish: Publish, raw_server: RawServer
    ) -> None:
        url = raw_server(lambda c, _: c.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + weights.read_bytes()))
        publish(url)
        assert load_model("tiny").path == cache / FILE

    def test_may_send_in_chunks(
        self, weights: Path, cache: Path, publish: Publish, raw_server: RawServer
    ) -> None:
        data = weights.read_bytes()
        parts = [data[:7], data[7:5000], data[5000:]]
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        url = raw_server(lambda c, _: c.sendall(start + body))
        publish(url)
        assert load_model("tiny").path == cache / FILE

    def test_is_the_next_one_when_one_fails(
        self, httpserver: HTTPServer, weights: Path, cache: Path, publish: Publish
    ) -> None:
        httpserver.expect_request("/old").respond_with_data("gone", status=404)
        httpserver.expect_request("/new").respond_with_data(weights.read_bytes())
        publish(httpserver.url_for("/old"), httpserver.url_for("/new"))
        assert load_model("tiny").path == cache / FILE
        assert count(httpserver) == 2  # a file that is not there is not asked for again


class TestAServerThatIsBusyOrBreaks:
    def test_is_asked_again(
        self,
        weights: Path,
        cache: Path,
        publish: Publish,
        raw_server: RawServer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        data = weights.read_bytes()
        answers = [
            b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
            head(len(data)) + data[:1000],
            head(len(data)) + data,
        ]
        waits: list[float] = []
        monkeypatch.setattr("napari_cvdm.models.download.WAITS_SECONDS", (1.0, 3.0))
        clock = SimpleNamespace(sleep=waits.append, time=time.time)
        monkeypatch.setattr("napari_cvdm.models.download.time", clock)
        display = Display()
        url = raw_server(lambda c, number: c.sendall(answers[number]))
        publish(url)
        assert load_model("tiny", progress=display).path == cache / FILE
        assert waits == [1.0, 3.0]
        assert (display.received, display.resets) == (len(data), 3)  # no byte is counted twice

    def test_is_given_up_after_the_third_time(
        self, httpserver: HTTPServer, cache: Path, publish: Publish
    ) -> None:
        httpserver.expect_request("/a").respond_with_data("gone", status=404)
        httpserver.expect_request("/b").respond_with_data("down", status=503)
        publish(httpserver.url_for("/a"), httpserver.url_for("/b"))
        message = refusal(cache)
        assert "/a: the server answered 404 NOT FOUND" in message
        assert "/b: the server answered 503" in message
        assert [request.path for request, _ in httpserver.log] == ["/a", "/b", "/b", "/b"]

    def test_need_not_be_asked_again(self, httpserver: HTTPServer, publish: Publish) -> None:
        httpserver.expect_request("/x").respond_with_data("down", status=503)
        publish(httpserver.url_for("/x"))
        with pytest.raises(Cancelled):
            load_model("tiny", progress=CancellingDisplay())
        assert count(httpserver) == 1

    def test_that_breaks_off_is_said(
        self, weights: Path, cache: Path, publish: Publish, raw_server: RawServer
    ) -> None:
        data = weights.read_bytes()
        url = raw_server(lambda c, _: c.sendall(head(len(data)) + data[:1000]))
        publish(url)
        assert "the connection broke" in refusal(cache)

    def test_that_resets_the_connection_is_said(
        self, weights: Path, cache: Path, publish: Publish, raw_server: RawServer
    ) -> None:
        def reset(connection: socket.socket, _: int) -> None:
            connection.sendall(head(weights.stat().st_size) + b"x" * 100)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # RST, not FIN

        publish(raw_server(reset))
        assert "the connection broke" in refusal(cache)

    def test_that_stops_before_the_end_without_having_said_where_it_is_is_said(
        self, weights: Path, cache: Path, publish: Publish, raw_server: RawServer
    ) -> None:
        data = weights.read_bytes()[:-100]
        url = raw_server(lambda c, _: c.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + data))
        publish(url)
        message = refusal(cache)
        assert f"truncated: {len(data):,} of {len(data) + 100:,} bytes arrived" in message

    def test_that_speaks_no_http_is_said(self, cache: Path, publish: Publish, raw_server: RawServer) -> None:
        url = raw_server(lambda c, _: c.sendall(b"SSH-2.0-OpenSSH_9.6\r\n"))
        publish(url)
        assert "connection" in refusal(cache)

    def test_that_is_silent_is_given_up(
        self, cache: Path, publish: Publish, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("napari_cvdm.models.transfer.TIMEOUT_SECONDS", 0.2)
        with socket.create_server(("127.0.0.1", 0)) as listener:  # accepts, never answers
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
            publish(url)
            assert "was silent for 0.2 seconds" in refusal(cache)

    def test_that_falls_silent_is_given_up(
        self,
        weights: Path,
        cache: Path,
        publish: Publish,
        raw_server: RawServer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("napari_cvdm.models.transfer.TIMEOUT_SECONDS", 0.2)
        over = threading.Event()

        def stall(connection: socket.socket, _: int) -> None:
            connection.sendall(head(weights.stat().st_size) + b"{" * 100)
            over.wait(60)

        publish(raw_server(stall))
        message = refusal(cache)
        over.set()
        assert "was silent" in message

    def test_that_drips_is_given_up(
        self,
        weights: Path,
        cache: Path,
        publish: Publish,
        raw_server: RawServer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        clock = SimpleNamespace(monotonic=itertools.count(0, 1000).__next__)  # seconds from look to look
        monkeypatch.setattr("napari_cvdm.models.transfer.time", clock)
        url = raw_server(lambda c, _: c.sendall(head(weights.stat().st_size) + b"{" * 100))
        publish(url)
        assert "the server is too slow" in refusal(cache)

    def test_that_is_not_there_is_said(self, cache: Path, publish: Publish) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        publish(f"http://127.0.0.1:{port}/x")
        assert "no connection to the server" in refusal(cache)


class TestAServerThatSendsSomethingElse:
    def test_an_altered_file_is_refused_without_asking_again(
        self, httpserver: HTTPServer, weights: Path, cache: Path, publish: Publish
    ) -> None:
        flipped = bytearray(weights.read_bytes())
        flipped[-1] ^= 1
        httpserver.expect_request("/x").respond_with_data(bytes(flipped))
        publish(httpserver.url_for("/x"))
        message = refusal(cache)
        assert "altered or another version (its sha256 is not the expected one)" in message
        assert count(httpserver) == 1

    @pytest.mark.parametrize("data", [b"", b"<html>Please log in to this network.</html>"])
    def test_another_file_is_refused_by_its_size(
        self,
        data: bytes,
        httpserver: HTTPServer,
        weights: Path,
        cache: Path,
        publish: Publish,
    ) -> None:
        httpserver.expect_request("/x").respond_with_data(data)
        publish(httpserver.url_for("/x"))
        message = refusal(cache)
        assert f"it has {len(data)} bytes instead of {weights.stat().st_size:,}" in message

    def test_a_large_file_is_not_downloaded(
        self, cache: Path, publish: Publish, raw_server: RawServer
    ) -> None:
        display = Display()
        url = raw_server(lambda c, _: c.sendall(head(9_000_000_000) + b"x" * 1000))
        publish(url)
        with pytest.raises(ModelError, match="it has 9,000,000,000 bytes instead of"):
            load_model("tiny", progress=display)
        assert display.received == 0

    def test_a_file_without_end_is_stopped(
        self, httpserver: HTTPServer, cache: Path, publish: Publish
    ) -> None:
        sent = []

        def endless(request: Request) -> Response:
            def body() -> Iterator[bytes]:
                for _ in range(1000):
                    sent.append(2**18)
                    yield bytes(2**18)

            return Response(body(), direct_passthrough=True)

        httpserver.expect_request("/x").respond_with_handler(endless)
        publish(httpserver.url_for("/x"))
        assert "sends more than" in refusal(cache)
        assert len(sent) < 1000

    def test_a_compressed_answer_is_neither_asked_for_nor_unpacked(
        self, httpserver: HTTPServer, weights: Path, cache: Path, publish: Publish
    ) -> None:
        httpserver.expect_request("/x").respond_with_data(
            weights.read_bytes(), headers={"Content-Encoding": "gzip"}
        )
        publish(httpserver.url_for("/x"))
        load_model("tiny")
        assert httpserver.log[0][0].headers["Accept-Encoding"] == "identity"


class TestRedirects:
    def test_in_a_circle_end(self, httpserver: HTTPServer, cache: Path, publish: Publish) -> None:
        for here, there in (("/a", "/b"), ("/b", "/a")):
            httpserver.expect_request(here).respond_with_data("", status=302, headers={"Location": there})
        publish(httpserver.url_for("/a"))
        assert "redirects in a circle" in refusal(cache)
        assert count(httpserver) < 10

    @pytest.mark.parametrize(
        "target",
        [
            "http://example.org/tiny.safetensors",
            "ftp://example.org/tiny",
            "file:///etc/passwd",
            "//example.org/x",
        ],
    )
    def test_to_where_nothing_is_fetched_from_are_refused(
        self, target: str, httpserver: HTTPServer, cache: Path, publish: Publish
    ) -> None:
        httpserver.expect_request("/a").respond_with_data("", status=302, headers={"Location": target})
        publish(httpserver.url_for("/a"))
        message = refusal(cache)
        assert "the server redirects to " in message
        assert "not secure" in message


class TestAddresses:
    @pytest.mark.parametrize("url", ["http://example.org/tiny", "ftp://example.org/x", "x", "", "http://"])
    def test_of_other_kinds_are_not_used(self, url: str, cache: Path, publish: Publish) -> None:
        publish(url)
        assert "only https:// and file://" in refusal(cache)

    def test_are_shown_without_their_secrets(
        self, httpserver: HTTPServer, cache: Path, publish: Publish
    ) -> None:
        url = httpserver.url_for("/x?token=hush").replace("http://", "http://me:secret@")
        publish(url)
        message = refusal(cache)
        assert "/x: the server answered" in message
        assert "hush" not in message
        assert "secret" not in message

    def test_a_model_without_any_says_where_to_put_it(self, cache: Path, publish: Publish) -> None:
        publish()
        message = refusal(cache)
        assert f"put {FILE} there by hand" in message
        assert str(cache) in message


class TestTheBase:
    def test_replaces_the_addresses_of_the_registry(
        self,
        httpserver: HTTPServer,
        weights: Path,
        cache: Path,
        publish: Publish,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        httpserver.expect_request(f"/facility/{FILE}").respond_with_data(weights.read_bytes())
        monkeypatch.setenv("NAPARI_CVDM_BASE_URL", httpserver.url_for("/facility/"))
        publish("https://blocked.invalid/tiny")
        assert load_model("tiny").path == cache / FILE

    @pytest.mark.parametrize("as_address", [True, False])
    def test_can_be_a_folder(
        self,
        as_address: bool,
        weights: Path,
        cache: Path,
        publish: Publish,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        base = weights.parent.as_uri() if as_address else str(weights.parent)
        monkeypatch.setenv("NAPARI_CVDM_BASE_URL", base)
        publish()
        assert load_model("tiny").path == cache / FILE
        assert (cache / FILE).read_bytes() == weights.read_bytes()

    def test_folder_without_the_file_or_with_another_is_said(
        self,
        tmp_path: Path,
        weights: Path,
        cache: Path,
        publish: Publish,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        facility = tmp_path / "facility"
        facility.mkdir()
        monkeypatch.setenv("NAPARI_CVDM_BASE_URL", str(facility))
        publish()
        assert "there is no such file" in refusal(cache)
        (facility / FILE).write_bytes(weights.read_bytes()[:-1])
        assert "truncated, altered or another version" in refusal(cache)
        (facility / FILE).unlink()
        (facility / FILE).mkdir()
        assert "it cannot be read" in refusal(cache)

    def test_may_be_a_plain_http_server_of_the_facility(
        self,
        httpserver: HTTPServer,
        weights: Path,
        cache: Path,
        publish: Publish,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        # A proxy stands for the network of the facility: the name is resolved there, not here.
        httpserver.expect_request(f"/{FILE}").respond_with_data(weights.read_bytes())
        monkeypatch.setenv("http_proxy", httpserver.url_for(""))
        monkeypatch.setenv("NAPARI_CVDM_BASE_URL", "http://models.facility.test")
        publish()
        assert load_model("tiny").path == cache / FILE
        assert httpserver.log[0][0].host == "models.facility.test"


class TestAProxy:
    def test_is_used(
        self,
        httpserver: HTTPServer,
        weights: Path,
        cache: Path,
        publish: Publish,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        httpserver.expect_request("/x").respond_with_data(weights.read_bytes())
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]  # nobody answers there: only the proxy does
        monkeypatch.setenv("http_proxy", httpserver.url_for(""))
        publish(f"http://127.0.0.1:{port}/x")
        assert load_model("tiny").path == cache / FILE
        assert httpserver.log[0][0].host == f"127.0.0.1:{port}"

    def test_is_asked_for_a_tunnel_to_secure_servers_and_its_refusal_is_said(
        self,
        cache: Path,
        publish: Publish,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        asked: list[bytes] = []
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def refuse() -> None:
                for _ in range(3):
                    connection, _address = listener.accept()
                    with connection:
                        asked.append(connection.recv(65536))
                        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

            thread = threading.Thread(target=refuse)
            thread.start()
            monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{listener.getsockname()[1]}")
            publish("https://models.test/tiny.safetensors")
            message = refusal(cache)
            thread.join()
        assert asked[0].startswith(b"CONNECT models.test:443 ")
        assert "the proxy" in message
        assert "HTTPS_PROXY" in message


class TestTheFolder:
    def test_is_intact_after_cancelling(
        self, httpserver: HTTPServer, weights: Path, cache: Path, publish: Publish
    ) -> None:
        httpserver.expect_request("/x").respond_with_data(weights.read_bytes())
        publish(httpserver.url_for("/x"))
        with pytest.raises(KeyboardInterrupt):
            load_model("tiny", progress=Display(cancel_after=0))
        assert not any(cache.iterdir())
        assert load_model("tiny").name == "tiny"

    def test_that_cannot_be_written_is_said(
        self, tmp_path: Path, weights: Path, httpserver: HTTPServer
    ) -> None:
        (tmp_path / "a-file").write_bytes(b"")
        wanted = Wanted("The model 'tiny'", [httpserver.url_for("/x")], "ab" * 32)
        with pytest.raises(ModelError, match=r"cannot write to the folder .*a-file.*NAPARI_CVDM_CACHE"):
            download(wanted, tmp_path / "a-file" / "cache" / FILE, variable="NAPARI_CVDM_CACHE")
        assert count(httpserver) == 0

    def test_that_may_only_be_read_is_said(
        self,
        httpserver: HTTPServer,
        cache: Path,
        publish: Publish,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def denied(*_: object, **__: object) -> None:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))  # root may write anywhere

        monkeypatch.setattr("tempfile.mkdtemp", denied)
        publish(httpserver.url_for("/x"))
        message = refusal(cache)
        assert "Permission denied" in message
        assert "NAPARI_CVDM_CACHE" in message
        assert count(httpserver) == 0

    def test_on_a_full_disk_is_said_before_downloading(
        self,
        httpserver: HTTPServer,
        cache: Path,
        publish: Publish,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
        publish(httpserver.url_for("/x"))
        message = refusal(cache)
        assert "the disk has 0.0 MB left" in message
        assert "Make room" in message
        assert count(httpserver) == 0

    def test_on_a_disk_that_fills_up_is_said(
        self,
        httpserver: HTTPServer,
        weights: Path,
        cache: Path,
        publish: Publish,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        httpserver.expect_request("/x").respond_with_data(weights.read_bytes())
        # What Linux keeps for this purpose: a file that opens, and has no room for a single byte.
        original = Path.open

        def on_a_full_disk(path: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
            return original(Path("/dev/full") if mode == "wb" else path, mode, *rest, **more)

        monkeypatch.setattr(Path, "open", on_a_full_disk)
        publish(httpserver.url_for("/x"))
        message = refusal(cache)
        assert "No space left on device" in message
        assert "Make room" in message

    def test_is_cleared_of_what_killed_downloads_have_left(
        self, httpserver: HTTPServer, weights: Path, cache: Path, publish: Publish
    ) -> None:
        httpserver.expect_request("/x").respond_with_data(weights.read_bytes())
        old, young, foreign = (
            cache / ".napari-cvdm-old",
            cache / ".napari-cvdm-young",
            cache / "tmp-of-others",
        )
        for folder in (old, young, foreign):
            folder.mkdir(parents=True)
            (folder / FILE).write_bytes(b"half")
        for folder in (old, foreign):
            os.utime(folder, (0, 0))
        publish(httpserver.url_for("/x"))
        load_model("tiny")
        assert sorted(path.name for path in cache.iterdir()) == [young.name, FILE, foreign.name]


def _fetch_in_a_process(url: str, sha256: str, size: int, target: Path, gate: Any, results: Any) -> None:
    gate.wait(60)
    wanted = Wanted("The model 'tiny'", [url], sha256, size)
    try:
        results.put(str(download(wanted, target, variable="NAPARI_CVDM_CACHE")))
    except Exception as error:
        results.put(f"failed: {error}")


def test_two_processes_may_fetch_one_model_at_once(
    weights: Path, cache: Path, publish: Publish, raw_server: RawServer
) -> None:
    data, both = weights.read_bytes(), threading.Barrier(2)

    def when_both_are_here(connection: socket.socket, _: int) -> None:
        both.wait(60)  # neither gets a byte before the other one has asked
        connection.sendall(head(len(data)) + data)

    entry = publish()
    context = multiprocessing.get_context("spawn")
    gate, results = context.Barrier(2), context.Queue()
    processes = [
        context.Process(
            target=_fetch_in_a_process,
            args=(raw_server(when_both_are_here), entry.sha256, entry.size, cache / FILE, gate, results),
        )
        for _ in range(2)
    ]
    for process in processes:
        process.start()
    outcomes = [results.get(timeout=120) for _ in processes]
    for process in processes:
        process.join(60)
    assert outcomes == [str(cache / FILE)] * 2
    assert [path.name for path in cache.iterdir()] == [FILE]
    assert (cache / FILE).read_bytes() == data

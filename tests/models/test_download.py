"""Every fault of a download, provoked on a real server on this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from napari_cvdm.models import ModelError, list_models, load_model
from napari_cvdm.models.download import download
from napari_cvdm.models.registry import Registry, RegistryEntry
from napari_cvdm.models.weights import file_sha256

FILE = "tiny.safetensors"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """Keep a proxy of the machine that runs the tests from standing between them and their server."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


class Display:
    """A progress display that remembers."""

    def __init__(self, cancel_after: int | None = None) -> None:
        self.total = 0
        self.received = 0
        self.closed = False
        self.cancel_after = cancel_after

    def update(self, amount: int) -> None:
        self.received += amount
        if self.cancel_after is not None and self.received > self.cancel_after:
            raise KeyboardInterrupt

    def reset(self) -> None:
        self.received = 0

    def close(self) -> None:
        self.closed = True


def registry_for(weights: Path, *urls: str) -> Registry:
    entry = RegistryEntry(
        name="tiny",
        summary="For tests.",
        file=FILE,
        size=weights.stat().st_size,
        sha256=file_sha256(weights),
        licence="BSD-3-Clause",
        urls=urls,
    )
    return Registry({"tiny": entry}, default="tiny")


def refusal(registry: Registry, cache: Path) -> str:
    """The one line with which a download fails; the cache must be as empty as before."""
    with pytest.raises(ModelError, match="'tiny'") as caught:
        load_model("tiny", registry=registry)
    assert not cache.exists() or not any(cache.iterdir())
    assert "\n" not in str(caught.value)
    return str(caught.value)


@contextmanager
def raw_server(answer: bytes) -> Iterator[str]:
    """Answer with fixed bytes, then close the connection: what no server library would do."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/{FILE}"
        thread.join()


def test_a_model_is_fetched_once(httpserver: HTTPServer, weights: Path, cache: Path) -> None:
    httpserver.expect_oneshot_request(f"/{FILE}").respond_with_data(weights.read_bytes())
    registry = registry_for(weights, httpserver.url_for(f"/{FILE}"))
    display = Display()
    model = load_model("tiny", registry=registry, progress=display)
    assert model.path == cache / FILE
    assert [path.name for path in cache.iterdir()] == [FILE]
    assert (cache / FILE).stat().st_mode & 0o444 == 0o444  # a cache may be shared
    assert display.total == weights.stat().st_size
    assert display.received == weights.stat().st_size
    assert display.closed
    assert list_models(registry=registry)[0].location == "cached"
    load_model("tiny", registry=registry)  # the server would not answer again


def test_the_next_address_is_tried_when_one_fails(httpserver: HTTPServer, weights: Path, cache: Path) -> None:
    httpserver.expect_request("/old").respond_with_data("gone", status=404)
    httpserver.expect_request("/new").respond_with_data(weights.read_bytes())
    registry = registry_for(weights, httpserver.url_for("/old"), httpserver.url_for("/new"))
    assert load_model("tiny", registry=registry).path == cache / FILE


def test_a_redirect_is_followed(httpserver: HTTPServer, weights: Path, cache: Path) -> None:
    target = httpserver.url_for("/real")
    httpserver.expect_request("/link").respond_with_data("", status=302, headers={"Location": target})
    httpserver.expect_request("/real").respond_with_data(weights.read_bytes())
    assert load_model("tiny", registry=registry_for(weights, httpserver.url_for("/link"))).name == "tiny"


def test_a_missing_file_is_said_for_each_address(httpserver: HTTPServer, weights: Path, cache: Path) -> None:
    httpserver.expect_request("/a").respond_with_data("gone", status=404)
    httpserver.expect_request("/b").respond_with_data("down", status=503)
    message = refusal(registry_for(weights, httpserver.url_for("/a"), httpserver.url_for("/b")), cache)
    assert "/a: the server answered 404 NOT FOUND" in message
    assert "/b: the server answered 503" in message


def test_an_altered_file_is_refused(httpserver: HTTPServer, weights: Path, cache: Path) -> None:
    flipped = bytearray(weights.read_bytes())
    flipped[-1] ^= 1
    httpserver.expect_request("/x").respond_with_data(bytes(flipped))
    message = refusal(registry_for(weights, httpserver.url_for("/x")), cache)
    assert "truncated, altered or another version" in message


def test_a_truncated_file_is_refused(httpserver: HTTPServer, weights: Path, cache: Path) -> None:
    httpserver.expect_request("/x").respond_with_data(weights.read_bytes()[:-100])
    message = refusal(registry_for(weights, httpserver.url_for("/x")), cache)
    assert "truncated, altered or another version" in message


def test_a_connection_that_breaks_is_said(weights: Path, cache: Path) -> None:
    data = weights.read_bytes()
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(data)}\r\n\r\n".encode()
    with raw_server(head + data[:1000]) as url:
        message = refusal(registry_for(weights, url), cache)
    assert "the connection broke" in message


def test_an_announced_size_that_is_too_large_is_not_downloaded(weights: Path, cache: Path) -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\nx") as url:
        message = refusal(registry_for(weights, url), cache)
    assert "announces 9,000,000,000 bytes" in message


def test_a_server_that_never_stops_is_stopped(httpserver: HTTPServer, weights: Path, cache: Path) -> None:
    sent = []

    def endless(request: Request) -> Response:
        def body() -> Iterator[bytes]:
            for _ in range(1000):
                sent.append(2**18)
                yield bytes(2**18)

        return Response(body(), direct_passthrough=True)

    httpserver.expect_request("/x").respond_with_handler(endless)
    message = refusal(registry_for(weights, httpserver.url_for("/x")), cache)
    assert "sends more than" in message
    assert len(sent) < 1000


def test_no_server_at_all_is_said(weights: Path, cache: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert "no connection to the server" in refusal(
        registry_for(weights, f"http://127.0.0.1:{port}/x"), cache
    )


def test_a_silent_server_is_given_up(weights: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_cvdm.models.download.TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:  # accepts, never answers
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        assert "was silent" in refusal(registry_for(weights, url), cache)


def test_cancelling_leaves_an_intact_cache(httpserver: HTTPServer, weights: Path, cache: Path) -> None:
    httpserver.expect_request("/x").respond_with_data(weights.read_bytes())
    registry = registry_for(weights, httpserver.url_for("/x"))
    with pytest.raises(KeyboardInterrupt):
        load_model("tiny", registry=registry, progress=Display(cancel_after=0))
    assert not any(cache.iterdir())
    assert load_model("tiny", registry=registry).name == "tiny"


@pytest.mark.parametrize(
    "url", ["http://example.org/tiny.safetensors", "ftp://example.org/x", "doi:10.5281/x", "x", "", "http://"]
)
def test_addresses_of_other_kinds_are_not_used(url: str, weights: Path, cache: Path) -> None:
    assert "only https:// and file://" in refusal(registry_for(weights, url), cache)


def test_a_model_without_address_says_where_to_put_it(weights: Path, cache: Path) -> None:
    message = refusal(registry_for(weights), cache)
    assert f"put {FILE} there by hand" in message
    assert str(cache) in message


def test_the_base_address_replaces_the_addresses_of_the_registry(
    httpserver: HTTPServer, weights: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpserver.expect_request(f"/facility/{FILE}").respond_with_data(weights.read_bytes())
    monkeypatch.setenv("NAPARI_CVDM_BASE_URL", httpserver.url_for("/facility/"))
    registry = registry_for(weights, "https://blocked.invalid/tiny")
    assert load_model("tiny", registry=registry).path == cache / FILE


@pytest.mark.parametrize("as_address", [True, False])
def test_a_folder_can_be_the_base(
    weights: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, as_address: bool
) -> None:
    base = weights.parent.as_uri() if as_address else str(weights.parent)
    monkeypatch.setenv("NAPARI_CVDM_BASE_URL", base)
    assert load_model("tiny", registry=registry_for(weights)).path == cache / FILE
    assert (cache / FILE).read_bytes() == weights.read_bytes()


def test_a_base_folder_without_the_file_or_with_another_is_said(
    tmp_path: Path, weights: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facility = tmp_path / "facility"
    facility.mkdir()
    monkeypatch.setenv("NAPARI_CVDM_BASE_URL", str(facility))
    assert "there is no such file" in refusal(registry_for(weights), cache)
    (facility / FILE).write_bytes(weights.read_bytes()[:-1])
    assert "truncated, altered or another version" in refusal(registry_for(weights), cache)


def test_a_cache_that_cannot_be_written_is_said(
    tmp_path: Path, weights: Path, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/x").respond_with_data(weights.read_bytes())
    registry = registry_for(weights, httpserver.url_for("/x"))
    blocked = tmp_path / "a-file"
    blocked.write_bytes(b"")
    with pytest.raises(ModelError, match=r"cannot write to the cache folder.*NAPARI_CVDM_CACHE"):
        download(registry.find("tiny"), blocked / "cache", [httpserver.url_for("/x")])


def test_a_full_disk_is_said(
    httpserver: HTTPServer, weights: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpserver.expect_request("/x").respond_with_data(weights.read_bytes())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.move", full)
    message = refusal(registry_for(weights, httpserver.url_for("/x")), cache)
    assert "No space left on device" in message

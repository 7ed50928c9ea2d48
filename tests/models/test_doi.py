"""DOIs against repositories on this machine: a real Dataverse's and Zenodo's answers, in short."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from pytest_httpserver import HTTPServer

from napari_cvdm.models import ModelError, add_model, load_model
from napari_cvdm.models import doi as doi_module
from napari_cvdm.models import store as store_module
from napari_cvdm.models.addresses import DOI
from napari_cvdm.models.doi import resolve_doi
from napari_cvdm.models.download import Wanted, download
from napari_cvdm.models.hashes import file_sha256
from napari_cvdm.models.registry import RegistryEntry
from napari_cvdm.models.transfer import TransferError
from tests.models.conftest import Cancelled, CancellingDisplay, RawServer

pytestmark = pytest.mark.usefixtures("cache", "no_waiting")

RECORD = DOI("10.5072/tiny", None)


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Decide where doi.org leads to."""

    def lead_to(url: str) -> None:
        monkeypatch.setattr("pooch.downloaders.doi_to_url", lambda *_, **__: url)

    return lead_to


@pytest.fixture
def through_loopback(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask the server of this test, under /HOST/PATH, instead of any other host."""

    def ask(url: str, **more: Any) -> requests.Response:
        return original(httpserver.url_for("/" + url.removeprefix("https://")), **more)

    original = requests.get
    monkeypatch.setattr("requests.get", ask)


@pytest.fixture
def dataverse(httpserver: HTTPServer, weights: Path, resolver: Callable[[str], None]) -> Callable[..., None]:
    """A Dataverse with one record; files are given as name=md5 or bytes."""
    resolver(httpserver.url_for("/dataset.xhtml?persistentId=doi:10.5072/tiny"))

    def start(data: bytes = weights.read_bytes(), **files: str) -> None:
        files = files or {"tiny.safetensors": hashlib.md5(weights.read_bytes()).hexdigest()}
        listed = [
            {"dataFile": {"filename": name, "id": number, "md5": md5}}
            for number, (name, md5) in enumerate(files.items())
        ]
        httpserver.expect_request("/api/datasets/:persistentId").respond_with_json(
            {"data": {"latestVersion": {"files": listed}}}
        )
        for number in range(len(files)):
            httpserver.expect_request(f"/api/access/datafile/{number}").respond_with_data(data)

    return start


def test_a_dataverse_is_asked_for_its_only_model(
    httpserver: HTTPServer, dataverse: Callable[..., None]
) -> None:
    dataverse(**{"README.md": "aa", "tiny.safetensors": "bb"})
    assert resolve_doi(RECORD) == (httpserver.url_for("/api/access/datafile/1"), "md5:bb")
    assert resolve_doi(DOI(RECORD.doi, "README.md"))[1] == "md5:aa"


def test_zenodo_is_asked_too(
    httpserver: HTTPServer, resolver: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver("https://zenodo.org/records/1234")
    monkeypatch.setattr("pooch.downloaders.ZenodoRepository.base_api_url", httpserver.url_for("/api/records"))
    link = httpserver.url_for("/files/tiny")
    files = [{"key": "tiny.safetensors", "checksum": "md5:cc", "links": {"self": link}}]
    httpserver.expect_request("/api/records/1234").respond_with_json({"id": 1234, "files": files})
    assert resolve_doi(RECORD) == (link, "md5:cc")


def test_figshare_is_asked_too_and_the_newest_version_needs_no_warning(
    httpserver: HTTPServer, resolver: Callable[[str], None], through_loopback: None
) -> None:
    resolver("https://figshare.com/articles/software/tiny/77")
    link = httpserver.url_for("/files/tiny")
    files = [{"name": "tiny.safetensors", "computed_md5": "dd", "download_url": link}]
    httpserver.expect_request("/api.figshare.com/v2/articles").respond_with_json([{"id": 77}])
    httpserver.expect_request("/api.figshare.com/v2/articles/77").respond_with_json({"files": files})
    assert resolve_doi(RECORD) == (link, "md5:dd")


@pytest.mark.parametrize("source", ["10.5072/tiny", "doi:10.5072/TINY", "https://doi.org/10.5072/tiny"])
def test_a_model_is_loaded_by_its_doi_once(
    source: str,
    httpserver: HTTPServer,
    dataverse: Callable[..., None],
    weights: Path,
    publish: Callable[..., RegistryEntry],
) -> None:
    dataverse()
    publish(name="other")
    model = load_model(source)
    assert (model.name, model.sha256) == ("tiny", file_sha256(weights))
    asked = len(httpserver.log)
    store_module._loaded.clear()
    assert load_model("10.5072/tiny").sha256 == model.sha256
    assert load_model("tiny").sha256 == model.sha256
    assert len(httpserver.log) == asked


def test_a_registry_may_name_a_doi(
    dataverse: Callable[..., None], cache: Path, publish: Callable[..., RegistryEntry]
) -> None:
    dataverse()
    publish("doi:10.5072/tiny/tiny.safetensors")
    assert load_model("tiny").path == cache / "tiny.safetensors"


def test_a_file_with_another_checksum_or_sha256_is_refused(
    dataverse: Callable[..., None], weights: Path, cache: Path
) -> None:
    flipped = bytearray(weights.read_bytes())
    flipped[-1] ^= 1
    dataverse(bytes(flipped))
    with pytest.raises(ModelError, match="its md5 is not the expected one"):
        add_model("10.5072/tiny")
    with pytest.raises(ModelError, match="its sha256 is not the expected one"):
        add_model("10.5072/tiny", sha256="ab" * 32)
    assert not any((cache / "added").iterdir())


def test_several_models_must_be_told_apart(dataverse: Callable[..., None]) -> None:
    dataverse(**{"a.safetensors": "aa", "b.h5": "bb"})
    with pytest.raises(TransferError, match=r"several models.*a\.safetensors, b\.h5"):
        resolve_doi(RECORD)
    with pytest.raises(TransferError, match=r"no file 'c\.h5'"):
        resolve_doi(DOI(RECORD.doi, "c.h5"))


def test_a_record_without_a_model_is_said(dataverse: Callable[..., None]) -> None:
    dataverse(**{"README.md": "aa"})
    with pytest.raises(TransferError, match="no model file"):
        resolve_doi(RECORD)


def test_another_kind_of_repository_is_said(httpserver: HTTPServer, resolver: Callable[[str], None]) -> None:
    resolver(httpserver.url_for("/shop"))
    httpserver.expect_request("/api/datasets/:persistentId").respond_with_data("", status=404)
    with pytest.raises(TransferError, match="Zenodo, figshare and Dataverse can"):
        resolve_doi(RECORD)


@pytest.mark.parametrize(
    "answer", ["", "<html>", "[]", "{}", '{"data": null}', '{"data": {"latestVersion": 3}}']
)
def test_an_answer_that_makes_no_sense_is_said(
    answer: str, httpserver: HTTPServer, resolver: Callable[[str], None]
) -> None:
    resolver(httpserver.url_for("/dataset"))
    httpserver.expect_request("/api/datasets/:persistentId").respond_with_data(answer)
    with pytest.raises(TransferError, match="makes no sense"):
        resolve_doi(RECORD)


def test_an_unknown_doi_is_said(httpserver: HTTPServer, through_loopback: None) -> None:
    httpserver.expect_request(f"/doi.org/{RECORD.doi}").respond_with_data("no such DOI", status=404)
    with pytest.raises(TransferError, match="answered 404"):
        resolve_doi(RECORD)


def test_a_repository_cannot_lead_to_an_insecure_address(
    httpserver: HTTPServer, resolver: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    resolver("https://zenodo.org/records/1")
    monkeypatch.setattr("pooch.downloaders.ZenodoRepository.base_api_url", httpserver.url_for("/api"))
    files = [
        {"key": "../../x.safetensors", "checksum": "md5:cc", "links": {"self": "http://example.org/x"}},
    ]
    httpserver.expect_request("/api/1").respond_with_json({"id": 1, "files": files})
    with pytest.raises(ModelError, match="only https:// and file://"):
        add_model("10.5072/tiny")
    assert not any((cache / "added").iterdir())


def test_an_answer_without_end_is_left(
    raw_server: RawServer, resolver: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doi_module, "LARGEST_ANSWER", 2**20)
    sent = []

    def answer(connection: socket.socket, _: int) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(100):
            connection.sendall(bytes(2**20))
            sent.append(2**20)

    resolver(raw_server(answer))
    with pytest.raises(TransferError, match="does not end"):
        resolve_doi(RECORD)
    assert sum(sent) < 50 * 2**20


def test_an_answer_that_breaks_off_is_said(raw_server: RawServer, resolver: Callable[[str], None]) -> None:
    resolver(
        raw_server(lambda c, _: c.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZ\r\n"))
    )
    with pytest.raises(TransferError, match="connection broke") as caught:
        resolve_doi(RECORD)
    assert caught.value.passing


class TestAnswersThatDoNotBegin:
    """Repositories that send the first lines byte by byte, and are never silent."""

    @pytest.fixture(autouse=True)
    def slow_repository(self, raw_server: RawServer, resolver: Callable[[str], None]) -> None:
        def answer(connection: socket.socket, _: int) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            for line in range(40):
                connection.sendall(b"X: %d\r\n" % line)
                time.sleep(0.05)

        resolver(raw_server(answer))

    def test_are_left(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(doi_module, "LONGEST_SECONDS", 0.4)
        with pytest.raises(TransferError, match="does not end"):
            resolve_doi(RECORD)

    def test_can_be_cancelled(self, tmp_path: Path) -> None:
        with pytest.raises(Cancelled):
            download(Wanted("it", [str(RECORD)], None), tmp_path / "x", CancellingDisplay(), variable="X")

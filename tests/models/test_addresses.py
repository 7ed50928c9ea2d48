from __future__ import annotations

from pathlib import Path

import pytest

from napari_cvdm.models.addresses import (
    as_path,
    is_address,
    is_file,
    is_loopback,
    local_path,
    may_be_used,
    parse_doi,
    shown,
)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("10.5281/zenodo.1234", "doi:10.5281/zenodo.1234"),
        ("doi:10.5281/zenodo.1234", "doi:10.5281/zenodo.1234"),
        ("doi://10.5281/zenodo.1234/", "doi:10.5281/zenodo.1234"),
        ("https://doi.org/10.5281/Zenodo.1234", "doi:10.5281/zenodo.1234"),
        ("https://dx.doi.org/10.7910/DVN/ABC", "doi:10.7910/dvn/abc"),
        ("10.5281/zenodo.1234/Net.safetensors", "doi:10.5281/zenodo.1234/Net.safetensors"),
        ("10.7910/DVN/ABC/net.h5", "doi:10.7910/dvn/abc/net.h5"),
        ("10.6084/m9.figshare.99.v2/net.safetensors", "doi:10.6084/m9.figshare.99.v2/net.safetensors"),
    ],
)
def test_a_doi_is_known_however_it_is_written(text: str, canonical: str) -> None:
    assert str(parse_doi(text)) == canonical
    assert is_address(text)
    assert str(parse_doi(canonical)) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "tiny",
        "10.5281",
        "10.5281/",
        "10.52/x",
        "a/10.5281/x",
        "10.5281/x y",
        "https://zenodo.org/10.5281/x",
        "",
    ],
)
def test_what_is_no_doi_is_not_taken_for_one(text: str) -> None:
    assert parse_doi(text) is None


def test_a_doi_of_absurd_length_takes_no_time() -> None:
    assert parse_doi("10.5281/" + "a/" * 20_000 + " ") is None
    assert parse_doi("10.5281/" + "a.h5/" * 5_000 + " ") is None


@pytest.mark.parametrize(
    ("url", "used"),
    [
        ("https://example.org/x", True),
        ("http://example.org/x", False),
        ("http://127.0.0.1:80/x", True),
        ("http://[::1]/x", True),
        ("http://localhost/x", True),
        ("http://localhost.example.org/x", False),
        ("http://127.0.0.1@example.org/x", False),
        ("file:///tmp/x", True),
        ("file://server/share/x", False),
        ("ftp://example.org/x", False),
        ("https://", False),
        ("https:///x", False),
        ("http://[::1/x", False),
        ("", False),
    ],
)
def test_only_secure_addresses_are_used(url: str, used: bool) -> None:
    assert may_be_used(url) is used


def test_plain_http_is_used_where_it_was_chosen() -> None:
    assert may_be_used("http://models.facility.test/x", chosen=True)
    assert not may_be_used("ftp://models.facility.test/x", chosen=True)


def test_shared_folders_are_used_where_they_were_chosen_and_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    share = "file://server/share/models/x"
    monkeypatch.setattr("napari_cvdm.models.addresses._HAS_SHARES", True)  # as on Windows
    assert may_be_used(share, chosen=True)
    assert not may_be_used(share)
    monkeypatch.setattr("napari_cvdm.models.addresses._HAS_SHARES", False)
    assert not may_be_used(share, chosen=True)
    assert str(local_path(share)).replace("\\", "/") == "//server/share/models/x"


@pytest.mark.parametrize("url", ["file:///a/with%20space", "file://localhost/a/with%20space"])
def test_the_path_of_a_file_address_is_found(url: str) -> None:
    assert local_path(url) == Path("/a/with space")


@pytest.mark.parametrize(
    ("host", "loopback"), [("127.0.0.1", True), ("::1", True), ("10.0.0.1", False), (None, False)]
)
def test_loopback_is_this_machine_only(host: str | None, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_what_is_shown_has_no_secrets_and_stays_on_one_line() -> None:
    assert shown("https://me:secret@example.org:8080/a/b?token=t#f") == "https://example.org:8080/a/b"
    assert shown("https://[::1/x") == "https://[::1/x"
    assert shown("two\nlines\x1b[31m") == "two?lines?[31m"
    assert len(shown("x" * 10_000)) == 300


def test_a_home_folder_is_filled_in_where_there_is_one() -> None:
    assert as_path("~/x") == Path.home() / "x"
    assert as_path("~nobody-here/x") == Path("~nobody-here/x")


def test_a_path_that_no_file_system_has_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    assert is_file(tmp_path / "x")
    assert not is_file(tmp_path)
    assert not is_file(Path("x" * 100_000))
    assert not is_file(Path("a\0b"))

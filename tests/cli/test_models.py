from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from napari_cvdm.cli import main
from napari_cvdm.models.hashes import file_sha256
from napari_cvdm.models.registry import Registry, read_registry, write_registry
from napari_cvdm.models.store import BUNDLED_FOLDER

BUNDLED = read_registry().find("default")

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NAPARI_CVDM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("NAPARI_CVDM_BASE_URL", raising=False)
    monkeypatch.delenv("NAPARI_CVDM_ADDED", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "site-settings"))
    return tmp_path / "cache"


def refused(capsys: Captured, *arguments: object) -> str:
    """The one line on stderr with which a command ends."""
    assert main(["models", *map(str, arguments)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("napari-cvdm: ")
    return error


def done(capsys: Captured, *arguments: object) -> list[str]:
    """What a command that succeeds writes to stdout."""
    assert main(["models", *map(str, arguments)]) == 0
    return capsys.readouterr().out.splitlines()


def flip_one_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def place_in_cache(cache: Path) -> Path:
    cache.mkdir(exist_ok=True)
    placed = cache / BUNDLED.file
    placed.write_bytes((BUNDLED_FOLDER / BUNDLED.file).read_bytes())
    return placed


def test_a_model_is_added_listed_used_verified_and_removed(
    weights: Path, cache: Path, capsys: Captured
) -> None:
    assert done(capsys, "add", weights, "--name", "mine") == ["mine"]
    listed = "\n".join(done(capsys, "list"))
    assert f"{BUNDLED.name}  (bundled, the default;" in listed
    assert "mine  (added;" in listed
    assert f"added from {weights}" in listed
    kept = cache / "added" / f"{file_sha256(weights)[:40]}.safetensors"
    assert done(capsys, "path", "mine") == [str(kept)]
    assert done(capsys, "verify", "mine") == [f"ok  mine  (added)  {kept}"]
    assert done(capsys, "remove", "mine", "--yes") == [str(kept)]
    assert not kept.exists()
    assert weights.exists()
    assert "mine" not in "\n".join(done(capsys, "list"))
    assert "no model named 'mine'" in refused(capsys, "remove", "mine", "--yes")


def test_a_model_from_an_address_needs_and_keeps_its_hash(
    httpserver: HTTPServer, weights: Path, capsys: Captured
) -> None:
    httpserver.expect_request("/net").respond_with_data(weights.read_bytes())
    url = httpserver.url_for("/net")
    assert "--sha256" in refused(capsys, "add", url)
    assert "64 hexadecimal digits" in refused(capsys, "add", url, "--sha256", "abc")
    assert main(["models", "add", url, "--sha256", file_sha256(weights)]) == 0
    captured = capsys.readouterr()
    assert captured.out == "tiny\n"
    assert "100 %" in captured.err


def test_bundled_models_cannot_be_removed(cache: Path, capsys: Captured) -> None:
    assert "part of napari-cvdm and stays" in refused(capsys, "remove", BUNDLED.name, "--yes")
    placed = place_in_cache(cache)
    assert done(capsys, "remove", "default", "--yes") == [str(placed)]
    assert not placed.exists()
    assert (BUNDLED_FOLDER / BUNDLED.file).exists()


def test_removing_asks_first(weights: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    done(capsys, "add", weights)
    assert "add --yes" in refused(capsys, "remove", "tiny")  # pytest's stdin is no terminal
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    assert done(capsys, "remove", "tiny") == []
    assert "tiny" in "\n".join(done(capsys, "list"))
    monkeypatch.setattr("typer.confirm", lambda *_, **__: True)
    assert len(done(capsys, "remove", "tiny")) == 1
    assert "tiny" not in "\n".join(done(capsys, "list"))


def test_verify_finds_one_wrong_bit_in_the_cache_and_among_added_models(
    weights: Path, cache: Path, capsys: Captured
) -> None:
    placed = place_in_cache(cache)
    done(capsys, "add", weights)
    kept = Path(done(capsys, "path", "tiny")[0])
    lines = done(capsys, "verify")
    assert [line.split()[0] for line in lines] == ["ok"] * 3  # cache, package, added
    for path, name in ((placed, BUNDLED.name), (kept, "tiny")):
        flip_one_bit(path)
        assert main(["models", "verify"]) == 2
        captured = capsys.readouterr()
        damaged = [line for line in captured.out.splitlines() if line.startswith("DAMAGED")]
        assert damaged == [line.replace("ok", "DAMAGED", 1) for line in lines if str(path) in line]
        assert captured.err.startswith("napari-cvdm: 1 of 3 files are not what they should be.")
        assert f"'{name}'" in captured.err
        assert captured.err.count("\n") == 1
        flip_one_bit(path)


def test_to_verify_what_is_not_here_is_no_success(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = replace(BUNDLED, name="far", file="far.safetensors")
    write_registry(Registry({"far": far}), tmp_path / "registry.json")
    monkeypatch.setattr("napari_cvdm.models.registry.REGISTRY_FILE", tmp_path / "registry.json")
    assert "fetch it first" in refused(capsys, "verify")


def test_fetching_needs_to_know_what(capsys: Captured) -> None:
    assert "--all" in refused(capsys, "fetch")
    assert "--all" in refused(capsys, "fetch", BUNDLED.name, "--all")
    assert done(capsys, "fetch", "--all") == [str(BUNDLED_FOLDER / BUNDLED.file)]
    assert "no model named 'nonesuch'" in refused(capsys, "fetch", "nonesuch")


def test_paths_and_settings_files_are_shown(tmp_path: Path, cache: Path, capsys: Captured) -> None:
    assert done(capsys, "path") == [str(cache)]
    assert done(capsys, "path", BUNDLED.name) == [str(BUNDLED_FOLDER / BUNDLED.file)]
    assert done(capsys, "path", "--settings") == [
        str(tmp_path / folder / "napari-cvdm" / "models.toml") for folder in ("settings", "site-settings")
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "absent.safetensors"], "There is no model file absent.safetensors"),
        (["add", "ftp://example.org/x", "--sha256", "ab" * 32], "an https:// address or a DOI"),
        (["add", "x", "--name", "../x"], "cannot be a model name"),
        (["verify", "nonesuch"], "no model named 'nonesuch'"),
        (["path", "nonesuch"], "no model named 'nonesuch'"),
        (["export", "nonesuch", "-o", "x.zip"], "no model named 'nonesuch'"),
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str], message: str, capsys: Captured) -> None:
    assert message in refused(capsys, *arguments)


def test_a_model_is_exported_for_the_zoo(tmp_path: Path, weights: Path, capsys: Captured) -> None:
    target = tmp_path / "tiny.zip"
    assert done(capsys, "export", weights, "-o", target) == [str(target)]
    assert target.is_file()
    assert "exists" in refused(capsys, "export", weights, "-o", target)
    done(capsys, "export", weights, "-o", target, "--overwrite")


def test_an_interrupted_download_is_exit_code_130(
    httpserver: HTTPServer, weights: Path, cache: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    httpserver.expect_request("/net").respond_with_data(weights.read_bytes())
    monkeypatch.setattr("napari_cvdm.cli.downloading.DownloadDisplay.update", interrupt)
    assert main(["models", "add", httpserver.url_for("/net"), "--sha256", file_sha256(weights)]) == 130
    assert capsys.readouterr().err == "napari-cvdm: interrupted\n"
    assert not any((cache / "added").iterdir())


def test_a_shell_sees_one_line_when_nobody_can_be_asked(
    weights: Path, cache: Path, shell: Callable[..., subprocess.Popen[str]]
) -> None:
    assert os.environ["NAPARI_CVDM_CACHE"] == str(cache)
    added = shell("models", "add", weights)
    assert added.communicate(timeout=120)[0] == "tiny\n"
    process = shell("models", "remove", "tiny")
    output, error = process.communicate(timeout=120)
    assert (process.returncode, output) == (2, "")
    assert error.count("\n") == 1
    assert "--yes" in error


def test_what_a_keras_file_cannot_tell_is_said_when_it_is_added(cache: Path, capsys: Captured) -> None:
    from napari_cvdm.models import load_model

    theirs = Path(__file__).parents[1] / "data" / "reference" / "small_sr3_zmd.h5"
    said = ["--no-difference", "--percentiles", "1", "99.8", "--upscaling", "2", "--steps", "20"]
    assert done(capsys, "add", theirs, "--name", "lab", *said) == ["lab"]
    card = load_model("lab").card
    told = {key: card.architecture[key] for key in ("adds_input", "percentiles", "training_size")}
    assert told == {"adds_input": False, "percentiles": [1.0, 99.8], "training_size": 64}
    assert (card.upscaling, card.default_steps) == (2, 20)

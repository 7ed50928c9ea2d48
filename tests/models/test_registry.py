from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from napari_cvdm.models import ModelError
from napari_cvdm.models.hashes import file_sha256
from napari_cvdm.models.registry import (
    BUNDLED_FOLDER,
    Registry,
    RegistryEntry,
    read_registry,
    write_registry,
)


def entry(**changes: Any) -> RegistryEntry:
    values: dict[str, Any] = {
        "name": "one",
        "summary": "For tests.",
        "file": "one.safetensors",
        "size": 10,
        "sha256": "ab" * 32,
        "licence": "BSD-3-Clause",
        "urls": ("https://example.org/one.safetensors",),
    }
    return RegistryEntry(**{**values, **changes})


def test_a_registry_survives_its_file(tmp_path: Path) -> None:
    registry = Registry({"one": entry(), "two": entry(name="two", urls=())}, default="two")
    write_registry(registry, tmp_path / "r.json")
    again = read_registry(tmp_path / "r.json")
    assert again == registry
    assert list(again.entries) == ["one", "two"]


def test_default_stands_for_the_default_model() -> None:
    registry = Registry({"one": entry(), "two": entry(name="two")}, default="two")
    assert registry.find("default") is registry.entries["two"]
    assert registry.find("one") is registry.entries["one"]
    assert [name in registry for name in ("default", "one", "three")] == [True, True, False]


@pytest.mark.parametrize("name", ["three", "default", "", "../one"])
def test_an_unknown_model_is_not_found(name: str) -> None:
    assert Registry({"one": entry(), "two": entry(name="two")}).find(name) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "a/b"},
        {"file": "../one.safetensors"},
        {"file": "/etc/passwd"},
        {"file": "a\\b.safetensors"},
        {"sha256": "ab"},
        {"sha256": "AB" * 32},
        {"sha256": None},
        {"size": 0},
        {"size": "10"},
        {"size": True},
        {"summary": None},
        {"urls": [1]},
    ],
)
def test_impossible_entries_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    write_registry(Registry({"one": entry()}), tmp_path / "r.json")
    data = json.loads((tmp_path / "r.json").read_text())
    data["models"][0].update(changes)
    (tmp_path / "r.json").write_text(json.dumps(data))
    with pytest.raises(ModelError):
        read_registry(tmp_path / "r.json")


def test_no_model_can_be_called_default() -> None:
    with pytest.raises(ModelError, match="the word stands for"):
        entry(name="default")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format_version": 1}',
        '{"format_version": 2, "default": null, "models": []}',
        '{"format_version": 1, "default": "absent", "models": []}',
        '{"format_version": 1, "default": null, "models": [{"name": "x"}]}',
    ],
)
def test_a_file_that_is_no_registry_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(ModelError, match="registry"):
        read_registry(tmp_path / "r.json")


def test_the_models_of_the_package_are_what_its_registry_says() -> None:
    registry = read_registry()
    for known in registry.entries.values():
        path = BUNDLED_FOLDER / known.file
        assert path.is_file() or known.urls, f"{known.name} can be had from nowhere"
        if path.is_file():
            assert path.stat().st_size == known.size
            assert file_sha256(path) == known.sha256
    listed = {known.file for known in registry.entries.values()}
    assert {path.name for path in BUNDLED_FOLDER.glob("*.safetensors")} <= listed

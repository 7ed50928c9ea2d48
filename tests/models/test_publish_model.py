from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from napari_cvdm.cvdm.model import CVDM
from napari_cvdm.models import ModelCard, ModelError, save_model
from napari_cvdm.models.hashes import file_sha256
from napari_cvdm.models.registry import Registry, read_registry, write_registry
from scripts.publish_model import main, publish


@pytest.fixture
def registry_file(tmp_path: Path) -> Path:
    path = tmp_path / "registry.json"
    write_registry(Registry({}), path)
    return path


def test_a_model_is_copied_into_the_package_and_registered(
    tmp_path: Path, weights: Path, registry_file: Path
) -> None:
    publish(weights, registry_file=registry_file, bundled_folder=tmp_path / "bundled")
    entry = read_registry(registry_file).find("default")
    copy = tmp_path / "bundled" / "tiny.safetensors"
    assert copy.read_bytes() == weights.read_bytes()
    assert (entry.name, entry.file, entry.size) == ("tiny", "tiny.safetensors", weights.stat().st_size)
    assert entry.sha256 == file_sha256(copy)
    assert entry.summary == "A tiny network for tests."
    assert entry.urls == ()


def test_a_model_with_addresses_is_not_copied(tmp_path: Path, weights: Path, registry_file: Path) -> None:
    url = "https://example.org/tiny.safetensors"
    publish(weights, urls=[url], registry_file=registry_file, bundled_folder=tmp_path / "bundled")
    assert read_registry(registry_file).find("tiny").urls == (url,)
    assert not (tmp_path / "bundled").exists()


def test_a_file_bundled_before_gives_way_to_an_address(
    tmp_path: Path,
    weights: Path,
    registry_file: Path,
    network: CVDM,
    make_card: Callable[..., ModelCard],
) -> None:
    """It would be found first, and refused for its hash."""
    bundled = tmp_path / "bundled"
    publish(weights, registry_file=registry_file, bundled_folder=bundled)
    newer = save_model(tmp_path / "n.safetensors", network, make_card(name="tiny", description="Newer."))
    publish(newer, urls=["https://example.org/n"], registry_file=registry_file, bundled_folder=bundled)
    assert not (bundled / "tiny.safetensors").exists()
    assert newer.exists()


def test_the_default_changes_only_when_asked(
    tmp_path: Path,
    weights: Path,
    registry_file: Path,
    network: CVDM,
    make_card: Callable[..., ModelCard],
) -> None:
    other = save_model(
        tmp_path / "o.safetensors", network, make_card(name="other", description="Two\nlines.")
    )
    bundled = tmp_path / "bundled"
    publish(weights, registry_file=registry_file, bundled_folder=bundled)
    entry = publish(other, registry_file=registry_file, bundled_folder=bundled)
    assert entry.summary == "Two lines."
    assert read_registry(registry_file).find("default").name == "tiny"
    publish(other, default=True, registry_file=registry_file, bundled_folder=bundled)
    assert read_registry(registry_file).find("default").name == "other"
    assert list(read_registry(registry_file).entries) == ["tiny", "other"]


def test_a_file_that_is_no_model_is_not_published(tmp_path: Path, registry_file: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"nonsense")
    with pytest.raises(ModelError):
        publish(tmp_path / "x.safetensors", registry_file=registry_file, bundled_folder=tmp_path / "bundled")
    assert read_registry(registry_file).entries == {}
    assert not (tmp_path / "bundled").exists()


def test_the_command_refuses_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "absent.safetensors")]) == 2
    assert capsys.readouterr().err.count("\n") == 1

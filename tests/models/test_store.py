from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from napari_cvdm.cvdm.model import CVDM
from napari_cvdm.models import ModelCard, ModelError, cache_folder, list_models, load_model, save_model
from napari_cvdm.models import store as store_module
from napari_cvdm.models.registry import Registry, RegistryEntry
from napari_cvdm.models.weights import file_sha256

pytestmark = pytest.mark.usefixtures("cache")


def entry_of(weights: Path, *urls: str, name: str = "tiny") -> RegistryEntry:
    return RegistryEntry(
        name=name,
        summary="For tests.",
        file=f"{name}.safetensors",
        size=weights.stat().st_size,
        sha256=file_sha256(weights),
        licence="BSD-3-Clause",
        urls=urls,
    )


@pytest.fixture
def registry(weights: Path) -> Registry:
    return Registry({"tiny": entry_of(weights)}, default="tiny")


def put(weights: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(weights, folder / "tiny.safetensors"))


def test_the_cache_folder_follows_its_variable(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    assert cache_folder() == cache
    monkeypatch.setenv("NAPARI_CVDM_CACHE", "~/models")
    assert cache_folder() == Path.home() / "models"
    monkeypatch.delenv("NAPARI_CVDM_CACHE")
    assert cache_folder().is_absolute()
    assert "napari-cvdm" in cache_folder().parts
    assert cache_folder().name == "models"


def test_a_model_comes_from_the_package_and_rather_from_the_cache(
    tmp_path: Path, cache: Path, weights: Path, registry: Registry
) -> None:
    bundled = put(weights, tmp_path / "bundled")
    assert load_model("tiny", registry=registry).path == bundled
    store_module._loaded.clear()
    cached = put(weights, cache)
    assert load_model("tiny", registry=registry).path == cached


def test_default_loads_the_default_model(tmp_path: Path, weights: Path, registry: Registry) -> None:
    put(weights, tmp_path / "bundled")
    assert load_model(registry=registry).name == "tiny"


def test_the_list_says_where_each_model_is(
    tmp_path: Path, cache: Path, weights: Path, registry: Registry
) -> None:
    several = Registry(
        {"far": entry_of(weights, "https://example.org/f", name="far"), **registry.entries}, "tiny"
    )
    listed = list_models(registry=several)
    assert [(m.name, m.location, m.path, m.is_default) for m in listed] == [
        ("tiny", "remote", None, True),
        ("far", "remote", None, False),
    ]
    bundled = put(weights, tmp_path / "bundled")
    assert (list_models(registry=several)[0].location, list_models(registry=several)[0].path) == (
        "bundled",
        bundled,
    )
    cached = put(weights, cache)
    assert (list_models(registry=several)[0].location, list_models(registry=several)[0].path) == (
        "cached",
        cached,
    )
    assert listed[0].summary == "For tests."


def test_a_hand_placed_file_with_another_hash_is_refused_by_name(
    tmp_path: Path, cache: Path, weights: Path, registry: Registry
) -> None:
    put(weights, tmp_path / "bundled")
    placed = put(weights, cache)
    flipped = bytearray(placed.read_bytes())
    flipped[-1] ^= 1
    placed.write_bytes(flipped)
    with pytest.raises(ModelError, match="is not the model 'tiny'") as caught:
        load_model("tiny", registry=registry)
    assert str(placed) in str(caught.value)
    assert "Delete it" in str(caught.value)
    placed.write_bytes(flipped[:-1])
    with pytest.raises(ModelError, match="is not the model 'tiny'"):
        load_model("tiny", registry=registry)


def test_a_damaged_package_is_said(tmp_path: Path, weights: Path, registry: Registry) -> None:
    put(weights, tmp_path / "bundled").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="reinstall napari-cvdm"):
        load_model("tiny", registry=registry)


def test_a_file_of_ones_own_is_loaded_by_its_path(
    weights: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_model(weights, registry=registry).path == weights
    assert load_model(str(weights), registry=registry).name == "tiny"
    monkeypatch.chdir(weights.parent)
    shutil.copy(weights, "own-model")
    store_module._loaded.clear()
    assert load_model("own-model", registry=registry).path == Path("own-model")
    assert load_model("./own-model", registry=registry).name == "tiny"


def test_a_name_of_the_registry_is_a_name_even_beside_a_file_called_so(
    tmp_path: Path, weights: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = put(weights, tmp_path / "bundled")
    monkeypatch.chdir(tmp_path)
    Path("tiny").write_bytes(b"something else")
    Path("default").write_bytes(b"something else")
    assert load_model("tiny", registry=registry).path == bundled
    assert load_model("default", registry=registry).path == bundled


@pytest.mark.parametrize("name", ["absent.safetensors", "folder/absent", "their.h5"])
def test_a_path_to_nothing_is_said(name: str, registry: Registry) -> None:
    with pytest.raises(ModelError, match="There is no model file"):
        load_model(name, registry=registry)
    with pytest.raises(ModelError, match="There is no model file"):
        load_model(Path(name), registry=registry)


def test_unknown_names_and_addresses_are_refused(registry: Registry) -> None:
    with pytest.raises(ModelError, match=r"no model named 'tinny' \(known: tiny\)"):
        load_model("tinny", registry=registry)
    with pytest.raises(ModelError, match="not loaded from addresses"):
        load_model("https://example.org/m.safetensors", registry=registry)


def test_the_same_file_is_read_once_and_another_one_is_not_mistaken_for_it(
    tmp_path: Path,
    weights: Path,
    registry: Registry,
    network: CVDM,
    make_card: Callable[..., ModelCard],
) -> None:
    first = load_model(weights, registry=registry)
    copy = Path(shutil.copy(weights, tmp_path / "copy.safetensors"))
    assert load_model(copy, registry=registry) is first
    save_model(weights, network, make_card(name="changed"))
    assert load_model(weights, registry=registry).name == "changed"


def test_only_a_few_models_stay_in_memory(
    tmp_path: Path, registry: Registry, network: CVDM, make_card: Callable[..., ModelCard]
) -> None:
    paths = [
        save_model(tmp_path / f"{i}.safetensors", network, make_card(name=f"model-{i}")) for i in range(6)
    ]
    first = load_model(paths[0], registry=registry)
    for path in paths[1:4]:
        load_model(path, registry=registry)
    assert load_model(paths[0], registry=registry) is first  # used again: now the newest
    for path in paths[4:]:
        load_model(path, registry=registry)
    assert len(store_module._loaded) == 4
    assert load_model(paths[0], registry=registry) is first


def test_listing_models_imports_no_torch() -> None:
    program = "import sys, napari_cvdm.models as m; m.list_models(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from napari_cvdm.cvdm.model import CVDM
from napari_cvdm.models import ModelCard, ModelError, add_model, list_models, load_model, save_model
from napari_cvdm.models import registry as registry_module
from napari_cvdm.models import store as store_module
from napari_cvdm.models.hashes import file_sha256
from napari_cvdm.models.registry import Registry, RegistryEntry, write_registry

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture(autouse=True)
def tiny(publish: Callable[..., RegistryEntry]) -> RegistryEntry:
    return publish()


def put(weights: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(weights, folder / "tiny.safetensors"))


def test_a_model_comes_from_the_package_and_rather_from_the_cache(
    tmp_path: Path, cache: Path, weights: Path
) -> None:
    bundled = put(weights, tmp_path / "bundled")
    assert load_model("tiny").path == bundled
    cached = put(weights, cache)
    assert load_model("tiny").path == cached


def test_default_loads_the_default_model(tmp_path: Path, weights: Path) -> None:
    put(weights, tmp_path / "bundled")
    assert load_model().name == "tiny"


def test_the_list_says_where_each_model_is(
    tmp_path: Path, cache: Path, weights: Path, tiny: RegistryEntry
) -> None:
    far = replace(tiny, name="far", file="far.safetensors", urls=("https://example.org/f",))
    write_registry(Registry({"far": far, "tiny": tiny}, "tiny"), registry_module.REGISTRY_FILE)
    listed = list_models()
    assert [(m.name, m.location, m.path, m.is_default) for m in listed] == [
        ("tiny", "remote", None, True),
        ("far", "remote", None, False),
    ]
    assert [model.origin for model in listed] == ["not on this machine", "can be downloaded"]
    bundled = put(weights, tmp_path / "bundled")
    assert (list_models()[0].location, list_models()[0].path) == ("bundled", bundled)
    cached = put(weights, cache)
    assert (list_models()[0].location, list_models()[0].path) == ("cached", cached)
    assert [model.origin for model in list_models()] == [f"in the cache, {cached}", "can be downloaded"]
    assert listed[0].summary == "For tests."


def test_a_hand_placed_file_with_another_hash_is_refused_by_name(
    tmp_path: Path, cache: Path, weights: Path
) -> None:
    put(weights, tmp_path / "bundled")
    placed = put(weights, cache)
    flipped = bytearray(placed.read_bytes())
    flipped[-1] ^= 1
    placed.write_bytes(flipped)
    with pytest.raises(ModelError, match="is not the model 'tiny'") as caught:
        load_model("tiny")
    assert str(placed) in str(caught.value)
    assert "Delete it" in str(caught.value)
    placed.write_bytes(flipped[:-1])
    with pytest.raises(ModelError, match="is not the model 'tiny'"):
        load_model("tiny")


def test_a_damaged_package_is_said(tmp_path: Path, weights: Path) -> None:
    put(weights, tmp_path / "bundled").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="reinstall napari-cvdm"):
        load_model("tiny")


def test_a_file_of_ones_own_is_loaded_by_its_path(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_model(weights).path == weights
    assert load_model(str(weights)).name == "tiny"
    monkeypatch.chdir(weights.parent)
    shutil.copy(weights, "own-model")
    assert load_model("own-model").path == Path("own-model")
    assert load_model("./own-model").name == "tiny"


def test_a_name_of_the_registry_is_a_name_even_beside_a_file_called_so(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = put(weights, tmp_path / "bundled")
    monkeypatch.chdir(tmp_path)
    Path("tiny").write_bytes(b"something else")
    Path("default").write_bytes(b"something else")
    assert load_model("tiny").path == bundled
    assert load_model("default").path == bundled


@pytest.mark.parametrize("name", ["absent.safetensors", "folder/absent", "their.h5"])
def test_a_path_to_nothing_is_said(name: str) -> None:
    with pytest.raises(ModelError, match="There is no model file"):
        load_model(name)
    with pytest.raises(ModelError, match="There is no model file"):
        load_model(Path(name))


@pytest.mark.parametrize("given", [None, 3, b"tiny"])
def test_what_is_neither_a_name_nor_a_path_is_said(given: object) -> None:
    with pytest.raises(ModelError, match="given by its name, path or address, not by"):
        load_model(given)  # type: ignore[arg-type]


def test_unknown_names_are_said_with_the_known_ones() -> None:
    with pytest.raises(ModelError, match=r"no model named 'tinny' \(known: tiny\)"):
        load_model("tinny")


def test_an_address_needs_a_hash(cache: Path) -> None:
    with pytest.raises(ModelError, match=r"needs its sha256.*--sha256"):
        load_model("https://example.org/m.safetensors")
    assert not cache.exists()


def test_an_address_is_fetched_once(httpserver: HTTPServer, weights: Path, cache: Path) -> None:
    httpserver.expect_oneshot_request("/any").respond_with_data(weights.read_bytes())
    url, sha256 = httpserver.url_for("/any"), file_sha256(weights)
    first = load_model(url, sha256=sha256.upper())
    assert first.path == cache / "added" / f"{sha256[:40]}.safetensors"
    store_module._loaded.clear()
    again = load_model(url, sha256=sha256)  # the server would not answer
    assert (again.path, again.name) == (first.path, "tiny-2")  # the registry has a 'tiny' of its own
    assert load_model("tiny-2").sha256 == sha256


@pytest.mark.parametrize("kind", ["name", "path"])
def test_a_hash_is_compared_whatever_is_loaded(kind: str, tmp_path: Path, weights: Path) -> None:
    put(weights, tmp_path / "bundled")
    source = "tiny" if kind == "name" else weights
    assert load_model(source, sha256=file_sha256(weights)).name == "tiny"
    with pytest.raises(ModelError, match="is not the expected file"):
        load_model(source, sha256="ab" * 32)


@pytest.mark.parametrize(
    "name",
    [
        *("../tiny", "/etc/passwd", "..\\tiny", "C:\\tiny", "", ".", "..", "CON", "tiny ", "%2e%2e/tiny"),
        *("a\0b", "\0.safetensors", "x" * 100_000, "x/" * 50_000, "ti\u2024ny", "tiny\u202e", "\ud800"),
    ],
    ids=range(17),
)
def test_no_name_from_outside_leads_anywhere(name: str, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    for given in (name, Path(name)):
        with pytest.raises(ModelError) as caught:
            load_model(given)
        message = str(caught.value)
        assert message.isprintable()
        assert len(message) < 600
    assert sorted(tmp_path.rglob("*")) == before


def test_models_that_were_added_are_found_by_name_after_the_published_ones(
    weights: Path, cache: Path
) -> None:
    add_model(weights, "mine")
    assert load_model("mine").name == "mine"
    listed = list_models()
    assert [(model.name, model.location) for model in listed] == [("tiny", "remote"), ("mine", "added")]
    assert (listed[1].path, listed[1].origin) == (
        cache / "added" / f"{file_sha256(weights)[:40]}.safetensors",
        str(weights),
    )
    assert listed[1].summary == "A tiny network for tests."


def test_an_added_model_whose_weights_were_altered_or_lost_is_refused(weights: Path) -> None:
    add_model(weights, "mine")
    path = list_models()[1].path
    assert path is not None
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"is not the model 'mine'.*add it again from"):
        load_model("mine")
    path.unlink()
    with pytest.raises(ModelError, match=r"weights of 'mine'.*are gone.*add the model again from"):
        load_model("mine")
    assert list_models()[1].path is None
    add_model(weights, "mine")  # as it says
    assert load_model("mine")


def test_the_same_file_is_read_once_and_another_one_is_not_mistaken_for_it(
    tmp_path: Path,
    weights: Path,
    network: CVDM,
    make_card: Callable[..., ModelCard],
) -> None:
    first = load_model(weights)
    copy = Path(shutil.copy(weights, tmp_path / "copy.safetensors"))
    again = load_model(copy)
    assert again.network is first.network
    # The first may be altered or deleted, and the copy is what a worker is sent to.
    assert (first.path, again.path) == (weights, copy)
    save_model(weights, network, make_card(name="changed"))
    assert load_model(weights).name == "changed"


def test_only_a_few_models_stay_in_memory(
    tmp_path: Path, network: CVDM, make_card: Callable[..., ModelCard]
) -> None:
    paths = [
        save_model(tmp_path / f"{i}.safetensors", network, make_card(name=f"model-{i}")) for i in range(6)
    ]
    first = load_model(paths[0])
    for path in paths[1:4]:
        load_model(path)
    assert load_model(paths[0]).network is first.network  # used again: now the newest
    for path in paths[4:]:
        load_model(path)
    assert len(store_module._loaded) == 4
    assert load_model(paths[0]).network is first.network


def test_listing_models_imports_no_torch() -> None:
    program = "import sys, napari_cvdm.models as m; m.list_models(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

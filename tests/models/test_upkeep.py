from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from napari_cvdm.models import ModelError, add_model, list_models, remove_model, verify_models
from napari_cvdm.models.registry import Registry

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def registry(make_registry: Callable[..., Registry]) -> Registry:
    return make_registry()


@pytest.fixture
def everywhere(tmp_path: Path, cache: Path, weights: Path, registry: Registry) -> dict[str, Path]:
    """One model in the cache and in the package, and one that was added."""
    paths = {}
    for location, folder in (("cached", cache), ("bundled", tmp_path / "bundled")):
        folder.mkdir()
        paths[location] = Path(shutil.copy(weights, folder / "tiny.safetensors"))
    add_model(weights, "mine", registry=registry)
    added = list_models(registry=registry)[-1].path
    assert added is not None
    return {**paths, "added": added}


def test_intact_files_are_all_looked_at(everywhere: dict[str, Path], registry: Registry) -> None:
    found = verify_models(registry=registry)
    assert {file.location: file.path for file in found} == everywhere
    assert [file.name for file in found] == ["tiny", "tiny", "mine"]
    assert [file.fault for file in found] == [None] * 3


@pytest.mark.parametrize(
    ("location", "remedy"),
    [
        ("cached", "Delete it, so that it is taken from its source again"),
        ("bundled", "reinstall napari-cvdm"),
        ("added", "Remove the model and add it again from "),
    ],
)
def test_one_wrong_bit_is_found_wherever_it_is(
    location: str, remedy: str, everywhere: dict[str, Path], registry: Registry
) -> None:
    path = everywhere[location]
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    faults = {file.location: file.fault for file in verify_models(registry=registry) if file.fault}
    assert list(faults) == [location]
    assert str(path) in str(faults[location])
    assert remedy in str(faults[location])


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\0", lambda _: b""])
def test_another_length_is_found(
    change: Callable[[bytes], bytes], everywhere: dict[str, Path], registry: Registry
) -> None:
    everywhere["cached"].write_bytes(change(everywhere["cached"].read_bytes()))
    assert [file.location for file in verify_models(registry=registry) if file.fault] == ["cached"]


def test_a_file_that_is_gone_is_found_where_it_should_be(
    everywhere: dict[str, Path], registry: Registry
) -> None:
    everywhere["added"].unlink()
    everywhere["cached"].unlink()  # nothing says that it has to be there
    found = {file.location: file.fault for file in verify_models(registry=registry)}
    assert set(found) == {"bundled", "added"}
    assert "are gone" in str(found["added"])


def test_some_can_be_chosen(everywhere: dict[str, Path], registry: Registry) -> None:
    assert [file.name for file in verify_models(["mine"], registry=registry)] == ["mine"]
    assert len(verify_models(["default"], registry=registry)) == 2
    with pytest.raises(ModelError, match="no model named 'x'"):
        verify_models(["x"], registry=registry)


def test_removing_takes_the_cached_file_and_never_the_bundled_one(
    everywhere: dict[str, Path], registry: Registry
) -> None:
    assert remove_model("tiny", registry=registry) == everywhere["cached"]
    assert not everywhere["cached"].exists()
    with pytest.raises(ModelError, match="part of napari-cvdm and stays"):
        remove_model("default", registry=registry)
    assert everywhere["bundled"].exists()
    assert everywhere["added"].exists()


def test_a_damaged_file_can_be_removed(everywhere: dict[str, Path], registry: Registry) -> None:
    for name, location in (("tiny", "cached"), ("mine", "added")):
        everywhere[location].write_bytes(b"damaged")
        remove_model(name, registry=registry)
        assert not everywhere[location].exists()


def test_weights_stay_while_another_name_needs_them(
    everywhere: dict[str, Path], weights: Path, registry: Registry
) -> None:
    add_model(weights, "also-mine", registry=registry)
    remove_model("mine", registry=registry)
    assert everywhere["added"].exists()
    assert [file.fault for file in verify_models(["also-mine"], registry=registry)] == [None]
    remove_model("also-mine", registry=registry)
    assert not everywhere["added"].exists()


def test_a_model_whose_file_is_gone_can_be_forgotten(everywhere: dict[str, Path], registry: Registry) -> None:
    everywhere["added"].unlink()
    remove_model("mine", registry=registry)
    assert [model.name for model in list_models(registry=registry)] == ["tiny"]


def test_what_is_not_here_or_unknown_is_said(registry: Registry) -> None:
    with pytest.raises(ModelError, match="not on this machine"):
        remove_model("tiny", registry=registry)
    for name in ("mine", "../tiny", "/etc/passwd", "x" * 10_000, "a\0b"):
        with pytest.raises(ModelError, match="no model named"):
            remove_model(name, registry=registry)

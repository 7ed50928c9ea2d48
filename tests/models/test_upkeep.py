from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from napari_cvdm.models import ModelError, add_model, list_models, remove_model, verify_models
from napari_cvdm.models.registry import RegistryEntry

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture(autouse=True)
def tiny(publish: Callable[..., RegistryEntry]) -> None:
    publish()


@pytest.fixture
def everywhere(tmp_path: Path, cache: Path, weights: Path) -> dict[str, Path]:
    """One model in the cache and in the package, and one that was added."""
    paths = {}
    for location, folder in (("cached", cache), ("bundled", tmp_path / "bundled")):
        folder.mkdir()
        paths[location] = Path(shutil.copy(weights, folder / "tiny.safetensors"))
    add_model(weights, "mine")
    added = list_models()[-1].path
    assert added is not None
    return {**paths, "added": added}


def test_intact_files_are_all_looked_at(everywhere: dict[str, Path]) -> None:
    found = verify_models()
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
    location: str, remedy: str, everywhere: dict[str, Path]
) -> None:
    path = everywhere[location]
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    faults = {file.location: file.fault for file in verify_models() if file.fault}
    assert list(faults) == [location]
    assert str(path) in str(faults[location])
    assert remedy in str(faults[location])


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\0", lambda _: b""])
def test_another_length_is_found(change: Callable[[bytes], bytes], everywhere: dict[str, Path]) -> None:
    everywhere["cached"].write_bytes(change(everywhere["cached"].read_bytes()))
    assert [file.location for file in verify_models() if file.fault] == ["cached"]


def test_a_file_that_is_gone_is_found_where_it_should_be(everywhere: dict[str, Path]) -> None:
    everywhere["added"].unlink()
    everywhere["cached"].unlink()  # nothing says that it has to be there
    found = {file.location: file for file in verify_models()}
    assert set(found) == {"bundled", "added"}
    assert "are gone" in str(found["added"].fault)
    assert found["added"].path == everywhere["added"]


def test_some_can_be_chosen(everywhere: dict[str, Path]) -> None:
    assert [file.name for file in verify_models(["mine"])] == ["mine"]
    assert len(verify_models(["default"])) == 2
    with pytest.raises(ModelError, match="no model named 'x'"):
        verify_models(["x"])


def test_removing_takes_the_cached_file_and_never_the_bundled_one(everywhere: dict[str, Path]) -> None:
    assert remove_model("tiny") == everywhere["cached"]
    assert not everywhere["cached"].exists()
    with pytest.raises(ModelError, match="part of napari-cvdm and stays"):
        remove_model("default")
    assert everywhere["bundled"].exists()
    assert everywhere["added"].exists()


def test_a_damaged_file_can_be_removed(everywhere: dict[str, Path]) -> None:
    for name, location in (("tiny", "cached"), ("mine", "added")):
        everywhere[location].write_bytes(b"damaged")
        remove_model(name)
        assert not everywhere[location].exists()


def test_weights_stay_while_another_name_needs_them(everywhere: dict[str, Path], weights: Path) -> None:
    add_model(weights, "also-mine")
    remove_model("mine")
    assert everywhere["added"].exists()
    assert [file.fault for file in verify_models(["also-mine"])] == [None]
    remove_model("also-mine")
    assert not everywhere["added"].exists()


def test_a_model_whose_file_is_gone_can_be_forgotten(everywhere: dict[str, Path]) -> None:
    everywhere["added"].unlink()
    remove_model("mine")
    assert [model.name for model in list_models()] == ["tiny"]


def test_what_is_not_here_or_unknown_is_said() -> None:
    with pytest.raises(ModelError, match="not on this machine"):
        remove_model("tiny")
    for name in ("mine", "../tiny", "/etc/passwd", "x" * 10_000, "a\0b"):
        with pytest.raises(ModelError, match="no model named"):
            remove_model(name)

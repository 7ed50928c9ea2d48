from __future__ import annotations

from pathlib import Path

import pytest

from napari_cvdm.models import ModelError, cache_folder, list_models
from napari_cvdm.models.settings import added_folder, base_url, settings_files


@pytest.fixture(autouse=True)
def _nothing_set(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NAPARI_CVDM_CACHE")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_without_settings_the_platform_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "platform-cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "platform-data"))
    assert cache_folder() == tmp_path / "platform-cache" / "napari-cvdm" / "models"
    assert added_folder() == tmp_path / "platform-data" / "napari-cvdm" / "models"
    assert base_url() is None


def test_a_cache_folder_of_ones_own_holds_added_models_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAPARI_CVDM_CACHE", "~/models")
    assert cache_folder() == Path.home() / "models"
    assert added_folder() == Path.home() / "models" / "added"
    monkeypatch.setenv("NAPARI_CVDM_ADDED", "/elsewhere")
    assert added_folder() == Path("/elsewhere")


def test_variables_come_before_the_users_file_and_that_before_the_machines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user, machine = settings_files()
    write(machine, 'cache_folder = "/machine"\nbase_url = "https://machine.test/m/"\n')
    assert (cache_folder(), base_url()) == (Path("/machine"), "https://machine.test/m")
    write(user, 'cache_folder = "/user"\n')
    assert (cache_folder(), base_url()) == (Path("/user"), "https://machine.test/m")
    monkeypatch.setenv("NAPARI_CVDM_CACHE", "/variable")
    monkeypatch.setenv("NAPARI_CVDM_BASE_URL", "/mnt/models with spaces/")
    assert (cache_folder(), base_url()) == (Path("/variable"), "file:///mnt/models%20with%20spaces")


@pytest.mark.parametrize(
    "text", ["cache_folder = 3", 'cache_folder = ""', 'chache_folder = "/x"', "cache_folder", "[[["]
)
def test_a_settings_file_that_cannot_be_used_is_named(text: str) -> None:
    user, _ = settings_files()
    write(user, text)
    with pytest.raises(ModelError, match="settings file") as caught:
        list_models()
    assert str(user) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_settings_file_in_another_encoding_or_that_is_a_folder_is_named() -> None:
    user, machine = settings_files()
    write(user, "")
    user.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelError, match="is not valid TOML"):
        cache_folder()
    user.unlink()
    machine.mkdir(parents=True)
    with pytest.raises(ModelError, match="cannot be read"):
        cache_folder()

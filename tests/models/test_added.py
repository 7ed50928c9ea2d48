from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path
from typing import Any

import filelock
import pytest

from napari_cvdm.models import ModelError
from napari_cvdm.models.added import AddedModel, added_file, change_added, read_added

pytestmark = pytest.mark.usefixtures("cache")


def record(name: str = "mine", **changes: Any) -> AddedModel:
    values: dict[str, Any] = {
        "name": name,
        "sha256": "ab" * 32,
        "size": 10,
        "summary": "For tests.",
        "licence": "MIT",
        "source": "/somewhere/mine.safetensors",
        "source_sha256": "ab" * 32,
    }
    return AddedModel(**{**values, **changes})


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.endswith(".lock")}


def test_the_list_starts_empty_and_keeps_its_order(cache: Path) -> None:
    assert read_added() == {}
    assert not cache.exists()
    for name in ("b", "a"):
        with change_added() as models:
            models[name] = record(name)
    assert list(read_added()) == ["b", "a"]
    assert read_added()["a"] == record("a")
    with change_added() as models:
        del models["b"]
    assert list(read_added()) == ["a"]
    assert names(cache / "added") == {"models.json"}


def test_files_are_named_after_their_hash_alone(cache: Path) -> None:
    assert added_file(record("any")) == cache / "added" / f"{'ab' * 20}.safetensors"


def test_an_error_in_between_changes_nothing(cache: Path) -> None:
    with change_added() as models:
        models["mine"] = record()
    before = (cache / "added" / "models.json").read_bytes()

    def clear_and_fail() -> None:
        with change_added() as models:
            models.clear()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        clear_and_fail()
    assert (cache / "added" / "models.json").read_bytes() == before


def test_a_full_disk_leaves_the_old_list(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with change_added() as models:
        models["mine"] = record()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with (
        pytest.raises(ModelError, match=r"No space left on device.*NAPARI_CVDM_ADDED"),
        change_added() as models,
    ):
        models["other"] = record("other")
    assert list(read_added()) == ["mine"]
    assert names(cache / "added") == {"models.json"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "\udcff",
        "[" * 100_000,
        '{"format_version": 2, "models": []}',
        '{"format_version": 1, "models": [{}]}',
        '{"format_version": 1, "models": 3}',
    ],
)
def test_a_damaged_list_is_named_and_left_alone(text: str, cache: Path) -> None:
    path = cache / "added" / "models.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    for attempt in (read_added, lambda: change_added().__enter__()):
        with pytest.raises(ModelError, match="move it away") as caught:
            attempt()
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert path.read_bytes() == text.encode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "../x"},
        {"name": "con"},
        {"sha256": "../../x"},
        {"sha256": "AB" * 32},
        {"source_sha256": None},
        {"size": -1},
        {"size": True},
        {"summary": 3},
        {"source": None},
    ],
)
def test_impossible_records_are_refused_also_from_a_list(changes: dict[str, Any], cache: Path) -> None:
    with pytest.raises(ModelError):
        record(**changes)
    with change_added() as models:
        models["mine"] = record()
    path = cache / "added" / "models.json"
    data = json.loads(path.read_text())
    data["models"][0].update(changes)
    path.write_text(json.dumps(data))
    with pytest.raises(ModelError, match="cannot be read"):
        read_added()


def test_a_list_that_another_program_holds_is_waited_for_not_for_ever(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_cvdm.models.added.LOCK_SECONDS", 0.2)
    (cache / "added").mkdir(parents=True)
    with (
        filelock.FileLock(cache / "added" / "models.json.lock"),
        pytest.raises(ModelError, match=r"Another program.*0\.2 seconds"),
        change_added(),
    ):
        pytest.fail("two programs hold the list")
    with change_added() as models:
        models["mine"] = record()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NAPARI_CVDM_ADDED", str(tmp_path / "file" / "models"))
    assert read_added() == {}
    with pytest.raises(ModelError, match=r"Cannot write to the folder.*NAPARI_CVDM_ADDED"), change_added():
        pytest.fail("there is no folder")


def _add_many(folder: str, letter: str, gate: Any) -> None:
    os.environ["NAPARI_CVDM_ADDED"] = folder
    gate.wait(60)
    for number in range(20):
        with change_added() as models:
            models[f"{letter}{number}"] = record(f"{letter}{number}")


def test_two_processes_lose_nothing_of_each_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAPARI_CVDM_ADDED", str(tmp_path / "shared"))
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(2)
    arguments = [(str(tmp_path / "shared"), letter, gate) for letter in "ab"]
    processes = [context.Process(target=_add_many, args=each) for each in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    assert set(read_added()) == {f"{letter}{number}" for letter in "ab" for number in range(20)}
    assert names(tmp_path / "shared") == {"models.json"}

"""The model that made a result is found by its hash, wherever it is now; another version never passes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import napari_cvdm
from napari_cvdm.models import add_model, load_model, remove_model, save_model
from napari_cvdm.models.errors import ModelError
from napari_cvdm.plugin.running.worker import Cancelled
from napari_cvdm.plugin.stored.made_by import ModelGone, model_that_made


@pytest.fixture
def weights(small_model, tmp_path: Path) -> Path:
    return save_model(tmp_path / "mine.safetensors", small_model.network, small_model.card)


def nothing() -> None:
    """A checkpoint at which nobody wants to stop."""


def about(path: Path, **asked: Any) -> dict[str, Any]:
    """What a run with a model from a file leaves in its result: the name of the card, which nothing lists."""
    return {"model": {"name": "small", "sha256": load_model(path).sha256}, "asked": asked}


def test_a_model_from_a_file_is_found_by_the_path_that_was_asked_for(weights):
    model = model_that_made(about(weights, model=str(weights)), nothing)
    assert model.sha256 == load_model(weights).sha256


def test_a_model_is_found_by_its_hash_under_whatever_name_it_was_added(weights, tmp_path):
    provenance = about(weights, model=str(weights))
    renamed = shutil.move(weights, tmp_path / "other.safetensors")
    name = add_model(renamed)
    try:
        provenance["model"]["name"] = "a name that nothing has"
        assert model_that_made(provenance, nothing).sha256 == provenance["model"]["sha256"]
    finally:
        remove_model(name)


def test_a_file_of_another_hash_does_not_pass(weights):
    provenance = about(weights, model=str(weights))
    provenance["model"]["sha256"] = "1" * 64
    with pytest.raises(ModelGone, match="not the one this result was made with"):
        model_that_made(provenance, nothing)


def test_a_file_that_is_gone_is_said(weights):
    provenance = about(weights, model=str(weights))
    weights.unlink()
    with pytest.raises(ModelGone, match="not here any more") as caught:
        model_that_made(provenance, nothing)
    assert "'small'" in caught.value.reason


@pytest.mark.parametrize("stated", [None, "small", {}, {"name": "small"}, {"sha256": "0" * 64}])
def test_a_result_that_does_not_say_so_has_no_model(stated):
    with pytest.raises(ModelGone, match="does not say"):
        model_that_made({"model": stated}, nothing)


def test_a_run_at_work_has_the_model_it_was_asked_for(weights):
    provenance = {"model": {"name": str(weights)}, "finished": False}
    assert model_that_made(provenance, nothing).sha256 == load_model(weights).sha256


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://example.org/a.safetensors",
        "10.5281/zenodo.1234",
        "//host/a.safetensors",
        "\\\\host\\a.h5",
        "/\\host/a.h5",
        7,
    ],
)
def test_a_file_of_anybody_s_does_not_make_it_turn_to_another_machine(elsewhere, monkeypatch):
    tried: list[str] = []

    def load(name: str, **_: Any) -> None:
        tried.append(name)
        raise ModelError("no")

    monkeypatch.setattr(napari_cvdm, "load_model", load, raising=False)
    for provenance in (
        {"model": {"name": elsewhere, "sha256": "1" * 64}},
        {"model": {"name": "small", "sha256": "1" * 64}, "asked": {"model": elsewhere}},
    ):
        with pytest.raises(ModelGone):
            model_that_made(provenance, nothing)
    assert tried == ["small"]


def test_a_known_model_of_another_hash_is_not_even_loaded(monkeypatch):
    monkeypatch.setattr(napari_cvdm, "load_model", lambda *_, **__: pytest.fail("loaded"), raising=False)
    with pytest.raises(ModelGone, match="not the one"):
        model_that_made(
            {"model": {"name": "default", "sha256": "1" * 64}, "asked": {"model": "default"}}, nothing
        )


def test_a_download_can_be_cancelled(monkeypatch):
    wanted = [True]

    def checkpoint() -> None:
        if not wanted[0]:
            raise Cancelled

    def download(name: str, *, progress: Any) -> None:
        progress.update(1)
        wanted[0] = False
        progress.update(1)
        pytest.fail("the download went on")

    monkeypatch.setattr(napari_cvdm, "load_model", download, raising=False)
    with pytest.raises(Cancelled):
        model_that_made({"model": {"name": "small", "sha256": "1" * 64}}, checkpoint)

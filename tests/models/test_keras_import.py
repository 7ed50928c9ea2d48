"""From a lab's .h5 file to a model of ours."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from napari_cvdm.models import ModelError, keras_import
from napari_cvdm.models.keras_import import convert
from napari_cvdm.models.weights import read_model
from napari_cvdm.reference.model import ReferenceCVDM

DATA = Path(__file__).parents[1] / "data" / "reference"


@pytest.fixture
def theirs() -> Path:
    return DATA / "small_unet_3to1.h5"


def test_a_converted_model_computes_what_the_file_computes(tmp_path: Path) -> None:
    source = DATA / "small_sr3_zmd.h5"
    path = convert(source, tmp_path / "ours.safetensors", name="their-model")
    assert path == tmp_path / "ours.safetensors"
    converted, direct = read_model(path), read_model(source)
    assert (converted.name, direct.name) == ("their-model", "small_sr3_zmd")
    assert converted.card.architecture == direct.card.architecture
    assert isinstance(converted.network, ReferenceCVDM)
    for name, tensor in direct.network.state_dict().items():
        torch.testing.assert_close(converted.network.state_dict()[name], tensor, rtol=0, atol=0)
    assert direct.path == source
    assert direct.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()


def test_the_card_says_what_is_known_and_what_is_not(theirs: Path, tmp_path: Path) -> None:
    card = read_model(convert(theirs, tmp_path / "ours.safetensors")).card
    assert card.name == "small_unet_3to1"
    assert "published CVDM code (unet, 3 → 1 channels)" in card.description
    assert (card.upscaling, card.default_steps, card.calibration) == (1, 200, None)
    assert "not stated" in card.licence
    assert card.citations == ("arXiv:2312.02246", "arXiv:2406.04388")


def test_what_the_file_cannot_tell_goes_into_the_card(theirs: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"training_size": 96, "upscaling": 2, "percentiles": (1, 99.8), "steps": 50}
    model = read_model(convert(theirs, tmp_path / "ours.safetensors", **settings))
    assert isinstance(model.network, ReferenceCVDM)
    config = model.network.config
    assert (config.training_size, config.upscaling, config.percentiles) == (96, 2, (1, 99.8))
    assert (model.upscaling, model.card.default_steps) == (2, 50)
    with pytest.raises(ModelError, match="'adds_input' needs as many channels"):
        convert(theirs, tmp_path / "other.safetensors", adds_input=True)
    assert not (tmp_path / "other.safetensors").exists()


@pytest.mark.parametrize(
    ("file", "name"),
    [("mödel_200 (1).h5", "m-del_200-1"), ("...h5", "authors-weights"), ("x" * 90 + ".h5", "x" * 64)],
)
def test_any_file_name_makes_a_model_name(theirs: Path, tmp_path: Path, file: str, name: str) -> None:
    path = tmp_path / file
    path.write_bytes(theirs.read_bytes())
    assert read_model(path).name == name


def test_files_that_cannot_be_used_are_refused_in_one_sentence(tmp_path: Path, theirs: Path) -> None:
    bad = tmp_path / "bad.h5"
    for content, message in (
        (b"PK\x03\x04 a zip, as Keras 3 writes", "is not an HDF5 file"),
        (theirs.read_bytes()[:10_000], "is damaged"),
    ):
        bad.write_bytes(content)
        with pytest.raises(ModelError, match=message) as caught:
            convert(bad, tmp_path / "ours.safetensors")
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "ours.safetensors").exists()


def test_another_hash_than_expected_is_refused(theirs: Path) -> None:
    with pytest.raises(ModelError, match="is not the expected file"):
        read_model(theirs, sha256="0" * 64)


def test_without_h5py_it_says_how_to_get_it(theirs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ModelError, match=r'pip install "napari-cvdm\[h5\]"'):
        read_model(theirs)


def test_weights_that_compute_nonsense_are_not_converted(
    theirs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = torch.tensor([float("nan")])
    monkeypatch.setattr(ReferenceCVDM, "trial", lambda self: ((nothing,), torch.ones(1)))
    with pytest.raises(ModelError, match="no finite picture"):
        keras_import.convert(theirs, tmp_path / "ours.safetensors")

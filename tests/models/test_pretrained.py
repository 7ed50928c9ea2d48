from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from napari_cvdm.cvdm.model import CVDM
from napari_cvdm.models import ModelCard, PretrainedModel


def test_the_upscaling_is_that_of_the_card(network: CVDM, make_card: Callable[..., ModelCard]) -> None:
    model = PretrainedModel("tiny", network, make_card(upscaling=3), "ab" * 32)
    assert model.upscaling == 3
    assert model.path is None


def test_a_model_that_callers_share_cannot_be_exchanged(
    network: CVDM, make_card: Callable[..., ModelCard]
) -> None:
    model = PretrainedModel("tiny", network, make_card(), "ab" * 32, Path("tiny.safetensors"))
    with pytest.raises(FrozenInstanceError):
        model.name = "other"  # type: ignore[misc]


def test_a_model_is_shown_in_a_few_lines(network: CVDM, make_card: Callable[..., ModelCard]) -> None:
    words = repr(PretrainedModel("tiny", network, make_card(), "ab" * 32))
    assert "tiny" in words
    assert "Conv2d" not in words


def test_a_model_of_ours_has_exact_tiles_and_nothing_to_note(
    network: CVDM, make_card: Callable[..., ModelCard]
) -> None:
    model = PretrainedModel("tiny", network, make_card(), "ab" * 32)
    assert model.tiles_exact
    assert model.notes == ()


def test_a_model_of_the_authors_kind_says_what_tiles_mean_there(
    network: CVDM, make_card: Callable[..., ModelCard]
) -> None:
    architecture = {"kind": "cvdm-reference", "training_size": 128}
    model = PretrainedModel("theirs", network, make_card(architecture=architecture, upscaling=1), "ab" * 32)
    assert not model.tiles_exact
    assert "tiles of 128 pixels" in model.notes[0]
    assert "enlarge a camera image" in model.notes[1]
    enlarging = PretrainedModel("theirs", network, make_card(architecture=architecture), "ab" * 32)
    assert len(enlarging.notes) == 1

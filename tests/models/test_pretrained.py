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

"""Requirements come in an order in which each can rely on those before; `test_config` has their words."""

from collections.abc import Mapping
from typing import Any

import pytest

from napari_cvdm.cvdm.model import CVDMConfig
from napari_cvdm.training.config import DataConfig, OptimiserConfig, TrainingConfig
from napari_cvdm.training.requirements import requirements


def first_unmet(config: TrainingConfig) -> str:
    return next((words for words, met in requirements(config) if not met), "")


def test_a_plain_configuration_meets_them_all() -> None:
    assert first_unmet(TrainingConfig("plain")) == ""


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        # Without widths there is no grain for the patch to be a multiple of.
        ({"architecture": CVDMConfig(mean_widths=(), mean_blocks=())}, "mean_widths and mean_blocks"),
        # A list has no values to sum.
        ({"data": DataConfig(kinds=["rings"])}, "kinds must be a table"),  # type: ignore[arg-type]
        ({"data": DataConfig(kinds={"rings": True})}, "frequencies of kinds"),
        ({"data": DataConfig(kinds={"rings": "often"})}, "frequencies of kinds"),  # type: ignore[dict-item]
        # No cycles have no least.
        ({"optimiser": OptimiserConfig(cycles=(), batch=99)}, "cycles and batch"),
        ({"seed": -1, "optimiser": OptimiserConfig(batch=99)}, "seed"),
    ],
)
def test_the_first_that_is_not_met_is_told(settings: Mapping[str, Any], words: str) -> None:
    assert words in first_unmet(TrainingConfig("plain", **settings))

from __future__ import annotations

import json
from typing import Any

import pytest

from napari_cvdm.reference.config import KIND, ReferenceConfig

VALUES: dict[str, Any] = {"noise_kind": "unet", "in_channels": 1, "out_channels": 1, "noise_widths": (64,)}


def test_it_survives_the_way_through_json() -> None:
    config = ReferenceConfig(
        noise_kind="sr3",
        in_channels=2,
        out_channels=1,
        noise_widths=(64, 128),
        stem=64,
        noise_blocks=3,
        attention_level=None,
        mean_width=64,
        adds_input=False,
        percentiles=(1.0, 99.8),
    )
    values = json.loads(json.dumps(config.to_dict()))
    assert values["kind"] == KIND
    assert ReferenceConfig.from_dict(values) == config


def test_sides_are_multiples_of_16_or_more() -> None:
    assert ReferenceConfig(**VALUES).granularity == 16
    deep = {**VALUES, "noise_kind": "sr3", "noise_widths": (32,) * 6, "stem": 32, "noise_blocks": 1}
    assert ReferenceConfig(**deep).granularity == 32


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"noise_kind": "vit"}, "sr3 or unet"),
        ({"in_channels": 0}, "'in_channels'"),
        ({"in_channels": True}, "'in_channels'"),
        ({"schedule_width": 10**9}, "'schedule_width'"),
        ({"time_units": 1.5}, "'time_units'"),
        ({"noise_widths": (64, 64)}, "one number in 'noise_widths'"),
        ({"noise_widths": ()}, "'noise_widths'"),
        ({"noise_widths": 64}, "'noise_widths'"),
        ({"noise_widths": (64,) * 9}, "'noise_widths'"),
        ({"attention_level": 1}, "'attention_level'"),
        ({"noise_kind": "sr3"}, "'stem' and 'noise_blocks'"),
        ({"in_channels": 3}, "'adds_input' needs"),
        ({"adds_input": 1}, "'adds_input' must"),
        ({"percentiles": (99, 1)}, "'percentiles'"),
        ({"percentiles": (0, float("nan"))}, "'percentiles'"),
        ({"percentiles": "all"}, "'percentiles'"),
        ({"kind": "cvdm"}, "of the kind 'cvdm'"),
        ({"code": "import os"}, "unknown architecture settings: code"),
        ({"noise_kind": None}, "sr3 or unet"),
    ],
)
def test_impossible_values_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ReferenceConfig.from_dict({"kind": KIND, **VALUES, **changes})


def test_missing_values_are_named() -> None:
    with pytest.raises(ValueError, match="missing architecture settings: noise_widths"):
        ReferenceConfig.from_dict({"kind": KIND, **{k: v for k, v in VALUES.items() if k != "noise_widths"}})

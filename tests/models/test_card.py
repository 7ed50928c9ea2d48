from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from napari_cvdm.models import ModelCard, ModelError


def test_a_card_survives_json(make_card: Callable[..., ModelCard]) -> None:
    card = make_card()
    again = ModelCard.from_json(card.to_json())
    assert again == card
    assert again.pixel_size_nm == (40.0, 110.0)
    assert again.citations == ("arXiv:2312.02246",)
    assert again.architecture["mean_widths"] == [4, 8]


def test_the_same_card_gives_the_same_text_whatever_the_order_of_its_tables(
    make_card: Callable[..., ModelCard],
) -> None:
    one = make_card(ranges={"photons": 1, "haze": 2})
    other = make_card(ranges={"haze": 2, "photons": 1})
    assert one.to_json() == other.to_json()


def test_optional_fields_may_be_absent(make_card: Callable[..., ModelCard]) -> None:
    needed = ("format_version", "name", "description", "architecture", "upscaling", "default_steps")
    data = {key: make_card().to_dict()[key] for key in needed}
    card = ModelCard.from_dict(data)
    assert card.calibration is None
    assert card.pixel_size_nm is None
    assert card.citations == ()


@pytest.mark.parametrize("field", ["name", "description", "architecture", "upscaling", "default_steps"])
def test_a_missing_field_is_named(make_card: Callable[..., ModelCard], field: str) -> None:
    data = make_card().to_dict()
    del data[field]
    with pytest.raises(ModelError, match=f"lacks: {field}"):
        ModelCard.from_dict(data)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "../escape"}, "cannot be a model name"),
        ({"name": ""}, "cannot be a model name"),
        ({"name": "a" * 65}, "cannot be a model name"),
        ({"name": ".hidden"}, "cannot be a model name"),
        ({"name": "new\nline"}, "cannot be a model name"),
        ({"name": 3}, "cannot be a model name"),
        ({"name": "tiny."}, "cannot be a model name"),
        ({"name": "tiny "}, "cannot be a model name"),
        ({"name": "a/b"}, "cannot be a model name"),
        ({"name": "a\\b"}, "cannot be a model name"),
        ({"name": "c:a"}, "cannot be a model name"),
        ({"name": "a\0b"}, "cannot be a model name"),
        ({"name": "tiny\u202e"}, "cannot be a model name"),
        ({"name": "ｔｉｎｙ"}, "cannot be a model name"),
        ({"name": "nul"}, "stands for a device"),
        ({"name": "COM1.x"}, "stands for a device"),
        ({"description": None}, "'description' must be text"),
        ({"licence": ["MIT"]}, "'licence' must be text"),
        ({"architecture": [1, 2]}, "'architecture' must be a table"),
        ({"metrics": "good"}, "'metrics' must be a table"),
        ({"upscaling": 0}, "'upscaling' must be a whole number from 1 to 8"),
        ({"upscaling": 2.0}, "'upscaling' must be a whole number"),
        ({"upscaling": True}, "'upscaling' must be a whole number"),
        ({"default_steps": 10**9}, "'default_steps' must be a whole number"),
        ({"calibration": 1.5}, "'calibration' must be null or a table with a 'kind'"),
        (
            {"preview_calibration": {"gain": 1.0}},
            "'preview_calibration' must be null or a table with a 'kind'",
        ),
        ({"calibration": {"gain": 1.0}}, "'calibration' must be null or a table with a 'kind'"),
        ({"calibration": {"kind": "monotone", "stated": float("nan")}}, "must hold finite numbers"),
        ({"calibration": {"kind": "monotone", "stated": [10**400]}}, "must hold finite numbers"),
        ({"calibration": {"kind": "monotone", "stated": [1.0, "1"]}}, "must hold finite numbers"),
        ({"training": {"data": 5}}, "'training: data' must be a list of texts"),
        ({"training": {"data": ["BioSR", 5]}}, "'training: data' must be a list of texts"),
        ({"ranges": {"photons": [1, 10**400]}}, "range 'photons' must be a number or two"),
        ({"ranges": {"haze": {"low": 0}}}, "range 'haze' must be a number or two"),
        ({"posterior_shrinkage": 1.5}, "'posterior_shrinkage' must be a number from 0 to 1"),
        ({"posterior_shrinkage": float("nan")}, "'posterior_shrinkage' must be a number"),
        ({"posterior_scale_weight": "much"}, "'posterior_scale_weight' must be a number"),
        ({"posterior_scale_weight": -1}, "'posterior_scale_weight' must be a number"),
        ({"posterior_orientations": 3}, "'posterior_orientations' must be 1, 2, 4 or 8, not 3"),
        ({"posterior_orientations": 4.0}, "'posterior_orientations' must be a whole number"),
        ({"pixel_size_nm": 65.0}, "'pixel_size_nm' must be null or"),
        ({"pixel_size_nm": [110.0, 40.0]}, "'pixel_size_nm' must be null or"),
        ({"pixel_size_nm": [40.0, "110"]}, "'pixel_size_nm' must be null or"),
        ({"pixel_size_nm": [0, 40.0]}, "'pixel_size_nm' must be null or"),
        ({"citations": "arXiv"}, "'citations' must be a list of texts"),
        ({"citations": [1]}, "'citations' must be a list of texts"),
        ({"format_version": 2}, "update napari-cvdm"),
        ({"format_version": None}, "states no valid format version"),
        ({"format_version": "1"}, "states no valid format version"),
        ({"format_version": True}, "states no valid format version"),
        ({"surprise": 1}, "unknown fields: surprise"),
    ],
)
def test_a_wrong_field_gets_one_clear_line(
    make_card: Callable[..., ModelCard], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        ModelCard.from_dict({**make_card().to_dict(), **changes})
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("name", ["a", "console", "nul-1", "com10", "x.v2", "A_b-c.1", "a" * 64])
def test_ordinary_names_are_names(make_card: Callable[..., ModelCard], name: str) -> None:
    assert make_card(name=name).name == name


def test_a_newer_format_is_said_before_its_new_fields_are_complained_about(
    make_card: Callable[..., ModelCard],
) -> None:
    data = {**make_card().to_dict(), "format_version": 7, "surprise": 1}
    with pytest.raises(ModelError, match=r"format 7.*update napari-cvdm"):
        ModelCard.from_dict(data)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"upscaling": NaN}', "7", "null", '"card"'])
def test_text_that_is_no_card_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match="model card"):
        ModelCard.from_json(text)


def test_a_card_that_json_cannot_hold_is_refused_when_written(make_card: Callable[..., ModelCard]) -> None:
    with pytest.raises(ModelError, match="cannot be written as JSON"):
        make_card(metrics={"psnr": float("nan")}).to_json()
    assert json.loads(make_card(metrics={"psnr": 31.5}).to_json())["metrics"] == {"psnr": 31.5}

"""Whatever a file states, reading it does no harm."""

from __future__ import annotations

import pytest

from napari_cvdm.plugin.stored.stated import fine_pixel_nm, positive, table


@pytest.mark.parametrize("value", [None, 3, "abc", [1], ()])
def test_what_is_no_table_counts_as_an_empty_one(value):
    assert table(value) == {}
    assert table({"a": 1}) == {"a": 1}


@pytest.mark.parametrize("value", [None, "65", True, 0, -1.0, float("nan"), float("inf"), 10**400, [65]])
def test_what_is_no_number_above_zero_counts_as_none(value):
    assert positive(value) is None
    assert positive(65) == 65.0


@pytest.mark.parametrize(
    "stated",
    [
        {},
        {"pixel_size_nm": 65.0},
        {"pixel_size_nm": "65", "upscaling": 2},
        {"pixel_size_nm": 65.0, "upscaling": 0},
    ],
)
def test_pixels_of_unknown_size_have_none(stated: dict[str, object]) -> None:
    assert fine_pixel_nm(stated) is None


def test_pixels_of_a_result_are_finer_than_those_of_its_image() -> None:
    assert fine_pixel_nm({"pixel_size_nm": 65.0, "upscaling": 2}) == 32.5

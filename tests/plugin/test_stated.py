"""Whatever a file states, reading it does no harm."""

from __future__ import annotations

import pytest

from napari_cvdm.plugin.stated import indices, table


@pytest.mark.parametrize("value", [None, 3, "abc", [1], ()])
def test_what_is_no_table_counts_as_an_empty_one(value):
    assert table(value) == {}
    assert table({"a": 1}) == {"a": 1}


@pytest.mark.parametrize(
    ("value", "expected"),
    [([0, 2], [0, 2]), ((1,), [1]), ([-1, 2.0, "3", True, 4], [4]), ("12", []), (None, []), ({"a": 1}, [])],
)
def test_only_whole_numbers_from_zero_are_indices(value, expected):
    assert indices(value) == expected

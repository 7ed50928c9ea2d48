"""Whatever a file states, reading it does no harm."""

from __future__ import annotations

import pytest

from napari_cvdm.plugin.stated import chosen_positions, indices, table


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


def test_positions_are_those_of_each_axis_even_of_one_letter():
    assert chosen_positions({"T": [3], "Z": "all"}, "TZYX") == {0: [3], 1: []}
    assert chosen_positions({"1Q": [2]}, "QYQX") == {0: [], 2: [2]}
    assert chosen_positions({}, "YX") == {}

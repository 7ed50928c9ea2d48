"""Whatever a file states, reading it does no harm."""

from __future__ import annotations

import pytest

from napari_cvdm.plugin.stated import positive, table


@pytest.mark.parametrize("value", [None, 3, "abc", [1], ()])
def test_what_is_no_table_counts_as_an_empty_one(value):
    assert table(value) == {}
    assert table({"a": 1}) == {"a": 1}


@pytest.mark.parametrize("value", [None, "65", True, 0, -1.0, float("nan"), float("inf"), 10**400, [65]])
def test_what_is_no_number_above_zero_counts_as_none(value):
    assert positive(value) is None
    assert positive(65) == 65.0

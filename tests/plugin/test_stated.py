"""Whatever a file states, reading it does no harm."""

from __future__ import annotations

import pytest

from napari_cvdm.plugin.stated import table


@pytest.mark.parametrize("value", [None, 3, "abc", [1], ()])
def test_what_is_no_table_counts_as_an_empty_one(value):
    assert table(value) == {}
    assert table({"a": 1}) == {"a": 1}

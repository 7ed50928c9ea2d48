"""The field shows a size with one decimal, and gives it back with all that matter."""

from __future__ import annotations

import pytest

from napari_cvdm.plugin.panel.pixel_size_field import PixelSizeField


@pytest.fixture
def field(qtbot) -> PixelSizeField:
    field = PixelSizeField()
    qtbot.addWidget(field.native)
    return field


def test_nothing_is_known_at_first(field):
    assert field.nanometres is None
    assert field.native.text() == "not known"


def test_a_size_that_is_shown_keeps_its_decimals_and_is_no_change(field):
    changes: list[float] = []
    field.changed.connect(changes.append)
    field.show_size(103.1746)
    assert (field.value, field.nanometres) == (103.2, 103.1746)
    field.show_size(None)
    assert (field.value, field.nanometres) == (0, None)
    assert changes == []


def test_what_a_conversion_of_units_leaves_is_dropped(field):
    field.show_size(65.00000000000001)
    assert field.nanometres == 65


def test_a_size_that_the_user_sets_is_taken_as_it_is(field):
    heard: list[float | None] = []
    field.changed.connect(lambda _: heard.append(field.nanometres))
    field.show_size(103.1746)
    field.native.stepUp()
    field.native.stepDown()
    assert heard == [104.2, 103.2]
    field.value = 0
    assert field.nanometres is None

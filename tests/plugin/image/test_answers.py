"""Ticks count for as many channels as they were given for."""

from __future__ import annotations

from napari_cvdm.plugin.image.answers import Answers


def test_ticks_are_of_one_axis_and_of_as_many_channels():
    answers = Answers(ticks={1: (True, False)})
    assert answers.ticks_of(1, 2) == (True, False)
    assert answers.ticks_of(0, 2) == (True, True)
    assert answers.ticks_of(1, 3) == (True, True, True)

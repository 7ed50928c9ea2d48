"""The time left is told in words, and neither jumps nor pretends."""

from __future__ import annotations

import pytest

from napari_cvdm.plugin.running.progress import TimeLeft, seconds_in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "a few seconds"),
        (9.9, "a few seconds"),
        (12, "about 10 s"),
        (41.2, "about 40 s"),
        (57.4, "about 55 s"),
        (57.5, "about 1 min"),
        (89, "about 1 min"),
        (150, "about 2 min"),
        (3569, "about 59 min"),
        (3600, "about 1 h"),
        (8000, "about 2 h 15 min"),
    ],
)
def test_durations_are_rounded_to_what_can_be_known(seconds, words):
    assert seconds_in_words(seconds) == words


def test_the_time_left_follows_from_the_share_done_since_the_first_event():
    now = 100.0
    left = TimeLeft(clock=lambda: now)
    assert left.words(0.1) == ""
    now = 110.0  # 30 % in 10 s, so the remaining 60 % take 20 s
    assert left.words(0.4) == "about 20 s left"
    assert left.words(1.0) == "a few seconds left"


def test_nothing_is_said_while_it_is_too_early():
    now = 0.0
    left = TimeLeft(clock=lambda: now)
    left.words(0.0)
    now = 0.5
    assert left.words(0.2) == ""
    now = 5.0
    assert left.words(0.001) == ""

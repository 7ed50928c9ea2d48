"""Events are plain values that nobody can change, and say in words what is being done."""

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from napari_cvdm.restoration.events import Event, progress_words


def test_events_cannot_be_changed() -> None:
    event = Event("denoise", plane=0, planes=1, draw=0, draws=2, step=1, steps=4, fraction=0.1)
    with pytest.raises(FrozenInstanceError):
        event.step = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "draw 3 of 8, step 2 of 10"),  # counted from one; planes in stacks alone
        ({"plane": 1, "planes": 12}, "plane 2 of 12, draw 3 of 8, step 2 of 10"),
        ({"stage": "draw", "planes": 2}, "plane 1 of 2, draw 3 of 8, step 2 of 10"),
        ({"stage": "mean", "plane": 4, "planes": 12}, "plane 5 of 12, first picture"),
        ({"stage": "refine", "step": 2, "steps": 4}, "orientation 2 of 4"),
        (
            {"stage": "tile", "under_way": "mean", "planes": 3, "tile": 1, "tiles": 4},
            "plane 1 of 3, first picture, tile 1 of 4",
        ),
        (
            {"stage": "tile", "under_way": "denoise", "tile": 4, "tiles": 4},
            "draw 3 of 8, step 2 of 10, tile 4 of 4",
        ),
        ({"stage": "done", "plane": 4, "planes": 12}, "done"),
    ],
)
def test_what_is_being_done_is_said_in_the_words_of_the_field(changes: dict[str, Any], words: str) -> None:
    event = {"stage": "denoise", "plane": 0, "planes": 1, "draw": 2, "draws": 8, "step": 2, "steps": 10}
    assert progress_words(Event(**event | {"fraction": 0.3} | changes)) == words

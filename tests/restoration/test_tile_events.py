from __future__ import annotations

import pytest

from napari_cvdm.restoration.events import Event, progress_words
from napari_cvdm.restoration.tile_events import TileEvents


def test_tells_how_far_a_pass_is() -> None:
    told: list[Event] = []
    tiles = TileEvents(told.append, 10)
    tiles.begin(Event("denoise", 1, 3, 2, 8, 1, 4, 0.5), 5, 1)
    tiles(1, 4)
    tiles(4, 4)
    assert [(each.stage, each.under_way, each.tile, each.tiles) for each in told] == [
        ("tile", "denoise", 1, 4),
        ("tile", "denoise", 4, 4),
    ]
    assert [each.fraction for each in told] == pytest.approx([0.525, 0.6])
    assert progress_words(told[0]) == "plane 2 of 3, draw 3 of 8, step 1 of 4, tile 1 of 4"


def test_the_fraction_does_not_fall_when_a_pass_begins_again_with_smaller_tiles() -> None:
    told: list[Event] = []
    tiles = TileEvents(told.append, 2)
    tiles.begin(Event("mean", 0, 1, 0, 0, 0, 0, 0.0), 0, 2)
    for done, count in ((1, 4), (2, 4), (1, 16), (15, 16)):
        tiles(done, count)
    assert [each.fraction for each in told] == pytest.approx([0.25, 0.5, 0.5, 15 / 16])
    assert progress_words(told[0]) == "first picture, tile 1 of 4"


def test_before_any_pass_there_is_nothing_to_tell() -> None:
    told: list[Event] = []
    TileEvents(told.append, 1)(1, 4)
    assert told == []

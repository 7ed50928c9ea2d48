"""Memory that results have filled is no longer claimed: the computer counts it as taken."""

from __future__ import annotations

from typing import Any

import pytest

from napari_cvdm.plugin.running.claim import Claim
from napari_cvdm.restoration.events import Event


def event(stage: Any, fraction: float) -> Event:
    return Event(stage, 0, 2, 0, 3, 1, 1, fraction)


def test_pictures_are_filled_by_the_first_of_each_plane():
    claim = Claim(1000)
    stages = ("tile", "mean", "tile", "mean", "denoise", "draw")
    left = [(told.stage, claim.left) for told in claim.watch(event(stage, 0.1) for stage in stages)]
    assert left == list(zip(stages, (1000, 500, 500, 0, 0, 0), strict=True))


def test_kept_draws_fill_as_the_work_goes_on():
    claim = Claim(1000, kept_draws=8)  # a tenth for each of ten arrays
    assert claim.left == 1000
    work = [("mean", 0.0), ("mean", 0.1), ("draw", 0.5), ("draw", 1.0)]
    left = [claim.left for _ in claim.watch(event(*done) for done in work)]
    assert left == pytest.approx([900, 720, 400, 0], abs=1)


def test_what_takes_no_memory_claims_none():
    assert Claim().left == 0

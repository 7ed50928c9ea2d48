"""Events are plain values that nobody can change."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from napari_cvdm.restoration.events import Estimate, Event


def test_events_cannot_be_changed() -> None:
    event = Event("denoise", plane=0, planes=1, draw=0, draws=2, step=1, steps=4, fraction=0.1)
    with pytest.raises(FrozenInstanceError):
        event.step = 2  # type: ignore[misc]


def test_an_estimate_is_an_event_with_a_picture() -> None:
    picture = np.zeros((2, 2), np.float32)
    estimate = Estimate(
        "mean",
        plane=0,
        planes=1,
        draw=0,
        draws=2,
        step=0,
        steps=4,
        fraction=0.1,
        index=(),
        mean=picture,
        std=picture,
    )
    assert isinstance(estimate, Event)
    assert estimate.mean is picture

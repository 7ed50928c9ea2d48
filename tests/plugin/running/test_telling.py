"""A restoration's events become pictures that fill, and messages without pixels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from napari_cvdm.plugin.running.messages import Pictures, Progress
from napari_cvdm.plugin.running.telling import Pace, tell
from napari_cvdm.restoration.axes import resolve_axes
from napari_cvdm.restoration.events import Estimate, Event


def estimate(index: int, value: float) -> Estimate:
    plane = np.full((16, 24), value, np.float32)
    return Estimate("mean", index, 2, 0, 1, 0, 1, 0.5, index=(index,), mean=plane, std=plane / 10)


def test_pictures_come_once_and_go_on_filling():
    made = {"upscaling": 2}
    told = tell(iter([estimate(0, 5), estimate(1, 7)]), resolve_axes((2, 8, 12), "TYX"), made, Pace())
    pictures = next(told)
    assert isinstance(pictures, Pictures)
    assert pictures.made == made
    assert (pictures.reconstruction[0] == 5).all()
    assert not pictures.reconstruction[1].any()
    rest = list(told)
    assert (pictures.reconstruction[1] == 7).all()
    np.testing.assert_allclose(pictures.uncertainty[1], 0.7)
    assert [type(message) for message in rest] == [Progress, Progress]
    assert not any(
        isinstance(value, np.ndarray) for message in rest for value in vars(message.event).values()
    )


def test_limits_are_those_of_each_channel():
    events = (estimate(0, 5), estimate(1, 700))
    for axes, brightest in (("CYX", [5, 700]), ("ZYX", [700])):
        *_, last = tell(iter(events), resolve_axes((2, 8, 12), axes), {}, Pace())
        highest = [limits["reconstruction"][1] for limits in last.limits.values()]
        assert highest == pytest.approx(brightest, rel=1e-3)


def test_steps_are_told_no_faster_than_they_can_be_read(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("napari_cvdm.plugin.running.telling.time.monotonic", lambda: now[0])

    def steps() -> Iterator[Event]:
        for number in range(1, 31):
            now[0] += 0.06
            yield Event("denoise", 0, 1, 0, 1, number, 30, number / 30)

    told = tell(steps(), resolve_axes((8, 12), "YX"), {}, Pace())
    assert [message.event.step for message in told] == list(range(1, 30, 2))

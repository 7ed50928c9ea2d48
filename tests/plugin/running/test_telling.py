"""A restoration's events become pictures that fill, and messages without pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from napari_cvdm.plugin.running.messages import Pictures, Progress
from napari_cvdm.plugin.running.telling import Teller
from napari_cvdm.restoration.axes import resolve_axes
from napari_cvdm.restoration.events import Estimate, Event, Part


def estimate(index: int, value: float) -> Estimate:
    plane = np.full((16, 24), value, np.float32)
    return Estimate("mean", index, 2, 0, 1, 0, 1, 0.5, index=(index,), mean=plane, std=plane / 10)


def teller(axes: str, made: dict[str, Any] | None = None, report: Any = None) -> Teller:
    return Teller(resolve_axes((2, 8, 12), axes), made or {}, report)


def test_pictures_come_once_and_go_on_filling():
    made = {"upscaling": 2}
    told = teller("TYX", made=made).tell(iter([estimate(0, 5), estimate(1, 7)]))
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
        *_, last = teller(axes).tell(iter(events))
        highest = [limits["reconstruction"][1] for limits in last.limits.values()]
        assert highest == pytest.approx(brightest, rel=1e-3)


def test_steps_are_told_no_faster_than_they_can_be_read(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("napari_cvdm.plugin.running.telling.time.monotonic", lambda: now[0])

    def steps() -> Iterator[Event]:
        for number in range(1, 31):
            now[0] += 0.06
            yield Event("denoise", 0, 1, 0, 1, number, 30, number / 30)

    told = teller("TYX").tell(steps())
    assert [message.event.step for message in told] == list(range(1, 30, 2))


def part(columns: range, value: float) -> Part:
    picture = np.full((16, len(columns)), value, np.float32)
    return Part((1,), (16, 24), range(16), columns, picture, picture / 10)


def test_parts_are_shown_before_the_picture_that_they_belong_to():
    reports: list[Any] = []
    told = teller("TYX", report=reports.append)
    told.on_part(part(range(10), 300))
    (pictures,) = reports
    assert isinstance(pictures, Pictures)
    assert (pictures.reconstruction[1, :, :10] == 300).all()
    np.testing.assert_allclose(pictures.uncertainty[1, :, :10], 30)
    assert not pictures.reconstruction[1, :, 10:].any()
    assert not pictures.reconstruction[0].any()
    told.on_tile(Event("tile", 0, 2, 0, 1, 0, 1, 0.1))
    told.on_part(part(range(10, 24), 700))
    told.on_tile(Event("tile", 0, 2, 0, 1, 0, 1, 0.2))  # however soon after the one before
    assert (pictures.reconstruction[1, :, 10:] == 700).all()
    brightest = [each.limits[0]["reconstruction"][1] for each in reports[1:]]
    assert brightest == pytest.approx([300, 700], rel=1e-3)
    (progress,) = told.tell(iter([estimate(1, 500)]))  # and not the pictures a second time
    assert progress.limits[0]["reconstruction"] == pytest.approx((500, 500), rel=1e-3)
    assert (pictures.reconstruction[1] == 500).all()


def test_tiles_that_change_nothing_are_told_no_faster_than_they_can_be_read():
    reports: list[Any] = []
    told = teller("TYX", report=reports.append)
    for number in range(5):
        told.on_tile(Event("tile", 0, 2, 0, 1, 0, 1, number / 5))
    assert [each.limits for each in reports] == [None]

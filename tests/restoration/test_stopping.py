"""A run that is stopped keeps what it has, and says what that is."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cvdm.restoration.events import Estimate, Finished
from napari_cvdm.restoration.restore import restore, restore_events
from napari_cvdm.restoration.stopping import stopped_in_words


@pytest.fixture
def plane(image):
    return image[:16, :16]


def _stopped_after(events, draws_to_wait_for):
    """Run until so many draws are done, then stop."""
    done = 0
    result = None
    for event in events:
        if isinstance(event, Estimate) and event.stage == "draw":
            done += 1
            draws_to_wait_for.append(done)
        if isinstance(event, Finished):
            result = event.result
            assert event.fraction == 1
    return result


def _stop_when(counter, count):
    return lambda: len(counter) >= count


def test_a_stopped_plane_is_what_fewer_draws_would_have_given(plane, model):
    counter = []
    events = restore_events(plane, model, draws=6, steps=2, keep_draws=True, stop=_stop_when(counter, 2))
    stopped = _stopped_after(events, counter)
    whole = restore(plane, model, draws=2, steps=2)
    np.testing.assert_array_equal(stopped.mean, whole.mean)
    np.testing.assert_array_equal(stopped.std, whole.std)
    assert stopped.provenance["draws"] == 2
    assert stopped.provenance["stopped"] == {"draws_asked_for": 6, "draws_of_planes": [2]}
    assert any("2 of 6 draws" in words for words in stopped.provenance["warnings"])
    assert len(stopped.draws) == 2
    assert "stopped" not in whole.provenance


@pytest.mark.parametrize(
    ("step", "stages"),
    [(1, ["mean", "denoise", "done"]), (2, ["mean", "denoise", "denoise", "draw", "done"])],
)
def test_a_draw_is_broken_off_unless_all_its_steps_are_done(plane, model, step, stages):
    pressed, seen = [], []
    for event in restore_events(plane, model, draws=4, steps=2, stop=_stop_when(pressed, 1)):
        seen.append(event.stage)
        if event.step == step:
            pressed.append(event)
    assert seen == stages
    assert event.result.provenance["draws"] == stages.count("draw")


def test_stopped_before_the_first_draw_it_is_a_preview(plane, model):
    *_, last = restore_events(plane, model, draws=2, steps=2, keep_draws=True, stop=lambda: True)
    np.testing.assert_array_equal(last.result.mean, restore(plane, model, preview=True).mean)
    assert last.result.draws is None


def test_a_stack_has_the_mean_network_s_picture_of_planes_that_were_not_reached(plane, model):
    stack, counter = np.stack([plane, plane + 1, plane + 2]), []
    events = restore_events(
        stack, model, axes="ZYX", draws=2, steps=1, first_plane=(1,), stop=_stop_when(counter, 2)
    )
    stopped = _stopped_after(events, counter)
    preview = restore(stack, model, axes="ZYX", preview=True)
    whole = restore(stack, model, axes="ZYX", draws=2, steps=1)
    assert stopped.provenance["stopped"]["draws_of_planes"] == [0, 2, 0]
    np.testing.assert_array_equal(stopped.mean[[0, 2]], preview.mean[[0, 2]])
    np.testing.assert_array_equal(stopped.mean[1], whole.mean[1])
    assert stopped.provenance["draws"] == 0
    assert stopped.provenance["uncertainty"] == "uncalibrated"


def test_the_plane_to_begin_with_changes_no_pixel(plane, model):
    stack = np.stack([plane, plane + 1])
    events = list(restore_events(stack, model, axes="ZYX", draws=1, steps=1, first_plane=(1,)))
    estimates = [event for event in events if isinstance(event, Estimate)]
    assert [estimate.index for estimate in estimates[:2]] == [(1,), (0,)]
    drawn = [event.plane for event in events if event.stage == "draw"]
    assert drawn == [0, 1]  # which is told as planes 1 and 2 of 2, and not backwards
    whole = restore(stack, model, axes="ZYX", draws=1, steps=1)
    np.testing.assert_array_equal(estimates[-1].mean, whole.mean[0])


@pytest.mark.parametrize(
    ("done", "words"),
    [
        ([3], "Stopped early, after 3 of 8 draws."),
        ([8, 8, 3, 0], "2 of 4 planes have all 8 draws, 1 has some, 1 has the mean network's picture alone."),
        ([8, 0], "1 of 2 planes has all 8 draws, 1 has the mean network's picture alone."),
    ],
)
def test_how_far_it_came_is_said_in_words(done, words):
    assert words in stopped_in_words(done, 8)


@pytest.mark.parametrize(("passes", "draws", "gain"), [(5, 2, 3.0), (4, 1, 1.5), (2, 0, 1.5)])
def test_the_calibration_that_is_told_is_that_of_the_plane_with_the_fewest_draws(
    make_model, plane, passes, draws, gain
):
    card = {
        "calibration": {"kind": "monotone", "stated": [1.0], "actual": [3.0]},
        "preview_calibration": {"kind": "monotone", "stated": [1.0], "actual": [1.5]},
    }
    stack, counter, model = np.stack([plane, plane + 1]), [], make_model(**card)
    events = restore_events(stack, model, axes="ZYX", draws=3, steps=1, stop=_stop_when(counter, passes))
    stopped = _stopped_after(events, counter)
    assert stopped.provenance["draws"] == draws
    assert stopped.provenance["calibration"] == {"stated": [1.0], "actual": [gain], "factors": {}}

"""Runs go one after the other; each can be stopped or given up without the others."""

from __future__ import annotations

import weakref

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QObject

from napari_cvdm.plugin.image.parts import Part
from napari_cvdm.plugin.results.layers import METADATA_KEY
from napari_cvdm.plugin.running import runs as module
from napari_cvdm.plugin.running.runs import Runs
from napari_cvdm.plugin.running.worker import Job
from napari_cvdm.plugin.viewer.garbage import OldObjectsSpared


@pytest.fixture
def viewer_model(qapp) -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def runs(qtbot, viewer_model, stepped, wait_for_workers):
    owner = QObject()
    runs = Runs(viewer_model, owner)
    runs.heard = []
    runs.begun = []
    runs.began.connect(lambda: runs.begun.append(runs.current.job.name))
    runs.ended.connect(lambda outcome, words, layers: runs.heard.append((outcome, len(layers))))
    yield runs
    runs.give_up_all()
    stepped.go_on()
    qtbot.waitUntil(lambda: runs.current is None, timeout=30_000)
    wait_for_workers()
    owner.deleteLater()


def add(runs: Runs, viewer_model: ViewerModel, name: str, **settings: object) -> Job:
    data = np.random.default_rng(0).integers(0, 900, (2, 16, 12), np.uint16)
    layer = viewer_model.add_image(data, name=name)
    job = Job(name, data, "ZYX", draws=2, **settings)
    runs.add(layer, job)
    return job


def names(viewer_model: ViewerModel) -> list[str]:
    return [layer.name for layer in viewer_model.layers]


def test_two_runs_give_two_results_one_after_the_other(qtbot, runs, viewer_model, stepped):
    stepped.stop_at = 3
    add(runs, viewer_model, "first")
    with qtbot.waitSignal(runs.changed, timeout=10_000):  # the list of those that wait shows it
        add(runs, viewer_model, "second")
    assert [each.name for each in runs.waiting] == ["second, 2 draws"]
    qtbot.waitUntil(stepped.waiting.is_set, timeout=60_000)
    assert len(stepped.calls) == 1  # the second has not begun
    assert runs.begun == ["first"]
    stepped.go_on()
    qtbot.waitUntil(lambda: len(runs.heard) == 2, timeout=60_000)
    assert runs.heard == [("done", 2), ("done", 2)]
    assert runs.begun == ["first", "second"]
    assert {"first CVDM", "second CVDM", "first CVDM uncertainty", "second CVDM uncertainty"} <= set(
        names(viewer_model)
    )
    ids = {layer.metadata[METADATA_KEY]["run"] for layer in viewer_model.layers if "CVDM" in layer.name}
    assert len(ids) == 2


def test_what_is_told_names_the_image_where_there_are_several(qtbot, runs, viewer_model, stepped):
    progressed, ended = [], []
    runs.progressed.connect(lambda words, _: progressed.append(words))
    runs.ended.connect(lambda outcome, words, layers: ended.append(words))
    stepped.stop_at = 3
    add(runs, viewer_model, "first")
    qtbot.waitUntil(stepped.waiting.is_set, timeout=60_000)
    assert progressed[0] == "Loading PyTorch …"
    add(runs, viewer_model, "second")
    stepped.go_on()
    qtbot.waitUntil(lambda: len(ended) == 2, timeout=60_000)
    assert [words.partition(" s")[0] for words in ended] == ["first: Done in 1", "second: Done in 1"]
    assert any(words.startswith("second: Plane 2 of 2, first picture") for words in progressed)
    add(runs, viewer_model, "third")
    qtbot.waitUntil(lambda: len(ended) == 3, timeout=60_000)
    assert ended[-1].startswith("Done in")


def test_a_warning_names_the_image_while_others_wait(qtbot, runs, viewer_model, stepped):
    warned = []
    runs.warned.connect(warned.append)
    stepped.stop_at = 3
    add(runs, viewer_model, "first")
    runs.current.warned.emit("It is dark.")
    add(runs, viewer_model, "second")
    runs.current.warned.emit("It is dark.")
    assert warned == ["It is dark.", "first: It is dark."]
    runs.take_out(0)


def test_giving_up_the_first_starts_the_second(qtbot, runs, viewer_model, stepped):
    stepped.stop_at = 3
    add(runs, viewer_model, "first")
    add(runs, viewer_model, "second")
    qtbot.waitUntil(stepped.waiting.is_set, timeout=60_000)
    stepped.stop_at = None
    told = []
    runs.changed.connect(lambda: told.append(runs.current is not None and runs.current.cancelling))
    runs.cancel()
    assert told == [True]  # the panel says so at once
    qtbot.waitUntil(lambda: len(runs.heard) == 2, timeout=60_000)
    assert runs.heard == [("cancelled", 0), ("done", 2)]
    assert set(names(viewer_model)) == {"first", "second", "second CVDM", "second CVDM uncertainty"}


def test_the_input_of_a_waiting_run_may_be_deleted(qtbot, runs, viewer_model, stepped):
    stepped.stop_at = 3
    add(runs, viewer_model, "first")
    add(runs, viewer_model, "second")
    viewer_model.layers.remove("second")
    stepped.go_on()
    qtbot.waitUntil(lambda: len(runs.heard) == 2, timeout=60_000)
    assert "second CVDM" in names(viewer_model)


def test_stopping_keeps_what_there_is_and_says_so(qtbot, runs, viewer_model, stepped):
    stepped.stop_at = 3  # both first pictures and a step are done
    add(runs, viewer_model, "cell")
    qtbot.waitUntil(stepped.waiting.is_set, timeout=60_000)
    told = []
    runs.changed.connect(lambda: told.append(runs.current is not None and runs.current.stopping))
    runs.stop()
    assert told == [True]
    stepped.go_on()
    qtbot.waitUntil(lambda: len(runs.heard) == 1, timeout=60_000)
    assert runs.heard == [("done", 2)]
    reconstruction = viewer_model.layers["cell (0 of 2 planes with all draws) CVDM"]
    assert reconstruction.metadata[METADATA_KEY]["stopped"]["draws_of_planes"] == [1, 0]
    np.testing.assert_array_equal(reconstruction.data[1, ::2, ::2], viewer_model.layers["cell"].data[1])


def test_giving_up_all_leaves_nothing_and_lets_go_of_the_images(qtbot, runs, viewer_model, stepped):
    stepped.stop_at = 3
    add(runs, viewer_model, "first")
    waiting = add(runs, viewer_model, "second")
    qtbot.waitUntil(stepped.waiting.is_set, timeout=60_000)
    assert runs.give_up_all() == ""
    qtbot.waitUntil(lambda: runs.current is None, timeout=60_000)
    assert set(names(viewer_model)) == {"first", "second"}
    assert waiting.data is None
    assert runs.waiting == []


@pytest.mark.parametrize(("first_pictures", "left"), [(0, 1000), (1, 500)])
def test_what_the_results_have_yet_to_fill_is_claimed_until_the_run_is_over(
    qtbot, runs, viewer_model, stepped, first_pictures, left
):
    stepped.stop_at = first_pictures  # of two planes
    data = np.random.default_rng(0).integers(0, 900, (2, 16, 12), np.uint16)
    layer = viewer_model.add_image(data, name="cell")
    jobs = [Job("cell", data, "ZYX", draws=2) for _ in range(3)]
    runs.add(layer, *jobs, results_size=3000)
    qtbot.waitUntil(stepped.waiting.is_set, timeout=60_000)
    assert runs.claimed == left + 2000
    told = []
    runs.changed.connect(lambda: told.append(len(runs.waiting)))
    runs.take_out(0)
    assert told == [1]  # its row goes
    assert runs.claimed == left + 1000
    runs.current.cancel()
    assert runs.claimed == 1000
    stepped.go_on()
    qtbot.waitUntil(lambda: runs.current is None, timeout=60_000)
    assert runs.claimed == 0


def test_a_run_that_waited_is_not_started_without_the_memory_for_it(
    qtbot, runs, viewer_model, stepped, monkeypatch
):
    stepped.stop_at = 1
    warned = []
    runs.warned.connect(warned.append)
    data = np.random.default_rng(0).integers(0, 900, (2, 16, 12), np.uint16)
    for name, jobs, memory in (("first", 1, 2**31), ("second", 1, 2**31), ("third", 2, 3 * 2**29)):
        layer = viewer_model.add_image(data, name=name)
        all_jobs = [Job(name, data, "ZYX", draws=2) for _ in range(jobs)]
        runs.add(layer, *all_jobs, memory=memory)  # of the third, half for each
        if name == "second":
            (refused,) = all_jobs
    qtbot.waitUntil(stepped.waiting.is_set, timeout=60_000)
    monkeypatch.setattr(module, "free_memory", lambda: 2**30)  # another program has taken the rest
    stepped.go_on()
    qtbot.waitUntil(lambda: len(runs.heard) == 3 and runs.current is None, timeout=60_000)
    assert runs.begun == ["first", "third", "third"]
    assert warned == [
        "The run that waited (second, 2 draws) was not started: it takes 2.0 GB of memory, and 1.0 GB are "
        "free. Free some, and press Restore again."
    ]
    assert refused.data is None


def test_draws_are_kept_with_the_reconstruction(qtbot, runs, viewer_model):
    from napari_cvdm.plugin.results.layers import DRAWS_KEY

    add(runs, viewer_model, "cell", keep_draws=True)
    qtbot.waitUntil(lambda: len(runs.heard) == 1, timeout=60_000)
    assert viewer_model.layers["cell CVDM"].metadata[DRAWS_KEY].shape == (2, 2, 32, 24)
    assert DRAWS_KEY not in viewer_model.layers["cell CVDM uncertainty"].metadata


@pytest.mark.parametrize(
    ("planes", "moved", "shown"), [(range(2, 3), False, 2), (range(2, 3), True, 3), (range(1, 4), True, 3)]
)
def test_a_part_that_is_not_in_view_is_brought_there_unless_the_user_has_moved_on(
    qtbot, runs, viewer_model, stepped, planes, moved, shown
):
    stepped.stop_at = 2
    said = []
    runs.ended.connect(lambda outcome, words, layers: said.append(words))
    data = np.random.default_rng(0).integers(0, 900, (4, 16, 12), np.uint16)
    layer = viewer_model.add_image(data, name="film", axis_labels=("t", "y", "x"))
    viewer_model.dims.set_point(0, 0)
    part = Part((planes, range(16), range(12)), "plane")
    runs.add(layer, Job("film", data, "TYX", draws=1, part=part))
    qtbot.waitUntil(stepped.waiting.is_set, timeout=60_000)
    viewer_model.dims.set_point(1, 6.75)  # as napari's window does when the finer pixels of the result come
    if moved:
        viewer_model.dims.set_point(0, 3)
    stepped.go_on()
    qtbot.waitUntil(lambda: bool(said), timeout=60_000)
    assert viewer_model.dims.current_step[0] == shown
    assert ("t\u00a02 only" in said[0]) == (shown not in planes)
    assert said[0].endswith("where the model is least sure.") == (shown in planes)


def test_runs_of_one_image_can_be_told_apart_in_the_queue(qtbot, runs, viewer_model, stepped):
    stepped.stop_at = 2
    add(runs, viewer_model, "cell")
    qtbot.waitUntil(stepped.waiting.is_set, timeout=60_000)
    data = viewer_model.layers["cell"].data
    for settings in ({}, {"seed": 7}, {"model": "/models/own.safetensors"}):
        runs.add(viewer_model.layers["cell"], Job("cell", data, "ZYX", draws=2, **settings))
    first, second, third = (each.name for each in runs.waiting)
    assert (first, second) == ("cell, 2 draws", "cell, 2 draws, seed 7")
    assert "model own.safetensors" in third
    assert "seed: 7" in runs.waiting[1].settings


def test_all_that_was_asked_of_a_waiting_run_can_be_read():
    part = Part((range(16), range(2, 12)), "view")
    view = Job("cell", None, "YX", part=part, draws=1, steps=4, pixel_size=65.0, resample=True)
    preview = Job("cell", None, "YX", preview=True, model="own", device="cpu", tile=64)
    assert module._settings_of(view).splitlines() == [
        "Image: cell",
        "Part: view",
        "Model: default",
        "Draws: 1, steps: 4, seed: 0",
        "Pixel size: 65 nm, resampled",
        "Compute on: auto, tile: auto",
    ]
    assert module._settings_of(preview).splitlines() == [
        "Image: cell",
        "Part: everything",
        "Model: own",
        "Preview",
        "Pixel size: not known",
        "Compute on: cpu, tile: 64",
    ]
    assert module._name_of(view, [view]) == "cell, view, 1 draw"
    assert module._name_of(preview, [view]) == "cell, preview, model own, steps automatic"


def test_memory_is_looked_for_among_objects_that_another_run_spares(monkeypatch):
    left = Left()
    left.itself, seen = left, weakref.ref(left)
    with OldObjectsSpared():
        del left
        monkeypatch.setattr(module, "free_memory", lambda: 0 if seen() else 2**30)
        assert module._has_memory(2**20)


class Left:
    """Holds itself, as a layer and what draws it do each other."""

    itself: object

"""Layers that are deleted give back their memory soon, during a run as well."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_cvdm.plugin.results.adding import insert_quietly
from napari_cvdm.plugin.results.layers import DRAWS_KEY, FOR_SHOW
from napari_cvdm.plugin.running import deleted_layers
from napari_cvdm.plugin.running.deleted_layers import DeletedLayers
from napari_cvdm.plugin.viewer.garbage import OldObjectsSpared

IMAGE = np.random.default_rng(0).integers(100, 1000, (16, 12), np.uint16)


@pytest.fixture(autouse=True)
def _these_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer of these tests is worth a search."""
    monkeypatch.setattr(deleted_layers, "_WORTH_A_SEARCH", IMAGE.nbytes)


def add(viewer, name: str) -> weakref.ref:
    """Add a layer; hand out what tells whether its pixels are still in memory."""
    insert_quietly(viewer, Image(IMAGE.copy(), name=name, contrast_limits=(0, 1000)))
    return weakref.ref(viewer.layers[name].data)


@pytest.mark.parametrize("deleted", ["before the run", "during the run"])
def test_memory_comes_back_while_a_run_goes_on(viewer, widget, qtbot, stepped, deleted):
    stepped.stop_at = 2
    add(viewer, "cell")
    pixels = add(viewer, "other")
    widget.form.layer.value = viewer.layers["cell"]
    if deleted == "before the run":
        viewer.layers.remove("other")
        qtbot.wait(700)
    widget.restore()
    qtbot.waitUntil(lambda: stepped.waiting.is_set() and "cell CVDM" in viewer.layers, timeout=60_000)
    if deleted == "during the run":
        viewer.layers.remove("other")
    qtbot.waitUntil(lambda: pixels() is None, timeout=10_000)
    assert widget.running


def test_memory_comes_back_without_a_run(viewer, widget, qtbot):
    pixels = add(viewer, "cell")
    qtbot.wait(200)
    viewer.layers.remove("cell")
    qtbot.waitUntil(lambda: pixels() is None, timeout=10_000)


def test_memory_of_what_a_run_had_a_use_for_comes_back_at_its_end(viewer, widget, qtbot, stepped):
    stepped.stop_at = 2
    add(viewer, "other")
    used = add(viewer, "cell")
    widget.form.layer.value = viewer.layers["cell"]
    widget.restore()
    qtbot.waitUntil(lambda: stepped.waiting.is_set() and "cell CVDM" in viewer.layers, timeout=60_000)
    made = weakref.ref(viewer.layers["cell CVDM"].data)
    for name in ("cell", "cell CVDM"):
        viewer.layers.remove(name)
    qtbot.wait(700)
    assert used() is not None
    stepped.calls.clear()  # with the image
    stepped.go_on()
    qtbot.waitUntil(lambda: used() is None and made() is None, timeout=10_000)
    assert not widget.running


def test_memory_comes_back_before_the_queue_has_ended(viewer, widget, qtbot, stepped):
    stepped.stop_at = 2
    add(viewer, "second")
    used = add(viewer, "first")
    for name in ("first", "second"):
        widget.form.layer.value = viewer.layers[name]
        widget.restore()
    qtbot.waitUntil(lambda: stepped.waiting.is_set() and "first CVDM" in viewer.layers, timeout=60_000)
    viewer.layers.remove("first")
    qtbot.wait(700)
    stepped.calls.clear()  # with the image
    widget.runs.began.connect(stepped.reset)
    stepped.go_on()
    qtbot.waitUntil(lambda: used() is None, timeout=10_000)
    qtbot.waitUntil(lambda: "second CVDM" in viewer.layers, timeout=60_000)
    made = weakref.ref(viewer.layers["first CVDM"].data)
    viewer.layers.remove("first CVDM")
    qtbot.waitUntil(lambda: made() is None, timeout=10_000)
    assert widget.running


@pytest.fixture
def searches(monkeypatch) -> list[bool]:
    """When garbage was looked for among all objects."""
    gc.collect()  # or layers of the test before would be looked for, too
    searches: list[bool] = []
    monkeypatch.setattr(OldObjectsSpared, "collect", lambda: searches.append(True))
    return searches


@pytest.mark.parametrize(("metadata", "times"), [({}, 1), (FOR_SHOW, 0)])
def test_the_viewer_stands_still_once_for_many_layers_and_not_for_the_panels_own(
    qtbot, searches, metadata, times
):
    viewer = ViewerModel()
    watch = DeletedLayers(viewer)
    kept = [viewer.add_image(IMAGE, name=str(number), metadata=metadata) for number in range(3)]
    viewer.layers.clear()
    qtbot.wait(700)
    assert len(searches) == times
    del kept, watch


def test_nothing_is_looked_for_once_all_have_gone(qtbot, searches):
    viewer = ViewerModel()
    deleted = DeletedLayers(viewer)
    viewer.add_image(IMAGE, name="cell")
    viewer.add_image(IMAGE, name="other")  # napari keeps the layer that was selected last
    viewer.layers.remove("cell")
    gc.collect()
    deleted.look_soon()
    qtbot.wait(700)
    assert searches == []


def test_small_layers_are_not_worth_that_the_viewer_stands_still_until_they_are_many(
    qtbot, searches, monkeypatch
):
    monkeypatch.setattr(deleted_layers, "_WORTH_A_SEARCH", 3 * IMAGE.nbytes)
    viewer = ViewerModel()
    watch = DeletedLayers(viewer)
    plain, with_draws = (viewer.add_image(IMAGE, name=name) for name in ("plain", "with draws"))
    with_draws.metadata[DRAWS_KEY] = IMAGE
    viewer.layers.remove(with_draws)
    qtbot.wait(700)
    assert searches == []
    viewer.layers.remove(plain)
    qtbot.wait(700)
    assert len(searches) == 1
    del watch


def test_what_of_small_layers_is_gone_does_not_count(qtbot, searches, monkeypatch):
    monkeypatch.setattr(deleted_layers, "_WORTH_A_SEARCH", 2 * IMAGE.nbytes)
    viewer = ViewerModel()
    watch = DeletedLayers(viewer)
    kept = viewer.add_image(IMAGE, name="kept")
    for _ in range(3):
        viewer.add_image(IMAGE, name="gone")
        viewer.layers.selection.active = kept  # napari keeps the layer that was selected last
        viewer.layers.remove("gone")
        gc.collect()
    viewer.layers.remove(kept)
    qtbot.wait(700)
    assert searches == []
    del watch

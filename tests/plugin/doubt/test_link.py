"""The panel follows results, sliders and selection, and is safe from whatever happens to the layers."""

from __future__ import annotations

import itertools
import threading
import time

import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtCore import QObject

from napari_cvdm.assessment.doubt import PlaneDoubt, ThresholdCurve
from napari_cvdm.plugin.doubt.link import NO_RESULT, NOT_A_PLANE, Link, Look
from napari_cvdm.plugin.doubt.linked import Result
from napari_cvdm.plugin.doubt.slices import Slice
from napari_cvdm.plugin.results.layers import METADATA_KEY


@pytest.fixture
def link(viewer, qtbot, wait_for_workers):
    owner = QObject()
    link = Link(viewer, owner)
    link.told = []
    link.looked.connect(link.told.append)
    yield link
    link.close()
    wait_for_workers()
    qtbot.wait(20)
    owner.deleteLater()


def looked(link, qtbot, until=lambda look: True):
    qtbot.waitUntil(lambda: link.look is not None and until(link.look), timeout=10_000)
    return link.look


class Held:
    """Pixels that come, to the thread that reads them, when the test wants them to."""

    shape, ndim, dtype = (64, 80), 2, np.dtype(np.float32)

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __getitem__(self, index):
        if threading.current_thread() is not threading.main_thread():
            self.begun.set()
            self.go_on.wait(60)
        return np.ones(self.shape, np.float32)[index]

    def __array__(self, dtype=None, copy=None):
        return np.ones(self.shape, np.float32)


def test_it_takes_the_newest_result_and_its_original(add_result, link, qtbot):
    add_result(run="1")
    original, reconstruction, uncertainty = add_result(name="other", run="2")
    link.rescan()
    assert link.result.layers == (reconstruction, uncertainty)
    assert link.original is original
    look = looked(link, qtbot)
    np.testing.assert_array_equal(look.doubt.mean, reconstruction.data)
    np.testing.assert_array_equal(look.doubt.std, uncertainty.data)


def test_selecting_a_layer_of_another_result_looks_at_that(viewer, add_result, link, qtbot):
    _, reconstruction, _ = add_result(run="1")
    add_result(name="other", run="2", seed=3)
    link.rescan()
    viewer.layers.selection.active = reconstruction
    look = looked(link, qtbot, lambda look: look.result.reconstruction is reconstruction)
    np.testing.assert_array_equal(look.doubt.mean, reconstruction.data)


def test_the_plane_follows_the_sliders_of_a_5d_stack(viewer, add_result, link, qtbot):
    add_result((2, 2, 3, 32, 40))
    link.rescan()
    viewer.dims.set_current_step((0, 1, 2), (1, 0, 2))
    look = looked(link, qtbot, lambda look: look.slice == Slice((1, 0, 2, None, None)))
    np.testing.assert_array_equal(look.doubt.mean, link.result.reconstruction.data[1, 0, 2])
    viewer.dims.order = (0, 1, 3, 2, 4)  # what is seen now is planes against columns
    look = looked(link, qtbot, lambda look: look.slice.displayed == (2, 4))
    row = viewer.dims.current_step[3]
    np.testing.assert_array_equal(look.doubt.mean, link.result.reconstruction.data[1, 0, :, row])


@pytest.mark.parametrize(
    ("shape", "axes", "index", "others"),
    [
        ((8, 8), "YX", (None, None), False),
        ((3, 8, 8), "ZYX", (1, None, None), True),
        ((1, 8, 8), "ZYX", (0, None, None), False),
        ((3, 8, 8), "ZYX", (None, 4, None), True),
        ((2, 8, 8), "CYX", (1, None, None), False),
        ((2, 3, 8, 8), "CZYX", (1, 0, None, None), True),
    ],
)
def test_a_plane_is_among_others_if_the_stack_of_its_channel_has_more(shape, axes, index, others):
    layer = Image(np.zeros(shape), metadata={METADATA_KEY: {"axes": axes}})
    plane = PlaneDoubt(np.ones((8, 8)), np.ones((8, 8)))
    look = Look(Result(layer, layer), Slice(index), "absolute", plane, ThresholdCurve(plane, "absolute"))
    assert look.among_others is others
    assert (len(look.planes()) > 1) is others


def test_the_measure_decides_what_thresholds_are_about(add_result, link, qtbot):
    add_result()
    link.rescan()
    absolute = looked(link, qtbot).curve.highest
    link.set_measure("relative")
    assert looked(link, qtbot, lambda look: look.measure == "relative").curve.highest < absolute / 10


def test_new_pixels_are_looked_at(add_result, link, qtbot):
    _, reconstruction, _ = add_result()
    link.rescan()
    looked(link, qtbot)
    reconstruction.data = reconstruction.data + 7
    looked(link, qtbot, lambda look: look.doubt.mean.min() > 100)


def test_a_run_in_progress_is_looked_at_again_whenever_it_is_redrawn(add_result, link, qtbot):
    _, reconstruction, uncertainty = add_result(metadata={"finished": False})
    link.rescan()
    looked(link, qtbot)
    uncertainty.data[:] = 5
    uncertainty.refresh()
    looked(link, qtbot, lambda look: look.doubt.std.max() == 5)
    reconstruction.metadata[METADATA_KEY]["finished"] = True
    before = looked(link, qtbot)
    uncertainty.refresh()
    qtbot.wait(150)
    assert link.look is before


def test_the_end_of_a_run_is_looked_at_even_if_its_layers_are_hidden(add_result, link, qtbot):
    _, reconstruction, uncertainty = add_result(metadata={"finished": False})
    link.rescan()
    looked(link, qtbot)
    reconstruction.visible = uncertainty.visible = False
    uncertainty.data[:] = 5
    metadata = {**reconstruction.metadata[METADATA_KEY], "finished": True}
    reconstruction.metadata = {METADATA_KEY: metadata}
    assert looked(link, qtbot, lambda look: look.doubt.std.max() == 5).finished


def test_what_was_being_read_when_the_pixels_changed_is_not_taken(add_result, link, qtbot):
    _, reconstruction, _ = add_result()
    reconstruction.data = held = Held()
    link.rescan()
    qtbot.waitUntil(held.begun.is_set, timeout=10_000)
    reconstruction.data = np.full((64, 80), 7, np.float32)
    held.go_on.set()
    assert looked(link, qtbot).doubt.mean.max() == 7


def test_a_plane_that_cannot_be_read_says_why(add_result, link, qtbot):
    class Lost(Held):
        def __getitem__(self, index):
            if threading.current_thread() is not threading.main_thread():
                raise OSError("The disk is gone.")
            return super().__getitem__(index)

    _, reconstruction, _ = add_result()
    link.rescan()
    looked(link, qtbot)
    reconstruction.data = Lost()
    qtbot.waitUntil(lambda: link.told[-1] == "The disk is gone.", timeout=10_000)
    assert link.look is None


def test_an_original_chosen_by_hand_stays_with_its_result(viewer, add_result, link, qtbot):
    original, *_ = add_result(metadata={"source": "gone"})
    link.rescan()
    assert link.original is None
    link.choose_original(original)
    link.choose(link.result)
    assert link.original is original


def test_no_original_chosen_by_hand_stays_so_until_another_result(viewer, add_result, link, qtbot):
    original, *_ = add_result()
    link.rescan()
    assert link.original is original
    link.choose_original(None)
    viewer.add_image(original.data, name="more")
    link.rescan()
    assert link.original is None
    add_result(name="other", run="2", seed=3)
    link.rescan()
    link.choose(link.results[-1])
    assert link.original is viewer.layers["other"]


def test_an_original_with_other_axes_is_not_compared_with(viewer, add_result, link, qtbot):
    viewer.add_image(np.zeros((16, 20, 3), np.uint8), name="colours", rgb=True)
    _, *layers = add_result((3, 32, 40), run="2", with_original=False, metadata={"source": "colours"})
    link.rescan()
    assert link.result.layers == tuple(layers)
    assert link.original is None


def test_there_is_nothing_to_see_in_3d_and_without_a_result(viewer, add_result, link, qtbot):
    link.rescan()
    link.refresh()
    qtbot.waitUntil(lambda: link.told == [NO_RESULT], timeout=10_000)
    add_result((3, 32, 40))
    link.rescan()
    looked(link, qtbot)
    viewer.dims.ndisplay = 3
    qtbot.waitUntil(lambda: link.told[-1] == NOT_A_PLANE, timeout=10_000)
    assert link.look is None
    told = len(link.told)
    link.choose_original(None)
    assert link.told[told:] == []  # as little as before
    viewer.dims.ndisplay = 2
    looked(link, qtbot)


def test_a_result_whose_layer_is_deleted_gives_way_to_another(viewer, add_result, link, qtbot):
    first = add_result(run="1")
    second = add_result(name="other", run="2")
    link.rescan()
    looked(link, qtbot)
    viewer.layers.remove(second[2])
    link.rescan()
    assert link.result.layers == first[1:]
    viewer.layers.remove(first[1])
    link.rescan()
    assert (link.result, link.look) == (None, None)


def test_an_original_is_compared_with_while_it_is_in_the_viewer(viewer, add_result, link, qtbot):
    original, *_ = add_result()
    link.rescan()
    viewer.layers.remove(original)
    link.rescan()
    assert link.original is None
    another = viewer.add_image(original.data, name="cell")
    link.rescan()
    assert link.original is another
    viewer.layers.remove(another)
    viewer.layers.append(original)
    link.rescan()
    assert link.original is original


def test_a_result_of_known_size_is_laid_on_an_original_in_pixels_that_is_opened_later(
    viewer, add_result, link
):
    _, reconstruction, uncertainty = add_result((5, 64, 80), with_original=False)
    for layer in (reconstruction, uncertainty):
        layer.scale = (2.5, *layer.scale[1:])
    link.rescan()
    viewer.reset_view()
    viewer.dims.set_current_step(0, 2)
    original = viewer.add_image(np.zeros((5, 32, 40), np.uint16), name="cell")  # as napari reads a TIFF
    link.rescan()
    assert link.original is original
    for layer in (reconstruction, uncertainty):
        np.testing.assert_allclose(layer.data_to_world((1, 20.5, 8.5)), (1, 10, 4))
    assert link.current().index[0] == 2  # still the same plane
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (15.5, 19.5))  # and is in view


def test_layers_that_go_while_they_are_read_do_no_harm(viewer, add_result, link, qtbot, wait_for_workers):
    _, reconstruction, _ = add_result()
    reconstruction.data = held = Held()
    link.rescan()
    qtbot.waitUntil(held.begun.is_set, timeout=10_000)
    viewer.layers.remove(reconstruction)
    link.rescan()
    held.go_on.set()
    wait_for_workers()
    qtbot.waitUntil(lambda: link.told[-1:] == [NO_RESULT], timeout=10_000)
    assert (link.result, link.look) == (None, None)


def test_nothing_is_followed_after_the_end(viewer, add_result, link, qtbot):
    add_result((3, 32, 40))
    link.rescan()
    looked(link, qtbot)
    link.close()
    told = len(link.told)
    viewer.dims.set_current_step(0, 2)
    link.rescan()
    qtbot.wait(150)
    assert len(link.told) == told


class Slow:
    """Takes longer to read than a plane stays in view, or a run leaves it as it is."""

    def __init__(self, data: np.ndarray) -> None:
        self.data, self.shape, self.ndim, self.dtype = data, data.shape, data.ndim, data.dtype

    def __getitem__(self, index):
        if threading.current_thread() is not threading.main_thread():
            time.sleep(0.05)
        return self.data[index]

    def __array__(self, dtype=None, copy=None):
        return self.data


def test_planes_are_looked_at_while_a_stack_plays(viewer, add_result, link, qtbot):
    _, reconstruction, uncertainty = add_result((3, 64, 80))
    for layer in (reconstruction, uncertainty):
        layer.data = Slow(layer.data)
    link.rescan()
    looked(link, qtbot)
    before, steps = len(link.told), itertools.count()

    def three_more_were_looked_at() -> bool:
        viewer.dims.set_current_step(0, next(steps) % 3)
        return len(link.told) > before + 2

    qtbot.waitUntil(three_more_were_looked_at, timeout=60_000)  # asks every 10 ms
    viewer.dims.set_current_step(0, 1)
    looked(link, qtbot, lambda look: look.slice.index[0] == 1)


def test_another_plane_is_looked_at_when_the_result_is_moved(viewer, add_result, link, qtbot):
    original, *pictures = add_result((3, 64, 80))
    where = {"scale": original.scale, "units": original.units, "axis_labels": original.axis_labels}
    viewer.add_image(np.zeros((11, 32, 40)), translate=(-5, 0, 0), **where)  # the sliders stay as they are
    link.rescan()
    viewer.dims.set_point(0, 1)
    looked(link, qtbot, lambda look: look.slice.index[0] == 1)
    for layer in pictures:
        layer.translate = (-1, *layer.translate[1:])
    looked(link, qtbot, lambda look: look.slice.index[0] == 2)


def test_a_plane_is_looked_at_while_a_run_redraws_it_faster_than_it_is_read(add_result, link, qtbot):
    _, reconstruction, uncertainty = add_result(metadata={"finished": False})
    pixels = uncertainty.data.copy()
    for layer, data in ((reconstruction, reconstruction.data), (uncertainty, pixels)):
        layer.data = Slow(data)
    link.rescan()

    def three_were_looked_at() -> bool:
        uncertainty.refresh()
        return len(link.told) > 2

    qtbot.waitUntil(three_were_looked_at, timeout=60_000)  # asks every 10 ms
    assert link.look is not None
    pixels[:] = 5
    uncertainty.refresh()
    looked(link, qtbot, lambda look: look.doubt.std.max() == 5)

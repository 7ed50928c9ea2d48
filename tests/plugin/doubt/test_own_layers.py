"""The panel's own layers come and go without a trace on the user's selection."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels, Shapes
from napari.utils.colormaps import DirectLabelColormap

from napari_cvdm.plugin.doubt.linked import Result
from napari_cvdm.plugin.doubt.own_layers import OwnLayers
from napari_cvdm.plugin.doubt.slices import Slice
from napari_cvdm.plugin.results.adding import OwnChange
from napari_cvdm.plugin.results.layers import METADATA_KEY, PIXEL_SIZE_KEY, is_for_show


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    for name in ("a", "b", "c"):
        viewer.add_image(np.zeros((4, 8, 8)), name=name, scale=(1, 0.5, 0.5))
    return viewer


@pytest.fixture
def result(viewer):
    return Result(viewer.layers["a"], viewer.layers["b"])


def test_a_layer_is_put_above_another_and_nothing_else_is_selected(viewer):
    viewer.layers.selection.active = viewer.layers["a"]
    own = OwnLayers(viewer)
    layer = own.add("map", Image(np.zeros((8, 8)), name="b"), above=viewer.layers["b"])
    assert [each.name for each in viewer.layers] == ["a", "b", "b [1]", "c"]
    assert viewer.layers.selection.active is viewer.layers["a"]
    assert own.owns(layer)
    assert not own.owns(viewer.layers["a"])


def test_a_layer_comes_into_sight_a_moment_later_if_it_is_to_be_seen(viewer, qtbot):
    own = OwnLayers(viewer)
    seen = own.add("seen", Image(np.zeros((8, 8))))
    other = own.add("other", Image(np.zeros((8, 8))), show=False)
    assert not seen.visible
    qtbot.waitUntil(lambda: seen.visible, timeout=10_000)
    assert not other.visible


def test_what_it_adds_says_that_it_is_for_show(viewer, result):
    own, place = OwnLayers(viewer), Slice((0, None, None))
    plane = np.zeros((8, 8), np.float32)
    picture = own.show_plane("map", plane, place, result, name="map", metadata={"limits of": 1})
    for layer in (picture, own.add("lines", Shapes(ndim=3))):
        assert is_for_show(layer)
        own.release("lines")  # and stays so with the user
        assert is_for_show(layer)
    assert picture.metadata["limits of"] == 1
    assert not is_for_show(viewer.layers["a"])


def test_a_picture_of_a_result_knows_the_size_of_its_pixels(viewer, result):
    """It is to stand in a file, also where the layers lie in pixels."""
    viewer.layers["a"].metadata[METADATA_KEY] = {"pixel_size_nm": 65.0, "upscaling": 2}
    own, place = OwnLayers(viewer), Slice((0, None, None), 2)
    plane = np.zeros((4, 4, 4), np.uint8)
    assert own.show_plane("map", plane, place, result).metadata[PIXEL_SIZE_KEY] == pytest.approx(65)
    of_another = own.show_plane("swipe", plane, place, result, like=viewer.layers["c"])
    assert PIXEL_SIZE_KEY not in of_another.metadata


def test_planes_are_shown_in_one_layer_that_follows(viewer, result):
    own = OwnLayers(viewer)
    first = own.show_plane("map", np.ones((8, 8), np.float32), Slice((1, None, None)), result, name="map")
    second = own.show_plane("map", np.full((8, 8), 2, np.float32), Slice((3, None, None)), result, name="map")
    assert second is first
    assert second.data.shape == (1, 8, 8)
    assert second.data.max() == 2
    np.testing.assert_allclose(second.data_to_world((0, 5, 6)), viewer.layers["a"].data_to_world((3, 5, 6)))
    thinned = own.show_plane("map", np.zeros((2, 4), np.float32), Slice((None, 5, None), 2), result)
    assert thinned is first
    np.testing.assert_allclose(thinned.data_to_world((1, 0, 3)), viewer.layers["a"].data_to_world((2, 5, 6)))


def test_planes_follow_a_result_that_the_user_turns(viewer, result):
    own, place = OwnLayers(viewer), Slice((1, None, None))
    shown = own.show_plane("map", np.ones((8, 8), np.float32), place, result, name="map")
    moved = viewer.layers["a"]
    moved.rotate, moved.shear = (0, 0, 30), (0, 0, 0.2)
    moved.affine = np.diag((1.0, 2, 2, 1))
    assert own.show_plane("map", np.ones((8, 8), np.float32), place, result) is shown
    np.testing.assert_allclose(shown.data_to_world((0, 5, 6)), moved.data_to_world((1, 5, 6)))


def test_the_picture_decides_the_kind_of_layer(viewer, result):
    own, place = OwnLayers(viewer), Slice((0, None, None))
    rgba = own.show_plane("rgba", np.zeros((8, 8, 4), np.uint8), place, result, name="x")
    assert rgba.rgb
    narrow = own.show_plane("grey", np.zeros((8, 3), np.float32), place, result, name="y")
    assert not narrow.rgb
    colormap = DirectLabelColormap(color_dict={None: np.zeros(4), 1: np.ones(4)})
    mask = own.show_plane("mask", np.zeros((8, 8), np.uint8), place, result, name="z", colormap=colormap)
    assert isinstance(mask, Labels)


def test_a_deleted_layer_is_made_anew(viewer, result):
    own, place = OwnLayers(viewer), Slice((0, None, None))
    first = own.show_plane("map", np.zeros((8, 8), np.float32), place, result, name="map")
    viewer.layers.remove(first)
    assert own.get("map") is None
    assert own.show_plane("map", np.zeros((8, 8), np.float32), place, result, name="map") in viewer.layers


def test_all_but_one_are_removed_one_by_one_and_one_left_to_the_user(viewer):
    own = OwnLayers(viewer)
    for name in ("x", "y", "z"):
        own.add(name, Image(np.zeros((8, 8)), name=name))
    own_changes = []
    viewer.layers.events.removed.connect(lambda: own_changes.append(OwnChange.under_way()))
    assert own.remove_one(but="y")
    assert own_changes == [True]  # what stays selected, the user has not chosen
    assert len(viewer.layers) == 5
    assert not own.remove_one(but="y")
    assert not own.remove_one(but="y")
    own.release("y")
    assert not own.remove_one()
    assert [each.name for each in viewer.layers] == ["a", "b", "c", "y"]


def test_another_result_gets_another_layer(viewer, result):
    own, place = OwnLayers(viewer), Slice((0, None, None))
    first = own.show_plane("map", np.zeros((8, 8), np.float32), place, result, name="first")
    viewer.layers["c"].translate = (0, 7, 7)
    other = Result(viewer.layers["c"], viewer.layers["b"])
    second = own.show_plane("map", np.zeros((8, 8), np.float32), place, other, name="second")
    assert first not in viewer.layers
    assert second.name == "second"
    np.testing.assert_array_equal(second.data_to_world((0, 0, 0)), (0, 7, 7))

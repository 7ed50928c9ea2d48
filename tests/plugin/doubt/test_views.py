"""Each view shows what it promises, and the viewer is put back as it was."""

from __future__ import annotations

import numpy as np
import pytest
from napari.experimental import link_layers
from napari.layers import Image
from napari.layers._layer_actions import _duplicate_layer, _project, _split_stack
from napari.layers._source import layer_source
from qtpy.QtCore import QObject

from napari_cvdm.plugin.doubt.link import Link
from napari_cvdm.plugin.doubt.own_layers import OwnLayers
from napari_cvdm.plugin.doubt.views import VIEWS, Arrangement
from napari_cvdm.plugin.results.results import ResultLayers
from napari_cvdm.plugin.running.messages import Pictures
from napari_cvdm.restoration.axes import resolve_axes


@pytest.fixture
def scene(viewer, add_result, qtbot):
    add_result()
    viewer.add_points([[1, 1]], name="notes")
    viewer.layers["cell CVDM uncertainty"].visible = False
    owner = QObject()
    link, own, maps = Link(viewer, owner), OwnLayers(viewer, owner), OwnLayers(viewer, owner)
    link.rescan()
    own.add("colour", Image(np.zeros((4, 4)), name="overlay"))
    yield viewer, Arrangement(link, own, maps), own
    link.close()
    owner.deleteLater()


def visible(viewer) -> set[str]:
    return {layer.name for layer in viewer.layers if layer.visible}


def pictures_of_a_run() -> Pictures:
    mean, std = np.zeros((16, 16), np.float32), np.ones((16, 16), np.float32)
    limits = {0: {"reconstruction": (0.0, 1.0), "uncertainty": (0.0, 1.0)}}
    return Pictures(mean, std, resolve_axes((8, 8)), limits)


def test_a_view_shows_its_layers_and_leaves_others_alone(scene):
    viewer, arrangement, own = scene
    arrangement.show("colour")
    assert visible(viewer) == {"cell CVDM", "overlay", "notes"}  # the stack, until its overlay has followed
    arrangement.show("reconstruction")
    assert visible(viewer) == {"cell CVDM", "notes"}
    arrangement.tidy("reconstruction")
    assert own.all() == []  # the overlay has gone with its view


@pytest.mark.parametrize("key", ["reconstruction", "colour", "opacity", "swipe"])
def test_other_channels_add_no_light_to_a_view_and_come_back_after_it(scene, key):
    viewer, arrangement, _ = scene
    viewer.add_image(np.zeros((4, 4)), name="actin", blending="additive")
    before = visible(viewer)
    arrangement.show(key)
    assert "actin" not in visible(viewer)
    arrangement.show("own")
    assert visible(viewer) == before - {"overlay"}


def test_layers_that_the_user_has_linked_are_shown_and_hidden_one_by_one(scene):
    viewer, arrangement, _ = scene
    layers = [layer for layer in viewer.layers if layer.name.startswith("cell")]
    before = visible(viewer)
    link_layers(layers, ["visible"])
    for key, shown in (
        ("reconstruction", {"cell CVDM"}),
        ("beside", {"cell", "cell CVDM"}),
        ("opacity", {"cell"}),
    ):
        arrangement.show(key)
        assert visible(viewer) - {"notes"} == shown
    arrangement.restore()
    assert visible(viewer) == before - {"overlay"}


@pytest.mark.parametrize("key", ["reconstruction", "opacity"])
def test_images_are_left_alone_while_none_is_known_to_be_the_original(scene, key):
    viewer, arrangement, _ = scene
    viewer.add_image(np.zeros((4, 4)), name="actin")
    arrangement._link.choose_original(None)
    arrangement.show(key)
    assert "actin" in visible(viewer)


@pytest.mark.parametrize("enabled", [False, True])
def test_side_by_side_is_a_grid_of_two_with_the_original_on_the_left(scene, enabled):
    viewer, arrangement, _ = scene
    grid = viewer.canvas.grid
    grid.shape, grid.stride, grid.spacing, grid.enabled = (3, 2), 2, 10, enabled
    viewer.scene.camera.center, viewer.scene.camera.zoom = (0, 3, 2), 7
    center, zoom = viewer.scene.camera.center, viewer.scene.camera.zoom
    arrangement.show("beside")
    assert visible(viewer) == {"cell", "cell CVDM"}
    assert grid.enabled
    assert grid.actual_shape(viewer.layers) == (1, 2)
    columns = [grid.position(viewer.layers.index(name), viewer.layers)[1] for name in ("cell", "cell CVDM")]
    assert columns == [0, 1]
    viewer.scene.camera.zoom = 3
    arrangement.show("beside")  # as with every plane
    assert viewer.scene.camera.zoom == 3
    arrangement.show("own")
    assert (grid.shape, grid.stride, grid.spacing, grid.enabled) == ((3, 2), 2, 10, enabled)
    assert visible(viewer) == {"cell", "cell CVDM", "notes"}
    np.testing.assert_allclose(viewer.scene.camera.center, center)
    assert viewer.scene.camera.zoom == zoom


def test_side_by_side_a_part_of_a_large_image_is_not_a_dot(scene):
    viewer, arrangement, _ = scene
    arrangement.show("beside")
    zoom, center = viewer.scene.camera.zoom, viewer.scene.camera.center
    arrangement.show("own")
    cell = viewer.layers["cell"]
    cell.data = np.pad(cell.data, ((0, 960), (0, 1200)))
    arrangement.show("beside")
    assert viewer.scene.camera.zoom == pytest.approx(zoom)
    assert viewer.scene.camera.center == pytest.approx(center)


def test_what_belongs_on_top_of_each_other_is_not_spread_over_the_user_s_grid(scene):
    viewer, arrangement, _ = scene
    grid, camera = viewer.canvas.grid, viewer.scene.camera
    grid.shape, grid.stride, grid.spacing, grid.enabled = (3, 2), 2, 10, True
    arrangement.show("swipe")
    assert not grid.enabled
    zoom = camera.zoom = 7
    arrangement.show("opacity")
    assert not grid.enabled
    assert camera.zoom == zoom
    arrangement.show("beside")
    assert grid.enabled
    arrangement.show("colour")
    assert not grid.enabled
    arrangement.show("own")
    assert (grid.shape, grid.stride, grid.spacing, grid.enabled) == ((3, 2), 2, 10, True)
    assert camera.zoom == zoom


def test_what_the_grid_hid_comes_back_in_the_next_view(scene):
    viewer, arrangement, _ = scene
    arrangement.show("beside")
    arrangement.show("reconstruction")
    assert visible(viewer) == {"cell CVDM", "notes"}
    assert not viewer.canvas.grid.enabled


def test_a_mark_added_just_before_does_not_take_a_place_of_the_grid_and_is_seen_after(
    viewer, add_result, open_panel, qtbot
):
    add_result()
    panel = open_panel()
    mark = panel._marks.add("plane", Image(np.zeros((4, 4)), name="doubtful"))
    panel._arrangement.show("beside")
    qtbot.wait(100)
    assert visible(viewer) == {"cell", "cell CVDM"}
    panel._arrangement.show("own")
    assert mark.visible


def test_a_result_that_comes_during_a_view_is_seen_after_it(viewer, add_result, open_panel, qtbot):
    add_result()
    panel = open_panel()
    source = Image(np.zeros((8, 8), np.uint16), name="next")
    viewer.layers.append(source)
    pictures = pictures_of_a_run()
    results = ResultLayers(viewer, source, panel)
    panel._arrangement.show("reconstruction")
    results.add(pictures, {"run": "two"})
    for _ in range(60):  # as while the draws of the other result are played
        qtbot.wait(5)
        panel._arrangement.show("reconstruction")
    assert pictures.shown.is_set()
    panel._arrangement.show("own")
    assert {"next CVDM", "next CVDM uncertainty"} <= visible(viewer)


@pytest.fixture
def channels_in_a_view(viewer, add_result, open_panel):
    """Two channels that a view of another image hides, and the panel."""
    add_result()
    panel = open_panel()
    tubulin, actin = viewer.add_image(np.zeros((2, 8, 8)), channel_axis=0, name=["tubulin", "actin"])
    panel._arrangement.show("reconstruction")
    assert not visible(viewer) & {"tubulin", "actin"}
    return tubulin, actin, panel


@pytest.mark.parametrize("restored", [0, 1])
def test_a_channel_restored_during_a_view_lies_among_the_others_after_it(
    viewer, channels_in_a_view, qtbot, restored
):
    *channels, panel = channels_in_a_view
    pictures, results = pictures_of_a_run(), ResultLayers(viewer, channels[restored], panel)
    results.add(pictures, {"run": "two"})
    qtbot.waitUntil(pictures.shown.is_set, timeout=10_000)
    panel._arrangement.show("own")
    assert results.layers[0].blending == "additive"  # translucent, it would cover the other channel
    seen = [channel.visible for channel in channels]
    assert seen == [restored == 1, restored == 0]  # or its light counts twice


def test_a_channel_whose_run_is_cancelled_during_a_view_is_seen_after_it(viewer, channels_in_a_view, qtbot):
    _, actin, panel = channels_in_a_view
    results = ResultLayers(viewer, actin, panel)
    results.add(pictures_of_a_run(), {"run": "two"})
    with qtbot.waitSignal(results.removed, timeout=10_000):
        results.remove()
    assert not actin.visible
    panel._arrangement.show("own")
    assert actin.visible


def test_an_image_opened_during_a_view_stays_in_sight_until_the_next(viewer, add_result, open_panel):
    add_result()
    panel = open_panel()
    panel._arrangement.show("reconstruction")
    viewer.add_image(np.zeros((8, 8)), name="just opened")
    panel._arrangement.show("reconstruction")  # as with every step of a slider
    assert visible(viewer) == {"cell CVDM", "just opened"}
    panel._arrangement.show("uncertainty")
    assert "just opened" not in visible(viewer)
    panel._arrangement.show("own")
    assert "just opened" in visible(viewer)


@pytest.mark.parametrize("key", ["colour", "swipe", "beside"])
@pytest.mark.parametrize("name", ["cell CVDM", "cell CVDM uncertainty"])
def test_a_projection_made_during_a_view_is_seen_until_the_next(viewer, add_result, open_panel, key, name):
    add_result((3, 32, 40))
    panel = open_panel()
    panel._arrangement.show(key)
    viewer.layers.selection.active = viewer.layers[name]
    _project(viewer.layers)
    made = viewer.layers[-1]
    assert made.name == f"{name} max-proj"
    panel._arrangement.show(key)  # as with every step of a slider
    assert made.visible
    panel._arrangement.show("reconstruction")
    assert visible(viewer) == {"cell CVDM"}
    panel._arrangement.show("own")
    assert made.visible


def test_a_copy_of_an_overlay_covers_no_other_view(viewer, add_result, open_panel, qtbot):
    add_result()
    panel = open_panel()
    panel.views.choose("colour")
    qtbot.waitUntil(lambda: "cell CVDM overlay" in visible(viewer), timeout=20_000)
    viewer.layers.selection = {viewer.layers["cell CVDM overlay"]}
    _duplicate_layer(viewer.layers)
    assert "cell CVDM overlay copy" in visible(viewer)
    panel.views.choose("uncertainty")
    qtbot.waitUntil(lambda: "cell CVDM uncertainty map" in visible(viewer), timeout=20_000)
    assert "cell CVDM overlay copy" not in visible(viewer)
    panel.views.choose("own")
    qtbot.waitUntil(lambda: "cell CVDM overlay copy" in visible(viewer), timeout=20_000)


@pytest.mark.parametrize("name", ["cell CVDM", "cell CVDM uncertainty"])
def test_the_channels_of_a_result_split_during_a_view_are_seen(viewer, add_result, open_panel, qtbot, name):
    add_result((2, 32, 40), run="other", with_original=False, name="other")
    add_result((2, 32, 40))
    panel = open_panel()
    panel.views.choose("reconstruction")
    qtbot.waitUntil(lambda: not viewer.layers["cell CVDM uncertainty"].visible, timeout=30_000)
    viewer.layers.selection.active = viewer.layers[name]
    _split_stack(viewer.layers)
    made = viewer.layers[-2:]
    assert [layer.name for layer in made] == [f"{name} layer 0", f"{name} layer 1"]
    qtbot.wait(300)  # the panel turns to the other result, in the same view
    assert all(layer.visible for layer in made)


def test_a_result_opened_from_a_file_during_a_view_is_shown_as_the_view_shows_it(
    viewer, add_result, open_panel
):
    add_result(with_original=False)
    panel = open_panel()
    panel._arrangement.show("reconstruction")
    with layer_source(path="other.cvdm.ome.tif"):
        add_result(name="other", run="two", with_original=False)
    panel.look_at([viewer.layers["other CVDM"]])
    panel._arrangement.show("reconstruction")
    assert visible(viewer) == {"other CVDM"}
    panel.look_at([viewer.layers["cell CVDM"]])
    panel._arrangement.show("reconstruction")
    assert visible(viewer) == {"cell CVDM"}


def test_shapes_added_side_by_side_can_be_drawn(viewer, add_result, open_panel):
    add_result()
    panel = open_panel()
    panel._arrangement.show("beside")
    shapes = viewer.add_shapes()
    panel._arrangement.show("beside")
    assert shapes.visible


def test_a_layer_that_has_gone_meanwhile_does_no_harm(scene):
    viewer, arrangement, _ = scene
    arrangement.show("reconstruction")
    viewer.layers.remove("cell")
    arrangement.restore()
    assert visible(viewer) == {"cell CVDM", "notes"}


def test_views_have_plain_names():
    words = " ".join(view.name + " " + view.tip for view in VIEWS)
    assert "latent" not in words
    assert "λ" not in words
    assert len({view.key for view in VIEWS}) == len(VIEWS)

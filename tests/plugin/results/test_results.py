"""Result layers appear one after the other, follow the pictures, and go without a trace."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.experimental import link_layers
from napari.layers import Image
from qtpy.QtCore import QObject

from napari_cvdm.plugin.results.adding import OwnChange
from napari_cvdm.plugin.results.layers import CHANNELS_KEY, DRAWS_KEY, METADATA_KEY, PICTURES, full_data
from napari_cvdm.plugin.results.results import ResultLayers
from napari_cvdm.plugin.running.messages import Pictures, Written
from napari_cvdm.restoration.axes import resolve_axes

LIMITS = {0: {"reconstruction": (0.0, 100.0), "uncertainty": (4.0, 10.0)}}


@pytest.fixture
def viewer_model(qapp) -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def layer(viewer_model) -> Image:
    return viewer_model.add_image(np.zeros((16, 12)), name="cell")


@pytest.fixture
def results(viewer_model, layer):
    owner = QObject()
    yield ResultLayers(viewer_model, layer, owner)
    owner.deleteLater()


@pytest.fixture
def pictures() -> Pictures:
    shape = (32, 24)
    return Pictures(np.zeros(shape, np.float32), np.ones(shape, np.float32), resolve_axes((16, 12)), LIMITS)


@pytest.fixture
def shown(qtbot, results, pictures) -> ResultLayers:
    """Results whose layers are both there."""
    results.add(pictures, {"finished": False})
    qtbot.waitUntil(pictures.shown.is_set, timeout=10_000)
    return results


def test_the_layers_are_added_one_at_a_time(qtbot, results, pictures, viewer_model):
    results.add(pictures, {"finished": False})
    assert [layer.name for layer in viewer_model.layers] == ["cell", "cell CVDM"]
    assert not pictures.shown.is_set()
    qtbot.waitUntil(pictures.shown.is_set, timeout=10_000)
    assert [layer.name for layer in viewer_model.layers] == ["cell", "cell CVDM", "cell CVDM uncertainty"]
    assert viewer_model.layers.selection.active.name == "cell CVDM"


@pytest.mark.parametrize("before", [True, False])
def test_the_selection_is_not_taken_from_somebody_who_draws(qtbot, viewer_model, layer, pictures, before):
    if before:  # such as the rectangle that is to be restored
        viewer_model.add_shapes(name="drawn")
    results = ResultLayers(viewer_model, layer, owner := QObject())
    if not before:
        viewer_model.add_shapes(name="drawn")
    results.add(pictures, {"finished": False})
    qtbot.waitUntil(pictures.shown.is_set, timeout=10_000)
    assert viewer_model.layers.selection.active.name == ("cell CVDM" if before else "drawn")
    owner.deleteLater()


@pytest.mark.parametrize("picture", ["CVDM", "CVDM uncertainty"])
@pytest.mark.parametrize(("title", "suffix"), [("cell", ""), ("cell (3 of 8 draws)", "3 of 8 draws")])
def test_the_layers_of_a_run_have_one_number(results, pictures, viewer_model, title, suffix, picture):
    """What the user has kept of an earlier run is not to look as if it were of this one."""
    viewer_model.add_image(np.zeros((32, 24)), name=f"{title} {picture}")
    results.add(pictures, {"finished": False})
    results.finish({}, name_suffix=suffix)
    names = [layer.name for layer in viewer_model.layers[2:]]
    assert names == [f"{title} CVDM [1]", f"{title} CVDM uncertainty [1]"]


def test_a_run_that_is_over_at_once_still_gives_both_layers(results, pictures, viewer_model):
    results.add(pictures, {"finished": False})
    results.finish({"draws": 0})
    for name, picture in (("cell CVDM", "reconstruction"), ("cell CVDM uncertainty", "uncertainty")):
        assert viewer_model.layers[name].visible
        assert viewer_model.layers[name].metadata[METADATA_KEY] == {"picture": picture, "draws": 0}
    assert pictures.shown.is_set()


def test_a_region_of_colours_that_become_channels_lies_where_it_was_cut_out(viewer_model):
    colours = np.zeros((16, 12, 3), np.uint8)
    snap = viewer_model.add_image(colours, rgb=True, name="snap", scale=(0.5, 0.25), translate=(3, 4))
    owner, shape = QObject(), (3, 16, 18)
    made = {"upscaling": 2, "selection": {"region": {"rows": [4, 12], "columns": [3, 12]}}}
    results = ResultLayers(viewer_model, snap, owner, part_words="region", with_channel_axis=True)
    axes = resolve_axes((3, 8, 9), "CYX")
    limits = {channel: dict.fromkeys(PICTURES, (0.0, 10.0 + channel)) for channel in range(3)}
    results.add(Pictures(np.zeros(shape, np.float32), np.ones(shape, np.float32), axes, limits), made)
    results.finish({})
    for layer in results.layers:
        ends = [layer.data_to_world(edge) for edge in ((0, -0.5, -0.5), (2, 15.5, 17.5))]
        expected = [snap.data_to_world(edge) for edge in ((3.5, 2.5), (11.5, 11.5))]
        np.testing.assert_allclose(ends, [(0, *expected[0]), (2, *expected[1])])
        assert [tuple(pair) for pair in layer.metadata[CHANNELS_KEY]["limits"].values()] == [
            (0, 10), (0, 11), (0, 12)
        ]  # fmt: skip
    owner.deleteLater()


@pytest.mark.parametrize("sides", [(32,), (32, 16)])
def test_a_result_on_the_disk_comes_with_all_its_levels(qtbot, results, viewer_model, sides):
    levels = {picture: [np.zeros((side, side), np.float32) for side in sides] for picture in PICTURES}
    written = Written(levels, resolve_axes((16, 16)), LIMITS, {})
    with qtbot.waitSignal(results.added, timeout=10_000):
        results.add_written(written, {"draws": 2})
    assert [layer.name for layer in viewer_model.layers[1:]] == ["cell CVDM", "cell CVDM uncertainty"]
    for layer, picture in zip(viewer_model.layers[1:], PICTURES, strict=True):
        assert layer.visible
        assert layer.multiscale == (len(sides) > 1)
        assert full_data(layer) is levels[picture][0]
        assert tuple(layer.contrast_limits) == LIMITS[0][picture]
        assert layer.metadata[METADATA_KEY] == {"picture": picture, "draws": 2}


def test_names_end_with_what_tells_the_layers_apart(results, pictures, viewer_model):
    """napari's list of layers leaves out the middle of long names."""
    results.add(pictures, {"finished": False})
    viewer_model.layers["cell CVDM"].name = "the best"
    results.finish({"draws": 3}, name_suffix="3 of 8 draws")
    assert [layer.name for layer in viewer_model.layers[1:]] == [
        "the best (3 of 8 draws)",
        "cell (3 of 8 draws) CVDM uncertainty",
    ]


def _fail(event: object) -> None:
    raise ZeroDivisionError("another plugin")


def test_a_failing_callback_of_another_plugin_is_shown_and_holds_nothing_up(
    qtbot, results, pictures, viewer_model
):
    viewer_model.layers.events.inserted.connect(_fail)
    with pytest.raises(ZeroDivisionError):
        results.add(pictures, {"finished": False})
    with qtbot.captureExceptions() as raised:
        qtbot.waitUntil(pictures.shown.is_set, timeout=10_000)
    assert [kind for kind, _, _ in raised] == [ZeroDivisionError]
    assert [layer.name for layer in viewer_model.layers] == ["cell", "cell CVDM", "cell CVDM uncertainty"]
    for layer in viewer_model.layers[1:]:
        layer.events.metadata.connect(_fail)
        layer.events.visible.connect(_fail)
    with pytest.raises(ZeroDivisionError):
        results.finish({"draws": 1})
    assert [layer.metadata[METADATA_KEY]["draws"] for layer in viewer_model.layers[1:]] == [1, 1]
    viewer_model.layers.events.removed.connect(_fail)
    with (
        qtbot.captureExceptions() as raised,
        qtbot.waitSignal(results.removed, timeout=10_000),
        pytest.raises(ZeroDivisionError),
    ):
        results.remove()
    assert len(raised) == 2
    assert [layer.name for layer in viewer_model.layers] == ["cell"]


def test_a_run_cancelled_between_the_layers_leaves_none(qtbot, results, pictures, viewer_model):
    results.add(pictures, {})
    with qtbot.waitSignal(results.removed, timeout=10_000):
        results.remove()
    qtbot.wait(100)
    assert [layer.name for layer in viewer_model.layers] == ["cell"]
    assert not pictures.shown.is_set()


def test_layers_that_the_user_has_linked_stay_different_layers(shown, layer, viewer_model):
    link_layers(viewer_model.layers)
    shown.finish({"draws": 1})
    said = [each.metadata.get(METADATA_KEY) for each in viewer_model.layers]
    assert said == [
        None,
        {"picture": "reconstruction", "draws": 1},
        {"picture": "uncertainty", "draws": 1},
    ]
    viewer_model.layers["cell CVDM"].opacity = 0.5
    assert [each.opacity for each in viewer_model.layers] == [0.5] * 3  # linked they are, as before


def test_what_is_linked_to_a_result_stays_in_sight_when_that_goes(qtbot, shown, layer, viewer_model):
    link_layers(viewer_model.layers)
    with qtbot.waitSignal(shown.removed, timeout=10_000):
        shown.remove()
    assert list(viewer_model.layers) == [layer]
    assert layer.visible


def test_the_end_is_told_with_everything_there(shown, pictures, viewer_model):
    layer = viewer_model.layers["cell CVDM"]
    told = []
    layer.events.metadata.connect(lambda: told.append(dict(layer.metadata)))
    layer.visible = False
    draws = np.zeros((2, 32, 24), np.float32)
    shown.finish({"draws": 2}, draws)
    assert told == [{METADATA_KEY: {"picture": "reconstruction", "draws": 2}, DRAWS_KEY: draws}]


def test_removed_layers_vanish_at_once_and_go_one_at_a_time(qtbot, shown, viewer_model):
    layers = viewer_model.layers[1:]
    numbers, own = [], []
    viewer_model.layers.events.removed.connect(lambda: numbers.append(len(viewer_model.layers)))
    viewer_model.layers.events.removed.connect(lambda: own.append(OwnChange.under_way()))
    with qtbot.waitSignal(shown.removed, timeout=10_000):
        shown.remove()
        assert not any(layer.visible for layer in layers)
        assert numbers == []
    assert numbers == [2, 1]
    assert own == [True, True]  # what stays selected, the user has not chosen


def test_a_layer_that_the_user_deletes_meanwhile_does_no_harm(qtbot, shown, viewer_model):
    with qtbot.waitSignal(shown.removed, timeout=10_000):
        shown.remove()
        viewer_model.layers.remove("cell CVDM uncertainty")
    assert [layer.name for layer in viewer_model.layers] == ["cell"]


def test_there_may_be_nothing_to_remove(qtbot, results):
    with qtbot.waitSignal(results.removed, timeout=10_000):
        results.remove()


def test_the_layers_show_the_worker_s_arrays_themselves(shown, pictures, viewer_model):
    pictures.reconstruction[3, 3] = 7
    assert viewer_model.layers["cell CVDM"].data[3, 3] == 7


def test_changed_pictures_are_redrawn(qtbot, shown, pictures, viewer_model):
    layer = viewer_model.layers["cell CVDM"]
    drawn = []
    layer.events.set_data.connect(lambda: drawn.append(1))

    def drawn_while_they_change() -> bool:
        for _ in range(50):
            shown.update(LIMITS)
        return bool(drawn)

    qtbot.waitUntil(drawn_while_they_change, timeout=10_000)
    assert len(drawn) == 1  # hundreds of updates in a moment are one drawing


def test_pictures_that_take_long_to_draw_are_drawn_less_often(qtbot, shown, monkeypatch):
    clock = SimpleNamespace(perf_counter=iter((0.0, 0.2)).__next__)
    monkeypatch.setattr("napari_cvdm.plugin.results.results.time", clock)
    shown.update(LIMITS)
    qtbot.waitUntil(lambda: not shown._timer.isActive(), timeout=10_000)
    shown.update(LIMITS)
    assert shown._timer.remainingTime() > 1000  # a tenth of the time is for drawing
    shown._timer.stop()


def test_contrast_limits_follow_large_changes_only(qtbot, shown, viewer_model):
    layer = viewer_model.layers["cell CVDM"]

    def update(high: float) -> tuple[float, ...]:
        shown.update({0: {**LIMITS[0], "reconstruction": (0.0, high)}})
        qtbot.waitUntil(lambda: not shown._timer.isActive(), timeout=10_000)
        return tuple(layer.contrast_limits)

    assert update(105) == (0, 100)
    assert update(150) == (0, 150)
    shown.update({0: {**LIMITS[0], "reconstruction": (0.0, 151.0)}})
    shown.finish({})
    assert tuple(layer.contrast_limits) == (0, 151)


@pytest.mark.parametrize("seen", [True, False])
def test_an_additive_input_is_hidden_and_shown_again_if_it_was_seen(viewer_model, pictures, seen):
    layer = viewer_model.add_image(np.zeros((16, 12)), name="green", blending="additive", visible=seen)
    owner = QObject()
    results = ResultLayers(viewer_model, layer, owner)
    results.add(pictures, {})
    assert not layer.visible
    results.remove()
    assert layer.visible == seen
    owner.deleteLater()


def test_the_lowest_channel_is_restored_once_and_again_without_hiding_the_others(
    qtbot, viewer_model, pictures
):
    tubulin, actin = viewer_model.add_image(np.zeros((2, 16, 12)), channel_axis=0)
    assert (tubulin.blending, actin.blending) == ("translucent_no_depth", "additive")  # napari's doing
    owner = QObject()
    runs = [ResultLayers(viewer_model, tubulin, owner) for _ in ("preview", "standard")]
    for results in runs:
        results.add(pictures, {})
        assert results.layers[0].blending == "additive"
        assert (tubulin.visible, actin.visible) == (False, True)
        qtbot.waitUntil(pictures.shown.is_set, timeout=10_000)
        pictures.shown.clear()
    runs[0].remove()
    assert tubulin.visible
    owner.deleteLater()


def test_an_opaque_input_stays_visible(shown, layer):
    assert layer.visible


def test_deleted_layers_are_noticed_and_left_alone(shown, viewer_model):
    assert not shown.all_deleted()
    viewer_model.layers.remove("cell CVDM")
    assert not shown.all_deleted()
    viewer_model.layers.remove("cell CVDM uncertainty")
    assert shown.all_deleted()
    shown.update(LIMITS)
    shown.finish({})
    assert [layer.name for layer in viewer_model.layers] == ["cell"]

"""The panel as a whole: opened once, linked, narrow, themed, quick, and gone without a trace."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QProgressBar,
    QScrollBar,
    QTabBar,
    QWidget,
)

from napari_cvdm.plugin.doubt.panel import show_doubt_panel
from napari_cvdm.plugin.results.layers import FOR_SHOW
from napari_cvdm.plugin.viewer.graphics import dock_of
from napari_cvdm.plugin.viewer.pages import Page

TITLE = "CVDM uncertainty (napari-cvdm)"


def names(viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


def test_it_opens_once_and_links_to_the_layers_given(viewer, add_result, open_panel, qtbot):
    first = add_result(run="1")
    second = add_result(run="2", name="other")
    panel = open_panel([first[1]])
    assert panel.link.result.layers == first[1:]
    assert panel.link.original is first[0]
    again = show_doubt_panel(viewer, [second[2]])
    assert again is panel
    assert list(viewer.window.dock_widgets) == [TITLE]
    assert panel.link.result.layers == second[1:]
    assert panel.link.original is second[0]
    assert panel.results.currentText() == "other CVDM"
    assert panel.originals.currentText() == "other"


def test_models_are_looked_for_where_the_preferences_say(viewer, open_panel, monkeypatch, tmp_path):
    from napari_cvdm.models import cache_folder
    from napari_cvdm.plugin.viewer import preferences

    monkeypatch.setattr(preferences, "_applied", {})
    monkeypatch.setenv("NAPARI_CVDM_CACHE", "")  # so that what is set here goes with the test
    monkeypatch.delenv("NAPARI_CVDM_CACHE")
    monkeypatch.setattr(preferences, "_section", lambda: SimpleNamespace(cache_folder=str(tmp_path)))
    open_panel(look=False)
    assert cache_folder() == tmp_path


def test_it_is_raised_beside_the_plugin_s_other_panel(viewer, widget, add_result, open_panel):
    add_result()
    viewer.window.show()
    panel = open_panel()
    bars = [bar for bar in viewer.window._qt_window.findChildren(QTabBar) if bar.count() == 2]
    assert any(TITLE in bar.tabText(bar.currentIndex()) for bar in bars)
    assert panel.isVisible()


def test_hidden_by_the_user_it_stays_hidden_after_a_run(viewer, widget, add_result, open_panel, qtbot):
    add_result()
    dock = dock_of(open_panel())
    widget.parent().raise_()  # the panel is behind it now, and not hidden
    qtbot.wait(50)
    assert not dock.isHidden()
    dock.hide()
    widget.actions_row.follow()
    assert dock.isHidden()


def test_without_a_result_it_says_what_to_do(viewer, open_panel, add_result, qtbot):
    panel = open_panel(look=False)
    assert "Restore an image first" in panel.message.text()
    assert not panel.views.isVisible()
    add_result()
    qtbot.waitUntil(lambda: panel.link.look is not None, timeout=10_000)
    assert not panel.message.isVisible()
    assert panel.results.currentText() == "cell CVDM"


def test_a_reconstruction_alone_is_told_that_it_takes_both_layers(viewer, add_result, open_panel, qtbot):
    _, _, uncertainty = add_result()
    panel = open_panel()
    viewer.layers.remove(uncertainty)
    both = "both the reconstruction and its uncertainty"
    qtbot.waitUntil(lambda: both in panel.message.text(), timeout=10_000)


def test_names_follow_and_results_are_chosen_in_the_panel(viewer, add_result, open_panel, qtbot):
    first = add_result(run="1")
    add_result(run="2", name="other")
    panel = open_panel()
    first[1].name = "renamed"
    assert [panel.results.itemText(i) for i in range(2)] == ["renamed", "other CVDM"]
    panel.results.setFocus()
    qtbot.keyClick(panel.results, Qt.Key.Key_Up)
    assert panel.link.result.layers == first[1:]
    assert panel.originals.currentText() == "cell"


def test_the_list_of_results_tells_a_preview_from_a_thorough_run(add_result, open_panel):
    add_result(run="1", metadata={"draws": 0})
    add_result(run="2", metadata={"draws": 24, "steps": 3, "seed": 4})
    results = open_panel().results
    tips = [results.itemData(i, Qt.ItemDataRole.ToolTipRole) for i in range(2)]
    assert "Preview: mean network only" in tips[0]
    assert "cell CVDM" in tips[1]
    assert results.toolTip() == "Thorough: 24 draws of 3 steps, calibrated uncertainty, seed 4, model small."


def test_no_picture_for_show_is_an_original(viewer, widget, add_result, open_panel, qtbot):
    original, *_ = add_result(draws=2)
    panel = open_panel()
    for key in ("uncertainty", "colour", "swipe", "draws"):
        panel.views.choose(key)
        qtbot.waitUntil(lambda view=key: panel._pictures_kept.get(view) is not None, timeout=30_000)
    panel.regions.here.click()
    panel.profile.across.click()
    qtbot.waitUntil(lambda: "cell CVDM look again" in viewer.layers, timeout=30_000)
    viewer.add_image(np.zeros((64, 80)), name="another", metadata=FOR_SHOW)  # of a panel before
    assert [panel.originals.itemData(i) for i in range(panel.originals.count())] == [None, original]
    assert widget.form.layer.choices == (original,)
    assert widget.form.part.choices == ("all", "view")


def test_deleting_layers_under_it_does_no_harm(viewer, add_result, open_panel, qtbot):
    add_result(draws=2)
    panel = open_panel()
    viewer.window.show()
    for key in ("colour", "beside", "swipe", "draws", "uncertainty"):
        panel.views.choose(key)
        qtbot.wait(150)
    panel.threshold.mark.setChecked(True)
    qtbot.waitUntil(lambda: "cell CVDM doubtful" in viewer.layers, timeout=10_000)
    for name in list(names(viewer)):
        if name in viewer.layers:
            viewer.layers.remove(name)
        qtbot.wait(60)
    qtbot.waitUntil(lambda: "Restore an image first" in panel.message.text(), timeout=10_000)
    qtbot.waitUntil(lambda: names(viewer) == [], timeout=10_000)
    add_result()
    qtbot.waitUntil(lambda: panel.link.look is not None, timeout=10_000)


def test_closing_it_puts_the_viewer_back_and_deletes_it(viewer, add_result, open_panel, qtbot):
    add_result()
    panel = open_panel()
    before = {layer.name: layer.visible for layer in viewer.layers}
    panel.views.choose("beside")
    qtbot.waitUntil(lambda: viewer.canvas.grid.enabled, timeout=10_000)
    panel.views.choose("colour")
    qtbot.waitUntil(lambda: "cell CVDM overlay" in viewer.layers, timeout=10_000)
    gone: list[bool] = []
    panel.destroyed.connect(lambda: gone.append(True))
    viewer.window.remove_dock_widget(panel)
    qtbot.waitUntil(lambda: bool(gone), timeout=10_000)
    assert {layer.name: layer.visible for layer in viewer.layers} == before
    viewer.dims.ndisplay = 3
    viewer.layers.remove("cell CVDM")


def test_no_layer_is_removed_in_the_middle_of_another_s_removal(viewer, panel, qtbot):
    panel.views.choose("colour")
    qtbot.waitUntil(lambda: "cell CVDM overlay" in viewer.layers, timeout=10_000)
    under_way, deepest = [], []
    viewer.layers.events.removing.connect(lambda: under_way.append(1))
    viewer.layers.events.removing.connect(lambda: deepest.append(len(under_way)), position="last")
    viewer.layers.events.removed.connect(lambda event: under_way.pop(), position="last")
    viewer.layers.remove("cell CVDM")
    qtbot.waitUntil(lambda: "cell CVDM overlay" not in viewer.layers, timeout=10_000)
    assert deepest == [1, 1]


@pytest.mark.parametrize("during", ["look", "colour", "schedule"])
def test_closing_it_in_the_middle_of_a_computation(
    viewer, use_small_model, add_result, open_panel, qtbot, during
):
    add_result((3, 64, 80))
    panel = open_panel(look=False)
    if during != "look":
        qtbot.waitUntil(lambda: panel.link.look is not None, timeout=10_000)
        panel.views.choose(during)
    gone: list[bool] = []
    panel.destroyed.connect(lambda: gone.append(True))
    viewer.window.remove_dock_widget(panel)
    qtbot.waitUntil(lambda: bool(gone), timeout=10_000)
    qtbot.wait(300)
    assert len(viewer.layers) == 3


def test_the_viewer_may_be_closed_under_it(viewer, use_small_model, add_result, open_panel, qtbot):
    add_result()
    panel = open_panel()
    panel.views.choose("schedule")
    panel._sections[4].unfold()
    # make_napari_viewer closes the viewer, and fails the test if a widget or a thread is left.


def test_everything_can_be_reached_by_keyboard_and_explains_itself(panel):
    for section in panel._sections:
        section.unfold()
    parts = [*panel.findChildren(QAbstractButton), *panel.findChildren(QComboBox)]
    ours = [part for part in parts if part.isVisible() and part.objectName() != "qt_toolbar_ext_button"]
    unreachable = [part for part in ours if not part.focusPolicy() & Qt.FocusPolicy.TabFocus]
    assert [type(part).__name__ for part in unreachable if part.parent() is not panel.regions.table] == []
    silent = [part for part in ours if not part.toolTip() and part.parent() is not panel.regions.table]
    assert [getattr(part, "text", str)() for part in silent] == []


def test_a_screen_reader_has_a_name_for_everything(viewer, add_result, open_panel):
    add_result((3, 64, 80), draws=3)
    panel = open_panel()
    labelled = [label.buddy() for label in panel.findChildren(QLabel)]
    nameless = [
        f"{type(part).__name__} in {type(part.parent()).__name__}"
        for part in panel.findChildren(QWidget)
        if part.window() is panel.window()  # the lists of combo boxes are windows of their own
        and (part.focusPolicy() & Qt.FocusPolicy.TabFocus or isinstance(part, QProgressBar))
        and not (part.accessibleName() or (isinstance(part, QAbstractButton) and part.text()))
        and not any(part is each for each in labelled)
    ]
    assert nameless == []
    pictures = [panel.views.bar, panel.profile.plot.canvas, panel.histogram.plot.canvas]
    assert all(picture.accessibleName() for picture in pictures)


def test_after_a_run_it_shows_the_final_numbers(viewer, widget, stepped, open_panel, qtbot):
    viewer.add_image(np.random.default_rng(0).integers(0, 900, (40, 40)).astype(np.uint16), name="cell")
    panel = open_panel(look=False)
    stepped.stop_at = 4
    widget.form.draws.value = 4
    widget.restore()
    qtbot.waitUntil(lambda: panel.link.look is not None and stepped.waiting.is_set(), timeout=30_000)
    qtbot.wait(300)
    stepped.std = 7.0
    stepped.go_on()
    qtbot.waitUntil(lambda: not widget.running, timeout=30_000)
    qtbot.waitUntil(
        lambda: panel.link.look is not None and panel.link.look.doubt.std.max() == 7, timeout=10_000
    )
    result = panel.link.result
    np.testing.assert_array_equal(panel.link.look.doubt.std, result.uncertainty.data)
    np.testing.assert_array_equal(panel.link.look.doubt.mean, result.reconstruction.data)


def test_it_fits_a_narrow_dock(viewer, add_result, open_panel, qtbot):
    add_result((3, 64, 80), name="2024-03-07 a very long name of a layer that somebody has typed " * 2)
    panel = open_panel()
    viewer.window.show()
    for section in panel._sections:
        section.unfold()
    panel.resize(240, 700)
    assert panel.minimumSizeHint().width() <= 240
    for section in panel._sections:
        assert section.minimumSizeHint().width() <= 232, section.heading.text()
    label = next(each for each in panel.findChildren(QLabel) if each.buddy() is panel.results)
    qtbot.waitUntil(lambda: label.geometry().bottom() < panel.results.geometry().top(), timeout=10_000)


def test_large_type_is_not_cut_off(viewer, add_result, open_panel, qtbot):
    add_result((3, 64, 80))
    panel = open_panel()
    page = panel.findChild(Page)
    panel.setStyleSheet("QWidget { font-size: 16pt }")
    for width in (280, 200):
        viewer.window._qt_window.resizeDocks([panel.parent()], [width], Qt.Orientation.Horizontal)
        qtbot.wait(200)
        assert panel.threshold.whole.isVisible()
        assert page.widget().width() <= page.viewport().width()


def test_plots_follow_the_theme(viewer, panel, qtbot):
    viewer.window.show()
    panel._sections[4].unfold()
    canvas = panel.histogram.plot.canvas
    qtbot.waitUntil(lambda: canvas.drawn, timeout=60_000)

    def darkest_and_lightest() -> tuple[int, int]:
        image = canvas.pixmap().toImage()
        greys = [
            image.pixelColor(x, y).lightness()
            for x in range(0, image.width(), 2)
            for y in range(0, image.height(), 2)
            if image.pixelColor(x, y).alpha() > 200
        ]
        return min(greys), max(greys)

    assert darkest_and_lightest()[1] > 200  # white type
    viewer.theme = "light"
    qtbot.waitUntil(lambda: darkest_and_lightest()[0] < 60, timeout=30_000)


def test_it_never_holds_up_the_viewer(viewer, add_result, open_panel, heartbeat, qtbot, wait_for_workers):
    viewer.window.show()
    add_result((3, 512, 512))
    panel = open_panel()
    for section in panel._sections:
        section.unfold()
    panel.views.choose("colour")
    overlay = "cell CVDM overlay"
    qtbot.waitUntil(lambda: overlay in viewer.layers and viewer.layers[overlay].visible, timeout=60_000)
    qtbot.waitUntil(lambda: panel.histogram.plot.canvas.drawn, timeout=60_000)
    wait_for_workers()
    qtbot.wait(500)  # all that is new has been drawn
    beat = heartbeat()
    for plane in (0, 1, 2):
        viewer.dims.set_current_step(0, plane)
        qtbot.wait(150)
        panel.threshold.slider.setValue(50 + 40 * plane)
        qtbot.wait(150)
    assert beat.longest_pause() < 0.1


def test_opening_it_loads_neither_torch_nor_matplotlib():
    code = """
import sys
from qtpy.QtWidgets import QApplication
app = QApplication([])
from napari.components import ViewerModel
before = set(sys.modules)
from napari_cvdm.plugin.doubt.panel import DoubtPanel
DoubtPanel(ViewerModel())
print(sorted({"torch", "dask", "matplotlib", "skimage"} & (set(sys.modules) - before)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_saved_result_is_as_good_as_a_new_one(viewer, add_result, open_panel):
    _, reconstruction, uncertainty = add_result(with_original=False, run=None)
    for layer in (reconstruction, uncertainty):  # as a reader does that knows no draws and no run
        layer.metadata = {"napari_cvdm": dict(layer.metadata["napari_cvdm"])}
    panel = open_panel()
    assert panel.link.result.layers == (reconstruction, uncertainty)
    assert panel.originals.currentText() == "none"
    np.testing.assert_array_equal(panel.link.look.doubt.std, uncertainty.data)


def test_the_wheel_sets_nothing_while_the_panel_is_scrolled(panel, turn_wheel):
    for section in panel._sections:
        section.unfold()
    kinds = (QComboBox, QAbstractSpinBox, QAbstractSlider)
    fields = [each for kind in kinds for each in panel.findChildren(kind) if not isinstance(each, QScrollBar)]
    assert len(fields) >= 8
    threshold = panel.threshold.slider.value()
    for field in fields:
        field.clearFocus()
        assert not turn_wheel(field), field.accessibleName() or field
    assert panel.threshold.slider.value() == threshold


def test_it_goes_on_saying_why_there_is_nothing_to_see_in_3d(viewer, panel, qtbot):
    viewer.dims.ndisplay = 3
    qtbot.waitUntil(lambda: "2-D" in panel.message.text(), timeout=10_000)
    viewer.layers["cell"].name = "renamed"
    assert panel.message.isVisible()
    viewer.dims.ndisplay = 2
    qtbot.waitUntil(lambda: panel.link.look is not None, timeout=10_000)
    viewer.layers["renamed"].name = "cell"
    assert not panel.message.isVisible()


def test_a_plane_that_the_result_does_not_have_is_not_described(viewer, add_result, open_panel, qtbot):
    for layer in add_result((3, 64, 80), with_original=False)[1:]:
        layer.translate = (2, *layer.translate[1:])
    viewer.add_image(np.zeros((6, 32, 40)), name="film", scale=(1, 0.065, 0.065), units=("pixel", "um", "um"))
    viewer.dims.set_point(0, 0)
    panel = open_panel(look=False)
    qtbot.waitUntil(panel.go_there.isVisible, timeout=30_000)
    assert "z\u00a02 to 4 only" in panel.message.text()
    assert panel.link.look is None
    assert not panel.histogram.isEnabled()
    qtbot.mouseClick(panel.go_there, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.link.look is not None, timeout=30_000)
    assert viewer.dims.current_step[0] == 2
    assert panel.histogram.isEnabled()
    assert panel.go_there.isHidden()
    assert panel.message.isHidden()


def wait_until_freed(qtbot, arrays: list[weakref.ref]) -> None:
    def all_gone() -> bool:
        gc.collect()
        return not any(pixels() is not None for pixels in arrays)

    qtbot.waitUntil(all_gone, timeout=20_000)


@pytest.mark.parametrize(
    ("view", "what"),
    [
        ("swipe", ["cell"]),  # the only one of these that holds pixels of the original
        *((view, ["cell CVDM", "cell CVDM uncertainty"]) for view in ("colour", "swipe", "draws")),
    ],
)
def test_layers_that_were_looked_at_are_not_kept(viewer, add_result, open_panel, qtbot, view, what):
    add_result((3, 64, 80), draws=2)
    panel = open_panel()
    panel.views.choose(view)
    panel.threshold.mark.click()
    panel.profile.across.click()
    qtbot.waitUntil(lambda: len(viewer.layers) == 6, timeout=20_000)
    viewer.dims.set_current_step(0, 1)
    qtbot.waitUntil(lambda: panel.link.look.slice.index[0] == 1, timeout=20_000)
    if view == "draws":
        draw = viewer.layers["cell CVDM draw"]
        viewer.add_image(draw.data.copy(), name="duplicate", metadata=draw.metadata)
        del draw
    gone = [weakref.ref(viewer.layers[name].data) for name in what]
    viewer.add_image(np.ones((9, 9)), name="other")  # napari keeps the layer that was selected last
    for name in what:
        viewer.layers.remove(name)
    wait_until_freed(qtbot, gone)
    assert "cell (swipe)" not in viewer.layers


def test_what_is_folded_away_does_not_keep_layers(viewer, add_result, open_panel, qtbot):
    first, panel = add_result(name="first", run="first"), open_panel()
    sections = [section for section in panel._sections if section.content in (panel.profile, panel.histogram)]
    for section in sections:
        section.unfold()
    panel.profile.across.click()
    for section in sections:
        plot = section.content.plot
        qtbot.waitUntil(lambda plot=plot: plot._plot is not None, timeout=30_000)
        section.heading.setChecked(False)
    add_result(name="second", run="second")
    gone = [weakref.ref(layer.data) for layer in first]
    names_gone = [layer.name for layer in first]
    del first
    for name in names_gone:
        viewer.layers.remove(name)
    wait_until_freed(qtbot, gone)

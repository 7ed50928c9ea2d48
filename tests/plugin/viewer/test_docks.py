"""The plugin's panels lie in one place, as tabs, until the user arranges them otherwise."""

from __future__ import annotations

import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QLabel, QMainWindow, QWidget

from napari_cvdm.plugin.viewer.docks import PanelDock

RIGHT = Qt.DockWidgetArea.RightDockWidgetArea
PANELS = ["CVDM super-resolution", "CVDM uncertainty"]


@pytest.fixture
def window(qtbot) -> QMainWindow:
    window = QMainWindow()
    qtbot.addWidget(window)
    window.show()
    return window


def docked(window: QMainWindow, name: str, area: Qt.DockWidgetArea = RIGHT) -> QDockWidget:
    dock, panel = QDockWidget(), QWidget()
    dock.setObjectName(name)
    if name.endswith("(napari-cvdm)"):
        PanelDock(panel, ViewerModel())
    dock.setWidget(panel)
    window.addDockWidget(area, dock)
    return dock


@pytest.mark.parametrize("order", [PANELS, PANELS[::-1]])
def test_from_the_menu_the_second_panel_comes_beside_the_first_and_in_front(viewer, qtbot, order):
    viewer.window.show()
    viewer.window.add_dock_widget(QLabel("another plugin's"), name="other")
    for name in order:
        viewer.window.add_plugin_dock_widget("napari-cvdm", name)
        qtbot.wait(50)  # somebody goes to the menu again
    window, docks = viewer.window._qt_window, viewer.window._wrapped_dock_widgets
    first, second = (docks[f"{name} (napari-cvdm)"] for name in order)
    qtbot.waitUntil(lambda: window.tabifiedDockWidgets(first) == [second], timeout=10_000)
    qtbot.waitUntil(lambda: not second.visibleRegion().isEmpty(), timeout=10_000)
    assert first.visibleRegion().isEmpty()
    assert not window.tabifiedDockWidgets(docks["other"])


def test_what_the_user_has_put_elsewhere_stays_there(window, qtbot):
    first = docked(window, "A (napari-cvdm)")
    afloat, hidden = docked(window, "B (napari-cvdm)"), docked(window, "C (napari-cvdm)")
    qtbot.wait(50)
    afloat.setFloating(True)
    hidden.hide()
    window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, first)
    second = docked(window, "D (napari-cvdm)")
    qtbot.wait(50)
    assert not window.tabifiedDockWidgets(second)


def test_panels_that_were_parted_stay_so_when_they_are_shown_again(window, qtbot):
    first, second = docked(window, "A (napari-cvdm)"), docked(window, "B (napari-cvdm)")
    qtbot.waitUntil(lambda: window.tabifiedDockWidgets(first) == [second], timeout=10_000)
    window.removeDockWidget(second)
    window.addDockWidget(RIGHT, second)
    second.show()
    window.hide()
    window.show()
    qtbot.wait(50)
    assert not window.tabifiedDockWidgets(second)


def test_a_panel_out_of_its_dock_comes_to_its_end_unless_it_is_docked_again(window, qtbot):
    panel = docked(window, "A (napari-cvdm)").widget()
    told, own = [], panel.findChild(PanelDock)
    own.taken_out.connect(lambda: told.append("taken out"))
    own.closed.connect(lambda: told.append("closed"))
    panel.setParent(None)
    QDockWidget(window).setWidget(panel)
    qtbot.wait(50)
    assert told == ["taken out"]
    panel.setParent(None)
    qtbot.waitUntil(lambda: told == ["taken out", "taken out", "closed"])
    with qtbot.waitSignal(panel.destroyed):
        own.delete_panel()

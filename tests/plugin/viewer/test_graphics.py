"""The canvas's OpenGL context is the current one when a layer goes; without it, napari crashes on Mesa."""

from __future__ import annotations

import subprocess
import sys
from typing import ClassVar

import pytest
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QDockWidget, QMainWindow, QVBoxLayout, QWidget

from napari_cvdm.plugin.viewer.graphics import (
    drop_target_of,
    main_window_of,
    make_canvas_current,
    raise_dock_of,
)


def test_the_window_is_found_from_a_dock_wherever_it_is(qtbot):
    window, dock, inner = QMainWindow(), QDockWidget(), QWidget()
    qtbot.addWidget(window)
    dock.setWidget(inner)
    assert main_window_of(inner) is None
    window.addDockWidget(dock.allowedAreas().RightDockWidgetArea, dock)
    assert main_window_of(inner) is window
    dock.setFloating(True)
    assert main_window_of(inner) is window


def test_a_widget_in_no_window_is_no_fault():
    make_canvas_current(None)


class Canvas(QOpenGLWidget):
    """Notes when its context is made the current one."""

    made: ClassVar[list[Canvas]] = []

    def makeCurrent(self) -> None:
        Canvas.made.append(self)


class Window(QMainWindow):
    """Must not be searched as a whole: with its docks, it holds a hundred widgets for each layer."""

    def findChildren(self, *kind):
        raise AssertionError("all widgets are gone through")


@pytest.mark.parametrize("in_dock", [False, True])
def test_the_canvas_is_looked_for_among_all_widgets_only_if_it_is_not_in_the_middle(qtbot, in_dock):
    window, dock, middle, canvas = (QMainWindow if in_dock else Window)(), QDockWidget(), QWidget(), Canvas()
    qtbot.addWidget(window)
    window.setCentralWidget(middle)
    window.addDockWidget(dock.allowedAreas().RightDockWidgetArea, dock)
    other = QWidget() if in_dock else Canvas()  # of another plugin
    QVBoxLayout(middle).addWidget(other if in_dock else canvas)
    dock.setWidget(canvas if in_dock else other)
    Canvas.made.clear()
    make_canvas_current(window)
    assert Canvas.made == [canvas]
    for takes_drops in (canvas.parentWidget(), canvas):
        takes_drops.setAcceptDrops(True)
        assert drop_target_of(window) is takes_drops


def test_a_dock_behind_another_comes_to_the_front(qtbot):
    window, inner = QMainWindow(), [QWidget(), QWidget()]
    qtbot.addWidget(window)
    docks = [QDockWidget("first"), QDockWidget("second")]
    for dock, widget in zip(docks, inner, strict=True):
        dock.setWidget(widget)
        window.addDockWidget(dock.allowedAreas().RightDockWidgetArea, dock)
    window.tabifyDockWidget(*docks)
    window.show()
    qtbot.waitExposed(window)
    for widget in inner:
        raise_dock_of(widget)
        qtbot.waitUntil(lambda shown=widget: not shown.visibleRegion().isEmpty(), timeout=10_000)
    raise_dock_of(QWidget())  # in no dock: no fault


def test_layers_can_be_removed_while_they_are_on_the_screen(tmp_path):
    # In a process of its own, because what happens otherwise is a segmentation fault.
    code = """
import time
import napari, numpy as np
from qtpy.QtGui import QOpenGLContext
from qtpy.QtWidgets import QApplication
from qtpy.QtOpenGLWidgets import QOpenGLWidget

def draw():
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        QApplication.processEvents()

viewer = napari.Viewer()
_, widget = viewer.window.add_plugin_dock_widget("napari-cvdm", "CVDM super-resolution")
(canvas,) = viewer.window._qt_window.findChildren(QOpenGLWidget)
viewer.add_image(np.eye(96))
current = []
now = QOpenGLContext.currentContext
viewer.layers.events.removed.connect(lambda: current.append(now() is canvas.context()))
for _ in range(3):
    for blending in ("translucent_no_depth", "additive"):
        viewer.add_image(np.eye(192), blending=blending)
        draw()
    for layer in list(viewer.layers)[1:]:
        viewer.layers.remove(layer)
    draw()
print(*current)
viewer.close()
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True"] * 6

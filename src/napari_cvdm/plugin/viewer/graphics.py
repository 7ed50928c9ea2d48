"""Finding a widget's window and dock, and keeping napari from crashing when layers are removed."""

from __future__ import annotations

from contextlib import suppress
from typing import TypeVar

from qtpy.QtCore import QObject
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

T = TypeVar("T", bound=QWidget)


def main_window_of(part: QObject) -> QMainWindow | None:
    """Return the window that a widget, or what it owns, is in, be its dock afloat or not; None if none."""
    return _around(part, QMainWindow)


def dock_of(widget: QWidget) -> QDockWidget | None:
    """Return the dock that a widget is in, if it is in one."""
    return _around(widget, QDockWidget)


def raise_dock_of(widget: QWidget) -> None:
    """Bring the dock that a widget is in to the front of those it shares its place with."""
    if (dock := dock_of(widget)) is not None:
        dock.raise_()


def make_canvas_current(window: QMainWindow | None) -> None:
    """Make the canvas's OpenGL context the current one, as it must be when a layer is removed.

    napari 0.9 frees a removed layer's buffers and textures at once, in whatever context happens to be
    current. That is mostly one of Qt's own, and then the next drawing crashes on some drivers, as on Mesa's.
    """
    with suppress(RuntimeError):  # the window is gone, and its context with it
        for canvas in _canvases_of(window):
            canvas.makeCurrent()


def drop_target_of(window: QMainWindow | None) -> QWidget | None:
    """Return the widget that takes what is dropped on the canvas; None if there is none."""
    for canvas in _canvases_of(window):
        above: QWidget | None = canvas
        while above is not None and not above.acceptDrops():
            above = above.parentWidget()
        if above is not None:
            return above
    return None


def _around(part: QObject, kind: type[T]) -> T | None:
    """Return the nearest of the widgets around a part that is of a kind; itself, if it is."""
    around: QObject | None = part
    while around is not None and not isinstance(around, kind):
        around = around.parent()
    return around


def _canvases_of(window: QMainWindow | None) -> list[QOpenGLWidget]:
    """Return the canvas of a window.

    It is looked for in the middle first: the docks hold a hundred widgets for each layer, and to go through
    those whenever a layer is removed holds up the viewer. Another plugin's canvas may be among them, too.
    """
    if window is None:
        return []
    middle = window.centralWidget()
    found = [] if middle is None else middle.findChildren(QOpenGLWidget)
    return list(found or window.findChildren(QOpenGLWidget))

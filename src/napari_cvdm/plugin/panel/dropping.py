"""Files dropped on the panel: weights are added to the models, everything else is opened as on the canvas."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QEvent, QMimeData, QObject, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QWidget

from napari_cvdm.plugin.viewer.graphics import drop_target_of, main_window_of


class Drops(QObject):
    """Takes files that are dropped on a widget, in a window with a canvas.

    ``add_weights`` and ``open_result`` receive the path of a file of weights, and of a saved result.
    """

    def __init__(
        self, widget: QWidget, add_weights: Callable[[Path], None], open_result: Callable[[Path], None]
    ) -> None:
        super().__init__(widget)
        self._add_weights, self._open_result = add_weights, open_result
        widget.setAcceptDrops(True)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Accept files; whatever else is dragged about is none of the panel's business."""
        kinds = (QEvent.Type.DragEnter, QEvent.Type.DragMove, QEvent.Type.Drop)
        if event is None or event.type() not in kinds or not _urls(event):
            return False
        event.acceptProposedAction()  # type: ignore[attr-defined]
        if event.type() == QEvent.Type.Drop:
            self._take(event)
        return True

    def _take(self, event: Any) -> None:
        """Take in weights and saved results, whatever they are called; the canvas gets the rest."""
        from napari_cvdm.models.addresses import MODEL_ENDINGS
        from napari_cvdm.plugin.stored.kinds import is_saved_result

        others = []
        for url in _urls(event):
            path = Path(url.toLocalFile())
            if not url.isLocalFile():
                others.append(url)
            elif path.suffix.lower() in MODEL_ENDINGS:
                self._add_weights(path)
            elif is_saved_result(path):
                self._open_result(path)
            else:
                others.append(url)
        canvas = drop_target_of(main_window_of(self))
        # At once, although results are still being read: napari looks which keys are held down.
        if others and canvas is not None:
            _drop_on(canvas, others, event)


def _drop_on(widget: QWidget, urls: list[QUrl], event: Any) -> None:
    """Drop some of what was dropped elsewhere on a widget."""
    data = QMimeData()
    data.setUrls(urls)
    how = (event.possibleActions(), data, event.buttons(), event.modifiers())
    # A drop goes to the widget that was entered last, whoever it is sent to.
    QApplication.sendEvent(widget, QDragEnterEvent(event.position().toPoint(), *how))
    QApplication.sendEvent(widget, QDropEvent(event.position(), *how))


def _urls(event: Any) -> list[QUrl]:
    """Return what is dragged, if it is files or addresses."""
    return list(event.mimeData().urls())

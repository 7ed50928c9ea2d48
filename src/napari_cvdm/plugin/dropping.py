"""Files dropped on the panel: weights are added to the models, results are opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QWidget

from napari_cvdm.plugin.model_field import WEIGHT_SUFFIXES

__all__ = ["Drops"]

_RESULT_ENDINGS = (".ome.tif", ".ome.tiff", ".ome.zarr", ".zarr")


class Drops(QObject):
    """Takes files that are dropped on a widget.

    Parameters
    ----------
    widget : QWidget
        Where they may be dropped.
    add_weights, open_result : callable
        Receive the path of a file of weights, and of a saved result.
    """

    def __init__(
        self, widget: QWidget, add_weights: Callable[[Path], None], open_result: Callable[[Path], None]
    ) -> None:
        super().__init__(widget)
        self._add_weights, self._open_result = add_weights, open_result
        widget.setAcceptDrops(True)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Accept what can be used; everything else goes on to napari."""
        kinds = (QEvent.Type.DragEnter, QEvent.Type.DragMove, QEvent.Type.Drop)
        if event is None or event.type() not in kinds:
            return False
        weights, results = _sorted(event)
        if not weights and not results:
            return False
        event.acceptProposedAction()  # type: ignore[attr-defined]
        if event.type() == QEvent.Type.Drop:
            for path in weights:
                self._add_weights(path)
            for path in results:
                self._open_result(path)
        return True


def _sorted(event: Any) -> tuple[list[Path], list[Path]]:
    """Return the files of weights and the results among what is dropped."""
    paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    weights = [path for path in paths if path.suffix.lower() in WEIGHT_SUFFIXES]
    results = [path for path in paths if path.name.lower().endswith(_RESULT_ENDINGS)]
    return weights, results

"""The dock widget: choose, press Restore, watch the picture get better."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import QLabel, QMainWindow, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_cvdm.plugin.form import Form
from napari_cvdm.plugin.graphics import main_window_of, make_canvas_current
from napari_cvdm.plugin.layers import is_result
from napari_cvdm.plugin.preferences import read_preferences
from napari_cvdm.plugin.reading import FileReading, LayerReading, describe, read_layer, with_file
from napari_cvdm.plugin.run import Outcome, Run

if TYPE_CHECKING:
    import napari
    from napari.layers import Image

__all__ = ["CVDMWidget"]

_NO_IMAGE = "Drop an image or a stack on the viewer, or take one from File → Open Sample."
_OPTIONAL = "Optional: with it, the program checks that the model suits the image."
_BAR_STEPS = 1000
#: Widgets taken out of their dock, until their run has come to its end; nobody else may hold them.
_CLOSED: set[CVDMWidget] = set()
#: Changes of a layer after which it is read anew.
_LAYER_CHANGES = ("data", "scale", "units", "axis_labels", "affine")


class CVDMWidget(QWidget):
    """Restores the chosen image layer, and shows the reconstruction and its uncertainty as new layers.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer to work in.
    """

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._run: Run | None = None
        self._layer: Image | None = None
        self._reading: LayerReading | None = None
        self._window: Callable[[], QMainWindow | None] = lambda: None
        self._files: dict[Path, FileReading] = {}
        self._user_chose_layer = False
        self._user_set_pixel_size = False
        self.form = Form(self._image_layers, read_preferences())
        self.restore_button = QPushButton("Restore")
        self.progress_bar = QProgressBar()
        self.status = QLabel()
        self._arrange()
        self._connect()
        self.reset_choices()

    def reset_choices(self, event: Any = None) -> None:
        """Offer the layers there are now. napari calls this whenever layers come, go or are renamed."""
        with self.form.layer.changed.blocked():
            self.form.layer.reset_choices()
        if self._layer not in self.form.layer.choices:
            self._user_chose_layer = False
        self._follow_selection()

    @property
    def running(self) -> bool:
        """Whether a run is going on."""
        return self._run is not None

    def restore(self) -> None:
        """Start a run with what the form says."""
        if self._layer is None or self._reading is None or self.running:
            return
        self._run = Run(self._viewer, self._layer, self.form.job(self._reading), parent=self)
        self._run.progressed.connect(self._show_progress)
        self._run.devices_found.connect(self.form.offer_devices)
        self._run.warned.connect(self._show_warning)
        self._run.ended.connect(self._on_ended)
        self._show_running()
        self._run.start()

    def cancel(self) -> None:
        """Stop the run; nothing of it stays."""
        if self._run is not None:
            self._run.cancel()
            self._show_running()

    def event(self, event: QEvent | None) -> bool:
        """Notice that the dock was closed, which napari does by taking the widget out of it."""
        if event is not None and event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self._on_closed()
        elif event is not None and event.type() == QEvent.Type.Show and (window := main_window_of(self)):
            self._window = weakref.ref(window)  # for the time after the dock is closed
        return bool(super().event(event))

    # -- what the form is about ------------------------------------------------------------------------------

    def _image_layers(self) -> list[tuple[str, Image]]:
        """Return the layers that can be restored: themselves, not the proxies that napari hands out."""
        from napari.layers import Image

        layers = (getattr(layer, "__wrapped__", layer) for layer in self._viewer.layers)
        return [(layer.name, layer) for layer in layers if isinstance(layer, Image) and not is_result(layer)]

    def _follow_selection(self, event: Any = None) -> None:
        """Choose the layer that is selected in the viewer, unless the user has chosen one in the form."""
        active = self._viewer.layers.selection.active
        active = getattr(active, "__wrapped__", active)
        if not self._user_chose_layer and active in self.form.layer.choices:
            with self.form.layer.changed.blocked():
                self.form.layer.value = active
        self._set_layer(self.form.layer.value)

    def _on_removing(self, event: Any = None) -> None:
        make_canvas_current(main_window_of(self) or self._window())

    def _on_layer_chosen(self) -> None:
        self._user_chose_layer = True
        self._set_layer(self.form.layer.value)

    def _set_layer(self, layer: Image | None) -> None:
        if layer is not self._layer:
            self._disconnect_layer()
            self._layer = layer
            self._user_set_pixel_size = False
            if layer is not None:
                for name in _LAYER_CHANGES:
                    layer.events[name].connect(self._read)
        self._read()

    def _disconnect_layer(self) -> None:
        if self._layer is not None:
            for name in _LAYER_CHANGES:
                self._layer.events[name].disconnect(self._read)

    def _read(self, event: Any = None) -> None:
        """Show what is understood of the layer, and of its file as soon as that has been read."""
        self.restore_button.setEnabled(self._layer is not None or self.running)
        if self._layer is None:
            self._reading = None
            self.form.understood.setText(_NO_IMAGE)
            self.form.set_pixel_size(None, "")
            return
        reading = read_layer(self._layer)
        if reading.path is not None and reading.path not in self._files:
            self._read_file(reading.path)
        elif reading.path is not None:
            reading = with_file(reading, self._files[reading.path])
        self._reading = reading
        self.form.understood.setText(describe(reading))
        if not self._user_set_pixel_size:
            known = reading.pixel_size is not None
            self.form.set_pixel_size(reading.pixel_size, reading.pixel_size_origin if known else _OPTIONAL)

    def _read_file(self, path: Path) -> None:
        from superqt.utils import create_worker

        from napari_cvdm.plugin.file_reading import read_file

        self._files[path] = FileReading()
        worker = create_worker(read_file, path, _start_thread=False)
        worker.returned.connect(self._on_file_read)
        worker.start()

    def _on_file_read(self, reading: FileReading) -> None:
        if reading.path is not None:
            self._files[reading.path] = reading
            self._read()

    def _on_pixel_size_set(self, nanometres: float) -> None:
        self._user_set_pixel_size = True
        self.form.pixel_size_origin.setText("set by you" if nanometres else _OPTIONAL)

    # -- the run ---------------------------------------------------------------------------------------------

    def _on_clicked(self) -> None:
        self.cancel() if self.running else self.restore()

    def _show_running(self) -> None:
        cancelling = self._run is not None and self._run.cancelling
        self.form.setEnabled(not self.running)
        self.progress_bar.setVisible(self.running)
        self.progress_bar.setRange(0, 0)
        self.restore_button.setText("Cancelling …" if cancelling else "Cancel" if self.running else "Restore")
        self.restore_button.setEnabled(not cancelling and (self.running or self._layer is not None))
        self._colour_button()

    def _colour_button(self, event: Any = None) -> None:
        """Make Restore stand out in the colour that napari's theme has for what matters; Cancel does not."""
        from napari.utils.theme import get_theme

        theme = get_theme(self._viewer.theme)
        self.restore_button.setStyleSheet(
            ""
            if self.running
            else f"QPushButton:enabled {{ background-color: {theme.current.as_hex()}; font-weight: bold; }}"
            f"QPushButton:enabled:hover {{ background-color: {theme.highlight.as_hex()}; }}"
        )

    def _show_progress(self, words: str, fraction: float) -> None:
        self.status.setText(words[:1].upper() + words[1:])
        self.progress_bar.setRange(0, _BAR_STEPS if fraction >= 0 else 0)
        self.progress_bar.setValue(round(fraction * _BAR_STEPS))

    def _show_warning(self, words: str) -> None:
        from napari.utils.notifications import show_warning

        show_warning(words)

    def _on_ended(self, outcome: Outcome, words: str) -> None:
        from napari.utils.notifications import show_error

        if self._run is not None:
            self._run.deleteLater()
        self._run = None
        self._show_running()
        self.status.setText(words)
        if outcome == "failed":
            show_error(words)
        self._delete_if_closed()

    def _on_closed(self) -> None:
        """Leave nothing behind: no run without a Cancel button, no widget for the garbage collector to find.

        Python may collect garbage in any thread, but a Qt widget must be destroyed on the main thread.
        """
        if self._run is not None:
            from napari.utils.notifications import show_info

            show_info("The restoration was cancelled, because its panel was closed.")
            self._run.cancel()
        _CLOSED.add(self)
        QTimer.singleShot(0, self._delete_if_closed)

    def _delete_if_closed(self) -> None:
        if self.parent() is not None:  # docked again
            _CLOSED.discard(self)
        elif self in _CLOSED and self._run is None:
            _CLOSED.discard(self)
            self._disconnect_layer()
            self._viewer.layers.selection.events.active.disconnect(self._follow_selection)
            self._viewer.layers.events.removing.disconnect(self._on_removing)
            self._viewer.events.theme.disconnect(self._colour_button)
            self.deleteLater()

    # -- construction ----------------------------------------------------------------------------------------

    def _arrange(self) -> None:
        self.restore_button.setMinimumHeight(34)
        self.progress_bar.setTextVisible(False)
        self.progress_bar.setMaximumHeight(8)
        self.status.setWordWrap(True)
        self._show_running()
        layout = QVBoxLayout(self)
        for part in (self.form, self.restore_button, self.progress_bar, self.status):
            layout.addWidget(part)
        layout.addStretch()

    def _connect(self) -> None:
        self.restore_button.clicked.connect(self._on_clicked)
        self.form.layer.changed.connect(self._on_layer_chosen)
        self.form.pixel_size.changed.connect(self._on_pixel_size_set)
        self._viewer.layers.selection.events.active.connect(self._follow_selection)
        self._viewer.layers.events.removing.connect(self._on_removing)
        self._viewer.events.theme.connect(self._colour_button)

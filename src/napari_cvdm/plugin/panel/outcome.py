"""What can be done with a result: look into its uncertainty, save it, copy how it was made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtGui import QAction, QGuiApplication
from qtpy.QtWidgets import QMenu, QPushButton, QSizePolicy, QWidget

from napari_cvdm.plugin.image.axis_steps import distances_of
from napari_cvdm.plugin.panel.recipe import python_script, shell_line
from napari_cvdm.plugin.results.into_sight import is_seen_without_view
from napari_cvdm.plugin.results.layers import METADATA_KEY, is_result, real
from napari_cvdm.plugin.stored.stated import table
from napari_cvdm.plugin.viewer.file_asking import ask_for_file
from napari_cvdm.plugin.viewer.graphics import dock_of, raise_dock_of
from napari_cvdm.plugin.viewer.notices import show_error
from napari_cvdm.plugin.viewer.quiet_worker import QuietWorker
from napari_cvdm.plugin.viewer.rows import Buttons, stack_in
from napari_cvdm.restoration.errors import InputError

if TYPE_CHECKING:
    from napari.layers import Image

_KINDS = {
    "OME-TIFF (*.ome.tif)": (".cvdm.ome.tif", ".cvdm.ome.tiff", ".ome.tif", ".ome.tiff"),
    "OME-Zarr (*.ome.zarr)": (".cvdm.ome.zarr", ".ome.zarr", ".zarr"),
}
_USUAL_ENDING = ".cvdm.ome.tif"
_DOUBT_DOCK = "CVDM uncertainty"


class ResultActions(QWidget):
    """Buttons for the result that is selected in the viewer, or else for the topmost one.

    They are hidden until there is a result.
    """

    #: Words for the user: an error with its remedy; what was done.
    failed = Signal(str)
    told = Signal(str)

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self.doubt_button = QPushButton("Uncertainty…")
        self.doubt_button.setToolTip(
            "Look into the uncertainty: where to look again, thresholds, profiles, views side by side."
        )
        self.save_button = QPushButton("Save result…")
        self.save_button.setToolTip(
            "Write reconstruction, uncertainty and how they were made to one OME-TIFF or OME-Zarr. Drop it "
            "on napari to have the layers back as they are."
        )
        self.copy_button = QPushButton("Copy as…")
        self.copy_button.setToolTip("Copy a script or a shell line that repeats this run without napari.")
        menu = QMenu(self.copy_button)
        self.copy_python = QAction("Python script", menu)
        self.copy_shell = QAction("Shell line", menu)
        menu.addActions([self.copy_python, self.copy_shell])
        self.copy_button.setMenu(menu)
        stack_in(self, self.doubt_button, Buttons(self.save_button, self.copy_button)).setSpacing(4)
        for button in (self.doubt_button, self.save_button, self.copy_button):
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.doubt_button.clicked.connect(self.show_doubt)
        self.save_button.clicked.connect(self.ask_and_save)
        self.copy_python.triggered.connect(lambda: self._copy(_script_of, "The script"))
        self.copy_shell.triggered.connect(lambda: self._copy(_shell_line_of, "The shell line"))
        self.setVisible(False)

    def follow(self) -> None:
        """Take notice of a new result; the panel for uncertainty turns to it if it is open."""
        self.offer()
        # napari adds the plugin's name to that of a dock, and keeps docks that the user hides.
        docked = self._viewer.window.dock_widgets.items()
        docks = [dock_of(panel) for name, panel in docked if name.startswith(_DOUBT_DOCK)]
        if any(dock is not None and not dock.isHidden() for dock in docks):
            self.show_doubt()
            raise_dock_of(self)  # the user is at work here

    def offer(self) -> None:
        """Be there while the viewer has a result that is finished, be it of a run or from a file."""
        self.setVisible(bool(self._finished()))

    def result_layers(self) -> list[Image]:
        """Return the layers of the result that is selected, or else of the topmost one.

        The selected one may be that of the run at work, which is not finished.
        """
        active = real(self._viewer.layers.selection.active)
        if active is not None and is_result(active):
            result = active
        elif finished := self._finished():
            result = finished[-1]
        else:
            return []
        run = result.metadata[METADATA_KEY].get("run")
        if run is None:
            return [result]
        return [layer for layer in self._present() if layer.metadata[METADATA_KEY].get("run") == run]

    def _finished(self) -> list[Image]:
        """Return the layers of all results in the viewer but that of the run at work."""
        return [layer for layer in self._present() if _is_finished(layer)]

    def _present(self) -> list[Image]:
        """Return the layers of all results in the viewer."""
        return [layer for each in self._viewer.layers if is_result(layer := real(each))]

    def show_doubt(self) -> None:
        """Open the panel for uncertainty on the result."""
        from napari_cvdm.plugin.doubt.panel import show_doubt_panel

        show_doubt_panel(self._viewer, self.result_layers())

    def ask_and_save(self) -> None:
        """Ask for a name, then save the result."""
        layers = self.result_layers()
        if self._refused(layers):
            return
        written = table(layers[0].metadata[METADATA_KEY].get("written"))
        if written:
            self.told.emit(f"This result is on the disk already: {', '.join(map(str, written.values()))}.")
            return
        # While the dialog is open, a run may begin and select its own layers.
        path = ask_for_file(self, "Save result", f"{layers[0].name}{_USUAL_ENDING}", _KINDS)
        if path is not None:
            self._save(layers, path)

    def _save(self, layers: list[Image], path: Path) -> None:
        data = [_as_set_by_user(layer) for layer in layers]
        self.save_button.setEnabled(False)
        self.told.emit(f"Saving {path.name} …")
        worker = QuietWorker(_write, path, data)
        worker.returned.connect(self._on_saved)
        worker.errored.connect(self._on_failed)
        worker.errored.connect(_tell_failed)
        worker.start()

    def _refused(self, layers: list[Image]) -> bool:
        """Say why nothing can be done with a result, if so: there is none, or it is still in the making."""
        unfinished = next((layer.name for layer in layers if not _is_finished(layer)), None)
        if not layers:
            self.failed.emit("There is no result any more: its layers were removed.")
        elif unfinished is not None:
            self.failed.emit(
                f"'{unfinished}' is still being computed. Wait until it is done, or select another result."
            )
        return not layers or unfinished is not None

    def _on_saved(self, path: Path) -> None:
        self.save_button.setEnabled(True)
        self.told.emit(f"Saved {path}.")

    def _on_failed(self, error: Exception) -> None:
        self.save_button.setEnabled(True)
        self.told.emit(str(error))  # shown by `_tell_failed`

    def _copy(self, write: Callable[[Image], tuple[str, bool]], what: str) -> None:
        layers = self.result_layers()
        if self._refused(layers):
            return
        about = layers[0].metadata[METADATA_KEY]
        if "asked" not in about:
            self.failed.emit(
                "This result was not made by a run in napari, but by a script, in a shell or elsewhere: "
                "there is nothing to copy."
            )
            return
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            try:
                text, repeats = write(layers[0])
            except InputError as error:
                self.failed.emit(f"{error} There is nothing to copy.")
                return
            clipboard.setText(text)
            self.told.emit(
                f"{what} that repeats this run is in the clipboard."
                if repeats
                else "No shell line repeats this run; the clipboard says why. Copy the Python script."
            )


def _script_of(result: Image) -> tuple[str, bool]:
    from napari_cvdm.plugin.doubt.linked import axes_of

    about = result.metadata[METADATA_KEY]
    axes = axes_of(about, result.ndim)
    return python_script(about, **distances_of(result, axes)), True


def _shell_line_of(result: Image) -> tuple[str, bool]:
    """Return the line, and whether it repeats the run."""
    text = shell_line(result.metadata[METADATA_KEY])
    return text, not all(line.startswith("#") for line in text.splitlines())


def _is_finished(layer: Image) -> bool:
    return bool(layer.metadata[METADATA_KEY].get("finished", True))


def _as_set_by_user(layer: Image) -> tuple[Any, dict[str, Any], str]:
    """Return a layer as napari's writers take it, seen or hidden as it is without the panel's views."""
    data, attributes, kind = layer.as_layer_data_tuple()
    return data, {**attributes, "visible": is_seen_without_view(layer)}, kind


def _tell_failed(error: Exception) -> None:
    """Show why nothing was saved; not a method, because the panel may have been closed meanwhile."""
    show_error(str(error))


def _write(path: Path, data: list[Any]) -> Path:
    """Write layers; for a worker."""
    from napari_cvdm.plugin.stored.saving import save_layers
    from napari_cvdm.plugin.viewer.failures import RestorationFailed, in_plain_words

    try:
        return save_layers(path, data, overwrite=True)
    except Exception as error:
        raise RestorationFailed(in_plain_words(error)) from None

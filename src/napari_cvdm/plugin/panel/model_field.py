"""Choosing a model: those that ship, those downloaded, those of one's own, and what is known about each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import ComboBox
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QMessageBox,
    QPushButton,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from napari_cvdm.plugin.viewer.eliding import let_elide
from napari_cvdm.plugin.viewer.notices import literally
from napari_cvdm.plugin.viewer.quiet_worker import QuietWorker
from napari_cvdm.plugin.viewer.rows import beside

if TYPE_CHECKING:
    from napari_cvdm.models import ListedModel


class ModelField(QObject):
    """The combo box of models, with buttons to add one and to read about the chosen one.

    Attributes
    ----------
    combo : magicgui ComboBox
        Its value is what `napari_cvdm.load_model` takes.
    row : QWidget
        The combo box and its buttons, to be put into a form.
    """

    #: Words for the user: an error with its remedy, or what was added.
    failed = Signal(str)
    added = Signal(str)

    def __init__(self, preferred: str, parent: QObject) -> None:
        super().__init__(parent)
        self._listed: dict[str, ListedModel] = {}
        self._preferred = preferred
        self.combo = ComboBox(label="Model", choices=self._choices(), value=preferred)
        let_elide(self.combo.native)
        self.info_button = _button("i", "What this model was trained for, on what, and its licence.")
        self.add_button = _button(
            "+",
            "Add weights of your own: a .safetensors file from 'napari-cvdm train', or the Keras .h5 file of "
            "a lab that trained with the published code. You can also drop the file on this panel.",
        )
        self.row = beside(self.combo.native, self.info_button, self.add_button)
        self.info_button.clicked.connect(self.show_info)
        self.add_button.clicked.connect(self.browse)
        self.combo.changed.connect(self._describe)
        self._describe()

    def add_file(self, path: Path) -> None:
        """Take in a file of weights, in the background, and choose it."""
        self.add_button.setEnabled(False)
        worker = QuietWorker(_add, str(path))
        worker.returned.connect(self._on_added)
        worker.errored.connect(self._on_failed)
        worker.start()

    def browse(self) -> None:
        """Let the user point at a file of weights."""
        from napari_cvdm.models.addresses import MODEL_ENDINGS

        endings = " ".join(f"*{suffix}" for suffix in MODEL_ENDINGS)
        path, _ = QFileDialog.getOpenFileName(self.row, "Add a model", "", f"Model weights ({endings})")
        if path:
            self.add_file(Path(path))

    def show_info(self) -> None:
        """Show the card of the chosen model."""
        from napari_cvdm.models import ModelError
        from napari_cvdm.plugin.panel.model_info import as_html, read_card

        name = str(self.combo.value)
        try:
            card = read_card(name)
        except ModelError as error:
            self.failed.emit(str(error))
            return
        if card is None:
            QMessageBox.information(
                self.row, "Model", f"'{name}' is not on this computer yet: the first run fetches it."
            )
            return
        origin = self._listed[name].origin if name in self._listed else f"From the file {name}"
        self._dialog = _card_dialog(self.row, card.name, as_html(card), origin)
        self._dialog.open()

    def _on_added(self, name: str) -> None:
        self.add_button.setEnabled(True)
        self._preferred = name
        self.combo.choices = self._choices()
        self.combo.value = name
        self.added.emit(f"The model '{name}' was added, and is remembered.")

    def _on_failed(self, error: Exception) -> None:
        self.add_button.setEnabled(True)
        self.failed.emit(str(error))

    def _choices(self) -> list[tuple[str, str]]:
        """Models on offer: label and name. The preferred one is always among them, be it a file."""
        from napari_cvdm.models import ModelError, list_models

        try:
            listed = list_models()
        except ModelError:  # a damaged list; loading a model will say what is wrong
            listed = []
        self._listed = {"default" if model.is_default else model.name: model for model in listed}
        labels = {name: model.name for name, model in self._listed.items()}
        for name in ("default", self._preferred):
            labels.setdefault(name, Path(name).name)
        return [(label, name) for name, label in labels.items()]

    def _describe(self, *_: Any) -> None:
        model = self._listed.get(str(self.combo.value))
        words = f"{model.summary}\n{model.origin}" if model else f"The file {self.combo.value}."
        self.combo.native.setToolTip(literally(words))


def _add(path: str) -> str:
    """Take a file into the store; for a worker. Errors become sentences, which is what a user can use."""
    from napari_cvdm.models import ModelError, add_model
    from napari_cvdm.plugin.viewer.failures import RestorationFailed

    try:
        return add_model(path)
    except (ModelError, ValueError, OSError) as error:
        raise RestorationFailed(str(error)) from error


def _button(text: str, tooltip: str) -> QPushButton:
    button = QPushButton(text)
    button.setFixedWidth(28)
    button.setToolTip(tooltip)
    button.setAccessibleName(tooltip)
    return button


def _card_dialog(parent: QWidget, title: str, html: str, origin: str) -> QDialog:
    from html import escape

    dialog = QDialog(parent)
    dialog.setWindowTitle(title)
    dialog.resize(520, 460)
    browser = QTextBrowser()
    browser.setOpenLinks(False)
    browser.setHtml(f"{html}<p><i>{escape(origin)}</i></p>")
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    buttons.rejected.connect(dialog.reject)
    layout = QVBoxLayout(dialog)
    layout.addWidget(browser)
    layout.addWidget(buttons)
    return dialog

"""The form: what can be chosen for a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from magicgui.widgets import ComboBox, FloatSpinBox, SpinBox
from qtpy.QtWidgets import QFormLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_cvdm.plugin.devices import Choice, devices_offered
from napari_cvdm.plugin.preferences import Preferences
from napari_cvdm.plugin.reading import LayerReading
from napari_cvdm.plugin.worker import Job

if TYPE_CHECKING:
    from napari.layers import Image

__all__ = ["QUALITIES", "Form", "Quality"]


@dataclass(frozen=True)
class Quality:
    """A preset: how much work to put into the result.

    Attributes
    ----------
    name : str
        What the user reads.
    draws : int
        Draws for each plane; 0 for a preview, None for the user's own number.
    """

    name: str
    draws: int | None


QUALITIES = (
    Quality("Preview: one pass, seconds", 0),
    Quality("Standard: 8 draws", 8),
    Quality("Thorough: 24 draws", 24),
    Quality("Custom", None),
)
_PREVIEW, _CUSTOM = QUALITIES[0], QUALITIES[-1]


class Form(QWidget):
    """Fields for everything a run needs; knows no viewer and starts nothing.

    Parameters
    ----------
    layers : callable
        Returns the (name, layer) pairs that can be restored.
    preferences : Preferences
        What to begin with.

    Attributes
    ----------
    layer, pixel_size, model, quality, draws, device, seed, steps, tile
        The fields, as magicgui widgets.
    understood, pixel_size_origin : QLabel
        Notes below the layer and the pixel size.
    """

    def __init__(self, layers: Callable[[], list[tuple[str, Image]]], preferences: Preferences) -> None:
        super().__init__()
        self.layer = ComboBox(
            label="Image",
            choices=lambda _: layers(),
            nullable=False,
            tooltip="The layer to restore: an image or a stack, 2-D plane by plane.",
        )
        self.understood = _note()
        self.pixel_size = FloatSpinBox(
            label="Pixel size",
            min=0,
            max=100_000,
            step=1,
            value=0,
            tooltip=(
                "Side of a camera pixel in the sample plane. It is checked against the pixel sizes the model "
                "was trained for, and recorded with the result. 0 means not known."
            ),
        )
        self.pixel_size_origin = _note()
        self.model = ComboBox(
            label="Model", choices=_models(preferences.default_model), value=preferences.default_model
        )
        self.quality = ComboBox(
            label="Quality",
            choices=[(quality.name, quality) for quality in QUALITIES],
            tooltip=(
                "Preview runs the mean network alone. The others add draws: sharp images that all agree with "
                "yours. Their mean is the reconstruction, their disagreement is the uncertainty."
            ),
        )
        self.draws = SpinBox(
            label="Draws",
            min=1,
            max=1000,
            value=preferences.draws,
            tooltip="Sharp images drawn for each plane. More make the uncertainty steadier and take longer.",
        )
        self.device = ComboBox(
            label="Compute on",
            choices=devices_offered(),
            tooltip="Automatic takes a GPU when there is one.",
        )
        self.seed = SpinBox(
            label="Seed",
            min=0,
            max=2**31 - 1,
            value=0,
            tooltip="The same seed gives the same pixels.",
        )
        # Whole numbers, but magicgui's own field for these cannot say "automatic" in place of 0.
        self.steps = FloatSpinBox(
            label="Steps per draw",
            min=0,
            max=1000,
            step=1,
            value=0,
            tooltip="Denoising steps of each draw. Down to 0, the model decides.",
        )
        self.tile = FloatSpinBox(
            label="Tile",
            min=0,
            max=16_384,
            step=64,
            value=0 if preferences.tile == "auto" else preferences.tile,
            tooltip="Side of a tile in camera pixels. It changes the memory needed, not the result.",
        )
        self._arrange()
        self._match_quality()
        self.set_device(preferences.device)
        self.quality.changed.connect(self._on_quality)
        self.draws.changed.connect(self._match_quality)

    def job(self, reading: LayerReading) -> Job:
        """Make a job of what the form says.

        Parameters
        ----------
        reading : LayerReading
            How the chosen layer is understood.
        """
        layer: Image = self.layer.value
        return Job(
            name=layer.name,
            data=layer.data[0] if layer.multiscale else layer.data,
            axes=reading.axes,
            rgb=reading.rgb,
            model=self.model.value,
            pixel_size=self.pixel_size.value or None,
            preview=self.quality.value is _PREVIEW,
            draws=self.draws.value,
            steps=int(self.steps.value) or None,
            seed=self.seed.value,
            device=self.device.value,
            tile=int(self.tile.value) or "auto",
        )

    def offer_devices(self, choices: list[Choice]) -> None:
        """Replace the devices on offer, keeping the chosen one if it is among them."""
        chosen = self.device.value
        self.device.choices = choices
        self.set_device(chosen)

    def set_device(self, name: str) -> None:
        """Choose a device by name, or the automatic choice if it is not on offer."""
        self.device.value = name if name in self.device.choices else "auto"

    def set_pixel_size(self, nanometres: float | None, origin: str) -> None:
        """Show a pixel size and where it comes from, as the program's doing and not the user's."""
        with self.pixel_size.changed.blocked():
            self.pixel_size.value = nanometres or 0
        self.pixel_size_origin.setText(origin)

    def _on_quality(self, quality: Quality) -> None:
        if quality.draws:
            with self.draws.changed.blocked():
                self.draws.value = quality.draws
        self.draws.enabled = quality is not _PREVIEW

    def _match_quality(self) -> None:
        """Show the preset that the number of draws belongs to."""
        with self.quality.changed.blocked():
            self.quality.value = next((q for q in QUALITIES if q.draws == self.draws.value), _CUSTOM)

    def _arrange(self) -> None:
        self.pixel_size.native.setSuffix(" nm")
        self.pixel_size.native.setDecimals(1)
        self.pixel_size.native.setSpecialValueText("not known")
        self.steps.native.setSpecialValueText("as the model says")
        self.tile.native.setSpecialValueText("automatic")
        for field in (self.steps, self.tile):
            field.native.setDecimals(0)
        for combo in (self.layer, self.model, self.quality, self.device):
            # Long layer names must not make the dock wide.
            combo.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        main, advanced = QWidget(), QWidget()
        _fill(
            main,
            self.layer,
            self.understood,
            self.pixel_size,
            self.pixel_size_origin,
            self.model,
            self.quality,
            self.draws,
            self.device,
        )
        _fill(advanced, self.seed, self.steps, self.tile)
        collapsible = QCollapsible("Advanced", expandedIcon="▾", collapsedIcon="▸")
        collapsible.addWidget(advanced)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(main)
        layout.addWidget(collapsible)


def _fill(form: QWidget, *fields: Any) -> None:
    """Put fields below each other, their labels in a column to the left, and notes below their field."""
    layout = QFormLayout(form)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    for field in fields:
        if isinstance(field, QLabel):
            layout.addRow("", field)
            continue
        label = QLabel(field.label)
        label.setBuddy(field.native)
        label.setToolTip(field.tooltip)
        layout.addRow(label, field.native)


def _note() -> QLabel:
    note = QLabel()
    note.setWordWrap(True)
    return note


def _models(preferred: str) -> list[Choice]:
    """Models on offer: label and name. The preferred one is always among them, be it a file."""
    from napari_cvdm.models import ModelError, list_models

    try:
        choices = [(model.name, "default" if model.is_default else model.name) for model in list_models()]
    except ModelError:  # a damaged registry; loading a model will say what is wrong
        choices = []
    names = [name for _, name in choices]
    for name in ("default", preferred):
        if name not in names:
            choices.append((name, name))
            names.append(name)
    return choices

"""The form: what can be chosen for a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox, ComboBox, FloatSpinBox, SpinBox
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QCheckBox, QSizePolicy, QWidget

from napari_cvdm.plugin.image.parts import Part
from napari_cvdm.plugin.image.reading import LayerReading
from napari_cvdm.plugin.panel.inquiry import Inquiry
from napari_cvdm.plugin.panel.model_field import ModelField
from napari_cvdm.plugin.panel.pixel_size_field import PixelSizeField
from napari_cvdm.plugin.results.layers import full_data
from napari_cvdm.plugin.running.devices import Choice, devices_offered
from napari_cvdm.plugin.running.worker import Job
from napari_cvdm.plugin.viewer import rows
from napari_cvdm.plugin.viewer.eliding import let_elide
from napari_cvdm.plugin.viewer.pages import Section
from napari_cvdm.plugin.viewer.preferences import Preferences
from napari_cvdm.restoration.presets import PRESETS, STANDARD, Preset

if TYPE_CHECKING:
    from napari.layers import Image

CUSTOM = Preset("custom", "Custom", STANDARD.draws, "A number of draws of your own.")
"""Stands for whatever number of draws is no preset's."""

_ABOUT_ADVANCED = "The seed, the steps of a draw, the size of tiles, and whether single draws are kept."


class Form(QWidget):
    """Fields for everything a run needs; knows no viewer and starts nothing.

    Parameters
    ----------
    layers : callable
        Returns the (name, layer) pairs that can be restored.
    parts : callable
        Returns the (words, choice) pairs of parts of the image that can be restored; "all" is the first.
    preferences : Preferences
        What to begin with.
    """

    def __init__(
        self,
        layers: Callable[[], list[tuple[str, Image]]],
        parts: Callable[[], list[tuple[str, Any]]],
        preferences: Preferences,
    ) -> None:
        super().__init__()
        self.layer = ComboBox(
            label="Image",
            choices=lambda _: layers(),
            nullable=False,
            tooltip="The layer to restore: an image or a stack, 2-D plane by plane.",
        )
        self.understood, self.pixel_size_origin, self.mismatch, self.plan = (rows.note() for _ in range(4))
        self.model_notes = rows.note()
        self.inquiry = Inquiry(after=self.layer.native)
        self.part = ComboBox(
            label="Part",
            choices=lambda _: parts(),
            nullable=False,
            tooltip="Try a stack on one plane, or on what you see, before you restore all of it. For a "
            "region, add a Shapes layer and draw a rectangle: it is then offered here.",
        )
        self.pixel_size = PixelSizeField()
        self.resample, self._offer = QCheckBox(), ""
        self.resample.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.resample.setToolTip(
            "The image is brought to pixels that the model knows before it is restored. Your layer is not "
            "changed; the result keeps its place and its scale, and says that it was resampled."
        )
        self.model_field = ModelField(preferences.default_model, self)
        self.model = self.model_field.combo
        self.quality = ComboBox(
            label="Quality",
            choices=[(preset.title, preset) for preset in (*PRESETS.values(), CUSTOM)],
            tooltip="How much work to put into the result.",
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
        self._make_advanced(preferences)
        self._arrange()
        self._begin_with(preferences)
        self.quality.changed.connect(self._on_quality)
        self.draws.changed.connect(self._match_quality)

    def job(
        self, reading: LayerReading, part: Part | None = None, first_plane: tuple[int, ...] | None = None
    ) -> Job:
        """Make a job of what the form says, for a part of the layer, to begin with one of its planes."""
        layer: Image = self.layer.value
        return Job(
            name=layer.name,
            data=full_data(layer),
            axes=reading.axes,
            rgb=reading.rgb,
            colours=self.inquiry.answered_colours(),
            part=part,
            model=self.model.value,
            pixel_size=self.pixel_size.nanometres,
            preview=self.preview,
            draws=self.draws.value,
            steps=int(self.steps.value) or None,
            seed=self.seed.value,
            device=self.device.value,
            tile=self.tile_side,
            resample=self.wants_resampling,
            keep_draws=self.keep_draws.value and not self.preview,
            first_plane=first_plane,
            source_path=None if reading.path is None else str(reading.path),
        )

    @property
    def preview(self) -> bool:
        """Whether only the mean network is to run."""
        return bool(self.quality.value.preview)

    @property
    def tile_side(self) -> Any:
        """Side of a tile, or "auto"."""
        return int(self.tile.value) or "auto"

    @property
    def wants_resampling(self) -> bool:
        """Whether resampling is needed, and accepted."""
        return self.resample.isVisibleTo(self) and self.resample.isChecked()

    def preferences(self) -> Preferences:
        """Return what is chosen now, to begin with it next time."""
        return Preferences(
            default_model=self.model.value,
            preset=self.quality.value.name,
            draws=self.draws.value,
            device=self.device.value.partition(":")[0],
            tile=self.tile_side,
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
        self.pixel_size.show_size(nanometres)
        self.pixel_size_origin.setText(origin)

    def set_mismatch(self, explanation: str, offer: str) -> None:
        """Explain why the model does not know pixels of this size, and offer to resample; or hide both."""
        self.mismatch.setText(explanation)
        self.mismatch.setVisible(bool(explanation))
        self._offer = offer
        self._fit_offer()
        self.resample.setVisible(bool(offer))

    def _fit_offer(self) -> None:
        """Write the offer on two lines where it is wider than the form: a check box breaks none by itself."""
        box = self.resample
        box.setText(self._offer)
        if box.sizeHint().width() > self.width():
            box.setText("\n".join(self._offer.rsplit(maxsplit=1)))

    def _on_quality(self, preset: Preset) -> None:
        if preset.name in PRESETS and not preset.preview:
            with self.draws.changed.blocked():
                self.draws.value = preset.draws
        self._show_quality()

    def _match_quality(self) -> None:
        """Show the preset that the number of draws belongs to."""
        matching = (preset for preset in PRESETS.values() if preset.draws == self.draws.value)
        with self.quality.changed.blocked():
            self.quality.value = next(matching, CUSTOM)
        self._show_quality()

    def _show_quality(self) -> None:
        self.draws.enabled = not self.preview
        self.keep_draws.enabled = not self.preview
        self.quality.native.setToolTip(self.quality.value.explanation)

    def _begin_with(self, preferences: Preferences) -> None:
        self._match_quality()
        if preset := PRESETS.get(preferences.preset):  # which says itself how many draws it has
            self.quality.value = preset
            self._on_quality(preset)
        self.set_device(preferences.device)
        self.set_mismatch("", "")

    def _make_advanced(self, preferences: Preferences) -> None:
        self.seed = SpinBox(
            label="Seed", min=0, max=2**31 - 1, value=0, tooltip="The same seed gives the same pixels."
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
            tooltip="Side of a tile in camera pixels. Changes memory and speed; the result only with "
            "networks of the authors' own code.",
        )
        self.keep_draws = CheckBox(
            label="Keep draws",
            value=False,
            tooltip="Keep every sharp image that was drawn, to leaf through them afterwards: what flickers "
            "is in doubt. Each takes as much memory as the reconstruction.",
        )

    def _arrange(self) -> None:
        for whole_number in (self.steps, self.tile):
            whole_number.native.setSpecialValueText("automatic")
            whole_number.native.setDecimals(0)
        for combo in (self.layer, self.part, self.quality, self.device):
            let_elide(combo.native)
        main, advanced = QWidget(), QWidget()
        self._forms = form, hidden = rows.new_form(main), rows.new_form(advanced)
        rows.add_row(form, self.layer)
        rows.add_wide(form, self.understood)
        form.addRow(self.inquiry)
        rows.add_row(form, self.part)
        rows.add_row(form, self.pixel_size)
        rows.add_wide(form, self.pixel_size_origin)
        form.addRow(rows.stacked(self.mismatch, self.resample))
        rows.add_row(form, self.model, self.model_field.row)
        form.addRow(rows.stacked(self.model_notes))
        for shown in (self.quality, self.draws, self.device):
            rows.add_row(form, shown)
        for advanced_field in (self.seed, self.steps, self.tile):
            rows.add_row(hidden, advanced_field)
        hidden.addRow(self.keep_draws.native)  # it says itself what it is
        rows.stack_in(self, main, Section("Advanced", advanced, _ABOUT_ADVANCED), self.plan)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Put labels above their fields where there is no room beside them."""
        super().resizeEvent(event)
        for form in self._forms:
            rows.wrap_where_narrow(form, self.width())
        self._fit_offer()

"""What a run would do, kept up to date beside the form: does the model suit, how much work, how long."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_cvdm.plugin.image.pointing import which_shape
from napari_cvdm.plugin.panel.model_info import read_card
from napari_cvdm.plugin.running.measuring import Measuring
from napari_cvdm.plugin.running.plan import Plan, free_memory, resampling_words
from napari_cvdm.plugin.running.planning import plan_of
from napari_cvdm.plugin.viewer.following import follow
from napari_cvdm.restoration.errors import InputError

if TYPE_CHECKING:
    from napari.layers import Shapes

    from napari_cvdm.models.card import ModelCard
    from napari_cvdm.plugin.image.reading import LayerReading
    from napari_cvdm.plugin.image.subject import Subject
    from napari_cvdm.plugin.panel.form import Form
    from napari_cvdm.plugin.running.runs import Runs
    from napari_cvdm.plugin.viewer.world import Sliders
    from napari_cvdm.restoration.timing import Speed

_TO_DISK = "That is more memory than {} the result will be written to disk, piece by piece, as OME-Zarr."
_TOO_LARGE = _TO_DISK.format("is free:")
_TOO_LARGE_NOW = _TO_DISK.format("the runs before it leave free: queued now,")


class Advice(QObject):
    """Shows in the form what its settings mean for the chosen layer.

    Attributes
    ----------
    refusal : str
        Why a run with these settings must fail, and what to do; empty if nothing speaks against it.
    """

    #: The plan is another, and so may `refusal` be.
    judged = Signal()

    def __init__(
        self, form: Form, subject: Subject, sliders: Callable[[], Sliders], runs: Runs, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._form, self._subject, self._sliders, self._runs = form, subject, sliders, runs
        self.refusal = ""
        self._card: ModelCard | None = None  # read when the user turns to a model or to the panel
        self._shapes: Shapes | None = None
        self.measuring = Measuring(self)
        self.measuring.measured.connect(self.show_plan)
        form.model.changed.connect(self.show_match)
        fields = (form.part, form.quality, form.draws, form.device, form.tile, form.steps, form.keep_draws)
        for field in fields:
            field.changed.connect(self.show_plan)
        form.resample.toggled.connect(self.show_plan)
        runs.changed.connect(self.show_plan)

    def show_match(self) -> None:
        """Compare the pixel size with what the model knows, and offer to resample; then show the plan."""
        from napari_cvdm.models.pretrained import notes_for

        card = self._card = self._read_card()
        notes = () if card is None else notes_for(card)
        self._form.model_notes.setText(" ".join(notes))
        self._form.model_notes.setVisible(bool(notes))
        self._form.set_mismatch(*self._mismatch(card))
        self.show_plan()

    def show_plan(self) -> None:
        """Say what a run would do."""
        form, reading = self._form, self._subject.reading
        shapes = None if isinstance(form.part.value, str) else form.part.value
        self._follow(shapes)
        self.refusal = ""
        if reading is None or form.layer.value is None:
            form.plan.setText("")
            self.judged.emit()
            return
        speed = self.measuring.speed(form.model.value, form.device.value, form.tile_side)
        try:
            plan = self.plan(reading, speed)
            words = f"{plan.words()} {self.shortage(plan)}".rstrip()
        except InputError as error:
            words = self.refusal = str(error)
        chosen = "" if shapes is None else which_shape(shapes)
        measuring = "Measuring the time …" if self.measuring.busy and not self.refusal else ""
        form.plan.setText(" ".join(filter(None, (words, chosen, measuring))))
        self.judged.emit()

    def measure(self) -> None:
        """Find out in the background how fast the chosen model is on the device, unless that is known."""
        form, self._card = self._form, self._read_card()
        # A model that is not here would be downloaded, which is not to begin of its own accord.
        if self._subject.layer is not None and self._card is not None:
            self.measuring.measure(form.model.value, form.device.value, form.tile_side)
            self.show_plan()

    def close(self) -> None:
        """Measure nothing and follow nothing any more."""
        self.measuring.give_up()
        self._follow(None)

    def plan(self, reading: LayerReading, speed: Speed | None = None) -> Plan:
        """Return what a run on the chosen layer would take.

        Raises
        ------
        InputError
            If there would be nothing to restore.
        """
        return plan_of(self._form, reading, self._sliders(), speed, self._card)

    def shortage(self, plan: Plan) -> str:
        """Say what becomes of a run that there is not enough memory for; empty if there is.

        Of runs that wait only the results count, which stay: what else they take is free again by then.
        """
        free = free_memory()
        if plan.memory > free:
            return _TOO_LARGE
        return _TOO_LARGE_NOW if plan.memory > free - self._runs.claimed else ""

    def _follow(self, shapes: Shapes | None) -> None:
        """Notice when a rectangle is drawn, changed or selected in the layer that bounds the part."""
        slots = {"data": self.show_plan, "highlight": self.show_plan}
        self._shapes = follow(shapes, self._shapes, slots)

    def _read_card(self) -> ModelCard | None:
        from napari_cvdm.models import ModelError

        try:
            return read_card(self._form.model.value)
        except (ModelError, OSError):  # the run will say what is wrong
            return None

    def _mismatch(self, card: ModelCard | None) -> tuple[str, str]:
        reading, size = self._subject.reading, self._form.pixel_size.nanometres
        if reading is None or card is None or card.pixel_size_nm is None or not size:
            return "", ""
        from napari_cvdm.restoration.resampling import plan_resampling

        plane = reading.shape[reading.axes.index("Y")], reading.shape[reading.axes.index("X")]
        try:
            plan = plan_resampling(plane, size, card.pixel_size_nm)
        except InputError as error:
            return str(error), ""
        return ("", "") if plan is None else resampling_words(size, card.pixel_size_nm, plan.new_pixel_size)

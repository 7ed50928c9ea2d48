"""The dock widget: choose, press Restore, watch the picture get better."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QSize, QTimer
from qtpy.QtWidgets import QApplication, QWidget

from napari_cvdm.plugin.image.reading import describe
from napari_cvdm.plugin.image.subject import Subject
from napari_cvdm.plugin.panel.advice import Advice
from napari_cvdm.plugin.panel.controls import Controls
from napari_cvdm.plugin.panel.dropping import Drops
from napari_cvdm.plugin.panel.form import Form
from napari_cvdm.plugin.panel.image_choice import ImageChoice
from napari_cvdm.plugin.panel.outcome import ResultActions
from napari_cvdm.plugin.running.planning import jobs_of, layers_to_restore, part_choices, shapes_of
from napari_cvdm.plugin.running.runs import Runs
from napari_cvdm.plugin.running.to_disk import ask_and_send_to_disk
from napari_cvdm.plugin.stored.opening import Opening
from napari_cvdm.plugin.stored.readers import settle_readers
from napari_cvdm.plugin.viewer.docks import PanelDock
from napari_cvdm.plugin.viewer.notices import show_error, show_info, show_warning
from napari_cvdm.plugin.viewer.pages import Page
from napari_cvdm.plugin.viewer.preferences import (
    apply_cache_folder,
    read_preferences,
    remember,
    take_gpu_hint,
)
from napari_cvdm.plugin.viewer.rows import stack_in
from napari_cvdm.plugin.viewer.world import sight_of
from napari_cvdm.restoration.errors import InputError

if TYPE_CHECKING:
    import napari
    from napari.layers import Image

    from napari_cvdm.plugin.running.run import Outcome
    from napari_cvdm.plugin.running.worker import Job

#: Of the dock, to begin with, in pixels.
_WIDTH = 345
_TITLE = "CVDM super-resolution"
_NO_IMAGE = "Drop an image or a stack on the viewer, or take one from File → Open Sample."


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
        apply_cache_folder()
        settle_readers()
        self.subject = Subject(self)
        self.runs = Runs(napari_viewer, self)
        self.form = Form(partial(layers_to_restore, napari_viewer), self._part_choices, read_preferences())
        self._image_choice = ImageChoice(self.form.layer, napari_viewer, self)
        self.controls = Controls(self.runs)
        self.status = self.controls.status
        self.actions_row = ResultActions(napari_viewer)
        self.advice = Advice(self.form, self.subject, lambda: sight_of(napari_viewer), self.runs, self)
        self._opening = Opening(napari_viewer, self)
        self._drops = Drops(self, self.form.model_field.add_file, self._opening.open)
        stack_in(self, Page(self.form, self.controls, self.actions_row, name=_TITLE))
        self._dock = PanelDock(self, napari_viewer)
        self._connect()
        self.reset_choices()

    def sizeHint(self) -> QSize:
        """Wide enough for labels beside their fields; the dock may be made narrower."""
        return super().sizeHint().expandedTo(QSize(_WIDTH, 0))

    def reset_choices(self, event: Any = None) -> None:
        """Offer the layers there are now. napari calls this whenever layers come, go or are renamed."""
        self.actions_row.offer()
        self._image_choice.offer()

    @property
    def running(self) -> bool:
        """Whether a run is going on."""
        return self.runs.current is not None

    def restore(self) -> None:
        """Start a run with what the form says, or put it at the end of the queue."""
        reading = self.subject.reading
        if self.subject.layer is None or reading is None:
            return
        try:
            jobs: Sequence[Job] = jobs_of(self.form, reading, sight_of(self._viewer))
            plan = self.advice.plan(reading)
            if to_disk := self.advice.shortage(plan):
                jobs = ask_and_send_to_disk(self, jobs, self.subject.layer)
        except InputError as error:
            self._show_error(str(error))
            return
        self.advice.measuring.give_up()
        in_memory = {} if to_disk else {"results_size": plan.results, "memory": plan.memory}
        self.runs.add(self.subject.layer, *jobs, **in_memory)
        remember(self.form.preferences())

    def event(self, event: QEvent | None) -> bool:
        """Notice that the user turns to the panel."""
        if event is not None and event.type() == QEvent.Type.Enter:
            self._turn_to_panel()
        return bool(super().event(event))

    # -- what the form is about ------------------------------------------------------------------------------

    def _part_choices(self) -> list[tuple[str, Any]]:
        return part_choices(self.subject.reading, shapes_of(self._viewer))

    def _show_image_choice(self) -> None:
        """Turn to the image that the form names, and see which parts of it there are to choose."""
        layer: Image | None = self.form.layer.value
        if layer is not self.subject.layer and not self.running:
            self.status.setText("")  # what it says is about another image
        if not self.subject.set_layer(layer):  # which would have told, and been shown
            self._offer_parts()
            self.advice.show_plan()

    def _show_subject(self) -> None:
        """Show what is understood of the layer."""
        understood, form = self.subject.understood, self.form
        if understood is None:
            form.understood.setText(_NO_IMAGE)
            form.inquiry.setVisible(False)
        else:
            form.inquiry.ask(understood, self.subject.answers)
            form.understood.setText(describe(self.subject.reading or understood))
        form.set_pixel_size(*self.subject.pixel_size)
        self._offer_parts()
        self.advice.show_match()

    def _offer_parts(self) -> None:
        with self.form.part.changed.blocked():
            self.form.part.reset_choices()

    def _on_view_moved(self) -> None:
        if self.form.part.value == "view":
            self.advice.show_plan()

    def _on_answered(self) -> None:
        self.subject.answer(self.form.inquiry.answers())
        self._show_subject()

    def _on_pixel_size_set(self, nanometres: float) -> None:
        self.subject.set_pixel_size(nanometres)
        _, origin = self.subject.pixel_size
        self.form.pixel_size_origin.setText(origin)
        self.advice.show_match()

    def _on_focus(self, before: QWidget | None, now: QWidget | None) -> None:
        if now is not None and self.isAncestorOf(now):
            self._turn_to_panel()

    def _turn_to_panel(self) -> None:
        """Find out how long a run would take, now that the user turns to the panel."""
        if not self.running:
            self.advice.measure()

    # -- the runs --------------------------------------------------------------------------------------------

    def _show_state(self) -> None:
        from napari.utils.theme import get_theme

        ready, theme = self.subject.layer is not None, get_theme(self._viewer.theme)
        self.controls.show_state(ready=ready, refusal=self.advice.refusal, theme=theme)

    def _on_devices(self, choices: Any, hint: str | None) -> None:
        self.form.offer_devices(choices)
        if hint and self.form.device.value == "auto" and take_gpu_hint():
            show_info(hint)

    def _show_error(self, words: str) -> None:
        self.status.setText(words)
        show_error(words)

    def _on_ended(self, outcome: Outcome, words: str, layers: list[Image]) -> None:
        self.status.setText(words)
        if outcome == "failed":
            self._show_error(words)
        if layers:
            self.actions_row.follow()
        QTimer.singleShot(0, self._dock.tell_if_closed)

    def _on_taken_out(self) -> None:
        """Leave no run without a Cancel button behind."""
        if self.running:
            kept = self.runs.give_up_all()
            show_info(f"The restoration was ended, because its panel was closed. {kept}".rstrip())

    def _on_closed(self) -> None:
        if not self.running:  # or once the run has come to its end
            self.subject.close()
            self.advice.close()
            self._image_choice.close()
            self._listen(False)
            self._dock.delete_panel()

    # -- construction ----------------------------------------------------------------------------------------

    def _connect(self) -> None:
        form, runs = self.form, self.runs
        self._dock.taken_out.connect(self._on_taken_out)
        self._dock.closed.connect(self._on_closed)
        self.controls.restore_button.clicked.connect(self.restore)
        self.advice.judged.connect(self._show_state)
        runs.devices_found.connect(self._on_devices)
        runs.warned.connect(show_warning)
        runs.ended.connect(self._on_ended)
        self.subject.changed.connect(self._show_subject)
        self._image_choice.changed.connect(self._show_image_choice)
        form.pixel_size.valueChanged.connect(self._on_pixel_size_set)
        form.inquiry.changed.connect(self._on_answered)
        form.model_field.failed.connect(self._show_error)
        form.model_field.added.connect(self.status.setText)
        self._opening.told.connect(self.status.setText)
        self.actions_row.failed.connect(self._show_error)
        self.actions_row.told.connect(self.status.setText)
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._on_focus)
        self._listen(True)

    def _listen(self, on: bool) -> None:
        """Listen to the viewer, or no longer."""
        events = (
            (self._viewer.events.theme, self._show_state),
            *((self._viewer.dims.events[of], self.advice.show_plan) for of in ("point", "ndisplay", "order")),
            (self._viewer.scene.camera.events.center, self._on_view_moved),
            (self._viewer.scene.camera.events.zoom, self._on_view_moved),
            (self._viewer.canvas.events.size, self._on_view_moved),
            (self._viewer.canvas.grid.events, self._on_view_moved),
        )
        for event, slot in events:
            (event.connect if on else event.disconnect)(slot)

"""Which image the form is about: the one that the user turned to last, in it or in the list of layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_cvdm.plugin.results.adding import OwnChange
from napari_cvdm.plugin.results.layers import real

if TYPE_CHECKING:
    from magicgui.widgets import ComboBox


class ImageChoice(QObject):
    """Keeps the field for the image in step with the viewer. Lives on the main thread.

    Only what the user selects there counts. The plugin selects layers, too, and napari selects a neighbour of
    what was deleted: neither takes away an image that the user has turned to and that is still there.
    """

    #: The field may name another image, or none; or there are others to choose.
    changed = Signal()

    def __init__(self, field: ComboBox, viewer: Any, parent: QObject) -> None:
        super().__init__(parent)
        self._field, self._viewer = field, viewer
        self._settled = False
        self._deleting = False
        self._field.changed.connect(self._on_chosen)
        layers = viewer.layers
        self._viewer_events = [
            (layers.selection.events.active, self._on_selected),
            (layers.events.begin_batch, self._on_deleting),
            (layers.events.end_batch, self._on_deleted),
        ]
        for emitter, slot in self._viewer_events:
            emitter.connect(slot)

    def offer(self) -> None:
        """Offer the images there are now; unless the user has turned to one of them, take the selected."""
        before = self._field.value
        with self._field.changed.blocked():
            self._field.reset_choices()
        self._settled = self._settled and self._field.value is before
        if not self._settled:
            self._turn_to_selected()
        self.changed.emit()

    def close(self) -> None:
        """Follow the viewer no longer."""
        for emitter, slot in self._viewer_events:
            emitter.disconnect(slot)

    def _selected(self) -> Any | None:
        """Return the selected layer if it is an image on offer, and not a result, say, or of another kind."""
        active = real(self._viewer.layers.selection.active)
        return active if active in self._field.choices else None

    def _turn_to_selected(self) -> bool:
        selected = self._selected()
        if selected is None:
            return False
        with self._field.changed.blocked():
            self._field.value = selected
        self._settled = True
        return True

    def _on_selected(self) -> None:
        by_user = not (self._deleting or OwnChange.under_way())
        if (by_user or not self._settled) and self._turn_to_selected():
            self.changed.emit()

    def _on_chosen(self) -> None:
        self._settled = True
        if self._selected() is not None:
            # What stayed selected could not be selected once more, to go back to it.
            with OwnChange():
                self._viewer.layers.selection.active = self._field.value
        self.changed.emit()

    # napari deletes in a batch, and nothing else; it selects the neighbour before that ends.
    def _on_deleting(self) -> None:
        self._deleting = True

    def _on_deleted(self) -> None:
        self._deleting = False

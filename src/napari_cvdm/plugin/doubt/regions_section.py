"""The part of the panel that says where to look again: a table and boxes in the image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from qtpy.QtCore import QEvent
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QPushButton, QWidget
from superqt.utils import qthrottled

from napari_cvdm.assessment.doubt import PlaneDoubt
from napari_cvdm.files.csv_table import write_csv
from napari_cvdm.plugin.doubt.exporting import TABLES, write_in_background
from napari_cvdm.plugin.doubt.link import Link, Look
from napari_cvdm.plugin.doubt.linked import Result
from napari_cvdm.plugin.doubt.own_layers import OwnLayers
from napari_cvdm.plugin.doubt.places import (
    Place,
    columns_of,
    corners_of,
    places_of,
    places_of_all,
    zoom_for,
)
from napari_cvdm.plugin.doubt.places_table import PlacesTable
from napari_cvdm.plugin.doubt.slices import go_to
from napari_cvdm.plugin.results.layers import full_data
from napari_cvdm.plugin.results.placement import where_it_lies
from napari_cvdm.plugin.viewer.background import Background
from napari_cvdm.plugin.viewer.file_asking import ask_for_file
from napari_cvdm.plugin.viewer.rows import Buttons, note, stack_in

#: In none of the colours that the views have.
_CYAN = "#00FFFF"
_HINT = (
    "Lists the most uncertain places. Choose one to see it; image it again, longer or sharper, to be sure."
)
_NONE = "No place stands out here: the uncertainty is even, or the plane is too narrow."


class RegionsSection(QWidget):
    """Finds, lists and shows uncertain regions; choosing one in the table centres the view on it."""

    def __init__(self, link: Link, marks: OwnLayers) -> None:
        super().__init__()
        self._link, self._marks = link, marks
        self.places: list[Place] = []
        self._listed: Look | None = None
        self._result: Result | None = None
        self._everywhere = False
        self._wanted: Callable[[], None] | None = None  # once the plane in view has been read
        self.here = QPushButton("Find in this plane")
        self.here.setToolTip("Lists the ten most uncertain places of the plane in view.")
        self.everywhere = QPushButton("In all planes")
        self.everywhere.setToolTip(
            "Looks through every plane of the stack (of channels, the one in view). Click again to stop."
        )
        self.hint = note(_HINT)
        self.table = PlacesTable()
        self.save_button = QPushButton("Save table…")
        self.save_button.setToolTip("As CSV, for a spreadsheet or a microscope's list of positions.")
        self._background = Background(self)
        self._background.done.connect(self._on_found)
        self._background.failed.connect(self.hint.setText)
        self._background.busy.connect(self._on_busy)
        self.everywhere.hide()
        self._show_table(False)
        stack_in(self, Buttons(self.here, self.everywhere), self.hint, self.table, self.save_button)
        self.here.clicked.connect(self._find_here)
        self.everywhere.clicked.connect(self._on_everywhere)
        self.save_button.clicked.connect(self._ask_and_save)
        self.table.currentCellChanged.connect(lambda row, *_: self._go_to(row))
        self.table.cellClicked.connect(lambda row, _: self._go_to(row))
        link.looked.connect(self._on_looked)
        link.switched.connect(self._on_switched)

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the size of type that is chosen in napari."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.StyleChange:
            self._match_type()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Follow the theme of the window that this was put in."""
        super().showEvent(event)
        self._match_type()

    def _match_type(self) -> None:
        """Give the table the type of labels, a little smaller: napari's theme says nothing of tables."""
        self.hint.ensurePolished()
        self.table.set_type(self.hint.fontInfo().pixelSize() - 1)

    def close_down(self) -> None:
        """Want nothing any more; boxes stay in the viewer."""
        self._background.drop()
        self._number_boxes.cancel()

    def _on_looked(self, words: str) -> None:
        look = self._link.look
        self.here.setEnabled(look is not None)
        if self._wanted is not None and look is not None:
            self._wanted()
        else:
            self._find_again()
        self._show_hint()
        self.everywhere.setVisible(look is not None and look.among_others)

    def _on_switched(self) -> None:
        if self._result != self._link.result:
            self._result = self._link.result
            self._clear()
        elif self._listed is not None:  # only what it is compared with is another, on which it may lie now
            self.table.show_places(self.places, self._listed)

    def _clear(self) -> None:
        self._background.drop()
        self.places, self._wanted, self._listed = [], None, None
        self.table.setRowCount(0)
        self._show_table(False)
        self.hint.setText(_HINT)

    def _find_here(self) -> None:
        look = self._link.look
        self._wanted = self._find_here if look is None else None
        self._everywhere = False
        if look is not None:
            self._background.ask(lambda _: (look, places_of(look.doubt, look)))

    def _find_again(self) -> None:
        """List the places of the final pictures instead of those that a run had when they were looked for."""
        look, listed = self._link.look, self._listed
        if look is None or listed is None or listed.finished or not look.finished:
            return
        if self._everywhere:
            self._find_everywhere()
            return
        mean, std = (full_data(layer) for layer in look.result.layers)
        there = replace(look, slice=listed.slice)  # the user may have gone on to another plane
        take = there.slice.take
        self._background.ask(lambda _: (there, places_of(PlaneDoubt(take(mean), take(std)), there)))

    def _on_everywhere(self) -> None:
        if self.everywhere.text() == "Stop":
            self._background.drop()
            self.everywhere.setText("Stopping …")
        else:
            self._find_everywhere()

    def _find_everywhere(self) -> None:
        look = self._link.look
        self._wanted = self._find_everywhere if look is None else None
        if look is not None:
            mean, std = (full_data(layer) for layer in look.result.layers)
            self.everywhere.setText("Stop")
            self._everywhere = True
            self._background.ask(lambda checkpoint: (look, places_of_all(mean, std, look, checkpoint)))

    def _on_busy(self, busy: bool) -> None:
        if busy:
            self.hint.setText("Looking …")
        else:
            self.everywhere.setText("In all planes")
            self._show_hint()

    def _show_hint(self) -> None:
        """Say that nothing was found for as long as what was looked through is in view."""
        look, listed = self._link.look, self._listed
        if self._background.running:
            return
        none = False
        if look is not None and listed is not None and not self.places:
            same = (
                look.slice.displayed == listed.slice.displayed
                if self._everywhere
                else look.slice == listed.slice
            )
            none = same and look.measure == listed.measure
        self.hint.setText(_NONE if none else _HINT)

    def _on_found(self, answer: tuple[Look, list[Place]]) -> None:
        look, places = answer
        self.places, self._listed = places, look
        self._show_hint()
        self.table.show_places(places, look)
        self._show_table(bool(places))
        self._show_boxes(look)
        self._find_again()  # the run may have ended meanwhile

    def _show_table(self, shown: bool) -> None:
        for part in (self.table, self.save_button):
            part.setVisible(shown)

    def _ask_and_save(self) -> None:
        places, look = self.places, self._listed
        if look is None or not places:
            return
        layer = look.result.reconstruction
        path = ask_for_file(self, "Save the places", f"{layer.name} look again.csv", TABLES)
        if path is not None:
            write_in_background(partial(write_csv, columns=columns_of(places, layer, look.measure)), path)

    def _show_boxes(self, look: Look) -> None:
        from napari.layers import Shapes

        self._marks.remove("regions")
        if not self.places:
            return
        layer = look.result.reconstruction
        side = max(full_data(layer).shape[axis] for axis in look.slice.displayed)
        self._marks.add(
            "regions",
            Shapes(
                [place.slice.points(corners_of(place.region)) for place in self.places],
                shape_type="polygon",
                edge_color=_CYAN,
                face_color="transparent",
                opacity=1.0,
                edge_width=max(1.0, side / 300),
                name=f"{layer.name} look again",
                features={"rank": [""] * len(self.places)},
                text={"string": "{rank}", "color": _CYAN, "size": 9, "anchor": "upper_left"},
                **where_it_lies(layer),
            ),
        )
        self._number_boxes()

    @qthrottled(timeout=60, leading=False)
    def _number_boxes(self) -> None:
        """Write the numbers on the boxes, one at a time: napari takes a while to draw new digits first."""
        boxes = self._marks.get("regions")
        if boxes is None or len(boxes.features) != len(self.places):
            return
        written = 1 + sum(rank != "" for rank in boxes.features["rank"])
        ranks = [str(rank) if rank <= written else "" for rank in range(1, len(self.places) + 1)]
        boxes.features = {"rank": ranks}
        boxes.refresh_text()
        if written < len(ranks):
            self._number_boxes()

    def _go_to(self, row: int) -> None:
        """Bring a place to the middle of the view, and near enough to be seen."""
        if self._listed is None or not 0 <= row < len(self.places):
            return
        layer, viewer = self._listed.result.reconstruction, self._link.viewer
        if layer not in viewer.layers:
            return
        place = self.places[row]
        world = go_to(layer, place.slice, viewer.dims, *place.region.centre)
        offset = viewer.dims.ndim - layer.ndim
        for axis in place.slice.displayed:
            if axis + offset not in viewer.dims.displayed:  # the view has turned to other axes since
                viewer.dims.set_point(axis + offset, world[axis])
        shown = [world[axis - offset] for axis in viewer.dims.displayed if axis >= offset]
        camera = viewer.scene.camera
        camera.center = (0.0, *shown) if len(shown) == 2 else tuple(shown)
        camera.zoom = max(camera.zoom, zoom_for(place, layer, min(viewer.canvas.size), viewer.dims.units))

"""The table of uncertain places: how uncertain, how large, where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem
from superqt.utils import signals_blocked

from napari_cvdm.plugin.doubt.places import Place, area_words, directions, physical, where_words
from napari_cvdm.plugin.doubt.words import amount, length_unit, plane_words
from napari_cvdm.plugin.viewer.notices import literally

if TYPE_CHECKING:
    from napari_cvdm.plugin.doubt.link import Look


class PlacesTable(QTableWidget):
    """A row for each place, one of which can be chosen; no number is cut off, however narrow it is."""

    def __init__(self) -> None:
        super().__init__(0, 4)
        self.setAccessibleName("Uncertain places")
        if header := self.horizontalHeader():
            header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalHeaderLabels(["Mean", "Area", "Y", "X"])
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setMinimumHeight(150)
        self.setMinimumWidth(1)
        self.setToolTip(
            "Mean uncertainty, area and centre, the most uncertain first. Click, or use the arrow keys."
        )

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the size of type."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.FontChange:
            self._keep_numbers_whole()

    def set_type(self, pixels: int) -> None:
        """Have type of this size, headings as well."""
        style = f"QTableView, QHeaderView {{ font-size: {pixels}px; }}"
        if style != self.styleSheet():
            self.setStyleSheet(style)

    def show_places(self, places: Sequence[Place], look: Look) -> None:
        """List places, none of them chosen; nobody is told of a choice.

        The look is at the result they are of, in the measure they were found by.
        """
        layer = look.result.reconstruction
        axes = look.slice.displayed
        unit = length_unit(layer, axes[0])[1]
        down, right = directions(layer, axes)
        planes = [plane_words(layer, place.slice) for place in places]
        headings = ["Mean", f"Area\n({unit}²)", f"{down.upper()}\n({unit})", f"{right.upper()}\n({unit})"]
        with signals_blocked(self):
            self.setRowCount(len(places))
            self.setColumnCount(5 if any(planes) else 4)
            self.setHorizontalHeaderLabels([*headings, "Plane"])
            for row, (place, plane) in enumerate(zip(places, planes, strict=True)):
                area, y, x = physical(place, layer)
                mean = amount(place.region.mean_uncertainty, look.measure)
                for column, words in enumerate((mean, area_words(area), f"{y:.2f}", f"{x:.2f}", plane)):
                    item = QTableWidgetItem(words)
                    item.setTextAlignment(int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter))
                    item.setToolTip(literally(where_words(place, layer)))
                    self.setItem(row, column, item)
            self.setCurrentCell(-1, -1)
        self._keep_numbers_whole()

    def _keep_numbers_whole(self) -> None:
        """Let the table scroll sideways where its columns would be narrower than what is in them."""
        if header := self.horizontalHeader():
            numbers, plane = range(4), 4
            header.setMinimumSectionSize(
                max(max(self.sizeHintForColumn(i), header.sectionSizeHint(i)) for i in numbers)
            )
            if self.columnCount() > plane:  # its words may be longer than any number
                header.setSectionResizeMode(plane, QHeaderView.ResizeMode.ResizeToContents)

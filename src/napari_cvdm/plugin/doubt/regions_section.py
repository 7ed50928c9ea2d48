"""The part of the panel that says where to look again: a table and boxes in the image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_cvdm.assessment.doubt import PlaneDoubt
from napari_cvdm.assessment.regions import UncertainRegion, uncertain_regions
from napari_cvdm.plugin.doubt.background import Background
from napari_cvdm.plugin.doubt.link import Link, Look
from napari_cvdm.plugin.doubt.linked import full_data
from napari_cvdm.plugin.doubt.own_layers import OwnLayers
from napari_cvdm.plugin.doubt.section import note
from napari_cvdm.plugin.doubt.slices import Slice
from napari_cvdm.plugin.doubt.words import amount, length_unit

if TYPE_CHECKING:
    from napari.layers import Image

__all__ = ["Place", "RegionsSection", "ranked"]

_COUNT = 10
_YELLOW = "#F0E442"
_HINT = (
    "Lists the most uncertain places. Choose one to see it; image it again, longer or sharper, to be sure."
)


@dataclass(frozen=True)
class Place:
    """An uncertain region and the plane it is in."""

    region: UncertainRegion
    slice: Slice


def ranked(found: list[Place], count: int = _COUNT) -> list[Place]:
    """Return the most uncertain of places from several planes, the worst first."""
    return sorted(found, key=lambda place: -place.region.mean_uncertainty)[:count]


class RegionsSection(QWidget):
    """Finds, lists and shows uncertain regions.

    Parameters
    ----------
    link : Link
        What is looked at.
    marks : OwnLayers
        Where the boxes are kept.

    Attributes
    ----------
    here, everywhere : QPushButton
        Look through the plane in view, or through all planes.
    table : QTableWidget
        A row for each place; choosing one centres the view on it.
    """

    def __init__(self, link: Link, marks: OwnLayers) -> None:
        super().__init__()
        self._link, self._marks = link, marks
        self._places: list[Place] = []
        self._listed: Look | None = None
        self._wanted = False
        self.here = QPushButton("Find in this plane")
        self.here.setToolTip("Lists the ten most uncertain places of the plane in view.")
        self.everywhere = QPushButton("In all planes")
        self.everywhere.setToolTip("Looks through every plane of the stack. Click again to stop.")
        self.hint = note(_HINT)
        self.table = QTableWidget(0, 4)
        self._background = Background(self)
        self._background.done.connect(self._on_found)
        self._background.failed.connect(lambda words: self.hint.setText(escape(words)))
        self._background.busy.connect(self._on_busy)
        self._arrange()
        self.here.clicked.connect(self._find_here)
        self.everywhere.clicked.connect(self._find_everywhere)
        self.table.currentCellChanged.connect(lambda row, *_: self._go_to(row))
        self.table.cellClicked.connect(lambda row, _: self._go_to(row))
        link.looked.connect(self._on_looked)
        link.switched.connect(self._clear)

    @property
    def places(self) -> list[Place]:
        """What is listed."""
        return list(self._places)

    def close_down(self) -> None:
        """Want nothing any more; boxes stay in the viewer."""
        self._background.drop()

    def _on_looked(self, words: str) -> None:
        look = self._link.look
        self.here.setEnabled(look is not None)
        if self._wanted and look is not None:
            self._find_here()
        several = look is not None and any(
            i is not None and full_data(look.result.reconstruction).shape[axis] > 1
            for axis, i in enumerate(look.slice.index)
        )
        self.everywhere.setVisible(several)

    def _clear(self) -> None:
        self._background.drop()
        self._places, self._wanted = [], False
        self.table.setRowCount(0)
        self.hint.setText(_HINT)

    def _find_here(self) -> None:
        look = self._link.look
        self._wanted = look is None  # the plane is still being read
        if look is not None:
            self._background.ask(lambda _: (look, _places_of(look.doubt, look)))

    def _find_everywhere(self) -> None:
        look = self._link.look
        if self.everywhere.text() == "Stop":
            self._background.drop()
            self.everywhere.setText("Stopping …")
        elif look is not None:
            mean, std = (full_data(layer) for layer in look.result.layers)
            self.everywhere.setText("Stop")
            self._background.ask(lambda checkpoint: (look, _places_of_all(mean, std, look, checkpoint)))

    def _on_busy(self, busy: bool) -> None:
        if busy:
            self.hint.setText("Looking …")
        else:
            self.everywhere.setText("In all planes")
            self.hint.setText(_HINT)

    def _on_found(self, answer: tuple[Look, list[Place]]) -> None:
        look, places = answer
        if look.result != self._link.result:
            return
        self._places, self._listed = places, look
        self.hint.setText(_HINT if places else "The uncertainty is even here: no place stands out.")
        self._fill_table(look)
        self._show_boxes(look)

    def _fill_table(self, look: Look) -> None:
        layer = look.result.reconstruction
        self.table.blockSignals(True)
        self.table.setRowCount(len(self._places))
        unit = length_unit(layer, look.slice.displayed[0])[1]
        self.table.setHorizontalHeaderLabels(["Mean", f"Area\n({unit}²)", f"Y\n({unit})", f"X\n({unit})"])
        for row, place in enumerate(self._places):
            area, y, x = _physical(place, layer)
            cells = (
                amount(place.region.mean_uncertainty, look.measure),
                f"{area:.3g}",
                f"{y:.2f}",
                f"{x:.2f}",
            )
            for column, words in enumerate(cells):
                item = QTableWidgetItem(words)
                item.setTextAlignment(int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter))
                item.setToolTip(_where(place))
                self.table.setItem(row, column, item)
        self.table.setCurrentCell(-1, -1)
        self.table.blockSignals(False)

    def _show_boxes(self, look: Look) -> None:
        from napari.layers import Shapes

        self._marks.remove("regions")
        if not self._places:
            return
        layer = look.result.reconstruction
        names = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
        where = {name: getattr(layer, name) for name in names}
        side = max(full_data(layer).shape[axis] for axis in look.slice.displayed)
        self._marks.add(
            "regions",
            Shapes(
                [place.slice.points(_corners(place.region)) for place in self._places],
                shape_type="polygon",
                edge_color=_YELLOW,
                face_color="transparent",
                edge_width=max(1.0, side / 300),
                name=f"{layer.name} look again",
                features={"rank": [str(rank) for rank in range(1, len(self._places) + 1)]},
                text={"string": "{rank}", "color": _YELLOW, "size": 9, "anchor": "upper_left"},
                **where,
            ),
        )

    def _go_to(self, row: int) -> None:
        """Bring a place to the middle of the view, and near enough to be seen."""
        if self._listed is None or not 0 <= row < len(self._places):
            return
        layer, viewer = self._listed.result.reconstruction, self._link.viewer
        if layer not in viewer.layers:
            return
        place = self._places[row]
        world = np.asarray(layer.data_to_world(place.slice.point(*place.region.centre)))
        offset = viewer.dims.ndim - layer.ndim
        for axis, i in enumerate(place.slice.index):
            if i is not None:
                viewer.dims.set_point(axis + offset, world[axis])
        shown = [world[axis - offset] for axis in viewer.dims.displayed if axis >= offset]
        camera = viewer.scene.camera
        camera.center = (0.0, *shown) if len(shown) == 2 else tuple(shown)
        camera.zoom = max(camera.zoom, _zoom_for(place, layer, min(viewer.canvas.size)))

    def _arrange(self) -> None:
        if header := self.table.horizontalHeader():
            header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.setHorizontalHeaderLabels(["Mean", "Area", "Y", "X"])
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setTabKeyNavigation(False)
        self.table.setMinimumHeight(150)
        self.table.setMinimumWidth(1)
        self.table.setToolTip(
            "Mean uncertainty, area and centre, the most uncertain first. Click, or use the arrow keys."
        )
        buttons = QHBoxLayout()
        buttons.addWidget(self.here)
        buttons.addWidget(self.everywhere)
        self.everywhere.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(buttons)
        layout.addWidget(self.hint)
        layout.addWidget(self.table)


def _places_of(doubt: PlaneDoubt, look: Look, place: Slice | None = None) -> list[Place]:
    regions = uncertain_regions(doubt.uncertainty(look.measure), count=_COUNT)
    return [Place(region, place or look.slice) for region in regions]


def _places_of_all(mean: Any, std: Any, look: Look, checkpoint: Callable[[], None]) -> list[Place]:
    lengths = [1 if i is None else n for n, i in zip(mean.shape, look.slice.index, strict=True)]
    found: list[Place] = []
    for at in np.ndindex(*lengths):
        checkpoint()
        index = tuple(None if i is None else j for i, j in zip(look.slice.index, at, strict=True))
        place = Slice(index, look.slice.step)
        found += _places_of(PlaneDoubt(place.take(mean), place.take(std)), look, place)
    return ranked(found)


def _corners(region: UncertainRegion) -> np.ndarray:
    top, left, bottom, right = region.box
    return np.array([(top, left), (top, right), (bottom, right), (bottom, left)], float) - 0.5


def _physical(place: Place, layer: Image) -> tuple[float, float, float]:
    """Area and position in the units that `length_unit` names."""
    first, second = place.slice.displayed
    world = layer.data_to_world(place.slice.point(*place.region.centre))
    y, x = (float(world[a]) * length_unit(layer, a)[0] for a in (first, second))
    origin = layer.data_to_world(place.slice.point(0, 0))
    sides = [np.subtract(layer.data_to_world(place.slice.point(*end)), origin) for end in ((1, 0), (0, 1))]
    pixel = float(np.prod([np.linalg.norm(side) for side in sides]))
    factor = length_unit(layer, first)[0] * length_unit(layer, second)[0]
    return place.region.area * pixel * factor, y, x


def _zoom_for(place: Place, layer: Image, side: float) -> float:
    """Return the zoom at which a place takes a sixth of the view, its pixels four of the screen at most."""
    top, left, bottom, right = place.region.box
    corners = [layer.data_to_world(place.slice.point(*corner)) for corner in ((top, left), (bottom, right))]
    pixel = min(float(layer.extent.step[axis]) for axis in place.slice.displayed) * place.slice.step
    return min(side / 6 / float(np.linalg.norm(np.subtract(*corners))), 4 / pixel)


def _where(place: Place) -> str:
    others = [str(i) for i in place.slice.index if i is not None]
    plane = f", plane {', '.join(others)}" if others else ""
    return f"{place.region.area} pixels{plane}"

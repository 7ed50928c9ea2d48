"""The dock widget "CVDM uncertainty": how far to trust a result, and where to look again."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSize, QTimer
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QPushButton, QWidget
from superqt.utils import qthrottled

from napari_cvdm.plugin.doubt.checking import CheckSection
from napari_cvdm.plugin.doubt.histogram_section import HistogramSection
from napari_cvdm.plugin.doubt.link import NO_RESULT, Link
from napari_cvdm.plugin.doubt.originals import is_comparable
from napari_cvdm.plugin.doubt.own_layers import OwnLayers
from napari_cvdm.plugin.doubt.profile_section import ProfileSection
from napari_cvdm.plugin.doubt.regions_section import RegionsSection
from napari_cvdm.plugin.doubt.threshold_section import ThresholdSection
from napari_cvdm.plugin.doubt.view_section import ViewSection
from napari_cvdm.plugin.doubt.views import Arrangement
from napari_cvdm.plugin.doubt.words import made_words
from napari_cvdm.plugin.results.layers import real
from napari_cvdm.plugin.viewer.docks import PanelDock
from napari_cvdm.plugin.viewer.eliding import eliding_combo, fill
from napari_cvdm.plugin.viewer.pages import Page, Section
from napari_cvdm.plugin.viewer.preferences import apply_cache_folder
from napari_cvdm.plugin.viewer.rows import add_labelled, new_form, note, stack_in, wrap_where_narrow

if TYPE_CHECKING:
    import napari
    from napari.layers import Image, Layer

_TITLE = "CVDM uncertainty"
_MEASURES = (("image units", "absolute"), ("relative to signal", "relative"))


def show_doubt_panel(viewer: Any, layers: Sequence[Layer] = ()) -> DoubtPanel:
    """Open the panel, or bring it to the front, and look at the result that layers belong to.

    If none of them belongs to one, it is the newest result.
    """
    dock, panel = real(viewer).window.add_plugin_dock_widget("napari-cvdm", _TITLE, tabify=True)
    dock.show()
    dock.raise_()
    panel.look_at(layers)
    return panel


class DoubtPanel(QWidget):
    """Shows a result from all sides: views, threshold, uncertain regions, profile, histogram, checks."""

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        apply_cache_folder()  # the checks load the result's model, and the other panel may never be opened
        self.link = Link(napari_viewer, self)
        own = (OwnLayers(self.link.viewer, self) for _ in range(3))
        self._pictures_kept, self._marks, maps = own
        self._arrangement = Arrangement(self.link, self._pictures_kept, maps)
        self.results, self.originals, self.measure = eliding_combo(), eliding_combo(), eliding_combo()
        self.message = note(NO_RESULT, markup=True)
        self.go_there = QPushButton("Go there")
        self.go_there.hide()
        self.views = ViewSection(self.link, self._pictures_kept, self._arrangement)
        self.threshold = ThresholdSection(self.link, self._marks)
        self.regions = RegionsSection(self.link, self._marks)
        self.profile = ProfileSection(self.link, self._marks)
        self.histogram = HistogramSection(self.link)
        self.checks = CheckSection(self.link, maps, self._arrangement)
        self._arrange()
        self._dock = PanelDock(self, self.link.viewer)
        self._connect()
        self.link.rescan()

    def look_at(self, layers: Sequence[Layer]) -> None:
        """Look at the result that ``layers`` belong to."""
        wanted = [real(layer) for layer in layers]
        self.link.rescan()
        for result in reversed(self.link.results):
            if any(layer in result.layers for layer in wanted):
                self.link.choose(result)
                break

    def sizeHint(self) -> QSize:
        """Wide enough for a plot; the dock may be made narrower."""
        return QSize(300, 600)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Put labels above their fields where there is no room beside them."""
        super().resizeEvent(event)
        wrap_where_narrow(self._form, self.width())

    def reset_choices(self, event: Any = None) -> None:
        """See what there is to look at. napari calls this whenever layers come, go or are renamed."""
        self.link.rescan()

    # -- what is looked at -----------------------------------------------------------------------------------

    def _show_choices(self) -> None:
        """Show which results and originals there are, without choosing any."""
        link = self.link
        names = [(result.reconstruction.name, result) for result in link.results]
        fill(self.results, names, link.result, [made_words(result.provenance) for result in link.results])
        candidates: list[tuple[str, Image | None]] = [("none", None)]
        candidates += [(layer.name, layer) for layer in self._originals()]
        fill(self.originals, candidates, link.original)
        there = link.result is not None
        told = link.look is None and self.message.text() not in ("", NO_RESULT)  # why there is no look
        self.message.setVisible(told or not there)
        for part in (self._head, *self._sections):
            part.setVisible(there)

    def _originals(self) -> list[Image]:
        result, layers = self.link.result, self.link.viewer.layers
        return [layer for layer in layers if result is not None and is_comparable(result, layer)]

    def _on_looked(self, words: str) -> None:
        self.message.setText(escape(words))
        self.message.setVisible(bool(words))
        self.go_there.setVisible(self.link.outside)
        for part in (self.regions, self.profile, self.histogram, self.checks):
            part.setEnabled(not words)

    @qthrottled(timeout=0, leading=False)
    def _clear(self) -> None:
        """Pictures of a result that is gone are of no use.

        It may be gone because a layer is being removed this very moment, and napari's list of layers does not
        stand that others are removed in the middle of it.
        """
        if self.link.result is None:
            self._arrangement.restore()
            if self._pictures_kept.remove_one():
                self._clear()

    # -- the end ---------------------------------------------------------------------------------------------

    def _on_closed(self) -> None:
        """Put the viewer back as it was."""
        for part in (self.views, self.threshold, self.regions, self.profile, self.checks):
            part.close_down()
        self.link.close()
        self._remove_pictures()

    def _remove_pictures(self) -> None:
        """Take the panel's pictures out of the viewer one by one, as that takes napari a while; then go."""
        if self._pictures_kept.remove_one():
            QTimer.singleShot(25, self._remove_pictures)
            return
        self._dock.delete_panel()

    # -- construction ----------------------------------------------------------------------------------------

    def _arrange(self) -> None:
        for name, measure in _MEASURES:
            self.measure.addItem(name, measure)
        self._head = QWidget()
        self._form = form = new_form(self._head)
        for words, combo, tip in (
            ("Result", self.results, "The reconstruction to look at. Selecting its layer chooses it too."),
            ("Original", self.originals, "The image that was restored, to compare with."),
            (
                "Uncertainty",
                self.measure,
                "In units of the image: how large an error to expect. Relative: how large compared with what "
                "is there, so that faint structures count as much as bright ones.",
            ),
        ):
            combo.setToolTip(tip)
            add_labelled(form, words, combo, tip)
        self._sections = [
            Section("View", self.views, "Ways to look at the result.", unfolded=True),
            Section("Threshold", self.threshold, "Where to draw the line, and what it means.", unfolded=True),
            Section("Where to look again", self.regions, "The places the model is least sure about."),
            Section("Line profile", self.profile, "Intensities along a line, with the 90 % band."),
            Section("Histogram", self.histogram, "How uncertainty is spread over this plane."),
            Section("Check this result", self.checks, "Checks that need no ground truth, and a report."),
        ]
        stack_in(self, Page(self._head, self.message, self.go_there, *self._sections, name=_TITLE))

    def _connect(self) -> None:
        self._dock.closed.connect(self._on_closed)
        self.results.activated.connect(lambda: self.link.choose(self.results.currentData()))
        self.originals.activated.connect(lambda: self.link.choose_original(self.originals.currentData()))
        self.measure.currentIndexChanged.connect(lambda: self.link.set_measure(self.measure.currentData()))
        self.go_there.clicked.connect(self.link.go_there)
        self.threshold.changed.connect(self.histogram.set_threshold)
        self.link.changed.connect(self._show_choices)
        self.link.switched.connect(self._show_choices)
        self.link.switched.connect(self._clear)
        self.link.looked.connect(self._on_looked)

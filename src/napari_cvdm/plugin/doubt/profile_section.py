"""The part of the panel that plots the image along a line drawn in the viewer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtWidgets import QPushButton, QWidget
from superqt.utils import qthrottled

from napari_cvdm.assessment.doubt_figures import draw_profile
from napari_cvdm.assessment.profile import Profile, points_along, sample
from napari_cvdm.plugin.doubt.link import Link, Look
from napari_cvdm.plugin.doubt.own_layers import OwnLayers
from napari_cvdm.plugin.doubt.plot_view import Plot, PlotView
from napari_cvdm.plugin.doubt.recording import read_plane
from napari_cvdm.plugin.doubt.words import length_unit
from napari_cvdm.plugin.results.layers import full_data
from napari_cvdm.plugin.results.placement import where_it_lies
from napari_cvdm.plugin.viewer.background import Background
from napari_cvdm.plugin.viewer.following import follow
from napari_cvdm.plugin.viewer.rows import Buttons, stack_in
from napari_cvdm.plugin.viewer.world import to_data, to_world

if TYPE_CHECKING:
    from napari.layers import Image, Shapes

    from napari_cvdm.plugin.viewer.background import Task

#: Readable on grey, on the marks' blue and on the overlay's orange.
_MAGENTA = "#FF00FF"
_EMPTY = "Press Draw a line, then drag in the image. Several lines: the selected one is plotted."


class ProfileSection(QWidget):
    """Reconstruction with its 90 % band, and the original, along the line drawn last or selected."""

    def __init__(self, link: Link, marks: OwnLayers) -> None:
        super().__init__()
        self._link, self._marks = link, marks
        self._lines: Shapes | None = None
        self._sampled: tuple[Look, Image | None, bytes] | None = None
        self.draw = QPushButton("Draw a line")
        self.draw.setToolTip("Takes up napari's line tool: drag from one end to the other.")
        self.across = QPushButton("Line across")
        self.across.setToolTip("Puts a line through the middle of the view, without the mouse.")
        self.plot = PlotView(_EMPTY, "Line profile")
        self._background = Background(self)
        self._background.done.connect(self._on_sampled)
        self._background.failed.connect(lambda words: self.plot.show_plot(None, words))
        stack_in(self, Buttons(self.draw, self.across), self.plot)
        self.draw.clicked.connect(self._take_tool)
        self.across.clicked.connect(self._add_across)
        link.looked.connect(self._on_looked)
        link.changed.connect(self._sample)  # the lines may have been deleted

    def close_down(self) -> None:
        """Follow no lines any more; they stay in the viewer."""
        self._follow(None)

    def showEvent(self, event: Any) -> None:
        """Plot what was not plotted while it could not be seen."""
        super().showEvent(event)
        self._sample()

    def _on_looked(self, words: str) -> None:
        look = self._link.look
        for button in (self.draw, self.across):
            button.setEnabled(look is not None)
        if look is None:
            self._sampled = None
            self.plot.show_plot(None, words)
        self._sample()

    def _layer_of_lines(self, look: Look) -> Shapes:
        from napari.layers import Shapes

        layer = self._marks.get("lines")
        reconstruction = look.result.reconstruction
        if layer is None or layer.ndim != reconstruction.ndim:
            self._marks.release("lines")
            side = max(full_data(reconstruction).shape[axis] for axis in look.slice.displayed)
            layer = Shapes(
                ndim=reconstruction.ndim,
                name=f"{reconstruction.name} profile",
                edge_color=_MAGENTA,
                opacity=1.0,
                edge_width=max(1.0, side / 250),
                **where_it_lies(reconstruction),
            )
            self._marks.add("lines", layer)
        self._follow(layer)
        return layer

    def _follow(self, layer: Shapes | None) -> None:
        self._lines = follow(layer, self._lines, {"data": self._sample, "highlight": self._sample})

    def _take_tool(self) -> None:
        if self._link.look is None:
            return
        layer = self._layer_of_lines(self._link.look)
        layer.visible = True
        self._link.viewer.layers.selection.active = layer
        layer.mode = "add_line"

    def _add_across(self) -> None:
        look = self._link.look
        if look is None:
            return
        layer = self._layer_of_lines(look)
        reconstruction, viewer = look.result.reconstruction, self._link.viewer
        rows, columns = (n - 1 for n in look.doubt.mean.shape)
        world = np.array(viewer.dims.point, float)
        world[list(viewer.dims.displayed)] = viewer.scene.camera.center[-2:]
        first, _ = look.slice.displayed
        middle = float(to_data(reconstruction, world, viewer.dims.units)[first]) / look.slice.step
        row = float(np.clip(middle, 0, rows))
        ends = np.array([(row, 0.1 * columns), (row, 0.9 * columns)])
        layer.add(look.slice.points(ends), shape_type="line")
        layer.selected_data = {len(layer.data) - 1}

    @qthrottled(timeout=60, leading=False)
    def _sample(self) -> None:
        look, lines = self._link.look, self._lines
        if look is None or not self.isVisible():
            self._sampled = None  # which would keep the layers of a result that the user has deleted
            return
        if lines is None or lines not in self._link.viewer.layers or not len(lines.data):
            self._background.drop()
            self._sampled = None
            self.plot.show_plot(None)
            return
        chosen = max(lines.selected_data, default=len(lines.data) - 1)
        line = lines.data[min(chosen, len(lines.data) - 1)]
        vertices = to_world(lines, line, look.result.reconstruction.units)
        wanted = (look, self._link.original, vertices.tobytes())
        if wanted != self._sampled:  # lines are also "highlighted" when the mouse merely passes over them
            self._sampled = wanted
            self._background.ask(_sampling(look, self._link.original, vertices))

    def _on_sampled(self, answer: tuple[Look, Profile]) -> None:
        look, profile = answer
        if look.result == self._link.result:
            name = f"{look.result.reconstruction.name} profile"
            self.plot.show_plot(Plot(lambda style: draw_profile(profile, style), profile.columns(), name))


def _sampling(look: Look, original: Image | None, vertices: np.ndarray) -> Task:
    """Plan the sampling along a line whose vertices, shape (n, axes), are in the world of the result."""
    layer, place = look.result.reconstruction, look.slice
    axes = list(place.displayed)
    corners = to_data(layer, vertices, layer.units)[:, axes]
    half_width = look.result.interval_factor
    factor = np.array([length_unit(layer, a)[0] for a in range(layer.ndim)])
    unit = length_unit(layer, axes[0])[1]
    shape = full_data(original).shape[: original.ndim] if original is not None else ()

    def compute(_: Any) -> tuple[Look, Profile]:
        points = points_along(corners)
        full = place.points(points / place.step)
        world = to_world(layer, full, layer.units)
        lengths = np.linalg.norm(np.diff(world, axis=0) * factor, axis=1)
        values = None
        if original is not None:
            there = to_data(original, world, layer.units)
            ranges = _around(there, shape, axes)
            first = [ranges[axis].start for axis in axes]
            values = sample(read_plane(original, ranges), there[:, axes] - first)
        # Beyond the last pixel of a plane that was thinned out there may be a few more that were left out.
        last = np.array(look.doubt.mean.shape) - 1
        within = points <= np.array([full_data(layer).shape[axis] for axis in axes]) - 0.5
        near = np.where(within, np.minimum(points / place.step, last), points / place.step)
        return look, Profile(
            np.concatenate([[0.0], np.cumsum(lengths)]),
            sample(look.doubt.mean, near),
            sample(look.doubt.std, near),
            values,
            unit,
            half_width,
        )

    return compute


def _around(points: np.ndarray, shape: Sequence[int], axes: Sequence[int]) -> list[range]:
    """Return what to read of an image to sample it along a line in a plane; it may be much larger."""
    ranges = []
    for axis, length in enumerate(shape):
        low, high = np.floor(points[:, axis].min()), np.floor(points[:, axis].max())
        if axis in axes:
            begin = int(np.clip(low, 0, max(0, length - 2)))
            ranges.append(range(begin, int(np.clip(high + 2, begin + 2, length))))
        else:
            at = int(np.clip(round(points[0, axis]), 0, length - 1))
            ranges.append(range(at, at + 1))
    return ranges

"""The two result layers of a run, from the first picture to the last."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import ref

from qtpy.QtCore import QObject, QTimer, Signal

from napari_cvdm.plugin.results.adding import OwnChange, insert_quietly
from napari_cvdm.plugin.results.contrast import ChannelLimits, limits_of_picture
from napari_cvdm.plugin.results.into_sight import (
    bring_into_sight,
    come_into_sight_later,
    set_visible_alone,
    show_again,
)
from napari_cvdm.plugin.results.layer_contrast import LayerContrast
from napari_cvdm.plugin.results.layers import (
    DRAWS_KEY,
    METADATA_KEY,
    PICTURES,
    InputLayer,
    Picture,
    real,
    result_metadata,
    unique_name,
)
from napari_cvdm.plugin.results.placement import placement_of
from napari_cvdm.plugin.results.underneath import Underneath
from napari_cvdm.plugin.viewer.garbage import OldObjectsSpared

if TYPE_CHECKING:
    import numpy as np
    from napari.layers import Image

    from napari_cvdm.plugin.running.messages import Pictures, Written


class ResultLayers(QObject):
    """Shows a run's pictures in the viewer, and redraws them as they get better.

    Lives on the main thread. A layer that the user deletes stays deleted; the other goes on.

    ``part_words`` say which part of the layer was restored. With ``with_channel_axis``, the results have an
    axis for channels in front that the layer has not.
    """

    #: The layers are gone; those of a result on the disk are there.
    removed = Signal()
    added = Signal()
    #: Redrawing takes at most this share of the main thread's time ...
    _SHARE = 0.1
    #: ... and happens no more often than this, in milliseconds.
    _SHORTEST_INTERVAL = 150
    #: Time for the event loop between two steps of adding or removing the layers, in milliseconds.
    _BETWEEN_STEPS = 25

    def __init__(
        self,
        viewer: Any,
        layer: Image,
        parent: QObject,
        *,
        part_words: str = "",
        with_channel_axis: bool = False,
    ) -> None:
        super().__init__(parent)
        self.source = InputLayer.of(layer)
        if with_channel_axis:
            self.source = self.source.with_channel_axis()
        self._part_words = part_words
        self._viewer = viewer
        self._under = Underneath(viewer, layer)
        active = real(viewer.layers.selection.active)
        self._selected = None if active is None else ref(active)
        self._layers: dict[Picture, Image] = {}
        self._contrasts: dict[Picture, LayerContrast] = {}
        self._limits: ChannelLimits = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._redraw)
        self._steps: deque[Callable[[], None]] = deque()
        self._step_timer = QTimer(self)
        self._step_timer.setSingleShot(True)
        self._step_timer.timeout.connect(self._take_step)
        self._interval = self._SHORTEST_INTERVAL

    def add(self, pictures: Pictures, provenance: dict[str, Any]) -> None:
        """Add the layers, with the first picture.

        It is done step by step, and the event loop comes round in between. The worker goes on filling the
        arrays; `finish` completes the provenance.
        """
        arrays = {"reconstruction": pictures.reconstruction, "uncertainty": pictures.uncertainty}
        self._begin(arrays, pictures, provenance, pictures.shown.set)

    def add_written(self, written: Written, provenance: dict[str, Any]) -> None:
        """Add layers of a result that is on the disk, as `add` does; `added` tells when they are there."""
        pyramids = {picture: each if len(each) > 1 else each[0] for picture, each in written.levels.items()}
        self._begin(pyramids, written, provenance, self.added.emit)

    def _begin(
        self,
        data: Mapping[str, Any],
        told: Pictures | Written,
        provenance: dict[str, Any],
        last: Callable[[], None],
    ) -> None:
        for picture in PICTURES:
            self._steps.append(partial(self._add_layer, picture, data[picture], told, provenance))
            self._steps.append(partial(self._show_layer, picture))
        self._steps += [self._select_reconstruction, last]
        if self._under.is_lit():  # on top it would hide other channels
            self.source = replace(self.source, blending="additive")
        try:
            if self._adds_light:
                self._under.hide_input()
        finally:
            self._take_step()

    def _take_step(self) -> None:
        """Take a step, and the next one in a while.

        napari raises what other plugins' callbacks raise when layers come, change and go. It is shown to the
        user; here, it must keep no step from being taken, or the run would never end.
        """
        if self._steps:
            try:
                self._steps.popleft()()
            finally:
                self._step_timer.start(self._BETWEEN_STEPS)

    def _add_layer(
        self, picture: Picture, data: Any, told: Pictures | Written, provenance: dict[str, Any]
    ) -> None:
        from napari.layers import Image

        multiscale = isinstance(data, list)
        finest = data[0] if multiscale else data
        placement = placement_of(provenance, told.axes.names, finest.shape)
        limits = limits_of_picture(told.limits, picture)
        # Without limits, napari would look for them in all the data, here, on the main thread.
        layer = Image(
            data,
            visible=False,
            contrast_limits=next(iter(limits.values())),
            metadata={METADATA_KEY: {"picture": picture, **provenance}},
            **result_metadata(self.source, picture, placement, self._taken_names(), self._part_words)
            | {"multiscale": multiscale},
        )
        axis = told.axes.channel_position
        channels = axis if axis is not None and finest.shape[axis] > 1 else None
        self._contrasts[picture] = LayerContrast(layer, picture, real(self._viewer).dims, limits, channels)
        self._layers[picture] = layer
        come_into_sight_later(layer)
        insert_quietly(self._viewer, layer)

    def _show_layer(self, picture: Picture) -> None:
        if layer := self._present().get(picture):
            bring_into_sight(layer)
            self._contrasts[picture].follow()  # the viewer may have had no such slider before
            if picture == "reconstruction" and self._adds_light:
                self._under.hide_results(layer)

    def _select_reconstruction(self) -> None:
        layer = self._present().get("reconstruction")
        if layer is not None and not self._is_user_drawing():
            self._viewer.layers.selection.active = layer

    def _is_user_drawing(self) -> bool:
        """Whether another layer than at the beginning is selected, and no image: somebody may be drawing."""
        from napari.layers import Image

        active = real(self._viewer.layers.selection.active)
        if active is None or isinstance(active, Image):
            return False
        return self._selected is None or self._selected() is not active

    def update(self, limits: ChannelLimits) -> None:
        """Note that the pictures have changed; they are redrawn soon."""
        self._limits = limits
        if not self._timer.isActive():
            self._timer.start(self._interval)

    def finish(
        self, provenance: dict[str, Any], draws: np.ndarray | None = None, name_suffix: str = ""
    ) -> None:
        """Show the final pictures and record how they were made.

        Draws are kept with the reconstruction. ``name_suffix`` is what the names should add, such as that
        there are fewer draws than were asked for.
        """
        self._timer.stop()
        with ExitStack() as steps:  # all are taken, whatever one of them raises; the last is pushed first
            steps.callback(self._redraw, final=True)
            for picture in reversed(PICTURES):
                steps.callback(self._complete, picture, provenance, draws, name_suffix)
            while self._steps:  # a short run may be over before both layers are there
                steps.callback(self._steps.pop())

    def _complete(
        self, picture: Picture, provenance: dict[str, Any], draws: np.ndarray | None, name_suffix: str
    ) -> None:
        from napari.experimental import unlink_layers

        if layer := self._present().get(picture):
            metadata = {**layer.metadata, METADATA_KEY: {"picture": picture, **provenance}}
            if draws is not None and picture == "reconstruction":
                metadata[DRAWS_KEY] = draws
            # Linked layers (napari links all they have in common) are not made like this one.
            unlink_layers([layer], ["metadata"])
            # Assigned as a whole, so that napari tells whoever looks at the result, even if it is hidden.
            layer.metadata = metadata
            if name_suffix:
                # Before what tells the two layers apart: napari's list leaves out the middle of long names.
                of, kind, rest = layer.name.rpartition(" CVDM")
                name = f"{of} ({name_suffix}){kind}{rest}" if kind else f"{rest} ({name_suffix})"
                layer.name = unique_name(name, self._taken_names())

    def remove(self) -> None:
        """Take the layers away again, as if there had been no run; `removed` tells when that is done.

        They vanish from sight at once, but are removed one after the other: with each, napari collects
        garbage, which takes a while.
        """
        self._timer.stop()
        self._steps.clear()
        self._steps += [partial(self._remove_layer, layer) for layer in self.layers]
        self._steps.append(self.removed.emit)
        self._step_timer.start(self._BETWEEN_STEPS)
        with ExitStack() as changes:
            for layer in self.layers:
                changes.callback(set_visible_alone, layer, False)
            for layer in self._under.hidden:
                changes.callback(show_again, layer)

    def _remove_layer(self, layer: Image) -> None:
        if layer in self._viewer.layers:
            with OwnChange(), OldObjectsSpared():
                self._viewer.layers.remove(layer)

    @property
    def layers(self) -> list[Image]:
        """The result layers that are in the viewer, the reconstruction first."""
        return list(self._present().values())

    def all_deleted(self) -> bool:
        """Whether the user has deleted both layers."""
        return bool(self._layers) and not self._present()

    def _present(self) -> dict[Picture, Image]:
        """The layers that are still in the viewer."""
        present = list(self._viewer.layers)
        return {picture: layer for picture, layer in self._layers.items() if layer in present}

    def _taken_names(self) -> set[str]:
        """Names that neither picture may have: both have one number, whichever of another run is left."""
        taken = {layer.name for layer in self._viewer.layers if layer not in self._layers.values()}
        short, long = " CVDM", " CVDM uncertainty"
        return taken.union(*((name.replace(long, short), name.replace(short, long)) for name in taken))

    @property
    def _adds_light(self) -> bool:
        return self.source.blending == "additive"

    def _redraw(self, final: bool = False) -> None:
        start = time.perf_counter()
        for picture, layer in self._present().items():
            self._contrasts[picture].fit(limits_of_picture(self._limits, picture), final)
            layer.refresh(extent=False, thumbnail=True, highlight=False)
        milliseconds = (time.perf_counter() - start) * 1000
        self._interval = max(self._SHORTEST_INTERVAL, round(milliseconds / self._SHARE))

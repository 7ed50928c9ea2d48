"""The layer that shows where a result disagrees with what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject
from superqt.utils import qthrottled

from napari_cvdm.plugin.doubt.recording import recording_of
from napari_cvdm.plugin.doubt.views import VIEWS
from napari_cvdm.plugin.results.placement import where_it_lies

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_cvdm.assessment.checks import Checks
    from napari_cvdm.plugin.doubt.link import Link
    from napari_cvdm.plugin.doubt.linked import Result
    from napari_cvdm.plugin.doubt.own_layers import OwnLayers
    from napari_cvdm.plugin.doubt.slices import Slice
    from napari_cvdm.plugin.doubt.views import Arrangement

_MAP = "disagreement"
# Without the name in front, which may be longer than the panel is wide.
ABOUT_MAP = (
    f"The layer “… {_MAP}” is bright where result and measurement disagree. It is seen in the view "
    f"“{VIEWS[0].name}”."
)
"""What the user reads where there is a map."""


class DisagreementMap(QObject):
    """Shows the map of a check, for as long as its result and its original are looked at."""

    def __init__(self, link: Link, maps: OwnLayers, arrangement: Arrangement, parent: QObject) -> None:
        super().__init__(parent)
        self._link, self._maps, self._arrangement = link, maps, arrangement

    def show(self, checks: Checks, result: Result, original: Image, place: Slice) -> bool:
        """Show, on the original's pixels, where it and the result disagree; return whether there is a map.

        There is none once the original has left the viewer, nor of planes along other axes.
        """
        from napari.layers import Image

        from napari_cvdm.assessment.significance import SIGNIFICANT

        self.remove()  # of another plane, or of another result
        if original not in self._link.viewer.layers:
            return False
        if place.displayed != (original.ndim - 2, original.ndim - 1):
            return False
        data = checks.consistency.map.astype(np.float32)
        first = (*(0,) * (original.ndim - 2), checks.part.rows.start, checks.part.columns.start)
        placement = recording_of(result, original, place).placement.starting_at(first)
        layer = Image(
            data.reshape((1,) * (original.ndim - 2) + data.shape),
            contrast_limits=(SIGNIFICANT, 2 * SIGNIFICANT),  # what noise and misfit explain stays dark
            name=f"{original.name} {_MAP}",
            colormap="inferno",
            blending="additive",
            rgb=False,
            **placement.within(where_it_lies(original)),
        )
        self._maps.add(_MAP, layer, show=self._arrangement.receive(layer))
        return True

    def remove(self) -> None:
        """Take the map out of the viewer, if there is one."""
        self.remove_soon.cancel()
        self._maps.remove(_MAP)

    #: What the map is about may be gone because a layer is being removed this very moment, and napari's list
    #: of layers does not stand that others are removed in the middle of it.
    remove_soon = qthrottled(remove, timeout=0, leading=False)

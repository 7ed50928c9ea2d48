"""The learned schedule of the plane in view, computed from the original as the restoration saw it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_cvdm.plugin.doubt.linked import axes_of
from napari_cvdm.plugin.doubt.recording import recording_of
from napari_cvdm.plugin.stored.made_by import model_that_made
from napari_cvdm.restoration.axes import CHANNEL_AXES
from napari_cvdm.restoration.errors import InputError

if TYPE_CHECKING:
    from napari_cvdm.plugin.doubt.link import Link
    from napari_cvdm.plugin.viewer.background import Task
    from napari_cvdm.restoration.normalization import Normalization


def schedule_task(link: Link) -> Task:
    """Plan the computation of λ(x); called on the main thread, carried out in another.

    The task returns the map of the plane in view, thinned out as the plane is, and raises a readable error if
    the model is not there any more or the original is not what was restored.
    """
    result, original, place = link.result, link.original, link.current()

    def compute(checkpoint: Callable[[], None]) -> np.ndarray:
        if result is None or original is None or place is None:
            raise InputError("The learned schedule is a map of a plane: switch the viewer to 2-D.")
        provenance = result.provenance
        axes = axes_of(provenance, len(place.index))
        y, x = axes.index("Y"), axes.index("X")
        if place.displayed != tuple(sorted((y, x))):
            raise InputError(
                "The learned schedule is a map over rows and columns: let the viewer show these."
            )
        plane = recording_of(result, original, place).plane(np.float32)
        plane = plane if y < x else plane.T
        normalization = normalization_of(provenance, axes, place.index, plane)
        model = model_that_made(provenance, checkpoint)
        from napari_cvdm.restoration.schedule_map import schedule_map

        rates = schedule_map(normalization.apply(plane), model, checkpoint=checkpoint)
        rates = rates if y < x else rates.T
        return rates[:: place.step, :: place.step]

    return compute


def normalization_of(
    provenance: dict[str, Any], axes: str, index: tuple[int | None, ...], plane: np.ndarray
) -> Normalization:
    """Find the normalisation that a plane was restored with, or measure one if the provenance has none.

    ``index`` is that of the plane, None along Y and X.
    """
    from napari_cvdm.restoration.normalization import Normalization

    leading = [(axis, i) for axis, i in zip(axes, index, strict=True) if axis not in "YX"]
    best: dict[str, Any] | None = None
    for entry in provenance.get("normalisation") or ():
        first = list(zip((axis for axis, _ in leading), entry.get("first_plane", ()), strict=False))
        if first == leading or (best is None and _channel(first) == _channel(leading)):
            best = entry
    if best is None:
        return Normalization.fit(plane)
    return Normalization(float(best["low"]), float(best["high"]))


def _channel(place: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    return [(axis, i) for axis, i in place if axis in CHANNEL_AXES]

"""Numbers and lengths in words that fit a narrow panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_cvdm.assessment.doubt import Measure, ThresholdSummary
from napari_cvdm.assessment.plain_numbers import plain_number
from napari_cvdm.models.errors import printable
from napari_cvdm.plugin.doubt.linked import axes_of
from napari_cvdm.plugin.doubt.recording import indices_taken
from napari_cvdm.plugin.results.layers import METADATA_KEY, full_data
from napari_cvdm.plugin.stored.stated import fine_pixel_nm, table
from napari_cvdm.plugin.viewer.world import to_world
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.presets import PRESETS

if TYPE_CHECKING:
    from napari.components import Dims
    from napari.layers import Image

    from napari_cvdm.plugin.doubt.slices import Slice


def amount(value: float, measure: Measure = "absolute") -> str:
    """Write an uncertainty with three digits: "1230", "12.3", "0.0123", or "12 %" if relative.

    >>> amount(1234.5), amount(12.345), amount(0.012345), amount(0.1234, "relative")
    ('1230', '12.3', '0.0123', '12 %')
    """
    return percent(value) if measure == "relative" else plain_number(value)


def percent(share: float) -> str:
    """Write a share as per cent, with one digit after the point only where that matters.

    >>> percent(0.1234), percent(0.0312), percent(0.00012), percent(0.0)
    ('12 %', '3.1 %', '< 0.1 %', '0 %')
    """
    if 0 < share < 0.001:
        return "< 0.1 %"
    return f"{100 * share:.1f} %" if 0 < share < 0.0995 else f"{100 * share:.0f} %"


def length_unit(layer: Image, axis: int) -> tuple[float, str]:
    """Return by what to multiply world coordinates along an axis, and the unit they are then in.

    It is micrometres where the layer has a unit of length, or where it is a result that knows the size of its
    pixels; otherwise the layer's own coordinates, "px".
    """
    unit = layer.units[axis]
    if unit.is_compatible_with("micrometer"):
        return float((1 * unit).to("micrometer").magnitude), "µm"
    made = table(layer.metadata.get(METADATA_KEY))
    fine = fine_pixel_nm(made)
    if axes_of(made, layer.ndim)[axis] in "YX" and fine is not None:
        return fine / 1000 / float(layer.extent.step[axis]), "µm"
    return 1.0, "px"


def plane_words(layer: Image, place: Slice) -> str:
    """Say which plane of a stack it is, by the names of its axes: "t 3, z 0"; empty if there is but one."""
    return ", ".join(f"{name} {i}" for name, i in plane_number(layer, place).items())


def plane_number(layer: Image, place: Slice) -> dict[str, int]:
    """Number a plane of a stack along each of its axes, by their names; those of one plane are left out.

    It is counted from 0 in the image that was restored, as napari's sliders count, also if only a part was.
    """
    taken = _taken(layer)
    lengths = full_data(layer).shape
    return {
        name: taken[axis][i]
        for axis, (i, name) in enumerate(zip(place.index, _axis_names(layer), strict=True))
        if i is not None and (lengths[axis] > 1 or taken[axis][i] > 0)
    }


def outside_words(layer: Image, place: Slice, dims: Dims) -> str:
    """Say where the sliders find the planes of a result, while the viewer shows another: "t 2 only"."""
    shape = full_data(layer).shape
    ends = [
        to_world(layer, corner, dims.units)
        for corner in (np.zeros(layer.ndim), np.array(shape[: layer.ndim]) - 1)
    ]
    names, offset = _axis_names(layer), dims.ndim - layer.ndim
    spans = []
    for axis in place.outside:
        start, _, step = dims.range[axis + offset]
        first, last = sorted(round((end[axis] - start) / step) for end in ends)
        spans.append(f"{names[axis]}\u00a0{first}{f' to {last}' if last > first else ''}")
    return f"This result covers {', '.join(spans)} only: move the slider there."


def made_words(provenance: Mapping[str, Any]) -> str:
    """Say how a result was made, so that several of one image can be told apart.

    Empty if it does not say, as while the run is at work. It may come from a file that anybody wrote.

    Examples
    --------
    >>> made_words({"draws": 24, "steps": 3, "seed": 7, "uncertainty": "calibrated", "model": {"name": "x"}})
    'Thorough: 24 draws of 3 steps, calibrated uncertainty, seed 7, model x.'
    >>> made_words({"draws": 0, "uncertainty": "uncalibrated"})
    'Preview: mean network only, uncalibrated uncertainty.'
    """
    draws, steps, seed = (_whole(provenance.get(key)) for key in ("draws", "steps", "seed"))
    if draws is None:
        return ""
    stopped = "stopped" in provenance  # the draws are then those of the plane that has the fewest
    title = next((preset.title for preset in PRESETS.values() if preset.draws == draws), "Custom")
    calibrated = "calibrated" if provenance.get("uncertainty") == "calibrated" else "uncalibrated"
    name = table(provenance.get("model")).get("name")
    begin = "Stopped early, at least" if stopped else f"{title}:"
    said = [f"{begin} {drawn_words(draws, steps)}", f"{calibrated} uncertainty"]
    said += [f"seed {seed}"] if draws and seed is not None else []
    said += [f"model {printable(name, 64)}"] if isinstance(name, str) and name else []
    return f"{', '.join(said)}."


def drawn_words(draws: int | None, steps: int | None) -> str:
    """Say what a picture was made of: "24 draws of 3 steps", or "mean network only"."""
    if not draws:
        return "mean network only"
    made = f"{draws} draw{'' if draws == 1 else 's'}"
    return f"{made} of {steps} step{'' if steps == 1 else 's'}" if steps else made


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 2**63 else None


def _taken(layer: Image) -> list[Sequence[int]]:
    """Return the indices along each axis of its source that a result has; its own if that is not known."""
    shape = full_data(layer).shape
    own: list[Sequence[int]] = [range(n) for n in shape]
    try:
        said = indices_taken(table(layer.metadata.get(METADATA_KEY)), shape)
    except InputError:
        return own
    said = own[: len(own) - len(said)] + said  # colours that became channels have no axis in the source
    return [theirs if len(theirs) == n else mine for theirs, mine, n in zip(said, own, shape, strict=True)]


def _axis_names(layer: Image) -> list[str]:
    """Name axes by their labels, or else by what they were restored as."""
    letters = axes_of(table(layer.metadata.get(METADATA_KEY)), layer.ndim).lower()
    unknown = "plane" if letters.count("q") == 1 else "axis {}"  # numbered as on the sliders
    words = {"c": "channel", "q": unknown}
    return [
        name if name.strip("-0123456789") else words.get(letter, letter).format(axis - layer.ndim)
        for axis, (name, letter) in enumerate(zip(layer.axis_labels, letters, strict=True))
    ]


def threshold_words(
    summary: ThresholdSummary, measure: Measure, calibrated: bool | None, factor: float
) -> str:
    """Say what lies above a threshold, and how wrong it is expected to be.

    The size of an uncertainty that was not calibrated is not to be relied on; ``calibrated`` is None while
    the run goes on, which says so only at its end. ``factor`` is half the width of the 90 % interval, in
    standard deviations.
    """
    lines = [
        f"<b>{percent(summary.share_of_signal)} of the signal</b> is above this "
        f"({percent(summary.share_of_pixels)} of the pixels)."
    ]
    of_signal = " (share of the signal)" if measure == "relative" else ""
    sides = ((summary.error_above, "above"), (summary.error_below, "below"))
    known = [f"±\u00a0{amount(error, measure)} {side}" for error, side in sides if error is not None]
    if known:
        lines.append(f"Expected error{of_signal}: {', '.join(known)}.")
    at = amount(factor * summary.threshold, measure)
    if calibrated is None:
        lines.append("The run still goes on: these numbers will change.")
    elif calibrated:
        lines.append(f"At the threshold, 9 of 10 true values lie within ±\u00a0{at}{of_signal}.")
    else:
        lines.append("This run is not calibrated: trust the order of these errors, not their size.")
    return "<br>".join(lines)

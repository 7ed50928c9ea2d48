"""From what the form says to jobs, and to what they will take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_cvdm.plugin.doubt.linked import is_image_of_user
from napari_cvdm.plugin.image.parts import (
    Part,
    current_plane,
    current_view,
    inside,
    selected,
    whole,
    with_channels,
)
from napari_cvdm.plugin.image.pointing import check_plane_shown, position_in, rectangle_of, view_of
from napari_cvdm.plugin.results.layers import full_data, is_for_show, real
from napari_cvdm.plugin.running.plan import Plan, memory_needed, results_size
from napari_cvdm.restoration.axes import MINIMUM_SIDE, Axes
from napari_cvdm.restoration.errors import InputError, InputTypeError
from napari_cvdm.restoration.validation import check_dtype, check_range, check_shape

if TYPE_CHECKING:
    from napari.layers import Image, Shapes

    from napari_cvdm.models.card import ModelCard
    from napari_cvdm.plugin.image.reading import LayerReading
    from napari_cvdm.plugin.panel.form import Form
    from napari_cvdm.plugin.running.worker import Job
    from napari_cvdm.plugin.viewer.world import Sliders
    from napari_cvdm.restoration.selection import Selection
    from napari_cvdm.restoration.timing import Speed

#: Pixels that are compared with each other in no time, while sliders move.
_QUICKLY_COMPARED = 2**24


def layers_to_restore(viewer: Any) -> list[tuple[str, Image]]:
    """Return name and layer of each image that can be restored: itself, not the proxy that plugins get."""
    return [(layer.name, layer) for layer in map(real, viewer.layers) if is_image_of_user(layer)]


def shapes_of(viewer: Any) -> list[Shapes]:
    """Return the user's layers of shapes, likewise themselves."""
    from napari.layers import Shapes

    layers = map(real, viewer.layers)
    return [layer for layer in layers if isinstance(layer, Shapes) and not is_for_show(layer)]


def part_choices(reading: LayerReading | None, shapes: Sequence[Any]) -> list[tuple[str, Any]]:
    """List the parts that can be restored: words, and "all", "plane", "view" or a Shapes layer."""
    choices: list[tuple[str, Any]] = [("Everything", "all")]
    if reading is not None and len(reading.axes) > 2:
        choices.append(("Current plane", "plane"))
    choices.append(("Current view", "view"))
    return choices + [(f"Inside the rectangle in '{layer.name}'", layer) for layer in shapes]


def _parts_of(form: Form, reading: LayerReading, sliders: Sliders) -> list[Part | None]:
    """Find the parts of the layer that are to be restored; None stands for all of it.

    Raises
    ------
    InputError
        If too little is left, or nothing, or if what the viewer shows is no plane.
    """
    axes, shape = reading.axes, reading.shape
    choice, layer, channels = form.part.value, form.layer.value, form.inquiry.chosen_channels()
    if choice in ("plane", "view"):
        check_plane_shown(axes, sliders)
    if choice == "all":
        part = whole(shape)
    elif choice == "plane":
        part = current_plane(axes, shape, position_in(layer, sliders, shape))
    elif choice == "view":
        part = current_view(axes, shape, position_in(layer, sliders, shape), view_of(layer, sliders))
    else:
        part = inside(axes, shape, rectangle_of(choice, layer, sliders.units))
    found = [part] if channels is None else with_channels(part, axes, channels)
    if not found:
        raise InputError(_why_none(part, axes, channels or []))
    return [None if each.ranges == whole(shape).ranges else each for each in found]


def _why_none(part: Part, axes: str, channels: Sequence[int]) -> str:
    """Say why nothing is left of a part: no channel has a tick, or not the one that the part is of."""
    if not channels:
        return "No channel has a tick: choose at least one."
    channel = part.ranges[axes.index("C")].start
    return f"The viewer shows channel {channel}, which has no tick: tick it, or move the slider."


def jobs_of(form: Form, reading: LayerReading, sliders: Sliders) -> list[Job]:
    """Make the jobs that the form asks for: one, or one for each channel if those are unevenly spaced.

    Raises
    ------
    InputError
        If too little is left, or nothing, or if what the viewer shows is no plane.
    """
    position = position_in(form.layer.value, sliders, reading.shape)
    as_channels = reading.rgb and form.inquiry.answered_colours() == "channels"
    jobs = []
    for part in _parts_of(form, reading, sliders):
        of = part or whole(reading.shape)
        job = form.job(reading, part, None if as_channels else _plane_in(of, reading.axes, position))
        job.first_place = _middle_of_view(of, reading.axes, form.layer.value, sliders)
        jobs.append(job)
    return jobs


def plan_of(
    form: Form,
    reading: LayerReading,
    sliders: Sliders,
    speed: Speed | None,
    card: ModelCard | None = None,
) -> Plan:
    """Say what a run with the form's settings will take.

    ``card`` is the model's, if it is here: it says how much finer results are, and to which size of pixels
    the image is resampled, if that was accepted.

    Raises
    ------
    InputError
        As `jobs_of`, if resampling cannot help, or if such an image cannot be restored at all.
    """
    _check(reading, full_data(form.layer.value))
    found = _parts_of(form, reading, sliders)
    given = [reading.shape if part is None else part.shape for part in found]
    known, finer = (None, 2) if card is None else (card.pixel_size_nm, card.upscaling)
    worked_on = [_after_resampling(form, reading, part, known) for part in found]
    shapes = [
        own if resampled is None else resampled.restored.shape
        for own, resampled in zip(given, worked_on, strict=True)
    ]
    rows, columns = (shapes[0][reading.axes.index(name)] for name in "YX")
    colours = 3 if reading.rgb and form.inquiry.answered_colours() == "channels" else 1
    pixels = _pixels(shapes) * colours
    draws = 0 if form.preview else form.draws.value
    kept = draws if form.keep_draws.value else 0
    memory = memory_needed(pixels, reading.dtype, kept_draws=kept, finer=finer)
    if worked_on[0] is not None:
        # Besides the image, one of its planes at a time, whole even for a region, is there resampled.
        plane = math.prod(worked_on[0].axes.plane_shape) * np.dtype(np.float64).itemsize
        memory += plane + (_pixels(given) * colours - pixels) * reading.dtype.itemsize
    results = results_size(pixels, kept_draws=kept, finer=finer)
    plan = Plan(pixels // (rows * columns), (rows, columns), memory, results=results)
    if speed is None:
        return plan
    from napari_cvdm.restoration.timing import forecast

    whole_planes = worked_on[0].axes if worked_on[0] else Axes(reading.axes, reading.shape)
    steps = int(form.steps.value) or None
    expected = forecast(speed, plan.plane_shape, plan.planes, draws, steps, whole_planes.plane_shape)
    return replace(plan, tiles=expected.tiles, seconds=expected.seconds, device=speed.device)


def _check(reading: LayerReading, data: Any) -> None:
    """Refuse what a run would refuse once it has begun, as far as that can be told at once."""
    check_shape(reading.shape)
    try:
        check_dtype(reading.dtype)
    except InputTypeError as error:
        raise InputError(str(error)) from None
    rows, columns = (reading.shape[reading.axes.index(name)] for name in "YX")
    if min(rows, columns) < MINIMUM_SIDE:
        raise InputError(
            f"The planes have {columns} × {rows} pixels; at least {MINIMUM_SIDE} × {MINIMUM_SIDE} are needed."
        )
    in_memory = isinstance(data, np.ndarray) and not isinstance(data, np.memmap)
    if in_memory and data.size <= _QUICKLY_COMPARED:
        first = data.flat[0]
        thinned = data[tuple(slice(None, None, max(1, n // 8)) for n in data.shape)]
        if (thinned == first).all() and (data == first).all():  # the first suffices for nearly all images
            check_range(first, first)


def _after_resampling(
    form: Form, reading: LayerReading, part: Part | None, known: tuple[float, float] | None
) -> Selection | None:
    """Return what a part is once the image is resampled; None if that is not needed or not wanted."""
    image = Axes(reading.axes, reading.shape)
    chosen = {} if part is None else part.chosen(reading.axes, reading.shape)
    wanted = known if form.wants_resampling else None
    selection, plan = selected(image, chosen, form.pixel_size.nanometres, wanted)
    return None if plan is None else selection


def _pixels(shapes: Sequence[Sequence[int]]) -> int:
    return sum(math.prod(shape) for shape in shapes)


def _middle_of_view(part: Part, axes: str, layer: Image, sliders: Sliders) -> tuple[float, float]:
    """Return where in a part's planes the middle of the view is, as shares of their height and width."""
    if not len(sliders.corners):
        return 0.5, 0.5  # a volume is seen from all sides
    middle = view_of(layer, sliders).mean(axis=0)
    within = [(middle[axes.index(name)], part.ranges[axes.index(name)]) for name in "YX"]
    row, column = (float(np.clip((at - span.start) / len(span), 0, 1)) for at, span in within)
    return row, column


def _plane_in(part: Part, axes: str, position: Sequence[int]) -> tuple[int, ...] | None:
    """Return the index within a part of the plane at a position of the image; None if it is not there."""
    pairs = [(r, at) for r, at, name in zip(part.ranges, position, axes, strict=True) if name not in "YX"]
    return tuple(r.index(at) for r, at in pairs) if all(at in r for r, at in pairs) else None

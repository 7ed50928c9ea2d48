"""How long a restoration will take: measured on a tile, then counted up."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_cvdm.restoration.blending import tile_starts
from napari_cvdm.restoration.events import Event, Finished
from napari_cvdm.restoration.posterior import PosteriorSettings
from napari_cvdm.restoration.restore import restore_events
from napari_cvdm.restoration.tiling import MARGIN, tile_spans

if TYPE_CHECKING:
    from napari_cvdm.models import PretrainedModel

#: Side of the tile that is measured, in camera pixels: large enough to keep all of a processor busy.
MEASURED_SIDE = 128
#: Enough for one step between two others. The published sampler's last step calls no network.
_STEPS = 3


@dataclass(frozen=True)
class Speed:
    """What one model does on one device.

    Attributes
    ----------
    first_pass, step : float
        Seconds for each camera pixel of a plane, margin included: the mean network, and one denoising step.
    tile : int
        Side of a tile in camera pixels.
    halo : int or None
        Camera pixels around a tile that are computed besides; None where tiles overlap and are blended.
    steps, orientations : int
        The model's own number of steps for a draw, and of passes of the mean network before draws are made.
    device : str
        What was measured.
    """

    first_pass: float
    step: float
    tile: int
    halo: int | None
    steps: int
    device: str
    orientations: int = 1


@dataclass(frozen=True)
class Forecast:
    """What a run will take.

    Attributes
    ----------
    tiles : int
        Tiles for each plane and pass.
    seconds : float
        Estimated time, loading of the model not counted.
    """

    tiles: int
    seconds: float


def measure_speed(
    model: PretrainedModel,
    *,
    device: str = "auto",
    tile: int | str = "auto",
    checkpoint: Callable[[], None] | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Speed:
    """Restore a tile of noise, and see by the clock how long that takes.

    The device and the tile are as for `napari_cvdm.restore`. What the checkpoint raises, called before every
    network pass, ends the measurement.

    Raises
    ------
    DeviceError
        If the device is not there.
    """
    noise = np.random.default_rng(0).poisson(100, (MEASURED_SIDE, MEASURED_SIDE)).astype(np.uint16)

    def run(**settings: Any) -> tuple[list[tuple[float, Event]], float]:
        start = clock()
        events = restore_events(
            noise, model, axes="YX", device=device, tile=tile, checkpoint=checkpoint, **settings
        )
        return [(clock(), event) for event in events], start

    # The first run warms the processor up; of its steps only the one in the middle counts.
    # Further orientations would only be as many more first passes.
    drawn, _ = run(draws=1, steps=_STEPS, settings=PosteriorSettings())
    previewed, start = run(preview=True)
    times = [moment for moment, event in drawn if event.stage == "denoise"]
    first_pass = next(moment for moment, event in previewed if event.stage == "mean") - start
    provenance, as_asked = (_provenance(events) for events in (drawn, previewed))
    side, halo = provenance["tile"]["noise"], getattr(model.network, "receptive_field", None)
    _, length = _cut(MEASURED_SIDE + (0 if halo is None else 2 * MARGIN), side, halo)
    area = length**2
    return Speed(
        first_pass=first_pass / area,
        step=(times[-2] - times[-3]) / area,
        tile=side,
        halo=halo,
        steps=model.card.default_steps,
        device=provenance["device"],
        orientations=as_asked["sampling"]["orientations"],
    )


def _provenance(events: list[tuple[float, Event]]) -> dict[str, Any]:
    last = events[-1][1]
    assert isinstance(last, Finished)
    return last.result.provenance


def forecast(
    speed: Speed,
    plane_shape: tuple[int, int],
    planes: int,
    draws: int,
    steps: int | None = None,
    whole: tuple[int, int] | None = None,
) -> Forecast:
    """Count up what a run will take.

    Parameters
    ----------
    plane_shape : (int, int)
        Rows and columns of a plane, or of the region of it that is restored.
    planes, draws : int
        How many planes, and draws for each; 0 draws for a preview.
    steps : int, optional
        Steps of each draw; the model's own number if left out.
    whole : (int, int), optional
        Rows and columns of the whole plane, of which a region's surroundings are computed as well.
    """
    rows, columns = plane_shape
    if speed.halo is not None:  # else regions are restored by themselves, and planes have no margin
        reach = max(MARGIN, speed.halo)
        rows, columns = (
            min(own + 2 * reach, all_of_it + 2 * MARGIN)
            for own, all_of_it in zip(plane_shape, whole or plane_shape, strict=True)
        )
    (down, height), (across, width) = (_cut(length, speed.tile, speed.halo) for length in (rows, columns))
    looks = speed.orientations if draws else 1
    passes = speed.first_pass * looks + speed.step * draws * (steps or speed.steps)
    return Forecast(tiles=down * across, seconds=planes * height * width * passes)


def _cut(length: int, tile: int, halo: int | None) -> tuple[int, int]:
    """Into how many tiles an axis is cut, and how many pixels are computed along it in all."""
    if halo is None:
        tiles = len(tile_starts(length, tile))
        return tiles, tiles * min(tile, length)
    cuts = tile_spans(length, tile, 1)
    # A tile computes its halo as well, where the plane has one to give.
    return len(cuts), sum(min(length, cut.stop + halo) - max(0, cut.start - halo) for cut in cuts)

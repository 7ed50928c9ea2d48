"""One restoration under way: which plane and draw comes next, and what is reported."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_cvdm.restoration.axes import of_plane
from napari_cvdm.restoration.block import Window, plan_window
from napari_cvdm.restoration.engine import FIRST_PASS_WORK, percentiles_for, plane_engine
from napari_cvdm.restoration.events import Estimate, Event, Finished, Part, Stage
from napari_cvdm.restoration.execution import SINGLE, threads_given_back
from napari_cvdm.restoration.memory import explained_shortage
from napari_cvdm.restoration.normalization import Normalization, fit_normalizations
from napari_cvdm.restoration.plane import PartsWanted, PlaneEstimate, PlaneRestorer
from napari_cvdm.restoration.posterior import RunningPosterior
from napari_cvdm.restoration.provenance import REGION_BY_ITSELF, describe
from napari_cvdm.restoration.request import Request, calibration_for
from napari_cvdm.restoration.result import Restoration
from napari_cvdm.restoration.stopping import mark_stopped
from napari_cvdm.restoration.validation import Watched, check_fits, check_measured, read_pixels

FloatArray = npt.NDArray[np.float32]
Index = tuple[int, ...]

#: Memory for first passes kept until their plane's draws begin, in bytes. Those of further planes are done
#: again, which costs little beside their draws, while keeping all of a long film could fill the memory.
KEPT_ESTIMATES = 2**29


class Run:
    """Carries out a `Request`; the other parameters are those of `restore.restore_events`."""

    def __init__(
        self,
        request: Request,
        checkpoint: Callable[[], None] | None = None,
        *,
        stop: Callable[[], bool] | None = None,
        first_plane: Index | None = None,
        on_tile: Callable[[Event], object] | None = None,
        on_part: Callable[[Part], object] | None = None,
        first_place: tuple[float, float] = (0, 0),
    ) -> None:
        self._request = request
        self._checkpoint = checkpoint or (lambda: None)
        self._stop = stop or (lambda: False)
        self._order = sorted(request.axes.indices(), key=lambda index: index != first_plane)
        self._turns = {request.axes.plane_number(index): turn for turn, index in enumerate(self._order)}
        self._draws_done = [0] * request.axes.planes
        self._normalizations: dict[Index, Normalization] = {}
        self._kept: dict[Index, PlaneEstimate] = {}
        self._work_done = 0
        passes = request.settings.orientations if request.draws else 1
        self._work = request.axes.planes * (FIRST_PASS_WORK * passes + request.draws * request.steps)
        self._on_tile = on_tile or (lambda event: None)
        self._on_part, self._first_place = on_part, first_place
        self._told = 0.0

    def events(self) -> Iterator[Event]:
        """Do the work, yielding what `napari_cvdm.restoration.restore.restore_events` promises.

        Raises
        ------
        DeviceError
            If memory runs out, for the state or the result as well as in a network pass.
        """
        with (
            explained_shortage(
                "the image and its result",
                "Restore fewer planes or a smaller region at once, keep no draws, or choose another device.",
            ),
            threads_given_back(),
        ):
            yield from self._stages()

    def _stages(self) -> Iterator[Event]:
        started = time.perf_counter()
        request, axes = self._request, self._request.axes
        self._restorer = plane_engine(
            request.model.network,
            request.chosen.device,
            request.tile,
            request.settings,
            self._checkpoint,
            self._tell_tile,
        )
        shape = request.selection.restored.output_shape(request.model.upscaling)
        check_fits(4 * prod(shape) * (2 + (request.draws if request.keep_draws else 0)))
        self._normalizations = self._measure(request)
        if request.recorded is not None:
            recorded = self._measure(request.recorded)
            self._normalizations = _with_saturation(self._normalizations, recorded)
        check_measured((each.low, each.high) for each in self._normalizations.values())
        mean, std = np.empty(shape, np.float32), np.empty(shape, np.float32)
        draws = np.empty((request.draws, *shape), np.float32) if request.keep_draws else None
        previewed = (event for index in self._order for event in self._preview(index))
        refined = (event for index in self._order for event in self._refine(index, draws))
        for event in chain(previewed, refined) if request.draws else previewed:
            if isinstance(event, Estimate):
                axes.put_plane(mean, event.index, event.mean)
                axes.put_plane(std, event.index, event.std)
            yield event
        yield self._finished(mean, std, draws, time.perf_counter() - started)

    def _measure(self, request: Request) -> dict[Index, Normalization]:
        """Measure intensities; planes that are read one by one leave time to cancel."""
        image, percentiles = Watched(request.image, self._checkpoint), percentiles_for(request.model)
        return fit_normalizations(image, request.selection, request.normalize, percentiles)

    def _preview(self, index: Index) -> Iterator[Event]:
        """Do stage "mean" of one plane."""
        self._begin(self._event("mean", self._request.axes.plane_number(index), 0, 0), FIRST_PASS_WORK)
        wanted = self._on_part and PartsWanted(partial(self._tell_part, index), self._first_place)
        estimate = self._first_pass(index, wanted)
        room = KEPT_ESTIMATES - sum(each.nbytes for each in self._kept.values())
        if self._request.draws and estimate.nbytes <= room:
            self._kept[index] = estimate
        self._work_done += FIRST_PASS_WORK
        centre, scale = self._pictures(estimate)
        yield self._estimate_event("mean", index, 0, centre, scale)

    def _refine(self, index: Index, draws: FloatArray | None) -> Iterator[Event]:
        """Do all stages of one plane that follow the first; draws go into ``draws``, if they are kept."""
        request, plane = self._request, self._request.axes.plane_number(index)
        number = request.selection.plane_number(index)
        if self._stop():
            return
        self._begin(self._event("mean", plane, 0, 0), 0)  # a second time, if it was not kept
        estimate = self._kept.pop(index, None) or self._first_pass(index)
        passes = 1
        self._begin(self._refining(plane, passes + 1), FIRST_PASS_WORK)
        for refined in self._restorer.refine(estimate):
            if refined is not None:
                estimate = refined
                continue
            passes += 1
            self._work_done += FIRST_PASS_WORK
            yield self._refining(plane, passes)
            if self._stop():
                return
            self._begin(self._refining(plane, passes + 1), FIRST_PASS_WORK)
        centre, scale = self._pictures(estimate)
        posterior = RunningPosterior(centre, scale, request.settings)
        if passes > 1:
            yield self._estimate_event("refine", index, 0, centre, scale)
        for draw in range(request.draws):
            step = 0
            self._begin(self._event("denoise", plane, draw, 1), 1)
            for sharp in self._restorer.draw(
                estimate, plane=number, draw=draw, steps=request.steps, seed=request.seed
            ):
                if sharp is None:
                    step += 1
                    self._work_done += 1
                    yield self._event("denoise", plane, draw, step)
                    if step < request.steps and self._stop():
                        return
                    self._begin(self._event("denoise", plane, draw, step + 1), 1)
                else:
                    mean, std = posterior.add(sharp)
                    if draws is not None:
                        restored = self._normalizations[index].invert(_array(sharp))
                        request.axes.put_plane(draws[draw], index, restored)
                    self._draws_done[plane] = draw + 1
                    yield self._estimate_event("draw", index, draw, mean, std)
                    if self._stop():
                        return

    def _first_pass(self, index: Index, parts: PartsWanted | None = None) -> PlaneEstimate:
        request, normalization = self._request, self._normalizations[index]
        plane = request.selection.plane(Watched(request.image), index)
        of = of_plane(request.selection.original(index))
        window, region = _window(request), request.selection.region
        if window is not None:
            rows, columns = window.source_rows, window.source_columns
            pixels = np.asarray(plane[rows.start : rows.stop, columns.start : columns.stop])
            window.check_block(pixels, of)
            return self._restorer.estimate(window.fill(normalization.apply(pixels)), window, parts)
        if region is not None:
            plane = plane[region.rows.start : region.rows.stop, region.columns.start : region.columns.stop]
        return self._restorer.estimate(normalization.apply(read_pixels(plane, of)), parts=parts)

    def _pictures(self, estimate: PlaneEstimate) -> tuple[Tensor, Tensor]:
        picture = self._restorer.picture
        return picture(estimate, estimate.mean), picture(estimate, estimate.scale)

    def _estimate_event(self, stage: Stage, index: Index, draw: int, mean: Tensor, std: Tensor) -> Estimate:
        plane = self._request.axes.plane_number(index)
        if stage == "refine":
            event = self._refining(plane, self._request.settings.orientations)
        else:
            event = self._event(stage, plane, draw, self._request.steps if stage == "draw" else 0)
        pictures = self._in_units(index, mean, std, draw + 1 if stage == "draw" else 0)
        return Estimate(**vars(event), index=index, mean=pictures[0], std=pictures[1])

    def _tell_part(self, index: Index, rows: range, columns: range, mean: Tensor, std: Tensor) -> None:
        assert self._on_part is not None  # or nobody would have asked for parts
        upscaling, restored = self._request.model.upscaling, self._request.selection.restored
        height, width = (upscaling * n for n in restored.plane_shape)
        pictures = self._in_units(index, mean, std, draws=0)
        self._on_part(Part(index, (height, width), rows, columns, *pictures))

    def _in_units(self, index: Index, mean: Tensor, std: Tensor, draws: int) -> tuple[FloatArray, FloatArray]:
        """Calibrate an uncertainty that comes from so many draws, and undo the normalisation of both."""
        calibration = calibration_for(self._request, draws)
        std = std if calibration is None else calibration.apply(std)
        normalization = self._normalizations[index]
        return normalization.invert(_array(mean)), normalization.invert_std(_array(std))

    def _begin(self, event: Event, work: int) -> None:
        """Note what is under way, and how much work it is."""
        self._pass, self._pass_work = event, work

    def _tell_tile(self, done: int, tiles: int) -> None:
        # A pass that runs out of memory begins again with smaller tiles.
        self._told = max(self._told, (self._work_done + self._pass_work * done / tiles) / self._work)
        under_way, share = self._pass.stage, self._told
        self._on_tile(
            replace(self._pass, stage="tile", under_way=under_way, fraction=share, tile=done, tiles=tiles)
        )

    def _refining(self, plane: int, orientation: int) -> Event:
        return replace(
            self._event("refine", plane, 0, orientation), steps=self._request.settings.orientations
        )

    def _event(self, stage: Stage, plane: int, draw: int, step: int) -> Event:
        return Event(
            stage,
            plane=self._turns[plane],
            planes=self._request.axes.planes,
            draw=draw,
            draws=self._request.draws,
            step=step,
            steps=self._request.steps,
            fraction=self._work_done / self._work,
        )

    def _finished(
        self, mean: FloatArray, std: FloatArray, draws: FloatArray | None, seconds: float
    ) -> Finished:
        request = self._request
        tiles = {"mean": self._restorer.mean_tile, "noise": self._restorer.noise_tile}
        fewest = min(self._draws_done)
        provenance = describe(request, self._normalizations, tiles, fewest, seconds)
        restorer = self._restorer
        provenance["precision"] = restorer.precision.name if isinstance(restorer, PlaneRestorer) else SINGLE
        if request.selection.region is not None and not request.model.tiles_exact:
            provenance["warnings"].append(REGION_BY_ITSELF)
        if request.chosen.device.type == "cpu":
            provenance["threads"] = torch.get_num_threads()
        if fewest < request.draws:
            provenance = mark_stopped(provenance, self._draws_done, request.draws)
            draws = draws[:fewest] if draws is not None and fewest else None
        self._work_done = self._work
        result = Restoration(
            mean, std, draws, request.axes.names, request.pixel_size, request.model.upscaling, provenance
        )
        last_plane = request.axes.plane_number(self._order[-1])
        last = self._event("done", last_plane, max(0, request.draws - 1), request.steps)
        return Finished(**vars(last), result=result)


def _window(request: Request) -> Window | None:
    """A region's surroundings; None for whole planes, and for networks that look at all they are given."""
    region = request.selection.region
    if region is None or not request.model.tiles_exact:
        return None
    network: Any = request.model.network
    return plan_window(region, request.axes.plane_shape, network.receptive_field, network.granularity)


def _with_saturation(
    fitted: dict[Index, Normalization], recorded: dict[Index, Normalization]
) -> dict[Index, Normalization]:
    """Take the saturation from what was recorded: interpolation blurs the value at which pixels are cut off.

    Planes that share one normalisation go on sharing one.
    """
    shared = {id(each): replace(each, saturated=recorded[index].saturated) for index, each in fitted.items()}
    return {index: shared[id(each)] for index, each in fitted.items()}


def _array(tensor: Tensor) -> FloatArray:
    array: FloatArray = tensor.cpu().numpy()
    return array

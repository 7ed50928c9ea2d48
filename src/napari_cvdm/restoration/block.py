"""Restoring one block of a plane without the rest of it, with the pixels that the whole plane would give.

Within a plane, tiles share the state of the whole trajectory and are exact (see `tiling`). A plane of
gigapixels has too large a state for that. It is cut into blocks, and each goes through its whole trajectory
alone, on its own pixels and a halo around them. What lies beyond the halo is missed. In principle it could
reach the block, as each step passes it on by another receptive field; in a trained network that influence
dies out long before. With a halo of one receptive field of the whole model the first pass is exact, and what
the steps carry beyond it is some millionths of the range: `benchmarks/block_halo.py` measures it, and
docs/large_images.md has the figures.

The noise belongs to the pixel, so a block receives just what the plane would have received there, and the
blocks are cut on one grid that depends on nothing but their size: neither the chunks of the input nor the
number of workers changes a bit of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from napari_cvdm.restoration.described import Region
from napari_cvdm.restoration.engine import FIRST_PASS_WORK, PlaneEngine
from napari_cvdm.restoration.normalization import Normalization
from napari_cvdm.restoration.posterior import Calibration, PosteriorSettings, RunningPosterior
from napari_cvdm.restoration.tiling import Padding, pad_by_reflection, plan_padding
from napari_cvdm.restoration.validation import finite_range

#: Side of a block in camera pixels. Its state, some hundred megabytes, is what a large plane takes in memory.
BLOCK = 1024
#: Sides of blocks beyond this are rounded up to its multiples.
EVEN_SIDES = 256


@dataclass(frozen=True)
class Window(Padding):
    """A block with its halo, as a padded plane of its own. Made by `plan_window`.

    ``height`` and ``width`` are the block's; ``rows`` and ``columns`` are those of the window, in coordinates
    of the whole image, negative in the margin before its first pixel.

    Attributes
    ----------
    block : Region
        What is kept of the result.
    source_rows, source_columns : range
        The image's pixels that must be read to fill the window.
    """

    block: Region
    source_rows: range
    source_columns: range

    @property
    def first(self) -> tuple[int, int]:
        """Row and column of the block's first pixel in the window."""
        return self.block.rows.start - self.rows.start, self.block.columns.start - self.columns.start

    def fill(self, pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Turn the pixels of ``source_rows`` × ``source_columns`` into the window, margins reflected.

        Surroundings in which there are pixels that are not finite are margin, too.
        """
        down, across = self._recorded(pixels)
        rows, columns = (
            range(own.start - source.start - kept.start, own.stop - source.start - kept.start)
            for own, source, kept in (
                (self.rows, self.source_rows, down),
                (self.columns, self.source_columns, across),
            )
        )
        inner = Padding(len(down), len(across), rows, columns)
        recorded = torch.from_numpy(pixels[down.start : down.stop, across.start : across.stop])
        filled: npt.NDArray[np.float32] = pad_by_reflection(recorded, inner).numpy()
        return filled

    def check_block(self, pixels: npt.NDArray[np.generic], of: str) -> None:
        """Raise `NotFiniteError`, with ``of`` in its message, if pixels of the block are not finite.

        ``pixels`` are those of ``source_rows`` × ``source_columns``.
        """
        rows, columns = self._own
        own = pixels[rows.start : rows.stop, columns.start : columns.stop]
        finite_range(own, (self.block.rows.start, self.block.columns.start), of)

    @property
    def _own(self) -> tuple[range, range]:
        """Rows and columns of the block, counted from the first of the source."""
        rows, columns = (
            range(own.start - source.start, own.stop - source.start)
            for own, source in (
                (self.block.rows, self.source_rows),
                (self.block.columns, self.source_columns),
            )
        )
        return rows, columns

    def _recorded(self, pixels: npt.NDArray[np.float32]) -> tuple[range, range]:
        """Find the rows and columns around the block all of whose pixels are finite."""
        finite = np.isfinite(pixels)
        if finite.all():
            return range(pixels.shape[0]), range(pixels.shape[1])
        rows, columns = self._own
        across = _run_around(columns, finite[rows.start : rows.stop])
        return _run_around(rows, finite[:, across.start : across.stop].T), across


@dataclass(frozen=True)
class Sampling:
    """How every block of a restoration is made.

    Attributes
    ----------
    draws, steps : int
        Draws for each plane, and denoising steps of each; no draws for the mean network's picture alone.
    seed, settings
        Seed of the noise; how draws are made and put together.
    calibration : Calibration or None
        Applied to the standard deviation.
    """

    draws: int
    steps: int
    seed: int
    settings: PosteriorSettings
    calibration: Calibration | None


def spans(length: int, side: int) -> tuple[int, ...]:
    """Return the lengths of the blocks along an axis: ``side`` each, and what remains.

    A remainder shorter than a quarter joins the block before it: alone it would be mostly halo.
    """
    count, rest = divmod(length, side)
    if count == 0 or rest == 0:
        return (side,) * count or (length,)
    return (side,) * count + (rest,) if 4 * rest >= side else (side,) * (count - 1) + (side + rest,)


def plan_blocks(part: Region, side: int) -> Iterator[Region]:
    """Cut a part of a plane into blocks, row by row."""
    down, across = (_ranges(each.start, spans(len(each), side)) for each in (part.rows, part.columns))
    return (Region(rows, columns) for rows in down for columns in across)


def plan_window(block: Region, plane_shape: tuple[int, int], halo: int, granularity: int) -> Window:
    """Plan what must be read and computed to restore a block of a plane.

    Parameters
    ----------
    block, plane_shape
        The block; and rows and columns of the whole plane.
    halo : int
        Camera pixels of surroundings on each side, rounded up to the granularity. At the border of the plane
        there is the margin that the whole plane has there.
    granularity : int
        Of the network: windows begin and end at multiples of it, as the tiles of a plane do.
    """
    whole = plan_padding(*plane_shape, granularity)
    rows = _widened(block.rows, whole.rows, halo, granularity)
    columns = _widened(block.columns, whole.columns, halo, granularity)
    return Window(
        height=len(block.rows),
        width=len(block.columns),
        rows=rows,
        columns=columns,
        block=block,
        source_rows=_needed(rows, plane_shape[0]),
        source_columns=_needed(columns, plane_shape[1]),
    )


def restore_block(
    engine: PlaneEngine,
    pixels: npt.NDArray[np.generic],
    window: Window,
    *,
    plane: int,
    normalization: Normalization,
    sampling: Sampling,
    report: Callable[[float], object] | None = None,
) -> npt.NDArray[np.float32]:
    """Restore one block.

    Parameters
    ----------
    engine : PlaneEngine
        Runs the networks.
    pixels : ndarray
        The image's pixels at ``window.source_rows`` × ``window.source_columns``, in its own units; those of
        the block are finite (`Window.check_block`).
    plane : int
        Number of the plane in the stack, which the noise is bound to.
    window, normalization, sampling
        Where the block lies, the intensities of the whole plane, and how to draw.
    report : callable, optional
        Told after every pass of a network which share of the block is done. What it raises ends the work.

    Returns
    -------
    ndarray
        float32, shape (2, s·rows, s·columns): mean and standard deviation in the units of the image.
    """
    estimate = engine.estimate(window.fill(normalization.apply(pixels)), window)
    done, passes = 0, sampling.settings.orientations - 1
    work = passes * FIRST_PASS_WORK + sampling.draws * sampling.steps

    def count(units: int) -> None:
        nonlocal done
        done += units
        if report is not None:
            report(done / work)

    if sampling.draws:
        for refined in engine.refine(estimate):
            if refined is None:
                count(FIRST_PASS_WORK)
            else:
                estimate = refined
    mean, std = (engine.picture(estimate, each) for each in (estimate.mean, estimate.scale))
    posterior = RunningPosterior(mean, std, sampling.settings)
    for draw in range(sampling.draws):
        for sharp in engine.draw(estimate, plane=plane, draw=draw, steps=sampling.steps, seed=sampling.seed):
            if sharp is not None:
                mean, std = posterior.add(sharp)
            else:
                count(1)
    if sampling.calibration is not None:
        std = sampling.calibration.apply(std)
    return np.stack(
        [normalization.invert(mean.cpu().numpy()), normalization.invert_std(std.cpu().numpy())],
        dtype=np.float32,
    )


def _ranges(start: int, lengths: tuple[int, ...]) -> list[range]:
    ends = (start + np.cumsum(lengths)).tolist()
    return [range(end - length, end) for end, length in zip(ends, lengths, strict=True)]


def _widened(own: range, whole: range, halo: int, granularity: int) -> range:
    start = (own.start - halo) // granularity * granularity
    stop = -(-(own.stop + halo) // granularity) * granularity
    # A side that comes within the margin of the plane takes all of it: there, reflection is the surroundings.
    return range(
        whole.start if start <= 0 else start,
        whole.stop if stop >= whole.stop + whole.start else stop,
    )


def _run_around(own: range, usable: npt.NDArray[np.bool_]) -> range:
    """Return the longest range of columns around those given in which all pixels are usable."""
    faults = np.flatnonzero(~usable.all(axis=0))
    before, after = faults[faults < own.start], faults[faults >= own.stop]
    return range(int(before[-1]) + 1 if before.size else 0, int(after[0]) if after.size else usable.shape[1])


def _needed(window: range, length: int) -> range:
    """Return the pixels of an axis that a window shows, itself or by reflection at the border."""
    # What lies beyond a border shows the pixels that lie as far within.
    first = min(window.start, 2 * (length - 1) - (window.stop - 1))
    last = max(window.stop - 1, -window.start)
    return range(max(0, first), min(length, last + 1))

"""What a worker does for one block: gather its pixels, borrow the engine, restore."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_cvdm.restoration.axes import Axes, of_plane
from napari_cvdm.restoration.block import Sampling, Window, restore_block
from napari_cvdm.restoration.memory import explained_shortage
from napari_cvdm.restoration.normalization import Normalization
from napari_cvdm.restoration.resident import EngineSpec, ModelReference, in_one_thread, resident_engine
from napari_cvdm.restoration.validation import reading

if TYPE_CHECKING:
    from napari_cvdm.models import PretrainedModel

FloatArray = npt.NDArray[np.float32]
Piece = tuple[tuple[int | slice, ...], slice, slice]
"""What to take from a chunk, and the rows and columns of the window where that goes."""

REPEATED_AFTER = 0.5
"""Seconds after which who watches a block is told again, though nothing is finished."""

# Each thread has a context of its own, so that runs side by side are not told of each other's blocks. Workers
# elsewhere have none.
_watcher: ContextVar[Callable[[float], object]] = ContextVar("watcher", default=lambda share: None)


@dataclass(frozen=True)
class BlockTask:
    """One block to restore; small, and with neither pixels nor weights in it.

    Attributes
    ----------
    axes : Axes
        Of the image.
    index, plane : tuple of int, int
        Which plane of it, and the number of that plane, which the noise is bound to.
    window, normalization : Window, Normalization
        Which part of the plane, and the intensities of all of it.
    sampling, engine : Sampling, EngineSpec
        How to draw, and where to compute.
    """

    axes: Axes
    index: tuple[int, ...]
    plane: int
    window: Window
    normalization: Normalization
    sampling: Sampling
    engine: EngineSpec


def plan_pieces(
    chunks: Sequence[Sequence[int]], index: tuple[int, ...], rows: range, columns: range
) -> tuple[list[Piece], list[tuple[int, ...]]]:
    """Find the chunks of a dask array that hold a part of one plane.

    `chunks` are their lengths along each axis, Y and X last.

    Returns
    -------
    pieces : list of Piece
        How to put them together.
    numbers : list of tuple of int
        The chunks, in the order of ``pieces``.
    """
    leading = [_overlaps(lengths, range(i, i + 1))[0] for lengths, i in zip(chunks, index, strict=False)]
    pieces: list[Piece] = []
    numbers = []
    for row_chunk, in_rows, to_rows in _overlaps(chunks[-2], rows):
        for column_chunk, in_columns, to_columns in _overlaps(chunks[-1], columns):
            numbers.append((*(number for number, _, _ in leading), row_chunk, column_chunk))
            taken = (*(inside.start for _, inside, _ in leading), in_rows, in_columns)
            pieces.append((taken, to_rows, to_columns))
    return pieces, numbers


def restore_from_pieces(
    task: BlockTask,
    pieces: Sequence[Piece],
    model: ModelReference | PretrainedModel,
    chunks: Sequence[npt.NDArray[Any]],
) -> FloatArray:
    """Restore a block of a dask array, given the chunks it lies in; see `BlockTask`."""
    shape = len(task.window.source_rows), len(task.window.source_columns)
    pixels = np.empty(shape, np.asarray(chunks[0]).dtype)
    for (taken, rows, columns), chunk in zip(pieces, chunks, strict=True):
        pixels[rows, columns] = np.asarray(chunk)[taken]
    return _restore(task, model, pixels)


def restore_from_array(task: BlockTask, model: ModelReference | PretrainedModel, image: Any) -> FloatArray:
    """Restore a block of an array that can be sliced, of which nothing but the window is read."""
    selection = list(task.axes.selection(task.index))
    window = task.window
    for axis, source in ((task.axes.y, window.source_rows), (task.axes.x, window.source_columns)):
        selection[axis] = slice(source.start, source.stop)
    with reading():
        pixels = np.asarray(image[tuple(selection)])
    return _restore(task, model, pixels if task.axes.y < task.axes.x else pixels.T)


def _restore(
    task: BlockTask, model: ModelReference | PretrainedModel, pixels: npt.NDArray[Any]
) -> FloatArray:
    task.window.check_block(pixels, of_plane(task.index))
    report = _watcher.get()  # here: the thread that all blocks are computed in is none of the run's

    def compute() -> FloatArray:
        shortage = explained_shortage(
            "a block of the image", "Close other programs that use the device, or choose another device."
        )
        told = _Report(report)
        with shortage, resident_engine(model, task.engine, told.repeat) as engine:
            return restore_block(
                engine,
                pixels,
                task.window,
                plane=task.plane,
                normalization=task.normalization,
                sampling=task.sampling,
                report=told.tell,
            )

    pair = in_one_thread(compute)
    # One chunk of the result: (2, 1, ..., 1, Y, X).
    return pair.reshape(2, *(1 for _ in task.index), *pair.shape[1:])


class _Report:
    """Tells how far a block is when that changes, and again while a pass lasts: who is told may end it."""

    def __init__(self, report: Callable[[float], object]) -> None:
        self._report, self._share, self._told = report, 0.0, time.monotonic()

    def tell(self, share: float) -> None:
        """Tell what share of the block is done."""
        self._share, self._told = share, time.monotonic()
        self._report(share)

    def repeat(self) -> None:
        """Tell the share once more, unless that was a moment ago."""
        if time.monotonic() - self._told > REPEATED_AFTER:
            self.tell(self._share)


@contextmanager
def watching(report: Callable[[float], object]) -> Iterator[None]:
    """Be told how far the block at work is, 0 to 1, after every pass of a network, and while one lasts long.

    Of the blocks that this thread computes with dask's synchronous scheduler, and of no other run's in this
    process. Who is told, in the thread that computes the block, may raise to end the computation.
    """
    token = _watcher.set(report)
    try:
        yield
    finally:
        _watcher.reset(token)


def _overlaps(lengths: Sequence[int], wanted: range) -> list[tuple[int, slice, slice]]:
    """Find the chunks of an axis that overlap a range: number, slice of the chunk, slice of the range."""
    found = []
    for number, (end, length) in enumerate(zip(accumulate(lengths), lengths, strict=True)):
        start = end - length
        low, high = max(start, wanted.start), min(end, wanted.stop)
        if low < high:
            inside = slice(low - start, high - start)
            found.append((number, inside, slice(low - wanted.start, high - wanted.start)))
    return found

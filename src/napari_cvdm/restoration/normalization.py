"""Intensities: from the camera's units to those of the network, and back without loss.

The networks expect background near 0 and bright structures near 1. Which intensities those are is measured by
percentiles, recorded in the result's provenance, and undone on the way out, so that a restored image has the
units of the image it came from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import ceil, isfinite, sqrt
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cvdm.models.pretrained import PERCENTILES
from napari_cvdm.restoration.axes import Axes
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.saturation import MOST_SATURATED, saturated_share
from napari_cvdm.restoration.sparse import PERCENTILE, measure_structure

if TYPE_CHECKING:
    from napari_cvdm.restoration.selection import Selection

Normalizing: TypeAlias = Literal["stack", "plane", "whole"]
"""Over which planes intensities are measured: see `fit_normalizations`."""

BEYOND = 4.0
"""Normalised intensities above this were hardly seen in training: networks begin to exaggerate there."""

SAMPLE_SIZE = 2**22
"""About how many pixels percentiles are measured on. Larger images are thinned out evenly."""


@dataclass(frozen=True)
class Normalization:
    """The two intensities that become 0 and 1.

    Attributes
    ----------
    low, high : float
        In the units of the image. They are equal only if all pixels are.
    percentiles : tuple of float
        The percentiles at which they were measured, in percent; (0, 100) after a fall-back to the extremes.
    brightest : float or None
        Greatest intensity of the image's 3×3 medians in normalised units, if it lies above `BEYOND`.
    saturated : float
        Share of the pixels that were cut off at the greatest value, if it is above `MOST_SATURATED`, else 0.
    """

    low: float
    high: float
    percentiles: tuple[float, float] = PERCENTILES
    brightest: float | None = None
    saturated: float = 0.0

    def __post_init__(self) -> None:
        """Refuse bounds that cannot be inverted."""
        if not (isfinite(self.low) and isfinite(self.high) and self.low <= self.high):
            raise InputError(
                f"A normalisation needs finite bounds in rising order, not {self.low} and {self.high}."
            )

    @property
    def span(self) -> float:
        """Intensity difference that becomes 1."""
        return self.high - self.low

    @property
    def fits_float32(self) -> bool:
        """Whether float32 holds restored intensities with at least 12 bits of contrast.

        It does unless a large offset leaves no digits for the contrast, as in an image of 4,000,000,000 to
        4,000,001,000. Where all pixels are the same there is no contrast to lose.
        """
        spacing = float(np.spacing(np.float32(max(abs(self.low), abs(self.high)))))
        return self.span == 0 or spacing * 4096 <= self.span

    def apply(self, plane: ArrayLike) -> NDArray[np.float32]:
        """Return (plane − low) / (high − low) as float32; zeros if the plane it was fitted to is constant.

        The offset is subtracted in float64, so that integers of any width keep their contrast.
        """
        values = np.asarray(plane).astype(np.float64)
        if self.span == 0:
            return np.zeros(values.shape, np.float32)
        values -= self.low
        values /= self.span
        return values.astype(np.float32)

    def invert(self, mean: ArrayLike) -> NDArray[np.float32]:
        """Return normalised intensities to the units of the image: mean · (high − low) + low."""
        values = np.asarray(mean).astype(np.float64)
        values *= self.span
        values += self.low
        return values.astype(np.float32)

    def invert_std(self, std: ArrayLike) -> NDArray[np.float32]:
        """Return a normalised standard deviation to the units of the image: std · (high − low)."""
        return (np.asarray(std).astype(np.float64) * self.span).astype(np.float32)

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary that JSON can hold."""
        described = {"low": self.low, "high": self.high, "percentiles": list(self.percentiles)}
        further = {"brightest": self.brightest, "saturated": self.saturated}
        return described | {name: value for name, value in further.items() if value}

    @classmethod
    def fit(cls, plane: ArrayLike) -> Normalization:
        """Measure a normalisation on one plane. See `fit_planes`."""
        values = np.asarray(plane)
        return fit_planes(lambda: [values], (1, *values.shape))


def fit_planes(
    planes: Callable[[], Iterable[Any]],
    shape: tuple[int, ...],
    percentiles: tuple[float, float] = PERCENTILES,
) -> Normalization:
    """Measure a normalisation on planes that belong together.

    Parameters
    ----------
    planes : callable
        Called without arguments, returns the planes as an iterable of (Y, X) arrays; called a few times.
    shape : tuple of int, (planes, Y, X)
        How many planes there are, and how large.
    percentiles : tuple of float
        Where to measure; (0, 100) are the exact extremes of all pixels.

    Returns
    -------
    Normalization
        With bounds measured at these percentiles of the finite pixels. Where structure covers less than 2 %
        of the image and lies far above the upper one, this is where the brightest tenth of the structure
        begins (`measure_structure`). Where both coincide though not all pixels do (a few bright spots on an
        even background), the extremes are taken; single hot pixels that lie far above all that is wider do
        not count. Which pixels are looked at depends on nothing but the shape.

    Raises
    ------
    InputError
        If no pixel is finite.
    """
    sample = np.concatenate(list(_thinned(planes(), shape))) if percentiles != (0, 100) else np.empty(0)
    if sample.size:
        low, high = (float(p) for p in np.percentile(sample, percentiles))
        if _is_contrast(high - low, sample):
            share = saturated_share(sample)
            fitted = Normalization(low, high, percentiles, saturated=share if share > MOST_SATURATED else 0.0)
            return (
                _fit_bright(fitted, planes(), shape) if sample.max() > low + BEYOND * fitted.span else fitted
            )
    least, greatest = _extremes(planes(), shape)
    if sample.size and greatest > least:
        # Spots that are a few pixels wide are not dimmed by a single hot one.
        wide = measure_structure(planes(), shape, greatest - least, high).brightest
        if 0 < BEYOND * (wide - least) < greatest - least and _is_contrast(wide - least, sample):
            greatest = wide
    return Normalization(least, greatest, (0.0, 100.0))


def _is_contrast(span: float, sample: NDArray[np.float64]) -> bool:
    """Whether a percentile range is one of intensities: mere rounding errors would blow up all the rest."""
    extent = float(np.ptp(sample))
    if span > 1e-6 * extent:
        return True
    # Whole numbers have none, but may hold a dead pixel that is marked by the greatest number of their type.
    # Beyond 2**53 all doubles are whole.
    return span > 0 and extent < 2**53 and np.array_equal(sample, np.rint(sample))


def _fit_bright(fitted: Normalization, planes: Iterable[Any], shape: tuple[int, ...]) -> Normalization:
    """Look again at an image with pixels far above the upper percentile: hot, dirt, or sparse structure."""
    low, high, percentiles = fitted.low, fitted.high, fitted.percentiles
    structure = measure_structure(planes, shape, fitted.span, low + BEYOND * fitted.span)
    if structure.bright_end is not None and structure.bright_end > low + 2 * fitted.span:
        high = structure.bright_end
        percentiles = (percentiles[0], 100 - (100 - PERCENTILE) * structure.share)
    brightest = (structure.brightest - low) / (high - low)
    return Normalization(low, high, percentiles, brightest if brightest > BEYOND else None, fitted.saturated)


def _thinned(planes: Iterable[Any], shape: tuple[int, ...]) -> Iterable[NDArray[np.float64]]:
    """Yield the finite values of every plane, on a grid so coarse that about `SAMPLE_SIZE` remain in all."""
    count, height, width = shape
    step = ceil(sqrt(max(1.0, count * height * width / SAMPLE_SIZE)))
    row_step, column_step = min(step, height), min(step, width)
    for number, plane in enumerate(planes):
        # The grid moves from plane to plane, so that a defect of a few sensor rows is not met in all of them.
        rows, columns = number % row_step, (number * 7) % column_step
        values = np.asarray(plane[rows::row_step, columns::column_step]).astype(np.float64).ravel()
        yield values[np.isfinite(values)]


def _extremes(planes: Iterable[Any], shape: tuple[int, ...]) -> tuple[float, float]:
    low, high = np.inf, -np.inf
    for plane in planes:
        for rows in _strips(plane, *shape[1:]):
            strip = np.asarray(plane[rows.start : rows.stop])
            # Converted some rows at a time: as float64 a large plane could be eight times its size.
            for piece in np.array_split(strip, max(1, strip.size // SAMPLE_SIZE)):
                values = piece.astype(np.float64)
                values = values[np.isfinite(values)]
                if values.size:
                    low, high = min(low, float(values.min())), max(high, float(values.max()))
    if low > high:
        raise InputError(
            "The image has no finite pixels to measure intensities on: all are NaN or infinite. Check the "
            "step that made it."
        )
    return low, high


def _strips(plane: Any, height: int, width: int) -> list[range]:
    """Cut a plane into strips of rows that are read at once: those of its chunks, where it is in any."""
    chunks = getattr(plane, "chunks", None)
    if chunks is not None and isinstance(chunks[0], tuple):  # dask's
        ends = np.cumsum(chunks[0]).tolist()
    else:
        rows = max(1, SAMPLE_SIZE // width)
        ends = [*range(rows, height, rows), height]
    return [range(start, end) for start, end in pairwise((0, *ends))]


def fit_normalizations(
    image: Any,
    selection: Selection,
    per: Normalizing = "stack",
    percentiles: tuple[float, float] = PERCENTILES,
) -> dict[tuple[int, ...], Normalization]:
    """Measure the normalisation of every plane that is restored.

    Parameters
    ----------
    image : array with numpy indexing
        The whole of it, `Watched` if it is not in memory: one plane at a time is thinned out and read.
    selection : Selection
        The planes to restore. Channels that have none of them are not read.
    per : {"stack", "plane", "whole"}
        One for each channel, measured over all its chosen times and depths, so that a film does not flicker
        and the depths of a stack stay comparable; one for each plane, for stacks that bleach or fade; or one
        for each channel, measured over all planes of the image.
    percentiles : tuple of float
        As for `fit_planes`: some models know another range.

    Returns
    -------
    dict of tuple of int to Normalization
        One entry per chosen plane, under its index as in ``selection.axes.indices()``. Planes that are
        measured together share one object.
    """
    axes = selection.whole
    chosen = {selection.original(index): index for index in selection.axes.indices()}
    groups: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for index in axes.indices() if per == "whole" else chosen:
        groups.setdefault(index if per == "plane" else axes.channel_of(index), []).append(index)
    fitted: dict[tuple[int, ...], Normalization] = {}
    for members in groups.values():
        wanted = [chosen[index] for index in members if index in chosen]
        if wanted:
            shape = (len(members), *axes.plane_shape)
            normalization = fit_planes(partial(_planes, image, axes, members), shape, percentiles)
            fitted.update(dict.fromkeys(wanted, normalization))
    return {index: fitted[index] for index in selection.axes.indices()}


def _planes(image: Any, axes: Axes, indices: list[tuple[int, ...]]) -> Iterator[Any]:
    return (axes.plane(image, index) for index in indices)

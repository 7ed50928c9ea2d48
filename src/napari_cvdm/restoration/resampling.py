"""Resampling an image whose pixel size a model was not trained for.

The plane keeps its field of view: pixel edges, not pixel centres, of the first and last pixel stay where they
are. So along an axis of n pixels that becomes one of n', position p of the new grid lies at
(p + 1/2) · n/n' - 1/2 of the old one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_cvdm.restoration.axes import MINIMUM_SIDE, Axes, of_plane
from napari_cvdm.restoration.errors import InputError, NotFiniteError
from napari_cvdm.restoration.validation import read_pixels

if TYPE_CHECKING:
    from napari_cvdm.restoration.request import Request

#: What a user is told of an image without a pixel size, where the model says which ones it knows.
SIZE_NOT_KNOWN = "The pixel size is not known, so it was not compared with those the model was trained for."

#: An image is never enlarged by more than this: its detail would be far coarser than any the model knows.
LARGEST_FACTOR = 4.0


@dataclass(frozen=True)
class Resampling:
    """How planes are to be resampled.

    Attributes
    ----------
    plane_shape : (int, int)
        Rows and columns of a plane as it is.
    new_plane_shape : (int, int)
        Rows and columns afterwards.
    pixel_size : float
        Lateral pixel size in nanometres, before; not a number in what was read back from a description.
    """

    plane_shape: tuple[int, int]
    new_plane_shape: tuple[int, int]
    pixel_size: float

    @property
    def factor(self) -> float:
        """New pixels for each old one along an axis, on average; above 1 the image is enlarged."""
        return math.sqrt(math.prod(self.new_plane_shape) / math.prod(self.plane_shape))

    @property
    def new_pixel_size(self) -> float:
        """Lateral pixel size in nanometres, afterwards."""
        return self.pixel_size / self.factor

    def describe(self) -> dict[str, Any]:
        """Return what the provenance says, in values that JSON can hold."""
        return {
            "from_pixel_size_nm": self.pixel_size,
            "to_pixel_size_nm": round(self.new_pixel_size, 4),
            "from_plane_shape": list(self.plane_shape),
            "to_plane_shape": list(self.new_plane_shape),
            "interpolation": "cubic" if self.factor > 1 else "linear after Gaussian smoothing",
        }

    @classmethod
    def from_description(cls, said: Mapping[str, Any]) -> Resampling:
        """Return the resampling that `describe` has described, such as in a file's provenance.

        Raises
        ------
        InputError
            If it does not say clearly what was done, or what nothing of ours would have done.
        """
        before, after = (_pair(said.get(f"{when}_plane_shape")) for when in ("from", "to"))
        possible = all(0 < new <= 2 * LARGEST_FACTOR * old for old, new in zip(before, after, strict=False))
        if not before or not after or not possible:
            raise InputError(f"The result does not say clearly how it was resampled ({dict(said)!r:.80}).")
        return cls(before, after, math.nan)


def plan_resampling(
    plane_shape: tuple[int, int], pixel_size: float | None, known: tuple[float, float] | None
) -> Resampling | None:
    """Find the least resampling that brings a pixel size into the range that a model knows, in nanometres.

    None if nothing needs to be done for a plane of this shape, or nothing is known.

    Raises
    ------
    InputError
        If the pixels are so large or so few that resampling cannot help.
    """
    if pixel_size is None or known is None or known[0] <= pixel_size <= known[1]:
        return None
    # Rounded such that the new pixel size is inside the range, whatever the size of the plane.
    enlarge = pixel_size > known[1]
    factor = pixel_size / (known[1] if enlarge else known[0])
    if factor > LARGEST_FACTOR:
        raise InputError(
            f"Pixels of {pixel_size:g} nm are more than {LARGEST_FACTOR:g} times as large as the largest "
            f"that the model knows ({known[1]:g} nm): such an image lacks the detail that the model builds "
            "on. Check the pixel size."
        )
    rows, columns = (_new_length(n, factor, enlarge) for n in plane_shape)
    if min(rows, columns) < MINIMUM_SIDE:
        raise InputError(
            f"Brought to pixels of {known[0]:g} nm, the image has {rows} × {columns} pixels; at least "
            f"{MINIMUM_SIDE} × {MINIMUM_SIDE} are needed. Take a larger region, or check the pixel size."
        )
    return Resampling(plane_shape, (rows, columns), pixel_size)


def cautions_about_size(pixel_size: float | None, known: tuple[float, float] | None) -> list[str]:
    """Say what a user should be told if the pixel size could not be compared with those a model knows.

    Not in the provenance, which has the size, or none: the panel says so before a run, beside the field.
    """
    return [SIZE_NOT_KNOWN] if pixel_size is None and known is not None else []


def resample_plane(plane: npt.NDArray[Any], plan: Resampling) -> npt.NDArray[np.float64]:
    """Resample one (Y, X) plane; intensities keep their units.

    Enlarging interpolates cubically. Making smaller smooths first, so that fine detail does not fold back.
    In double precision, because single would round away a contrast that is small beside its offset.
    """
    from skimage.transform import resize

    enlarging = plan.factor > 1
    resampled = resize(  # type: ignore[no-untyped-call]
        np.asarray(plane, dtype=np.float64),
        plan.new_plane_shape,
        order=3 if enlarging else 1,
        mode="reflect",
        anti_aliasing=not enlarging,
        preserve_range=True,
    )
    return np.asarray(resampled, dtype=np.float64)


class ResampledPlanes:
    """An array whose planes are resampled when they are asked for: one at a time, however many there are.

    The last one is kept: that of a single image is asked for to measure its intensities, and to restore it.
    """

    def __init__(self, array: Any, axes: Axes, plan: Resampling) -> None:
        self._array, self._axes, self._plan = array, axes, plan
        self._last: tuple[tuple[int, ...], npt.NDArray[np.float64]] | None = None

    def __getitem__(self, wanted: Any) -> npt.NDArray[np.float64]:
        """Return a plane, given one whole number for each leading axis and full slices for Y and X."""
        index = tuple(wanted[axis] for axis in self._axes.leading_positions)
        if self._last is None or self._last[0] != index:
            self._last = None  # so that there are never two
            self._last = index, resample_plane(self._read(index), self._plan)
        resampled = self._last[1]
        return resampled if self._axes.y < self._axes.x else resampled.T

    def _read(self, index: tuple[int, ...]) -> npt.NDArray[Any]:
        try:
            return read_pixels(self._axes.plane(self._array, index), of_plane(index))
        except NotFiniteError as error:  # one would spread over all of the plane
            raise InputError(
                f"{error.fault} Images are resampled as a whole, so to restore a region does not help. "
                "Replace such pixels first, for example by the intensity of the background, or restore "
                "without resampling."
            ) from error


def fit_to_model(request: Request) -> Request:
    """Return the request with its image resampled, if its pixel size is not one that the model knows.

    Raises
    ------
    InputError
        If the pixel size is not known, or resampling cannot help; the message says what can.
    """
    if request.pixel_size is None:
        raise InputError(
            "The image cannot be resampled to suit the model, because its pixel size is not known, or its "
            "pixels are not square: give their side in nanometres as pixel_size, in a shell --pixel-size."
        )
    plan = plan_resampling(request.axes.plane_shape, request.pixel_size, request.model.card.pixel_size_nm)
    if plan is None:
        return request
    return replace(
        request,
        image=ResampledPlanes(request.image, request.selection.whole, plan),
        selection=request.selection.resampled(plan.new_plane_shape),
        pixel_size=plan.new_pixel_size,
        resampling=plan.describe(),
        recorded=request,
    )


def _pair(value: object) -> tuple[int, int] | tuple[()]:
    match value:
        case [int(first), int(second)]:
            return first, second
        case _:
            return ()


def _new_length(n: int, factor: float, enlarge: bool) -> int:
    exact = n * factor
    # A trace of rounding must not cost a pixel.
    return math.ceil(exact - 1e-6) if enlarge else math.floor(exact + 1e-6)

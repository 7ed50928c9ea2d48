"""How far apart the pixels of a layer lie along each axis, whichever of its transforms says so."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["axis_steps"]


def axis_steps(scale: npt.ArrayLike, affine: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the distance of neighbouring pixels along each axis, in the layer's units.

    Parameters
    ----------
    scale : sequence of float
        The layer's scale, which may mirror an axis.
    affine : array of shape (n + 1, n + 1)
        The layer's affine. It may carry the scale (OME-Zarr readers do so); rotations leave the length of a
        column as it is.
    """
    columns = np.asarray(affine, dtype=float)[:-1, :-1]
    return np.asarray(np.abs(np.asarray(scale, dtype=float)) * np.linalg.norm(columns, axis=0))

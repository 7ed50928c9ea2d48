"""What the mean network alone makes of an image on the way to a restoration: what draws must beat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from napari_cvdm.models import PretrainedModel
    from napari_cvdm.restoration.events import Event
    from napari_cvdm.restoration.result import Restoration


@dataclass(frozen=True, eq=False)
class MeanPictures:
    """The mean network's pictures of one plane, each (upscaling · Y, upscaling · X), in the image's units.

    Attributes
    ----------
    one_pass : ndarray
        Of the image as it is: the first picture that a user sees.
    averaged : ndarray
        The average over the orientations that the model's card states, about which draws are made; the same
        as `one_pass` where it states one.
    """

    one_pass: NDArray[np.float32]
    averaged: NDArray[np.float32]


def restore_with_mean_pictures(
    camera: ArrayLike,
    model: PretrainedModel,
    progress: Callable[[Event], object] | None = None,
    **settings: Any,
) -> tuple[Restoration, MeanPictures]:
    """Restore one plane, and keep what the mean network showed before the first draw.

    Parameters
    ----------
    camera : array-like, (Y, X)
        What the camera recorded.
    model : PretrainedModel
        From `load_model`.
    progress : callable, optional
        Receives every event of the restoration; may raise to stop it.
    **settings
        As for `napari_cvdm.restore`.

    Returns
    -------
    Restoration, MeanPictures

    Raises
    ------
    InputError, InputTypeError
        As `napari_cvdm.restore`.
    """
    from napari_cvdm.restoration.events import Estimate, Finished
    from napari_cvdm.restoration.restore import restore_events

    first = averaged = result = None
    for event in restore_events(camera, model, axes="YX", **settings):
        if progress is not None:
            progress(event)
        if isinstance(event, Estimate):
            if event.stage == "mean":
                first = averaged = event.mean
            elif event.stage == "refine":
                averaged = event.mean
        elif isinstance(event, Finished):
            result = event.result
    if result is None or first is None or averaged is None:
        raise RuntimeError("a restoration ended without a picture")
    return result, MeanPictures(first, averaged)

"""What the mean network alone makes of an image on the way to a restoration: what draws must beat."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from napari_cvdm.models import PretrainedModel
    from napari_cvdm.restoration.events import Estimate, Event
    from napari_cvdm.restoration.result import Restoration


def restore_with_mean_pictures(
    camera: ArrayLike,
    model: PretrainedModel,
    progress: Callable[[Event], object] | None = None,
    **settings: Any,
) -> tuple[Restoration, Estimate, Estimate]:
    """Restore one plane, and keep what the mean network showed before the first draw.

    Parameters
    ----------
    camera : array-like, (Y, X)
        What the camera recorded.
    progress : callable, optional
        Receives every event of the restoration; may raise to stop it.
    model, **settings
        As for `napari_cvdm.restore`, which says what is raised, too.

    Returns
    -------
    result : Restoration
    one_pass : Estimate
        Of the image as it is: the first picture that a user sees.
    averaged : Estimate
        Over the orientations that the settings or the model's card state, about which draws are made; the
        same as ``one_pass`` where they state one.
    """
    from napari_cvdm.restoration.events import Estimate, Finished
    from napari_cvdm.restoration.restore import restore_events

    shown: list[Estimate] = []
    for event in restore_events(camera, model, axes="YX", on_tile=progress, **settings):
        if progress is not None:
            progress(event)
        if isinstance(event, Estimate) and event.stage in ("mean", "refine"):
            shown.append(event)
    assert isinstance(event, Finished)  # the last event always is
    return event.result, shown[0], shown[-1]

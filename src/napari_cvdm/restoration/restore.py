"""From an image or a stack to a restored one: the whole path, as one call or as a stream of events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from napari_cvdm.restoration.events import Event, Finished
from napari_cvdm.restoration.posterior import PosteriorSettings
from napari_cvdm.restoration.request import check_request
from napari_cvdm.restoration.result import Restoration
from napari_cvdm.restoration.run import Run

if TYPE_CHECKING:
    from napari_cvdm.models import PretrainedModel


def restore(
    image: Any,
    model: PretrainedModel,
    *,
    axes: str | None = None,
    pixel_size: float | None = None,
    draws: int = 8,
    steps: int | None = None,
    seed: int = 0,
    device: str = "auto",
    tile: int | str = "auto",
    keep_draws: bool = False,
    preview: bool = False,
    progress: Callable[[Event], object] | None = None,
    settings: PosteriorSettings | None = None,
) -> Restoration:
    """Restore an image or a stack, plane by plane.

    Parameters
    ----------
    image : array_like
        Integers or floats, at least two axes. Never written to.
    model : PretrainedModel
        From `napari_cvdm.load_model`.
    axes : str, optional
        One letter for each axis, from T, Z, C, Y, X, S and Q; may be left out for a 2-D image.
    pixel_size : float, optional
        Lateral pixel size in nanometres; checked against the range the model was trained for.
    draws : int
        Draws from the posterior for each plane. Even numbers use the noise best, because draws come in pairs.
    steps : int, optional
        Denoising steps of each draw; the model's own choice if left out.
    seed : int
        The same seed gives the same pixels, whatever the tile or the device's way of working.
    device : str
        "auto", "cpu", "cuda", "cuda:N" or "mps".
    tile : int or "auto"
        Side of a tile in input pixels, halo not counted. The result does not depend on it.
    keep_draws : bool
        Whether the result holds the single draws too.
    preview : bool
        Run the mean network alone: its picture, and its own residual scale as the standard deviation.
    progress : callable, optional
        Receives every `Event`. What it raises ends the restoration.
    settings : PosteriorSettings, optional
        How draws are made and put together; the model card's choice if left out.

    Returns
    -------
    Restoration

    Raises
    ------
    InputError, InputTypeError
        If the image or a setting cannot be used; the message says what to do.
    DeviceError
        If the device is unknown or missing, or its memory ran out.
    """
    result: Restoration | None = None
    for event in restore_events(
        image, model, axes=axes, pixel_size=pixel_size, draws=draws, steps=steps, seed=seed, device=device,
        tile=tile, keep_draws=keep_draws, preview=preview, settings=settings,
    ):  # fmt: skip
        if progress is not None:
            progress(event)
        if isinstance(event, Finished):
            result = event.result
    assert result is not None  # the last event is always Finished
    return result


def restore_events(
    image: Any,
    model: PretrainedModel,
    *,
    axes: str | None = None,
    pixel_size: float | None = None,
    draws: int = 8,
    steps: int | None = None,
    seed: int = 0,
    device: str = "auto",
    tile: int | str = "auto",
    keep_draws: bool = False,
    preview: bool = False,
    checkpoint: Callable[[], None] | None = None,
    settings: PosteriorSettings | None = None,
) -> Iterator[Event]:
    """Restore an image as `restore` does, one event at a time.

    First comes an `Estimate` of every plane by the mean network (stage "mean"); then, plane by plane and draw
    by draw, an `Event` after each denoising step (stage "denoise") and an `Estimate` after each draw (stage
    "draw"); last `Finished` (stage "done"). Input is checked at once, before the first event is asked for.

    Parameters
    ----------
    checkpoint : callable, optional
        Called before every network pass on every tile, which is many times within one denoising step of a
        large plane. What it raises ends the restoration.

    The other parameters, and what is raised, are those of `restore`.

    Returns
    -------
    iterator of Event
    """
    request = check_request(
        image, model, axes=axes, pixel_size=pixel_size, draws=draws, steps=steps, seed=seed, device=device,
        tile=tile, keep_draws=keep_draws, preview=preview, settings=settings,
    )  # fmt: skip
    return Run(request, checkpoint).events()

"""From an image or a stack to a restored one: the whole path, as one call or as a stream of events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from napari_cvdm.restoration.events import Event, Finished, Part
from napari_cvdm.restoration.normalization import Normalizing
from napari_cvdm.restoration.posterior import PosteriorSettings
from napari_cvdm.restoration.presets import resolve_preset
from napari_cvdm.restoration.request import check_request
from napari_cvdm.restoration.resampling import fit_to_model
from napari_cvdm.restoration.result import Restoration
from napari_cvdm.restoration.run import Run
from napari_cvdm.restoration.selection import RegionLike

if TYPE_CHECKING:
    from napari_cvdm.models import PretrainedModel


def restore(
    image: Any,
    model: PretrainedModel,
    *,
    axes: str | None = None,
    pixel_size: float | None = None,
    draws: int | None = None,
    steps: int | None = None,
    seed: int = 0,
    device: str = "auto",
    tile: int | str = "auto",
    keep_draws: bool = False,
    preview: bool = False,
    preset: str | None = None,
    resample: bool = False,
    progress: Callable[[Event], object] | None = None,
    settings: PosteriorSettings | None = None,
    channels: Any = None,
    planes: Mapping[Any, Any] | None = None,
    region: RegionLike | None = None,
    normalize: Normalizing = "stack",
) -> Restoration:
    """Restore an image or a stack, plane by plane.

    Parameters
    ----------
    image : array_like
        Integers or floats, at least two axes. Never written to. A dask, zarr or HDF5 array is read plane by
        plane; its pixels are checked as they are read.
    model : PretrainedModel
        From `napari_cvdm.load_model`.
    axes : str, optional
        One letter for each axis: T time, Z depth, C channel, Y rows, X columns, S colour samples, Q unnamed
        (which may be repeated). May be left out for a 2-D image. Unless `normalize` says otherwise, planes
        along T, Z and Q share a range of intensities; those along C and S do not.
    pixel_size : float, optional
        Lateral pixel size in nanometres; checked against the range the model was trained for.
    draws : int, optional
        Draws from the posterior for each plane; 8 if left out, or as the preset says. Even numbers use the
        noise best, because draws come in pairs.
    steps : int, optional
        Denoising steps of each draw; the model's own choice if left out.
    seed : int
        The same seed gives the same pixels, apart from rounding, whatever the tile.
    device : str
        "auto", "cpu", "cuda", "cuda:N" or "mps".
    tile : int or "auto"
        Side of a tile in camera pixels, halo not counted. Changes memory and speed, but not the result
        (except with networks of the authors' own code).
    keep_draws : bool
        Whether the result holds the single draws too. A preview has none.
    preview : bool
        Run the mean network alone, as ``preset="preview"`` does: its estimate, and the error that it expects
        as the standard deviation, calibrated if the model card has a calibration of previews.
    preset : str, optional
        "preview", "standard" or "thorough": see `napari_cvdm.restoration.presets`.
    resample : bool
        If the pixel size lies outside the range that the model was trained for, resample the planes to the
        nearest size inside it first. The result is then as fine as that, and its provenance says so.
    progress : callable, optional
        Receives every `Event`. What it raises ends the restoration.
    settings : PosteriorSettings, optional
        How draws are made and put together; the model card's choice if left out.
    channels : int or sequence of int, optional
        The channels to restore, counted from 0. The others are left out of the result.
    planes : mapping, optional
        Positions to restore along other axes, as numbers, slices or lists: ``{"T": 3, "Z": slice(2, 5)}``. A
        chosen plane gets the noise that it has in the whole stack. Axes that share a letter are given by
        their numbers, counted from 0.
    region : ((int, int), (int, int)), optional
        Rows and columns to restore, each as first and one past the last, in input pixels. Its surroundings
        are taken into account and it is normalised as the whole plane is, so it has the pixels of a result
        for the whole plane. (Networks of the authors' own code, which normalise over all they are given,
        restore it by itself.) Where they are NaN or infinite, as at the borders of a registered stack, its
        surroundings end, as at the border of a plane.
    normalize : {"stack", "plane", "whole"}
        Over what intensities are measured, for each channel: "stack" over all planes that are restored, so
        that a film does not flicker; "plane" over each plane, for stacks that bleach; "whole" over all planes
        of the image, so that chosen planes get the pixels that they have when all of it is restored.

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
    for event in restore_events(
        image, model, axes=axes, pixel_size=pixel_size, draws=draws, steps=steps, seed=seed, device=device,
        tile=tile, keep_draws=keep_draws, preview=preview, preset=preset, resample=resample,
        settings=settings, channels=channels, planes=planes, region=region, normalize=normalize,
        on_tile=progress,
    ):  # fmt: skip
        if progress is not None:
            progress(event)
    assert isinstance(event, Finished)  # the last event always is
    return event.result


def restore_events(
    image: Any,
    model: PretrainedModel,
    *,
    axes: str | None = None,
    pixel_size: float | None = None,
    draws: int | None = None,
    steps: int | None = None,
    seed: int = 0,
    device: str = "auto",
    tile: int | str = "auto",
    keep_draws: bool = False,
    preview: bool = False,
    preset: str | None = None,
    resample: bool = False,
    checkpoint: Callable[[], None] | None = None,
    stop: Callable[[], bool] | None = None,
    first_plane: tuple[int, ...] | None = None,
    on_tile: Callable[[Event], object] | None = None,
    on_part: Callable[[Part], object] | None = None,
    first_place: tuple[float, float] = (0, 0),
    settings: PosteriorSettings | None = None,
    channels: Any = None,
    planes: Mapping[Any, Any] | None = None,
    region: RegionLike | None = None,
    normalize: Normalizing = "stack",
) -> Iterator[Event]:
    """Restore an image as `restore` does, one event at a time.

    First comes an `Estimate` of every plane by the mean network (stage "mean"). Then, plane by plane, follow
    an `Event` for every further orientation of the plane and an `Estimate` of their average (stage "refine",
    if the settings ask for it); draw by draw, an `Event` after each denoising step (stage "denoise") and an
    `Estimate` after each draw (stage "draw"). Last comes `Finished` (stage "done"). The input is checked at
    once, before the first event is asked for.

    Parameters
    ----------
    checkpoint : callable, optional
        Called before every network pass on every tile, which is many times within one denoising step of a
        large plane. What it raises ends the restoration.
    stop : callable, optional
        Called after every denoising step. Once it returns True, the run ends with what it has: every plane
        has at least the mean network's estimate, `Finished` follows, and the provenance states the number of
        draws.
    first_plane : tuple of int, optional
        Index of the plane to begin with, such as the one in view; it changes no pixel.
    on_tile : callable, optional
        Receives an `Event` of stage "tile" after each tile of a network pass that needs several, from within
        the iteration.
    on_part : callable, optional
        Receives a `Part` after each tile of a plane's first picture, if there are several: before ``on_tile``
        is told of that tile, and before the `Estimate` of the plane.
    first_place : (float, float), optional
        Where in a plane such tiles begin, as shares of its height and width; it changes no pixel.

    The other parameters, and what is raised, are those of `restore`.

    Returns
    -------
    iterator of Event
    """
    draws, preview = resolve_preset(preset, draws, preview)
    request = check_request(
        image, model, axes=axes, pixel_size=pixel_size, draws=draws, steps=steps, seed=seed, device=device,
        tile=tile, keep_draws=keep_draws, preview=preview, settings=settings, channels=channels,
        planes=planes, region=region, normalize=normalize,
    )  # fmt: skip
    if resample:
        request = fit_to_model(request)
    run = Run(
        request, checkpoint, stop=stop, first_plane=first_plane, on_tile=on_tile, on_part=on_part,
        first_place=first_place,
    )  # fmt: skip
    return run.events()

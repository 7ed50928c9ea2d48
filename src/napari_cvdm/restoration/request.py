"""What was asked for, checked before any work is done."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import numpy as np

from napari_cvdm.restoration.axes import Axes, of_plane, resolve_axes
from napari_cvdm.restoration.chunks import ReadByChunks
from napari_cvdm.restoration.device import ChosenDevice, check_tile, choose_device
from napari_cvdm.restoration.engine import check_model, settings_for
from napari_cvdm.restoration.errors import InputError, InputTypeError
from napari_cvdm.restoration.noise import MAX_DRAWS, MAX_PLANES, MAX_STEPS
from napari_cvdm.restoration.normalization import Normalizing
from napari_cvdm.restoration.posterior import Calibration, PosteriorSettings
from napari_cvdm.restoration.selection import RegionLike, Selection, select
from napari_cvdm.restoration.validation import (
    SMALLEST_PIXEL_NM,
    as_image,
    check_lazy_image,
    check_range,
    finite_range,
    is_read_in_pieces,
)

if TYPE_CHECKING:
    from napari_cvdm.models import ModelCard, PretrainedModel


@dataclass(frozen=True)
class Request:
    """A restoration that can be carried out. Made by `check_request`; what is not here is as for `restore`.

    Attributes
    ----------
    image : array with numpy indexing
        All planes of it, any real number type, never written to. In memory, or read plane by plane where it
        is kept in chunks.
    selection : Selection
        Which planes, and which region of each, are wanted.
    pixel_size : float or None
        Lateral pixel size of the input in nanometres.
    draws, steps : int
        Draws per plane, and denoising steps per draw; 0 in a preview.
    chosen : ChosenDevice
        The processor, and what to tell the user about it.
    tile : int or "auto"
        Side of a tile in camera pixels.
    normalize : {"stack", "plane", "whole"}
        Whether intensities are measured once for each channel, or for each plane; see `fit_normalizations`.
    resampling : dict or None
        How ``image`` was resampled to suit the model, for the provenance; None if it was not.
    recorded : Request or None
        The request before its image was resampled; None if it was not.
    as_calibrated : bool
        Whether draws are made and put together as they were when the model's uncertainty was calibrated.
    """

    image: Any
    selection: Selection
    model: PretrainedModel
    pixel_size: float | None
    draws: int
    steps: int
    seed: int
    chosen: ChosenDevice
    tile: int | Literal["auto"]
    keep_draws: bool
    settings: PosteriorSettings
    normalize: Normalizing = "stack"
    resampling: dict[str, Any] | None = None
    recorded: Request | None = None
    as_calibrated: bool = True

    @property
    def axes(self) -> Axes:
        """Axes of the chosen planes, whole ones."""
        return self.selection.axes


def check_request(
    image: Any,
    model: PretrainedModel,
    *,
    axes: str | None,
    pixel_size: float | None,
    draws: int,
    steps: int | None,
    seed: int,
    device: str,
    tile: int | str,
    keep_draws: bool,
    preview: bool,
    settings: PosteriorSettings | None,
    channels: Any = None,
    planes: Mapping[Any, Any] | None = None,
    region: RegionLike | None = None,
    normalize: str = "stack",
    lazily: bool = False,
) -> Request:
    """Check everything that `restore` was given.

    Parameters
    ----------
    lazily : bool
        Of the image, check the type and the shape alone, and leave it what it is: no pixel is read. Arrays
        kept in chunks are always treated so.

    The others are those of `napari_cvdm.restore`.

    Raises
    ------
    InputError, InputTypeError, DeviceError
        With a message that names the fault and the remedy.
    """
    check_loaded(model)
    in_pieces = is_read_in_pieces(image)
    array, selection = _image_and_part(
        image, axes, lazily=lazily or in_pieces, channels=channels, planes=planes, region=region
    )
    if in_pieces and not lazily:
        array = ReadByChunks(array)
    if normalize not in get_args(Normalizing):
        raise InputError(f"normalize must be 'stack' or 'plane' or 'whole', not {normalize!r}.")
    if settings is not None and not isinstance(settings, PosteriorSettings):
        raise InputTypeError(
            "The settings must be a napari_cvdm.restoration.posterior.PosteriorSettings, not "
            f"{type(settings).__name__}."
        )
    own = settings_for(model, card_settings(model.card))
    chosen_settings = own if settings is None else settings_for(model, settings)
    if preview:
        draws = steps = 0
    else:
        draws = _whole("draws", draws, MAX_DRAWS, "For the mean network's picture alone, set preview.")
        steps = model.card.default_steps if steps is None else steps
        steps = _whole("steps", steps, MAX_STEPS - 1, "Leave it out to use what the model was made for.")
    request = Request(
        image=array,
        selection=selection,
        model=model,
        pixel_size=check_pixel_size(pixel_size),
        draws=draws,
        steps=steps,
        seed=_integer("seed", seed),
        chosen=choose_device(device),
        tile=check_tile(tile),
        keep_draws=keep_draws and not preview,
        settings=chosen_settings,
        normalize=cast("Normalizing", normalize),
        as_calibrated=chosen_settings == own,
    )
    check_model(model, request.steps)
    return request


def _image_and_part(image: Any, axes: str | None, *, lazily: bool, **chosen: Any) -> tuple[Any, Selection]:
    """Return the image as an array that can be restored, and which part of it is."""
    array = check_lazy_image(image) if lazily else as_image(image)
    resolved = resolve_axes(array.shape, axes)
    selection = select(resolved, **chosen)
    if not lazily:
        _check_intensities(array, selection)
    if resolved.planes > MAX_PLANES:
        raise InputError(
            f"The image has {resolved.planes} planes; at most {MAX_PLANES} can be restored at once."
        )
    return array, selection


def _check_intensities(image: Any, selection: Selection) -> None:
    """Check that all pixels of the chosen part can be used; those of the rest may be what they like."""
    if selection.restored == selection.whole:
        ranges = [finite_range(image)]
    else:
        ranges = [_range_in_plane(image, selection, index) for index in selection.axes.indices()]
    check_range(min(low for low, _ in ranges), max(high for _, high in ranges))


def _range_in_plane(image: Any, selection: Selection, index: tuple[int, ...]) -> tuple[Any, Any]:
    """Return the range of a chosen plane; where a region is chosen, the rest of it need not be finite."""
    plane, region = selection.plane(image, index), selection.region
    of = of_plane(selection.original(index))
    if region is None:
        return finite_range(plane, of=of)
    rows, columns = region.rows, region.columns
    own = plane[rows.start : rows.stop, columns.start : columns.stop]
    low, high = finite_range(own, (rows.start, columns.start), of)
    finite = np.isfinite(plane)
    return plane.min(where=finite, initial=low), plane.max(where=finite, initial=high)


def card_settings(card: ModelCard) -> PosteriorSettings:
    """Read how a model card wants its draws put together."""
    return PosteriorSettings(
        shrinkage=float(card.posterior_shrinkage),
        scale_weight=float(card.posterior_scale_weight),
        orientations=card.posterior_orientations,
    )


def calibration_for(request: Request, draws: int) -> Calibration | None:
    """Return the calibration of the standard deviation of a plane with so many draws.

    Before two, that is the scale which the mean network states for its own picture, as in a preview: with
    antithetic draws, the first still counts as that picture. None where the card has none, and for a single
    independent draw, whose error nobody has measured.
    """
    card = request.model.card
    if draws > 1:
        return Calibration.from_card(card.calibration)
    if draws == 1 and not request.settings.antithetic:
        return None
    return Calibration.from_card(card.preview_calibration)


def plain_settings(card: ModelCard) -> PosteriorSettings:
    """Read how a model card wants its draws made, without what it says on putting them together."""
    return replace(card_settings(card), shrinkage=0.0, scale_weight=0.0)


def check_loaded(model: Any) -> None:
    """Raise `InputTypeError` unless a model is one that was loaded."""
    if not (hasattr(model, "network") and hasattr(model, "card")):
        raise InputTypeError(
            f"The model must be what napari_cvdm.load_model() returns, not {type(model).__name__}: "
            "load it by its name or path first."
        )


def check_pixel_size(pixel_size: float | None) -> float | None:
    """Return a pixel size as a float, or None if none is known.

    Raises
    ------
    InputTypeError
        If it is not a number.
    InputError
        If it is not finite, zero or negative, or less than `SMALLEST_PIXEL_NM`.
    """
    if pixel_size is None:
        return None
    if isinstance(pixel_size, bool) or not isinstance(pixel_size, numbers.Real):
        raise InputTypeError(
            f"The pixel size must be a number of nanometres, not {type(pixel_size).__name__}."
        )
    size = float(pixel_size)
    if not 0 < size < math.inf:
        raise InputError(f"The pixel size must be a positive number of nanometres, not {size:g}.")
    if size < SMALLEST_PIXEL_NM:
        raise InputError(
            f"No microscope has pixels of {size:g} nm: give their size in nanometres, {1000 * size:g} where "
            f"{size:g} micrometres are meant."
        )
    return size


def _whole(name: str, value: Any, most: int, remedy: str) -> int:
    number = _integer(name, value)
    if number < 1:
        raise InputError(f"The number of {name} must be at least 1, not {number}. {remedy}")
    if number > most:
        raise InputError(f"The number of {name} can be at most {most}, not {number}.")
    return number


def _integer(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise InputTypeError(f"'{name}' must be a whole number, not {value!r}.")
    return int(value)

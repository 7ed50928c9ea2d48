"""All checks on one restored plane, and a verdict on each in plain words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cvdm.assessment.checked_part import CheckedPart, choose_part
from napari_cvdm.assessment.consistency import Consistency, check_consistency, scale_between
from napari_cvdm.assessment.figure import choose_detail, on_fine_grid
from napari_cvdm.assessment.maker import Maker, maker_of
from napari_cvdm.assessment.novelty import Novelty, check_novelty
from napari_cvdm.assessment.photometry import Photometry, check_photometry
from napari_cvdm.assessment.resolution import ResolutionCheck, check_resolution, split_photons
from napari_cvdm.assessment.sampling_check import Condition, check_conditions
from napari_cvdm.assessment.stability import Stability, check_stability
from napari_cvdm.assessment.verdicts import Verdict, verdicts_on
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.validation import reading

if TYPE_CHECKING:
    from napari_cvdm.models import PretrainedModel

Progress = Callable[[str, float], None]
"""Receives what is done next and the share of the work done so far; what it raises ends the checks."""

_DETAIL = 96


@dataclass(frozen=True, eq=False)
class Checks:
    """What the checks found on one plane. From `run_checks`.

    Attributes
    ----------
    image, sharp, std : ndarray
        What was checked of the measurement (Y, X), its reconstruction and the stated standard deviation
        (s·Y, s·X); `std` is None if it was not given.
    pixel_size : float or None
        Of the measurement, in nm.
    consistency, resolution, photometry, conditions, stability, novelty
        See the modules of these names. `conditions` is empty and `stability` None without a model;
        `stability` also of what is too small or of one brightness.
    part : CheckedPart
        Which rows and columns of the measurement were checked.
    maker : Maker
        Which model made the result, as far as that is known.
    """

    image: NDArray[Any] = field(repr=False)
    sharp: NDArray[Any] = field(repr=False)
    std: NDArray[Any] | None = field(repr=False)
    pixel_size: float | None
    consistency: Consistency
    resolution: ResolutionCheck
    photometry: Photometry
    conditions: tuple[Condition, ...]
    stability: Stability | None
    novelty: Novelty
    part: CheckedPart
    maker: Maker

    @property
    def verdicts(self) -> list[Verdict]:
        """What each check says, in words."""
        return verdicts_on(self)

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers and verdicts as values that JSON can hold."""
        return {
            "verdicts": [asdict(verdict) for verdict in self.verdicts],
            "part": self.part.to_dict(),
            "consistency": self.consistency.to_dict(),
            "resolution": self.resolution.to_dict(),
            "photometry": self.photometry.to_dict(),
            "conditions": [asdict(condition) for condition in self.conditions],
            "stability": None if self.stability is None else self.stability.to_dict(),
            "novelty": self.novelty.to_dict(),
            "made_by": asdict(self.maker),
        }


def run_checks(
    image: Any,
    sharp: Any,
    *,
    std: Any = None,
    draws: Any = None,
    pixel_size: float | None = None,
    psf: ArrayLike | None = None,
    model: PretrainedModel | None = None,
    provenance: Mapping[str, Any] | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> Checks:
    """Check one restored plane against the plane it was made from.

    Of a plane larger than `napari_cvdm.assessment.checked_part.LARGEST`, a part is checked and the rest not
    read: arrays on a disk may be given, as they are.

    Parameters
    ----------
    image : array-like, (Y, X)
        The measurement.
    sharp : array-like, (s·Y, s·X)
        Its reconstruction.
    std : array-like, (s·Y, s·X), optional
        The stated standard deviation.
    draws : array-like, (draws, s·Y, s·X), optional
        Single draws, the first three for their ring correlation; a list of planes will do.
    pixel_size : float, optional
        Of the measurement, in nm.
    psf : array-like, optional
        What blurs the reconstruction into the measurement; by default estimated.
    model : PretrainedModel, optional
        The model that made the reconstruction: with it, imaging conditions are compared with its card, and a
        detail is restored again and again to see how stable it is.
    provenance : mapping, optional
        What the result says of itself, as `Restoration.provenance`. The model it names may be another than
        `model`, and tells whether likeness to the training images of the bundled model counts.
    device : str
        Where to run it, as for `napari_cvdm.restore`.
    progress : callable, optional
        See `Progress`.

    Returns
    -------
    Checks

    Raises
    ------
    InputError, InputTypeError
        If the planes do not belong together, or are too small; if the pixel size or the model cannot be used.
    ModelError
        If the registry of models is damaged.
    """
    from napari_cvdm.restoration.request import check_loaded, check_pixel_size

    def say(words: str, share: float) -> None:
        if progress is not None:
            progress(words, share)

    rounds = count(1)

    def compared() -> None:
        say("Comparing with the measurement", 0.02 * min(next(rounds), 7))

    say("Comparing with the measurement", 0.0)
    measured, restored = _sliceable(image), _sliceable(sharp)
    scale = scale_between(measured.shape, restored.shape)
    pixel_size = check_pixel_size(pixel_size)
    if model is not None:
        check_loaded(model)
    with reading():
        part = choose_part(measured)
        plane, fine = np.asarray(part.of(measured)), np.asarray(part.of(restored, scale))
        spread = None if std is None else np.asarray(part.of(_like(restored, std), scale))
        # Two of the first three are compared; the others may be many, and on a disk.
        few = () if draws is None else draws[:3]
        drawn = [np.asarray(part.of(_like(restored, draw), scale)) for draw in few]
    consistency = check_consistency(plane, fine, psf=psf, checkpoint=compared)
    say("Is brightness proportional?", 0.15)
    photometry = check_photometry(plane, fine, consistency)
    say("Is the image like those of training?", 0.25)
    novelty, maker = check_novelty(plane), maker_of(provenance, model)
    conditions: list[Condition] = []
    stability, halves = None, None
    if model is not None:
        conditions = check_conditions(
            consistency, ranges=model.card.ranges, pixel_sizes=model.card.pixel_size_nm,
            pixel_size=pixel_size, upscaling=scale,
        )  # fmt: skip
        stability, halves = _restored_again(plane, spread, model, scale, device, say)
    say("Estimating resolution", 0.95)
    resolution = check_resolution(plane, fine, pixel_size=pixel_size, draws=drawn, restored_halves=halves)
    return Checks(
        plane, fine, spread, pixel_size, consistency, resolution, photometry, tuple(conditions), stability,
        novelty, part, maker,
    )  # fmt: skip


def _sliceable(array: Any) -> Any:
    """Return what can be sliced, and read no more of an array on a disk than that."""
    return array if hasattr(array, "shape") else np.asarray(array)


def _like(restored: Any, other: Any) -> Any:
    """Return a standard deviation or a draw as what can be sliced, if it has the reconstruction's pixels."""
    plane = _sliceable(other)
    if tuple(plane.shape) != tuple(restored.shape):
        raise InputError(
            f"The standard deviation and the draws must have the shape of the reconstruction, "
            f"{tuple(restored.shape)}, not {tuple(plane.shape)}."
        )
    return plane


def _restored_again(
    plane: NDArray[Any],
    std: NDArray[Any] | None,
    model: PretrainedModel,
    scale: int,
    device: str,
    say: Callable[[str, float], None],
) -> tuple[Stability | None, tuple[NDArray[Any], NDArray[Any]] | None]:
    """Restore a detail, moved and with other noise, by one pass of the mean network each time."""
    from napari_cvdm.restoration.restore import restore

    if model.upscaling != scale:
        raise InputError(
            f"The result has {scale} × {scale} pixels for each of the input; the model '{model.name}' makes "
            f"{model.upscaling} × {model.upscaling}. Give the reconstruction, or name the model that made it."
        )
    place = choose_detail(plane, _DETAIL)
    times = count()

    def again(part: NDArray[Any]) -> NDArray[Any]:
        share = 0.3 + 0.05 * min(next(times), 12)
        say("Restoring the image turned, mirrored, shifted and with other noise", share)
        return restore(part, model, preview=True, device=device).mean

    detail, fine = plane[place], on_fine_grid(place, scale)
    try:
        stability = check_stability(detail, again, upscaling=scale, std=None if std is None else std[fine])
    except InputError:  # too small, or a detail of one brightness
        return None, None
    first, second = split_photons(detail)
    return stability, (again(first), again(second))

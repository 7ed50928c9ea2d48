"""How well a model restores recorded pairs that its training has not seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_cvdm.assessment.drawn import DrawnField, draw_field
from napari_cvdm.assessment.leaving_out import JudgedField, fit_without_each
from napari_cvdm.assessment.metrics import normalize_truth
from napari_cvdm.assessment.pairs import SCORED_SIDE, centre
from napari_cvdm.assessment.scores import score, score_uncertainty
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.posterior import Calibration
from napari_cvdm.restoration.request import card_settings, plain_settings
from napari_cvdm.training.calibrating import judged_fields, judged_preview
from napari_cvdm.training.recorded import RecordedPair, RecordedPlane, planes_alike

if TYPE_CHECKING:
    from napari_cvdm.models.card import ModelCard
    from napari_cvdm.models.pretrained import PretrainedModel

MOST_PLANES = 4
"""Planes of a stack that are judged, evenly spaced; more would tell little and take long."""

DRAWS = 8
"""Draws for each plane."""

LEVEL = 0.9
"""Probability of the interval that is judged."""


class DrawnPairs(NamedTuple):
    """Planes of pairs with a model's draws.

    Attributes
    ----------
    pairs : tuple of str
        Of each plane, the name of its pair.
    fields : tuple of DrawnField
        The planes; truths as they are compared with.
    """

    pairs: tuple[str, ...]
    fields: tuple[DrawnField, ...]


@dataclass(frozen=True)
class HeldOutScores:
    """Averages over the planes of held-out pairs.

    Attributes
    ----------
    psnr, ssim, correlation : float
        Of the mean network's picture with the truth; PSNR in dB.
    error_correlation : float
        Of the standard deviation with the absolute error of the posterior mean.
    coverage90 : float
        Share of the pixels whose truth lies in the stated 90 % interval.
    """

    psnr: float
    ssim: float
    correlation: float
    error_correlation: float
    coverage90: float

    def to_dict(self) -> dict[str, float]:
        """Return the numbers by name, as a card holds them."""
        return {name: float(f"{value:.4g}") for name, value in asdict(self).items()}


def judged_parts(
    pairs: Sequence[RecordedPair], model: PretrainedModel, log: Callable[[str], None]
) -> list[RecordedPair]:
    """Choose what of held-out pairs models are judged and calibrated on, before one is trained.

    The middle of each plane, at most `napari_cvdm.assessment.pairs.SCORED_SIDE` camera pixels wide; of stacks
    at most `MOST_PLANES` of the planes that are alike (`napari_cvdm.training.recorded.planes_alike`).

    Parameters
    ----------
    pairs, model, log
        As for `planes_alike`. The sharp images that are returned are as they are compared with.

    Raises
    ------
    InputError
        If all planes of a pair are empty in the middle, or not alike.
    """
    parts = []
    for pair in pairs:
        middles = _middles(pair, model.upscaling, log)
        alike = [plane for plane, _ in planes_alike(middles, model, log)]
        taken = np.linspace(0, len(alike) - 1, min(len(alike), MOST_PLANES)).round().astype(int)
        parts.append(middles._replace(planes=tuple(alike[number] for number in taken)))
    return parts


def draw_pairs(parts: Sequence[RecordedPair], model: PretrainedModel) -> DrawnPairs:
    """Restore with a model what it is judged on, from `judged_parts`."""
    settings = plain_settings(model.card)
    planes = [plane for pair in parts for plane in pair.planes]
    return DrawnPairs(
        tuple(plane.pair for plane in planes),
        tuple(draw_field(p.camera, p.sharp, model, draws=DRAWS, settings=settings) for p in planes),
    )


def preview_pairs(parts: Sequence[RecordedPair], model: PretrainedModel) -> list[JudgedField]:
    """Restore the same as a preview does, each plane on its own."""
    planes = [plane for pair in parts for plane in pair.planes]
    return [judged_preview(plane.pair, plane.camera, plane.sharp, model) for plane in planes]


def score_pairs(drawn: DrawnPairs, card: ModelCard, *, left_out: bool = False) -> HeldOutScores:
    """Score restorations as `napari-cvdm evaluate` does: intensities matched by gain and offset.

    Parameters
    ----------
    drawn : DrawnPairs
        From `draw_pairs`.
    card : ModelCard
        How draws are put together, and the calibration.
    left_out : bool
        Judge each pair with the calibration fitted to the others, instead of the card's: for a calibration
        that was fitted to these very pairs. Needs two pairs.
    """
    settings = card_settings(card)
    own = Calibration.from_card(card.calibration)
    calibrations: dict[Any, Calibration | None] = dict.fromkeys(drawn.pairs, own)
    if left_out:
        fitted = fit_without_each(judged_fields(drawn.pairs, drawn.fields, settings))
        calibrations = {name: Calibration.from_card(each.to_card()) for name, each in fitted.items()}
    rows = []
    for name, field in zip(drawn.pairs, drawn.fields, strict=True):
        calibration = calibrations[name]
        mean, std = field.posterior(settings, calibration=calibration)
        picture = score(field.centre, field.truth)
        doubt = score_uncertainty(mean, std, field.truth, calibration.factors if calibration else None)
        rows.append(
            (picture.psnr, picture.ssim, picture.correlation, doubt.error_correlation, doubt.coverage[LEVEL])
        )
    return HeldOutScores(*(float(np.mean(column)) for column in zip(*rows, strict=True)))


def table(rows: Mapping[str, HeldOutScores]) -> list[str]:
    """Return scores as lines of text, one row each under its name."""
    width = max(map(len, rows))
    titles = f"{'PSNR (dB)':>11}{'SSIM':>8}{'corr.':>8}{'corr. with error':>18}{'90 % covers':>13}"
    lines = [" " * width + titles]
    for name, row in rows.items():
        lines.append(
            f"{name:{width}}{row.psnr:11.2f}{row.ssim:8.3f}{row.correlation:8.3f}"
            f"{row.error_correlation:18.3f}{100 * row.coverage90:11.1f} %"
        )
    return lines


def _middles(pair: RecordedPair, upscaling: int, log: Callable[[str], None]) -> RecordedPair:
    """Cut the middles of a pair's planes; of stacks, those that are empty are left out."""
    middles, amiss = [], None
    for plane in pair.planes:
        try:
            middles.append(_middle(plane, upscaling))
        except InputError as error:
            amiss = error
            if len(pair.planes) > 1:
                log(f"left out {plane.label}: {error}")
    if not middles:
        raise InputError(f"Pair {pair.name}: {amiss} Hold out another pair.") from amiss
    return pair._replace(planes=tuple(middles))


def _middle(plane: RecordedPlane, upscaling: int) -> RecordedPlane:
    """Cut the middle of both images, that of the sharp one as it is compared with."""
    shape = plane.camera.shape
    camera = plane.camera[centre(shape, SCORED_SIDE, 1)]
    truth = normalize_truth(plane.sharp)[centre(shape, SCORED_SIDE, upscaling)]
    if np.ptp(camera) == 0 or np.ptp(truth) == 0:
        raise InputError("The middle of an image is constant.")
    return plane._replace(camera=camera, sharp=truth.astype(np.float32))

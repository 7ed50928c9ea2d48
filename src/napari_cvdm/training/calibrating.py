"""After training: how draws are best put together, and what the standard deviation must be corrected by.

Measured on fields that training does not use. Where the folder of real sharp images is at hand these are real
structures, imaged again by a microscope that shares no code with the training simulator
(`napari_cvdm.assessment.reimaging`), because a calibration on our own simulation does not carry over to
images that are made otherwise. Without the folder, fields are simulated. What comes out goes into the model
card, and `napari_cvdm.restore` applies it; how good it is on images that it was not fitted to is measured
by leaving out one after the other (`napari_cvdm.assessment.leaving_out`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cvdm.assessment.drawn import DrawnField, draw_field, preview_field
from napari_cvdm.assessment.leaving_out import JudgedField, fit, fit_without_each, judge
from napari_cvdm.assessment.metrics import normalize_truth
from napari_cvdm.assessment.reimaging import STRUCTURES, UPSCALING, load_sharp, reimaged_fields
from napari_cvdm.models.card import ModelCard
from napari_cvdm.models.pretrained import PretrainedModel
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.posterior import CALIBRATION_DRAWS, Calibration, PosteriorSettings
from napari_cvdm.restoration.request import plain_settings
from napari_cvdm.simulation.pairs import KINDS, simulate_pair
from napari_cvdm.simulation.ranges import AcquisitionRanges

#: First seed of the calibration fields; `simulate_pair` never shares a stream with the training fields.
FIRST_SEED = 10_000_000

#: Real images that training does not see, and the bright ends, in electrons, at which they are imaged.
CALIBRATION_IMAGES = (41, 42, 43, 44, 45)
PHOTONS = (20.0, 60.0, 200.0, 800.0)

#: Side of a calibration field, camera pixels.
SIDE = 96

#: Weights that are tried. A shrinkage of 1 is not: it would ignore what the draws say of the mean.
SHRINKAGES = (0.0, 0.25, 0.5, 0.75, 0.9)
SCALE_WEIGHTS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)

#: A larger shrinkage is preferred if it raises the squared error by no more than this share (0.17 dB): what
#: it removes is the grain of a finite number of draws, which costs likeness (SSIM) and looks like structure.
#: On recordings draws gain nothing over the mean network that would be given up: see docs/evaluation.md.
ERROR_TOLERANCE = 0.04

#: A smaller weight of the scale is preferred if it costs no more correlation than this.
TOLERANCE = 0.005


class Recording(NamedTuple):
    """What is calibrated on: the number of its image (of its seed, if simulated), the camera's, the truth."""

    image: int
    widefield: NDArray[np.uint16]
    truth: NDArray[Any]


def simulated_fields(ranges: AcquisitionRanges, *, per_kind: int, size: int) -> Iterator[Recording]:
    """Simulate `per_kind` fields of every kind, `size` camera pixels wide."""
    for kind in KINDS:
        for number in range(per_kind):
            yield Recording(number, *simulate_pair(kind, FIRST_SEED + number, size, ranges=ranges))


def real_fields(folder: Path, *, size: int) -> Iterator[Recording]:
    """Image the real sharp images `CALIBRATION_IMAGES` again."""
    for field in reimaged_fields(folder, CALIBRATION_IMAGES, PHOTONS, side=size):
        yield Recording(field.number, field.widefield, normalize_truth(field.truth))


def check_images(folder: Path) -> None:
    """Refuse real images on which no model can be calibrated: better before the training than after it.

    Raises
    ------
    InputError
        If one of `CALIBRATION_IMAGES` is missing or smaller than a field.
    """
    least = UPSCALING * SIDE
    for structure in STRUCTURES:
        for number in CALIBRATION_IMAGES:
            height, width = load_sharp(folder, structure, number).shape
            if min(height, width) < least:
                raise InputError(
                    f"Image {structure}/{number:02d}.png in {folder} has {width} × {height} pixels, and the "
                    f"calibration after the training needs {least} × {least}: put a larger one in its place."
                )


def calibrate(
    model: PretrainedModel,
    ranges: AcquisitionRanges,
    *,
    folder: Path | None = None,
    per_kind: int = 4,
    size: int = SIDE,
    draws: int = CALIBRATION_DRAWS,
    log: Callable[[str], None] = print,
) -> ModelCard:
    """Measure how draws are best put together and calibrate the standard deviation.

    The shrinkage towards the mean network is the most with nearly the smallest squared error (to 4 %); the
    weight of its scale in the variance is the least whose standard deviation correlates with the error as
    well as any (to 0.005). A rising curve then brings the standard deviation to the errors that pixels of
    like standard deviation have; see `napari_cvdm.assessment.calibration.fit_calibration`.

    Parameters
    ----------
    model : PretrainedModel
        A trained model.
    ranges : AcquisitionRanges
        Optics and camera it was trained for.
    folder : Path, optional
        Holds real sharp images, `<structure>/<NN>.png`, of which `CALIBRATION_IMAGES` are used; without it,
        fields are simulated.
    per_kind : int
        Simulated fields of each kind.
    size, draws : int
        Side of a field in camera pixels, and draws for each.
    log : callable
        Receives a line of text for each choice.

    Returns
    -------
    ModelCard
        The model's card with `posterior_shrinkage`, `posterior_scale_weight`, `calibration`,
        `preview_calibration` and, under ``metrics["calibration"]`` and ``metrics["preview_calibration"]``,
        what was measured.

    Raises
    ------
    InputError
        If an image of the folder is missing or smaller than a field.
    """
    if folder is None:
        recordings, data = simulated_fields(ranges, per_kind=per_kind, size=size), "simulated fields"
    else:
        numbers = ", ".join(map(str, CALIBRATION_IMAGES))
        recordings = real_fields(folder, size=size)
        data = f"real images {numbers} of each structure, imaged again"
    plain = plain_settings(model.card)
    images, fields, previews = [], [], []
    for image, widefield, truth in recordings:
        images.append(image)
        fields.append(draw_field(widefield, truth, model, draws=draws, settings=plain))
        previews.append(judged_preview(image, widefield, truth, model))
    card = calibrate_on(model.card, images, fields, data=data, log=log)
    return calibrate_preview_on(card, previews, log=log)


def calibrate_on(
    card: ModelCard,
    images: Sequence[Hashable],
    fields: Sequence[DrawnField],
    *,
    data: str,
    log: Callable[[str], None] = print,
) -> ModelCard:
    """Do as `calibrate`, with fields that are drawn already.

    Parameters
    ----------
    card : ModelCard
        Of the model that drew them.
    images : sequence of hashable
        Of each field, the image that it shows; fields of one image are left out together.
    fields : sequence of DrawnField
        At least one, drawn with `napari_cvdm.restoration.request.plain_settings`.
    data : str
        What the fields are, for the card.

    Raises
    ------
    InputError
        If the fields have too few pixels, or no error or no uncertainty at all.
    """
    by_shrinkage = {w: _squared_error(fields, PosteriorSettings(shrinkage=w)) for w in SHRINKAGES}
    least = min(by_shrinkage.values())
    shrinkage = max(w for w, value in by_shrinkage.items() if value <= least * (1 + ERROR_TOLERANCE))
    judged = {
        w: judged_fields(images, fields, PosteriorSettings(shrinkage=shrinkage, scale_weight=w))
        for w in SCALE_WEIGHTS
    }
    by_weight = {w: float(judge(each)["correlation"]) for w, each in judged.items()}
    # Beyond what it gains, the scale would only drown what the draws say.
    weight = min(w for w, value in by_weight.items() if value >= max(by_weight.values()) - TOLERANCE)
    fitted = fit(judged[weight])
    measured: dict[str, Any] = {
        "data": data,
        "fields": len(fields),
        "draws": len(fields[0].draws),
        "squared_error_by_shrinkage": _rounded(by_shrinkage),
        "correlation_by_scale_weight": _rounded(by_weight),
        **_before_and_after(judged[weight], fitted),
    }
    log(f"shrinkage {shrinkage}, scale weight {weight}, slope {measured['slope_before']} before calibration")
    log(f"coverage before {measured['coverage_before']}, after {measured['coverage_after']}")
    return replace(
        card,
        posterior_shrinkage=shrinkage,
        posterior_scale_weight=weight,
        calibration=fitted.to_card(),
        metrics={**card.metrics, "calibration": measured},
    )


def calibrate_preview_on(
    card: ModelCard, previews: Sequence[JudgedField], *, log: Callable[[str], None] = print
) -> ModelCard:
    """Calibrate the scale that the mean network predicts in one pass, which a preview shows.

    At least one preview is needed, from `judged_preview`. The card gets `preview_calibration` and, under
    ``metrics["preview_calibration"]``, what was measured. Errors are those of `calibrate_on`.
    """
    fitted = fit(previews)
    measured = _before_and_after(previews, fitted)
    log(f"previews: coverage before {measured['coverage_before']}, after {measured['coverage_after']}")
    return replace(
        card,
        preview_calibration=fitted.to_card(),
        metrics={**card.metrics, "preview_calibration": measured},
    )


def judged_preview(
    image: Hashable, widefield: ArrayLike, truth: ArrayLike, model: PretrainedModel
) -> JudgedField:
    """Restore one plane as a preview does, and pair its uncalibrated standard deviation with the error."""
    field = preview_field(widefield, truth, model)
    return JudgedField(
        image, field.scale.ravel(), field.error(field.centre).ravel(), field.gain(field.centre)
    )


def _squared_error(fields: Sequence[DrawnField], settings: PosteriorSettings) -> float:
    """Mean squared error in the units of the truths; fields count alike, whatever their size."""
    means = [field.posterior(settings)[0] for field in fields]
    return float(
        np.mean([np.mean((f.gain(m) * f.error(m)) ** 2) for f, m in zip(fields, means, strict=True)])
    )


def judged_fields(
    images: Sequence[Hashable], fields: Sequence[DrawnField], settings: PosteriorSettings
) -> list[JudgedField]:
    """Put draws together as `settings` say, and pair standard deviations with errors; see `calibrate_on`."""
    found = []
    for image, field in zip(images, fields, strict=True):
        mean, std = field.posterior(settings)
        found.append(JudgedField(image, std.ravel(), field.error(mean).ravel(), field.gain(mean)))
    return found


def _before_and_after(fields: Sequence[JudgedField], fitted: Calibration) -> dict[str, Any]:
    """Coverage and slope as stated, with the calibration, and with those that left each image out."""
    images = {field.image for field in fields}
    found: dict[str, Any] = {}
    stages = {"before": None, "after": dict.fromkeys(images, fitted)}
    if len(images) > 1:
        stages["left_out"] = fit_without_each(fields)
    for stage, calibrations in stages.items():
        row = judge(fields, calibrations)
        found[f"coverage_{stage}"] = _rounded(row["coverage"])
        found[f"slope_{stage}"] = round(row["slope"], 3)
    return found


def _rounded(values: dict[float, float]) -> dict[str, float]:
    return {f"{key:g}": float(f"{value:.4g}") for key, value in values.items()}

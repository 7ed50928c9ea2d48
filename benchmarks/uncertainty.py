"""What the stated uncertainty is worth: calibration, coverage and order, before and after calibration.

    python benchmarks/uncertainty.py --micrographs FOLDER --pairs FOLDER

FOLDER of micrographs holds real SIM images, <structure>/<NN>.png, of which 41 to 45 are imaged again by
another microscope than training's, as they are and without their slowly varying background. As the model's
calibration was fitted to these, each image is judged with a calibration that was fitted in the same way to
the four others, as they are. Without a folder, fields are simulated with seeds that serve nothing else, and
judged with the model's own calibration, as are the pairs. All errors are in units of the truth's range.
FOLDER of pairs holds real recordings, <name>_wf.tif and <name>_sim.tif. Numbers go to
docs/benchmarks/uncertainty.json, the picture to docs/images/uncertainty.png. --quick takes a minute.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from measures.held_out import HeldOutField, held_out_fields, real_pairs
from measures.sparsification import sparsify
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

import napari_cvdm as cvdm
from napari_cvdm.assessment.calibration import (
    LEVELS,
    apply_calibration,
    coverage,
    error_correlation,
    reliability,
)
from napari_cvdm.assessment.drawn import draw_field
from napari_cvdm.assessment.leaving_out import JudgedField, fit_without_each
from napari_cvdm.assessment.pairs import SCORED_SIDE
from napari_cvdm.restoration.posterior import Calibration
from napari_cvdm.restoration.request import card_settings, plain_settings
from napari_cvdm.restoration.schedule_map import schedule_map
from napari_cvdm.training.calibrating import CALIBRATION_IMAGES, judged_preview

mpl.use("Agg")
from matplotlib import pyplot as plt

Array = NDArray[Any]
Row = dict[str, Any]


class Measured(NamedTuple):
    """One field restored: what it states about its error, and the error; flat arrays of like length.

    `stated` and `error` are in normalised intensity, `gain` leads from there to the truth's range.
    """

    source: HeldOutField
    stated: Array
    error: Array
    gain: float
    predictors: dict[str, Array]

    def judged(self) -> JudgedField:
        """What a calibration is fitted to."""
        return JudgedField(self.source.number, self.stated, self.error, self.gain)


class Judged(NamedTuple):
    """One field in units of the truth's range, with a calibration and the widths of its intervals."""

    source: HeldOutField
    error: Array
    predictors: dict[str, Array]
    factors: dict[float, float]


PREDICTORS = {
    "calibrated": "standard deviation, calibrated",
    "stated": "standard deviation, before calibration",
    "draws": "spread of the draws alone",
    "scale": "σ(x) of the mean network (one pass)",
    "rate": "λ(x) of the schedule (one pass)",
    "mean": "brightness of the reconstruction",
    "local": "true error around, over 16 pixels: a yardstick",
    "sized": "as large as each field's error: a yardstick",
}
#: Gaussian window, fine pixels, over which the yardstick averages the true squared error. Nobody knows that
#: error from the recording; it says what correlation a map of that sharpness could have at best. The other
#: yardstick keeps the map and knows the true error's root mean square over each field: what a calibration
#: could reach that knew each image's own.
YARDSTICK_SIGMA = 8.0
#: What is shown before the second draw: the mean network's picture, with the calibration of previews.
QUICKER = ("all, one draw", "all, preview")
#: Shares of the fields below which the told coverage lies: the least of them, a tenth, half ...
OF_FIELDS = (0.0, 0.1, 0.5, 0.9, 1.0)


def measured_on(options: Any) -> dict[str, list[HeldOutField]]:
    """All fields, by the title of their table: those that calibrations are fitted to come first."""
    folder, settings = options.micrographs, {"numbers": options.numbers, "side": options.side}
    found = {"held-out structures": list(held_out_fields(folder, options.photons, **settings))}
    if folder:
        without = held_out_fields(folder, options.photons, background=False, **settings)
        found["held-out structures without their background"] = list(without)
    if options.pairs:
        side = options.side if options.quick else SCORED_SIDE
        found["real pairs"] = list(real_pairs(options.pairs, side=side))
    return found


def measure_preview(source: HeldOutField, model: Any) -> Measured:
    """Do as `measure` for a preview: one pass of the mean network, with the scale that it predicts."""
    _, stated, error, gain = judged_preview(source.number, source.camera, source.truth, model)
    return Measured(source, np.asarray(stated, np.float64), error, gain, {})


def measure(source: HeldOutField, model: Any, options: Any) -> tuple[Measured, Measured]:
    """Restore one field and note what could predict its error; also for what draws are made about.

    That is the picture before the second draw: the mean network's in all orientations, with its own scale.
    """
    settings = card_settings(model.card)
    field = draw_field(source.camera, source.truth, model, draws=options.draws, steps=options.steps)
    mean, stated = field.posterior(settings)
    plain = plain_settings(model.card)
    error, gain = field.error(mean), field.gain(mean)
    predictors = {
        "draws": gain * field.posterior(plain)[1],
        "scale": gain * field.scale,
        "mean": mean,
        "local": gain * np.sqrt(gaussian_filter(error**2, YARDSTICK_SIGMA)),
        "sized": gain * stated * true_size(stated, error),
    }
    if getattr(model.network.config, "schedule", None) == "learned":
        predictors["rate"] = schedule_map(field.recording, model)
    flat = {name: np.asarray(image, np.float64).ravel() for name, image in predictors.items()}
    print(f"{source.structure}, {source.photons} photons", flush=True)
    scale, of_centre = np.asarray(field.scale, np.float64).ravel(), field.error(field.centre).ravel()
    return (
        Measured(source, np.asarray(stated, np.float64).ravel(), error.ravel(), gain, flat),
        Measured(source, scale, of_centre, field.gain(field.centre), {}),
    )


def calibrated(field: Measured, calibration: Calibration | None) -> Judged:
    """Apply a calibration to what a field states, and bring everything to the truth's units."""
    std = field.stated if calibration is None else apply_calibration(calibration, field.stated)
    predictors = {"calibrated": field.gain * std, "stated": field.gain * field.stated} | field.predictors
    factors = {} if calibration is None else dict(calibration.factors)
    return Judged(field.source, field.gain * field.error, predictors, factors)


def shares(fields: list[Judged], predictor: str, *, measured: bool) -> dict[float, float]:
    """Coverage over all pixels, by intervals as wide as a field's calibration measured or a Gaussian's."""
    found = [
        coverage(field.predictors[predictor], field.error, factors=field.factors if measured else None)
        for field in fields
    ]
    sizes = [field.error.size for field in fields]
    return {level: float(np.average([each[level] for each in found], weights=sizes)) for level in LEVELS}


def coverages(fields: list[Judged]) -> list[float]:
    """What the calibrated 90 % interval holds in each field."""
    return [
        coverage(field.predictors["calibrated"], field.error, (0.9,), field.factors)[0.9] for field in fields
    ]


def slopes(fields: list[Judged]) -> list[float]:
    """Reliability slope of the calibrated map in each field, its size set right.

    Over all fields together, the slope is also that of the sizes of fields, which no map of one image shows.
    """
    pairs = ((field.predictors["calibrated"], field.error) for field in fields)
    return [reliability(true_size(std, error) * std, error).slope for std, error in pairs]


def true_size(std: Array, error: Array) -> float:
    """Factor by which the root mean square of a standard deviation becomes that of the error."""
    return float(np.sqrt(np.mean(error**2) / np.mean(np.square(std))))


def over_fields(values: list[float]) -> Row:
    """Quantiles of a figure of single fields, by `OF_FIELDS`."""
    return rounded({f"{share:g}": np.quantile(values, share) for share in OF_FIELDS})


def summary(fields: list[Judged], predictor: str) -> Row:
    """All figures of one predictor in standard deviations, pooled over fields."""
    std = np.concatenate([field.predictors[predictor] for field in fields])
    error = np.concatenate([field.error for field in fields])
    sparse = sparsify(std, error)
    single = [error_correlation(field.predictors[predictor], field.error) for field in fields]
    found: Row = {
        "correlation": error_correlation(std, error),
        "correlation_within_fields": float(np.mean(single)),
        "slope": reliability(std, error).slope,
        "std_over_rmse": float(np.sqrt(np.mean(std**2) / np.mean(error**2))),
        "ause": sparse.area,
        "ause_random": sparse.random_area,
        "coverage_gaussian": shares(fields, predictor, measured=False),
    }
    if predictor == "calibrated":
        found["coverage_measured_width"] = shares(fields, predictor, measured=True)
    return rounded(found)


def rounded(row: Row) -> Row:
    """Four digits are plenty."""
    return {
        str(key): rounded(value) if isinstance(value, dict) else round(float(value), 4)
        for key, value in row.items()
    }


def report(fields: list[Judged], quicker: dict[str, list[Judged]]) -> Row:
    """Everything about a set of fields: pooled, by structure, by photons, and by predictor.

    And pooled for what takes less time than draws, under names of its own.
    """
    groups: dict[str, list[Judged]] = defaultdict(list)
    for field in fields:
        groups[field.source.structure].append(field)
        if field.source.photons is not None:
            groups[f"{field.source.photons:g} photons"].append(field)
        if field.source.haze is not None:
            groups[f"haze {field.source.haze:g}"].append(field)
    groups["all"] = fields
    groups |= quicker
    found: Row = {
        "groups": {
            name: {
                "before": summary(group, "stated"),
                "after": summary(group, "calibrated"),
            }
            for name, group in groups.items()
        },
        "coverage90_in_single_fields": over_fields(coverages(fields)),
        "slope_in_single_fields": over_fields(slopes(fields)),
        "predictors": {},
    }
    error = np.concatenate([field.error for field in fields])
    for name in PREDICTORS:
        if name in fields[0].predictors:
            values = np.concatenate([field.predictors[name] for field in fields])
            within = [error_correlation(field.predictors[name], field.error) for field in fields]
            found["predictors"][name] = rounded(
                {
                    "correlation": error_correlation(values, error),
                    "correlation_within_fields": float(np.mean(within)),
                    "ause": sparsify(values, error).area,
                }
            )
    return found


def table(title: str, found: Row) -> str:
    """Before and after calibration, a line for each group; then the predictors."""
    lines = [
        title,
        f"{'':16}{'':8}{'corr.':>8}{'within':>8}{'slope':>8}{'std/rmse':>10}{'AUSE':>8}"
        + "".join(f"{100 * level:6.0f} %" for level in LEVELS),
    ]
    for name, stages in found["groups"].items():
        for stage, row in stages.items():
            covered = row.get("coverage_measured_width", row["coverage_gaussian"])
            lines.append(
                f"{name:16}{stage:8}{row['correlation']:8.3f}{row['correlation_within_fields']:8.3f}"
                f"{row['slope']:8.2f}{row['std_over_rmse']:10.2f}{row['ause']:8.3f}"
                + "".join(f"{100 * share:8.1f}" for share in covered.values())
            )
    held = found["coverage90_in_single_fields"].values()
    lines.append(
        "90 % interval in single fields: least, a tenth, half, nine tenths, most  "
        + "".join(f"{100 * share:7.1f}" for share in held)
    )
    sloping = found["slope_in_single_fields"].values()
    lines.append(
        "slope in single fields, sizes set right: likewise                        "
        + "".join(f"{slope:7.2f}" for slope in sloping)
    )
    lines.append(f"{'as a predictor of the error':50}{'corr.':>8}{'within':>8}{'AUSE':>8}")
    for name, row in found["predictors"].items():
        lines.append(
            f"{PREDICTORS[name]:50}{row['correlation']:8.3f}{row['correlation_within_fields']:8.3f}"
            f"{row['ause']:8.3f}"
        )
    return "\n".join(lines)


def draw(sets: dict[str, list[Judged]], path: Path) -> None:
    """Reliability, coverage and sparsification, a row for each set of fields."""
    figure, axes = plt.subplots(
        len(sets), 3, figsize=(13, 4.2 * len(sets)), layout="constrained", squeeze=False
    )
    looks = {"stated": ("#b35806", "s", "before calibration"), "calibrated": ("#2166ac", "o", "calibrated")}
    for (title, fields), (left, middle, right) in zip(sets.items(), axes, strict=True):
        error = np.concatenate([field.error for field in fields])
        for name, (colour, marker, label) in looks.items():
            std = np.concatenate([field.predictors[name] for field in fields])
            curve = reliability(std, error, bins=15)
            left.plot(curve.predicted, curve.actual, color=colour, marker=marker, label=label)
            covered = shares(fields, name, measured=name == "calibrated")
            middle.plot(list(covered), list(covered.values()), color=colour, marker=marker, label=label)
        sparse = sparsify(std, error)
        right.plot(sparse.removed, sparse.error, color="#2166ac", label="by stated uncertainty")
        right.plot(
            sparse.removed, sparse.oracle, color="black", ls="--", label="by true error (best possible)"
        )
        if "rate" in fields[0].predictors:
            rate = np.concatenate([field.predictors["rate"] for field in fields])
            right.plot(sparse.removed, sparsify(rate, error).error, color="#5aae61", ls=":", label="by λ(x)")
        top = max(left.get_xlim()[1], left.get_ylim()[1])
        left.plot([0, top], [0, top], color="grey", lw=1)
        middle.plot([0.4, 1], [0.4, 1], color="grey", lw=1)
        left.set(xlabel="stated standard deviation", ylabel="root mean square error", title=title)
        middle.set(xlabel="stated probability", ylabel="share of true values inside", title="coverage")
        right.set(xlabel="share of pixels left out", ylabel="error of the rest (relative)", ylim=(0, 1.05))
        for axis in (left, middle, right):
            axis.legend(fontsize=8)
            axis.grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def main() -> None:
    """Measure, print the tables, write numbers and the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--micrographs", type=Path, help="folder of sharp images")
    parser.add_argument("--pairs", type=Path, help="folder of real pairs")
    parser.add_argument("--numbers", nargs="+", type=int, default=list(CALIBRATION_IMAGES))
    parser.add_argument("--photons", nargs="+", type=float, default=[20, 100, 500, 1500])
    parser.add_argument("--side", type=int, default=80, help="side of a field, camera pixels")
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--steps", type=int, help="the model's own if left out")
    parser.add_argument("--json", type=Path, default=Path("docs/benchmarks/uncertainty.json"))
    parser.add_argument("--images", type=Path, default=Path("docs/images"), help="folder for the picture")
    parser.add_argument("--quick", action="store_true", help="few small fields, to see whether it runs")
    options = parser.parse_args()
    if options.quick:
        options.numbers, options.photons, options.side, options.draws = [43, 45], [60, 600], 48, 4
    if options.micrographs and len(set(options.numbers)) < 2:
        parser.error("--numbers needs at least two: each image is judged by a calibration on the others")
    model = cvdm.load_model(options.model)
    own = Calibration.from_card(model.card.calibration)
    own_of_previews = Calibration.from_card(model.card.preview_calibration)
    sets: dict[str, list[Judged]] = {}
    quicker: dict[str, dict[str, list[Judged]]] = {}
    by_image: dict[Any, Any] = {}
    of_previews: dict[Any, Any] = {}
    for title, fields in measured_on(options).items():
        drawn, about = zip(*(measure(field, model, options) for field in fields), strict=True)
        shown = [measure_preview(field, model) for field in fields]
        if options.micrographs and not by_image:  # the structures as they are
            by_image = dict(fit_without_each([field.judged() for field in drawn]))
            of_previews = dict(fit_without_each([field.judged() for field in shown]))
        sets[title] = [calibrated(field, by_image.get(field.source.number, own)) for field in drawn]
        quicker[title] = {
            name: [calibrated(each, of_previews.get(each.source.number, own_of_previews)) for each in found]
            for name, found in zip(QUICKER, (about, shown), strict=True)
        }
    found: Row = {"model": model.name, "sha256": model.sha256, "draws": options.draws, "side": options.side}
    found["micrographs"] = options.numbers if options.micrographs else "simulated"
    for title, judged in sets.items():
        found[title] = report(judged, quicker[title])
        print(table(title, found[title]))
    draw(sets, options.images / "uncertainty.png")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

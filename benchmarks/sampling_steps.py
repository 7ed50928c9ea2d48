"""How many steps, and which sampler: quality and calibration of the posterior against network calls.

    python benchmarks/sampling_steps.py --micrographs FOLDER --pairs FOLDER

Held-out structures (see benchmarks/uncertainty.py) are restored with each sampler and number of steps. Draws
are plain: the card's shrinkage, scale weight and calibration are left out, so that what a sampler itself does
is seen. In the last rows they are in, as a user has them, on these structures and on real recordings. The
default should be the cheapest number of steps from which on mean and single draws are at most 0.05 dB worse
than with 50, and the 90 % interval covers the same share within 2 %. Numbers go to
docs/benchmarks/sampling_steps.json, the picture to docs/images/sampling_steps.png. --quick takes a minute.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from measures.held_out import NUMBERS, HeldOutField, held_out_fields, real_pairs

import napari_cvdm as cvdm
from napari_cvdm.assessment.calibration import coverage, error_correlation
from napari_cvdm.assessment.drawn import draw_field
from napari_cvdm.assessment.metrics import matched_psnr
from napari_cvdm.restoration.posterior import Calibration, PosteriorSettings
from napari_cvdm.restoration.request import card_settings

mpl.use("Agg")
from matplotlib import pyplot as plt

Row = dict[str, Any]
SAMPLERS = ("angular", "multistep", "deterministic", "ancestral")
#: The card's sampler with its weight of σ(x), shrinkage and calibration, as `napari_cvdm.restore` has it.
AS_USED = "as used"
#: The same on real recordings.
RECORDINGS = "recordings"
MOST_DB, MOST_COVERAGE = 0.05, 0.02


def measure(model: Any, sampler: Any, steps: int, sources: list[HeldOutField], draws: int) -> Row:
    """Restore every field with one sampler and number of steps."""
    card, calibration = model.card, None
    as_used = sampler in (AS_USED, RECORDINGS)
    settings = card_settings(card) if as_used else PosteriorSettings(sampler=sampler)
    if as_used:
        calibration = Calibration.from_card(card.calibration)
    scores: list[float] = []
    singles: list[float] = []
    stds: list[Any] = []
    errors: list[Any] = []
    for source in sources:
        field = draw_field(source.camera, source.truth, model, draws=draws, steps=steps, settings=settings)
        mean, std = field.posterior(settings, calibration=calibration)
        for image, found in ((mean, scores), (field.draws[0], singles)):
            found.append(matched_psnr(image, source.truth))
        stds.append(std.ravel())
        errors.append(field.error(mean).ravel())
    std, error = np.concatenate(stds), np.concatenate(errors)
    factors = None if calibration is None else {0.9: calibration.factors[0.9]}
    return {
        "sampler": sampler,
        "steps": steps,
        "psnr": round(float(np.mean(scores)), 4),
        "psnr_single_draw": round(float(np.mean(singles)), 4),
        "std_over_rmse": round(float(np.sqrt(np.mean(std**2) / np.mean(error**2))), 4),
        "correlation": round(error_correlation(std, error), 4),
        "coverage90": round(coverage(std, error, levels=(0.9,), factors=factors)[0.9], 4),
    }


def cheapest(rows: list[Row]) -> dict[str, int]:
    """Fewest steps of each sampler from which on it stays as good as with the most."""
    found = {}
    for sampler in dict.fromkeys(row["sampler"] for row in rows):
        mine = [row for row in rows if row["sampler"] == sampler]
        last = mine[-1]
        good = [
            last["psnr"] - row["psnr"] <= MOST_DB
            and last["psnr_single_draw"] - row["psnr_single_draw"] <= MOST_DB
            and abs(row["coverage90"] - last["coverage90"]) <= MOST_COVERAGE
            for row in mine
        ]
        first = max((i + 1 for i, each in enumerate(good) if not each), default=0)
        found[sampler] = mine[first]["steps"]
    return found


def draw_picture(rows: list[Row], path: Path) -> None:
    """Plot quality and spread against steps."""
    figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    colours = dict(zip(SAMPLERS, plt.get_cmap("cividis")(np.linspace(0, 0.9, len(SAMPLERS))), strict=True))
    columns = {
        "psnr": "PSNR of the mean (dB)",
        "std_over_rmse": "std over error",
        "correlation": "correlation",
    }
    for axis, (key, title) in zip(axes, columns.items(), strict=True):
        for (sampler, colour), marker in zip(colours.items(), "osv^", strict=True):
            mine = [row for row in rows if row["sampler"] == sampler]
            steps, values = [row["steps"] for row in mine], [row[key] for row in mine]
            axis.plot(steps, values, marker=marker, color=colour, label=sampler)
        axis.set(xscale="log", xlabel="steps (network calls for a draw)", title=title)
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def main() -> None:
    """Run the benchmark, print its table, write numbers and the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--micrographs", type=Path, help="folder of sharp images; simulated fields without")
    parser.add_argument("--pairs", type=Path, help="folder of real pairs, to measure as used on them too")
    parser.add_argument("--numbers", nargs="+", type=int, default=[NUMBERS[0]])
    parser.add_argument("--photons", nargs="+", type=float, default=[60, 600])
    parser.add_argument("--samplers", nargs="+", default=[*SAMPLERS, AS_USED], choices=[*SAMPLERS, AS_USED])
    parser.add_argument("--steps", nargs="+", type=int, default=[1, 2, 3, 4, 6, 8, 12, 20, 50])
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--side", type=int, default=48, help="side of a field, camera pixels")
    parser.add_argument("--pairs-side", type=int, default=96, help="the same, of a real pair")
    parser.add_argument("--json", type=Path, default=Path("docs/benchmarks/sampling_steps.json"))
    parser.add_argument("--images", type=Path, default=Path("docs/images"), help="folder for the picture")
    parser.add_argument("--quick", action="store_true", help="few small fields, to see whether it runs")
    options = parser.parse_args()
    if options.quick:
        options.photons, options.side, options.draws, options.steps = [200], 32, 2, [1, 4, 12]
    model = cvdm.load_model(options.model)
    sources = list(
        held_out_fields(options.micrographs, options.photons, numbers=options.numbers, side=options.side)
    )
    measured = dict.fromkeys(options.samplers, sources)
    if options.pairs:
        measured[RECORDINGS] = list(real_pairs(options.pairs, side=options.pairs_side))
    rows = []
    print(f"{'sampler':14}{'steps':>6}{'PSNR':>8}{'one draw':>10}{'std/rmse':>10}{'corr.':>8}{'90 %':>8}")
    for sampler, fields in measured.items():
        for steps in options.steps:
            rows.append(row := measure(model, sampler, steps, fields, options.draws))
            print(
                f"{sampler:14}{steps:6d}{row['psnr']:8.2f}{row['psnr_single_draw']:10.2f}"
                f"{row['std_over_rmse']:10.3f}{row['correlation']:8.3f}{100 * row['coverage90']:7.1f}%",
                flush=True,
            )
    fewest = cheapest(rows)
    print(f"fewest steps as good as {options.steps[-1]}: {fewest}")
    draw_picture(rows, options.images / "sampling_steps.png")
    report = {"model": model.name, "sha256": model.sha256, "draws": options.draws, "side": options.side}
    report |= {"fields": len(sources), "cheapest": fewest, "rows": rows}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

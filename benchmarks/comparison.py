"""What a user would pick instead: the model against interpolation and deconvolution, on the same images.

    python benchmarks/comparison.py --micrographs FOLDER --pairs FOLDER

FOLDER of micrographs holds real SIM images as ccp/NN.png, er/NN.png, f-actin/NN.png, microtubules/NN.png;
images 43 and 45 are imaged again by a microscope that shares no code with the training simulator, at photon
levels from 20 to 1,500. FOLDER of pairs holds real recordings, <name>_wf.tif and <name>_sim.tif. Either may
be left out. Numbers go to docs/benchmarks/comparison.json, pictures to docs/images. --quick takes a minute.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from measures.rivals import (
    METHODS,
    conventional,
    detailed_scores,
    learned,
    recorded_psf,
)
from numpy.typing import NDArray

import napari_cvdm as cvdm
from napari_cvdm.assessment.baselines import SIGMAS, gaussian_psf
from napari_cvdm.assessment.figure import Panel, draw_side_by_side
from napari_cvdm.assessment.metrics import match_intensity, normalize_truth
from napari_cvdm.assessment.pairs import SCORED_SIDE, centre, find_pairs
from napari_cvdm.assessment.reimaging import airy_psf, reimaged_fields
from napari_cvdm.files.tiff import read_tiff

mpl.use("Agg")
from matplotlib import pyplot as plt

Row = dict[str, Any]
SCORES = ("psnr", "ssim", "ms_ssim", "resolution")
DRAWN = ("bicubic", "richardson_lucy_tuned", "richardson_lucy_tv", "averaged_mean_network", "posterior_mean")


def compare(
    camera: NDArray[Any], truth: NDArray[Any], psfs: list[NDArray[Any]], model: Any, options: Any
) -> tuple[Row, dict[str, NDArray[Any]]]:
    """Score every method on one field; the centre of a large one."""
    pictures, std = learned(camera, model, draws=options.draws, steps=options.steps)
    fine = centre(camera.shape, SCORED_SIDE, model.upscaling)
    recorded = tuple(slice(each.start // model.upscaling, each.stop // model.upscaling) for each in fine)
    results = conventional(camera, truth, psfs, fine)
    results |= {name: picture[fine].astype(np.float64) for name, picture in pictures.items()}
    scores = {name: detailed_scores(results[name], truth[fine]).to_dict() for name in METHODS}
    return scores, {**results, "truth": truth[fine], "std": std[fine], "camera": camera[recorded]}


def average(rows: Iterable[Row]) -> dict[str, dict[str, float]]:
    """Mean of each score of each method; of resolutions the median, which single failures do not move."""
    rows = list(rows)
    found: dict[str, dict[str, float]] = {}
    for method in METHODS:
        found[method] = {}
        for score in SCORES:
            values = [row[method][score] for row in rows if row[method][score] is not None]
            middle = np.median if score == "resolution" else np.mean
            found[method][score] = round(float(middle(values)), 4) if values else float("nan")
    return found


def gain(rows: list[Row]) -> dict[str, float]:
    """PSNR of the posterior mean over that of tuned Richardson-Lucy (dB), image by image."""
    gains = [row["posterior_mean"]["psnr"] - row["richardson_lucy_tuned"]["psnr"] for row in rows]
    spread = float(np.std(gains, ddof=1)) if len(gains) > 1 else float("nan")
    return {"mean": round(float(np.mean(gains)), 3), "sd": round(spread, 3), "images": len(gains)}


def table(title: str, groups: dict[str, dict[str, dict[str, float]]]) -> str:
    """PSNR / SSIM / MS-SSIM / resolution of every method, a column for each group."""
    lines = [title, f"{'':32}" + "".join(f"{group:>28}" for group in groups)]
    for method, name in METHODS.items():
        cells = (groups[group][method] for group in groups)
        lines.append(
            f"{name:32}"
            + "".join(
                f"{c['psnr']:9.2f} {c['ssim']:5.3f} {c['ms_ssim']:5.3f} {c['resolution']:6.2f}" for c in cells
            )
        )
    return "\n".join(lines)


def draw_levels(averages: dict[float, dict[str, dict[str, float]]], path: Path) -> None:
    """Plot each score against the photons."""
    figure, axes = plt.subplots(1, len(SCORES), figsize=(15, 4.6), layout="constrained")
    colours = dict(zip(METHODS, plt.get_cmap("cividis")(np.linspace(0, 0.9, len(METHODS))), strict=True))
    markers = dict(zip(METHODS, "vs<^D*XPo.", strict=True))
    titles = ("PSNR (dB)", "SSIM", "multi-scale SSIM", "FRC resolution (fine pixels)")
    for axis, score, title in zip(axes, SCORES, titles, strict=True):
        for method, name in METHODS.items():
            values = [averages[level][method][score] for level in averages]
            strong = 2.5 if method == "posterior_mean" else 1.2
            axis.plot(
                list(averages), values, marker=markers[method], label=name, color=colours[method], lw=strong
            )
        axis.set(xscale="log", xlabel="photons at the bright end", title=title)
        axis.grid(alpha=0.3)
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=(len(METHODS) + 1) // 2
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def draw_field(pictures: dict[str, NDArray[Any]], path: Path) -> None:
    """Show one field by several methods, with matched intensities."""
    truth = pictures["truth"]
    panels = [Panel("recorded", pictures["camera"])]
    panels += [
        Panel(METHODS[name], match_intensity(pictures[name], truth).apply(pictures[name]))
        for name in DRAWN[1:]
    ]
    panels += [Panel("uncertainty", pictures["std"], is_uncertainty=True), Panel("truth (SIM)", truth)]
    path.parent.mkdir(parents=True, exist_ok=True)
    draw_side_by_side(panels, height=300).save(path)


def measure_reimaged(model: Any, options: Any) -> Row:
    """Compare on real SIM images, imaged again."""
    rows: list[Row] = []
    fields = reimaged_fields(
        options.micrographs, options.numbers, options.photons, side=options.side, same_microscope=True
    )
    for field in fields:
        psfs = [recorded_psf(airy_psf(field.microscope.fwhm))]
        scores, pictures = compare(field.widefield, normalize_truth(field.truth), psfs, model, options)
        place = {"structure": field.structure, "number": field.number, "photons": field.microscope.photons}
        rows.append({**place, **scores})
        print(f"{field.structure} {field.number}, {field.microscope.photons:g} photons", flush=True)
        if field.number == options.numbers[0] and field.microscope.photons == options.photons[1]:
            draw_field(pictures, options.images / f"comparison_{field.structure}.png")
    by: dict[str, dict[Any, list[Row]]] = {key: defaultdict(list) for key in ("photons", "structure")}
    for row in rows:
        for key, groups in by.items():
            groups[row[key]].append(row)
    levels, structures = ({name: average(group) for name, group in by[key].items()} for key in by)
    print(table("By photons", {f"{level:g}": each for level, each in levels.items()}))
    print(table("By structure", structures))
    gains = {f"{level:g}": gain(by["photons"][level]) for level in levels}
    for level, each in gains.items():
        print(
            f"posterior mean over tuned Richardson-Lucy at {level} photons: {each['mean']:+.2f} dB "
            f"± {each['sd']:.2f} (standard deviation over {each['images']} sharp images)"
        )
    draw_levels(levels, options.images / "comparison_photons.png")
    return {
        "photons": {f"{level:g}": each for level, each in levels.items()},
        "structures": structures,
        "gain_over_tuned_richardson_lucy": gains,
        "average": average(rows),
        "fields": len(rows),
    }


def measure_pairs(model: Any, options: Any) -> Row:
    """Compare on real recordings. Their optics are not known: deconvolution may choose among many widths."""
    found: Row = {}
    for pair in find_pairs(options.pairs)[0]:
        camera, sharp = read_tiff(pair.widefield).data, read_tiff(pair.truth).data
        if options.quick:
            camera, sharp = camera[:96, :96], sharp[:192, :192]
        psfs = [gaussian_psf(sigma) for sigma in SIGMAS]
        found[pair.name], pictures = compare(camera, normalize_truth(sharp), psfs, model, options)
        print(f"pair {pair.name}", flush=True)
        draw_field(pictures, options.images / f"comparison_pair_{pair.name}.png")
    # As averages of one, too: a resolution that a small field does not tell is no number to print.
    shown = {name: average([row]) for name, row in found.items()}
    print(table("Real pairs", {**shown, "average": average(found.values())}))
    return {"fields": found, "average": average(found.values())}


def main() -> None:
    """Run the comparison, print its tables, write numbers and pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--micrographs", type=Path, help="folder of sharp images")
    parser.add_argument("--pairs", type=Path, help="folder of real pairs")
    parser.add_argument("--numbers", nargs="+", type=int, default=[43, 45])
    parser.add_argument("--photons", nargs="+", type=float, default=[20, 60, 200, 600, 1500])
    parser.add_argument("--side", type=int, default=96, help="side of a field, camera pixels")
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--steps", type=int, help="the model's own if left out")
    parser.add_argument("--json", type=Path, default=Path("docs/benchmarks/comparison.json"))
    parser.add_argument("--images", type=Path, default=Path("docs/images"), help="folder for pictures")
    parser.add_argument("--quick", action="store_true", help="few small fields, to see whether it runs")
    options = parser.parse_args()
    if options.quick:
        options.numbers, options.photons, options.side, options.draws = [43], [60, 600], 48, 2
    model = cvdm.load_model(options.model)
    report: Row = {"model": model.name, "sha256": model.sha256, "draws": options.draws}
    report["steps"] = options.steps or model.card.default_steps
    if options.micrographs:
        report["reimaged"] = {"numbers": options.numbers, "side": options.side}
        report["reimaged"] |= measure_reimaged(model, options)
    if options.pairs:
        report["pairs"] = measure_pairs(model, options)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Write the bundled model's card as a page, docs/model_card.md, with its failures as pictures.

    python benchmarks/model_card.py

What the model is comes from the card in the weights' header; what it reaches, from the files of the other
benchmarks in docs/benchmarks, which must be there. Only the failure cases are restored anew: pictures go to
docs/images/failure_<name>.png, their figures to docs/benchmarks/failure_cases.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from measures.failure_cases import FailureCase, failure_cases
from measures.rivals import METHODS

import napari_cvdm as cvdm
from napari_cvdm.assessment.baselines import enlarge
from napari_cvdm.assessment.drawn import DrawnField
from napari_cvdm.assessment.figure import Panel, draw_side_by_side
from napari_cvdm.assessment.metrics import correlation

Row = dict[str, Any]

REMARKS = {
    "noise": "Nothing should appear. The little noise that remains lies within the stated uncertainty.",
    "beads": "Points are restored as points. Spheres, which training never showed, keep their place and "
    "size, but the faintest are lost.",
    "nuclei": "Soft bodies get bright rims, dark holes and fibres that are not there: do not restore them. "
    "The map is bright everywhere, which is the sign to look for.",
    "haze": "Much of what the haze outshines is recovered, but lines break, some are missing and edges of "
    "defocus discs take the place of others. The map is bright everywhere, as it should be. Optical "
    "sectioning is the better choice.",
    "undersampled": "The optics are sharper than the pixels allow: shapes stay right, but lines get thinner.",
    "oversampled": "The blur is wider than any in training: it is mistaken for haze and removed, and "
    "lines come out as clouds, worse than the recording itself. Resample first (`--resample`, or the tick "
    "in the panel).",
    "saturation": "Clipped intensities are lost for good: crossings become flat bands. A restoration warns "
    "of them.",
    "sharp": "There is nothing to undo: lines come out thinner than they are, and the uncertainty does "
    "not show it.",
}

RANGES = {
    "psf_sigma": "width σ of the point-spread function, fine pixels (half a camera pixel)",
    "photons": "electrons per camera pixel at the bright end",
    "haze": "out-of-focus light, as a multiple of the light in focus",
    "haze_sigma": "width σ of the haze, fine pixels",
    "background": "even background, as a share of the bright end",
    "read_noise": "read noise, electrons",
}


def restore_case(case: FailureCase, model: Any, draws: int, images: Path) -> Row:
    """Restore one case, draw it, and put its failure into figures."""
    result = cvdm.restore(case.camera, model, draws=draws, device="cpu")
    mean, std = result.mean, result.std
    panels = [Panel("recorded", case.camera), Panel("restored", mean)]
    if case.truth is not None:
        panels.append(Panel("truth", case.truth))
    else:  # shown on the scale of the recording: stretched, any remainder would look like structure
        low, high = np.percentile(case.camera, (1, 99.8))
        panels[1] = Panel("restored, on the recording's scale", _on_scale(mean, low, high))
    panels.append(Panel("uncertainty", std, is_uncertainty=True))
    images.mkdir(parents=True, exist_ok=True)
    draw_side_by_side(panels, height=300).save(images / f"failure_{case.name}.png")
    found: Row = {"title": case.title}
    if case.truth is None:
        found["spread_over_noise"] = float(mean.std() / case.camera.std())
        found["beyond_three_std"] = float(np.mean(np.abs(mean - np.median(mean)) > 3 * std))
    else:
        field = DrawnField(case.camera, mean, std, mean[None], case.truth)
        low, high = result.interval(0.9)
        half = (high - low) / 2
        found["correlation"] = correlation(mean, case.truth)
        found["correlation_bicubic"] = correlation(enlarge(case.camera), case.truth)
        found["covered_90"] = float(np.mean(np.abs(field.error(mean)) <= half))
    print(case.title, found, flush=True)
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in found.items()}


def _on_scale(image: Any, low: float, high: float) -> Any:
    """Clip to a scale and mark its ends in the corners, so that the panel is drawn on it."""
    shown = np.clip(image, low, high)
    marked = max(1, shown.size // 300)
    shown.flat[:marked], shown.flat[-2 * marked :] = high, low
    return shown


def read(folder: Path, name: str) -> Row:
    """Read the figures of a benchmark."""
    path = folder / f"{name}.json"
    if not path.is_file():
        raise SystemExit(f"{path} is missing: run benchmarks/{name}.py first (see docs/evaluation.md).")
    found: Row = json.loads(path.read_text(encoding="utf-8"))
    return found


def describe(model: Any) -> list[str]:
    """What the model is, from its own card."""
    card = model.card
    teachers = card.training.get("teachers", [])
    count = sum(parameter.numel() for parameter in model.network.parameters())
    return [
        f"# Model card: {model.name}",
        "",
        "<!-- Written by benchmarks/model_card.py: change that, not this page. -->",
        "",
        card.description,
        "",
        f"- Version of the weights: SHA-256 `{model.sha256[:16]}…`, {count / 1e6:.1f} million parameters, "
        f"enlarges {card.upscaling} times, {card.default_steps} denoising steps for a draw, "
        f"mean network averaged over {card.posterior_orientations} orientations.",
        f"- Licence of the weights: {card.licence}.",
        f"- Camera pixels trained for: {card.pixel_size_nm[0]:g} to {card.pixel_size_nm[1]:g} nm."
        if card.pixel_size_nm
        else "- The pixel size trained for is not stated.",
        "",
        "## Trained on",
        "",
        *(f"- {source}" for source in card.training.get("data", [])),
        *(
            [
                f"- last, for the mean network: the average of its own estimate and those of {len(teachers)} "
                "earlier models"
            ]
            if teachers
            else []
        ),
        "",
        "SIM images 41 to 45 of each structure were never trained on, but served validation during training, "
        "[the choice of stages](training.md#what-is-held-out) (41, 42 and 44) and the calibration of the "
        "uncertainty; its figures below are those of calibrations that left out the image judged.",
        "",
        "| in training | from | to |",
        "|---|---|---|",
        *(
            f"| {words} | {card.ranges[key][0]:g} | {card.ranges[key][1]:g} |"
            for key, words in RANGES.items()
            if key in card.ranges
        ),
        "",
        "**Never shown:** nuclei, tissue, bacteria, plant cells, bright-field or phase contrast, confocal or "
        "already deconvolved images, text; strongly aberrated optics, camera stripes, saturated pixels, more "
        "than one plane at a time.",
        "",
    ]


def figures(folder: Path) -> list[str]:
    """What the model reaches, from the files of the benchmarks."""
    lines = [
        "## Performance",
        "",
        "[How well it works](evaluation.md) explains methods and measures, and how far to trust the figures.",
        "",
    ]
    comparison, uncertainty = read(folder, "comparison"), read(folder, "uncertainty")
    for title, part in (
        ("Real SIM images that were not trained on, re-imaged by separate simulation code", "reimaged"),
        ("Real pairs, not trained on, which helped to choose among models", "pairs"),
    ):
        if part in comparison:
            lines += [f"{title}:", "", "| method | PSNR (dB) | SSIM | multi-scale SSIM | FRC (fine pixels) |"]
            lines.append("|---|---|---|---|---|")
            for method, scores in comparison[part]["average"].items():
                cells = (scores["psnr"], scores["ssim"], scores["ms_ssim"], scores["resolution"])
                lines.append("| {} | {:.2f} | {:.3f} | {:.3f} | {:.2f} |".format(METHODS[method], *cells))
            lines.append("")
    lines += [
        "![by photons](images/comparison_photons.png)",
        "",
        "Uncertainty with 8 draws and of previews, before and after calibration:",
        "",
    ]
    lines.append(
        "| fields | of | calibration | correlation with error | slope | 90 % interval covers | AUSE |"
    )
    lines.append("|---|---|---|---|---|---|---|")
    titles = ("held-out structures", "held-out structures without their background", "real pairs")
    for title in titles:
        for of, group in (("8 draws", "all"), ("preview", "all, preview")):
            for stage, row in uncertainty[title]["groups"][group].items() if title in uncertainty else ():
                shares = row.get("coverage_measured_width", row["coverage_gaussian"])
                lines.append(
                    f"| {title} | {of} | {stage} | {row['correlation']:.2f} | {row['slope']:.2f} | "
                    f"{100 * shares['0.9']:.1f} % | {row['ause']:.2f} |"
                )
    return [*lines, "", "![uncertainty](images/uncertainty.png)", ""]


def failures(rows: dict[str, Row]) -> list[str]:
    """How it fails, with pictures."""
    lines = ["## How it fails", "", "Simulated recordings outside what the model was made for:", ""]
    for name, row in rows.items():
        lines += [f"### {row['title']}", "", f"![{row['title']}](images/failure_{name}.png)", ""]
        if "covered_90" in row:
            lines.append(
                f"{REMARKS[name]} Correlation with the truth {row['correlation']:.2f} (the recording itself, "
                f"enlarged: {row['correlation_bicubic']:.2f}); the 90 % interval holds "
                f"{100 * row['covered_90']:.0f} % of the true values."
            )
        else:
            lines.append(
                f"{REMARKS[name]} The reconstruction varies by {100 * row['spread_over_noise']:.0f} % of the "
                f"noise; {100 * row['beyond_three_std']:.2f} % of its pixels lie further than three standard "
                "deviations from an even background."
            )
        lines.append("")
    return lines


def main() -> None:
    """Write the page, the pictures and the figures of the failures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--page", type=Path, default=Path("docs/model_card.md"))
    parser.add_argument("--figures", type=Path, default=Path("docs/benchmarks"), help="folder of the JSONs")
    parser.add_argument("--images", type=Path, default=Path("docs/images"), help="folder for pictures")
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--quick", action="store_true", help="small fields, to see whether it runs")
    options = parser.parse_args()
    model = cvdm.load_model(options.model)
    page = [*describe(model), *figures(options.figures)]
    cases = failure_cases(side=48) if options.quick else failure_cases()
    rows = {case.name: restore_case(case, model, options.draws, options.images) for case in cases}
    text = json.dumps({"model": model.name, "sha256": model.sha256, "cases": rows}, indent=1)
    (options.figures / "failure_cases.json").write_text(text + "\n", encoding="utf-8")
    page += failures(rows)
    page += [
        "## Made by",
        "",
        "```bash",
        "python benchmarks/comparison.py --micrographs FOLDER --pairs PAIRS --numbers 41 43 45",
    ]
    page += ["python benchmarks/uncertainty.py --micrographs FOLDER --pairs PAIRS"]
    page += ["python benchmarks/model_card.py", "```", "", "## To cite", ""]
    page += [f"- {citation}" for citation in model.card.citations]
    options.page.write_text("\n".join(page) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

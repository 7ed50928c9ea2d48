"""How draws are best put together: fidelity of the mean and quality of the spread at 2, 4, 8 and 16 draws.

    python benchmarks/draws.py --micrographs FOLDER

Held-out structures (see benchmarks/uncertainty.py) are restored with independent draws and with antithetic
ones; each number of draws is then put together plainly, and shrunk towards the mean network. Fidelity is the
PSNR of the mean above that of the mean network alone. Numbers go to docs/benchmarks/draws.json, the picture
to docs/images/draws.png. --quick takes a minute.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from measures.held_out import NUMBERS, held_out_fields

import napari_cvdm as cvdm
from napari_cvdm.assessment.calibration import error_correlation, reliability
from napari_cvdm.assessment.drawn import DrawnField, draw_field
from napari_cvdm.assessment.metrics import matched_psnr
from napari_cvdm.restoration.posterior import PosteriorSettings
from napari_cvdm.restoration.request import plain_settings

mpl.use("Agg")
from matplotlib import pyplot as plt

Row = dict[str, Any]
WAYS = {
    "independent": PosteriorSettings(antithetic=False),
    "antithetic": PosteriorSettings(),
    "independent, shrunk 0.5": PosteriorSettings(antithetic=False, shrinkage=0.5),
    "antithetic, shrunk 0.5": PosteriorSettings(shrinkage=0.5),
    "antithetic, shrunk 0.9": PosteriorSettings(shrinkage=0.9),
    "antithetic, shrunk 0.9, scale weight 4": PosteriorSettings(shrinkage=0.9, scale_weight=4),
    "antithetic, shrunk 1": PosteriorSettings(shrinkage=1.0),
}


def measure(way: str, count: int, fields: dict[bool, list[DrawnField]]) -> Row:
    """Put the first draws of every field together in one way."""
    settings = WAYS[way]
    gains, stds, errors = [], [], []
    for field in fields[settings.antithetic]:
        mean, std = field.posterior(settings, draws=count)
        gains.append(matched_psnr(mean, field.truth) - matched_psnr(field.centre, field.truth))
        stds.append(std.ravel())
        errors.append(field.error(mean).ravel())
    within = [error_correlation(std, error) for std, error in zip(stds, errors, strict=True)]
    std, error = np.concatenate(stds), np.concatenate(errors)
    return {
        "way": way,
        "draws": count,
        "gain_db": round(float(np.mean(gains)), 3),
        "worst_gain_db": round(float(np.min(gains)), 3),
        "correlation": round(error_correlation(std, error), 4),
        "correlation_within_fields": round(float(np.mean(within)), 4),
        "slope": round(reliability(std, error).slope, 3),
    }


def draw_picture(rows: list[Row], path: Path) -> None:
    """Plot fidelity and correlation against the number of draws."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    colours = plt.get_cmap("cividis")(np.linspace(0, 0.95, len(WAYS)))
    for way, colour, marker in zip(WAYS, colours, "osv^D*P", strict=True):
        mine = [row for row in rows if row["way"] == way]
        counts = [row["draws"] for row in mine]
        left.plot(counts, [row["gain_db"] for row in mine], marker=marker, color=colour, label=way)
        right.plot(counts, [row["correlation"] for row in mine], marker=marker, color=colour)
    left.axhline(0, color="grey", lw=1)
    left.set(xscale="log", xlabel="draws", ylabel="PSNR above the mean network (dB)")
    right.set(xscale="log", xlabel="draws", ylabel="correlation of std with error")
    for axis in (left, right):
        axis.minorticks_off()
        axis.set_xticks(sorted({row["draws"] for row in rows}), sorted({row["draws"] for row in rows}))
        axis.grid(alpha=0.3)
    left.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def main() -> None:
    """Measure, print the table, write numbers and the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--micrographs", type=Path, help="folder of sharp images; simulated fields without")
    parser.add_argument("--numbers", nargs="+", type=int, default=[NUMBERS[0]])
    parser.add_argument("--photons", nargs="+", type=float, default=[40, 200, 1000])
    parser.add_argument("--draws", nargs="+", type=int, default=[2, 4, 8, 16])
    parser.add_argument("--side", type=int, default=64, help="side of a field, camera pixels")
    parser.add_argument("--steps", type=int, help="the model's own if left out")
    parser.add_argument("--json", type=Path, default=Path("docs/benchmarks/draws.json"))
    parser.add_argument("--images", type=Path, default=Path("docs/images"), help="folder for the picture")
    parser.add_argument("--quick", action="store_true", help="few small fields, to see whether it runs")
    options = parser.parse_args()
    if options.quick:
        options.photons, options.side, options.draws = [200], 32, [2, 4]
    model = cvdm.load_model(options.model)
    fields: dict[bool, list[DrawnField]] = {True: [], False: []}
    for source in held_out_fields(
        options.micrographs, options.photons, numbers=options.numbers, side=options.side
    ):
        for antithetic, drawn in fields.items():
            settings = replace(plain_settings(model.card), antithetic=antithetic)
            drawn.append(
                draw_field(
                    source.camera,
                    source.truth,
                    model,
                    draws=max(options.draws),
                    steps=options.steps,
                    settings=settings,
                )
            )
        print(f"{source.structure}, {source.photons} photons", flush=True)
    rows = [measure(way, count, fields) for way in WAYS for count in options.draws]
    print(f"{'':42}{'draws':>6}{'gain':>9}{'worst':>9}{'corr.':>8}{'within':>8}{'slope':>8}")
    for row in rows:
        print(
            f"{row['way']:42}{row['draws']:6d}{row['gain_db']:6.2f} dB{row['worst_gain_db']:6.2f} dB"
            f"{row['correlation']:8.3f}{row['correlation_within_fields']:8.3f}{row['slope']:8.2f}"
        )
    draw_picture(rows, options.images / "draws.png")
    report = {"model": model.name, "sha256": model.sha256, "side": options.side, "photons": options.photons}
    report["micrographs"] = options.numbers if options.micrographs else "simulated"
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({**report, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

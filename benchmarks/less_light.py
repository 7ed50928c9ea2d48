"""How well recordings with little light are restored: the real pairs, with photon noise added to them.

    python benchmarks/less_light.py --pairs FOLDER

FOLDER holds real recordings, <name>_wf.tif and <name>_sim.tif. Each is recorded once more with so many
photons at its bright end (`measures.less_light`) and scored as `napari-cvdm evaluate` scores it. Numbers go
to docs/benchmarks/less_light.json. --quick takes a minute.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from measures.less_light import with_less_light

import napari_cvdm as cvdm
from napari_cvdm.assessment.pairs import evaluate_pair, find_pairs
from napari_cvdm.assessment.scores import METHODS, Evaluation
from napari_cvdm.files.tiff import read_tiff


def measure(options: Any, model: Any, photons: float | None) -> Evaluation:
    """Score all pairs with so much light; None leaves them as they were recorded."""
    scores = []
    for number, pair in enumerate(find_pairs(options.pairs)[0]):
        recorded, sharp = read_tiff(pair.widefield), read_tiff(pair.truth).data
        camera = recorded.data
        if options.quick:
            camera, sharp = camera[:64, :64], sharp[:128, :128]
        if photons is not None:
            camera = with_less_light(camera, photons, np.random.default_rng([11, number]))
        size = recorded.pixel_size
        scores.append(evaluate_pair(pair.name, camera, sharp, model, draws=options.draws, pixel_size=size))
        print(f"{pair.name}, {light(photons)}", flush=True)
    return Evaluation(tuple(scores))


def light(photons: float | None) -> str:
    """Name an amount of light."""
    return "as recorded" if photons is None else f"{photons:g} photons"


def table(found: dict[str, Evaluation]) -> str:
    """Averages over the pairs, a line for each amount of light; then the gains of the single pairs."""
    lines = [f"{'':14}" + "".join(f"{name:>22}" for name in METHODS.values()) + f"{'corr.':>8}{'90 %':>8}"]
    for name, evaluation in found.items():
        average = evaluation.average()
        methods = (average.methods[method] for method in METHODS)
        doubt = average.uncertainty
        lines.append(
            f"{name:14}"
            + "".join(f"{each.psnr:16.2f} {each.ssim:5.3f}" for each in methods)
            + f"{doubt.error_correlation:8.3f}{100 * doubt.coverage[0.9]:8.1f}"
        )
    lines.append("PSNR of the posterior mean over bicubic and over best Richardson-Lucy (dB)")
    names = [pair.name for pair in next(iter(found.values())).pairs]
    lines.append(f"{'':14}" + "".join(f"{name:>18}" for name in [*names, "average"]))
    for name, evaluation in found.items():
        rows = [*evaluation.pairs, evaluation.average()]
        best = [row.methods["posterior_mean"].psnr for row in rows]
        rivals = [[row.methods[method].psnr for row in rows] for method in ("bicubic", "richardson_lucy")]
        lines.append(
            f"{name:14}"
            + "".join(
                f"{psnr - low:12.2f} {psnr - high:5.2f}"
                for psnr, low, high in zip(best, *rivals, strict=True)
            )
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table, write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--pairs", type=Path, required=True, help="folder of real pairs")
    parser.add_argument("--photons", nargs="+", type=float, default=[20, 60, 200, 600])
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--json", type=Path, default=Path("docs/benchmarks/less_light.json"))
    parser.add_argument("--quick", action="store_true", help="one level, small fields")
    options = parser.parse_args()
    if options.quick:
        options.photons, options.draws = [60], 2
    model = cvdm.load_model(options.model)
    found = {light(photons): measure(options, model, photons) for photons in [*options.photons, None]}
    print(table(found))
    report = {"model": model.name, "sha256": model.sha256, "draws": options.draws}
    report["light"] = {name: evaluation.to_dict() for name, evaluation in found.items()}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""How many steps, and which sampler: quality of the posterior against the number of network calls.

    python benchmarks/sampling_steps.py --json docs/benchmarks/sampling_steps.json

Simulated fields of every kind, with seeds that neither training nor calibration uses, are restored with
each sampler and number of steps. The card's shrinkage, scale weight and calibration are left out, so that the
table shows the draws themselves. Figures are pooled over all pixels of all fields, in normalised intensity.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

import napari_cvdm as cvdm
from napari_cvdm.assessment.calibration import coverage, error_correlation
from napari_cvdm.restoration.axes import resolve_axes
from napari_cvdm.restoration.normalization import fit_normalizations
from napari_cvdm.restoration.posterior import PosteriorSettings
from napari_cvdm.simulation.pairs import KINDS, simulate_pair

FIRST_SEED = 20_000_000


def measure(model: Any, sampler: Any, steps: int, fields: list[Any], draws: int) -> dict[str, float]:
    """Restore every field with one sampler and number of steps."""
    stds, errors, singles = [], [], []
    for widefield, truth in fields:
        normalization = fit_normalizations(widefield, resolve_axes(widefield.shape))[()]
        result = cvdm.restore(
            widefield,
            model,
            draws=draws,
            steps=steps,
            keep_draws=True,
            device="cpu",
            settings=PosteriorSettings(sampler=sampler),
        )
        sharp = truth / normalization.span
        calibration = result.provenance["calibration"]
        std = result.std / normalization.span
        if calibration:
            std = np.maximum((std - calibration["offset"]) / calibration["gain"], 0)
        stds.append(std.ravel())
        errors.append((normalization.apply(result.mean) - sharp).ravel())
        singles.append((normalization.apply(result.draws[0]) - sharp).ravel())
    std, error, single = (np.concatenate(each) for each in (stds, errors, singles))
    rmse = float(np.sqrt(np.mean(error**2)))
    return {
        "rmse_mean": rmse,
        "rmse_draw": float(np.sqrt(np.mean(single**2))),
        "std_over_rmse": float(np.sqrt(np.mean(std**2))) / rmse,
        "correlation": error_correlation(std, error),
        "coverage90": coverage(std, error, levels=(0.9,))[0.9],
    }


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--samplers", nargs="+", default=["angular", "ancestral", "deterministic"])
    parser.add_argument("--steps", nargs="+", type=int, default=[1, 2, 3, 4, 6, 8, 12, 20, 50])
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--size", type=int, default=64, help="side of a field, camera pixels")
    parser.add_argument("--per-kind", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    model = cvdm.load_model(options.model)
    fields = [
        simulate_pair(kind, FIRST_SEED + number, options.size)
        for kind in KINDS
        for number in range(options.per_kind)
    ]
    rows = []
    print(
        f"{'sampler':14}{'steps':>6}{'rmse mean':>11}{'rmse draw':>11}{'std/rmse':>10}{'corr.':>8}{'90 %':>8}"
    )
    for sampler in options.samplers:
        for steps in options.steps:
            row = measure(model, sampler, steps, fields, options.draws)
            rows.append({"sampler": sampler, "steps": steps, **row})
            print(
                f"{sampler:14}{steps:6d}{row['rmse_mean']:11.4f}{row['rmse_draw']:11.4f}"
                f"{row['std_over_rmse']:10.2f}{row['correlation']:8.3f}{100 * row['coverage90']:7.1f}%",
                flush=True,
            )
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        settings = {"model": model.name, "sha256": model.sha256, "draws": options.draws}
        settings |= {"size": options.size, "fields": len(fields), "first_seed": FIRST_SEED}
        options.json.write_text(json.dumps({**settings, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

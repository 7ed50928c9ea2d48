"""Is it worth learning the schedule? The same network with the learned one and with three fixed ones.

    python benchmarks/schedules.py --micrographs FOLDER --json docs/benchmarks/schedules.json

For every seed, one small network is trained four times: with the learned schedule, and with linear, cosine
and sigmoid ones. Initial weights, images, their order, the number of steps and the learning rate are the
same; only γ differs. The draws are then compared on held-out fields (real SIM images 41 to 45, imaged again;
or simulated structures without ``--micrographs``), once with the few steps that users take, and once with
many. Figures are averages over the seeds, with their spread; errors in normalised intensity.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from short_training import SMALL, train_briefly, training_batches

from napari_cvdm.assessment.calibration import coverage, error_correlation
from napari_cvdm.cvdm.model import CVDM
from napari_cvdm.cvdm.schedule import FIXED_SCHEDULES
from napari_cvdm.training.config import DataConfig, OptimiserConfig, TrainingConfig, load_config
from napari_cvdm.training.dataset import Patches
from napari_cvdm.training.validation import ValidationField, restore_field, validation_fields

SCHEDULES = ("learned", *FIXED_SCHEDULES)


def train(schedule: str, config: TrainingConfig, data: list[Patches]) -> CVDM:
    """Train one network as `Trainer` does, and return its averaged weights."""
    torch.manual_seed(config.seed)
    architecture = replace(config.architecture, schedule=schedule)
    return train_briefly(CVDM(architecture), CVDM(architecture), config, data)


def measure(model: CVDM, fields: list[ValidationField], steps: int, draws: int) -> dict[str, float]:
    """Pool the draws' figures over all pixels of all fields."""
    stds, errors, singles, means = [], [], [], []
    for number, field in enumerate(fields):
        restored = restore_field(model, field.x, steps, draws, seed=number)
        single = restore_field(model, field.x, steps, 2, seed=number)
        stds.append(restored.std.ravel())
        errors.append((restored.mean - field.y).ravel())
        means.append((restored.mean_network - field.y).ravel())
        # The two antithetic draws are the mean of the pair ± its std.
        singles.append((np.square(single.mean - field.y) + single.std**2).ravel())
    std, error, mean = (np.concatenate(each) for each in (stds, errors, means))
    return {
        "rmse_mean_network": float(np.sqrt(np.mean(mean**2))),
        "rmse_mean": float(np.sqrt(np.mean(error**2))),
        "rmse_draw": float(np.sqrt(np.mean(np.concatenate(singles)))),
        "std_over_rmse": float(np.sqrt(np.mean(std**2) / np.mean(error**2))),
        "correlation": error_correlation(std, error),
        "coverage90": coverage(std, error, levels=(0.9,))[0.9],
    }


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Train and measure; yields one row for each seed, schedule and number of sampling steps."""
    ranges = load_config(options.config).acquisition
    fields = validation_fields(options.micrographs, ranges)
    for seed in range(options.seeds):
        config = TrainingConfig(
            name="schedule",
            seed=seed,
            architecture=SMALL,
            acquisition=ranges,
            data=DataConfig(micrographs="given" if options.micrographs else "", patch=32, field=104),
            optimiser=OptimiserConfig(
                cycles=(options.steps,), warmup=options.steps // 10, average=0.99, precision=options.precision
            ),
        )
        # Each schedule sees the same.
        data = list(training_batches(config, options.micrographs, options.workers))
        for schedule in SCHEDULES:
            model = train(schedule, config, data)
            for steps in options.sampling_steps:
                scores = measure(model, fields, steps, options.draws)
                yield {"seed": seed, "schedule": schedule, "sampling_steps": steps, **scores}


def table(rows: list[dict[str, Any]]) -> str:
    """Averages over the seeds, ± their standard deviation."""
    names = ("rmse_mean", "rmse_draw", "std_over_rmse", "correlation", "coverage90")
    lines = [f"{'schedule':10}{'steps':>6}" + "".join(f"{name:>18}" for name in names)]
    for steps in sorted({row["sampling_steps"] for row in rows}):
        for schedule in SCHEDULES:
            chosen = [r for r in rows if (r["schedule"], r["sampling_steps"]) == (schedule, steps)]
            cells = [[row[name] for row in chosen] for name in names]
            line = f"{schedule:10}{steps:6d}"
            lines.append(line + "".join(f"{np.mean(c):11.4f} ±{np.std(c, ddof=1):.4f}" for c in cells))
    return "\n".join(lines)


def paired(rows: list[dict[str, Any]]) -> str:
    """The learned schedule minus each fixed one, seed by seed: what both share of a seed's luck drops out."""
    names = ("rmse_mean", "correlation")
    lines = ["learned minus fixed, of each seed"]
    by = {(r["schedule"], r["sampling_steps"], r["seed"]): r for r in rows}
    seeds = sorted({row["seed"] for row in rows})
    for steps in sorted({row["sampling_steps"] for row in rows}):
        for schedule in SCHEDULES[1:]:
            line = f"{schedule:10}{steps:6d}"
            for name in names:
                differences = (
                    by["learned", steps, seed][name] - by[schedule, steps, seed][name] for seed in seeds
                )
                line += f"  {name} " + " ".join(f"{each:+.4f}" for each in differences)
            lines.append(line)
    return "\n".join(lines)


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--micrographs", type=Path, help="folder of the real SIM images (docs/training.md)")
    parser.add_argument(
        "--config", type=Path, default=Path("benchmarks/base.toml"), help="ranges of the optics"
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=800, help="training steps")
    parser.add_argument("--sampling-steps", type=int, nargs="+", default=[6, 30])
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--precision", default="bfloat16", choices=["bfloat16", "float32"])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    for row in run(options):
        rows.append(row)
        print(json.dumps(row), flush=True)
    print(table(rows))
    print(paired(rows))
    if options.json:
        settings = {
            k: v for k, v in vars(options).items() if k not in ("json", "config", "micrographs", "workers")
        }
        settings |= {"held_out": "real SIM images 41 to 45" if options.micrographs else "simulated"}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps({**settings, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

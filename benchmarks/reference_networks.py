"""One draw at 256 × 256: the authors' networks in torch, as their own code takes, and our default model.

    python benchmarks/reference_networks.py --json docs/benchmarks/reference_networks.json

Networks of the published sizes are timed with random weights (time does not depend on them), through the same
`restore` as any image. A draw of T steps costs one pass of the schedule network, which the published code
makes T times, and T − 1 passes of the noise network. Steps up to `--measure-up-to` are measured as a whole;
beyond, the time of a draw is put together from the medians of single passes, and marked so. The seconds of
the TensorFlow code were measured on two CPU cores: to compare, use two threads on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import napari_cvdm as cvdm
from napari_cvdm.models import ModelCard, PretrainedModel
from napari_cvdm.reference.config import ReferenceConfig
from napari_cvdm.reference.model import ReferenceCVDM

#: Seconds of the authors' TensorFlow code on two CPU cores at 256 × 256: medians of single passes, and draws
#: by their number of steps (T = 200 put together from passes, T = 20 measured).
TENSORFLOW: dict[str, dict[str, Any]] = {
    "sr3": {"noise pass": 4.3, "schedule pass": 0.96, "draw": {200: 1050.0, 20: 110.5}},
    "unet": {"noise pass": 1.26, "schedule pass": 0.96, "draw": {200: 440.0, 20: 51.2}},
}

VARIANTS: dict[str, dict[str, Any]] = {
    "sr3": {"noise_widths": (64, 128, 256, 512, 512), "stem": 64, "noise_blocks": 3},
    "unet": {"noise_widths": (64,)},
}


def published_model(kind: str, size: int, *, zero_mean: bool) -> PretrainedModel:
    """Make a model of the published size, trained at `size`, with random weights."""
    config = ReferenceConfig(
        noise_kind="sr3" if kind == "sr3" else "unet",
        in_channels=1,
        out_channels=1,
        mean_width=64 if zero_mean else 0,
        training_size=size,
        attention_level={64: 3, 128: 4}.get(size) if kind == "sr3" else None,
        **VARIANTS[kind],
    )
    torch.manual_seed(0)
    network = ReferenceCVDM(config).eval().requires_grad_(False)
    card = ModelCard(kind, "Random weights.", config.to_dict(), upscaling=1, default_steps=200)
    return PretrainedModel(kind, network, card, sha256="0" * 64)


def median_seconds(job: Callable[[], object], calls: int) -> float:
    """Median time of a job, after one call that does not count."""
    job()
    seconds = []
    for _ in range(calls):
        started = time.perf_counter()
        job()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def draw_seconds(model: PretrainedModel, side: int, steps: int | None) -> float:
    """Time of restoring one image with one draw."""
    image = np.random.default_rng(0).random((side, side), dtype=np.float32)
    started = time.perf_counter()
    cvdm.restore(image, model, draws=1, steps=steps, device="cpu")
    return time.perf_counter() - started


def measure(kind: str, size: int, steps: list[int], calls: int, measured_up_to: int) -> dict[str, Any]:
    """Time one published network."""
    model = published_model(kind, size, zero_mean=False)
    network: Any = model.network
    x = torch.rand(1, 1, size, size)
    with torch.inference_mode():
        noise = median_seconds(lambda: network.predict_noise(x, x, x), calls)
        schedule = median_seconds(lambda: network.schedule.rate(x), calls)
    draws = {}
    for count in sorted(steps):
        if count <= measured_up_to:
            draws[count] = {"seconds": draw_seconds(model, size, count), "measured": True}
        else:
            draws[count] = {"seconds": schedule + (count - 1) * noise, "measured": False}
    return {"noise pass": noise, "schedule pass": schedule, "draw": draws}


def print_table(rows: dict[str, Any], ours: dict[str, Any], size: int) -> None:
    """Print what was measured beside what the TensorFlow code takes (at 256 only)."""
    print(f"{'':28}{'here, s':>12}{'TensorFlow, s':>16}")
    for kind, row in rows.items():
        theirs = TENSORFLOW[kind] if size == 256 else {"draw": {}}
        for name in ("noise pass", "schedule pass"):
            print(f"{kind + ', ' + name:28}{row[name]:>12.2f}{_seconds(theirs.get(name)):>16}")
        for steps, draw in row["draw"].items():
            mark = "" if draw["measured"] else "*"
            label = f"{kind}, draw of T = {steps}"
            print(f"{label:28}{draw['seconds']:>11.1f}{mark or ' '}{_seconds(theirs['draw'].get(steps)):>16}")
    label = f"ours, draw of {ours['steps']} steps"
    print(f"{label:28}{ours['seconds']:>11.2f} {'':>16}")
    print("* from the medians of single passes")


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--networks", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--size", type=int, default=256, help="side of the sharp image, pixels")
    parser.add_argument("--steps", nargs="+", type=int, default=[200, 50, 20, 10])
    parser.add_argument("--measure-up-to", type=int, default=20, help="most steps to measure as a whole")
    parser.add_argument("--calls", type=int, default=3, help="single passes to take the median of")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = {
        kind: measure(kind, options.size, options.steps, options.calls, options.measure_up_to)
        for kind in options.networks
    }
    default = cvdm.load_model()
    side = options.size // default.upscaling
    draw_seconds(default, side, 1)  # what happens once does not count
    ours = {"steps": default.card.default_steps, "seconds": draw_seconds(default, side, None)}
    print_table(rows, ours, options.size)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        machine = {"processor": platform.processor() or platform.machine(), "threads": options.threads}
        found = {
            "size": options.size,
            "machine": machine,
            "torch": torch.__version__,
            "here": rows,
            "ours": ours,
            "tensorflow": TENSORFLOW,
        }
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

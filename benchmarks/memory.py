"""Measure the peak memory of restorations of growing planes, which should stay flat.

Each size runs in a process of its own, which notes its memory after the model is loaded, and again at its
Each size runs in a process of its own, which notes its memory once the model is loaded, and again at its
to OME-Zarr region by region, or is a lazy array whose blocks are dropped as they come.

    python benchmarks/memory.py                         # a tiny model, one step: shows the trend in minutes
    python benchmarks/memory.py --model default --draws 2 --steps 6 --sides 2048 4096
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

LIMIT_GB = 2.0


class Field:
    """A plane of filaments on a background, computed where it is looked at."""

    def __init__(self, side: int) -> None:
        self.shape, self.dtype, self.ndim = (side, side), np.dtype(np.uint16), 2

    def __getitem__(self, selection: Any) -> np.ndarray:
        rows, columns = (np.arange(n)[part] for n, part in zip(self.shape, selection, strict=True))
        phase = np.sin(rows / 37)[:, None] * 40 + columns[None] / 3
        return (200 + 800 * np.exp(-((phase % 25 - 12) ** 2) / 8)).astype(np.uint16)

    def __dask_tokenize__(self) -> tuple[str, int]:
        return "field", self.shape[0]


def peak_bytes() -> int:
    """Return the peak of this process's resident memory; Linux counts it in kilobytes, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def tiny_model(folder: Path) -> Path:
    """Write a random model of the shipped one's depth, but few channels."""
    import torch

    from napari_cvdm.cvdm.model import CVDM, CVDMConfig
    from napari_cvdm.models import ModelCard, save_model

    torch.manual_seed(0)
    config = CVDMConfig(mean_widths=(4, 8), mean_blocks=(1, 1), noise_widths=(4, 8), noise_blocks=(1, 1))
    card = ModelCard("tiny", "Random.", config.to_dict(), upscaling=2, default_steps=1)
    return save_model(folder / "tiny.safetensors", CVDM(config), card)


def run_one(options: argparse.Namespace) -> dict[str, Any]:
    """Restore one plane in this process, and tell its memory."""
    from napari_cvdm import load_model, restore_lazy
    from napari_cvdm.files.streaming import write_restoration

    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        model = load_model(str(tiny_model(Path(folder)) if options.model == "tiny" else options.model))
        before = peak_bytes()
        started = time.perf_counter()
        lazy = restore_lazy(
            Field(options.side), model, draws=options.draws, steps=options.steps, device=options.device
        )
        if options.output == "zarr":
            write_restoration(lazy, Path(folder) / "out.ome.zarr")
        else:
            # Every block is reduced to a number as it comes: nothing but the restoration itself takes memory.
            lazy.pair.sum().compute(scheduler="threads", num_workers=2)
        seconds = time.perf_counter() - started
    return {
        "side": options.side,
        "output": options.output,
        "loaded_gb": before / 2**30,
        "peak_gb": peak_bytes() / 2**30,
        "above_gb": (peak_bytes() - before) / 2**30,
        "seconds": seconds,
    }


def main() -> None:
    """Run each size in its own process, print a table, and write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sides", type=int, nargs="+", default=[1024, 4096, 16384])
    parser.add_argument("--outputs", nargs="+", default=["zarr", "lazy"], choices=["zarr", "lazy"])
    parser.add_argument("--model", default="tiny", help="tiny, or what load_model takes")
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--folder", type=Path, help="where results are written and removed again")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--side", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--output", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(run_one(options)))
        return
    rows = []
    print(f"model {options.model}, {options.draws} draws of {options.steps} steps, {options.device}")
    print(f"{'plane':>14} {'to':>5} {'model loaded':>13} {'peak':>9} {'above':>9} {'seconds':>9}")
    for side in options.sides:
        for output in options.outputs:
            command = [sys.executable, __file__, *sys.argv[1:], "--side", str(side), "--output", output]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            row = json.loads(done.stdout.splitlines()[-1])
            rows.append(row)
            print(
                f"{side:>6} × {side:<5} {output:>5} {row['loaded_gb']:>10.2f} GB {row['peak_gb']:>6.2f} GB "
                f"{row['above_gb']:>6.2f} GB {row['seconds']:>9.0f}",
                flush=True,
            )
    most = max(row["above_gb"] for row in rows)
    print(f"At most {most:.2f} GB above the loaded model; the limit is {LIMIT_GB:.0f} GB.")
    if options.json:
        options.json.write_text(json.dumps({"options": vars(options), "rows": rows}, indent=1, default=str))


if __name__ == "__main__":
    main()

"""Measure the peak memory of restorations of growing planes, which should stay flat.

The plane is in a file, which one process writes strip by strip. Each restoration runs in a process of its
own, which notes its memory once the model is loaded, and its peak at the end: all that lies between is
counted, the measuring of intensities, the graph of tasks, the blocks, the pyramid. The result goes to
OME-Zarr region by region, or is a lazy array whose blocks are dropped as they come.

    python benchmarks/memory.py                         # a network of few channels, planes up to 16,384²
    python benchmarks/memory.py --model default --sides 16384 --blocks 2 --draws 2 --steps 6

The thin network is given the halo of the shipped one, and so the same blocks and windows. With `--blocks` a
run ends after so many blocks of the plane; what follows would take the same memory again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

LIMIT_GB = 2.0
STRIP = 512  # rows that are made at once


class Enough(Exception):
    """Ends a run after the blocks that were asked for."""


def write_plane(path: Path, side: int) -> None:
    """Write filaments on a background, uint16, to a TIFF that can be mapped, a tiled one, or a zarr."""
    import tifffile
    import zarr

    def strip(top: int) -> np.ndarray:
        rows, columns = np.arange(top, min(top + STRIP, side)), np.arange(side)
        phase = np.sin(rows / 37)[:, None] * 40 + columns[None] / 3
        return (200 + 800 * np.exp(-((phase % 25 - 12) ** 2) / 8)).astype(np.uint16)

    def tiles() -> Any:
        for top in range(0, side, STRIP):
            part = strip(top)
            part = np.pad(part, ((0, STRIP - part.shape[0]), (0, -side % STRIP)))
            yield from (part[:, left : left + STRIP] for left in range(0, part.shape[1], STRIP))

    if path.suffix == ".zarr":
        chunks = (min(side, STRIP), min(side, STRIP))
        array: Any = zarr.create_array(path, shape=(side, side), chunks=chunks, dtype="uint16")
    elif path.name.startswith("tiled"):
        tifffile.imwrite(
            path, tiles(), shape=(side, side), dtype=np.uint16, tile=(STRIP, STRIP), compression="zlib"
        )
        return
    else:
        array = tifffile.memmap(path, shape=(side, side), dtype=np.uint16)
    for top in range(0, side, STRIP):
        array[top : top + STRIP] = strip(top)


def peak_bytes() -> int:
    """Return the peak of this process's resident memory; Linux counts it in kilobytes, macOS in bytes."""
    status = Path("/proc/self/status")
    if (
        status.exists()
    ):  # what getrusage tells there begins with the peak of the process that started this one
        (line,) = (each for each in status.read_text().splitlines() if each.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def thin_model(folder: Path) -> Path:
    """Write a random model with as many levels as the shipped one, but few channels."""
    import torch

    from napari_cvdm.cvdm.model import CVDM, CVDMConfig
    from napari_cvdm.models import ModelCard, load_model, save_model

    torch.manual_seed(0)
    levels = len(load_model().network.config.mean_widths)
    widths, blocks = (2,) * levels, (1,) * levels
    config = CVDMConfig(
        mean_widths=widths,
        mean_blocks=blocks,
        noise_widths=widths,
        noise_blocks=blocks,
        scale_width=2,
        rate_width=2,
    )
    card = ModelCard("thin", "Random.", config.to_dict(), upscaling=2, default_steps=1)
    return save_model(folder / "thin.safetensors", CVDM(config), card)


def run_one(options: argparse.Namespace) -> dict[str, Any]:
    """Restore one plane in this process, and tell its memory."""
    from napari_cvdm import load_model, restore_lazy
    from napari_cvdm.cli.restoring import open_image

    model = load_model(options.weights)
    image = open_image(options.plane, lazily=True)
    before = peak_bytes()
    started = time.perf_counter()
    lazy = restore_lazy(
        image.data,
        model,
        axes="YX",
        draws=options.draws,
        steps=options.steps,
        device=options.device,
        halo=options.halo,
    )
    planned = peak_bytes()
    done = write(lazy, options) if options.output == "zarr" else reduce(lazy, options)
    return {
        "side": options.side,
        "output": options.output,
        "blocks": done,
        "of_blocks": int(np.prod(lazy.pair.numblocks)),
        "loaded_gb": before / 2**30,
        "planned_gb": (planned - before) / 2**30,
        "peak_gb": peak_bytes() / 2**30,
        "above_gb": (peak_bytes() - before) / 2**30,
        "seconds": time.perf_counter() - started,
    }


def write(lazy: Any, options: argparse.Namespace) -> int:
    """Write the result as OME-Zarr, or its first blocks; return how many blocks there are now."""
    from napari_cvdm.files.streaming import Progress, write_restoration

    told: list[Progress] = []

    def note(progress: Progress) -> None:
        told[:] = [progress]
        if options.blocks and progress.done >= options.blocks:
            raise Enough

    with tempfile.TemporaryDirectory(dir=options.folder) as folder, contextlib.suppress(Enough):
        write_restoration(lazy, Path(folder) / "out.ome.zarr", progress=note)
    return told[0].done


def reduce(lazy: Any, options: argparse.Namespace) -> int:
    """Compute the result, or its first blocks, and keep of each block its sum alone."""
    import dask.array as da

    every = list(np.ndindex(*lazy.pair.numblocks))
    if not options.blocks:
        lazy.pair.sum().compute(scheduler="threads", num_workers=2)
        return len(every)
    some = every[: options.blocks]
    da.stack([lazy.pair.blocks[place].sum() for place in some]).compute(scheduler="threads", num_workers=2)
    return len(some)


def main() -> None:
    """Run each size in its own process, print a table, and write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sides", type=int, nargs="+", default=[1024, 4096, 16384])
    parser.add_argument("--outputs", nargs="+", default=["zarr", "lazy"], choices=["zarr", "lazy"])
    parser.add_argument("--source", default="mapped.tif", choices=["mapped.tif", "tiled.tif", "plane.zarr"])
    parser.add_argument("--model", default="thin", help="thin, or what load_model takes")
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--blocks", type=int, help="stop after so many blocks  [default: all]")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--folder", type=Path, help="where files are written and removed again")
    parser.add_argument("--json", type=Path)
    for name in ("--side", "--halo"):
        parser.add_argument(name, type=int, help=argparse.SUPPRESS)
    for name in ("--output", "--weights", "--plane"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.output:
        print(json.dumps(run_one(options)))
        return
    rows = measure(options)
    most = max(row["above_gb"] for row in rows)
    print(f"At most {most:.2f} GB above the loaded model; the limit is {LIMIT_GB:.0f} GB.")
    if options.json:
        options.json.write_text(json.dumps({"options": vars(options), "rows": rows}, indent=1, default=str))


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Run each size and output in its own process, and print a row for each."""
    from napari_cvdm import load_model

    rows = []
    print(f"model {options.model}, {options.draws} draws of {options.steps} steps, {options.device}")
    columns = f"{'plane':>14} {'blocks':>10} {'to':>5} {'model loaded':>13} {'planning':>9} {'above':>8}"
    print(f"{columns} {'minutes':>8}")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        weights = str(thin_model(Path(folder))) if options.model == "thin" else options.model
        halo = load_model("default" if options.model == "thin" else weights).network.receptive_field
        for side in options.sides:
            plane = Path(folder) / options.source
            write_plane(plane, side)
            for output in options.outputs:
                extra = {"side": side, "output": output, "weights": weights, "plane": plane, "halo": halo}
                flags = [part for name, value in extra.items() for part in (f"--{name}", str(value))]
                command = [sys.executable, __file__, *sys.argv[1:], *flags]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=os.environ)
                row = json.loads(done.stdout.splitlines()[-1])
                rows.append(row)
                blocks = f"{row['blocks']} of {row['of_blocks']}"
                print(
                    f"{side:>6} × {side:<5} {blocks:>10} {output:>5} {row['loaded_gb']:>10.2f} GB "
                    f"{row['planned_gb']:>6.2f} GB {row['above_gb']:>5.2f} GB {row['seconds'] / 60:>8.1f}",
                    flush=True,
                )
            if plane.suffix == ".zarr":
                import shutil

                shutil.rmtree(plane)
    return rows


if __name__ == "__main__":
    main()

"""Measure how far the edge of a block reaches into it: restore with and without what lies beyond a cut.

A plane is restored whole, and once more without all that lies right of a cut. How much the two differ, in a
column so many pixels left of the cut, is the error that a block with that halo makes at its edge.

    python benchmarks/block_halo.py FIELD.tif ... --rows 128 --draws 8 --json halo.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from napari_cvdm import load_model
from napari_cvdm.files.samples import sample_path
from napari_cvdm.files.tiff import read_tiff
from napari_cvdm.restoration.block import Sampling, Window, plan_window, restore_block
from napari_cvdm.restoration.described import Region
from napari_cvdm.restoration.engine import plane_engine
from napari_cvdm.restoration.normalization import Normalization
from napari_cvdm.restoration.posterior import Calibration
from napari_cvdm.restoration.request import card_settings

HALOS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 68, 80, 96, 128)


def measure(path: Path, options: argparse.Namespace) -> dict[int, list[float]]:
    """Return, for each halo, the largest error of mean and standard deviation over their ranges."""
    model = load_model(options.model)
    image = read_tiff(path).data
    image = image.reshape(-1, *image.shape[-2:])[0]
    image = (image if image.shape[1] >= image.shape[0] else image.T)[: options.rows]
    height, width = image.shape
    cut = width // 2 // 8 * 8
    if cut < max(HALOS) + 8:
        raise SystemExit(f"{path} is too narrow: {width} pixels.")
    settings = card_settings(model.card)
    steps = options.steps or model.card.default_steps
    sampling = Sampling(options.draws, steps, 0, settings, Calibration.from_card(model.card.calibration))
    engine = plane_engine(model.network, torch.device(options.device), "auto", settings)
    normalization = Normalization.fit(image)

    def restored(window: Window) -> np.ndarray:
        part = image[:, window.source_columns.start : window.source_columns.stop]
        return restore_block(engine, part, window, plane=0, normalization=normalization, sampling=sampling)

    granularity = model.network.granularity
    whole = restored(plan_window(Region(range(height), range(width)), (height, width), 0, granularity))
    part = restored(plan_window(Region(range(height), range(cut)), (height, width), 0, granularity))
    ranges = np.ptp(whole, axis=(1, 2))
    difference = np.abs(part - whole[:, :, : part.shape[2]]).max(axis=1)  # of each column
    scale = model.upscaling
    return {halo: (difference[:, : scale * (cut - halo)].max(axis=1) / ranges).tolist() for halo in HALOS}


def main() -> None:
    """Measure all fields, print the worst, and write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("fields", type=Path, nargs="*", help="TIFF files  [default: the bundled sample]")
    parser.add_argument("--rows", type=int, default=128, help="rows of each field to use")
    parser.add_argument("--model", default="default")
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = {}
    for path in options.fields or [sample_path()]:
        found[path.name] = measure(path, options)
        print(f"\n{path.name}: largest error / range\n{'halo':>6} {'mean':>10} {'std':>10}")
        for halo, (mean, std) in found[path.name].items():
            print(f"{halo:>6} {mean:>10.1e} {std:>10.1e}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

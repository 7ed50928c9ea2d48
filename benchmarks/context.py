"""What surroundings are worth: the mean network's error in the middle of fields, by how much it is shown.

    python benchmarks/context.py --micrographs FOLDER --model default OTHER.safetensors

Simulated fields with the ranges of the last stage of training, and seeds that no training uses. Of each, the
middle 16 × 16 camera pixels are scored, restored from squares of several sides around them. A network that
was trained on small patches has learned to reckon with their borders, and may gain nothing from more.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

import napari_cvdm as cvdm
from napari_cvdm.training.config import load_config
from napari_cvdm.training.dataset import TrainingFields, normalise_pair

SEED = 12345
SCORED = 16


def main() -> None:
    """Print the mean squared error for each model and side, relative to that of the first model and side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", nargs="+", default=["default"])
    parser.add_argument("--micrographs", type=Path, required=True, help="folder of sharp images")
    parser.add_argument("--config", type=Path, default=Path("configs/default.toml"))
    parser.add_argument("--sides", nargs="+", type=int, default=[48, 72, 96, 136], help="camera pixels")
    parser.add_argument("--fields", type=int, default=80)
    options = parser.parse_args()
    config = load_config(options.config)
    fields = TrainingFields(config.data, config.acquisition, SEED, options.micrographs, options.fields)
    networks = [cvdm.load_model(name).network for name in options.model]
    errors = np.empty((options.fields, len(networks), len(options.sides)))
    middle = config.data.field // 2
    scored = np.s_[2 * middle - SCORED : 2 * middle + SCORED]
    for i in range(options.fields):
        x, y = normalise_pair(fields.acquire_field(i)[1])
        truth = y[scored, scored]
        for k, side in enumerate(options.sides):
            shown = slice(middle - side // 2, middle - side // 2 + side)
            inner = slice(side - SCORED, side + SCORED)
            for j, network in enumerate(networks):
                with torch.inference_mode():
                    mean, _ = network.mean_and_scale(torch.from_numpy(x[shown, shown])[None, None])
                    picture = network.unfold(mean)[0, 0].numpy()
                errors[i, j, k] = np.mean((picture[inner, inner] - truth) ** 2)
    # Each field counts alike, whatever its brightness.
    relative = errors / (errors[:, :1, :1] + 1e-5)
    print(f"{'':32}" + "".join(f"{side:>7}²" for side in options.sides))
    for name, row in zip(options.model, relative.mean(axis=0), strict=True):
        print(f"{name[-30:]:32}" + "".join(f"{value:8.3f}" for value in row))


if __name__ == "__main__":
    main()

"""Real recordings over their whole fields: PSNR and SSIM gained over bicubic enlargement by the mean network.

    python benchmarks/whole_fields.py --pairs FOLDER

FOLDER holds <name>_wf.tif and <name>_sim.tif. `napari-cvdm evaluate` scores the centre of each field; here
the whole field is restored, and every detail of 256 × 256 fine pixels is scored by itself, after the gain and
offset that bring it closest to the truth.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import napari_cvdm as cvdm
from napari_cvdm.assessment.baselines import enlarge
from napari_cvdm.assessment.metrics import match_intensity, normalize_truth, psnr, ssim
from napari_cvdm.assessment.pairs import find_pairs
from napari_cvdm.files.tiff import read_tiff


def details(shape: tuple[int, ...], side: int) -> Iterator[tuple[slice, ...]]:
    """Places of as many squares as fit along each side, evenly spread."""
    starts = [np.linspace(0, max(n - side, 0), max(1, n // side)).astype(int) for n in shape]
    for top in starts[0]:
        for left in starts[1]:
            yield slice(top, top + side), slice(left, left + side)


def main() -> None:
    """Restore, score, print a line for each field."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--pairs", type=Path, required=True, help="folder of real pairs")
    parser.add_argument("--side", type=int, default=256, help="side of a detail, fine pixels")
    options = parser.parse_args()
    model = cvdm.load_model(options.model)
    gains = []
    print(f"{'':20}{'details':>8}{'bicubic':>16}{'mean network':>16}{'gain':>16}")
    for pair in find_pairs(options.pairs)[0]:
        camera = read_tiff(pair.widefield).data
        truth = normalize_truth(read_tiff(pair.truth).data)
        pictures = enlarge(camera), cvdm.restore(camera, model, preview=True).mean
        scores = []
        for place in details(truth.shape, options.side):
            wanted = truth[place]
            matched = [match_intensity(each[place], wanted).apply(each[place]) for each in pictures]
            scores.append([(psnr(each, wanted), ssim(each, wanted)) for each in matched])
        plain, restored = np.mean(scores, axis=0)
        gains.append(restored - plain)
        cells = "".join(f"{a:10.2f}{b:6.3f}" for a, b in (plain, restored, gains[-1]))
        print(f"{pair.name:20}{len(scores):8}{cells}", flush=True)
    average = np.mean(gains, axis=0)
    print(f"{'average':60}{average[0]:10.2f}{average[1]:6.3f}")


if __name__ == "__main__":
    main()

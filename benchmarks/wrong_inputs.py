"""Are results told from images that they were not made from? Likeness and displacement, right and wrong.

    python benchmarks/wrong_inputs.py --micrographs FOLDER --pairs PAIRS

Details of real recordings (PAIRS) and of real SIM images, imaged again at 20, 100 and 1000 electrons (FOLDER
holds <structure>/<NN>.png), are restored by the mean network. Each result is compared with its own recording,
with that recording moved by 3 pixels and mirrored, and with one recording, drawn at random, of another
structure.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from measures.held_out import held_out_fields, real_pairs
from numpy.typing import NDArray

import napari_cvdm as cvdm
from napari_cvdm.assessment.consistency import Consistency, check_consistency
from napari_cvdm.assessment.verdicts import judge_consistency

PHOTONS = (20, 100, 1000)


class Case(NamedTuple):
    """A recording and what was made of it."""

    structure: str
    camera: NDArray[Any]
    restored: NDArray[Any]


def table(found: dict[str, list[Consistency]]) -> str:
    """A line for each way of pairing results with recordings."""
    lines = [f"{'':28}{'images':>8}{'likeness':>18}{'displaced by':>14}{'good':>7}{'look':>7}{'doubt':>7}"]
    for name, group in found.items():
        alike = [each.alignment.likeness for each in group]
        farthest = max(each.alignment.distance for each in group)
        levels = [judge_consistency(each).level for each in group]
        counts = "".join(f"{levels.count(level):7}" for level in ("good", "look", "doubt"))
        lines.append(
            f"{name:28}{len(group):8}{min(alike):10.2f} to{max(alike):5.2f}{farthest:11.1f} px{counts}"
        )
    return "\n".join(lines)


def main() -> None:
    """Restore, compare, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--micrographs", type=Path, required=True, help="folder of sharp images")
    parser.add_argument("--pairs", type=Path, required=True, help="folder of real pairs")
    parser.add_argument("--numbers", nargs="+", type=int, default=[41, 45])
    parser.add_argument("--side", type=int, default=96, help="side of a detail, camera pixels")
    options = parser.parse_args()
    model = cvdm.load_model(options.model)
    fields = [
        *held_out_fields(options.micrographs, PHOTONS, numbers=options.numbers, side=options.side),
        *real_pairs(options.pairs, side=options.side),
    ]
    cases = [
        Case(field.structure, field.camera, cvdm.restore(field.camera, model, preview=True).mean)
        for field in fields
    ]
    found: dict[str, list[Consistency]] = {"its own recording": [], "moved by 3 pixels": [], "mirrored": []}
    for case in cases:
        moved, mirrored = np.roll(case.camera, 3, 1), np.ascontiguousarray(case.camera[::-1])
        for name, camera in zip(found, (case.camera, moved, mirrored), strict=True):
            found[name].append(check_consistency(camera, case.restored))
    others = [cases[i] for i in np.random.default_rng(0).permutation(len(cases))]
    found["of another structure"] = [
        check_consistency(other.camera, case.restored)
        for case, other in zip(cases, others, strict=True)
        if other.structure != case.structure
    ]
    print(table(found))


if __name__ == "__main__":
    main()

"""How well the map of disagreement finds what was painted into a result by hand, and stays dark elsewhere.

Fields are restored by the mean network; then lines, dots, rings and discs of known brightness are added to
the results, or structure is wiped out of them. Real wide-field images with `--pairs`, and real sharp images
that are imaged again at several photon levels (`napari_cvdm.assessment.reimaging`) with `--micrographs`.

    python benchmarks/painted.py --pairs FOLDER --micrographs FOLDER --json docs/benchmarks/painted.json

`--spots-only` leaves the search for lines out, for comparison.

A painted structure counts as found if the median of the map over the camera pixels that it covers is above
the limit. The places are drawn anew for every `--seed`.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy import ndimage

from napari_cvdm import load_model
from napari_cvdm.assessment import prediction
from napari_cvdm.assessment.consistency import check_consistency
from napari_cvdm.assessment.forward import bin_pixels
from napari_cvdm.assessment.reimaging import reimaged_fields
from napari_cvdm.assessment.significance import SIGNIFICANT
from napari_cvdm.restoration.restore import restore

Array = NDArray[Any]
LEVELS = (0.2, 0.3, 0.5, 1.0)
PHOTONS = (50.0, 200.0, 1000.0)
SIDE = 112
#: Half width of painted lines and rings, fine pixels (standard deviation); about the resolution of a result.
PEN = 1.2
#: Brightness of the result, over its range, up to which a place counts as empty ground.
DARK = 0.15


class Field(NamedTuple):
    """One measurement and its restoration."""

    group: str
    image: Array
    sharp: Array


def line(rng: np.random.Generator, side: int) -> Array:
    """Draw a thin straight line, 50 fine pixels long."""
    along, across = _turned(rng, side)
    beyond = np.maximum(np.abs(along) - 25, 0)
    return np.exp(-(across**2 + beyond**2) / (2 * PEN**2))


def dot(rng: np.random.Generator, side: int) -> Array:
    """Draw a disc of radius 3 fine pixels."""
    return (np.hypot(*_turned(rng, side)) < 3).astype(float)


def ring(rng: np.random.Generator, side: int) -> Array:
    """Draw a thin ring of radius 8 fine pixels."""
    return np.exp(-((np.hypot(*_turned(rng, side)) - 8) ** 2) / (2 * PEN**2))


def disc(rng: np.random.Generator, side: int) -> Array:
    """Draw a disc of radius 7 fine pixels."""
    return (np.hypot(*_turned(rng, side)) < 7).astype(float)


SHAPES: dict[str, Callable[[np.random.Generator, int], Array]] = {
    "line": line, "dot": dot, "ring": ring, "disc": disc,
}  # fmt: skip


def _turned(rng: np.random.Generator, side: int) -> tuple[Array, Array]:
    """Give coordinates along and across a random direction through a random place."""
    row, column = rng.uniform(0.15, 0.85, 2) * side
    angle = rng.uniform(0, np.pi)
    y, x = np.mgrid[:side, :side] - np.array([row, column])[:, None, None]
    return np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x


def fields(pairs: Path | None, micrographs: Path | None, model: Any) -> Iterator[Field]:
    """Restore every field once."""
    if pairs:
        for path in sorted(pairs.glob("*_wf.tif")):
            whole = tifffile.imread(path)
            side = min(160, *whole.shape)
            top, left = ((n - side) // 2 for n in whole.shape)
            image = whole[top : top + side, left : left + side]
            yield Field("real", image, restore(image, model, preview=True, device="cpu").mean)
    if micrographs:
        for each in reimaged_fields(micrographs, (43,), PHOTONS, side=SIDE):
            sharp = restore(each.widefield, model, preview=True, device="cpu").mean
            yield Field(f"{each.microscope.photons:.0f} photons", each.widefield, sharp)


def covered(shape: Array) -> Array:
    """Tell the camera pixels that a structure covers."""
    coarse = bin_pixels(shape, 2)
    return coarse > 0.5 * coarse.max()


def measure(image: Array, sharp: Array, shape: Array) -> dict[str, float]:
    """Check a result with something wrong in it: say how bright the map is there, and elsewhere."""
    found = check_consistency(image, sharp).map
    there = covered(shape)
    elsewhere = ~ndimage.binary_dilation(there, iterations=8)
    return {
        "median": float(np.median(found[there])),
        "elsewhere": float(np.mean(found[elsewhere] > SIGNIFICANT)),
    }


def paint(
    field: Field, seed: int, repeats: int, quick: bool
) -> Iterator[tuple[tuple[str, ...], dict[str, float]]]:
    """Yield what the map says of every structure painted into a field."""
    side = field.sharp.shape[0]
    low, high = np.percentile(field.sharp, (0.1, 99.8))
    relative = (field.sharp - low) / (high - low)
    for name, draw in SHAPES.items():
        for number in range(repeats):
            rng = np.random.default_rng([seed, number, list(SHAPES).index(name)])
            shape = draw(rng, side)
            for _ in range(50):
                if number % 2 or np.average(relative, weights=shape) < DARK:
                    break  # every other structure on empty ground, the others anywhere
                shape = draw(rng, side)
            ground = "empty" if np.average(relative, weights=shape) < DARK else "structure"
            for level in LEVELS[1:2] if quick and name != "line" else LEVELS:
                painted = field.sharp + level * (high - low) * shape
                yield (field.group, name, f"{level}", ground), measure(field.image, painted, shape)
            if name == "disc" and np.average(relative, weights=shape) > 0.3:
                wiped = field.sharp * (1 - shape) + np.percentile(field.sharp, 10) * shape
                yield (field.group, "wiped-out disc", "", ground), measure(field.image, wiped, shape)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=Path, help="folder of NAME_wf.tif")
    parser.add_argument("--micrographs", type=Path, help="folder of sharp images, see reimaging.py")
    parser.add_argument("--model", default="default")
    parser.add_argument("--repeats", type=int, default=2, help="structures of each kind and field")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="all brightnesses of lines only")
    parser.add_argument("--spots-only", action="store_true", help="do not look for lines")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.spots_only:
        prediction._ROUNDS_WITH_LINES = 0
    model = load_model(options.model)
    told: dict[tuple[str, ...], list[dict[str, float]]] = defaultdict(list)
    untouched: dict[str, list[float]] = defaultdict(list)
    for number, field in enumerate(fields(options.pairs, options.micrographs, model)):
        untouched[field.group].append(check_consistency(field.image, field.sharp).flagged)
        for key, said in paint(field, 1000 * options.seed + number, options.repeats, options.quick):
            told[key].append(said)
    rows = report(told, untouched)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def report(told: dict[tuple[str, ...], list[dict[str, float]]], untouched: dict[str, list[float]]) -> Any:
    """Print and return the share found, and what is flagged where nothing is wrong."""
    for group, shares in untouched.items():
        mean, most = 100 * np.mean(shares), 100 * max(shares)
        print(f"untouched, {group}: flagged {mean:.2f} % (at most {most:.2f} %)")
    rows = []
    for key in sorted(told):
        medians = [each["median"] for each in told[key]]
        found = sum(median > SIGNIFICANT for median in medians)
        rows.append(
            {
                **dict(zip(("fields", "painted", "brightness", "ground"), key, strict=True)),
                "found": found,
                "of": len(medians),
                "lowest": min(medians),
                "highest": max(medians),
                "flagged_elsewhere": float(np.mean([each["elsewhere"] for each in told[key]])),
            }
        )
        print(
            f"{key[0]:13} {key[1]:15} {key[2]:4} {key[3]:10} {found:3} of {len(medians):3}   "
            f"{min(medians):5.1f} to {max(medians):5.1f}   elsewhere "
            f"{100 * rows[-1]['flagged_elsewhere']:.2f} %"
        )
    return {"untouched": dict(untouched), "painted": rows}


if __name__ == "__main__":
    main()

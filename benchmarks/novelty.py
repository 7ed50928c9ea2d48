"""Which score tells best that an image is like nothing the model was trained on.

Scores compared: the schedule's rate λ(x), the residual of the consistency check, and the density of image
statistics and of the mean network's deepest features. Known images are simulated fields of every kind (other
ones to measure the densities than to test) and, with ``--pairs``, real wide-field images. Strange ones are
nuclei and beads (simulated), bright field, tissue, text and photographs (from scikit-image's own data, which
come with it), and plain noise.

    python benchmarks/novelty.py --json docs/benchmarks/novelty.json
    python benchmarks/novelty.py --write     # and store the statistics that the package uses

Run it again with ``--write`` whenever the bundled weights are replaced.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from measures.density import fit_density, save_density
from measures.network_features import network_features
from numpy.typing import NDArray
from scipy import ndimage
from skimage import data

from napari_cvdm import load_model
from napari_cvdm.assessment.consistency import check_consistency
from napari_cvdm.assessment.image_statistics import image_statistics
from napari_cvdm.assessment.novelty import Density
from napari_cvdm.restoration.normalization import Normalization
from napari_cvdm.restoration.restore import restore
from napari_cvdm.simulation.pairs import KINDS, simulate_pair
from napari_cvdm.simulation.ranges import AcquisitionRanges

SIDE = 80
STRANGE_PHOTONS = 400.0
HAZE = (0.0, 4.0)


def known(count: int, seed: int, ranges: AcquisitionRanges) -> Iterator[tuple[str, NDArray[Any]]]:
    """Simulate fields of every kind in turn."""
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        yield "simulated", simulate_pair(kind, seed + number, SIDE, ranges=ranges)[0]


def real(folder: Path) -> Iterator[tuple[str, NDArray[Any]]]:
    """Cut real wide-field images into fields."""
    for path in sorted(folder.glob("*_wf.tif")):
        yield from ((f"real {path.stem[:-3]}", field) for field in fields(tifffile.imread(path), 8))


def fields(image: NDArray[Any], most: int) -> list[NDArray[Any]]:
    """Cut an image into at most so many fields, evenly spread."""
    cut = [
        image[row : row + SIDE, column : column + SIDE]
        for row in range(0, image.shape[0] - SIDE + 1, SIDE)
        for column in range(0, image.shape[1] - SIDE + 1, SIDE)
    ]
    return cut[:: max(1, len(cut) // most)][:most]


def strange() -> Iterator[tuple[str, NDArray[Any]]]:
    """Give images of what the model was never trained on."""
    rng = np.random.default_rng(0)
    for _ in range(16):
        yield "nuclei", photographed(nuclei(rng), rng)
    for _ in range(16):
        yield "defocused beads", photographed(beads(rng), rng)
    for _ in range(16):
        yield "noise", rng.poisson(rng.uniform(5, 500), (SIDE, SIDE)).astype(np.float64)
    for name, makers in {
        "bright field": (data.cell, data.microaneurysms),
        "text": (data.text, data.page),
        "texture": (data.brick, data.grass, data.gravel),
        "photograph": (data.camera, data.coins, data.moon, data.clock),
        "tissue": (data.immunohistochemistry, data.retina),
    }.items():
        for make in makers:
            picture = np.asarray(make(), np.float64)
            grey = picture.mean(-1) if picture.ndim == 3 else picture
            yield from ((name, field) for field in fields(grey, 8) if np.ptp(field) > 8)


def photographed(light: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Record light of brightness 0 to 1 with photon noise."""
    return rng.poisson(STRANGE_PHOTONS * light + 10).astype(np.float64) * 2 + 100


def nuclei(rng: np.random.Generator) -> NDArray[Any]:
    """Draw a few large, blurred, textured ellipses."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    light = np.zeros((SIDE, SIDE))
    for _ in range(rng.integers(2, 6)):
        y, x, angle = rng.uniform(0, SIDE), rng.uniform(0, SIDE), rng.uniform(0, np.pi)
        along = (rows - y) * np.cos(angle) + (columns - x) * np.sin(angle)
        across = (columns - x) * np.cos(angle) - (rows - y) * np.sin(angle)
        inside = (along / rng.uniform(10, 18)) ** 2 + (across / rng.uniform(7, 12)) ** 2 < 1
        light = np.maximum(light, inside * rng.uniform(0.5, 1))
    texture = ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE)), 3)
    return np.clip(ndimage.gaussian_filter(light * (1 + texture), 2.0), 0, None)


def beads(rng: np.random.Generator) -> NDArray[Any]:
    """Draw the rings that beads out of focus make."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    light = np.zeros((SIDE, SIDE))
    for _ in range(rng.integers(2, 7)):
        distance = np.hypot(rows - rng.uniform(0, SIDE), columns - rng.uniform(0, SIDE))
        radius = rng.uniform(6, 14)
        light += np.cos(distance / 1.6) ** 2 * np.exp(-((distance / radius) ** 4)) * rng.uniform(0.4, 1)
    return light / max(light.max(), 1e-9)


def describe(image: NDArray[Any], model: Any) -> dict[str, NDArray[Any]]:
    """Compute what every score is made of."""
    normalised = Normalization.fit(image).apply(image)
    features, rate = network_features(normalised, model)
    sharp = restore(image, model, preview=True, device="cpu").mean
    return {
        "statistics": image_statistics(image),
        "features": features,
        "rate": np.array([rate]),
        "residual": np.array([check_consistency(image, sharp).relative_rse]),
    }


def scores(described: list[dict[str, Any]], fitted: dict[str, Density]) -> dict[str, NDArray[Any]]:
    """Return one score per image and candidate; high is strange."""
    return {
        name: np.array([density.score(each[name]) for each in described]) for name, density in fitted.items()
    }


def auc(usual: NDArray[Any], odd: NDArray[Any]) -> float:
    """Return the probability that a strange image scores higher than a known one."""
    return float(np.mean(odd[:, None] > usual[None, :]) + 0.5 * np.mean(odd[:, None] == usual[None, :]))


def main() -> None:
    """Measure, print a table, and store what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--count", type=int, default=160, help="simulated fields to measure densities on")
    parser.add_argument("--pairs", type=Path, help="folder of NAME_wf.tif, for error rates on real images")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write", action="store_true", help="store the statistics in the package")
    parser.add_argument("--statistics-only", action="store_true", help="leave the networks out")
    options = parser.parse_args()
    model = load_model(options.model)
    stated = {k: tuple(v) if isinstance(v, list) else v for k, v in model.card.ranges.items()}
    # More haze than in training makes an image hazy, not strange: real ones often have it.
    ranges = AcquisitionRanges(**{**stated, "haze": HAZE})

    def described(images: Iterator[tuple[str, NDArray[Any]]]) -> list[tuple[str, dict[str, Any]]]:
        found = []
        for name, image in images:
            only = {"statistics": image_statistics(image)}
            found.append((name, only if options.statistics_only else describe(image, model)))
        return found

    fit = [each for _, each in described(known(options.count, 50_000, ranges))]
    fitted = {name: fit_density(np.array([each[name] for each in fit])) for name in fit[0]}
    tests = described(known(options.count, 60_000, ranges))
    if options.pairs:
        tests += described(real(options.pairs))
    odd = described(strange())
    outcome = table(fitted, tests, odd)
    if options.json:
        options.json.write_text(json.dumps(outcome, indent=2) + "\n", encoding="utf-8")
    if options.write:
        print("written:", save_density(fitted["statistics"]))


def table(
    fitted: dict[str, Density], tests: list[tuple[str, Any]], odd: list[tuple[str, Any]]
) -> dict[str, Any]:
    """Print and return the error rates of every score."""
    outcome: dict[str, Any] = {}
    groups = {name: [d for n, d in [*tests, *odd] if n == name] for name, _ in [*tests, *odd]}
    known_names = list(dict.fromkeys(name for name, _ in tests))
    per_group = {name: scores(members, fitted) for name, members in groups.items()}
    for candidate in fitted:
        usual = per_group["simulated"][candidate]
        limit = float(np.quantile(usual, 0.95))
        print(f"\n{candidate}: strange above {limit:.2f} (5 % of simulated fields)")
        outcome[candidate] = {"limit": limit, "groups": {}}
        for name, found in per_group.items():
            values = found[candidate]
            flagged, area = float(np.mean(values > limit)), auc(usual, values)
            kind = "known" if name in known_names else "strange"
            print(f"  {kind:8}{name:24}{len(values):4}  flagged {100 * flagged:5.1f} %   AUC {area:.3f}")
            outcome[candidate]["groups"][name] = {
                "kind": kind, "fields": len(values), "flagged": flagged, "auc": area,
            }  # fmt: skip
    return outcome


if __name__ == "__main__":
    main()

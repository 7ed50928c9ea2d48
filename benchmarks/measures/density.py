"""Densities of image statistics: measured on known images, and stored for the package."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from napari_cvdm.assessment.image_statistics import NAMES
from napari_cvdm.assessment.novelty import STATISTICS, Density

_SHRINKAGE = 0.1
_QUANTILES = (0.5, 0.95, 0.99)


def fit_density(numbers: ArrayLike) -> Density:
    """Measure a density on known images, (images, numbers)."""
    values = np.asarray(numbers, np.float64)
    centre, spread = values.mean(0), values.std(0) + 1e-6
    scaled = (values - centre) / spread
    correlation = scaled.T @ scaled / len(scaled)
    shrunk = (1 - _SHRINKAGE) * correlation + _SHRINKAGE * np.eye(values.shape[1])
    bare = Density(centre, spread, np.linalg.inv(shrunk), (0.0, 0.0, 0.0))
    known = [bare.score(each) for each in values]
    half, most, nearly_all = (float(each) for each in np.quantile(known, _QUANTILES))
    return Density(centre, spread, bare.precision, (half, most, nearly_all))


def save_density(density: Density, path: Path = STATISTICS) -> Path:
    """Write a density to a JSON file, as `napari_cvdm.assessment.novelty.load_density` reads it."""
    content = {
        "numbers": list(NAMES),
        "centre": [float(f"{v:.6g}") for v in density.centre],
        "spread": [float(f"{v:.6g}") for v in density.spread],
        "precision": [[float(f"{v:.6g}") for v in row] for row in density.precision],
        "limits": [float(f"{v:.4g}") for v in density.limits],
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return path

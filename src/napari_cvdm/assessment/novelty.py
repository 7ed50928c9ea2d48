"""Whether an image looks like anything that the model was trained on.

A network does not refuse: shown nuclei or text, it makes filaments of them. How far an image lies from those
of training is measured on statistics of the image itself, as a Mahalanobis distance. The
script ``benchmarks/novelty.py`` compares that with other scores, and renews the statistics stored here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cvdm.assessment.figure import choose_detail
from napari_cvdm.assessment.image_statistics import NAMES, describe_number, image_statistics

FloatArray = NDArray[np.float64]

STATISTICS = Path(__file__).parent / "novelty.json"
"""The density of the bundled model's training images."""

_FIELD = 80
_MOST_FIELDS = 9


@dataclass(frozen=True, eq=False)
class Density:
    """A Gaussian density of some numbers, in units of their usual spread.

    Attributes
    ----------
    centre, spread : ndarray, (numbers,)
        Mean and standard deviation of each number over the known images.
    precision : ndarray, (numbers, numbers)
        Inverse of their correlation, shrunk a little towards none.
    limits : tuple of float
        Scores that 50, 95 and 99 % of the images it was fitted to stay below; of others somewhat fewer do.
    """

    centre: FloatArray
    spread: FloatArray
    precision: FloatArray = field(repr=False)
    limits: tuple[float, float, float]

    def score(self, numbers: ArrayLike) -> float:
        """Return the Mahalanobis distance per number: about 1 for a known image."""
        scaled = (np.asarray(numbers, np.float64) - self.centre) / self.spread
        return float(np.sqrt(max(float(scaled @ self.precision @ scaled), 0.0) / scaled.size))


@cache
def load_density(path: Path = STATISTICS) -> Density:
    """Read a density from a JSON file; by default that of the bundled model's training images."""
    content = json.loads(path.read_text(encoding="utf-8"))
    centre, spread, precision = (
        np.array(content[name], np.float64) for name in ("centre", "spread", "precision")
    )
    half, most, nearly_all = content["limits"]
    return Density(centre, spread, precision, (half, most, nearly_all))


@dataclass(frozen=True)
class Novelty:
    """How unlike the training images an image is. From `check_novelty`.

    Attributes
    ----------
    score : float
        Distance from the training images; about 1 for one of them.
    usual, rare : float
        95 and 99 % of the images that the density was fitted to score below.
    verdict : str
        "known", "unusual" or "strange".
    reasons : tuple of str
        The numbers that differ most, the worst first; empty for a known image.
    """

    score: float
    usual: float
    rare: float
    verdict: str
    reasons: tuple[str, ...]

    @property
    def stands_out_by(self) -> str:
        """The reasons in words."""
        return ", ".join(describe_number(name) for name in self.reasons)

    def to_dict(self) -> dict[str, Any]:
        """Return it as values that JSON can hold."""
        return {
            "score": self.score,
            "usual_below": self.usual,
            "rare_above": self.rare,
            "verdict": self.verdict,
            "reasons": list(self.reasons),
        }


def check_novelty(image: ArrayLike) -> Novelty:
    """Compare an image (Y, X), as recorded, of at least 12 × 12 pixels, with the bundled model's training.

    References
    ----------
    Mahalanobis distances to the training data as a sign of novelty: Lee et al., A simple unified framework
    for detecting out-of-distribution samples and adversarial attacks, NeurIPS 2018.
    """
    known = load_density()
    numbers = np.median([image_statistics(part) for part in _fields(np.asarray(image))], axis=0)
    score = known.score(numbers)
    _, usual, rare = known.limits
    verdict = "known" if score <= usual else "unusual" if score <= rare else "strange"
    away = np.abs(numbers - known.centre) / known.spread
    reasons = () if verdict == "known" else tuple(NAMES[i] for i in np.argsort(-away)[:3])
    return Novelty(score, usual, rare, verdict, reasons)


def _fields(image: NDArray[Any]) -> list[NDArray[Any]]:
    """Cut an image into fields of the size that the density was measured on; empty ones do not count."""
    rows, columns = (max(1, round(side / _FIELD)) for side in image.shape)
    parts = [part for row in np.array_split(image, rows, 0) for part in np.array_split(row, columns, 1)]
    contrast = [float(np.ptp(np.percentile(part, (1, 99.8)))) for part in parts]
    fullest = np.argsort(contrast)[::-1][:_MOST_FIELDS]
    return [parts[i] for i in fullest if contrast[i] > 0] or [image[choose_detail(image, _FIELD)]]

"""The outcome of an evaluation: numbers for each pair and on average, as text and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from napari_cvdm.assessment.calibration import coverage, error_correlation, reliability
from napari_cvdm.assessment.metrics import correlation, match_intensity, psnr, ssim

METHODS = {
    "bicubic": "bicubic",
    "richardson_lucy": "best Richardson-Lucy",
    "mean_network": "one pass",
    "averaged_mean_network": "mean network",
    "posterior_mean": "posterior mean",
}
"""What is compared, from the plainest on, and how it is called in tables: "one pass" is the mean network's
first picture, and "mean network" its average over the orientations that the model's card states."""


@dataclass(frozen=True)
class Scores:
    """How close one method comes to the truth: PSNR in dB, structural similarity and Pearson correlation."""

    psnr: float
    ssim: float
    correlation: float


@dataclass(frozen=True)
class UncertaintyScores:
    """How much the standard deviation tells about the error of the posterior mean.

    Attributes
    ----------
    error_correlation : float
        Pearson correlation with the absolute error.
    coverage : dict of float to float
        For each probability the fraction of pixels whose truth lies in the central interval.
    slope : float
        Of the actual over the predicted error in groups of pixels; 1 is right.
    """

    error_correlation: float
    coverage: dict[float, float]
    slope: float

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return {
            "error_correlation": self.error_correlation,
            "coverage": {f"{level:g}": fraction for level, fraction in self.coverage.items()},
            "reliability_slope": self.slope,
        }


@dataclass(frozen=True)
class PairScores:
    """All numbers of one pair.

    Attributes
    ----------
    name : str
        Of the pair.
    methods : dict of str to Scores
        One for each of `METHODS`.
    uncertainty : UncertaintyScores
        Of the posterior's standard deviation.
    richardson_lucy : dict
        The setting that came closest to the truth: "sigma" in fine pixels, "iterations".
    seconds : float
        That the restoration of the whole field took.
    warnings : tuple of str
        What may make the numbers worth little, a sentence each: what the restoration warns of, and whether
        the two images show the same structures in the same places.
    """

    name: str
    methods: dict[str, Scores]
    uncertainty: UncertaintyScores
    richardson_lucy: dict[str, float]
    seconds: float
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return asdict(self) | {"uncertainty": self.uncertainty.to_dict(), "warnings": list(self.warnings)}


@dataclass(frozen=True)
class Evaluation:
    """The numbers of all pairs. From `napari_cvdm.assessment.pairs.evaluate_folder`.

    Attributes
    ----------
    pairs : tuple of PairScores
        At least one.
    unpaired : tuple of str
        Names of files that had no counterpart.
    settings : dict
        How the restorations were made.
    """

    pairs: tuple[PairScores, ...]
    unpaired: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)

    def average(self) -> PairScores:
        """Return the mean of every number over the pairs."""
        uncertainty = [pair.uncertainty for pair in self.pairs]
        return PairScores(
            "average",
            {
                method: Scores(
                    _mean([pair.methods[method].psnr for pair in self.pairs]),
                    _mean([pair.methods[method].ssim for pair in self.pairs]),
                    _mean([pair.methods[method].correlation for pair in self.pairs]),
                )
                for method in METHODS
            },
            UncertaintyScores(
                _mean([scores.error_correlation for scores in uncertainty]),
                {level: _mean([s.coverage[level] for s in uncertainty]) for level in uncertainty[0].coverage},
                _mean([scores.slope for scores in uncertainty]),
            ),
            {
                key: _mean([pair.richardson_lucy[key] for pair in self.pairs])
                for key in self.pairs[0].richardson_lucy
            },
            _mean([pair.seconds for pair in self.pairs]),
        )

    def gain(self, over: str) -> float:
        """Return how many dB of PSNR the posterior mean has above a method, on average."""
        average = self.average().methods
        return average["posterior_mean"].psnr - average[over].psnr

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold: "settings", "pairs", "average", "gain_db", "unpaired"."""
        return {
            "settings": self.settings,
            "pairs": [pair.to_dict() for pair in self.pairs],
            "average": self.average().to_dict(),
            "gain_db": {method: self.gain(method) for method in METHODS if method != "posterior_mean"},
            "unpaired": list(self.unpaired),
        }

    def table(self) -> str:
        """Return all numbers as lines of text, for a terminal of 130 columns (more for long names)."""
        rows = [*self.pairs, self.average()]
        width = max(16, *(len(row.name) for row in rows))
        lines = [
            "PSNR (dB), SSIM and correlation with the truth",
            " " * width + "".join(f"  {title:>20}" for title in METHODS.values()),
        ]
        for row in rows:
            cells = (row.methods[method] for method in METHODS)
            lines.append(
                f"{row.name:{width}}"
                + "".join(f"  {c.psnr:8.2f} {c.ssim:5.3f} {c.correlation:5.3f}" for c in cells)
            )
        levels = list(self.pairs[0].uncertainty.coverage)
        titles = ["corr. with error", *(f"{100 * level:g} % covers" for level in levels), "slope", "seconds"]
        lines += ["", "Uncertainty", " " * width + "".join(f"  {title:>12}" for title in titles)]
        for row in rows:
            scores = row.uncertainty
            lines.append(
                f"{row.name:{width}}  {scores.error_correlation:16.3f}"
                + "".join(f"  {100 * scores.coverage[level]:10.1f} %" for level in levels)
                + f"  {scores.slope:12.2f}  {row.seconds:12.1f}"
            )
        lines += [
            "",
            *(
                f"Posterior mean over {METHODS[m]}: {self.gain(m):+.2f} dB"
                for m in METHODS
                if m != "posterior_mean"
            ),
        ]
        lines += [f"Left out, for want of a counterpart: {name}" for name in self.unpaired]
        return "\n".join(lines)


def score(prediction: ArrayLike, truth: ArrayLike) -> Scores:
    """Compare a prediction with the truth, PSNR and SSIM after matching its intensities."""
    matched = match_intensity(prediction, truth).apply(prediction)
    return Scores(psnr(matched, truth), ssim(matched, truth), correlation(prediction, truth))


def score_uncertainty(
    mean: ArrayLike, std: ArrayLike, truth: ArrayLike, factors: Mapping[float, float] | None = None
) -> UncertaintyScores:
    """Compare a standard deviation with the error of the mean, after matching the mean's intensities.

    Parameters
    ----------
    mean, std, truth : array-like
        Of one shape.
    factors : mapping of float to float, optional
        Half the width of the stated intervals, in standard deviations, as the model's calibration measured
        it; a Gaussian's without it.
    """
    match = match_intensity(mean, truth)
    # The gain alone changes a standard deviation.
    scaled = match.gain * np.asarray(std, np.float64)
    error = match.apply(mean) - np.asarray(truth, np.float64)
    return UncertaintyScores(
        error_correlation(scaled, error),
        coverage(scaled, error, factors=factors),
        reliability(scaled, error).slope,
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))

"""What a user would pick instead, on the same input: interpolation, deconvolution, one pass, one draw.

`napari_cvdm.assessment.baselines` holds what evaluation always compares with. Here are the further rivals of
the comparison in the documentation, and scores that see more than PSNR.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import signal
from skimage import restoration

from measures.multiscale import multiscale_ssim
from napari_cvdm.assessment.baselines import (
    INNER,
    ITERATIONS,
    best_number,
    enlarge,
    richardson_lucy,
    with_surroundings,
)
from napari_cvdm.assessment.mean_pictures import restore_with_mean_pictures
from napari_cvdm.assessment.metrics import match_intensity, matched_psnr, psnr, ssim
from napari_cvdm.assessment.ring_correlation import fourier_ring_correlation
from napari_cvdm.restoration.normalization import Normalization

if TYPE_CHECKING:
    from napari_cvdm.models import PretrainedModel

METHODS = {
    "bicubic": "bicubic",
    "richardson_lucy_fixed": "Richardson-Lucy, 15 iterations",
    "richardson_lucy_usual": "Richardson-Lucy, usual bounds",
    "richardson_lucy_tuned": "Richardson-Lucy, tuned",
    "richardson_lucy_tv": "Richardson-Lucy TV, tuned",
    "wiener": "Wiener, self-tuning",
    "mean_network": "mean network, one pass",
    "averaged_mean_network": "mean network",
    "single_draw": "single draw",
    "posterior_mean": "posterior mean",
}
"""What is compared, and how it is called in tables. "Tuned" means on the truth, which no user has;
"mean network" is the average over the orientations that the model's card states."""

FIXED_ITERATIONS = 15
USUAL_WIDTHS, USUAL_ITERATIONS = 3, 40
"""How many of the candidates for an unknown point-spread function, and how many iterations at most, one would
try who does not have the truth to say how far to go."""

TV_WEIGHT = 0.005
"""Weight of the total variation, for images of which the structures are near 1."""

AGAINST_TRUTH = 0.5
"""Ring correlation with a *noise-free* image that corresponds to 1/7 between two noisy ones (Rosenthal &
Henderson, J. Mol. Biol. 333, 721, 2003)."""


@dataclass(frozen=True)
class DetailedScores:
    """How close one method comes to the truth, after matching intensities.

    Attributes
    ----------
    psnr : float
        In dB, the truth's range as the peak.
    ssim, ms_ssim : float
        Structural similarity at one scale and at up to five.
    resolution : float
        In fine pixels, where the ring correlation with the truth falls below `AGAINST_TRUTH`; at best 2, NaN
        if nothing agrees.
    """

    psnr: float
    ssim: float
    ms_ssim: float
    resolution: float

    def to_dict(self) -> dict[str, float | None]:
        """Return the numbers by name, as JSON can hold them: None for NaN."""
        return {name: value if np.isfinite(value) else None for name, value in asdict(self).items()}


def detailed_scores(prediction: ArrayLike, truth: ArrayLike) -> DetailedScores:
    """Compare a prediction with the truth, both (Y, X), after matching its intensities."""
    matched = match_intensity(prediction, truth).apply(prediction)
    resolution = fourier_ring_correlation(matched, truth, threshold=AGAINST_TRUTH).resolution
    return DetailedScores(
        psnr(matched, truth), ssim(matched, truth), multiscale_ssim(matched, truth), resolution
    )


def richardson_lucy_tv(
    image: ArrayLike, psf: NDArray[np.float64], iterations: Sequence[int], weight: float = TV_WEIGHT
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Deconvolve with total-variation regularisation; give the result after several numbers of iterations.

    Parameters
    ----------
    image, psf, iterations
        As for `napari_cvdm.assessment.baselines.richardson_lucy`, and so are the results.
    weight : float
        Of the total variation; 0 gives plain Richardson-Lucy.

    References
    ----------
    Dey et al., Richardson-Lucy algorithm with total variation regularization for 3D confocal microscope
    deconvolution, Microsc. Res. Tech. 69, 260 (2006), eq. 11.
    """

    def penalty(estimate: NDArray[np.float64]) -> NDArray[np.float64]:
        # Bounded, as the formula has a pole where the curvature equals the inverse of the weight.
        return np.clip(1 - weight * _curvature(estimate), 0.5, 2)

    return richardson_lucy(image, psf, iterations, penalty)


def _curvature(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divergence of the direction of the gradient."""
    down = np.diff(image, axis=0, append=image[-1:])
    right = np.diff(image, axis=1, append=image[:, -1:])
    length = np.sqrt(down**2 + right**2 + 1e-8)
    down, right = down / length, right / length
    return np.asarray(
        np.diff(down, axis=0, prepend=np.zeros_like(down[:1]))
        + np.diff(right, axis=1, prepend=np.zeros_like(right[:, :1]))
    )


def recorded_psf(psf: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what blurs the enlarged image: the optics' pattern, averaged over a camera pixel of 2 × 2."""
    # The odd kernel with the variance of a box two pixels wide, 1/3.
    box = np.array([1, 4, 1]) / 6
    return np.asarray(signal.fftconvolve(psf, np.outer(box, box)))


def conventional(
    camera: ArrayLike,
    truth: ArrayLike,
    psfs: Sequence[NDArray[np.float64]],
    region: tuple[slice, slice] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Restore a camera image by everything that needs no learned model.

    Parameters
    ----------
    camera : array-like, (Y, X)
        What the camera recorded.
    truth : array-like, (s·Y, s·X)
        On which iterations are tuned.
    psfs : sequence of ndarray
        The point-spread function on the fine grid, camera pixel included; or several candidates where it is
        not known, narrowest first: the methods that are tuned take the best of them (in usual bounds, of the
        first `USUAL_WIDTHS`), and the others the first.
    region : tuple of slice, optional
        What is compared, on the fine grid; the rest serves as its surroundings.

    Returns
    -------
    dict of str to ndarray
        The region, by the names in `METHODS`.
    """
    observed = enlarge(Normalization.fit(camera).apply(camera))
    target = np.asarray(truth, np.float64)[region or ...]
    around = with_surroundings(observed, region)
    wide = np.maximum(around, 1e-6)

    def score(result: NDArray[np.float64]) -> float:
        return matched_psnr(result[INNER], target)

    def best(
        method: Any, psfs: Sequence[NDArray[np.float64]] = psfs, iterations: Sequence[int] = ITERATIONS
    ) -> NDArray[np.float64]:
        candidates = [best_number(method(wide, psf, iterations), score) for psf in psfs]
        return max(candidates, key=lambda candidate: candidate[0])[2][INNER]

    usual = [number for number in ITERATIONS if number <= USUAL_ITERATIONS]
    ((_, fixed),) = richardson_lucy(wide, psfs[0], (FIXED_ITERATIONS,))
    wiener, _ = restoration.unsupervised_wiener(around, psfs[0], clip=False, rng=0)
    return {
        "bicubic": around[INNER],
        "richardson_lucy_fixed": fixed[INNER],
        "richardson_lucy_usual": best(richardson_lucy, psfs[:USUAL_WIDTHS], usual),
        "richardson_lucy_tuned": best(richardson_lucy),
        "richardson_lucy_tv": best(richardson_lucy_tv),
        "wiener": np.asarray(wiener)[INNER],
    }


def learned(
    camera: ArrayLike, model: PretrainedModel, *, draws: int = 8, steps: int | None = None
) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.float32]]:
    """Restore a camera image by the model: mean network, single draw and posterior mean.

    Parameters
    ----------
    camera : array-like, (Y, X)
        What the camera recorded.
    model : PretrainedModel
        From `load_model`.
    draws, steps
        As for `napari_cvdm.restore`.

    Returns
    -------
    dict of str to ndarray, (s·Y, s·X)
        By the names in `METHODS`.
    ndarray
        The standard deviation of the posterior mean.
    """
    result, one_pass, averaged = restore_with_mean_pictures(
        camera, model, draws=draws, steps=steps, keep_draws=True, device="cpu"
    )
    assert result.draws is not None
    pictures = {
        "mean_network": one_pass.mean,
        "averaged_mean_network": averaged.mean,
        "single_draw": result.draws[0],
        "posterior_mean": result.mean,
    }
    return pictures, result.std

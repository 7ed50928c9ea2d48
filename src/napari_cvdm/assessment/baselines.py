"""What can be had without a learned model: interpolation, and deconvolution at its best.

The settings of the deconvolution are chosen with the truth in hand, which no user could do. A model has to
beat that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft, ndimage

from napari_cvdm.assessment.metrics import matched_psnr

SIGMAS = (2.4, 2.9, 3.4, 4.0, 4.8, 5.6, 6.8)
"""Widths of the Gaussian point-spread functions tried, in fine pixels: wide enough that none of the recorded
pairs is best served by the first or the last."""

ITERATIONS = (2, 5, 10, 20, 40, 80, 160, 320)
"""Numbers of iterations tried, in rising order, as long as they help: see `best_number`."""

PATIENCE = 2
"""Numbers of iterations that may be no better than the best before them; then no more are tried."""

MARGIN = 64
"""Fine pixels around a region that are deconvolved with it. On real images 32 change its PSNR by 0.001 dB.
Where the image ends before, it is continued by reflection: with nothing outside, deconvolution gathers light
at the border, and loses up to 2 dB on small fields."""

INNER = (slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
"""What remains when such a margin is cut off."""


def enlarge(image: ArrayLike, upscaling: int = 2) -> NDArray[np.float64]:
    """Enlarge a camera image (Y, X) with cubic splines, to (upscaling · Y, upscaling · X).

    Each camera pixel covers `upscaling` × `upscaling` fine ones: the outer borders of both grids coincide,
    and the first fine pixel's centre lies (1 − 1/upscaling)/2 camera pixels before the first camera
    pixel's.
    """
    enlarged = ndimage.zoom(
        np.asarray(image, np.float64), upscaling, order=3, mode="reflect", grid_mode=True, prefilter=True
    )
    return np.asarray(enlarged, np.float64)


def with_surroundings(image: ArrayLike, region: tuple[slice, slice] | None = None) -> NDArray[np.float64]:
    """Return a region of an image (Y, X), or all of it, with `MARGIN` pixels more on each side.

    The image is continued by reflection where it ends. `INNER` of the result is the region, whose slices have
    starts and stops.
    """
    full = np.asarray(image, np.float64)
    rows, columns = region or (slice(0, full.shape[0]), slice(0, full.shape[1]))
    # In the continued image, indices lie MARGIN further on.
    wide = np.pad(full, MARGIN, mode="symmetric")
    return wide[rows.start : rows.stop + 2 * MARGIN, columns.start : columns.stop + 2 * MARGIN]


def gaussian_psf(sigma: float) -> NDArray[np.float64]:
    """Return a Gaussian point-spread function of odd side, out to four sigma, with sum 1."""
    reach = int(np.ceil(4 * sigma))
    profile = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    kernel = np.outer(profile, profile)
    return np.asarray(kernel / kernel.sum(), np.float64)


def richardson_lucy(
    image: ArrayLike,
    psf: NDArray[np.float64],
    iterations: Sequence[int],
    penalty: Callable[[NDArray[np.float64]], NDArray[np.float64] | float] = lambda estimate: 1.0,
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Deconvolve an image, and give the result after each of several numbers of iterations.

    The same numbers as `skimage.restoration.richardson_lucy` with ``clip=False`` (a test compares them),
    which would have to start anew for each number of iterations.

    Parameters
    ----------
    image : array-like, (Y, X)
        Positive intensities, blurred by `psf`.
    psf : ndarray
        Symmetric, of odd side.
    iterations : sequence of int
        After how many iterations a result is wanted.
    penalty : callable
        Of an estimate; what the next one is divided by, to regularise it.

    References
    ----------
    Richardson, J. Opt. Soc. Am. 62, 55 (1972); Lucy, Astron. J. 79, 745 (1974).
    """
    observed = np.asarray(image, np.float64)
    blur = Convolution(psf, observed.shape)
    estimate = np.full(observed.shape, 0.5)
    for iteration in range(1, max(iterations) + 1):
        estimate = estimate * blur(observed / (blur(estimate) + 1e-12)) / penalty(estimate)
        if iteration in iterations:
            yield iteration, estimate


class Convolution:
    """Convolution of images (Y, X) with one square kernel of odd side, whose transform is kept.

    Outside the image there is nothing.
    """

    def __init__(self, kernel: NDArray[np.float64], shape: tuple[int, ...]) -> None:
        reach = kernel.shape[0] // 2
        self.shape = shape
        self.padded = tuple(fft.next_fast_len(n + 2 * reach, real=True) for n in shape)
        wide = np.zeros(self.padded)
        wide[: kernel.shape[0], : kernel.shape[1]] = kernel
        self.transform = fft.rfft2(np.roll(wide, (-reach, -reach), axis=(0, 1)))

    def __call__(self, image: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convolve an image of the shape that was named."""
        product = fft.irfft2(fft.rfft2(image, self.padded) * self.transform, self.padded)
        return np.asarray(product[: self.shape[0], : self.shape[1]])


def best_number(
    results: Iterator[tuple[int, NDArray[np.float64]]], score: Callable[[NDArray[np.float64]], float]
) -> tuple[float, int, NDArray[np.float64]]:
    """Return score, number of iterations and result of the best of an iterative method's results.

    Iterations first sharpen and then amplify noise, so the score (greater is better) rises and falls: after
    `PATIENCE` results that are no better than the best, no more are asked for. There must be one at least.
    """
    count, result = next(results)
    best, left = (score(result), count, result), PATIENCE
    for count, result in results:
        value = score(result)
        if value > best[0]:
            best, left = (value, count, result), PATIENCE
        elif left == 1:
            break
        else:
            left -= 1
    return best


@dataclass(frozen=True, eq=False)
class BestDeconvolution:
    """The Richardson-Lucy result with the highest PSNR. From `best_richardson_lucy`.

    Attributes
    ----------
    image : ndarray, (Y, X)
        The result, in the region compared.
    sigma : float
        Width of the point-spread function in fine pixels.
    iterations : int
        Number of iterations.
    psnr : float
        In dB, with matched intensities.
    """

    image: NDArray[np.float64]
    sigma: float
    iterations: int
    psnr: float


def best_richardson_lucy(
    image: ArrayLike,
    truth: ArrayLike,
    region: tuple[slice, slice] | None = None,
    *,
    sigmas: Sequence[float] = SIGMAS,
    iterations: Sequence[int] = ITERATIONS,
) -> BestDeconvolution:
    """Deconvolve with every width and as many iterations as help; return what comes closest to the truth.

    Parameters
    ----------
    image : array-like, (Y, X)
        The enlarged camera image (`enlarge`), normalised so that the background is near 0. Negative values
        become 0.
    truth : array-like, (Y, X)
        What it should look like.
    region : tuple of slice, optional
        Where the two are compared; everywhere, unless given.
    sigmas, iterations : sequence of numbers
        The grid that is searched.
    """
    target = np.asarray(truth, np.float64)[region or ...]
    around = np.maximum(with_surroundings(image, region), 1e-6)

    def score(result: NDArray[np.float64]) -> float:
        return matched_psnr(result[INNER], target)

    candidates = [
        (*best_number(richardson_lucy(around, gaussian_psf(sigma), iterations), score), sigma)
        for sigma in sigmas
    ]
    value, count, result, sigma = max(candidates, key=lambda candidate: candidate[0])
    return BestDeconvolution(result[INNER], sigma, count, value)

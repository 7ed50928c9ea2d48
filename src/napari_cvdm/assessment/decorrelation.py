"""Image decorrelation analysis: the finest detail in an image, estimated from that image alone.

The image is correlated with itself after all its Fourier coefficients were set to one modulus, inside a disc
of growing radius. Where coefficients carry signal, the correlation grows with the radius; where there is only
noise, it falls. High-pass filters of growing strength move the peak outwards, up to the end of the signal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cvdm.restoration.errors import InputError

FloatArray = NDArray[np.float64]

LEAST_SIDE = 32
"""Fewest pixels along a side that give a curve."""

_RADII = 50
_FILTERS = 10
#: A peak must stand out by this much from what follows it, and reach this height to count.
_PROMINENCE, _LEAST_PEAK = 5e-4, 0.05
_WEAKEST_FILTER = 0.15
_REFINED_SPAN = 0.4
_APODISED = 20


@dataclass(frozen=True, eq=False)
class Decorrelation:
    """The outcome of an image decorrelation analysis. From `decorrelation_analysis`.

    Attributes
    ----------
    resolution : float
        Smallest period in the image, in units of the pixel size; NaN if no signal was found.
    cutoff : float
        The same as a frequency, as a share of the Nyquist frequency, 0 to 1.
    signal_to_noise : float
        Height of the peak without a filter: 1 for an image without noise, near 0 for nothing else.
    radius : ndarray
        Radii of the curve below, as a share of the Nyquist frequency.
    curve : ndarray
        Decorrelation without a filter.
    """

    resolution: float
    cutoff: float
    signal_to_noise: float
    radius: FloatArray = field(repr=False)
    curve: FloatArray = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as values that JSON can hold."""
        return {
            "resolution": None if np.isnan(self.resolution) else self.resolution,
            "cutoff_of_nyquist": self.cutoff,
            "signal_to_noise": self.signal_to_noise,
        }


def decorrelation_analysis(image: ArrayLike, pixel_size: float = 1.0) -> Decorrelation:
    """Estimate the resolution of an image.

    Parameters
    ----------
    image : array-like, (Y, X)
        Of at least 32 × 32 pixels, sampled at least twice per period of its finest detail.
    pixel_size : float
        Side of a pixel in the unit that the resolution is wanted in.

    Raises
    ------
    InputError
        If the image is too small, no plane, or not finite.

    References
    ----------
    Descloux, Grußmayer & Radenovic, Parameter-free image resolution estimation based on decorrelation
    analysis, Nature Methods 16, 918 (2019): fifty radii, ten filters, two rounds, as published.
    """
    values = _usable(image)
    spectrum = _Spectrum(_apodised(values))
    radii = np.linspace(0, 1, _RADII)
    curve = spectrum.decorrelation(radii, None)
    first_peak, height = _peak(curve)
    first = float(radii[first_peak])
    strongest = 2 / first if first > 0 else max(values.shape) / 2
    sides = values.shape
    filters = np.concatenate(
        [[sides[0] / 4], np.exp(np.linspace(np.log(strongest), np.log(_WEAKEST_FILTER), _FILTERS))]
    )

    def measure(strength: float, at: FloatArray) -> tuple[float, float]:
        index, peak = _peak(spectrum.decorrelation(at, strength))
        return float(at[index]), peak

    peaks = [(first, height), *(measure(strength, radii) for strength in filters)]
    refined = _refinements([place for place, _ in peaks], filters, radii, sides)
    peaks += [measure(strength, finer) for strength, finer in refined]
    cutoff = max((place for place, peak in peaks if peak >= _LEAST_PEAK), default=0.0)
    resolution = 2 * pixel_size / cutoff if cutoff > 0 else float("nan")
    return Decorrelation(resolution, cutoff, float(height), radii, curve)


def _refinements(
    cutoffs: list[float], filters: FloatArray, radii: FloatArray, sides: tuple[int, ...]
) -> list[tuple[float, FloatArray]]:
    """Choose finer filters around the one with the highest peak, and finer radii from just below it."""
    best = max(cutoffs)
    last = max(i for i, cutoff in enumerate(cutoffs) if cutoff == best)  # 0 is the peak without a filter
    if last == 0:
        ends = float(max(sides)), float(filters[0])
    elif last >= filters.size:
        ends = float(filters[-2]), float(filters[-1])
    else:
        ends = float(filters[last - 1]), float(filters[last])
    start, stop = max(0.0, best - (radii[1] - radii[0])), min(1.0, best + _REFINED_SPAN)
    finer = np.linspace(start, stop, _RADII)
    strengths = np.exp(np.linspace(np.log(ends[0]), np.log(ends[1]), _FILTERS))
    return [(float(strength), finer) for strength in strengths]


class _Spectrum:
    """The Fourier coefficients of an image by rising radius, up to the Nyquist frequency."""

    def __init__(self, image: FloatArray) -> None:
        rows, columns = image.shape
        # Both sides are odd, so that ±1 are the outermost coefficients in both directions.
        y = np.fft.fftfreq(rows) * rows / ((rows - 1) / 2)
        x = np.fft.rfftfreq(columns) * columns / ((columns - 1) / 2)
        radius = np.hypot(y[:, None], x[None, :])
        weight = np.where(x == 0, 1.0, 2.0)[None, :] * np.ones((rows, 1))  # the half plane left out
        modulus = np.abs(np.fft.rfft2(image))
        inside = radius < 1
        order = np.argsort(radius[inside])
        self.radius = radius[inside][order]
        self.modulus = modulus[inside][order]
        self.weight = weight[inside][order] * (self.modulus > 0)
        self.count = np.concatenate([[0.0], np.cumsum(self.weight)])

    def decorrelation(self, radii: FloatArray, strength: float | None) -> FloatArray:
        """Correlate the image with its whitened self inside each radius; with a high-pass filter, or none."""
        modulus = self.modulus
        if strength is not None:
            modulus = modulus * -np.expm1(-2 * (strength * self.radius) ** 2)
        norm = np.sqrt(np.sum(self.weight * modulus**2))
        if norm == 0:
            return np.zeros(radii.size)
        sums = np.concatenate([[0.0], np.cumsum(self.weight * modulus)])
        upto = np.searchsorted(self.radius, radii, side="left")
        # The product with a coefficient of modulus 1 and the same phase is the modulus itself.
        return np.asarray(sums[upto] / (norm * np.sqrt(np.maximum(self.count[upto], 1))))


def _peak(curve: FloatArray) -> tuple[int, float]:
    """Find the highest point that the curve descends from; (0, its height) if it only rises or falls."""
    end = curve.size
    while end > 1:
        index = int(np.argmax(curve[:end]))
        if index == 0 or curve[index] - curve[index:end].min() >= _PROMINENCE:
            return index, float(curve[index])
        end -= 1
    return 0, float(curve[0])


def _apodised(values: FloatArray) -> FloatArray:
    """Let the image fade into its mean, then taken as 0, at the borders by half a cosine."""
    ramps = []
    for side in values.shape:
        width = min(_APODISED, side // 4)
        ramp = np.ones(side)
        rise = np.sin(np.linspace(0, np.pi / 2, width)) ** 2
        ramp[:width], ramp[side - width :] = rise, rise[::-1]
        ramps.append(ramp)
    return (values - values.mean()) * np.outer(*ramps)


def _usable(image: ArrayLike) -> FloatArray:
    values = np.asarray(image, np.float64)
    if values.ndim != 2 or min(values.shape) < LEAST_SIDE:
        raise InputError(
            f"Decorrelation needs a plane of at least {LEAST_SIDE} × {LEAST_SIDE} pixels, not "
            f"{' × '.join(map(str, values.shape))}."
        )
    if not np.all(np.isfinite(values)):
        raise InputError("Decorrelation needs finite pixels: replace NaN and infinities first.")
    rows, columns = values.shape
    return values[: rows - 1 + rows % 2, : columns - 1 + columns % 2]

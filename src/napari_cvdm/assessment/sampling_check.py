"""Whether an image was recorded under conditions that the model was trained for.

Pixel size, width of the point-spread function and light, as measured on the image, against the ranges in the
model card: inside, at the edge, or outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from napari_cvdm.assessment.consistency import Consistency
from napari_cvdm.assessment.plain_numbers import plain_number
from napari_cvdm.restoration.saturation import MOST_SATURATED

Verdict = Literal["inside", "at the edge", "outside", "brighter", "not known"]

EDGE = 1.15
"""A value within this factor of a bound, on either side, is at the edge: measurements are no better."""


@dataclass(frozen=True)
class Condition:
    """One imaging condition. From `check_conditions`.

    Attributes
    ----------
    name, unit : str
        What was measured, in words, and in what unit.
    value : float or None
        As measured; None if that was not possible.
    low, high : float or None
        The range of training; None if the card does not state one.
    verdict : {"inside", "at the edge", "outside", "brighter", "not known"}
        Where the value lies; "brighter" is light beyond that of training.
    of_training : bool
        Whether the range is the model's; of saturation it is the same for all models, and tells nothing of
        what one was trained on.
    """

    name: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    verdict: Verdict
    of_training: bool = True

    @property
    def sentence(self) -> str:
        """Say it in words."""
        if self.value is None or self.low is None or self.high is None:
            return f"{self.name}: {self.verdict}."
        value, low, high = (plain_number(number) for number in (self.value, self.low, self.high))
        if self.verdict == "brighter":
            return (
                f"{self.name}: {value} {self.unit}, more than the {low} to {high} of training. That does no "
                "harm if the camera caught so much; but images that were smoothed, resampled or deconvolved "
                "look as if it had, and are not suitable."
            )
        return (
            f"{self.name}: {value} {self.unit}, {self.verdict} "
            f"{'of ' if self.verdict == 'at the edge' else ''}the {low} to {high} "
            f"{self.unit} {'of training' if self.of_training else 'that do little harm'}."
        )


def check_conditions(
    consistency: Consistency,
    *,
    ranges: Mapping[str, Any],
    pixel_sizes: tuple[float, float] | None = None,
    pixel_size: float | None = None,
    upscaling: int = 2,
) -> list[Condition]:
    """Measure the conditions of an image and compare them with a model card.

    Parameters
    ----------
    consistency : Consistency
        Of the measurement and its reconstruction, which tells the width of the point-spread function and
        what part of the light is in focus.
    ranges : mapping
        The model card's ranges: "psf_sigma" in fine pixels, "photons" in electrons at the bright end of the
        structure in focus, "target_ratio", "target_sigma_min".
    pixel_sizes : tuple of float, optional
        The model card's pixel sizes, in nm.
    pixel_size : float, optional
        Of the image, in nm.
    upscaling : int
        Fine pixels per camera pixel.

    Returns
    -------
    list of Condition
        Pixel size, width of the point-spread function, light, saturation.
    """
    sizes = pixel_sizes or (None, None)
    width = _psf_sigma(consistency, ranges, upscaling)
    widths = _bounds(ranges.get("psf_sigma"), 1 / upscaling)
    photons = _photons(consistency)
    least, most = _bounds(ranges.get("photons"), 1.0)
    light = _condition("Light at the bright end", "photo-electrons", photons, least, most)
    if light.verdict == "outside" and photons and most and photons > most:
        light = replace(light, verdict="brighter")
    return [
        _condition("Pixel size", "nm", pixel_size, *sizes),
        _condition("Width of the point-spread function", "camera pixels", width, *widths),
        light,
        _saturation(consistency.noise.saturated),
    ]


def _bounds(bounds: Any, factor: float) -> tuple[float | None, float | None]:
    """Return a range that a card states; anybody may have written it, and it may be no range at all."""
    match bounds:
        case [int() | float() as low, int() | float() as high] if 0 <= low <= high:
            return low * factor, high * factor
    return None, None


def _condition(name: str, unit: str, value: float | None, low: float | None, high: float | None) -> Condition:
    verdict: Verdict = "outside"
    if value is None or low is None or high is None or not np.isfinite(value):
        verdict = "not known"
    elif low * EDGE <= value <= high / EDGE:
        verdict = "inside"
    elif low / EDGE <= value <= high * EDGE:
        verdict = "at the edge"
    return Condition(name, unit, value, low, high, verdict)


def _psf_sigma(consistency: Consistency, ranges: Mapping[str, Any], upscaling: int) -> float | None:
    """Width of the camera's point-spread function in camera pixels.

    What turns the reconstruction into the measurement is the difference of two blurs: the reconstruction has
    one of its own, which the card states as a share of the other, and a least width.
    """
    between = consistency.sigma
    if np.isnan(between):
        return None
    stated = (ranges.get(name) for name in ("target_ratio", "target_sigma_min"))
    ratio, least = (max(each, 0) if isinstance(each, int | float) else 0 for each in stated)
    width = between / np.sqrt(1 - min(ratio, 0.9) ** 2)
    if ratio * width < least / upscaling:
        width = np.hypot(between, least / upscaling)
    return float(width)


def _photons(consistency: Consistency) -> float | None:
    """Photo-electrons at the bright end of what is in focus; None if the result explains nothing of it."""
    structure = consistency.structure
    signal = float(np.percentile(structure, 99.8) - np.percentile(structure, 1.0))
    return consistency.noise.electrons(signal) if signal > 0 else None


def _saturation(share: float) -> Condition:
    verdict: Verdict = "outside" if share > MOST_SATURATED else "at the edge" if share > 0 else "inside"
    return Condition(
        "Saturated pixels", "%", 100 * share, 0.0, 100 * MOST_SATURATED, verdict, of_training=False
    )

"""Whether a reconstruction agrees with the measurement it was made from.

It is blurred and binned back to the camera, and brought to the camera's intensities. What then differs by
more than the noise is not supported by the measurement: invented, or left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cvdm.assessment.alignment import Alignment, check_alignment
from napari_cvdm.assessment.camera_noise import CameraNoise, measure_noise
from napari_cvdm.assessment.forward import blur_and_bin, convolve_and_bin
from napari_cvdm.assessment.metrics import correlation, match_intensity
from napari_cvdm.assessment.prediction import best_sigma, explain, psf_width
from napari_cvdm.assessment.significance import SIGNIFICANT
from napari_cvdm.restoration.errors import InputError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Consistency:
    """How well a reconstruction explains a measurement. From `check_consistency`.

    Attributes
    ----------
    map : ndarray, (Y, X)
        Size of the disagreement at each camera pixel, in standard deviations of what noise and the usual
        misfit can do; at least 0. Values above `SIGNIFICANT` need an explanation.
    difference : ndarray, (Y, X)
        Measurement minus what the reconstruction explains, in the measurement's units, with haze accounted
        for. Negative where the reconstruction holds what was not measured.
    structure : ndarray, (Y, X)
        What the camera would have recorded of the reconstruction itself, without haze and background, in the
        measurement's units.
    rse : float
        Resolution-scaled error: root mean square of measurement minus blurred reconstruction, after the best
        gain and offset, in the measurement's units. One Gaussian, no haze: the published definition.
    relative_rse : float
        The same over the measurement's range (1 to 99.8 percentile; of a few spots on nothing, all of it).
    rsp : float
        Resolution-scaled Pearson correlation of the two.
    sigma : float
        Width of the Gaussian that turns the reconstruction into the measurement, in camera pixels; NaN where
        a point-spread function was given.
    gain, offset : float
        From reconstruction to measurement.
    misfit : float
        Usual disagreement as a share of the brightness, which no noise explains: 0.05 is good optics.
    flagged : float
        Share of pixels above `SIGNIFICANT`.
    invented : float
        Share of pixels above it where the reconstruction holds more than was measured. The rest is in the
        measurement alone: left out, or haze of other planes.
    alignment : Alignment
        Whether both show the same structures, in the same place.
    noise : CameraNoise
        The noise that was reckoned with.
    """

    map: FloatArray = field(repr=False)
    difference: FloatArray = field(repr=False)
    structure: FloatArray = field(repr=False)
    rse: float
    relative_rse: float
    rsp: float
    sigma: float
    gain: float
    offset: float
    misfit: float
    flagged: float
    invented: float
    alignment: Alignment
    noise: CameraNoise

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as values that JSON can hold."""
        return {
            "rse": self.rse,
            "relative_rse": self.relative_rse,
            "rsp": self.rsp,
            "sigma_camera_pixels": None if np.isnan(self.sigma) else self.sigma,
            "gain": self.gain,
            "offset": self.offset,
            "misfit": self.misfit,
            "flagged_share": self.flagged,
            "invented_share": self.invented,
            "significant_above": SIGNIFICANT,
            "alignment": asdict(self.alignment),
        }


def check_consistency(
    image: ArrayLike,
    sharp: ArrayLike,
    *,
    psf: ArrayLike | None = None,
    checkpoint: Callable[[], None] = lambda: None,
) -> Consistency:
    """Compare a measurement with what its reconstruction predicts.

    Parameters
    ----------
    image : array-like, (Y, X)
        The measurement.
    sharp : array-like, (s·Y, s·X)
        The reconstruction, in any intensity units.
    psf : array-like, optional
        What blurs the *reconstruction* into the measurement, on the fine grid, of odd sides. By default the
        Gaussian that explains the measurement best.
    checkpoint : callable, optional
        Called now and then; what it raises ends the comparison.

    Raises
    ------
    InputError
        If the shapes do not fit, the images are smaller than 12 × 12, not finite, or one of them is constant.

    Notes
    -----
    Error and correlation are those of Culley et al. For the map, more is accounted for than one gain and
    offset, lest it light up wherever there is signal:

    * haze, which a model for super-resolution removes on purpose: broad skirts of the point-spread function,
      and a background that varies over four widths of it;
    * the usual misfit, because no microscope has a Gaussian point-spread function: a share of the local
      brightness, the median over the image. Of the two brightnesses, measured and predicted, the lesser
      counts, so that what is in one image only stands out.

    The difference is smoothed a little less than by the point-spread function, as nothing finer was measured,
    and along short lines of every direction, because a faint line shows in no pixel alone.

    References
    ----------
    Culley et al., Quantitative mapping and minimization of super-resolution optical imaging artifacts,
    Nature Methods 15, 263 (2018).
    """
    measured, fine, scale = _fitting(image, sharp)
    noise = measure_noise(measured)
    sigma = float("nan") if psf is not None else best_sigma(measured, fine, scale)
    if psf is None:
        core = blur_and_bin(fine, scale, sigma)
        width = sigma
    else:
        core = convolve_and_bin(fine, scale, psf)
        width = psf_width(np.asarray(psf, np.float64)) / scale
    match = match_intensity(core, measured)
    plain = match.apply(core)
    rse = float(np.sqrt(np.mean((measured - plain) ** 2)))
    low, high = np.percentile(measured, (1.0, 99.8))
    explained = explain(measured, core, max(width, 0.5), noise, checkpoint)
    checkpoint()
    size = np.abs(explained.significance)
    return Consistency(
        map=size,
        difference=explained.difference,
        structure=explained.gain * core,
        rse=rse,
        relative_rse=rse / float(high - low or np.ptp(measured)),
        rsp=correlation(core, measured),
        sigma=sigma,
        gain=match.gain,
        offset=match.offset,
        misfit=explained.misfit,
        flagged=float(np.mean(size > SIGNIFICANT)),
        invented=float(np.mean(explained.significance < -SIGNIFICANT)),
        alignment=check_alignment(measured, core, width),
        noise=noise,
    )


def scale_between(shape: tuple[int, ...], fine_shape: tuple[int, ...]) -> int:
    """Return how many times as fine as a measurement its reconstruction is, by their shapes.

    Raises
    ------
    InputError
        If they do not fit.
    """
    if len(shape) != 2 or len(fine_shape) != 2:
        raise InputError("Consistency is checked plane by plane: give one plane of input and result each.")
    scale = max(1, round(fine_shape[0] / max(shape[0], 1)))
    if fine_shape != (shape[0] * scale, shape[1] * scale):
        raise InputError(
            f"A result of {fine_shape[0]} × {fine_shape[1]} pixels cannot belong to an input of "
            f"{shape[0]} × {shape[1]}: choose the image that was restored."
        )
    return scale


def _fitting(image: ArrayLike, sharp: ArrayLike) -> tuple[FloatArray, FloatArray, int]:
    measured, fine = np.asarray(image, np.float64), np.asarray(sharp, np.float64)
    scale = scale_between(measured.shape, fine.shape)
    for name, values in (("input", measured), ("result", fine)):
        if not np.all(np.isfinite(values)):
            raise InputError(f"The {name} has pixels that are not finite (NaN or infinite).")
        if np.ptp(values) == 0:
            raise InputError(f"The {name} is constant: there is nothing to compare.")
    return measured, fine, scale

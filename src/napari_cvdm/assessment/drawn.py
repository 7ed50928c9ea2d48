"""Fields of known truth with all their draws, to be put together in any way without drawing again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cvdm.assessment.mean_pictures import restore_with_mean_pictures
from napari_cvdm.assessment.metrics import match_intensity
from napari_cvdm.restoration.normalization import Normalization
from napari_cvdm.restoration.posterior import Calibration, PosteriorSettings, RunningPosterior

if TYPE_CHECKING:
    from napari_cvdm.models import PretrainedModel

LEAST_CORRELATION = 0.3
"""Least correlation with which a restoration is taken to be one: below, it has next to nothing to do with the
truth, and the gain that would bring it closest would make its error in the units of the input endless."""


@dataclass(frozen=True, eq=False)
class DrawnField:
    """A field in normalised intensity, its draws, and its truth; all (s·Y, s·X).

    Attributes
    ----------
    recording : ndarray, (Y, X) float32
        The camera image.
    centre, scale : ndarray
        The mean network's picture and the residual scale that it states itself, as draws are made about them:
        averaged over the orientations that the settings ask for.
    draws : ndarray, (draws, s·Y, s·X)
        Single draws.
    truth : ndarray
        In units of its own.
    """

    recording: NDArray[np.float32]
    centre: NDArray[np.float32]
    scale: NDArray[np.float32]
    draws: NDArray[np.float32]
    truth: NDArray[np.float32]

    def posterior(
        self,
        settings: PosteriorSettings,
        *,
        draws: int | None = None,
        calibration: Calibration | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and standard deviation of the first draws, put together as `settings` say.

        Parameters
        ----------
        settings : PosteriorSettings
            Antithetic only if the draws were made so.
        draws : int, optional
            How many to use; all, unless given. With 0, the mean network's picture and scale.
        calibration : Calibration, optional
            Applied to the standard deviation.
        """
        import torch

        running = RunningPosterior(torch.from_numpy(self.centre), torch.from_numpy(self.scale), settings)
        for draw in self.draws[:draws]:
            running.add(torch.from_numpy(draw))
        std = running.std()
        if calibration is not None:
            std = calibration.apply(std)
        return running.mean().numpy(), std.numpy()

    def gain(self, mean: ArrayLike) -> float:
        """Gain from a restoration to its truth, in units of the truth's range (0.1 to 99.8 percentile).

        The factor by which errors and standard deviations grow where restorations are compared with their
        truths (`napari_cvdm.assessment.metrics`). Never less than that of `LEAST_CORRELATION`; 1 where there
        is nothing to match, in an empty field or a flat restoration. The range is taken to be half of that
        from the least to the greatest value at least: of a few bright spots the percentiles see nothing.
        """
        picture, truth = np.asarray(mean, np.float64), np.asarray(self.truth, np.float64)
        if truth.std() == 0 or picture.std() == 0:
            return 1.0
        low, high = np.percentile(truth, (0.1, 99.8))
        return self._units(picture, truth) / float(max(high - low, np.ptp(truth) / 2))

    def error(self, mean: ArrayLike) -> NDArray[np.float64]:
        """Error of a restoration whose intensities match the truth's, in normalised intensity.

        How bright the truth is, and on which background it stands, nobody can tell from the recording: gain
        and offset are matched, as in every comparison (`napari_cvdm.assessment.metrics`).
        """
        picture, truth = np.asarray(mean, np.float64), np.asarray(self.truth, np.float64)
        if truth.std() == 0 or picture.std() == 0:  # empty, or nothing found: there is no gain to match
            return picture - picture.mean() if truth.std() == 0 else (truth.mean() - truth) / truth.std()
        return (match_intensity(picture, truth).apply(picture) - truth) / self._units(picture, truth)

    @staticmethod
    def _units(picture: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
        least = LEAST_CORRELATION * float(truth.std() / picture.std())
        return max(match_intensity(picture, truth).gain, least)


def draw_field(
    widefield: ArrayLike,
    truth: ArrayLike,
    model: PretrainedModel,
    *,
    draws: int = 8,
    steps: int | None = None,
    settings: PosteriorSettings | None = None,
) -> DrawnField:
    """Restore one plane and keep everything that its draws are put together from.

    Parameters
    ----------
    widefield, truth : array-like, (Y, X) and (s·Y, s·X)
        What the camera recorded, and what it should look like, in any units.
    model, draws, steps, settings
        As for `napari_cvdm.restore`, which says what is raised, too.
    """
    return _field(widefield, truth, model, draws=draws, steps=steps, keep_draws=True, settings=settings)


def preview_field(widefield: ArrayLike, truth: ArrayLike, model: PretrainedModel) -> DrawnField:
    """Restore one plane as a preview does, in one pass of the mean network: uncalibrated, no draws."""
    return _field(widefield, truth, model, preview=True)


def _field(widefield: ArrayLike, truth: ArrayLike, model: PretrainedModel, **settings: Any) -> DrawnField:
    camera = np.asarray(widefield)
    normalization = Normalization.fit(camera)
    # The mean network's scale as it states it.
    uncalibrated = replace(model, card=replace(model.card, preview_calibration=None))
    result, _, shown = restore_with_mean_pictures(camera, uncalibrated, device="cpu", **settings)
    centre = normalization.apply(shown.mean)
    scale = np.asarray(shown.std / (normalization.span or 1.0), np.float32)
    none = np.empty((0, *centre.shape), np.float32)
    draws = none if result.draws is None else normalization.apply(result.draws)
    return DrawnField(normalization.apply(camera), centre, scale, draws, np.asarray(truth, np.float32))

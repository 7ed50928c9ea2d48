"""The mean network's pictures before the first draw: of one pass, and averaged over orientations."""

import numpy as np
import pytest
import torch

from napari_cvdm.assessment.mean_pictures import restore_with_mean_pictures
from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.cvdm.model import Estimate as CameraEstimate
from napari_cvdm.models import ModelCard, PretrainedModel
from napari_cvdm.restoration.posterior import PosteriorSettings

CAMERA = np.random.default_rng(0).uniform(100, 900, (24, 32))


class LeaningCVDM(CVDM):
    """Brightens the upper fine pixels of each camera pixel, so that its answer turns with the image."""

    def estimate(self, x):
        mean = x.repeat(1, 4, 1, 1) + torch.tensor([1.0, 1.0, -1.0, -1.0]).view(1, 4, 1, 1)
        return CameraEstimate(mean, torch.full_like(mean, 0.1), torch.full_like(mean, 8.0))

    def predict_noise(self, z, x, mean, scale, gamma):
        return (1 - gamma).sqrt() * z


def model():
    network = LeaningCVDM(
        CVDMConfig(mean_widths=(4, 4), mean_blocks=(1, 1), noise_widths=(4, 4), noise_blocks=(1, 1))
    )
    card = ModelCard("leaning", "For tests.", network.config.to_dict(), upscaling=2, default_steps=2)
    return PretrainedModel("leaning", network, card, sha256="0" * 64)


def test_the_first_pass_leans_and_the_average_over_orientations_does_not():
    seen = []
    result, one_pass, averaged = restore_with_mean_pictures(
        CAMERA, model(), seen.append, draws=2, settings=PosteriorSettings(orientations=4), device="cpu"
    )
    plain = CAMERA.repeat(2, axis=0).repeat(2, axis=1)
    assert (one_pass.mean - plain)[::2].min() > 1
    assert (one_pass.mean - plain)[1::2].max() < -1
    np.testing.assert_allclose(averaged.mean, plain, atol=0.01)
    assert result.mean.shape == plain.shape
    assert {event.stage for event in seen} >= {"mean", "refine", "draw", "done"}


def test_with_one_orientation_both_are_the_first_pass():
    _, one_pass, averaged = restore_with_mean_pictures(
        CAMERA, model(), draws=2, settings=PosteriorSettings(orientations=1), device="cpu"
    )
    assert averaged is one_pass


def test_of_a_large_plane_each_tile_is_told():
    seen = []
    restore_with_mean_pictures(CAMERA, model(), seen.append, draws=1, tile=16, device="cpu")
    first, second = [event for event in seen if event.stage == "tile"][:2]
    assert (first.under_way, first.tile, second.tile) == ("mean", 1, 2)


def test_whoever_watches_may_stop_it():
    def stop(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore_with_mean_pictures(CAMERA, model(), stop, draws=2, device="cpu")

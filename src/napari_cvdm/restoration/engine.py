"""Which engine restores a plane: it depends on the kind of the model's networks, and is decided here.

Both engines have the same methods: `estimate` for the first pass, `refine` for what follows before the
draws, `draw` for a draw, `picture` to cut out the image; and `mean_tile` and `noise_tile`, which tell the
sizes of tiles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import torch

from napari_cvdm.models.pretrained import PERCENTILES
from napari_cvdm.reference.model import ReferenceCVDM
from napari_cvdm.reference.sampling import FEWEST_STEPS
from napari_cvdm.restoration.blended import BlendedRestorer
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.execution import fit_threads
from napari_cvdm.restoration.plane import PlaneRestorer
from napari_cvdm.restoration.posterior import PosteriorSettings

if TYPE_CHECKING:
    from napari_cvdm.cvdm.model import CVDM
    from napari_cvdm.models import PretrainedModel

#: Work of one pass of the mean network, in units of one denoising step: it is the larger of the two.
FIRST_PASS_WORK = 2

PlaneEngine: TypeAlias = PlaneRestorer | BlendedRestorer


def plane_engine(
    network: CVDM | ReferenceCVDM,
    device: torch.device,
    tile: int | Literal["auto"],
    settings: PosteriorSettings,
    checkpoint: Callable[[], None] = lambda: None,
    on_tile: Callable[[int, int], object] = lambda done, tiles: None,
) -> PlaneEngine:
    """Set up the engine for a network; the parameters are those of `PlaneRestorer`."""
    if device.type == "cpu":
        fit_threads()
    if isinstance(network, ReferenceCVDM):
        return BlendedRestorer(network, device, tile, settings, checkpoint, on_tile)
    return PlaneRestorer(network, device, tile, settings, checkpoint, on_tile)


def check_model(model: PretrainedModel, steps: int) -> None:
    """Refuse what the networks of a model cannot do; a preview has 0 denoising steps.

    Raises
    ------
    InputError
        If the model is not for single channels, or its sampler needs more steps.
    """
    if not isinstance(model.network, ReferenceCVDM):
        return
    config = model.network.config
    if (config.in_channels, config.out_channels) != (1, 1):
        raise InputError(
            f"The model '{model.name}' is for several channels together ({config.in_channels} in, "
            f"{config.out_channels} out), but images are restored channel by channel. It can be run from "
            "Python with napari_cvdm.reference.sampling.sample."
        )
    if 0 < steps < FEWEST_STEPS:
        raise InputError(
            f"The model '{model.name}' needs at least {FEWEST_STEPS} denoising steps, not {steps}."
        )


def settings_for(model: PretrainedModel, settings: PosteriorSettings) -> PosteriorSettings:
    """Make settings that suit a model's networks of the given ones.

    The published networks are sampled as published: with their own sampler and independent draws. Draws in
    antithetic pairs, shrinkage and a weight for the scale all lean on a mean network with a scale of its own.

    Raises
    ------
    InputError
        If the published sampler is asked for with networks of our own.
    """
    if not isinstance(model.network, ReferenceCVDM):
        if settings.sampler == "published":
            raise InputError(
                f"The sampler 'published' is for the authors' networks, and the model '{model.name}' is not "
                "one of them: leave the sampler out."
            )
        return settings
    return replace(
        settings, antithetic=False, shrinkage=0.0, scale_weight=0.0, orientations=1, sampler="published"
    )


def percentiles_for(model: PretrainedModel) -> tuple[float, float]:
    """Return the percentiles of the intensities that bound the range which a model's networks know."""
    if not isinstance(model.network, ReferenceCVDM):
        return PERCENTILES
    return model.network.config.percentiles

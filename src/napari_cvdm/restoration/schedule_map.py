"""The learned schedule of a model, as a map over one plane.

CVDM learns how fast noise is added during training, pixel by pixel, from the recorded image alone:
γ(t, x) = exp(−λ(x) · Γ(t)) is the share of the signal's power that is left at time t. Where λ(x) is large,
the schedule hides a pixel early. What it means for a micrograph is a matter of observation: with the bundled
weights λ(x) is larger where there is structure and goes along with the stated uncertainty, but has no unit
and orders the true errors less well. It is available from one pass of a small network, before anything is
drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_cvdm.restoration.errors import InputError

if TYPE_CHECKING:
    from napari_cvdm.models import PretrainedModel

#: Camera pixels of a tile's side. The network is small: tiles bound the memory, and let it be cancelled.
_TILE = 512


def schedule_map(
    plane: NDArray[Any], model: PretrainedModel, *, checkpoint: Callable[[], None] = lambda: None
) -> NDArray[np.float32]:
    """Compute the rate λ(x) of the learned schedule for one plane, on the CPU.

    Parameters
    ----------
    plane : ndarray, (Y, X)
        The recorded plane, normalised as for the restoration (`normalization.Normalization.apply`).
    model : PretrainedModel
        A model with a learned schedule.
    checkpoint : callable, optional
        Called before every tile; what it raises ends the computation.

    Returns
    -------
    ndarray
        float32, shape (s·Y, s·X): λ(x) > 0, without unit.

    Raises
    ------
    InputError
        If the model has no learned schedule that is separate from time, or one λ for all pixels.

    References
    ----------
    della Maggiora et al., Conditional Variational Diffusion Models, ICLR 2024, arXiv 2312.02246, section 3.
    """
    import torch

    from napari_cvdm.reference.model import ReferenceCVDM
    from napari_cvdm.restoration.blended import BlendedRestorer
    from napari_cvdm.restoration.execution import plain_inference
    from napari_cvdm.restoration.posterior import PosteriorSettings
    from napari_cvdm.restoration.tiling import apply_tiled, pad_by_reflection, plan_padding

    network: Any = model.network
    if isinstance(network, ReferenceCVDM):
        engine = BlendedRestorer(network, torch.device("cpu"), "auto", PosteriorSettings(), checkpoint)
        estimate = engine.estimate(plane)
        theirs: NDArray[np.float32] = engine.picture(estimate, estimate.lam).float().numpy().copy()
        return theirs
    if not hasattr(network, "rate_network"):
        raise InputError(
            f"The model '{model.name}' has no learned schedule that could be shown as one map: "
            "restore with the default model to see it."
        )
    height, width = plane.shape
    padding = plan_padding(height, width, network.granularity)
    with plain_inference():
        image = torch.from_numpy(np.ascontiguousarray(plane, np.float32))[None, None]
        (rate,) = apply_tiled(
            lambda x: (network.rate(x),),
            (pad_by_reflection(image, padding),),
            tile=_TILE,
            halo=network.rate_network.receptive_field,
            granularity=network.granularity,
            checkpoint=checkpoint,
        )
        fine = padding.crop_fine(network.unfold(rate)[0, 0], network.upscaling)
    result: NDArray[np.float32] = fine.float().numpy().copy()
    return result

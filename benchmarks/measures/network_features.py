"""What the networks make of an image: candidates for a score of novelty, as its own statistics are."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from napari_cvdm.models import PretrainedModel
from napari_cvdm.restoration.execution import plain_inference


def network_features(image: ArrayLike, model: PretrainedModel) -> tuple[NDArray[np.float64], float]:
    """Return the mean network's deepest features, averaged over the image, and the mean rate λ.

    Parameters
    ----------
    image : array-like, (Y, X)
        Normalised intensities; sides that are multiples of the network's granularity.
    model : PretrainedModel
        With networks of this package's own kind.

    Returns
    -------
    features : ndarray, (channels,)
    rate : float
    """
    network: Any = model.network
    found: list[Any] = []
    deepest = network.mean_network.encoders[-1]
    hook = deepest.register_forward_hook(lambda _module, _inputs, output: found.append(output))
    try:
        with plain_inference():
            estimate = network.estimate(torch.from_numpy(np.asarray(image, np.float32))[None, None])
    finally:
        hook.remove()
    return found[0].mean((0, 2, 3)).double().numpy(), float(estimate.lam.mean())

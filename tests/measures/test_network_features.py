"""Features of the networks: averages over the image, in the formats that restorations have."""

import numpy as np
import torch
from measures.network_features import network_features

from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.models import ModelCard, PretrainedModel


def test_the_deepest_features_and_the_rate_are_averages_over_the_image() -> None:
    config = CVDMConfig(
        mean_widths=(4, 6), mean_blocks=(1, 1), noise_widths=(4, 4), noise_blocks=(1, 1), scale_width=4
    )
    torch.manual_seed(0)
    network = CVDM(config).eval()
    card = ModelCard("small", "test", config.to_dict(), 2, 3)
    model = PretrainedModel("small", network, card, "0" * 64)
    features, rate = network_features(np.ones((16, 16)), model)
    assert features.shape == (6,)
    assert config.rate_bounds[0] < rate < config.rate_bounds[1]
    assert not network.mean_network.encoders[-1]._forward_hooks
    with torch.autocast("cpu", dtype=torch.bfloat16):  # of the caller's, which restorations do not follow
        np.testing.assert_array_equal(network_features(np.ones((16, 16)), model)[0], features)

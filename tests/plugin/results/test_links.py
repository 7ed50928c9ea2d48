"""What napari does to linked layers is told from what others do."""

from __future__ import annotations

import numpy as np
from napari.experimental import link_layers, unlink_layers
from napari.layers import Image

from napari_cvdm.plugin.results.links import link_callbacks


def test_only_the_links_of_an_attribute_are_found():
    layers = [Image(np.zeros((8, 8)), contrast_limits=(0, 1)) for _ in range(3)]
    layers[0].events.visible.connect(lambda event: None)
    assert link_callbacks(layers[0], "visible") == []
    link_layers(layers, ["visible"])
    assert len(link_callbacks(layers[0], "visible")) == 2
    assert link_callbacks(layers[0], "contrast_limits") == []
    unlink_layers(layers, ["visible"])
    assert link_callbacks(layers[0], "visible") == []

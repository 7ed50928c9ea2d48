"""Only the layer at hand is heard."""

from __future__ import annotations

import numpy as np
from napari.layers import Image

from napari_cvdm.plugin.viewer.following import follow


def test_a_layer_is_heard_until_another_takes_its_place():
    first, second = Image(np.zeros((8, 8))), Image(np.zeros((8, 8)))
    heard: list[str] = []
    slots = {"gamma": lambda event: heard.append("gamma"), "colormap": lambda event: heard.append("colormap")}
    followed = follow(first, None, slots)
    assert follow(first, followed, slots) is first  # not twice
    first.gamma = 0.5
    assert heard == ["gamma"]
    assert follow(second, first, slots) is second
    first.gamma = 0.7
    second.colormap = "magma"
    assert heard == ["gamma", "colormap"]
    assert follow(None, second, slots) is None
    second.gamma = 0.5
    assert heard == ["gamma", "colormap"]

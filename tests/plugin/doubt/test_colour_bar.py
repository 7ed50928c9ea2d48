"""The bar has the layer's colours and numbers, and follows its contrast limits."""

from __future__ import annotations

import numpy as np
from napari.layers import Image

from napari_cvdm.plugin.doubt.colour_bar import ColourBar


def test_it_shows_the_layer_s_colours_and_limits(qtbot):
    bar = ColourBar()
    qtbot.addWidget(bar)
    bar.resize(200, 40)
    bar.grab()  # nothing to show yet
    layer = Image(np.zeros((4, 4)), colormap="magma", contrast_limits=(0, 1200))
    bar.show_scale_of(layer, "absolute")
    assert bar.labels() == ("0", "600", "1200")
    picture = bar.grab().toImage()
    left, right = picture.pixelColor(6, 4), picture.pixelColor(193, 4)
    assert left.lightness() < 30
    assert right.lightness() > 180
    layer.contrast_limits = (0, 800)
    assert bar.labels()[2] == "800"
    bar.show_scale_of(layer, "relative")
    layer.contrast_limits = (0, 0.5)
    assert bar.labels() == ("0 %", "25 %", "50 %")
    low = bar.sizeHint().height()
    bar.setStyleSheet("QLabel { font-size: 40px; }")  # as napari's theme does with the size chosen there
    assert bar.sizeHint().height() > low + 15
    bar.show_scale_of(None, "absolute")
    assert bar.labels() == ("", "", "")

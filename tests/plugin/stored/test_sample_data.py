"""The sample opens from napari's menu and knows its pixel size."""

from __future__ import annotations

import numpy as np
from napari.layers import Image

from napari_cvdm.plugin.image.reading import describe, read_layer
from napari_cvdm.plugin.stored.sample_data import tubulin


def test_the_micrograph_has_its_pixel_size_and_axes():
    ((data, metadata, kind),) = tubulin()
    assert kind == "image"
    assert data.dtype == np.uint16
    reading = read_layer(Image(data, **metadata))
    assert round(reading.pixel_size, 3) == 65
    assert reading.axes == "YX"
    assert describe(reading) == "240 × 512 pixels"


def test_it_opens_by_its_key_in_the_manifest(viewer):
    (layer,) = viewer.open_sample("napari-cvdm", "tubulin")
    assert layer.name == "tubulin"
    assert str(layer.units[0]) == "micrometer"

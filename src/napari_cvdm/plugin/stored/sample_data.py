"""A real micrograph for File → Open Sample."""

from __future__ import annotations

from napari_cvdm.files.samples import read_sample
from napari_cvdm.plugin.results.layers import LayerData
from napari_cvdm.plugin.stored.stored_results import StoredSizes, plain_attributes


def tubulin() -> list[LayerData]:
    """Open the wide-field micrograph of microtubules that comes with the package."""
    sample = read_sample("tubulin_widefield")
    return [(sample.data, plain_attributes("tubulin", sample.axes, StoredSizes(sample.pixel_size)), "image")]

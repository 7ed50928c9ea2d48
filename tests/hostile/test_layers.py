"""Hostile layers through the widget's reading, its worker and the placing of results, without a window."""

import re

import numpy as np
import pytest
from napari.layers import Image

import napari_cvdm
from napari_cvdm.models import PretrainedModel
from napari_cvdm.plugin.image.reading import describe, read_layer
from napari_cvdm.plugin.results.layers import InputLayer, result_metadata
from napari_cvdm.plugin.results.placement import placement_of
from napari_cvdm.plugin.running.messages import Done, Pictures
from napari_cvdm.plugin.running.worker import Job, RestorationFailed
from tests.hostile.case import Case, is_one_clear_sentence
from tests.hostile.layers import layer_cases


@pytest.mark.parametrize("case", layer_cases(), ids=lambda case: case.name)
def test_ends_well(case: Case, model: PretrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(napari_cvdm, "load_model", lambda *args, **kwargs: model, raising=False)
    layer = Image(case.make(), contrast_limits=(0, 1000), **case.settings)
    data = layer.data[0] if layer.multiscale else layer.data
    before = np.asarray(data).tobytes()
    reading = read_layer(layer)
    assert describe(reading)
    job = Job("hostile", data, reading.axes, rgb=reading.rgb, draws=1, steps=1, device="cpu")
    if case.outcome == "refused":
        with pytest.raises(RestorationFailed) as caught:
            _carry_out(job)
        message = str(caught.value)
        assert is_one_clear_sentence(message), message
        assert re.search(case.words, message), message
    else:
        assert isinstance(_carry_out(job)[-1], Done)
        _assert_placed(layer, reading.axes)
    assert np.asarray(data).tobytes() == before


def _carry_out(job: Job) -> list[object]:
    messages: list[object] = []
    for message in job.messages():
        messages.append(message)
        if isinstance(message, Pictures):
            message.shown.set()
    return messages


def _assert_placed(layer: Image, axes: str) -> None:
    """The centre of the four fine pixels of a camera pixel is that pixel's centre in the world."""
    fine_axes = axes.index("Y"), axes.index("X")
    shape = read_layer(layer).shape
    fine_shape = [2 * n if a in fine_axes else n for a, n in enumerate(shape)]
    placement = placement_of({"upscaling": 2}, axes, fine_shape)
    place = result_metadata(InputLayer.of(layer), "reconstruction", placement, set())
    fine = Image(np.zeros((2,) * layer.ndim), contrast_limits=(0, 1), **place)
    coarse_index, fine_index = np.full(layer.ndim, 1.0), np.full(layer.ndim, 1.0)
    fine_index[list(fine_axes)] = 2.5
    there, here = np.array(layer.data_to_world(coarse_index)), np.array(fine.data_to_world(fine_index))
    np.testing.assert_allclose(here, there, rtol=1e-6, atol=1e-9 * np.abs(there).max() + 1e-12)

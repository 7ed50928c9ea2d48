"""Each channel of a result has contrast limits of its own, and the layer has those of the channel in view."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.experimental import link_layers
from napari.layers import Image

from napari_cvdm.plugin.results.layer_contrast import LayerContrast, follow_channels
from napari_cvdm.plugin.results.layers import CHANNELS_KEY, METADATA_KEY

BRIGHT, DIM = (0.0, 1000.0), (0.0, 50.0)


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def layer(viewer: ViewerModel) -> Image:
    """Two channels of three planes."""
    about = {METADATA_KEY: {"picture": "reconstruction"}}
    data = np.zeros((3, 2, 8, 6), np.float32)
    return viewer.add_image(data, contrast_limits=BRIGHT, metadata=about, name="a")


@pytest.fixture
def contrast(viewer: ViewerModel, layer: Image) -> LayerContrast:
    show(viewer, 0)
    return LayerContrast(layer, "reconstruction", viewer.dims, {0: BRIGHT, 1: DIM}, axis=1)


def show(viewer: ViewerModel, channel: int) -> None:
    viewer.dims.set_current_step(1, channel)


def test_the_layer_has_the_limits_of_the_channel_in_view(viewer, layer, contrast):
    assert tuple(layer.contrast_limits) == BRIGHT
    show(viewer, 1)
    assert tuple(layer.contrast_limits) == DIM
    assert tuple(layer.contrast_limits_range) == (-DIM[1] / 2, 2 * DIM[1])
    viewer.dims.set_current_step(0, 2)
    assert tuple(layer.contrast_limits) == DIM
    show(viewer, 0)
    assert tuple(layer.contrast_limits) == BRIGHT


def test_what_the_user_sets_is_kept_for_that_channel_alone(viewer, layer, contrast):
    show(viewer, 1)
    layer.contrast_limits = (10, 20)
    show(viewer, 0)
    assert tuple(layer.contrast_limits) == BRIGHT
    show(viewer, 1)
    assert tuple(layer.contrast_limits) == (10, 20)
    contrast.fit({0: (0.0, 2000.0), 1: (0.0, 100.0)}, final=True)
    assert tuple(layer.contrast_limits) == (10, 20)
    show(viewer, 0)
    assert tuple(layer.contrast_limits) == (0, 2000)


def test_a_channel_out_of_view_is_fitted_as_the_run_goes_on(viewer, layer):
    show(viewer, 1)
    contrast = LayerContrast(layer, "reconstruction", viewer.dims, {0: BRIGHT}, axis=1)
    assert tuple(layer.contrast_limits) == BRIGHT  # there is nothing of channel 1 yet
    contrast.fit({0: BRIGHT, 1: DIM}, final=False)
    assert tuple(layer.contrast_limits) == DIM
    contrast.fit({0: (0.0, 1001.0), 1: (0.0, 51.0)}, final=False)
    assert tuple(layer.contrast_limits) == DIM  # such a small change would only flicker
    contrast.fit({0: (0.0, 1001.0), 1: (0.0, 51.0)}, final=True)
    assert tuple(layer.contrast_limits) == (0, 51)
    show(viewer, 0)
    assert tuple(layer.contrast_limits) == (0, 1001)


def test_limits_set_before_there_is_a_picture_are_the_user_s(viewer, layer):
    show(viewer, 1)
    contrast = LayerContrast(layer, "reconstruction", viewer.dims, {0: BRIGHT}, axis=1)
    layer.contrast_limits = (3, 4)
    contrast.fit({0: BRIGHT, 1: DIM}, final=True)
    assert tuple(layer.contrast_limits) == (3, 4)


def test_where_the_channels_lie_in_the_world_matters(viewer, layer, contrast):
    viewer.add_image(np.zeros((9, 3, 5, 8, 6), np.float32), scale=(1, 1, 2, 1, 1), name="larger")
    layer.scale, layer.translate = (1, 3, 1, 1), (0, 4, 0, 0)
    viewer.dims.set_point(2, 4)
    assert tuple(layer.contrast_limits) == BRIGHT
    viewer.dims.set_point(2, 7)
    assert tuple(layer.contrast_limits) == DIM
    for outside in (0, 8):  # nothing of the layer is seen there
        viewer.dims.set_point(2, outside)
        assert tuple(layer.contrast_limits) == DIM


def test_all_channels_at_once_have_no_limits_of_their_own(viewer, layer, contrast):
    viewer.dims.ndisplay = 3
    show(viewer, 1)  # the channels are displayed along the third axis
    assert tuple(layer.contrast_limits) == BRIGHT
    layer.contrast_limits = (1, 2)
    viewer.dims.order = (1, 0, 2, 3)
    assert tuple(layer.contrast_limits) == DIM
    show(viewer, 0)
    assert tuple(layer.contrast_limits) == (1, 2)  # as the user set those of the channel seen last


def test_limits_linked_to_another_layer_s_do_not_change_them(viewer, layer, contrast):
    other = viewer.add_image(np.zeros((3, 2, 8, 6)), contrast_limits=BRIGHT)
    link_layers([layer, other], ["contrast_limits"])
    show(viewer, 1)
    assert tuple(layer.contrast_limits) == tuple(other.contrast_limits) == BRIGHT


def test_uncertainty_of_one_channel_has_room_from_zero(viewer):
    layer = viewer.add_image(np.ones((8, 6), np.float32), contrast_limits=(0, 1))
    contrast = LayerContrast(layer, "uncertainty", viewer.dims, {0: (4.0, 10.0)})
    assert tuple(layer.contrast_limits) == (4, 10)
    assert tuple(layer.contrast_limits_range) == (0, 20)
    contrast.fit({0: (4.1, 10.1)}, final=False)
    assert tuple(layer.contrast_limits) == (4, 10)  # such a small change would only flicker
    contrast.fit({0: (8.0, 20.0)}, final=False)
    assert tuple(layer.contrast_limits) == (8, 20)
    assert CHANNELS_KEY not in layer.metadata


def test_stored_layers_follow_again(viewer, layer):
    layer.metadata[CHANNELS_KEY] = {"axis": 1, "ndim": 4, "limits": {0: BRIGHT, 1: DIM}}
    plain = viewer.add_image(np.zeros((3, 2, 8, 6)), contrast_limits=(1, 2))
    show(viewer, 1)
    for _ in range(2):  # opening another file comes round to all layers again
        follow_channels(viewer.dims, list(viewer.layers))
    assert tuple(layer.contrast_limits) == DIM
    layer.contrast_limits = (10, 20)
    show(viewer, 0)
    assert layer.metadata[CHANNELS_KEY]["limits"] == {0: BRIGHT, 1: (10, 20)}
    assert tuple(plain.contrast_limits) == (1, 2)


def test_it_keeps_no_layer_alive(viewer):
    layer = Image(np.zeros((2, 8, 6)), contrast_limits=BRIGHT)
    gone, contrast = weakref.ref(layer), LayerContrast(layer, "reconstruction", viewer.dims, {0: BRIGHT}, 0)
    follower = weakref.ref(contrast)
    del layer, contrast
    gc.collect()
    assert gone() is None
    assert follower() is None

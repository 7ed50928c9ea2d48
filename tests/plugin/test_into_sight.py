"""What is to be shown is shown once, unless somebody wants it hidden before."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from napari.layers import Image

from napari_cvdm.plugin.into_sight import bring_into_sight, come_into_sight_later, keep_out_of_sight


@pytest.fixture
def layer() -> Image:
    return Image(np.zeros((4, 4)), visible=False)


def test_a_layer_comes_into_sight_once(layer):
    come_into_sight_later(layer)
    assert not layer.visible
    bring_into_sight(layer)
    assert layer.visible
    layer.visible = False
    bring_into_sight(layer)
    assert not layer.visible


def test_one_that_was_kept_out_of_sight_stays_there(layer):
    come_into_sight_later(layer)
    assert keep_out_of_sight(layer)
    assert not keep_out_of_sight(layer)
    bring_into_sight(layer)
    assert not layer.visible


def test_one_that_is_deleted_before_is_not_kept():
    layer = Image(np.zeros((4, 4)), visible=False)
    come_into_sight_later(layer)
    gone = weakref.ref(layer.data)
    del layer
    gc.collect()
    assert gone() is None

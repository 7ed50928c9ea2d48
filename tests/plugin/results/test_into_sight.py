"""What is to be shown is shown once, unless somebody wants it hidden before."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from napari.experimental import link_layers
from napari.layers import Image

from napari_cvdm.plugin.results.into_sight import (
    bring_into_sight,
    come_into_sight_later,
    hide,
    is_seen_without_view,
    lend_to_view,
    set_visible_alone,
    show_again,
    take_back_from_view,
)


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


def test_one_that_a_view_hides_before_is_seen_after_it(layer):
    come_into_sight_later(layer)
    lend_to_view(layer)
    bring_into_sight(layer)
    assert not layer.visible
    assert take_back_from_view(layer)


def test_what_is_hidden_or_shown_during_a_view_is_so_after_it(layer):
    layer.visible = True
    lend_to_view(layer)
    layer.visible = False  # by the view
    assert is_seen_without_view(layer)
    hide(layer)
    assert not is_seen_without_view(layer)
    show_again(layer)
    assert not layer.visible
    assert take_back_from_view(layer)
    hide(layer)
    assert not layer.visible
    show_again(layer)
    assert layer.visible
    assert is_seen_without_view(layer)


def test_one_that_is_seen_keeps_its_tool(layer):
    layer.visible = True
    layer.mode = "transform"
    set_visible_alone(layer, True)  # napari would take the tool away
    assert layer.mode == "transform"


def test_layers_that_the_user_has_linked_are_neither_shown_nor_hidden_with_another():
    layer, other = (Image(np.zeros((4, 4))) for _ in range(2))
    link_layers([layer, other], ["visible", "opacity"])
    set_visible_alone(layer, False)
    assert (layer.visible, other.visible) == (False, True)
    show_again(layer)
    hide(layer)
    assert (layer.visible, other.visible) == (False, True)
    other.visible = False
    come_into_sight_later(layer)
    bring_into_sight(layer)
    assert (layer.visible, other.visible) == (True, False)
    other.visible = True
    layer.visible = False
    assert not other.visible  # linked they are, as before


def test_one_that_is_deleted_before_is_not_kept():
    layer = Image(np.zeros((4, 4)), visible=False)
    come_into_sight_later(layer)
    lend_to_view(layer)
    gone = weakref.ref(layer.data)
    del layer
    gc.collect()
    assert gone() is None

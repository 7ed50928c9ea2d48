"""A new layer takes its place without anybody turning to it."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_cvdm.plugin.results.adding import OwnChange, insert_quietly


def image(name: str) -> Image:
    return Image(np.zeros((8, 8)), name=name)


def test_it_goes_above_another_layer_and_selects_nothing(viewer) -> None:
    for name in ("a", "b", "c"):
        viewer.layers.append(image(name))
    viewer.layers.selection = {viewer.layers["a"], viewer.layers["b"]}
    turned_to, selection = [], set(viewer.layers.selection)
    viewer.layers.selection.events.changed.connect(
        lambda event: turned_to.extend((*event.added, *event.removed))
    )
    insert_quietly(viewer, image("new"), above=viewer.layers["a"])
    assert [layer.name for layer in viewer.layers] == ["a", "new", "b", "c"]
    assert viewer.layers.selection == selection
    assert not turned_to  # not even for a moment
    insert_quietly(viewer, image("top"), above=image("not there"))
    assert viewer.layers[-1].name == "top"


def test_the_user_s_next_layer_is_selected_as_ever(viewer) -> None:
    viewer.layers.append(image("a"))
    insert_quietly(viewer, image("new"))
    assert viewer.layers.selection.active.name == "a"
    viewer.layers.append(image("by the user"))
    assert viewer.layers.selection.active.name == "by the user"


@pytest.mark.parametrize("selected", [0, 1, 2])
def test_a_napari_that_selects_every_new_layer_selects_what_was_selected_again(selected) -> None:
    viewer = ViewerModel()
    layers = [viewer.add_image(np.zeros((8, 8))) for _ in range(2)]
    viewer.layers.selection = set(layers[:selected])
    active = viewer.layers.selection.active
    viewer.layers.events.inserted.connect(lambda event: viewer.layers.selection.select_only(event.value))
    insert_quietly(viewer, image("new"))
    assert viewer.layers.selection == set(layers[:selected])
    assert viewer.layers.selection.active is active


def test_what_changes_by_the_plugin_s_doing_can_be_told(qapp) -> None:
    viewer, by_plugin = ViewerModel(), []
    viewer.layers.events.inserted.connect(lambda: by_plugin.append(OwnChange.under_way()))
    insert_quietly(viewer, image("ours"))
    viewer.layers.append(image("the user's"))
    assert by_plugin == [True, False]

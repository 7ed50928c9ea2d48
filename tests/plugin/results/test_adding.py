"""A new layer takes its place without anybody turning to it."""

from __future__ import annotations

import numpy as np
from napari.layers import Image

from napari_cvdm.plugin.results.adding import insert_quietly


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

"""The form is about the image that the user turned to last, wherever, and nobody else turns it."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from magicgui.widgets import ComboBox
from napari.components import ViewerModel
from napari.components.layerlist import LayerList
from napari.layers import Image
from qtpy.QtCore import QObject

from napari_cvdm.plugin.panel.image_choice import ImageChoice
from napari_cvdm.plugin.results.adding import OwnChange, insert_quietly
from napari_cvdm.plugin.results.layers import METADATA_KEY
from napari_cvdm.plugin.running.planning import layers_to_restore


def image(name: str, **attributes) -> Image:
    return Image(np.zeros((8, 8)), name=name, **attributes)


def result(name: str) -> Image:
    return image(name, metadata={METADATA_KEY: {}})


@pytest.fixture
def viewer() -> ViewerModel:
    """A viewer with two images, of which the second is selected."""
    viewer = ViewerModel()
    for name in ("a", "b"):
        viewer.layers.append(image(name))
    return viewer


@pytest.fixture
def field(qtbot, viewer) -> ComboBox:
    field = ComboBox(choices=lambda _: layers_to_restore(viewer))
    qtbot.addWidget(field.native)
    return field


@pytest.fixture
def choice(field, viewer):
    owner = QObject()
    choice = ImageChoice(field, viewer, owner)
    for event in (viewer.layers.events.inserted, viewer.layers.events.removed):
        event.connect(choice.offer)
    choice.offer()
    yield choice
    choice.close()
    owner.deleteLater()


@pytest.fixture
def chosen(field, choice):
    """Tell the name of the image in the field."""
    return lambda: None if field.value is None else field.value.name


def select(viewer: ViewerModel, name: str) -> None:
    viewer.layers.selection.active = viewer.layers[name]


def test_it_begins_with_the_selected_image(chosen):
    assert chosen() == "b"


def test_the_last_choice_counts_be_it_in_the_field_or_in_the_list(viewer, field, chosen):
    field.value = viewer.layers["a"]
    assert chosen() == "a"
    select(viewer, "b")  # which was selected before
    assert chosen() == "b"
    field.value = viewer.layers["a"]
    viewer.layers.append(image("opened"))
    assert chosen() == "opened"
    field.value = viewer.layers["a"]
    select(viewer, "b")
    assert chosen() == "b"
    viewer.layers["a"].name = "renamed"
    assert chosen() == "b"


def test_other_layers_and_several_at_once_turn_nothing(viewer, field, chosen):
    field.value = viewer.layers["a"]
    viewer.add_points()
    viewer.layers.append(result("r"))
    viewer.layers.selection = {viewer.layers["a"], viewer.layers["b"]}
    viewer.layers.selection.active = None
    assert chosen() == "a"


def test_a_choice_in_the_field_takes_the_selection_from_another_image_only(viewer, field, chosen):
    field.value = viewer.layers["a"]
    assert viewer.layers.selection.active.name == "a"
    shapes = viewer.add_shapes()
    field.value = viewer.layers["b"]
    assert viewer.layers.selection.active is shapes  # the user may be drawing
    select(viewer, "a")
    assert chosen() == "a"


@pytest.mark.parametrize("has_switch", [True, False])
def test_layers_of_the_plugin_s_own_turn_nothing(viewer, field, chosen, monkeypatch, has_switch):
    if not has_switch:  # as in napari 0.9.1, which selects each new layer whatever it is told
        always = property(lambda layers: True, lambda layers, value: None)
        monkeypatch.setattr(LayerList, "_activate_on_insert", always, raising=False)
    viewer.layers.append(result("deleted"))
    field.value = viewer.layers["a"]
    viewer.layers.remove_selected()  # napari selects "b"
    insert_quietly(viewer, result("r"))
    assert viewer.layers.selection.active.name == "b"
    assert chosen() == "a"
    viewer.layers.selection = {viewer.layers["r"], viewer.layers["b"]}
    with OwnChange():
        viewer.layers.remove("r")
    assert viewer.layers.selection.active.name == "b"
    assert chosen() == "a"
    select(viewer, "a")
    select(viewer, "b")
    assert chosen() == "b"


def test_the_neighbour_of_what_was_deleted_is_nobody_s_choice(viewer, field, chosen):
    viewer.layers.append(result("r"))
    field.value = viewer.layers["a"]
    viewer.layers.remove_selected()
    assert viewer.layers.selection.active.name == "b"
    assert chosen() == "a"


def test_when_the_image_is_gone_the_selected_one_follows(viewer, field, chosen):
    viewer.layers.append(image("c"))
    viewer.layers.remove_selected()
    assert chosen() == "b"  # as napari has selected it, and not the first
    field.value = viewer.layers["a"]
    viewer.layers.remove("a")
    assert chosen() == "b"
    viewer.layers.clear()
    assert chosen() is None
    viewer.layers.append(image("d"))
    assert chosen() == "d"


def test_it_tells_of_every_change_and_after_closing_of_none(qtbot, viewer, field, choice):
    for act in (
        partial(select, viewer, "a"),
        partial(setattr, field, "value", viewer.layers["b"]),
        partial(viewer.add_points),
    ):
        with qtbot.waitSignal(choice.changed, timeout=10_000):
            act()
    choice.close()
    select(viewer, "a")
    assert field.value.name == "b"

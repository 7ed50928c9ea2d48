"""The map of a check is seen where it means something, and goes with what it is about."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_cvdm.plugin.doubt.disagreement_map import ABOUT_MAP
from napari_cvdm.plugin.doubt.views import VIEWS

NAME = "cell disagreement"


@pytest.fixture
def add_map(viewer):
    """Show a map with one bright spot, as a check does that was asked about the plane in view."""

    def add(panel) -> bool:
        found = np.zeros((32, 40))
        found[8:12, 20:24] = 9
        part = SimpleNamespace(rows=slice(0, 32), columns=slice(0, 40))
        checks = SimpleNamespace(consistency=SimpleNamespace(map=found), part=part)
        link = panel.link
        return panel.checks._map.show(checks, link.result, link.original, link.current())

    return add


def is_seen(viewer) -> bool:
    return NAME in viewer.layers and viewer.layers[NAME].visible


def test_what_noise_explains_is_dark(viewer, panel, add_map, qtbot):
    assert add_map(panel)
    qtbot.waitUntil(lambda: is_seen(viewer), timeout=10_000)
    assert viewer.layers[NAME].contrast_limits == [5, 10]  # docs/checks.md: above 5 needs an explanation
    assert viewer.layers[NAME].colormap.map(0.0)[0, :3].max() < 0.02
    assert viewer.layers[NAME].blending == "additive"  # so that the dark hides nothing


def test_it_is_painted_over_no_view_and_comes_back_after(viewer, add_result, open_panel, add_map, qtbot):
    add_result(draws=2)
    panel = open_panel()
    add_map(panel)
    qtbot.waitUntil(lambda: is_seen(viewer), timeout=10_000)
    for view in VIEWS[1:-1]:
        panel.views.choose(view.key)
        qtbot.waitUntil(lambda: not is_seen(viewer), timeout=30_000)
        panel.views.choose("own")
        qtbot.waitUntil(lambda: is_seen(viewer), timeout=30_000)


def test_one_that_comes_during_a_view_is_seen_in_the_view_that_the_finding_names(
    viewer, panel, add_map, qtbot
):
    panel.views.choose("colour")
    overlay = "cell CVDM overlay"
    qtbot.waitUntil(lambda: overlay in viewer.layers and viewer.layers[overlay].visible, timeout=10_000)
    assert add_map(panel)
    qtbot.wait(200)
    assert not is_seen(viewer)
    (named,) = (view for view in VIEWS if f"“{view.name}”" in ABOUT_MAP)
    panel.views.choose(named.key)
    qtbot.waitUntil(lambda: is_seen(viewer), timeout=10_000)


@pytest.mark.parametrize("view", [view.key for view in VIEWS[1:4]])
def test_one_that_comes_just_before_a_view_is_seen_after_it(viewer, panel, add_map, qtbot, view):
    assert add_map(panel)  # out of sight for the moment
    panel._arrangement.show(view)
    qtbot.wait(200)
    assert not is_seen(viewer)
    panel._arrangement.show("own")
    assert is_seen(viewer)


def test_there_is_none_without_the_original(viewer, panel, add_map, qtbot):
    add_map(panel)
    panel.link.choose_original(None)
    qtbot.waitUntil(lambda: NAME not in viewer.layers, timeout=10_000)
    assert not add_map(panel)
    assert NAME not in viewer.layers


def test_there_is_none_along_other_axes(viewer, add_result, open_panel, add_map, qtbot):
    add_result((3, 64, 80))
    panel = open_panel()
    viewer.dims.order = (1, 0, 2)
    assert panel.link.current().displayed == (0, 2)
    assert not add_map(panel)
    assert NAME not in viewer.layers


def test_it_goes_with_its_result_but_not_in_the_middle_of_the_removal(
    viewer, add_result, open_panel, add_map, qtbot
):
    add_result(run="1")
    add_result(run="2", name="other", with_original=False)
    panel = open_panel([viewer.layers["cell CVDM"]])
    add_map(panel)
    under_way, deepest = [], []
    viewer.layers.events.removing.connect(lambda: under_way.append(1))
    viewer.layers.events.removing.connect(lambda: deepest.append(len(under_way)), position="last")
    viewer.layers.events.removed.connect(lambda event: under_way.pop(), position="last")
    viewer.layers.remove("cell CVDM")
    qtbot.waitUntil(lambda: NAME not in viewer.layers, timeout=10_000)
    assert panel.results.currentText() == "other CVDM"
    assert deepest == [1, 1]

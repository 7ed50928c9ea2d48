"""Pictures of a view are made for its result only, whatever happens meanwhile."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.mark.parametrize("key", ["uncertainty", "colour", "opacity", "swipe", "draws"])
def test_another_result_gets_its_own_picture(viewer, add_result, open_panel, qtbot, key):
    add_result(run="1", draws=2)
    first = viewer.layers["cell CVDM"]
    add_result(run="2", name="other", draws=2, seed=5)
    panel = open_panel()

    def pictures() -> list[str]:
        return [layer.name for layer in viewer.layers if panel._pictures_kept.owns(layer)]

    panel.views.choose(key)
    qtbot.waitUntil(lambda: [name.split()[0] for name in pictures()] == ["other"], timeout=10_000)
    viewer.layers.selection.active = first
    qtbot.waitUntil(lambda: [name.split()[0] for name in pictures()] == ["cell"], timeout=10_000)


def test_relative_uncertainty_is_a_share_of_the_signal(viewer, panel, qtbot):
    panel.measure.setCurrentIndex(1)
    panel.views.choose("uncertainty")
    qtbot.waitUntil(lambda: "cell CVDM uncertainty map" in viewer.layers, timeout=20_000)
    shown = viewer.layers["cell CVDM uncertainty map"].data
    look = panel.link.look
    bright = look.doubt.signal > look.doubt.faintest
    ratio = viewer.layers["cell CVDM uncertainty"].data[bright] / look.doubt.signal[bright]
    np.testing.assert_allclose(shown[bright], ratio, rtol=1e-5)


def test_a_rotated_anisotropic_original_is_swiped_in_its_place(viewer, add_result, open_panel, qtbot):
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    original, *_ = add_result(rotate=turn)
    panel = open_panel()
    panel.views.choose("swipe")
    qtbot.waitUntil(lambda: "cell (swipe)" in viewer.layers, timeout=20_000)
    cut = viewer.layers["cell (swipe)"]
    np.testing.assert_allclose(cut.data_to_world((3, 4)), original.data_to_world((3, 4)))


def test_an_rgb_original_keeps_its_colours(viewer, add_result, open_panel, qtbot):
    add_result(with_original=False)
    colours = np.zeros((32, 40, 3), np.uint8)
    viewer.add_image(colours, rgb=True, name="cell", scale=(0.065, 0.065), units=("um", "um"))
    panel = open_panel()
    panel.views.choose("swipe")
    qtbot.waitUntil(lambda: "cell (swipe)" in viewer.layers, timeout=20_000)
    assert viewer.layers["cell (swipe)"].data.shape == (32, 20, 3)

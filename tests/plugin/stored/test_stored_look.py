from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Image
from napari.utils.colormaps import Colormap

from napari_cvdm.plugin.results.layers import CHANNELS_KEY, uncertainty_colormap
from napari_cvdm.plugin.stored.saving import LAYER_KEY, _stored
from napari_cvdm.plugin.stored.stored_look import look_attributes
from napari_cvdm.restoration.errors import ImageFileError


def look_of(layer: Image) -> dict[str, Any]:
    about = _stored([layer.as_layer_data_tuple()])[0].about[LAYER_KEY]
    assert isinstance(about, dict)
    return about


@pytest.mark.parametrize("rgb", [False, True])
def test_a_layer_lies_and_looks_as_it_did(rgb: bool) -> None:
    data = np.zeros((6, 8, 3) if rgb else (6, 8), np.uint8)
    where = {
        "scale": (0.5, 0.2),
        "translate": (3, 4),
        "rotate": 30,
        "shear": [0.3],
        "affine": np.array([[0.5, 2.0, 5.0], [1.5, 0.3, -4.0], [0, 0, 1]]),
        "units": ("um", "nm"),
        "axis_labels": ("row", "column"),
    }
    looks = {"opacity": 0.5, "gamma": 0.7, "blending": "additive", "visible": False}
    channels = {CHANNELS_KEY: {"axis": 0, "ndim": 2, "limits": {0: (3.0, 40.0), 5: (0.0, 9.0)}}}
    layer = Image(data, rgb=rgb, name="a", contrast_limits=(3, 40), metadata=channels, **where, **looks)
    again = Image(data, **look_attributes(look_of(layer), "b", data, Path("a.tif")))
    for name in ("name", "rgb", "contrast_limits", "units", "axis_labels", *looks):
        assert getattr(again, name) == getattr(layer, name), name
    assert again.metadata == channels
    for corner in ((0, 0), (5, 0), (0, 7)):
        np.testing.assert_allclose(again.data_to_world(corner), layer.data_to_world(corner))


def test_colours_in_steps_stay_steps() -> None:
    data = np.zeros((6, 8), np.float32)
    steps = Colormap([[0, 0, 0, 1], [1, 0, 0, 1]], controls=[0, 0.4, 1], interpolation="zero", name="steps")
    again = Image(data, **look_attributes(look_of(Image(data, colormap=steps)), "b", data, Path("a.tif")))
    np.testing.assert_allclose(again.colormap.map([0.1, 0.3, 0.5])[:, 0], [0, 0, 1])


def test_colours_are_those_that_were_stored_whatever_has_their_name_now() -> None:
    data, now = np.zeros((6, 8), np.float32), uncertainty_colormap()
    look = look_of(Image(data, colormap=now))
    again = Image(data, **look_attributes(look, "b", data, Path("a.tif")))
    assert again.colormap.name == "CVDM uncertainty"
    # As in version 0.1: nothing up to some of the range.
    before = [now.colors[0].tolist(), now.colors[0].tolist(), now.colors[-1].tolist()]
    look["colormap"] = {"name": "CVDM uncertainty", "colors": before, "controls": [0, 0.35, 1]}
    again = Image(data, **look_attributes(look, "b", data, Path("a.tif")))
    assert again.colormap.map(0.3)[..., 3].item() == 0
    assert Image(data, colormap=uncertainty_colormap()).colormap.map(0.3)[..., 3].item() > 0
    look["colormap"] = {"name": "gray", "colors": [[1, 1, 1, 1], [0, 0, 0, 1]], "controls": [0, 1]}
    again = Image(data, **look_attributes(look, "b", data, Path("a.tif")))
    assert again.colormap.map(0.0)[..., 0].item() == 1  # napari's gray begins with black


def test_what_was_not_stored_is_napari_s_choice() -> None:
    data = np.zeros((6, 8), np.float32)
    assert look_attributes({}, "b", data, Path("a.tif")) == {"name": "b", "rgb": False, "visible": True}
    assert look_attributes({"colormap": "viridis"}, "b", data, Path("a.tif"))["colormap"] == "viridis"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("scale", [1, "x"]),
        ("scale", [0, 1]),
        ("translate", [{}, 1]),
        ("affine", [[1, 0], [0]]),
        ("contrast_limits", [None, 1]),
        ("contrast_limits", [0, float("nan")]),
        ("gamma", "x"),
        ("opacity", float("nan")),
        ("blending", "nonsense"),
        ("axis_labels", 3),
        ("axis_labels", [1, 2]),  # which napari notices when the layer is in the viewer
        ("units", 3),
        ("units", ["pixel"] * 7),
        ("channels", {"axis": -1, "limits": {"0": [0, 1]}}),
        ("channels", {"axis": 0, "limits": {"6": [0, 1]}}),
        ("channels", {"axis": 0, "limits": {"0": [1, 1]}}),
        ("channels", {"axis": 0, "limits": [[0, 1]]}),
        ("channels", {"axis": 0}),
        ("colormap", []),
        ("colormap", {"name": "none of napari's", "colors": "x", "controls": None}),
        ("colormap", "none of napari's"),
    ],
)
def test_what_no_layer_can_look_like_is_refused_in_a_sentence(key: str, value: object) -> None:
    data = np.zeros((6, 8), np.float32)
    look = look_of(Image(data, name="a")) | {key: value}
    with pytest.raises(ImageFileError, match=r"a\.tif says of how 'b' lay and looked .* altered"):
        look_attributes(look, "b", data, Path("a.tif"))


def test_a_unit_that_there_is_not_is_a_pixel() -> None:
    data = np.zeros((6, 8), np.float32)
    look = look_of(Image(data)) | {"units": ["9**9**9", "micrometer"]}
    assert look_attributes(look, "b", data, Path("a.tif"))["units"] == ["pixel", "micrometer"]


@pytest.mark.parametrize(("stored", "visible"), [(True, True), (False, False), (None, True), ([0], True)])
def test_a_layer_is_hidden_only_if_that_was_stored(stored: object, visible: bool) -> None:
    data = np.zeros((6, 8), np.float32)
    look = look_of(Image(data)) | {"visible": stored}
    assert look_attributes(look, "b", data, Path("a.tif"))["visible"] is visible

"""Names of channels come with what OME-NGFF 0.5 wants beside them, and show the picture well."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from napari.components import ViewerModel
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader
from vispy.color import Colormap

from napari_cvdm.files.ome_zarr import (
    ZarrLayout,
    coarse_regions,
    coarsen_region,
    create_ome_zarr,
    plan_layout,
    write_region,
)
from napari_cvdm.files.ome_zarr_channels import name_channels
from napari_cvdm.files.ome_zarr_reading import open_ome_zarr
from napari_cvdm.restoration.axes import name_axes


def write(folder: Path, data: np.ndarray, axes: str) -> ZarrLayout:
    """Write an image whose planes are written at once, with all of its levels."""
    layout = plan_layout(name_axes(data.shape, axes), data.shape, max(data.shape[-2:]))
    create_ome_zarr(folder, layout, name="cells")
    for index in np.ndindex(*data.shape[:-2]):
        write_region(folder, layout, index, 0, 0, data[index])
    for region in coarse_regions(layout):
        coarsen_region(folder, layout, *region)
    return layout


def stated(folder: Path) -> list[dict[str, Any]]:
    ome: Any = zarr.open_group(folder, mode="r").attrs["ome"]
    return list(ome["omero"]["channels"]) if "omero" in ome else []


@pytest.fixture
def film(tmp_path: Path) -> tuple[Path, ZarrLayout]:
    """Three frames of two channels, of 10 to 110 and of 1000 to 1100."""
    ramp = np.tile(np.linspace(0, 100, 600, dtype=np.float32), (24, 1))
    data = np.stack([np.stack([ramp + 10, ramp + 1000])] * 3)
    return tmp_path / "a", write(tmp_path / "a", data, "TCYX")


class TestNames:
    def test_come_with_a_colour_and_a_window(self, film: tuple[Path, ZarrLayout]) -> None:
        name_channels(*film, ["DNA", "actin"], "reconstruction")
        channels = stated(film[0])
        assert [channel["label"] for channel in channels] == ["DNA", "actin"]
        for channel, low in zip(channels, (10, 1000), strict=True):
            assert re.fullmatch("[0-9A-F]{6}", channel["color"])
            window = channel["window"]
            assert set(window) == {"min", "max", "start", "end"}
            assert window["min"] <= window["start"] < window["end"] <= window["max"]
            found = [window[key] for key in ("min", "start", "end", "max")]
            assert found == pytest.approx([low, low + 0.5, low + 99.8, low + 100], abs=0.12)
        assert channels[0]["color"] != channels[1]["color"]
        assert open_ome_zarr(film[0]).channel_names == ("DNA", "actin")

    def test_are_shown_by_readers_of_ome_zarr(self, film: tuple[Path, ZarrLayout]) -> None:
        """As napari-ome-zarr does it: with lists of as many colour maps and limits as there are channels."""
        name_channels(*film, ["DNA", "actin"], "reconstruction")
        (node, *_) = list(Reader(parse_url(film[0]))())
        found = node.metadata
        assert found["channel_names"] == ["DNA", "actin"]
        assert found["visible"] == [True, True]
        viewer = ViewerModel()
        viewer.add_image(
            node.data, multiscale=True, channel_axis=1, name=found["channel_names"],
            contrast_limits=found["contrast_limits"], colormap=[Colormap(each) for each in found["colormap"]],
        )  # fmt: skip
        assert [layer.name for layer in viewer.layers] == ["DNA", "actin"]
        assert viewer.layers["actin"].contrast_limits == pytest.approx([1000.5, 1099.8], abs=0.5)

    def test_of_an_uncertainty_show_it_from_0_on(self, film: tuple[Path, ZarrLayout]) -> None:
        name_channels(*film, ["DNA", "actin"], "uncertainty")
        windows = [channel["window"] for channel in stated(film[0])]
        assert [window["start"] for window in windows] == [0, 0]
        assert [window["min"] for window in windows] == [0, 0]
        assert windows[1]["end"] == pytest.approx(1099.8, abs=0.5)

    def test_of_an_image_without_that_axis_is_one(self, tmp_path: Path) -> None:
        layout = write(tmp_path / "a", np.zeros((3, 20, 30), np.float32), "ZYX")
        name_channels(tmp_path / "a", layout, ["DNA"], "reconstruction")
        ((label, colour, window),) = [
            (each["label"], each["color"], each["window"]) for each in stated(tmp_path / "a")
        ]
        assert (label, colour) == ("DNA", "FFFFFF")
        assert window["start"] < window["end"]  # a flat picture as well

    @pytest.mark.parametrize("names", [[], ["DNA"], ["a", "b", "c"]])
    def test_that_do_not_fit_are_not_stated(self, film: tuple[Path, ZarrLayout], names: list[str]) -> None:
        before = (film[0] / "zarr.json").read_bytes()
        name_channels(*film, names, "reconstruction")
        assert (film[0] / "zarr.json").read_bytes() == before

"""The original is the layer that was restored, whatever it is called; another one is never taken for it."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels
from qtpy.QtCore import QObject

from napari_cvdm.plugin.doubt.linked import Result
from napari_cvdm.plugin.doubt.originals import is_comparable, note_restored, original_of, why_none
from napari_cvdm.plugin.results.layers import METADATA_KEY
from napari_cvdm.plugin.running.run import Run
from napari_cvdm.plugin.running.worker import Job


def layer(
    picture: str | None, name: str = "a", shape: tuple[int, ...] = (8, 8), **provenance: object
) -> Image:
    metadata = {} if picture is None else {METADATA_KEY: {"picture": picture, **provenance}}
    return Image(np.zeros(shape), name=name, metadata=metadata)


def opened(path: str, **settings: object) -> Image:
    image = layer(None, **settings)
    image._source = image.source.__class__(path=path)
    return image


def test_the_original_is_found_by_the_name_in_the_provenance_or_in_the_layer():
    cell, other = layer(None, "cell"), layer(None, "other")
    stack = layer(None, "stack", (3, 8, 8))
    named = Result(layer("reconstruction", source="cell"), layer("uncertainty"))
    assert original_of(named, [other, cell]) is cell
    by_name = Result(layer("reconstruction", "other CVDM [1]"), layer("uncertainty"))
    assert original_of(by_name, [other, cell]) is other
    assert original_of(Result(layer("reconstruction", source="stack"), layer("uncertainty")), [stack]) is None
    assert original_of(Result(layer("reconstruction", source="gone"), layer("uncertainty")), [cell]) is None


def test_the_shell_names_the_file_that_the_original_was_opened_from():
    cell, other = layer(None, "cell"), layer(None, "other")
    cell._source = cell.source.__class__(path="/data/raw.ome.tif")
    result = Result(layer("reconstruction", source="raw.ome.tif"), layer("uncertainty"))
    assert original_of(result, [other, cell]) is cell
    namesake = layer(None, "raw.ome.tif")
    assert original_of(result, [cell, namesake]) is namesake


def test_only_an_image_with_as_many_axes_can_be_an_original():
    result = Result(layer("reconstruction", shape=(3, 8, 8)), layer("uncertainty", shape=(3, 8, 8)))
    assert is_comparable(result, Image(np.zeros((3, 4, 4))))
    assert not is_comparable(result, Image(np.zeros((4, 4, 3)), rgb=True))
    assert not is_comparable(result, Labels(np.zeros((3, 4, 4), int)))
    assert not is_comparable(result, result.uncertainty)


def test_the_layer_of_a_run_stays_its_original_when_it_is_renamed_and_is_replaced_by_no_namesake():
    cell = layer(None, "cell", (4, 4))
    result = Result(layer("reconstruction", source="cell", run="renamed"), layer("uncertainty"))
    note_restored("renamed", cell)
    cell.name, namesake = "other", layer(None, "cell", (4, 4))
    assert original_of(result, [namesake, cell]) is cell
    assert original_of(result, [namesake]) is None
    assert "'cell' is not the image that was restored" in why_none(result, [namesake])


def test_every_run_takes_down_what_it_restores(qapp):
    viewer, owner = ViewerModel(), QObject()
    cell = viewer.add_image(np.zeros((8, 8)), name="cell")
    job = Job("cell", cell.data, "YX")
    Run(viewer, cell, job, owner)
    cell.name = "renamed"
    result = Result(
        layer("reconstruction", source="cell", run=job.run_id, shape=(16, 16)), layer("uncertainty")
    )
    assert original_of(result, list(viewer.layers)) is cell


def test_a_saved_result_knows_the_file_whatever_the_layer_is_called():
    asked = {"source_path": "/data/one.tif", "shape": [4, 4]}
    result = Result(layer("reconstruction", source="cell", asked=asked), layer("uncertainty"))
    right, wrong = (opened(f"/data/{name}.tif", name=name, shape=(4, 4)) for name in ("one", "two"))
    wrong.name = "cell"
    assert original_of(result, [wrong, right]) is right
    assert original_of(result, [wrong]) is None
    assert why_none(result, [wrong]).endswith("it comes from another file.")


def test_an_original_that_was_saved_with_its_result_is_found_in_their_file():
    asked = {"source_path": "/data/cell.tif", "shape": [4, 4]}
    saved = opened("/data/all.cvdm.ome.zarr", name="cell CVDM", shape=(8, 8))
    saved.metadata[METADATA_KEY] = {
        "picture": "reconstruction", "source": "cell", "run": "saved", "asked": asked,
    }  # fmt: skip
    result = Result(saved, layer("uncertainty"))
    note_restored("saved", layer(None, "cell", (4, 4)))  # by this session, and deleted since
    cell, elsewhere = (
        opened(f"/data/{name}", name="cell", shape=(4, 4)) for name in ("all.cvdm.ome.zarr", "b.tif")
    )
    assert original_of(result, [elsewhere, cell]) is cell
    assert original_of(result, [elsewhere]) is None


def test_of_the_channels_of_one_file_the_one_of_that_name_is_the_original():
    asked = {"source_path": "/data/one.tif", "shape": [4, 4]}
    result = Result(layer("reconstruction", source="actin", asked=asked), layer("uncertainty"))
    tubulin, actin = (opened("/data/one.tif", name=name, shape=(4, 4)) for name in ("tubulin", "actin"))
    assert original_of(result, [tubulin, actin]) is actin
    actin.name = "renamed"
    assert original_of(result, [tubulin, actin]) is None


RESAMPLED = {"from_plane_shape": [5, 6], "to_plane_shape": [4, 4]}


@pytest.mark.parametrize(
    ("made", "shape", "fits"),
    [
        ({"asked": {"shape": [3, 4, 4]}}, (3, 4, 4), True),
        ({"asked": {"shape": [3, 4, 4]}}, (3, 4, 5), False),
        ({"upscaling": 2}, (3, 4, 4), True),
        ({"upscaling": 2}, (3, 8, 8), False),
        ({"upscaling": 2}, (4, 4, 4), False),
        ({"upscaling": 2, "selection": {"planes": {"T": [1, 3, 5]}}}, (6, 4, 4), True),
        ({"upscaling": 2, "selection": {"planes": {"T": [1, 3, 6]}}}, (6, 4, 4), False),
        ({"upscaling": 2, "resampling": RESAMPLED}, (3, 5, 6), True),
        ({"upscaling": 2, "resampling": RESAMPLED}, (3, 6, 6), False),
    ],
)
def test_only_an_image_that_has_the_pixels_is_offered(made, shape, fits):
    parts = (layer(name, shape=(3, 8, 8), axes="TYX", **made) for name in ("reconstruction", "uncertainty"))
    assert is_comparable(Result(*parts), Image(np.zeros(shape), rgb=False)) == fits


@pytest.mark.parametrize(
    "said",
    [
        {"upscaling": {}},
        {"resampling": {"from_plane_shape": 5}},
        {"resampling": {"from_plane_shape": {"Y": 4}}},
        {"asked": {"part": []}},
        {"asked": {"source_path": 5}},
    ],
)
def test_what_an_altered_file_says_of_a_result_keeps_no_panel_from_opening(said):
    parts = (layer(name, shape=(3, 8, 8), axes="TYX", **said) for name in ("reconstruction", "uncertainty"))
    result, image = Result(*parts), opened("/data/cell.tif", name="cell", shape=(3, 4, 4))
    assert is_comparable(result, image) == ("part" not in said.get("asked", {}))
    assert original_of(result, [image]) is None


def test_a_namesake_in_another_place_is_not_the_original():
    result = Result(layer("reconstruction", source="cell", upscaling=2), layer("uncertainty"))
    cell = layer(None, "cell", (4, 4))
    for each, size in ((result.reconstruction, 0.05), (cell, 0.1)):
        each.units, each.scale = ("um", "um"), (size, size)
    assert original_of(result, [cell]) is cell
    cell.translate = (0, 10)
    assert original_of(result, [cell]) is None
    assert why_none(result, [cell]).endswith("it lies elsewhere.")

"""Where to look again: a table in micrometres, boxes in the image, and a click that goes there."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from napari.utils.colormaps import AVAILABLE_COLORMAPS
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QFileDialog

from napari_cvdm.assessment.overlay import certainty_by_colour
from napari_cvdm.plugin.doubt import places, regions_section
from napari_cvdm.plugin.results.layers import METADATA_KEY

BOXES = "cell CVDM look again"


def find(panel, qtbot, button) -> None:
    panel._sections[2].unfold()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.regions.table.rowCount() > 0, timeout=60_000)


def test_the_doubtful_spot_is_found_listed_and_boxed(viewer, panel, qtbot):
    table = panel.regions.table
    assert table.isHidden()  # there is nothing to list yet
    find(panel, qtbot, panel.regions.here)
    assert not table.isHidden()
    mean, area, y, x = (table.item(0, column).text() for column in range(4))
    # The spot is at row 16, column 40 of pixels of 32.5 nm, the first of which is centred 16.25 nm before 0.
    assert abs(float(y) - (16 * 0.0325 - 0.01625)) < 0.07
    assert abs(float(x) - (40 * 0.0325 - 0.01625)) < 0.07
    place = panel.regions.places[0]
    assert abs(float(area) - place.region.area * 0.0325**2) < 0.01
    assert float(mean.replace(",", "")) > 100
    assert table.horizontalHeaderItem(1).text() == "Area\n(µm²)"
    boxes = viewer.layers[BOXES]
    assert len(boxes.data) == table.rowCount()
    top, left = boxes.data[0].min(axis=0)
    bottom, right = boxes.data[0].max(axis=0)
    assert top < 16 < bottom
    assert left < 40 < right


def test_the_places_stay_when_the_result_is_compared_with_another_image(panel, qtbot):
    panel.regions.here.click()
    panel.link.choose_original(None)  # while they are looked for
    qtbot.waitUntil(lambda: bool(panel.regions.places), timeout=30_000)
    rows = panel.regions.table.rowCount()
    panel.link.choose_original(panel._originals()[0])
    assert panel.regions.table.rowCount() == rows == len(panel.regions.places) > 0
    assert not panel.regions.table.isHidden()


def test_the_boxes_stand_out_from_the_colours_of_every_view(viewer, panel, qtbot):
    find(panel, qtbot, panel.regions.here)
    boxes = viewer.layers[BOXES]
    grid = np.mgrid[:1:33j, :1:33j].astype(np.float32)
    overlay = certainty_by_colour(*grid, (0.0, 1.0), (0.0, 1.0)).reshape(-1, 4) / 255
    maps = [AVAILABLE_COLORMAPS[name].colors for name in ("gray", "magma", "viridis")]
    shades = np.concatenate([overlay, *maps])[:, :3]
    assert np.linalg.norm(shades - boxes.edge_color[0, :3], axis=1).min() > 0.45
    assert boxes.opacity == 1


def test_the_places_are_saved_as_a_table(panel, qtbot, monkeypatch, tmp_path, wait_for_workers):
    save, path, asked = panel.regions.save_button, tmp_path / "places.csv", []

    def answer(*question: object) -> tuple[str, str]:
        asked.append(str(question[2]))
        return str(path), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    assert save.isHidden()
    find(panel, qtbot, panel.regions.here)
    assert not save.isHidden()
    qtbot.mouseClick(save, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(path.exists, timeout=60_000)
    wait_for_workers()
    assert asked[0].endswith("cell CVDM look again.csv")
    heading, first, *_ = path.read_text(encoding="utf-8").splitlines()
    assert heading == "mean uncertainty (image units),area (um²),y (um),x (um)"
    mean, _, y, x = map(float, first.split(","))
    assert mean == pytest.approx(panel.regions.places[0].region.mean_uncertainty)
    assert abs(y - (16 * 0.0325 - 0.01625)) < 0.07
    assert abs(x - (40 * 0.0325 - 0.01625)) < 0.07
    panel.regions._clear()
    assert save.isHidden()


def test_a_click_centres_the_view_and_comes_nearer(viewer, panel, qtbot):
    find(panel, qtbot, panel.regions.here)
    viewer.scene.camera.center, zoom = (0, 99, 99), viewer.scene.camera.zoom
    table = panel.regions.table
    row = table.visualItemRect(table.item(0, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(row.x(), row.y()))
    world = viewer.layers["cell CVDM"].data_to_world(panel.regions.places[0].region.centre)
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], world)
    assert viewer.scene.camera.zoom >= zoom


def test_arrow_keys_go_from_place_to_place_of_a_stack(viewer, add_result, open_panel, qtbot):
    add_result((3, 64, 80))
    panel = open_panel()
    find(panel, qtbot, panel.regions.everywhere)
    means = [place.region.mean_uncertainty for place in panel.regions.places]
    assert means == sorted(means, reverse=True)
    assert {place.slice.index[0] for place in panel.regions.places} >= {0, 2}
    assert panel.regions.places[0].slice.index[0] == 2  # the spot of the last plane is the strongest
    table = panel.regions.table
    table.setFocus()
    table.setCurrentCell(0, 0)
    assert viewer.dims.current_step[0] == 2
    rows = [place.slice.index[0] for place in panel.regions.places]
    assert table.columnCount() == 5
    assert [table.item(row, 4).text() for row in range(len(rows))] == [f"z {plane}" for plane in rows]
    target = next(row for row, plane in enumerate(rows) if plane != 2)
    for _ in range(target):
        qtbot.keyClick(table, Qt.Key.Key_Down)
    assert viewer.dims.current_step[0] == rows[target]


def test_places_of_one_plane_of_a_stack_say_which(viewer, add_result, open_panel, qtbot):
    """The table stays while the user goes on to other planes."""
    add_result((3, 64, 80))
    viewer.dims.set_current_step(0, 1)
    panel = open_panel()
    find(panel, qtbot, panel.regions.here)
    assert panel.regions.table.item(0, 4).text() == "z 1"


def test_all_planes_are_those_of_the_channel_in_view(viewer, add_result, open_panel, qtbot):
    add_result((2, 3, 64, 80), metadata={"axes": "CZYX"})  # the planes are the more uncertain the later
    viewer.dims.set_current_step(0, 0)
    panel = open_panel()
    find(panel, qtbot, panel.regions.everywhere)
    assert {place.slice.index[0] for place in panel.regions.places} == {0}
    assert panel.regions.places[0].slice.index[1] == 2


def test_channels_alone_are_no_planes_to_look_through(add_result, open_panel):
    add_result((3, 64, 80), metadata={"axes": "CYX"})
    panel = open_panel()
    assert panel.regions.everywhere.isHidden()
    assert panel.threshold.whole.isHidden()


def test_boxes_are_numbered_as_the_rows_are(viewer, add_result, open_panel, qtbot):
    add_result((3, 64, 80))
    panel = open_panel()
    find(panel, qtbot, panel.regions.everywhere)
    count = panel.regions.table.rowCount()
    assert count > 1
    wanted = [str(rank) for rank in range(1, count + 1)]
    qtbot.waitUntil(lambda: list(viewer.layers[BOXES].features["rank"]) == wanted, timeout=20_000)
    assert list(viewer.layers[BOXES].text.values) == wanted
    assert viewer.layers[BOXES].text.anchor == "upper_left"  # in the middle is what is bright


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_click_while_the_plane_is_read_anew_is_heard(viewer, add_result, open_panel, qtbot, everywhere):
    """As it is whenever a layer has other pixels than before."""
    _, _, uncertainty = add_result((3, 64, 80))
    panel = open_panel()
    uncertainty.data = uncertainty.data.copy()
    assert panel.link.look is None
    find(panel, qtbot, panel.regions.everywhere if everywhere else panel.regions.here)
    assert ({place.slice.index[0] for place in panel.regions.places} >= {0, 2}) == everywhere


def test_finding_again_replaces_the_boxes(viewer, panel, qtbot):
    find(panel, qtbot, panel.regions.here)
    first = viewer.layers[BOXES]
    qtbot.mouseClick(panel.regions.here, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: BOXES in viewer.layers and viewer.layers[BOXES] is not first, timeout=20_000)
    assert sum(layer.name.startswith(BOXES) for layer in viewer.layers) == 1


def test_an_even_map_says_so(viewer, add_result, open_panel, qtbot):
    _, _, uncertainty = add_result()
    uncertainty.data = np.full((64, 80), 5, np.float32)
    panel = open_panel()
    panel._sections[2].unfold()
    qtbot.mouseClick(panel.regions.here, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "even" in panel.regions.hint.text(), timeout=60_000)
    assert BOXES not in viewer.layers


@pytest.mark.parametrize("change", ["slider", "axes", "measure"])
def test_that_nothing_was_found_is_said_of_what_was_looked_through_alone(
    viewer, add_result, open_panel, qtbot, change
):
    add_result((4, 64, 80))
    viewer.dims.order = (1, 0, 2)  # planes of four rows
    panel = open_panel()
    hint, before = panel.regions.hint, panel.link.look
    panel._sections[2].unfold()
    nothing_said = hint.text()
    qtbot.mouseClick(panel.regions.here, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "too narrow" in hint.text(), timeout=60_000)
    if change == "slider":
        viewer.dims.set_current_step(1, 3)
    elif change == "axes":
        viewer.dims.order = (0, 1, 2)
    else:
        panel.link.set_measure("relative")
    qtbot.waitUntil(lambda: panel.link.look not in (None, before), timeout=60_000)
    assert hint.text() == nothing_said


def test_a_place_is_gone_to_along_other_axes_than_it_was_found_on(viewer, add_result, open_panel, qtbot):
    add_result((4, 64, 80))
    viewer.dims.set_current_step(0, 2)
    panel = open_panel()
    find(panel, qtbot, panel.regions.here)
    viewer.dims.order = (1, 0, 2)
    row, _ = panel.regions.places[0].region.centre
    panel.regions.table.setCurrentCell(0, 0)
    assert viewer.dims.current_step[1] == round(row)


def test_clicks_after_the_result_has_gone_do_nothing(viewer, panel, qtbot):
    find(panel, qtbot, panel.regions.here)
    viewer.layers.remove("cell CVDM uncertainty")
    assert panel.regions.table.rowCount() == 0
    panel.regions.table.cellClicked.emit(0, 0)


@pytest.mark.parametrize("everywhere", [False, True])
def test_places_found_during_a_run_are_found_again_at_its_end(
    viewer, add_result, open_panel, qtbot, everywhere
):
    _, reconstruction, uncertainty = add_result((3, 64, 80), metadata={"finished": False})
    panel = open_panel()
    viewer.dims.set_current_step(0, 0)
    qtbot.waitUntil(
        lambda: panel.link.look is not None and panel.link.look.slice.index[0] == 0, timeout=10_000
    )
    find(panel, qtbot, panel.regions.everywhere if everywhere else panel.regions.here)
    before = panel.regions.places
    viewer.dims.set_current_step(0, 1)
    qtbot.waitUntil(
        lambda: panel.link.look is not None and panel.link.look.slice.index[0] == 1, timeout=10_000
    )
    uncertainty.data *= 3
    reconstruction.metadata = {METADATA_KEY: {**reconstruction.metadata[METADATA_KEY], "finished": True}}
    qtbot.waitUntil(
        lambda: (
            panel.regions.places
            and panel.regions.places[0].region.mean_uncertainty > 2 * before[0].region.mean_uncertainty
        ),
        timeout=10_000,
    )
    assert [place.slice for place in panel.regions.places] == [place.slice for place in before]


def test_looking_through_all_planes_can_be_stopped(viewer, add_result, open_panel, qtbot, monkeypatch):
    add_result((3, 64, 80))
    panel = open_panel()
    begun, go_on = [], threading.Event()

    def long_search(doubt, look, place):
        begun.append(place)
        go_on.wait(30)
        return []

    monkeypatch.setattr(places, "places_of", long_search)
    panel._sections[2].unfold()
    button = panel.regions.everywhere
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(begun) == 1, timeout=10_000)
    assert button.text() == "Stop"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    go_on.set()
    qtbot.waitUntil(lambda: button.text() == "In all planes", timeout=10_000)
    assert len(begun) == 1
    assert "Lists the most uncertain" in panel.regions.hint.text()  # not that there are none


@pytest.mark.parametrize("listed", [False, True])
def test_a_search_that_is_at_work_when_its_run_ends_is_made_again(
    viewer, add_result, open_panel, qtbot, monkeypatch, listed
):
    _, reconstruction, uncertainty = add_result((3, 64, 80), metadata={"finished": False})
    panel = open_panel()
    if listed:
        find(panel, qtbot, panel.regions.everywhere)
    search, searched, ended = regions_section.places_of_all, threading.Event(), threading.Event()
    highest = uncertainty.data.max()

    def long_search(*args):
        found = search(*args)
        searched.set()
        ended.wait(30)
        return found

    monkeypatch.setattr(regions_section, "places_of_all", long_search)
    panel._sections[2].unfold()
    qtbot.mouseClick(panel.regions.everywhere, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(searched.is_set, timeout=10_000)
    uncertainty.data = 3 * uncertainty.data
    reconstruction.metadata = {METADATA_KEY: {**reconstruction.metadata[METADATA_KEY], "finished": True}}
    qtbot.waitUntil(lambda: panel.link.look is not None and panel.link.look.finished, timeout=10_000)
    ended.set()
    qtbot.waitUntil(
        lambda: any(place.region.mean_uncertainty > highest for place in panel.regions.places), timeout=10_000
    )


def test_a_click_goes_there_beside_a_layer_in_smaller_units(viewer, add_result, open_panel, qtbot):
    _, reconstruction, _ = add_result((3, 64, 80), units=("um",) * 3)
    panel = open_panel()
    find(panel, qtbot, panel.regions.everywhere)
    table, camera = panel.regions.table, viewer.scene.camera
    table.setCurrentCell(0, 0)
    place, zoom = panel.regions.places[0], camera.zoom
    viewer.add_image(np.zeros((64, 80)), scale=(32.5, 32.5), units=("nm", "nm"), name="other")
    qtbot.wait(100)
    viewer.dims.set_current_step(0, 0)
    camera.center, camera.zoom = (0, 99, 99), 1e-6
    table.setCurrentCell(1, 0)
    table.setCurrentCell(0, 0)
    assert panel.link.current() == place.slice
    assert viewer.dims.current_step[0] == place.slice.index[0]
    world = np.array(reconstruction.data_to_world(place.slice.point(*place.region.centre)))
    np.testing.assert_allclose(camera.center[-2:], 1000 * world[-2:])
    assert camera.zoom <= 4 / 32.5 * 1.001  # screen pixels for each nanometre
    assert camera.zoom < zoom

"""*Check this result*: words, a map on the original's pixels, and a report that is whole."""

import gc
import json
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_cvdm.assessment import checked_part
from napari_cvdm.models import load_model, save_model
from napari_cvdm.plugin.doubt.checking import check_task
from napari_cvdm.plugin.doubt.linked import Result
from napari_cvdm.plugin.doubt.panel import DoubtPanel, show_doubt_panel
from napari_cvdm.plugin.doubt.slices import Slice, current_slice
from napari_cvdm.plugin.results.layers import METADATA_KEY, is_for_show
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.restore import restore
from napari_cvdm.simulation.pairs import simulate_pair
from napari_cvdm.simulation.ranges import AcquisitionRanges


def is_idle(panel: DoubtPanel) -> bool:
    """Whether no check is at work."""
    return panel.checks.button.text() == "Check this result"


@pytest.fixture
def let_threads_end(qtbot, wait_for_workers) -> Callable[[], None]:
    def let_end() -> None:
        qtbot.wait(150)
        wait_for_workers()
        qtbot.wait(50)

    return let_end


@pytest.fixture
def save_report(qtbot, monkeypatch, let_threads_end) -> Callable[[Callable[[], object]], None]:
    """Do what has a report saved, and wait until the user is told that it is."""
    told: list[str] = []
    monkeypatch.setattr("napari.utils.notifications.show_info", told.append)

    def save(begin: Callable[[], object]) -> None:
        told.clear()
        begin()
        assert not told  # it is drawn beside the viewer
        qtbot.waitUntil(lambda: bool(told), timeout=60_000)
        assert told[0].startswith("Saved ")
        let_threads_end()

    return save


@pytest.fixture
def checked(viewer, qtbot, let_threads_end) -> Callable[..., DoubtPanel]:
    """Add a field and its truth as a result, with a disc painted in if wanted, and check it."""

    def check(painted: bool = False, with_original: bool = True) -> DoubtPanel:
        thin = AcquisitionRanges(haze=(0.0, 0.2))
        image, truth = simulate_pair("microtubules", 0, 48, photons=800.0, psf_sigma=2.7, ranges=thin)
        if painted:
            rows, columns = np.mgrid[:96, :96]
            truth = truth + truth.max() * ((rows - 20) ** 2 + (columns - 70) ** 2 < 64)
        if with_original:
            viewer.add_image(image, name="cell", scale=(0.065, 0.065), rotate=30)
        made = {
            "source": "cell",
            "run": "one",
            "pixel_size_nm": 65.0,
            "model": {"name": "gone", "sha256": "0"},
        }
        for picture, data in (("reconstruction", truth), ("uncertainty", 0.1 * truth + 1)):
            name = "cell CVDM" + (" uncertainty" if picture == "uncertainty" else "")
            viewer.layers.append(
                Image(
                    data,
                    name=name,
                    scale=(0.0325, 0.0325),
                    metadata={METADATA_KEY: {"picture": picture, **made}},
                )
            )
        panel = show_doubt_panel(viewer)
        qtbot.waitUntil(lambda: panel.link.look is not None, timeout=30_000)
        panel.checks.button.click()
        qtbot.waitUntil(lambda: is_idle(panel), timeout=120_000)
        return panel

    yield check
    let_threads_end()


def test_the_map_lies_on_the_original_and_lights_up_where_a_disc_was_painted(viewer, checked) -> None:
    panel = checked(painted=True)
    layer, original = viewer.layers["cell disagreement"], viewer.layers["cell"]
    np.testing.assert_allclose(layer.data_to_world((3, 5)), original.data_to_world((3, 5)))
    assert layer.data.shape == original.data.shape
    assert is_for_show(layer)
    panel.reset_choices()
    assert [panel.originals.itemText(i) for i in range(panel.originals.count())] == ["none", "cell"]
    assert np.median(layer.data[8:12, 33:37]) > 10
    assert np.percentile(layer.data[24:], 99) < 8
    words = panel.checks.findings.text()
    assert "Agreement with the measurement" in words
    assert "The layer “… disagreement” is bright where" in words
    assert panel.checks.save_button.isEnabled()


def test_of_a_large_plane_the_part_that_was_checked_is_said_and_its_map_lies_there(
    viewer, checked, monkeypatch
) -> None:
    monkeypatch.setattr(checked_part, "LARGEST", 32)
    panel = checked()
    layer, original = viewer.layers["cell disagreement"], viewer.layers["cell"]
    part = panel.checks.checked.checks.part
    first = part.rows.start, part.columns.start
    assert any(first)
    assert layer.data.shape == (32, 32)
    where = original.data_to_world((first[0] + 3, first[1] + 5))
    np.testing.assert_allclose(layer.data_to_world((3, 5)), where)
    assert "of 48 × 48 pixels" in panel.checks.findings.text()


def test_what_needs_the_model_is_left_out_and_why_is_said(checked) -> None:
    words = checked().checks.findings.text()
    (sentence,) = (line for line in words.split("<br>") if line.startswith("Left out"))
    for part in ("imaging conditions", "stability", "two halves", "&#x27;gone&#x27;", "not here any more"):
        assert part in sentence
    assert "Name the model" not in words  # which is advice for the shell


def test_a_model_from_a_file_of_one_s_own_is_used_for_the_checks(viewer, small_model, tmp_path: Path) -> None:
    original, reconstruction = add_stack(viewer)
    card = replace(small_model.card, citations=("A paper",))
    path = save_model(tmp_path / "mine.safetensors", small_model.network, card)
    made = {"model": {"name": "small", "sha256": load_model(path).sha256}}
    reconstruction.metadata[METADATA_KEY] |= {**made, "asked": {"part": None, "model": str(path)}}
    place = current_slice(reconstruction, viewer.dims)
    found = check_task(Result(reconstruction, viewer.layers[-1]), original, place)(lambda: None)
    assert found.left_out == ""
    assert found.citations == ("A paper",)
    assert found.checks.stability is not None
    said = {verdict.name: verdict for verdict in found.verdicts}
    assert "Stability" in said
    # Noise is like nothing that the bundled model was trained on; of this one neither that is known nor more.
    assert said["Imaging conditions"].mark == "–"
    assert said["Imaging conditions"].sentence == "The model does not state what it was trained for."
    likeness = said["Likeness to the training images"]
    assert likeness.mark == "?"
    assert "other weights ('small')" in likeness.sentence


def test_likeness_to_the_bundled_model_s_training_is_no_praise_of_another_model(checked) -> None:
    words = checked().checks.findings.text()
    (line,) = (line for line in words.split("<br>") if "Likeness" in line)
    assert line.startswith(
        "<b>– Likeness to the training images</b>: The image looks like those of the bundled"
    )
    assert "&#x27;gone&#x27;" in line


def test_a_check_can_be_stopped_and_begun_again(viewer, qtbot, monkeypatch, let_threads_end) -> None:
    begun, ended, go_on = [], [], threading.Event()

    def endless(*_, progress, **__) -> None:
        begun.append(True)
        try:
            while not go_on.wait(0.01):
                progress("working", 0.5)
        finally:
            ended.append(True)
        raise InputError("the second one came to its end")

    monkeypatch.setattr("napari_cvdm.assessment.checks.run_checks", endless)
    add_stack(viewer)
    panel = show_doubt_panel(viewer)
    qtbot.waitUntil(lambda: panel.link.look is not None, timeout=30_000)
    section = panel.checks
    section.button.click()
    qtbot.waitUntil(lambda: begun == [True], timeout=30_000)
    assert section.button.isEnabled()
    assert section.button.text() == "Stop"
    assert "Checking" in section.findings.text()
    section.button.click()
    assert is_idle(panel)
    assert "Stopped" in section.findings.text()
    assert section.checked is None
    section.button.click()  # at once, while the first may still be at work
    assert section.button.text() == "Stop"
    qtbot.waitUntil(lambda: (len(begun), len(ended)) == (2, 1), timeout=30_000)
    assert "Checking" in section.findings.text()  # the end of the first says nothing
    go_on.set()
    qtbot.waitUntil(lambda: is_idle(panel), timeout=30_000)
    assert section.findings.text() == "the second one came to its end"
    let_threads_end()


def test_a_stopped_check_leaves_neither_map_nor_report(viewer, qtbot, let_threads_end) -> None:
    add_stack(viewer)
    panel = show_doubt_panel(viewer)
    qtbot.waitUntil(lambda: panel.link.look is not None, timeout=30_000)
    panel.checks.button.click()
    panel.checks.button.click()
    let_threads_end()
    assert "Stopped" in panel.checks.findings.text()
    assert not panel.checks.save_button.isEnabled()
    assert len(viewer.layers) == 3


def test_the_report_is_a_page_and_numbers(checked, save_report, tmp_path: Path) -> None:
    panel = checked()
    save_report(lambda: panel.checks.write(tmp_path / "report.html"))
    assert "cell CVDM" in (tmp_path / "report.html").read_text()
    numbers = json.loads((tmp_path / "report.json").read_text())
    assert numbers["checks"]["resolution"]["unit"] == "nm"
    assert numbers["checks"]["stability"] is None  # the model that made it is not here
    assert numbers["left_out"].startswith("Left out are the imaging conditions")
    assert "not here any more" in (tmp_path / "report.html").read_text()
    assert numbers["plane"] == {}
    panel.checks.checked = replace(panel.checks.checked, citations=("What the model's card says.",))
    save_report(lambda: panel.checks.write(tmp_path / "report.html"))
    assert "What the model" in (tmp_path / "report.html").read_text()
    assert json.loads((tmp_path / "report.json").read_text())["cite"][0] == "What the model's card says."
    assert {path.name for path in tmp_path.glob("*report*")} == {"report.html", "report.json"}


def test_a_report_about_a_file_whose_name_is_not_in_utf_8_is_written(
    checked, save_report, tmp_path: Path
) -> None:
    panel = checked()
    panel.link.result.reconstruction.metadata[METADATA_KEY]["source"] = "bild\udce4.tif"
    save_report(lambda: panel.checks.write(tmp_path / "check.html"))
    assert r"bild\udce4.tif" in (tmp_path / "check.json").read_text(encoding="utf-8")


def test_page_and_numbers_have_the_typed_name_and_are_both_asked_about(
    checked, save_report, tmp_path: Path, monkeypatch
) -> None:
    panel = checked()
    for name in ("cell_65.html", "cell_65.json", "cell_65.5nm.json"):
        (tmp_path / name).write_text("mine")
    asked: list[str] = []
    answers = [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes]
    proposed: list[str] = []
    typed = str(tmp_path / "cell_65.5nm"), ""
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: proposed.append(args[2]) or typed)
    monkeypatch.setattr(
        QMessageBox, "question", lambda *args: (asked.append(args[2]), answers[len(asked) - 1])[1]
    )
    panel.checks.save_button.click()
    assert Path(proposed[0]).name == "cell CVDM check.html"
    assert "'cell_65.5nm.json' exists already" in asked[0]
    assert (tmp_path / "cell_65.5nm.json").read_text() == "mine"
    assert not (tmp_path / "cell_65.5nm.html").exists()
    save_report(panel.checks.save_button.click)
    assert "cell CVDM" in (tmp_path / "cell_65.5nm.html").read_text()
    assert "checks" in json.loads((tmp_path / "cell_65.5nm.json").read_text())
    assert {(tmp_path / f"cell_65.{end}").read_text() for end in ("html", "json")} == {"mine"}
    save_report(lambda: panel.checks.write(tmp_path / "cell_65.7nm"))  # as a program may call it
    assert (tmp_path / "cell_65.7nm.json").exists()


def test_without_the_original_it_says_so(viewer, checked) -> None:
    panel = checked(with_original=False)
    assert "Choose the original" in panel.checks.findings.text()
    assert "bright" not in panel.checks.findings.text()
    assert not panel.checks.save_button.isEnabled()
    assert len(viewer.layers) == 2


def test_what_a_run_is_still_making_is_not_checked() -> None:
    layer = Image(np.zeros((16, 16)), metadata={METADATA_KEY: {"finished": False}})
    task = check_task(Result(layer, layer), Image(np.zeros((8, 8))), Slice((None, None)))
    with pytest.raises(InputError, match="when its run is over"):
        task(lambda: None)


def test_colours_restored_as_channels_have_no_original_to_choose() -> None:
    def check(colours: str) -> None:
        made = {"asked": {"rgb": True, "colours": colours}}
        layer = Image(np.zeros((3, 16, 16)), metadata={METADATA_KEY: {"picture": "reconstruction", **made}})
        check_task(Result(layer, layer), None, None)(lambda: None)

    with pytest.raises(InputError, match="Split RGB"):
        check("channels")
    with pytest.raises(InputError, match="Choose the original"):
        check("average")


def add_stack(viewer, part: list[list[int]] | None = None) -> tuple[Image, Image]:
    """Add a stack of five planes and a result of it, or of a part of it."""
    recorded = np.random.default_rng(0).poisson(50, (5, 48, 48)).astype(np.uint16)
    original = viewer.add_image(recorded, name="stack", axis_labels=("t", "y", "x"))
    taken = recorded if part is None else recorded[tuple(slice(*each) for each in part)]
    fine = taken.repeat(2, -1).repeat(2, -2).astype(np.float32)
    start = np.array([0.0] * 3 if part is None else [each[0] for each in part])
    made = {"source": "stack", "run": "one", "upscaling": 2, "asked": {"part": part}}
    for picture, data in (("reconstruction", fine), ("uncertainty", np.sqrt(fine + 1))):
        viewer.layers.append(
            Image(
                data,
                name=f"stack CVDM {picture}",
                scale=(1, 0.5, 0.5),
                translate=start - (0, 0.25, 0.25),
                axis_labels=("t", "y", "x"),
                metadata={METADATA_KEY: {"picture": picture, **made}},
            )
        )
    return original, viewer.layers[-2]


@pytest.mark.parametrize(
    ("part", "point", "expected"),
    [
        (None, 3, (3, slice(None), slice(None))),
        ([[2, 3, 1], [0, 48, 1], [0, 48, 1]], 2, (2, slice(None), slice(None))),
        ([[0, 5, 2], [4, 44, 1], [0, 40, 1]], 4, (4, slice(4, 44), slice(0, 40))),
    ],
)
def test_a_plane_is_compared_with_the_pixels_it_was_made_from(viewer, part, point, expected) -> None:
    original, reconstruction = add_stack(viewer, part)
    result = Result(reconstruction, viewer.layers[-1])
    viewer.dims.set_point(0, point)
    place = current_slice(reconstruction, viewer.dims)
    checks = check_task(result, original, place)(lambda: None).checks
    np.testing.assert_array_equal(checks.image, original.data[expected])
    assert checks.sharp.shape == tuple(2 * n for n in checks.image.shape)


def test_the_answer_is_about_the_plane_and_the_result_that_were_asked_about(
    viewer, qtbot, let_threads_end
) -> None:
    original, _ = add_stack(viewer)
    viewer.dims.set_point(0, 3)
    panel = show_doubt_panel(viewer)
    qtbot.waitUntil(lambda: panel.link.look is not None, timeout=30_000)
    panel.checks.button.click()
    viewer.dims.set_point(0, 1)  # goes on before the answer is there
    qtbot.waitUntil(lambda: is_idle(panel), timeout=120_000)
    layer = viewer.layers["stack disagreement"]
    np.testing.assert_allclose(layer.data_to_world((0, 5, 7)), original.data_to_world((3, 5, 7)))
    assert "Checked: t 3." in panel.checks.findings.text()
    panel.link.choose_original(None)
    assert panel.checks.findings.text() == ""
    assert not panel.checks.save_button.isEnabled()
    let_threads_end()


def test_a_map_takes_the_place_of_the_one_before_and_goes_with_the_panel(
    viewer, qtbot, let_threads_end
) -> None:
    original, _ = add_stack(viewer)
    panel = show_doubt_panel(viewer)
    qtbot.waitUntil(lambda: panel.link.look is not None, timeout=30_000)
    for point in (1, 3):
        viewer.dims.set_point(0, point)
        panel.checks.button.click()
        qtbot.waitUntil(lambda: is_idle(panel), timeout=120_000)
        maps = [layer for layer in viewer.layers if "disagreement" in layer.name]
        assert [layer.name for layer in maps] == ["stack disagreement"]
        np.testing.assert_allclose(maps[0].data_to_world((0, 5, 7)), original.data_to_world((point, 5, 7)))
        qtbot.waitUntil(lambda shown=maps[0]: shown.visible, timeout=10_000)
    panel.checks.button.click()  # and in the place of this one comes none
    panel.checks.button.click()
    assert "Stopped" in panel.checks.findings.text()
    qtbot.waitUntil(lambda: len(viewer.layers) == 3, timeout=30_000)
    panel.checks.button.click()
    qtbot.waitUntil(lambda: is_idle(panel), timeout=120_000)
    assert len(viewer.layers) == 4
    viewer.window.remove_dock_widget(panel)
    qtbot.waitUntil(lambda: len(viewer.layers) == 3, timeout=30_000)
    let_threads_end()


def test_a_resampled_result_is_compared_with_its_original_resampled_again(
    viewer, qtbot, small_model, let_threads_end
) -> None:
    """As the panel makes them: the field keeps its place, at another sampling."""
    recorded = np.random.default_rng(0).poisson(60, (48, 60)).astype(np.uint16)
    original = viewer.add_image(recorded, name="cell", scale=(0.165, 0.165), translate=(3, 4))
    knowing = replace(small_model, card=replace(small_model.card, pixel_size_nm=(38.0, 114.0)))
    restored = restore(
        recorded, knowing, axes="YX", pixel_size=165.0, resample=True, preview=True, device="cpu"
    )
    scale = np.array(recorded.shape) / restored.mean.shape * 0.165
    for picture, data in (("reconstruction", restored.mean), ("uncertainty", restored.std)):
        made = {"picture": picture, "source": "cell", **restored.provenance}
        layer = Image(data, name=f"cell CVDM {picture}", scale=scale, metadata={METADATA_KEY: made})
        layer.translate = np.array((3, 4)) + (scale - 0.165) / 2
        viewer.layers.append(layer)
    panel = show_doubt_panel(viewer)
    qtbot.waitUntil(lambda: panel.link.look is not None, timeout=30_000)
    panel.checks.button.click()
    qtbot.waitUntil(lambda: is_idle(panel), timeout=120_000)
    words = panel.checks.findings.text()
    assert "Agreement with the measurement" in words
    assert "resampled before it was restored" in words
    marked = viewer.layers["cell disagreement"]
    assert marked.data.shape == tuple(n // 2 for n in restored.mean.shape)
    for corner in (0, 1):  # edges, not centres, of the first and the last pixel
        ends = [
            layer.data_to_world(np.array(layer.data.shape) * corner - 0.5) for layer in (marked, original)
        ]
        np.testing.assert_allclose(*ends, atol=1e-9)
    let_threads_end()


def test_layers_that_were_checked_are_not_kept(viewer, qtbot, checked) -> None:
    panel = checked()
    gone = [weakref.ref(layer) for layer in viewer.layers]
    viewer.add_image(np.ones((9, 9)), name="other")  # napari keeps the layer that was selected last
    del viewer.layers[:4]

    def all_gone() -> bool:
        gc.collect()
        return not any(layer() is not None for layer in gone)

    qtbot.waitUntil(all_gone, timeout=30_000)
    assert panel.checks.findings.text() == ""

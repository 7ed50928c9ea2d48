"""The form's fields agree with each other and become a job."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtWidgets import QAbstractSlider, QAbstractSpinBox, QComboBox, QLabel, QPushButton, QScrollBar

from napari_cvdm.models import ModelError
from napari_cvdm.plugin.image.parts import Part
from napari_cvdm.plugin.image.reading import read_layer
from napari_cvdm.plugin.panel.form import CUSTOM, Form
from napari_cvdm.plugin.viewer.pages import Page
from napari_cvdm.plugin.viewer.preferences import Preferences
from napari_cvdm.plugin.viewer.rows import note, stacked
from napari_cvdm.restoration.presets import PRESETS

PREVIEW, STANDARD, THOROUGH = PRESETS.values()


def parts() -> list[tuple[str, str]]:
    return [("Everything", "all"), ("Current view", "view")]


@pytest.fixture
def layers() -> list[tuple[str, Image]]:
    return []


@pytest.fixture
def form(qtbot, layers) -> Form:
    form = Form(lambda: layers, parts, Preferences())
    qtbot.addWidget(form)
    return form


def test_a_quality_sets_the_draws_and_the_draws_tell_the_quality(form):
    assert form.quality.value is STANDARD
    form.quality.value = THOROUGH
    assert form.draws.value == THOROUGH.draws
    form.draws.value = 5
    assert form.quality.value is CUSTOM
    assert form.quality.native.toolTip() == CUSTOM.explanation
    form.draws.value = STANDARD.draws
    assert form.quality.value is STANDARD


def test_a_preview_has_no_draws_to_set(form):
    form.quality.value = PREVIEW
    assert not form.draws.enabled
    assert not form.keep_draws.enabled
    form.quality.value = STANDARD
    assert form.draws.enabled
    assert form.keep_draws.enabled
    assert form.draws.value == STANDARD.draws


def test_the_fields_become_a_job(form, layers):
    layer = Image(np.zeros((3, 16, 12), np.uint16), name="cell", axis_labels=("t", "y", "x"))
    layers.append((layer.name, layer))
    form.layer.reset_choices()
    job = form.job(read_layer(layer))
    assert (job.name, job.axes, job.rgb, job.model) == ("cell", "TYX", False, "default")
    assert (job.pixel_size, job.preview, job.draws, job.steps) == (None, False, STANDARD.draws, None)
    assert (job.seed, job.device, job.tile) == (0, "auto", "auto")
    assert job.data is layer.data
    assert (job.part, job.first_plane, job.source_path, job.keep_draws) == (None, None, None, False)
    form.keep_draws.value = True
    part, path = Part((range(1, 2), range(16), range(12)), "plane"), Path("/data/cell.tif")
    job = form.job(replace(read_layer(layer), path=path), part, (0,))
    assert (job.part, job.first_plane, job.source_path) == (part, (0,), str(path))
    assert job.keep_draws
    form.quality.value = PREVIEW
    form.pixel_size.setValue(65.5)
    form.steps.value, form.tile.value, form.seed.value = 4, 128, 9
    job = form.job(read_layer(layer))
    assert (job.pixel_size, job.preview, job.steps, job.tile, job.seed) == (65.5, True, 4, 128, 9)
    assert not job.keep_draws  # there are none
    assert all(type(value) is int for value in (job.draws, job.steps, job.tile, job.seed))


def test_a_job_has_more_decimals_of_the_pixel_size_than_are_shown(form, layers):
    layer = Image(np.zeros((9, 9)))
    layers.append((layer.name, layer))
    form.layer.reset_choices()
    form.set_pixel_size(6500 / 63, "from the layer")
    assert form.pixel_size.text() == "103.2 nm"
    # Of a plane of 16384 pixels, the last one may lie a hundredth of a pixel off at most.
    assert form.job(read_layer(layer)).pixel_size == pytest.approx(6500 / 63, rel=0.01 / 16384)
    form.pixel_size.setValue(103.3)
    assert form.job(read_layer(layer)).pixel_size == 103.3


def test_a_multiscale_layer_gives_its_finest_level(form, layers):
    levels = [np.zeros((32, 32), np.uint16), np.zeros((16, 16), np.uint16)]
    layer = Image(levels, multiscale=True)
    layers.append((layer.name, layer))
    form.layer.reset_choices()
    assert form.job(read_layer(layer)).data is levels[0]


def test_zero_is_shown_as_what_it_means(form):
    shown = [field.native.text() for field in (form.pixel_size, form.steps, form.tile)]
    assert shown == ["not known", "automatic", "automatic"]
    form.steps.value, form.tile.value = 4, 128
    assert (form.steps.native.text(), form.tile.native.text()) == ("4", "128")


def test_a_device_that_is_gone_becomes_the_automatic_choice(form):
    form.offer_devices([("Automatic", "auto"), ("CPU", "cpu"), ("GPU: A", "cuda")])
    form.set_device("cuda")
    assert form.device.value == "cuda"
    form.offer_devices([("Automatic", "auto"), ("CPU", "cpu")])
    assert form.device.value == "auto"
    form.set_device("cpu")
    form.offer_devices([("Automatic", "auto"), ("CPU", "cpu")])
    assert form.device.value == "cpu"


def test_a_long_layer_name_does_not_widen_the_dock(form, layers):
    width = form.sizeHint().width()
    layer = Image(np.zeros((9, 9)), name="a very long name, as microscopes give them, " * 5)
    layers.append((layer.name, layer))
    form.layer.reset_choices()
    assert form.sizeHint().width() == width


def test_a_model_of_one_s_own_is_among_the_choices(qtbot):
    form = Form(list, parts, Preferences(default_model="/models/mine.safetensors"))
    qtbot.addWidget(form)
    assert form.model.value == "/models/mine.safetensors"
    assert "default" in form.model.choices


def test_a_damaged_registry_does_not_keep_the_widget_from_opening(qtbot, monkeypatch):
    def fail() -> list[object]:
        raise ModelError("damaged")

    monkeypatch.setattr("napari_cvdm.models.list_models", fail)
    form = Form(list, parts, Preferences())
    qtbot.addWidget(form)
    assert form.model.choices == ("default",)


def test_what_was_used_last_is_what_the_form_begins_with(qtbot, form):
    form.draws.value, form.tile.value, form.device.value = 5, 128, "cpu"
    again = Form(list, parts, form.preferences())
    qtbot.addWidget(again)
    assert (again.quality.value, again.draws.value) == (CUSTOM, 5)
    assert (again.tile.value, again.device.value) == (128, "cpu")
    form.quality.value = PREVIEW
    again = Form(list, parts, form.preferences())
    qtbot.addWidget(again)
    assert again.preview
    assert not again.draws.enabled


@pytest.mark.parametrize("preset", [THOROUGH, STANDARD, PREVIEW])
def test_a_quality_that_is_named_sets_the_draws(qtbot, preset):
    form = Form(list, parts, Preferences(preset=preset.name, draws=5))
    qtbot.addWidget(form)
    assert form.quality.value is preset
    assert form.draws.value == (5 if preset.preview else preset.draws)  # kept for when there are draws
    assert form.draws.enabled != preset.preview


def test_resampling_is_offered_with_an_explanation_or_not_at_all(form):
    assert not form.wants_resampling
    form.set_mismatch("Your pixels are larger.", "Resample to 114 nm first")
    assert form.mismatch.isVisibleTo(form)
    assert not form.wants_resampling
    form.resample.setChecked(True)
    assert form.wants_resampling
    form.set_mismatch("", "")
    assert not form.wants_resampling  # the tick belongs to an offer that is gone


def test_the_offer_to_resample_is_seen_whole_in_narrow_docks_and_makes_the_form_no_wider(qtbot, form):
    least = form.minimumSizeHint().width()
    form.set_mismatch("Your pixels are larger.", "Resample to 113.8 nm first")
    assert form.minimumSizeHint().width() == least
    form.setStyleSheet("QCheckBox {font-size: 16pt}")
    form.show()
    for width, words in ((600, "Resample to 113.8 nm first"), (270, "Resample to 113.8 nm\nfirst")):
        form.resize(width, 900)
        qtbot.wait(50)
        assert form.resample.text() == words
        assert form.resample.sizeHint().width() <= form.resample.width()


def test_every_field_can_be_reached_by_its_label(form):
    fields = (form.layer, form.part, form.pixel_size, form.model, form.quality, form.draws, form.device)
    buddies = {
        label.text(): label.buddy() for label in form.findChildren(QLabel) if label.buddy() is not None
    }
    for field in fields:
        assert buddies[field.label] is field.native
        assert field.native.accessibleName() == field.label


def test_every_field_explains_itself(form):
    for field in (
        form.layer,
        form.part,
        form.pixel_size,
        form.model,
        form.keep_draws,
        form.quality,
        form.draws,
        form.device,
        form.seed,
        form.steps,
        form.tile,
    ):
        assert field.native.toolTip(), field.label
        assert form.isAncestorOf(field.native)


def test_everything_that_the_form_says_is_in_it(form):
    for words in (form.understood, form.pixel_size_origin, form.mismatch, form.model_notes, form.plan):
        assert form.isAncestorOf(words)


def test_labels_are_above_their_fields_in_a_narrow_dock(form, qtbot):
    form.show()
    label = next(each for each in form.findChildren(QLabel) if each.text() == "Quality")
    field = form.quality.native
    for width, above in ((240, True), (400, False), (240, True)):
        form.resize(width, 900)
        qtbot.waitUntil(
            lambda above=above: (label.y() + label.height() <= field.y()) == above, timeout=10_000
        )
        assert form.minimumSizeHint().width() <= width
    for size, widths in (("9pt", ((290, False), (230, True))), ("16pt", ((700, False), (340, True)))):
        form.setStyleSheet(f"QWidget {{ font-size: {size}; }}")  # as napari's settings do
        for width, above in widths:
            form.resize(width, 900)
            qtbot.waitUntil(
                lambda above=above: (label.y() + label.height() <= field.y()) == above, timeout=10_000
            )
            assert form.minimumSizeHint().width() <= width


def test_the_wheel_sets_nothing_while_the_form_is_scrolled(form, layers, turn_wheel):
    for name in "ab":
        layers.append((name, Image(np.zeros((9, 9)), name=name)))
    form.layer.reset_choices()
    page = Page(form)
    page.show()
    form.clearFocus()
    kinds = (QComboBox, QAbstractSpinBox, QAbstractSlider)
    fields = [each for kind in kinds for each in form.findChildren(kind) if not isinstance(each, QScrollBar)]
    assert len(fields) >= 10
    for field in fields:
        assert not turn_wheel(field), field.accessibleName()
    form.setParent(None)


def test_tab_goes_from_the_image_to_its_questions_and_on_to_the_part(form):
    reading = read_layer(Image(np.zeros((5, 9, 9))))
    form.inquiry.ask(reading)
    field = form.layer.native
    met = []
    while field is not form.part.native:
        met.append(field)
        field = field.nextInFocusChain()
    assert form.inquiry.roles[0] in met


def test_what_is_below_the_form_stays_where_it_is_when_words_come(qtbot):
    button, words = QPushButton("Restore"), note()
    page = Page(Form(list, parts, Preferences()), stacked(button, words))
    qtbot.addWidget(page)
    page.resize(345, 1400)
    page.show()
    qtbot.waitExposed(page)

    def height_of_button() -> int:
        qtbot.wait(20)
        return button.mapTo(page, button.rect().topLeft()).y()

    before = height_of_button()
    for said in ("One line.", "Three\nlines\nof it."):
        words.setText(said)
        assert height_of_button() == before

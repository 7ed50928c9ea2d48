"""The form says what its settings mean for the image, and keeps saying it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Shapes
from qtpy.QtCore import QObject

from napari_cvdm.plugin.image.subject import Subject
from napari_cvdm.plugin.panel import advice as module
from napari_cvdm.plugin.panel.advice import Advice
from napari_cvdm.plugin.panel.form import Form
from napari_cvdm.plugin.running.claim import Claim
from napari_cvdm.plugin.running.planning import part_choices
from napari_cvdm.plugin.running.runs import Runs, Waiting
from napari_cvdm.plugin.viewer.preferences import Preferences
from napari_cvdm.plugin.viewer.world import Sliders

Make = Callable[..., SimpleNamespace]


@pytest.fixture
def make(qtbot, small_model, monkeypatch, wait_for_workers):
    card = replace(small_model.card, pixel_size_nm=(40.0, 100.0))
    monkeypatch.setattr(module, "read_card", lambda name: card)
    owner = QObject()

    def make(layer: Image, *shapes: Shapes) -> SimpleNamespace:
        subject = Subject(owner)
        form = Form(lambda: [("cell", layer)], lambda: part_choices(subject.reading, shapes), Preferences())
        qtbot.addWidget(form)
        runs = Runs(ViewerModel(), owner)
        advice = Advice(form, subject, lambda: Sliders((0.0,) * layer.ndim), runs, owner)
        subject.set_layer(layer)
        form.part.reset_choices()
        advice.show_match()
        return SimpleNamespace(form=form, advice=advice, subject=subject, runs=runs)

    yield make
    wait_for_workers()
    owner.deleteLater()


@pytest.mark.parametrize(("size", "offer"), [(65, ""), (0, ""), (150, "100 nm"), (20, "40 nm")])
def test_a_pixel_size_that_the_model_does_not_know_is_explained(make, size, offer):
    page = make(Image(np.eye(60, dtype=np.uint16)))
    page.form.pixel_size.setValue(size)
    page.advice.show_match()
    assert page.form.resample.isVisibleTo(page.form) == bool(offer)
    assert page.form.mismatch.isVisibleTo(page.form) == bool(offer)
    assert offer in page.form.resample.text()


def test_what_resampling_cannot_mend_is_said_without_an_offer(make):
    page = make(Image(np.eye(60, dtype=np.uint16)))
    page.form.pixel_size.setValue(5000)
    page.advice.show_match()
    assert "Check the pixel size" in page.form.mismatch.text()
    assert not page.form.resample.isVisibleTo(page.form)


def test_the_plan_follows_the_form(qtbot, make, use_small_model):
    page = make(Image(np.stack([np.eye(60, dtype=np.uint16)] * 5)))
    assert page.form.plan.text().startswith("5 planes of 60 × 60 pixels")
    assert "CPU" not in page.form.plan.text()
    page.form.part.value = "plane"
    assert page.form.plan.text().startswith("1 plane of")
    page.advice.measure()
    assert "Measuring the time" in page.form.plan.text()
    qtbot.waitUntil(lambda: "on the CPU" in page.form.plan.text(), timeout=60_000)


def test_what_a_model_needs_to_be_told_is_told(make, small_model, monkeypatch):
    page = make(Image(np.eye(60, dtype=np.uint16)))
    assert page.form.model_notes.isHidden()
    architecture = {"kind": "cvdm-reference", "training_size": 64}
    published = replace(small_model.card, architecture=architecture)
    monkeypatch.setattr(module, "read_card", {"published": published}.get)
    page.form.model.choices = [*page.form.model.choices, "published"]
    page.form.model.value = "published"
    assert "tiles of 64 pixels" in page.form.model_notes.text()


def test_a_model_that_is_not_here_is_not_fetched_to_be_measured_and_knows_no_pixel_size(make, monkeypatch):
    page = make(Image(np.eye(60, dtype=np.uint16)))
    monkeypatch.setattr(module, "read_card", lambda name: None)
    page.form.pixel_size.setValue(300)
    page.advice.show_match()
    assert page.form.mismatch.text() == ""
    page.advice.measure()
    assert page.form.plan.text().startswith("1 plane of 60 × 60 pixels")
    assert "Measuring" not in page.form.plan.text()


def test_without_an_image_there_is_no_plan(make):
    page = make(Image(np.zeros((4, 60), np.uint16)))
    assert page.advice.refusal
    page.subject.set_layer(None)
    page.advice.show_plan()
    assert (page.advice.refusal, page.form.plan.text()) == ("", "")


def too_large(page: SimpleNamespace) -> bool:
    return bool(page.advice.shortage(page.advice.plan(page.subject.reading)))


def test_a_run_that_does_not_fit_in_memory_goes_to_disk_and_that_is_said(make, monkeypatch):
    page = make(Image(np.eye(60, dtype=np.uint16)))
    assert not too_large(page)
    assert "disk" not in page.form.plan.text()
    monkeypatch.setattr(module, "free_memory", lambda: 1000)
    page.advice.show_plan()
    assert too_large(page)
    assert "than is free: the result will be written to disk" in page.form.plan.text()


def test_runs_before_it_leave_less_memory_until_they_are_taken_out(make, monkeypatch):
    page = make(Image(np.eye(60, dtype=np.uint16)))
    needed = page.advice.plan(page.subject.reading).memory
    monkeypatch.setattr(module, "free_memory", lambda: needed + 1000)
    run = SimpleNamespace(job=SimpleNamespace(claim=Claim(1000)), cancelling=False, discard=lambda: None)
    page.runs.waiting.append(Waiting(run, "one", ""))
    page.runs.changed.emit()
    assert not too_large(page)
    assert "disk" not in page.form.plan.text()
    page.runs.waiting.append(Waiting(run, "another", ""))
    page.runs.changed.emit()
    assert too_large(page)
    assert "the runs before it leave free: queued now, the result will be written" in page.form.plan.text()
    page.runs.take_out(0)
    assert "disk" not in page.form.plan.text()


def test_resampling_counts_in_the_plan_and_against_the_memory(make, monkeypatch):
    page = make(Image(np.eye(60, dtype=np.uint16)))
    page.form.pixel_size.setValue(300)
    page.advice.show_match()
    assert "60 × 60 pixels" in page.form.plan.text()
    monkeypatch.setattr(module, "free_memory", lambda: 2**20)
    assert not too_large(page)
    page.form.resample.setChecked(True)
    assert "180 × 180 pixels" in page.form.plan.text()
    assert too_large(page)
    page.form.resample.setChecked(False)
    assert "60 × 60 pixels" in page.form.plan.text()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (np.zeros((4, 60), np.uint16), "60 × 4 pixels; at least 8 × 8"),
        (np.zeros((60, 60), bool), "boolean mask"),
        (np.full((3, 60, 60), 7, np.uint16), "every pixel is 7"),
    ],
)
def test_what_no_run_could_restore_is_refused_before(make, data, words):
    page = make(Image(data))
    assert words in page.advice.refusal
    assert page.form.plan.text() == page.advice.refusal


@pytest.mark.parametrize("side", [8, 60])
def test_a_small_plane_or_one_with_a_single_spot_is_not_refused(make, side):
    spot = np.zeros((side, 60), np.uint16)
    spot[5, 33] = 900
    page = make(Image(spot))
    assert page.advice.refusal == ""


def test_the_plan_follows_the_rectangle_that_is_drawn_and_selected(make):
    shapes = Shapes(ndim=2, name="roi")
    page = make(Image(np.eye(60, dtype=np.uint16)), shapes)
    page.form.part.value = shapes
    assert "no shape in 'roi'" in page.advice.refusal
    shapes.add(np.array([[0, 0], [0, 19], [29, 19], [29, 0]]), shape_type="rectangle")
    assert page.advice.refusal == ""
    assert "20 × 30 pixels" in page.form.plan.text().replace("\u00a0", " ")
    shapes.add(np.array([[0, 0], [0, 39], [9, 39], [9, 0]]), shape_type="rectangle")
    shapes.selected_data = {0}
    plan = page.form.plan.text().replace("\u00a0", " ")
    assert "20 × 30 pixels" in plan
    assert "the selected one counts" in plan
    page.advice.close()
    shapes.data = []
    assert page.form.plan.text().replace("\u00a0", " ") == plan

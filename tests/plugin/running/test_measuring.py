"""Speeds are measured once, in the background, and failures wait for the run to tell."""

from __future__ import annotations

import threading

import pytest
from qtpy.QtCore import QObject

import napari_cvdm
from napari_cvdm.models import ModelError
from napari_cvdm.plugin.running import measuring as module
from napari_cvdm.plugin.running.measuring import Measuring


@pytest.fixture
def measuring(qtbot, wait_for_workers):
    owner = QObject()
    yield Measuring(owner)
    wait_for_workers()
    owner.deleteLater()


def test_a_speed_is_measured_and_kept(qtbot, measuring, use_small_model):
    assert measuring.speed("default", "cpu", "auto") is None
    with qtbot.waitSignal(measuring.measured, timeout=60_000):
        measuring.measure("default", "cpu", "auto")
        assert measuring.busy
    assert measuring.speed("default", "cpu", "auto").step > 0
    assert measuring.speed("default", "cpu", 64) is None
    measuring.measure("default", "cpu", "auto")
    assert not measuring.busy  # what is known is not measured again


def test_what_cannot_be_measured_is_not_tried_again_and_not_said(qtbot, measuring, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise ModelError("damaged")

    monkeypatch.setattr(napari_cvdm, "load_model", fail, raising=False)
    with qtbot.waitSignal(measuring.measured, timeout=60_000):
        measuring.measure("default", "cpu", "auto")
    assert measuring.speed("default", "cpu", "auto") is None
    measuring.measure("default", "cpu", "auto")
    assert not measuring.busy


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_is_heard_of_it_once_the_panel_is_gone(qtbot, monkeypatch, fails, wait_for_workers):
    go_on = threading.Event()

    def measure(*_: object) -> object:
        go_on.wait(30)
        if fails:
            raise ModelError("damaged")
        return object()

    monkeypatch.setattr(module, "_measure", measure)
    owner = QObject()
    measuring = Measuring(owner)
    measuring.measure("default", "cpu", "auto")
    with qtbot.waitSignal(owner.destroyed, timeout=10_000):
        owner.deleteLater()
    with qtbot.captureExceptions() as raised:
        go_on.set()
        wait_for_workers()
        qtbot.wait(20)  # what the worker sent arrives
    assert raised == []


def test_a_run_comes_first(qtbot, measuring, use_small_model, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()

    def load_model(*_: object, **__: object) -> object:
        begun.set()
        go_on.wait(60)
        return use_small_model

    monkeypatch.setattr(napari_cvdm, "load_model", load_model)
    with qtbot.waitSignal(measuring.measured, timeout=60_000):
        measuring.measure("default", "cpu", "auto")
        qtbot.waitUntil(begun.is_set, timeout=60_000)
        measuring.give_up()
        go_on.set()
    assert not measuring.busy
    assert measuring.speed("default", "cpu", "auto") is None
    with qtbot.waitSignal(measuring.measured, timeout=60_000):
        measuring.measure("default", "cpu", "auto")  # what was given up is measured when there is time
    assert measuring.speed("default", "cpu", "auto") is not None


def test_a_model_that_is_chosen_meanwhile_is_measured_next(qtbot, measuring, monkeypatch):
    measured, go_on = [], threading.Event()

    def measure(model: str, *_: object) -> str:
        measured.append(model)
        assert go_on.wait(30)
        return f"that of {model}"

    monkeypatch.setattr(module, "_measure", measure)
    measuring.measure("one", "cpu", "auto")
    for _ in range(2):  # the user goes on from field to field
        measuring.measure("other", "cpu", "auto")
    go_on.set()
    qtbot.waitUntil(lambda: measuring.speed("other", "cpu", "auto") == "that of other", timeout=30_000)
    assert measuring.speed("one", "cpu", "auto") is None
    assert measured == ["one", "other"]
    assert not measuring.busy

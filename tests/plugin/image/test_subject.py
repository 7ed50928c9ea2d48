"""The chosen layer is read whenever it changes, and what the user said of it is remembered."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import tifffile
from napari.layers import Image
from napari.layers._source import Source, layer_source
from qtpy.QtCore import QObject

from napari_cvdm.plugin.image.answers import Answers
from napari_cvdm.plugin.image.pixel_sizes import NOT_KNOWN
from napari_cvdm.plugin.image.subject import Subject
from napari_cvdm.plugin.stored.saving import save_layers


@pytest.fixture
def subject(qapp):
    owner = QObject()
    subject = Subject(owner)
    yield subject
    subject.close()
    owner.deleteLater()


def test_changes_of_the_layer_are_noticed(qtbot, subject):
    layer = Image(np.zeros((3, 9, 9)))
    assert subject.set_layer(layer)
    assert not subject.set_layer(layer)
    assert subject.reading.axes == "QYX"
    with qtbot.waitSignal(subject.changed, timeout=10_000):
        layer.axis_labels = ("t", "y", "x")
    assert subject.reading.axes == "TYX"


def test_the_same_layer_is_not_read_again(subject):
    layer = Image(np.zeros((3, 9, 9)))
    subject.set_layer(layer)
    heard: list[int] = []
    subject.changed.connect(lambda: heard.append(1))
    subject.set_layer(layer)
    assert heard == []


def test_a_layer_that_was_left_is_not_listened_to(subject):
    first, second = Image(np.zeros((3, 9, 9))), Image(np.zeros((9, 9)))
    subject.set_layer(first)
    subject.set_layer(second)
    heard: list[int] = []
    subject.changed.connect(lambda: heard.append(1))
    first.scale = (2, 2, 2)
    assert heard == []
    subject.set_layer(None)
    assert (subject.reading, subject.answers) == (None, Answers())


def test_a_pixel_size_that_the_user_has_set_tells_what_it_would_be_otherwise(subject):
    subject.set_layer(Image(np.zeros((9, 9)), scale=(0.065, 0.065), units=("um", "um")))
    assert subject.pixel_size == (65, "from the layer")
    subject.set_pixel_size(650)
    assert subject.pixel_size == (650, "set by you; 65 nm from the layer")
    subject.set_pixel_size(0)
    assert subject.pixel_size == (None, NOT_KNOWN)
    for nothing in ({}, {"units": ("mm", "mm")}):
        subject.set_layer(Image(np.zeros((9, 9)), **nothing))
        subject.set_pixel_size(650)
        assert subject.pixel_size == (650, "set by you")
    subject.set_layer(None)
    assert subject.pixel_size == (None, "")


def test_answers_belong_to_their_layer(subject):
    first, second = Image(np.zeros((3, 9, 9))), Image(np.zeros((4, 9, 9)))
    subject.set_layer(first)
    said = Answers({0: "Z"}, "channels", {0: (True, False, True)})
    subject.answer(said)
    subject.set_pixel_size(200.0)
    assert subject.reading.axes == "ZYX"
    subject.set_layer(second)
    assert (subject.reading.axes, subject.answers, subject.pixel_size[0]) == ("QYX", Answers(), None)
    subject.set_layer(first)
    assert (subject.reading.axes, subject.answers, subject.pixel_size[0]) == ("ZYX", said, 200.0)
    assert subject.understood.axes == "QYX"  # what is asked does not depend on the answer


def test_the_panel_that_is_opened_next_knows_the_answers(subject):
    layer = Image(np.zeros((3, 9, 9)))
    subject.set_layer(layer)
    subject.answer(Answers({0: "Z"}))
    subject.set_pixel_size(200.0)
    owner = QObject()
    later = Subject(owner)
    later.set_layer(layer)
    assert (later.reading.axes, later.pixel_size[0]) == ("ZYX", 200.0)
    later.close()
    owner.deleteLater()


def test_answers_do_not_outlive_the_axes_they_were_given_for(subject):
    layer = Image(np.zeros((2, 3, 4, 9, 9)))
    subject.set_layer(layer)
    subject.answer(Answers({0: "T", 2: "C"}, ticks={2: (True, False, True, True)}))
    layer.data = layer.data[0, 0]
    assert subject.reading.axes == "QYX"
    assert subject.answers == Answers()
    layer.data = np.zeros((2, 3, 4, 9, 9))
    assert subject.reading.axes == "TQCYX"


def test_layers_are_not_kept_alive(subject):
    layer = Image(np.zeros((3, 9, 9)))
    subject.set_layer(layer)
    subject.answer(Answers({0: "Z"}))
    subject.set_pixel_size(200.0)
    subject.set_layer(None)
    subject.set_pixel_size(100.0)  # of no layer
    subject.answer(Answers({0: "T"}))
    kept = weakref.ref(layer)
    del layer
    gc.collect()
    assert kept() is None


def test_a_file_written_anew_under_its_name_is_read_anew(qtbot, subject, tmp_path):
    path = tmp_path / "cell.tif"

    def opened(shape: tuple[int, ...], axes: str, micrometres: float) -> Image:
        metadata = {"axes": axes, "PhysicalSizeX": micrometres, "PhysicalSizeXUnit": "µm"}
        metadata |= {"PhysicalSizeY": micrometres, "PhysicalSizeYUnit": "µm"}
        tifffile.imwrite(path, np.zeros(shape, np.uint16), ome=True, metadata=metadata)
        layer = Image(np.zeros(shape, np.uint16))
        layer._source = Source(path=str(path))
        return layer

    def understood() -> tuple[str, float | None]:
        return subject.reading.axes, subject.reading.pixel_size

    first = opened((3, 16, 16), "TYX", 0.1)
    subject.set_layer(first)
    qtbot.waitUntil(lambda: understood() == ("TYX", 100), timeout=10_000)
    second = opened((3, 16, 16), "ZYX", 0.05)
    subject.set_layer(second)
    qtbot.waitUntil(lambda: understood() == ("ZYX", 50), timeout=10_000)
    subject.set_layer(first)  # whose pixels are those of the old file
    assert understood() == ("TYX", 100)


def test_a_saved_layer_without_a_size_is_not_given_that_of_another(qtbot, subject, tmp_path):
    fine = Image(np.zeros((9, 9)), name="fine", scale=(0.03, 0.03), units=("um", "um"))
    other = Image(np.zeros((9, 9)), name="other")
    path = save_layers(tmp_path / "two.ome.tif", [layer.as_layer_data_tuple() for layer in (fine, other)])
    with layer_source(path=str(path), reader_plugin="napari-cvdm"):
        layer = Image(np.zeros((9, 9)), name="other")
    with qtbot.waitSignals([subject.changed] * 2, timeout=10_000):  # at once, and when the file is read
        subject.set_layer(layer)
    assert subject.reading.path == path
    assert subject.reading.pixel_size is None

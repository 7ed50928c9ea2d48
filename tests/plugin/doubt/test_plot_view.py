"""Plots are drawn off the GUI thread, in the theme's colours, and saved as asked."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from napari_cvdm.assessment.doubt_figures import draw_histogram, histogram_of
from napari_cvdm.plugin.doubt.plot_view import Plot, PlotView


@pytest.fixture
def drawn_in() -> list[int]:
    return []


@pytest.fixture
def plot(drawn_in) -> Plot:
    histogram = histogram_of(np.linspace(0, 10, 100))

    def draw(style):
        drawn_in.append(threading.get_ident())
        return draw_histogram(histogram, 3.0, style, "σ")

    return Plot(draw, histogram.columns(), "cell histogram")


@pytest.fixture
def view(qtbot, wait_for_workers):
    view = PlotView("Nothing yet.")
    qtbot.addWidget(view)
    view.resize(260, 240)
    view.show()
    yield view
    wait_for_workers()
    qtbot.wait(20)


@pytest.fixture
def answer(monkeypatch, tmp_path: Path):
    """What the user answers when asked for a file."""

    def answer(name: str, kind: str) -> Path:
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (str(tmp_path / name), kind))
        return tmp_path / name

    return answer


def test_a_plot_is_drawn_in_another_thread_at_the_size_of_the_widget(view, plot, drawn_in, qtbot):
    assert not view.save_picture.isEnabled()
    view.show_plot(plot)
    qtbot.waitUntil(lambda: view.canvas.drawn, timeout=60_000)
    assert threading.get_ident() not in drawn_in
    assert view.canvas.pixmap().width() == pytest.approx(
        view.canvas.width() * view.canvas.devicePixelRatioF(), abs=2
    )
    view.resize(400, 240)
    qtbot.waitUntil(lambda: view.canvas.pixmap().width() > 300, timeout=30_000)


def test_a_plot_is_enlarged_with_the_type_of_the_panel(view, plot, qtbot):
    styles = []

    def draw(style):
        styles.append(style)
        return plot.draw(style)

    view.show_plot(replace(plot, draw=draw))
    qtbot.waitUntil(lambda: bool(styles), timeout=60_000)
    height = view.canvas.height()
    view.setStyleSheet("QLabel { font-size: 26px; }")
    qtbot.waitUntil(lambda: styles[-1].ratio == 2 * styles[0].ratio, timeout=60_000)
    assert styles[-1].width == styles[0].width / 2
    assert view.canvas.height() == 2 * height


def test_hidden_plots_are_not_drawn_before_they_are_seen(view, plot, drawn_in, qtbot):
    view.hide()
    view.show_plot(plot)
    qtbot.wait(150)
    assert drawn_in == []
    view.show()
    qtbot.waitUntil(lambda: view.canvas.drawn, timeout=60_000)


def test_words_take_the_place_of_a_plot(view, plot, qtbot):
    view.show_plot(plot)
    qtbot.waitUntil(lambda: view.canvas.drawn, timeout=60_000)
    view.show_plot(None, "The line has no length.")
    assert not view.canvas.drawn
    assert view.canvas.text() == "The line has no length."
    view.canvas.grab()


@pytest.mark.parametrize(
    ("name", "kind"), [("a.png", "PNG picture (*.png)"), ("a.png", "SVG drawing (*.svg)")]
)
def test_the_picture_is_saved_in_the_chosen_kind(view, plot, answer, qtbot, name, kind, wait_for_workers):
    view.show_plot(plot)
    path = answer(name, kind)
    path = path.with_suffix(".svg" if "svg" in kind else ".png")
    qtbot.mouseClick(view.save_picture, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(path.exists, timeout=60_000)
    wait_for_workers()
    if path.suffix == ".png":
        with Image.open(path) as picture:
            assert picture.width == 1000
    else:
        assert "</svg>" in path.read_text(encoding="utf-8")


def test_the_numbers_are_saved_as_a_table(view, plot, answer, qtbot, wait_for_workers):
    view.show_plot(plot)
    path = answer("table", "Comma-separated values (*.csv)").with_suffix(".csv")
    qtbot.mouseClick(view.save_numbers, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(path.exists, timeout=60_000)
    wait_for_workers()
    table = np.genfromtxt(path, delimiter=",", skip_header=1)
    assert table[:, 2].sum() == 100


@pytest.mark.parametrize("closed", [False, True])
def test_a_failure_to_save_is_reported_even_when_the_panel_was_closed_meanwhile(
    plot, tmp_path, monkeypatch, qtbot, closed
):
    told, view, go_on = [], PlotView("Nothing yet."), threading.Event()

    def fill_disk(*_: object) -> None:
        go_on.wait(30)
        raise OSError("The disk is full.")

    monkeypatch.setattr("napari_cvdm.plugin.doubt.plot_view.write_csv", fill_disk)
    monkeypatch.setattr("napari.utils.notifications.show_error", told.append)
    view.show_plot(plot)
    view.write(tmp_path / "a.csv")
    if closed:
        with qtbot.waitSignal(view.destroyed, timeout=10_000):
            view.deleteLater()
    go_on.set()
    qtbot.waitUntil(lambda: bool(told), timeout=30_000)
    assert told == [
        f"Not saved: {tmp_path / 'a.csv'} cannot be written: The disk is full. Choose another folder or name."
    ]


def test_all_that_is_saved_in_quick_succession_is_written(view, plot, qtbot, tmp_path, wait_for_workers):
    view.show_plot(plot)
    paths = [tmp_path / name for name in ("a.csv", "b.csv", "c.csv")]
    for path in paths:
        view.write(path)
    wait_for_workers()
    assert all(path.exists() for path in paths)


def test_saying_no_saves_nothing(view, plot, monkeypatch, qtbot, tmp_path):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: ("", ""))
    view.show_plot(plot)
    qtbot.mouseClick(view.save_numbers, Qt.MouseButton.LeftButton)
    assert list(tmp_path.iterdir()) == []

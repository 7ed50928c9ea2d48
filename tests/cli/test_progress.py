from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Literal

import pytest
from rich.console import Console

from napari_cvdm.cli.progress import ProgressDisplay
from napari_cvdm.restoration.events import Event

DRAWS, STEPS, PLANES = 2, 4, 3


def event(
    stage: Literal["mean", "refine", "denoise", "draw"], fraction: float = 0.5, **changes: int
) -> Event:
    values = {"plane": 1, "planes": PLANES, "draw": 0, "draws": DRAWS, "step": 3, "steps": STEPS, **changes}
    return Event(stage=stage, fraction=fraction, **values)


@pytest.fixture(autouse=True)
def capable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what pretends to be a terminal be one that can move its cursor, wherever the tests run."""
    monkeypatch.setenv("TERM", "xterm")


@pytest.fixture
def events() -> list[Event]:
    found = [event("mean", 0.01 * plane, plane=plane) for plane in range(PLANES)]
    total = PLANES * DRAWS * STEPS
    for number in range(total):
        plane, rest = divmod(number, DRAWS * STEPS)
        draw, step = divmod(rest, STEPS)
        found.append(event("denoise", (number + 1) / total, plane=plane, draw=draw, step=step + 1))
    return [*found, Event("done", PLANES - 1, PLANES, DRAWS - 1, DRAWS, STEPS, STEPS, 1.0)]


def follow(events: Iterable[Event], label: str, console: Console | None = None) -> None:
    with ProgressDisplay(console) as display:
        for each in events:
            display.show(label, each)


def test_the_result_comes_back_and_plain_lines_are_few(events: list[Event]) -> None:
    console = Console(file=io.StringIO(), width=40)
    follow(events, "[cells].tif", console)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert 8 <= len(lines) <= 12
    assert all(line.startswith("[cells].tif: ") for line in lines)
    assert "about" in lines[4]
    assert "s left" in lines[4]
    assert lines[-1].startswith("[cells].tif: 100 %")
    assert not any("\x1b" in line or "\r" in line for line in lines)


def test_a_restoration_may_be_a_part_of_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 130.0])  # a quarter takes 30 s
    monkeypatch.setattr("napari_cvdm.cli.progress.time", SimpleNamespace(monotonic=clock.__next__))
    console = Console(file=io.StringIO())
    with ProgressDisplay(console) as display:
        display.show("b", event("mean", 0.9), 0.25)
    line = console.file.getvalue()  # type: ignore[attr-defined]
    assert line.startswith("b: 25 %, ")
    assert line.endswith(", about 90 s left\n")


def test_a_terminal_gets_a_bar(events: list[Event]) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    follow(events, "[cells].tif", console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b" in shown
    assert "[cells].tif" in shown
    assert "100%" in shown


def test_a_terminal_that_can_only_print_lines_gets_lines(
    events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")  # such as a shell within Emacs
    console = Console(file=io.StringIO(), force_terminal=True)
    follow(events, "x", console)
    assert 8 <= len(console.file.getvalue().splitlines()) <= 12  # type: ignore[attr-defined]


def test_a_job_that_is_refused_at_once_leaves_no_bar() -> None:
    def last_words(events: list[Event]) -> str:
        console = Console(file=io.StringIO(), force_terminal=True, width=120)
        follow(events, "x", console)
        shown: str = console.file.getvalue()  # type: ignore[attr-defined]
        return shown[shown.rindex("\x1b[?25h") :]

    erased = "\x1b[1A\x1b[2K"  # the line above
    assert erased in last_words([])
    assert erased not in last_words([event("mean")])


@pytest.mark.parametrize("terminal", [True, False])
def test_what_a_restoration_raises_passes_through(terminal: bool, events: list[Event]) -> None:
    def interrupted() -> Iterator[Event]:
        yield from events[:3]
        raise KeyboardInterrupt

    console = Console(file=io.StringIO(), force_terminal=terminal)
    with pytest.raises(KeyboardInterrupt):
        follow(interrupted(), "x", console)


def test_progress_goes_to_stderr(events: list[Event], capsys: pytest.CaptureFixture[str]) -> None:
    follow(events, "x")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "x: 50 %" in captured.err


def test_without_a_terminal_there_is_no_empty_line(
    events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rich.progress.Progress.stop", lambda bar: bar.console.print())  # as before rich 14.3
    console = Console(file=io.StringIO())
    follow(events, "x", console)
    assert all(console.file.getvalue().splitlines())  # type: ignore[attr-defined]

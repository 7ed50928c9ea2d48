from __future__ import annotations

import io

import pytest
from rich.console import Console

from napari_cvdm.cli.downloading import DownloadDisplay


def test_plain_lines_are_few_and_count_each_byte_once() -> None:
    console = Console(file=io.StringIO(), width=40)
    with DownloadDisplay("[net]", console) as display:
        display.reset()
        display.total = 4_000_000
        for _ in range(40):
            display.update(100_000)
        display.close()
    assert display.received == 4_000_000
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines == [f"[net]: {percent} % of 4.0 MB" for percent in (25, 50, 75, 100)]


def test_a_second_attempt_starts_from_zero() -> None:
    with DownloadDisplay("net", Console(file=io.StringIO())) as display:
        display.total = 100
        display.update(60)
        display.reset()
        display.update(100)
    assert display.received == 100


def test_a_terminal_that_can_only_print_lines_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    console = Console(file=io.StringIO(), force_terminal=True)
    with DownloadDisplay("net", console) as display:
        display.total = 1_000_000
        display.update(display.total)
    assert console.file.getvalue() == "net: 100 % of 1.0 MB\n"  # type: ignore[attr-defined]


def test_a_terminal_gets_a_bar_once_something_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with DownloadDisplay("[net]", console) as display:
        display.update(0)  # the chance to cancel, while an answer is waited for
    assert console.file.getvalue() == ""  # type: ignore[attr-defined]
    with DownloadDisplay("[net]", console) as display:
        display.total = 100
        display.update(60)
        display.update(40)
        display.close()
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "[net]" in shown
    assert "100/100 bytes" in shown
    assert "\x1b[?25h" in shown  # the cursor is seen again


def test_a_file_of_unknown_size_shows_no_share() -> None:
    console = Console(file=io.StringIO())
    with DownloadDisplay("net", console) as display:
        display.update(1000)
    assert console.file.getvalue() == ""  # type: ignore[attr-defined]


def test_without_a_terminal_there_is_no_empty_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rich.progress.Progress.stop", lambda bar: bar.console.print())  # as before rich 14.3
    console = Console(file=io.StringIO())
    with DownloadDisplay("net", console):
        pass
    assert console.file.getvalue() == ""  # type: ignore[attr-defined]

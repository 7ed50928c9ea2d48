"""Progress of downloads: a bar in a terminal, a few plain lines where there is none."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn


class DownloadDisplay:
    """Shows on stderr how far a download is; nothing appears while nothing is downloaded.

    A context manager: leaving it restores the terminal. It follows pooch's protocol of progress displays.

    Parameters
    ----------
    label : str
        What is downloaded.
    console : rich.console.Console, optional
        Where to show it; by default stderr. If it is no terminal, there is a line for each quarter.

    Attributes
    ----------
    total : int
        Bytes of the file; 0 while that is not known.
    received : int
        Bytes that have arrived.
    """

    def __init__(self, label: str, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self.label = label
        self.total = 0
        self.received = 0
        self._quarter = 0
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_interactive,
        )
        self._task = self._bar.add_task(label, total=None, start=False)

    def __enter__(self) -> DownloadDisplay:
        """Get ready; the bar appears with the first byte."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""
        if self.console.is_interactive:  # without one, rich before 14.3 would print an empty line
            self._bar.stop()

    def update(self, amount: int) -> None:
        """Note that `amount` more bytes have arrived."""
        if not self.received and amount:
            self._bar.start()
            self._bar.start_task(self._task)
        self.received += amount
        self._bar.update(self._task, total=self.total or None, completed=self.received)
        quarter = 4 * self.received // self.total if self.total else 0
        if quarter > self._quarter and not self.console.is_interactive:
            self._quarter = quarter
            line = f"{self.label}: {25 * quarter} % of {self.total / 1e6:.1f} MB"
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def reset(self) -> None:
        """Start again from zero, because the server is asked again."""
        self.received = self._quarter = 0

    def close(self) -> None:
        """Note that everything has arrived; the last update has shown it."""
